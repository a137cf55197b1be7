"""The whole application on this machine: PostgreSQL, the Data API, the local AWS endpoint, built and deployed by SAM."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import boto3
import psycopg
from botocore.config import Config

from local import endpoint, postgres
from local.clock import OFFSET
from local.data_api import DataApi
from local.data_api_server import served
from local.endpoint import Control
from local.process import popen

# The endpoint's, its control's and the Data API's, where nothing else has them; events/env.json names the first and last.
KEPT_PORTS = (4566, 4598, 4599)
STACK, REGION, ACCOUNT = "headgate", "us-east-1", "000000000000"
START_SECONDS, STOP_SECONDS, DEPLOY_SECONDS = 60, 30, 900
Say = Callable[[str], None]


class StartError(RuntimeError):
    """A part did not start, or the deployment failed; the message ends with what it said."""


class FunctionError(RuntimeError):
    """A function raised; the message begins with the class."""


@dataclass
class Places:
    """Where things are: the project (template.yaml, functions/), the application staged from it, and the runtime's own files."""

    project: Path
    statemachines: Path
    folder: Path

    @property
    def application(self) -> Path:
        return self.folder / "application"


class Runtime:
    """A running application. `clients(name)` gives boto3 clients of it."""

    def __init__(
        self, places: Places, server: postgres.Postgres, data_api: str, ports: tuple[int, int], keep: bool
    ) -> None:
        self.places, self.postgres, self.data_api, self._keep = places, server, data_api, keep
        self._ports = ports
        self.url = f"http://127.0.0.1:{ports[0]}"
        self.control = Control(ports[1])
        self._process: subprocess.Popen[bytes] | None = None

    @cache  # noqa: B019 - one runtime a process, or a few in tests
    def client(self, service: str) -> Any:
        """A boto3 client of the endpoint."""
        config = Config(retries={"mode": "standard", "total_max_attempts": 5}, max_pool_connections=20)
        return boto3.client(service, config=config, **self.credentials)

    @property
    def credentials(self) -> dict[str, str]:
        keys = {"aws_access_key_id": ACCOUNT, "aws_secret_access_key": "local"}
        return {"endpoint_url": self.url, "region_name": REGION, **keys}

    @property
    def environment(self) -> dict[str, str]:
        """For tools that talk to the endpoint, such as `sam` and `aws`."""
        mine = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
        keys = {"AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "local", "AWS_DEFAULT_REGION": REGION}
        nowhere = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
        return {**mine, **keys, **nowhere, "AWS_ENDPOINT_URL": self.url}

    @cached_property
    def outputs(self) -> dict[str, str]:
        """The stack's outputs."""
        stack = self.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
        return {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", ())}

    def call(self, output: str, event: dict[str, Any]) -> Any:
        """The answer of the function that this output of the stack names. Raises `FunctionError`."""
        answer = self.client("lambda").invoke(FunctionName=self.outputs[output], Payload=json.dumps(event).encode())
        body = json.loads(answer["Payload"].read())
        if answer.get("FunctionError"):
            raise FunctionError(f"{body.get('errorType')}: {body.get('errorMessage')}")
        return body

    def open_runs(self, day: date) -> int:
        """How many runs of the business date are WAITING or PROCESSING."""
        query = (
            "SELECT count(*) FROM data_product_status WHERE status IN ('WAITING', 'PROCESSING') AND business_date = %s"
        )
        with psycopg.connect(self.postgres.dsn(), autocommit=True) as connection:
            row = connection.execute(query, [day]).fetchone()
        return int(row[0]) if row else 0

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

    def start_endpoint(self) -> None:
        folder = self.places.folder
        for name in ("tmp", "s3", "endpoint"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        variables = endpoint.environment(folder, *self._ports, self.data_api, self._keep)
        command = [sys.executable, "-m", "local.endpoint"]
        # found from wherever this runs; a PYTHONPATH of the functions' own comes after it
        here = str(Path(__file__).parent.parent)
        variables["PYTHONPATH"] = os.pathsep.join([variables["PYTHONPATH"], here])
        self._process = popen(command, folder / "endpoint.log", signal.SIGTERM, variables)
        deadline = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._ports[0]), timeout=1):
                return
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise StartError(f"the local AWS endpoint did not start:\n{_end_of(folder / 'endpoint.log')}")
            time.sleep(0.05)

    def stop_endpoint(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self._process is None:
            return
        self._process.send_signal(how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_SECONDS)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._process = None

    def deploy(self, say: Say, parameters: dict[str, str] | None = None) -> None:
        """`sam build` and `sam deploy` of the application as it stands in the project. Raises `StartError`."""
        application, build = self.places.application, self.places.folder / "build"
        shutil.rmtree(application, ignore_errors=True)
        application.mkdir(parents=True)
        for name in ("template.yaml", "samconfig.toml"):
            shutil.copy2(self.places.project / name, application / name)
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(self.places.project / "functions", application / "functions", ignore=ignore)
        shutil.copytree(self.places.statemachines, application / "statemachines")
        template = str(build / "template.yaml")
        say("sam build")
        self._sam("build", "--build-dir", str(build), "--template-file", str(application / "template.yaml"))
        say("sam deploy")
        given = {"DeletionProtection": "false", **_commit(self.places.project), **(parameters or {})}
        overrides = [f"{name}={value}" for name, value in given.items()]
        bucket = "headgate-deployments"
        self.client("s3").create_bucket(Bucket=bucket)
        self._sam(
            "deploy", "--template-file", template, "--stack-name", STACK, "--s3-bucket", bucket, "--region", REGION,
            "--capabilities", "CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND", "--no-confirm-changeset",
            "--no-fail-on-empty-changeset", "--no-progressbar", "--parameter-overrides", *overrides,
        )  # fmt: skip
        self.__dict__.pop("outputs", None)

    def _sam(self, *arguments: str) -> None:
        log = self.places.folder / "sam.log"
        variables = {
            **self.environment,
            "SAM_CLI_TELEMETRY": "0",
            "TMPDIR": str(self.places.folder / "tmp"),  # it leaves empty folders behind
            "SAM_CLI_POLL_DELAY": "0.3",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        with open(log, "ab") as output:
            done = subprocess.run(
                [sam(), *arguments], cwd=self.places.application, env=variables, stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, timeout=DEPLOY_SECONDS, check=False,
            )  # fmt: skip
        if done.returncode:
            raise StartError(f"sam {arguments[0]} failed:\n{_end_of(log, 30)}")


@contextlib.contextmanager
def running(places: Places, keep: bool = False, starts: datetime | None = None) -> Iterator[Runtime]:
    """The parts, started, with nothing deployed by this. With `keep` they go on from where `places.folder` left them. The clock
    begins at `starts`, or goes as the machine's own does."""
    places.folder.mkdir(parents=True, exist_ok=True)
    if starts is not None:
        (places.folder / "clock").write_bytes(OFFSET.pack(starts.timestamp() - time.time()))
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(postgres.running(places.folder / "postgres" if keep else None))
        port, control, data_port = _ports(KEPT_PORTS if keep else ())
        data_api = stack.enter_context(served(DataApi(server.dsn()), data_port))
        runtime = Runtime(places, server, data_api, (port, control), keep)
        stack.callback(runtime.stop_endpoint)
        runtime.start_endpoint()
        yield runtime


def sam() -> str:
    """The `sam` command of the project's own environment, else the one on the PATH. Raises `StartError`."""
    beside = Path(sys.prefix).parent / ".venv-sam" / "bin" / "sam"
    found = str(beside) if beside.exists() else shutil.which("sam")
    if found is None:
        raise StartError("aws-sam-cli is not installed: run `make setup`")
    return found


def _commit(project: Path) -> dict[str, str]:
    """What is deployed, where git knows it."""
    command = ["git", "-C", str(project), "log", "-1", "--format=%H %cI"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.split()
    except (OSError, subprocess.SubprocessError):
        return {}
    return {"Commit": said[0], "CommittedAt": said[1]} if len(said) == 2 else {}


def _ports(wanted: tuple[int, ...]) -> list[int]:
    """The wanted ports if all are free, else any three that are."""
    if wanted and all(_is_free(each) for each in wanted):
        return list(wanted)
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(3)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _end_of(log: Path, lines: int = 20) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""
