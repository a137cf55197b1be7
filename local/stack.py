"""The application's stack in an account of the local endpoint: builds it, deploys it, and calls its functions."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from headgate.local.process import dies_with_parent

STACK, REGION, ACCOUNT = "headgate", "us-east-1", "000000000000"
DEPLOY_SECONDS = 900
Report = Callable[[str], None]


class StartError(RuntimeError):
    """A part did not start, or the deployment failed; the message ends with its log."""


class FunctionError(RuntimeError):
    """A function raised; the message begins with the class."""


@dataclass
class Places:
    """Three folders: the project (template.yaml, functions/), the machines generated for it, and the runtime's own files."""

    project: Path
    statemachines: Path
    folder: Path


class Stack:
    """The stack in one account and region. `url` is the endpoint's."""

    def __init__(self, places: Places, url: str, account: str = ACCOUNT, region: str = REGION) -> None:
        self.places, self.url, self.account, self.region = places, url, account, region

    @cache  # noqa: B019 - one runtime a process, or a few in tests
    def client(self, service: str) -> Any:
        """A boto3 client of the endpoint, in this account and region."""
        config = Config(retries={"mode": "standard", "total_max_attempts": 5}, max_pool_connections=20)
        return boto3.client(service, config=config, **self.credentials)

    @property
    def credentials(self) -> dict[str, str]:
        keys = {"aws_access_key_id": self.account, "aws_secret_access_key": "local"}
        return {"endpoint_url": self.url, "region_name": self.region, **keys}

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables for tools that call the endpoint, such as `sam` and `aws`."""
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
        keys = {"AWS_ACCESS_KEY_ID": self.account, "AWS_SECRET_ACCESS_KEY": "local", "AWS_DEFAULT_REGION": self.region}
        no_files = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
        return {**inherited, **keys, **no_files, "AWS_ENDPOINT_URL": self.url}

    @cached_property
    def outputs(self) -> dict[str, str]:
        """The stack's outputs."""
        stack = self.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
        return {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", ())}

    def call(self, output: str, event: dict[str, Any]) -> Any:
        """The answer of the function that this output of the stack names. Raises `FunctionError`."""
        return self._invoke(self.outputs[output], event)

    def call_function(self, logical_id: str, event: dict[str, Any]) -> Any:
        """The answer of the function of the template. Raises `FunctionError`."""
        found = self.client("cloudformation").describe_stack_resource(StackName=STACK, LogicalResourceId=logical_id)
        return self._invoke(found["StackResourceDetail"]["PhysicalResourceId"], event)

    def _invoke(self, name: str, event: dict[str, Any]) -> Any:
        answer = self.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event).encode())
        body = json.loads(answer["Payload"].read())
        if answer.get("FunctionError"):
            raise FunctionError(f"{body.get('errorType')}: {body.get('errorMessage')}")
        return body

    def dead_letters(self) -> int:
        """How many messages are in the dead letter queues."""
        queues = self.client("sqs")
        urls = [
            each
            for each in queues.list_queues().get("QueueUrls", ())
            if each.endswith(("-dead", "-undelivered-events"))
        ]
        names = ["ApproximateNumberOfMessages"]
        return sum(
            int(queues.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"][names[0]]) for url in urls
        )

    def deploy(self, report: Report, parameters: dict[str, str] | None = None) -> None:
        """`sam build` and `sam deploy` of the application as it is in the project. Raises `StartError`."""
        name = f"{self.account}-{self.region}"
        application, build = self.places.folder / "application" / name, self.places.folder / "build" / name
        shutil.rmtree(application, ignore_errors=True)
        application.mkdir(parents=True)
        for file in ("template.yaml", "samconfig.toml"):
            shutil.copy2(self.places.project / file, application / file)
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(self.places.project / "functions", application / "functions", ignore=ignore)
        shutil.copytree(self.places.statemachines, application / "statemachines")
        template = str(build / "template.yaml")
        report("sam build")
        self._sam("build", "--build-dir", str(build), "--template-file", str(application / "template.yaml"))
        report("sam deploy")
        given = {
            "DeletionProtection": "false",
            **self._alerting(),
            **commit_of(self.places.project),
            **(parameters or {}),
        }
        overrides = [f"{name}={value}" for name, value in given.items()]
        bucket = f"headgate-deployments-{name}"
        elsewhere = {"CreateBucketConfiguration": {"LocationConstraint": self.region}} if self.region != REGION else {}
        self.client("s3").create_bucket(Bucket=bucket, **elsewhere)
        self._sam(
            "deploy", "--template-file", template, "--stack-name", STACK, "--s3-bucket", bucket, "--region", self.region,
            "--capabilities", "CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND", "--no-confirm-changeset",
            "--no-fail-on-empty-changeset", "--no-progressbar", "--parameter-overrides", *overrides,
        )  # fmt: skip
        self.__dict__.pop("outputs", None)

    def _alerting(self) -> dict[str, str]:
        """Parameters for alerts: tokens for the Slack and OpsGenie of the local runtime, and a sender that SES accepts."""
        secrets, name = self.client("secretsmanager"), "headgate/alerts"
        text = json.dumps({"slack_token": "xoxb-local", "opsgenie_key": "local"})
        try:
            arn = secrets.create_secret(Name=name, SecretString=text)["ARN"]
        except secrets.exceptions.ResourceExistsException:
            arn = secrets.describe_secret(SecretId=name)["ARN"]
        sender = "alerts@example.com"
        self.client("ses").verify_email_identity(EmailAddress=sender)
        return {"AlertSecretArn": arn, "AlertSender": sender}

    def _sam(self, *arguments: str) -> None:
        log = self.places.folder / "sam.log"
        variables = {
            **self.environment,
            "SAM_CLI_TELEMETRY": "0",
            "TMPDIR": str(self.places.folder / "tmp"),  # sam leaves empty folders in it
            "SLACK_SDK": _slack_sdk(),
            "SAM_CLI_POLL_DELAY": "0.3",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        with open(log, "ab") as output:
            done = subprocess.run(
                [sam(), *arguments], cwd=self.places.folder, env=variables, stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, timeout=DEPLOY_SECONDS, check=False, preexec_fn=dies_with_parent(),
            )  # fmt: skip
        if done.returncode:
            raise StartError(f"sam {arguments[0]} failed:\n{end_of(log, 30)}")


def sam() -> str:
    """The `sam` command of the environment .venv-sam beside this one, else the one on the PATH. Raises `StartError`."""
    beside = Path(sys.prefix).parent / ".venv-sam" / "bin" / "sam"
    found = str(beside) if beside.exists() else shutil.which("sam")
    if found is None:
        raise StartError("aws-sam-cli is not installed: run `make setup`")
    return found


def _slack_sdk() -> str:
    """The folder of the installed slack_sdk, so that its layer is built without a network; empty if it is not installed."""
    spec = find_spec("slack_sdk")
    return str(Path(spec.origin).parent) if spec and spec.origin else ""


def commit_of(project: Path) -> dict[str, str]:
    """The parameters that name the deployed commit; none outside a git repository."""
    command = ["git", "-C", str(project), "log", "-1", "--format=%H %cI"]
    try:
        output = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.split()
    except (OSError, subprocess.SubprocessError):
        return {}
    return {"Commit": output[0], "CommittedAt": output[1]} if len(output) == 2 else {}


def end_of(log: Path, lines: int = 20) -> str:
    """The last lines of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""
