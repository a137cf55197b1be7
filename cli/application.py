"""The running application that a command calls: a deployed stack, or what `headgate up` runs on this machine."""

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headgate.cli import terminal
from headgate.cli.defaults import read_defaults
from headgate.cli.errors import RefusedError, UsageError
from headgate.cli.identity import signed
from headgate.cli.project import project_above
from headgate.local import presence

OPERATE = "OperateFunctionName"
LOCAL = Path(".headgate") / "local"
REFUSALS = (
    "UnknownProduct", "UnknownRun", "UnknownLetter", "UnknownFile", "NoPipeline", "IllegalTransition", "ChangedMeanwhile", "TooMuch",
    "NotIdentified", "NotAllowed",
)  # fmt: skip
ASLEEP = ("StateUnavailable", "Sandbox.Timedout")  # what a function answers whose database has not answered it


@dataclass(frozen=True)
class Application:
    """A running application: its stack's outputs, and clients of the AWS it runs on. One on AWS wants to know from AWS who operates it (`signs`).
    `local` says that `headgate up` runs it."""

    name: str
    outputs: dict[str, str]
    options: dict[str, str]
    signs: bool = False
    local: bool = False

    def client(self, service: str) -> Any:
        import boto3
        from botocore.config import Config

        return boto3.client(service, config=Config(read_timeout=70, retries={"mode": "standard"}), **self.options)

    def call(self, output: str, event: dict[str, Any]) -> Any:
        """The answer of the function that this output names. Raises `RefusedError` where the function refuses, and `UsageError` with
        any other error of the function or of AWS."""
        from botocore.exceptions import BotoCoreError, ClientError

        if output not in self.outputs:
            raise UsageError(f"{self.name} has no output {output}; name a stack of Headgate that has data products")
        if self.signs and output == OPERATE:
            event = {**event, "identity": signed(event, self.outputs["StateMachineArnPrefix"], self.options)}
        try:
            answer = self.client("lambda").invoke(FunctionName=self.outputs[output], Payload=json.dumps(event).encode())
        except (BotoCoreError, ClientError) as error:
            raise UsageError(f"{self.name}: {error}") from None
        body = json.loads(answer["Payload"].read())
        if answer.get("FunctionError"):
            raise _error(body)
        return body


def inquire(arguments: argparse.Namespace, question: str, **about: str | int | None) -> Any:
    """What the application answers to the question; it has defaults for fields that are None. Raises `UsageError`."""
    given = {key: value for key, value in about.items() if value is not None}
    return application(arguments).call("InquireFunctionName", {"question": question, **given})


def application(arguments: argparse.Namespace) -> Application:
    """The application that the arguments name, or `headgate.toml` where they name none. Raises `UsageError`."""
    if arguments.local:
        return local()
    defaults = read_defaults()
    stack = arguments.stack or defaults.stack
    if stack is None:
        return local()
    if arguments.stack is None and not arguments.json:
        terminal.line(f"stack {stack}, by headgate.toml", stream=sys.stderr)
    return _stack(stack, arguments.region or defaults.region, arguments.profile or defaults.profile)


def local() -> Application:
    """The application that `headgate up` runs in this folder. Raises `UsageError`."""
    known = known_locally()
    return Application("the local runtime", known["outputs"], known["options"], local=True)


def known_locally() -> dict[str, Any]:
    """The addresses and outputs of the application that `headgate up` runs in this folder. Raises `UsageError`."""
    now = presence.look(LOCAL)
    if now.process is not None and now.known is not None:
        return now.known
    if now.process is not None:
        raise UsageError(
            f"the application on this machine is being started (process {now.process}); its log is {LOCAL / 'up.log'}"
        )
    if now.reason:
        raise UsageError(
            f"the application on this machine has ended: {now.reason}. `headgate up` continues with its data"
        )
    if (above := project_above(Path.cwd())) is not None:
        raise UsageError(f"{Path.cwd()} is inside the project {above}; run the command there: `cd {above}`")
    raise UsageError(
        "no application is running on this machine: start it with `headgate up`, or name a deployed stack with --stack or "
        'in headgate.toml (stack = "NAME")'
    )


def _stack(stack: str, region: str | None, profile: str | None) -> Application:
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    options = {key: value for key, value in (("region_name", region), ("profile_name", profile)) if value}
    try:
        session = boto3.Session(**options)
        found = session.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
        credentials = session.get_credentials()
        keys = credentials.get_frozen_credentials() if credentials else None
    except (BotoCoreError, ClientError) as error:
        raise UsageError(f"stack {stack}: {error}") from None
    outputs = {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", ())}
    client_options = {"region_name": session.region_name or ""}
    if keys:
        client_options |= {"aws_access_key_id": keys.access_key, "aws_secret_access_key": keys.secret_key}
        client_options |= {"aws_session_token": keys.token} if keys.token else {}
    return Application(f"stack {stack}", outputs, client_options, signs=bool(keys))


def _error(body: dict[str, Any]) -> UsageError:
    kind, message = str(body.get("errorType")), str(body.get("errorMessage"))
    if kind == "UnknownProduct" and " " not in message:
        message += ": no such product in the catalog of the application"
    if kind in ASLEEP:
        return UsageError(f"the database of the application does not answer; if it sleeps, it takes about half a minute to wake up: try again ({message})", kind=kind)  # fmt: skip
    if kind in REFUSALS:
        return RefusedError(message, kind=kind)
    return UsageError(message if kind == "BadEvent" else f"{kind}: {message}", kind=kind)
