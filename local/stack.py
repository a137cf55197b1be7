"""The application's stack in an account of the local endpoint: builds it, deploys it, and calls its functions."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from headgate.deployment.deploy import Deployment, DeploymentError
from headgate.deployment.project import commit_of
from headgate.deployment.sam import Sam
from headgate.deployment.template_text import as_json
from headgate.local.process import dies_with_parent
from headgate.local.receivers import LINEAGE_KEY, LINEAGE_RECEIVER

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
        shutil.copy2(self.places.project / "samconfig.toml", application / "samconfig.toml")
        ignore = shutil.ignore_patterns("__pycache__")
        for part in (
            "functions",
            "board",
        ):  # SAM builds the hosted board, which is nested, also where it is switched off
            shutil.copytree(self.places.project / part, application / part, ignore=ignore)
        shutil.copytree(self.places.statemachines, application / "statemachines")
        for template in ("template.yaml", "board/template.yaml"):
            (application / template).write_text(as_json(self.places.project / template), "utf-8")
        given = {
            "DeletionProtection": "false",
            "UnverifiedCallers": "true",  # the endpoint knows no users
            **self._alerting(),
            **self._lineage(),
            **commit_of(self.places.project),
            **(parameters or {}),
        }
        bucket = f"headgate-deployments-{name}"
        elsewhere = {"CreateBucketConfiguration": {"LocationConstraint": self.region}} if self.region != REGION else {}
        self.client("s3").create_bucket(Bucket=bucket, **elsewhere)
        variables = {
            **self.environment,
            "TMPDIR": str(self.places.folder / "tmp"),  # sam leaves empty folders in it
            "SAM_CLI_POLL_DELAY": "0.3",
        }
        runner = Sam(
            self.places.folder, variables, self.places.folder / "sam.log", ["--s3-bucket", bucket, "--region", self.region],
            dies_with_parent(), DEPLOY_SECONDS,
        )  # fmt: skip
        deployment = Deployment(
            application, build, STACK, self.account, self.region, runner, self.client("cloudformation"), given
        )
        try:
            self.outputs = deployment.run(report)
        except DeploymentError as error:
            raise StartError(str(error)) from None

    def _alerting(self) -> dict[str, str]:
        """Parameters for alerts: tokens for what the local runtime has in the place of Slack and others, and a sender that SES accepts."""
        arn = self._secret(
            "headgate/alerts", {"slack_token": "xoxb-local", "opsgenie_key": "local", "jsm_key": "local"}
        )
        sender = "alerts@example.com"
        self.client("ses").verify_email_identity(EmailAddress=sender)
        return {"AlertSecretArn": arn, "AlertSender": sender}

    def _lineage(self) -> dict[str, str]:
        """Parameters for OpenLineage: the endpoint acts as its receiver."""
        arn = self._secret("headgate/openlineage", {"openlineage_authorization": LINEAGE_KEY})
        return {"OpenLineageUrl": f"{LINEAGE_RECEIVER}/api/v1/lineage", "OpenLineageSecretArn": arn}

    def _secret(self, name: str, content: dict[str, str]) -> str:
        """The ARN of the secret, which is made if it is not there."""
        secrets = self.client("secretsmanager")
        try:
            return str(secrets.create_secret(Name=name, SecretString=json.dumps(content))["ARN"])
        except secrets.exceptions.ResourceExistsException:
            return str(secrets.describe_secret(SecretId=name)["ARN"])


def end_of(log: Path, lines: int = 20) -> str:
    """The last lines of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""
