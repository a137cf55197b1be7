"""Passwords of the database roles in `grants.sql`, from the secrets by which the functions connect as them."""

import base64
import hashlib
import hmac
import json
import os
from typing import Any

from state.database import Database

ROUNDS = 4096


def set_passwords(database: Database, secrets: Any, names: list[str]) -> None:
    """Gives each role the password that its secret has. The database gets the verifier only, so that no log of statements has the password."""
    for name in names:
        secret = json.loads(secrets.get_secret_value(SecretId=name)["SecretString"])
        role = secret["username"].replace('"', '""')
        database.execute(f"""ALTER ROLE "{role}" PASSWORD '{verifier(secret["password"], os.urandom(16))}'""")


def verifier(password: str, salt: bytes) -> str:
    """What PostgreSQL keeps of a password (RFC 5803), of letters and digits."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, ROUNDS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    salt_text, stored_text, server_text = (base64.b64encode(each).decode() for each in (salt, stored, server))
    return f"SCRAM-SHA-256${ROUNDS}:{salt_text}${stored_text}:{server_text}"
