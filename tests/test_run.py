"""`headgate run`, `up` and the questions, as people type them: real processes, from beginning to end."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

import boto3
import pytest

from headgate.local import presence
from tests import corpora
from tests.golden import FOLDER, expect
from tests.headgate_command import HEADGATE, headgate, mentioning, output_of
from tests.local_application import SAMPLES, needs_sam, project_folder
from tests.state_world import SOAK, in_soak

pytestmark = [pytest.mark.slow, needs_sam]
# A small mesh; in `make soak` also a large one, where it lies beside the project.
MESHES = [
    name for name in corpora.graphs() if name == "bigquery-etl" or (SOAK > 1 and name == "large-cal-itp-data-infra")
]


def in_order(text: str) -> str:
    """The report with what differs from run to run made equal: ids of jobs, seconds, and the order within a minute."""
    text = re.sub(r"\bjr_[0-9a-f]+", "jr_*", text)
    text = re.sub(r"(?<= started, )[0-9a-f]{8}-[0-9a-f-]{7}$", "run_*", text, flags=re.MULTILINE)
    text = re.sub(r"\b([js])-[A-Z0-9]{13}\b", r"\1-*", text)
    text = re.sub(r"(?<= started, )[0-9a-f]{16}$", "task_*", text, flags=re.MULTILINE)
    lines = [re.sub(r"^(\d\d:\d\d):\d\d", r"\1", line) for line in text.splitlines()]
    blocks: list[tuple[str, list[str]]] = []
    for line in lines:
        minute = line[:5] if re.match(r"\d\d:\d\d", line) else ""
        if not blocks or blocks[-1][0] != minute:
            blocks.append((minute, []))
        blocks[-1][1].append(line)
    return "\n".join(line for minute, block in blocks for line in (sorted(block) if minute else block)) + "\n"


@pytest.mark.parametrize(
    "name", ["stifel", *(pytest.param(each, marks=in_soak) for each in ("marketplace", "sla-over-a-rerun"))]
)
def test_a_day_is_played_and_printed(name: str) -> None:
    done = headgate("run", str(SAMPLES / name / "day.yaml"))
    assert done.returncode == 0, done.stdout + done.stderr
    expect(FOLDER / "messages" / f"{name}-day.txt", in_order(done.stdout).encode())


@in_soak
@pytest.mark.parametrize(
    "name", ["fallback-then-recovery", "fixed-after-the-deadline", "fixed-in-another-account", "skipped-upstream"]
)
def test_a_day_on_which_things_go_on_by_themselves(name: str, tmp_path: Path) -> None:
    folder = shutil.copytree(SAMPLES / "recovery", tmp_path / "recovery")
    done = headgate("run", str(folder / f"{name}.yaml"), "--products", str(folder / "products"))
    assert done.returncode == 0, done.stdout + done.stderr
    expect(FOLDER / "messages" / f"recovery-{name}.txt", in_order(done.stdout).encode())


@in_soak
def test_a_day_that_does_not_end_as_expected_is_reported(tmp_path: Path) -> None:
    text = (
        (SAMPLES / "marketplace" / "day.yaml")
        .read_text()
        .replace("attempt: 2", "attempt: 1")
        .replace('by: "04:00"', 'by: "03:05"')
    )
    (tmp_path / "day.yaml").write_text(text)
    done = headgate("run", str(tmp_path / "day.yaml"), "--quiet")
    assert done.returncode == 1
    assert done.stdout.split("Differences from the scenario:\n")[1].splitlines() == [
        "  marketplace/listings ended in attempt 2, expected 1",
        "  marketplace/pipeline-x-fallback ended at 03:09, after 03:05",
    ]


@in_soak
def test_json_for_programs(tmp_path: Path) -> None:
    done = headgate("run", str(SAMPLES / "stifel" / "day.yaml"), "--json")
    day = json.loads(done.stdout)
    assert (done.returncode, done.stderr, day["problems"], day["dead_letters"]) == (0, "", [], 1)
    assert {each["kind"] for each in day["entries"]} == {
        "refreshed",
        "run",
        "late",
        "arrived",
        "job started",
        "job ended",
        "input reopened",
        "outdated",
    }


def playing(folder: Path) -> "subprocess.Popen[str]":
    """`headgate run` in the middle of a day, with its temporary files in the folder."""
    process = subprocess.Popen(
        [*HEADGATE, "run", str(SAMPLES / "stifel" / "day.yaml")], cwd=project_folder(), env={**os.environ, "TMPDIR": str(folder)},
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        if "playing" in line:
            break
    return process


def ended(process: "subprocess.Popen[str]", seconds: float) -> int:
    """The exit code. Its error output is not read to the end, which comes only when no child holds it any more."""
    code = process.wait(seconds)
    assert process.stderr is not None
    process.stderr.close()
    return code


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=in_soak)])
def test_nothing_is_left_when_it_is_interrupted(tmp_path: Path, number: signal.Signals) -> None:
    process = playing(tmp_path)
    process.send_signal(number)
    assert ended(process, 60) == 130
    assert mentioning(str(tmp_path)) == []
    assert list(tmp_path.iterdir()) == []


@in_soak
def test_nothing_keeps_running_when_it_is_killed(tmp_path: Path) -> None:
    process = playing(tmp_path)
    process.kill()
    ended(process, 10)
    deadline = time.monotonic() + 20
    while mentioning(str(tmp_path)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert mentioning(str(tmp_path)) == []
    assert len(list(tmp_path.iterdir())) == 1, "its folder could not be removed any more"
    short = tmp_path / "day.yaml"  # ten minutes, on the deployment of the marketplace's day
    short.write_text('business_date: 2026-11-20\ntimezone: Europe/Berlin\nends: "00:10"\n')
    again = headgate("run", str(short), "--quiet", env={**os.environ, "TMPDIR": str(tmp_path)})
    assert again.returncode == 0, "the next one clears it away"
    assert list(tmp_path.iterdir()) == [short]


def completed(folder: Path, product: str, date: str) -> bool:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if json.loads(output_of(folder, "why", product, "--date", date, "--json"))["run"]["status"] == "COMPLETED":
            return True
        time.sleep(0.5)
    return False


def test_up_runs_a_pipeline_when_its_events_come(up: Path) -> None:
    date = "2026-11-18"
    assert output_of(up, "backfill", "d1/ds1", "--date", date) == "1 run opened\n"
    why = output_of(up, "why", "d1/ds1", "--date", date)
    assert "Missing:\n  raw/rd1 for 2026-11-18" in why
    assert re.search(r"^As of .*\d\d:\d\d C[SD]T\.$", why, re.MULTILINE), (
        "in the time zone of the schedule of the product"
    )
    for name in ("raw/rd1", "raw/rd2"):
        assert output_of(up, "event", name, "--date", date) == f"published: Data Product Refreshed, {name} for {date}\n"
    assert completed(up, "d1/ds1", date)
    assert "step build: d1-ds1-build SUCCEEDED" in output_of(up, "history", "d1/ds1", "--date", date)
    status = output_of(up, "status", "--date", date, "--domain", "d1")
    assert "d1/ds1" in status
    assert re.match(r"2026-11-18, as of .*\d\d:\d\d UTC\n", status)
    assert output_of(up, "rerun", "d1/ds1", "--date", date) == f"d1/ds1 for {date}: attempt 2\n"


def test_up_prints_how_to_reach_it_and_that_is_right(up: Path) -> None:
    known, printed = json.loads((up / "known.json").read_text()), (up / "printed").read_text()
    assert known["options"]["endpoint_url"] in printed
    assert known["postgres"] in printed
    assert [line.split("#")[0].split() for line in printed.splitlines() if line.startswith("  headgate event ")] == [
        ["headgate", "event", name] for name in ("raw/rd1", "raw/rd2")
    ], "of a product of this very mesh"
    machines = boto3.client("stepfunctions", **known["options"]).list_state_machines()["stateMachines"]
    assert "headgate-d1_ds4" in {each["name"] for each in machines}


def test_up_serves_the_board_and_serves_it_again(up: Path) -> None:
    address = output_of(up, "board", "--no-browser").removeprefix("The board is at ").strip()
    assert address in (up / "printed").read_text()
    page, token = address.split("#token=")
    request = urllib.request.Request(f"{page}api/status", headers={"Authorization": f"Bearer {token}"})

    def products() -> set[str]:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return {each["product"] for each in json.loads(answer.read())["products"]}

    assert products() >= {"raw/rd1", "d1/ds4"}
    supervisor = presence.look(up / ".headgate" / "local").process
    children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
    (board,) = [each for each in children if b"\0board\0" in Path(f"/proc/{each}/cmdline").read_bytes()]
    os.kill(int(board), signal.SIGKILL)
    assert products() >= {"raw/rd1", "d1/ds4"}, "its socket is kept, so the question waits for the next process"


def test_a_recipient_is_tested_and_alerts_are_muted_and_listed(up: Path) -> None:
    """An alert of a failure is put on the topic, as a machine does."""
    assert output_of(up, "alert", "test", "--to", "slack:#ops") == "A test was sent to slack #ops.\n"
    assert output_of(up, "mute", "d1", "--until", "1h", "--reason", "we move").startswith(
        "No alerts about d1 are sent until"
    )
    date = "2026-11-13"
    output_of(up, "backfill", "d1/ds4", "--date", date)
    run = json.loads(output_of(up, "why", "d1/ds4", "--date", date, "--json"))["run"]["run_id"]
    fact = {
        "kind": "ERROR",
        "level": "product",
        "product": "d1/ds4",
        "run_id": run,
        "business_date": date,
        "cycle": "",
        "attempt": 1,
        "error": "X",
    }
    known = json.loads((up / ".headgate" / "local" / "runtime.json").read_text())["options"]
    sns = boto3.client("sns", **known)
    (topic,) = [
        each["TopicArn"] for each in sns.list_topics()["Topics"] if each["TopicArn"].endswith(":headgate-alerts")
    ]
    sns.publish(TopicArn=topic, Message=json.dumps(fact))

    listed = alerts_of(up, date, "3 due")
    assert re.search(r"^  d1 is muted until .* by \w+: we move$", listed, re.MULTILINE)
    assert re.search(r"slack #positions-alerts +due +kept back until .*: muted by \w+: we move", listed)
    assert output_of(up, "mute", "d1", "--end") == "d1 is not muted any more.\n"
    assert re.search(r"slack #positions-alerts +sent +.* \(open\)", alerts_of(up, date, "3 sent"))


def alerts_of(folder: Path, date: str, expected: str) -> str:
    """What `headgate alerts` prints, as soon as that is in its summary."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        printed = output_of(folder, "alerts", "--date", date)
        if expected in printed:
            return printed
        time.sleep(0.5)
    raise AssertionError(printed)


def test_sample_events_are_filled_in_from_an_open_run(up: Path) -> None:
    date = "2026-11-16"
    output_of(up, "backfill", "d1/ds1", "--date", date)
    printed = output_of(up, "events", "d1/ds1", "--date", date)
    assert "local invoke DependencyGateFunction --event .headgate/events/dependency_gate.json" in printed
    why = json.loads(output_of(up, "why", "d1/ds1", "--date", date, "--json"))
    sample = json.loads((up / ".headgate" / "events" / "dependency_gate.json").read_text())
    assert sample["run_id"] == why["run"]["run_id"]
    assert "`headgate down`, then `headgate up --containers`" in printed


def test_it_can_be_asked_as_a_stack(up: Path) -> None:
    known = json.loads((up / ".headgate" / "local" / "runtime.json").read_text())["options"]
    variables = {
        **os.environ, "AWS_ENDPOINT_URL": known["endpoint_url"], "AWS_ACCESS_KEY_ID": known["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": "local", "AWS_DEFAULT_REGION": known["region_name"],
    }  # fmt: skip
    done = headgate(
        "status", "--stack", "headgate", "--domain", "raw", "--date", "2026-11-20", folder=up, env=variables
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("raw/rd") == 4
    wrong = headgate("status", "--stack", "nothing", folder=up, env=variables)
    assert wrong.returncode == 2
    assert "stack nothing: " in wrong.stderr
    assert "does not exist" in wrong.stderr


def test_wrong_arguments_are_answered_with_a_message(up: Path) -> None:
    for arguments, code, message in (
        (("why", "d1/ds9"), 3, "headgate why: d1/ds9: no such product in the catalog of the application\n"),
        (("rerun", "d1/ds2", "--date", "2026-11-18"), 3, "headgate rerun: d1/ds2 has no run for 2026-11-18\n"),
        (
            ("history", "--date", "2026-11-20", "--until", "2020-01-01"),
            2,
            "headgate history: --until 2020-01-01 is before --date 2026-11-20\n",
        ),
        (("up",), 2, "headgate up: the application is running already at http://127.0.0.1:"),
        (("logs", "d1/ds4", "--date", "2026-11-18"), 2, "headgate logs: no job of d1/ds4 has started for 2026-11-18\n"),
    ):
        done = headgate(*arguments, folder=up)
        assert done.returncode == code
        assert done.stderr.startswith(message)


@in_soak
def test_its_data_outlives_it(up: Path) -> None:
    date = "2026-11-17"
    assert output_of(up, "backfill", "d1/ds1", "--date", date) == "1 run opened\n"
    before = output_of(up, "history", "d1/ds1", "--date", date)
    assert before.count("\n") >= 1
    assert headgate("down", folder=up).stdout == "stopped\n"
    assert (
        "no application is running on this machine: start it with `headgate up`" in headgate("status", folder=up).stderr
    )
    assert headgate("up", folder=up).returncode == 0
    assert output_of(up, "history", "d1/ds1", "--date", date).startswith(before.splitlines()[0])


@in_soak
@pytest.mark.parametrize("mesh", MESHES)
def test_a_real_mesh_has_its_day(mesh: str, tmp_path: Path) -> None:
    number = corpora.lay_out(corpora.graphs()[mesh], tmp_path / "products")
    done = headgate(
        "run", "--products", str(tmp_path / "products"), "--date", "2026-11-20", "--json", "--keep", str(tmp_path / "run"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    day = json.loads(done.stdout)
    assert [each["status"] for each in day["products"]] == ["COMPLETED"] * number
    catalog = json.loads((tmp_path / "run" / "statemachines" / "catalog" / "catalog.json").read_text())["products"]
    assert disorder(day["entries"], catalog) == []


def disorder(entries: list[dict[str, Any]], catalog: dict[str, Any]) -> list[str]:
    """Runs that were released before something they depend on was complete."""
    completed = {
        each["product"]: each["at"] for each in entries if each["kind"] == "run" and each["status"] == "COMPLETED"
    }
    released = {each["product"]: each["at"] for each in entries if each.get("released")}
    return [
        f"{name} before {leaf['product']}"
        for name, entry in catalog.items()
        for leaf in entry.get("depends_on", {}).get("all_of", ())
        if released[name] < completed[leaf["product"]]
    ]
