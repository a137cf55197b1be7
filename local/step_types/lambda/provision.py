"""The functions that products' steps invoke, as real functions of the endpoint."""

import contextlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

from headgate.local.adapters.names import STEP_ROLE
from headgate.local.stack import Stack

TIMEOUT = 900  # seconds, the most that Lambda allows
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
# What a team allows its function is not known here, so it is not checked.
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def provision(stack: Stack, steps: list[dict[str, Any]], scripts: Path | None, data: Path) -> None:
    """Creates each function anew, with `handler(event, context)` in `<function>.py` as its handler and the folder's other modules
    beside it. A function without a script has nothing to do. The environment variable DATA names the data folder."""
    functions = stack.client("lambda")
    role = _role(stack)
    wanted: dict[str, set[str]] = {}
    for each in steps:
        name, _, alias = each["resource"].partition(":")
        wanted.setdefault(name, set()).update({alias} - {""})
    for name, aliases in sorted(wanted.items()):
        script = scripts / f"{name}.py" if scripts else None
        code = {"ZipFile": _archive(script.parent)} if script and script.exists() else {}
        with contextlib.suppress(functions.exceptions.ResourceNotFoundException):
            functions.delete_function(FunctionName=name)  # of an earlier start: the code may have changed
        functions.create_function(
            FunctionName=name, Runtime="python3.13", Role=role, Handler=f"{name}.handler", Code=code, Timeout=TIMEOUT,
            Environment={"Variables": {"DATA": str(data)}},
        )  # fmt: skip
        for alias in sorted(aliases):
            version = functions.publish_version(FunctionName=name)["Version"]
            functions.create_alias(FunctionName=name, Name=alias, FunctionVersion=version)


def _role(stack: Stack) -> str:
    iam = stack.client("iam")
    with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(RoleName=STEP_ROLE, AssumeRolePolicyDocument=json.dumps(TRUST))
    iam.put_role_policy(RoleName=STEP_ROLE, PolicyName="all", PolicyDocument=json.dumps(POLICY))
    return f"arn:aws:iam::{stack.account}:role/{STEP_ROLE}"


def _archive(folder: Path) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for each in sorted(folder.glob("*.py")):
            archive.write(each, each.name)
    return file.getvalue()
