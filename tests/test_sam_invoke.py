"""`sam local invoke` with the samples that `headgate events` writes: what SAM passes on, and that the functions accept it."""

import importlib
import json
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contract import require
from headgate.cli import samples
from headgate.local import relay
from tests.local_application import ROOT, needs_sam

FUNCTIONS = sorted(
    path.stem for path in (ROOT / "events").glob("*.json") if path.stem not in ("env", "hosted_board")
)  # the board is a stack of its own
CONTRACTS = {
    "code_publisher": "product-code", "alerts": "alert", "database_protection": "database-protection", "dependency_gate": "dependency-gate", "inquire": "inquire", "job_tracker": "job-tracker",
    "metadata_loader": "metadata-loader", "monitor": "schedule", "operate": "operate", "outcome_recorder": "outcome-recorder",
    "pipeline_configuration": "pipeline-configuration", "refresh_events": "refresh-event", "scheduler": "schedule",
    "schema_migration": "schema-migration",
}  # fmt: skip
RUN: dict[str, Any] = {
    "run_id": "7d0c5f6e-2f0a-4a33-9f7e-0c3a5d2b1e10",
    "product": "d2/ds1",
    "business_date": "2026-12-01",
    "attempt": 2,
    "status": "WAITING",
    "execution_arn": "arn:aws:states:us-east-1:000000000000:execution:headgate-d2_ds1:ds1-2026-12-01-2",
    "missing": [
        {"product": "raw/rd1", "business_date": "2026-12-01", "status": ["COMPLETED"]},
        {"product": "d1/ds2", "business_date": "2026-11-30", "status": ["ERROR"], "cycle": "1400"},
    ],
}
STEP = {"name": "load", "resource": "d2-ds1-load"}


def filled(function: str) -> dict[str, Any]:
    sample = json.loads((ROOT / "events" / f"{function}.json").read_text("utf-8"))
    return samples.filled(function, sample, RUN, samples.facts_of(RUN, STEP, "2026-12-01T08:00:00+00:00"))


def bodies(event: dict[str, Any]) -> list[Any]:
    return [json.loads(each["body"]) for each in event["Records"]] if "Records" in event else [event]


@pytest.mark.parametrize("function", sorted(CONTRACTS))
def test_a_filled_sample_keeps_the_contract(function: str) -> None:
    for body in bodies(filled(function)):
        require(body, CONTRACTS[function])


def test_the_end_of_the_job_is_that_of_the_job_that_the_tracker_recorded() -> None:
    job_status = importlib.import_module("job_status")
    (record,) = filled("job_status")["Records"]
    ended = job_status.parse(json.loads(record["body"]))
    assert ended["job_run_id"] == filled("job_tracker")["job_run_id"]


def test_every_missing_input_arrives() -> None:
    arrivals = [each["detail"] for each in bodies(filled("refresh_events"))]
    assert [(each["domain"], each["product"], each["business_date"], each["cycle"], each["status"]) for each in arrivals] == [
        ("raw", "rd1", "2026-12-01", "", "COMPLETED"),
        ("d1", "ds2", "2026-11-30", "1400", "ERROR"),
    ]  # fmt: skip


def test_the_run_and_not_the_sample_is_named() -> None:
    for function in samples.WALK:
        text = json.dumps(filled(function))
        assert "0b4e6f1c-9f57-4b7e-8f0e-3d2f5a7c9e11" not in text, function


def test_the_walk_names_functions_of_the_template() -> None:
    template = (ROOT / "template.yaml").read_text("utf-8")
    assert all(f"\n  {samples.logical_id(each)}:" in template for each in FUNCTIONS)


@needs_sam
def test_sam_passes_on_the_addresses(tmp_path: Path) -> None:
    """SAM drops variables that the template does not declare, and says nothing."""
    addresses = {"AWS_ENDPOINT_URL": "http://10.88.0.1:4566", "AWS_ENDPOINT_URL_RDS_DATA": "http://10.88.0.1:4599"}
    addresses |= {"SLACK_API_URL": "http://10.88.0.1:4598/slack/", "OPSGENIE_API_URL": "http://10.88.0.1:4598/opsgenie"}
    names = [samples.logical_id(each) for each in FUNCTIONS]
    (tmp_path / "env.json").write_text(json.dumps(samples.environment({each: {} for each in names}, addresses, {})))
    python = ROOT / ".venv-sam" / "bin" / "python"
    done = subprocess.run(
        [python, ROOT / "tests" / "sam_variables.py", ROOT / "template.yaml", tmp_path / "env.json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert found.keys() == set(names)
    for name, each in found.items():
        expected = addresses if name == "AlertsFunction" else dict(list(addresses.items())[:2])
        assert {key: each["variables"].get(key) for key in expected} == expected, name
        assert each["architectures"] == ["x86_64"]


@pytest.fixture
def server() -> Iterator[int]:
    """A server on loopback that answers each message with its capitals."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                with client:
                    while data := client.recv(1 << 16):
                        client.sendall(data.upper())

        threading.Thread(target=serve, daemon=True).start()
        yield int(listener.getsockname()[1])


def test_a_relay_passes_both_directions_on(server: int) -> None:
    with relay.relayed("127.0.0.2", [server]), socket.create_connection(("127.0.0.2", server), timeout=5) as client:
        sent = b"headgate" * 50_000

        def send() -> None:
            client.sendall(sent)
            client.shutdown(socket.SHUT_WR)

        threading.Thread(target=send, daemon=True).start()
        received = b""
        while data := client.recv(1 << 16):
            received += data
    assert received == sent.upper()


def test_an_address_that_is_not_of_this_machine_is_refused_in_words() -> None:
    with (
        pytest.raises(relay.RelayError, match=r"cannot listen on 192\.0\.2\.77:4566"),
        relay.relayed("192.0.2.77", [4566]),
    ):
        pass


def test_without_a_bridge_the_user_learns_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "if_nameindex", lambda: [(1, "lo")])
    with pytest.raises(relay.RelayError, match=r"no container bridge found .* start a container once, or name"):
        relay.bridge_address()
