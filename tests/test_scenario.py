"""A scenario file: all problems are reported at once, each with its place."""

from datetime import date
from pathlib import Path

import pytest

from headgate.local import scenario

ROOT = Path(__file__).parent.parent


def written(folder: Path, text: str) -> Path:
    path = folder / "day.yaml"
    path.write_text(text)
    return path


def complaint(folder: Path, text: str) -> str:
    with pytest.raises(scenario.ScenarioError) as caught:
        scenario.read(written(folder, text))
    return str(caught.value).replace(f"{folder}/", "")


@pytest.mark.parametrize(
    "path", sorted((ROOT / "local" / "samples").glob("*/*.yaml")), ids=lambda path: path.parent.name
)
def test_the_samples_can_be_read(path: Path) -> None:
    read = scenario.read(path)
    assert read.business_date == date(2026, 11, 20)
    assert read.expect


def test_all_problems_are_reported_at_once(tmp_path: Path) -> None:
    text = """
business_date: 20.11.2026
timezone: UTC
events:
  - {at: "7:00", product: raw/rd1}
  - {at: "07:00"}
runs: {job: [{takes: soon}]}
expect: {d1/ds1: {status: DONE}}
"""
    assert complaint(tmp_path, text).splitlines() == [
        "day.yaml: /business_date: '20.11.2026' does not match '^[0-9]{4}-[0-9]{2}-[0-9]{2}$'",
        "day.yaml: /events/0/at: '7:00' does not match '^([01][0-9]|2[0-3]):[0-5][0-9]( [+-][1-9][0-9]?)?$'",
        "day.yaml: /events/1: {'at': '07:00'} is not valid under any of the given schemas",
        "day.yaml: /expect/d1/ds1/status: 'DONE' is not one of ['COMPLETED', 'ERROR', 'SKIPPED', 'CANCELLED', 'WAITING', 'NOT OPENED']",
        "day.yaml: /runs/job/0/takes: 'soon' does not match '^[0-9]+[smh]$'",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("business_date: 2026-11-20\ntimezone: Mars/Olympus\n", "day.yaml: 'No time zone found with key Mars/Olympus'"),
        ("business_date: 2026-02-30\ntimezone: UTC\n", "day.yaml: day is out of range for month"),
        ("{", "day.yaml: not YAML: "),
        ("business_date: 2026-11-20\ntimezone: UTC\nends: '05:00'\nevents: [{at: '06:00', product: a/b}]\n", "day.yaml: 2026-11-20 06:00 is not between starts (2026-11-20 00:00) and ends (2026-11-20 05:00)"),
        ("business_date: 2026-11-20\ntimezone: UTC\nevents: [{at: '06:00', product: a/b, file: x.csv}]\n", "day.yaml: /events/0/file: x.csv does not exist"),
        ("business_date: 2026-11-20\ntimezone: UTC\njobs: nowhere\n", "day.yaml: /jobs: nowhere does not exist"),
    ],
)  # fmt: skip
def test_what_cannot_be_played_is_refused(tmp_path: Path, text: str, message: str) -> None:
    assert complaint(tmp_path, text).startswith(message)


def test_a_day_may_take_several_days(tmp_path: Path) -> None:
    """A product with `date_offset: -1` opens the run of a date on the day after. Times are those of the business date, or of a day beside it."""
    text = """
business_date: 2026-11-20
timezone: Europe/Berlin
starts: "22:00 -1"
events: [{at: "23:30 -1", product: raw/a}, {at: "06:30 +1", product: raw/b, cycle: "0600"}]
acts: [{at: "08:00 +2", action: rerun, product: d1/a, business_date: 2026-11-19, cycle: "1430", refused: true}]
expect: {d1/a: {status: COMPLETED, after: "06:30 +1", by: "09:00 +2"}}
"""
    read = scenario.read(written(tmp_path, text))
    assert [f"{each.at:%d %H:%M}" for each in read.moments] == ["19 23:30", "21 06:30", "22 08:00"]
    assert (f"{read.starts:%d %H:%M}", f"{read.ends:%d %H:%M}") == ("19 22:00", "22 22:00"), (
        "whole days, to hold all of it"
    )
    assert f"{read.expect['d1/a'].by:%d %H:%M}" == "22 09:00"
    assert read.moments[2].action == {
        "action": "rerun", "product": "d1/a", "business_date": "2026-11-19", "cycle": "1430", "actor": "scenario",
    }  # fmt: skip
    assert read.moments[2].refused


def test_a_file_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(scenario.ScenarioError, match="No such file"):
        scenario.read(tmp_path / "nothing.yaml")
