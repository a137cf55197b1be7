"""Real dependency graphs of public projects: small ones of this repository, and large ones where they lie beside it."""

from pathlib import Path

import pytest

from tests import corpora
from tests.conftest import Headgate

GRAPHS = corpora.graphs()
SLOW = {name: [pytest.mark.slow] if name.startswith("large-") else [] for name in GRAPHS}
# Of each graph that has cycles, the products of each cycle as the finding names them.
CYCLES = {
    "bigquery-etl": [
        "firefox-ios-derived/clients-activation-v1 -> firefox-ios/firefox-ios-clients -> firefox-ios/clients-activation"
        " -> firefox-ios-derived/clients-activation-v1",
        "telemetry-derived/clients-histogram-aggregates-new-v1 -> telemetry-derived/clients-histogram-aggregates-v2"
        " -> telemetry-derived/clients-histogram-aggregates-new-v1",
    ]
}


@pytest.mark.parametrize("name", [pytest.param(each, marks=SLOW[each]) for each in GRAPHS])
def test_generates(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, headgate: Headgate) -> None:
    monkeypatch.chdir(tmp_path)
    machines = corpora.lay_out(GRAPHS[name], tmp_path / "products")

    code, printed = headgate("generate")

    assert code == 0, printed
    assert len(list((tmp_path / "statemachines").glob("*/*.asl.json"))) == machines >= 22
    assert headgate("generate", "--check")[0] == 0


@pytest.mark.parametrize(
    "name", [pytest.param(each, marks=SLOW[each]) for each in GRAPHS if each.removeprefix("large-") in CYCLES]
)
def test_real_cycles_are_named(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, headgate: Headgate) -> None:
    monkeypatch.chdir(tmp_path)
    corpora.lay_out(GRAPHS[name], tmp_path / "products", cycles=True)

    code, printed = headgate("validate")

    assert code == 1
    cycles = [line.strip().removeprefix("found ").strip() for line in printed.splitlines() if " -> " in line]
    assert cycles == CYCLES[name.removeprefix("large-")]
