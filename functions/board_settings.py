"""What the hosted board is told by its template."""

import json
import os
from dataclasses import dataclass
from functools import cache
from typing import Any

SCOPES = {"GET": "headgate/read", "POST": "headgate/operate"}  # as the routes of board/template.yaml have them


@dataclass(frozen=True)
class Settings:
    """`claim` names the claim that says of which domains somebody may see and change the products; empty: of all. `permissions` say for its values which domains these are,
    {value: {"read": [domain], "operate": [domain]}}; without them the values are domains."""

    issuer: str
    client_id: str
    scope_prefix: str
    token_origin: str
    claim: str
    permissions: dict[str, Any]
    bucket: str
    partition: str

    def about(self) -> dict[str, Any]:
        """What the page needs to sign in."""
        scopes = ["openid", "profile", *(f"{self.scope_prefix}{each}" for each in SCOPES.values())]
        return {"issuer": self.issuer, "client_id": self.client_id, "scope": " ".join(scopes)}

    def origins(self) -> str:
        """Whom the page asks besides this board: the issuer, and where its tokens come from."""
        found = ["/".join(each.split("/")[:3]) for each in (self.issuer, self.token_origin) if each]
        return " ".join(dict.fromkeys(found))


@cache
def settings() -> Settings:
    return Settings(
        issuer=os.environ["BOARD_ISSUER"],
        client_id=os.environ["BOARD_CLIENT_ID"],
        scope_prefix=os.environ["BOARD_SCOPE_PREFIX"],
        token_origin=os.environ["BOARD_TOKEN_ORIGIN"],
        claim=os.environ["BOARD_CLAIM"],
        permissions=json.loads(os.environ["BOARD_PERMISSIONS"] or "{}"),
        bucket=os.environ["SNAPSHOTS_BUCKET"],
        partition=os.environ["BOARD_PARTITION"],
    )
