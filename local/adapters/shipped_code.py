"""Code that ships with products, run as on AWS: fetched from the bucket by the role of the work, and with what that role allows."""

from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path

from ministack.core.responses import get_account_id
from ministack.services import s3, sts

from headgate.local.adapters.permissions import granted
from headgate.local.adapters.settings import Settings

HOOKS = ("s3:_get_object_data", "sts:register_session")
S3 = "s3://"


def install(settings: Settings) -> None:
    """Nothing is replaced: step types call the functions below."""


def fetched(settings: Settings, role: str, place: str) -> Path:
    """The file at that place of S3. Raises `PermissionError` where the role may not read it, and `FileNotFoundError`."""
    path = place.removeprefix(S3)
    if not any(
        action == "s3:GetObject" and fnmatchcase(f"arn:aws:s3:::{path}", name) for action, name in granted(role)
    ):
        raise PermissionError(f"{role} is not authorized to perform: s3:GetObject on {place}")
    file = found(settings, place)
    if file is None:
        raise FileNotFoundError(f"{place} does not exist")
    return file


def found(settings: Settings, place: str) -> Path | None:
    """The file at that place of S3; None if there is none."""
    bucket, _, key = place.removeprefix(S3).partition("/")
    data = s3._get_object_data(bucket, key)
    if data is None:
        return None
    file = settings.folder / "code" / bucket / key
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    return file


def credentials(role: str, session: str) -> dict[str, str]:
    """Environment variables with which a process calls the endpoint as the role."""
    name, digest = role.rsplit("/", 1)[-1], sha256(f"{role}:{session}".encode()).hexdigest()
    key, secret, token = f"ASIA{digest[:16].upper()}", digest[16:56], digest
    sts.register_session(
        key,
        {
            "Arn": f"arn:aws:sts::{get_account_id()}:assumed-role/{name}/{session[:64]}",
            "UserId": f"{name}:{session[:64]}",
            "SecretAccessKey": secret,
            "SessionToken": token,
        },
    )
    return {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": token}
