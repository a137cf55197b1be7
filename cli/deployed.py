"""Where a command asks and acts: a deployed stack, or what `headgate up` runs on this machine."""

import argparse
import getpass
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headgate.cli.project import UsageError

LOCAL = Path(".headgate") / "local"


@dataclass(frozen=True)
class Deployed:
    """A running application: its stack's outputs, and clients of the AWS it runs on."""

    where: str
    outputs: dict[str, str]
    options: dict[str, str]

    def client(self, service: str) -> Any:
        import boto3
        from botocore.config import Config

        return boto3.client(service, config=Config(read_timeout=70, retries={"mode": "standard"}), **self.options)

    def call(self, output: str, event: dict[str, Any]) -> Any:
        """The answer of the function named by that output. Raises `UsageError` with what the function or AWS says."""
        from botocore.exceptions import BotoCoreError, ClientError

        if output not in self.outputs:
            raise UsageError(f"{self.where} has no output {output}; it is not a stack with data products")
        try:
            answer = self.client("lambda").invoke(FunctionName=self.outputs[output], Payload=json.dumps(event).encode())
        except (BotoCoreError, ClientError) as error:
            raise UsageError(f"{self.where}: {error}") from None
        body = json.loads(answer["Payload"].read())
        if answer.get("FunctionError"):
            raise UsageError(_words(body))
        return body


def asked(arguments: argparse.Namespace, question: str, **about: str | None) -> Any:
    """What the deployed application answers; what is None is left to it. Raises `UsageError`."""
    given = {key: value for key, value in about.items() if value is not None}
    return deployed(arguments).call("InquireFunctionName", {"question": question, **given})


def add_where(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--stack", metavar="NAME", help="a deployed stack (default: what `headgate up` runs here)")
    parser.add_argument("--region", help="the stack's region (default: as the AWS CLI)")
    parser.add_argument("--profile", help="the AWS profile (default: as the AWS CLI)")
    parser.add_argument("--json", action="store_true", help="the answer as JSON")


def deployed(arguments: argparse.Namespace) -> Deployed:
    """What the arguments name. Raises `UsageError`."""
    return _stack(arguments) if arguments.stack else local()


def local() -> Deployed:
    """What `headgate up` runs here. Raises `UsageError`."""
    try:
        known = json.loads((LOCAL / "runtime.json").read_text("utf-8"))
    except (OSError, ValueError):
        raise UsageError(
            "nothing runs on this machine; `headgate up` starts it, and --stack NAME asks a deployed stack"
        ) from None
    return Deployed("the local runtime", known["outputs"], known["options"])


def _stack(arguments: argparse.Namespace) -> Deployed:
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    options = {
        key: value for key, value in (("region_name", arguments.region), ("profile_name", arguments.profile)) if value
    }
    try:
        session = boto3.Session(**options)
        found = session.client("cloudformation").describe_stacks(StackName=arguments.stack)["Stacks"][0]
        credentials = session.get_credentials()
        keys = credentials.get_frozen_credentials() if credentials else None
    except (BotoCoreError, ClientError) as error:
        raise UsageError(f"stack {arguments.stack}: {error}") from None
    outputs = {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", ())}
    client_options = {"region_name": session.region_name or ""}
    if keys:
        client_options |= {"aws_access_key_id": keys.access_key, "aws_secret_access_key": keys.secret_key}
        client_options |= {"aws_session_token": keys.token} if keys.token else {}
    return Deployed(f"stack {arguments.stack}", outputs, client_options)


def actor() -> str:
    """Who acts, for the record; IAM has decided already whether they may."""
    try:
        return getpass.getuser()[:128]
    except OSError:
        return "unknown"


def _words(body: dict[str, Any]) -> str:
    kind, message = str(body.get("errorType")), str(body.get("errorMessage"))
    if kind == "UnknownProduct":
        return f"{message}: no such product in the deployed catalog"
    if kind in ("UnknownRun", "IllegalTransition", "BadEvent", "TooMuch"):
        return message
    return f"{kind}: {message}"
