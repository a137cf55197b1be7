"""Real dependency graphs of public projects, where they lie beside the project."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Headgate

CORPORA = Path(__file__).parent.parent.parent / "shared" / "corpora"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not CORPORA.is_dir(), reason="the corpora of real dependency graphs are not beside this checkout"
    ),
]


def convert(graph: str, root: Path, *options: str) -> None:
    command = [
        sys.executable,
        str(CORPORA / "to_products.py"),
        str(CORPORA / f"{graph}.json"),
        str(root / "products"),
        *options,
    ]
    subprocess.run(command, check=True, capture_output=True)


@pytest.mark.parametrize(("graph", "machines"), [("cal-itp-data-infra", 627), ("bigquery-etl", 2316)])
def test_generates(
    graph: str, machines: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, headgate: Headgate
) -> None:
    monkeypatch.chdir(tmp_path)
    convert(graph, tmp_path)

    code, printed = headgate("generate")

    assert code == 0, printed
    assert len(list((tmp_path / "statemachines").glob("*/*.asl.json"))) == machines
    assert headgate("generate", "--check")[0] == 0


def test_both_real_cycles_of_bigquery_etl_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, headgate: Headgate
) -> None:
    monkeypatch.chdir(tmp_path)
    convert("bigquery-etl", tmp_path, "--keep-cycles")

    code, printed = headgate("validate")

    assert code == 1
    cycles = [line.strip().removeprefix("found ").strip() for line in printed.splitlines() if " -> " in line]
    assert cycles == [
        "firefox-ios-derived/clients-activation-v1 -> firefox-ios/firefox-ios-clients -> firefox-ios/clients-activation"
        " -> firefox-ios-derived/clients-activation-v1",
        "telemetry-derived/clients-histogram-aggregates-new-v1 -> telemetry-derived/clients-histogram-aggregates-v2"
        " -> telemetry-derived/clients-histogram-aggregates-new-v1",
    ]
