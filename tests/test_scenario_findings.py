"""What is wrong in a scenario, as `headgate run` says it: names of the mesh, with the line, what was expected, and what may be meant."""

from collections.abc import Callable
from pathlib import Path

import pytest

from headgate.cli.errors import UsageError
from headgate.cli.progress import Progress
from headgate.cli.project import open_project
from headgate.cli.scenario_file import read_scenario
from headgate.generator.scenario_names import SCENARIO_RULES
from tests.golden import FOLDER, expect

MESH = """\
--- d1/domain.yaml
owner: team-one
--- raw/domain.yaml
owner: ingestion
--- raw/rd1.yaml
description: One
--- d1/ds1.yaml
description: Positions
schedule: {cron: "0 6,14 * * ? *", timezone: UTC}
depends_on: {all_of: [raw/rd1, other/x]}
pipeline:
  steps:
    - {name: build, glue: {job: d1-ds1-build}}
    - {name: check, lambda: {function: "d1-check:live"}}
--- raw/buckets.yaml
landing: {name: acme-landing, create: true}
--- raw/positions.yaml
description: Positions
files: {bucket: landing, pattern: '.*', date: {arrival: true}, complete: {count: 1}}
pipeline: {steps: [{name: load, glue: {job: raw-positions-load}}]}
--- d1/ds2.yaml
description: Balances
depends_on: {all_of: [raw/rd1]}
pipeline: {steps: [{name: build, glue: {job: d1-ds2-build}}]}
"""
HEAD = "business_date: 2026-11-20\ntimezone: UTC\n"
CASES = {
    "names": HEAD + """\
runs:
  d1-ds1-biuld: [{takes: 4m}]
  d1-check: [{fails: no}]
  "*": [{takes: 2m}]
events:
  - {at: "01:00", product: raw/rd7}
  - {at: "01:00", product: other/x}
  - {at: "01:00", product: raw/rd1, cycle: "0600"}
existing:
  - {at: "01:00", job: d1-ds1-build}
  - {at: "01:00", job: d1-ds2-biuld}
acts:
  - {at: "02:00", action: hold, product: raw/rd1}
  - {at: "02:00", action: skip, product: d1/ds3, cycle: "0600"}
  - {at: "03:00", action: rerun, product: d1/ds1, cycle: "0700"}
  - {at: "03:00", action: rerun, product: d1/ds1}
  - {at: "03:00", action: rerun, product: d1/ds2, cycle: "0600"}
expect:
  d1/ds2: {status: COMPLETED}
  d1/ds9: {status: COMPLETED}
  other/x: {status: COMPLETED}
""",
    "files": HEAD + 'files: [{at: "03:00", bucket: acme-landin, key: a.csv, size: 1}, {at: "03:00", bucket: "acme-landing", key: a.csv, content: a}]\n',
    "forms": "business_date: 20.11.2026\ntimezone: UTC\nevents:\n  - {at: 7:00, product: raw/rd1}\n  - {at: \"07:00\"}\nruns: {d1-ds1-build: [{takes: soon}]}\n"
    "expects: {}\nacts: [{at: \"07:00\", action: restart, product: d1/ds1}]\n",
    "not YAML": "{",
    "warnings let it pass": HEAD + 'acts: [{at: "03:00", action: rerun, product: d1/ds1}]\n',
}  # fmt: skip


def test_what_is_wrong_is_named_with_its_place(
    project: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    mesh = open_project(project(MESH) / "products", Progress(True)).loaded.mesh
    shown = []
    for name, text in CASES.items():
        Path("day.yaml").write_text(text)
        try:
            read_scenario(Path("day.yaml"), mesh, False)
            ended = "the scenario was read"
        except UsageError as error:
            ended = f"headgate run: {error}"
        shown.append(f"=== {name}\n{capsys.readouterr().out}{ended}\n")
    text = "\n".join(shown)
    assert [rule.id for rule in SCENARIO_RULES if rule.id not in text] == []
    expect(FOLDER / "messages" / "scenario.txt", text.encode())


def test_a_file_that_cannot_be_read(project: Callable[[str], Path]) -> None:
    mesh = open_project(project(MESH) / "products", Progress(True)).loaded.mesh
    with pytest.raises(UsageError, match=r"^nothing\.yaml: No such file or directory$"):
        read_scenario(Path("nothing.yaml"), mesh, False)
    Path("day.yaml").write_text(HEAD + "jobs: nowhere\n")
    with pytest.raises(UsageError, match=r"^day\.yaml: /jobs: nowhere does not exist$"):
        read_scenario(Path("day.yaml"), mesh, False)
