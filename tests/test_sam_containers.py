"""`sam local invoke` of every function in a container, as `headgate events` prints it, against the application that `headgate up` runs.

It needs a container engine, found as SAM finds one, and images of Lambda's runtime; without an engine it is skipped.
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headgate.cli import samples
from headgate.cli.application import local
from tests.headgate_command import headgate, lay_out, output_of
from tests.local_application import ROOT, needs_sam

DATE = "2026-11-17"
FUNCTIONS = sorted(path.stem for path in (ROOT / "events").glob("*.json") if path.stem != "env")
COMMAND = re.compile(r"^  (\S+/sam local invoke )(\w+)( --event )\S+( --env-vars .*)$", re.MULTILINE)


def engine_answers() -> bool:
    """Whether there is an engine: at DOCKER_HOST, or that of a docker or finch on the PATH."""
    if "DOCKER_HOST" in os.environ:
        return not os.environ["DOCKER_HOST"].startswith("unix://") or Path(os.environ["DOCKER_HOST"][7:]).is_socket()
    programs = [found for name in ("docker", "finch") if (found := shutil.which(name))]
    return any(subprocess.run([each, "info"], capture_output=True, check=False).returncode == 0 for each in programs)


pytestmark = [
    pytest.mark.slow,
    needs_sam,
    pytest.mark.skipif(not engine_answers(), reason="no container engine: set DOCKER_HOST, or install docker or finch"),
]


@pytest.fixture
def commands(tmp_path: Path) -> Iterator[dict[str, list[str]]]:
    """The printed command of each function, for a run of d1/ds1 that waits."""
    folder = lay_out(tmp_path)
    (folder / "statemachines").symlink_to(ROOT / "statemachines")  # what `sam build` reads
    started = headgate("up", "--containers", folder=folder)
    assert started.returncode == 0, started.stderr
    with contextlib.chdir(folder):  # where the application of `headgate up` is found
        local().client("s3").create_bucket(Bucket=bucket_of_the_board())
    output_of(folder, "backfill", "d1/ds1", "--date", DATE)
    printed = output_of(folder, "events", "d1/ds1", "--date", DATE)
    sam, _, event, rest = COMMAND.findall(printed)[0]
    subprocess.run([sam.split()[0], "build"], cwd=folder, capture_output=True, check=True)
    yield {
        name: [
            *sam.split(),
            samples.logical_id(name),
            event.strip(),
            f".headgate/events/{name}.json",
            *rest.split(),
            "--skip-pull-image",
        ]
        for name in FUNCTIONS
    }
    headgate("down", folder=folder)


def bucket_of_the_board() -> str:
    """That of the samples' variables: the hosted board is not deployed here."""
    name: str = json.loads((ROOT / "events" / "env.json").read_text("utf-8"))["Parameters"]["BOARD_BUCKET"]
    return name


def test_every_function_answers_in_a_container(commands: dict[str, list[str]], tmp_path: Path) -> None:
    """The walk takes the run from the gate to its outcome; then come those that are not part of it."""
    keys = {"AWS_ACCESS_KEY_ID": "000000000000", "AWS_SECRET_ACCESS_KEY": "local", "AWS_DEFAULT_REGION": "us-east-1"}
    answers: dict[str, Any] = {}
    for name in (*samples.WALK, *sorted(set(FUNCTIONS) - set(samples.WALK))):
        done = subprocess.run(
            commands[name],
            cwd=tmp_path,
            env={**os.environ, **keys},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, f"{name}: {done.stderr}"
        assert done.stdout.strip(), f"{name} gave no answer: {done.stderr}"
        answers[name] = json.loads(done.stdout.strip().splitlines()[-1])
    failed = {name: each for name, each in answers.items() if isinstance(each, dict) and "errorType" in each}
    assert failed == {}
    assert {name: each["batchItemFailures"] for name, each in answers.items() if each and "batchItemFailures" in each} == {
        "alerts": [], "job_status": [], "landing": [], "refresh_events": [],
    }  # fmt: skip
    assert answers["metadata_loader"]["Status"] == answers["schema_migration"]["Status"] == "SUCCESS"
    assert json.loads(output_of(tmp_path, "why", "d1/ds1", "--date", DATE, "--json"))["run"]["status"] == "COMPLETED"
