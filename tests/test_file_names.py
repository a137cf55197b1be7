"""What the name of a landed file says: its date, cycle and facets, and which names are not of the source."""

from typing import Any

import pytest

from file_names import Named, filled_in, named, slots

POSITIONS = {
    "prefix": "custodian/positions/",
    "pattern": r"positions_(?P<region>[A-Z]{2})_(?P<date>\d{8})(_(?P<part>\d+)of(?P<parts>\d+))?\.csv\.gz",
    "date": {"group": "date", "format": "%Y%m%d", "offset": 0},
}


def source(**changed: Any) -> dict[str, Any]:
    return {**POSITIONS, **changed}


def test_a_name_has_its_date_and_facets() -> None:
    assert named(POSITIONS, "custodian/positions/positions_EU_20261120.csv.gz") == Named(
        "data", "2026-11-20", facets={"region": "EU"}
    )


def test_parts_are_numbers_however_they_are_written() -> None:
    found = [
        named(POSITIONS, f"custodian/positions/positions_EU_20261120_{part}.csv.gz") for part in ("01of03", "1of3")
    ]
    assert found[0] == found[1]
    assert found[0] is not None
    assert found[0].facets == {"region": "EU", "part": "1", "parts": "3"}


@pytest.mark.parametrize(
    "key",
    [
        "custodian/positions/",
        "custodian/positions/positions_EU_20261120.csv.gz/",
        "custodian/positions/old/positions_EU_20261120.csv.gz",
        "custodian/positions/positions_EU_20261120.csv.gz.tmp",
        "custodian/trades/positions_EU_20261120.csv.gz",
    ],
)
def test_other_names_are_not_of_the_source(key: str) -> None:
    assert named(POSITIONS, key) is None


@pytest.mark.parametrize("text", ["20261340", "20260230", "00000000"])
def test_an_impossible_date_is_said(text: str) -> None:
    found = named(POSITIONS, f"custodian/positions/positions_EU_{text}.csv.gz")
    assert found is not None
    assert (found.date, found.problem) == (None, f'"{text}" is not a date of the format %Y%m%d')


def test_a_date_that_only_a_lenient_reader_takes_is_none() -> None:
    lenient = source(pattern=r"positions_(?P<region>[A-Z]{2})_(?P<date>\d+)\.csv\.gz")
    found = named(lenient, "custodian/positions/positions_EU_2026115.csv.gz")
    assert found is not None
    assert found.problem == '"2026115" is not a date of the format %Y%m%d'


def test_a_name_without_its_date_is_said() -> None:
    optional = source(pattern=r"positions(_(?P<date>\d{8}))?\.csv\.gz")
    found = named(optional, "custodian/positions/positions.csv.gz")
    assert found == Named("data", problem='the name has no "date"')


def test_the_arrival_decides_where_the_source_says_so() -> None:
    arriving = source(pattern=r".*\.csv", date={"arrival": True, "day_ends": "20:00"})
    assert named(arriving, "custodian/positions/ü+1 %25.csv") == Named("data")


def test_markers_and_manifests_have_a_date_and_are_no_data() -> None:
    marked = source(complete={"marker": "positions_{date}.done"})
    manifest = source(complete={"manifest": {"name": "list_{date}_{cycle}.json"}}, cycle={"group": "hour"})
    assert named(marked, "custodian/positions/positions_20261120.done") == Named("marker", "2026-11-20")
    assert named(manifest, "custodian/positions/list_20261120_08.json") == Named("manifest", "2026-11-20", "0800")


def test_a_template_gives_the_name_of_a_date_and_is_no_pattern() -> None:
    names = source(complete={"names": ["positions.{date}.csv"]})
    assert filled_in("positions.{date}.csv", names, "2026-11-20", "") == "positions.20261120.csv"
    marked = source(complete={"marker": "positions.{date}.done"})
    assert named(marked, "custodian/positions/positionsX20261120.done") is None


def test_a_cycle_is_an_hour_or_a_time() -> None:
    hourly = source(pattern=r"(?P<date>\d{8})T(?P<hour>\d+)\.csv", cycle={"group": "hour"})
    cycles = {
        text: named(hourly, f"custodian/positions/20261120T{text}.csv") for text in ("08", "0830", "8", "24", "0860")
    }
    assert [each.cycle for each in cycles.values() if each] == ["0800", "0830", "", "", ""]
    assert [each.problem for each in cycles.values() if each][2] == '"8" is not a cycle: an hour (14) or a time (1430)'


def test_a_file_takes_a_place_of_its_set() -> None:
    key = "custodian/positions/positions_EU_20261120{}.csv.gz"

    def slot(complete: dict[str, Any], part: str = "") -> tuple[str | None, list[str] | None]:
        found = named(source(complete=complete), key.format(part))
        assert found is not None
        return found.slot, slots(source(complete=complete))

    assert slot({"values": {"region": ["EU", "US"]}}) == ("EU", ["EU", "US"])
    template = "positions_EU_{date}.csv.gz"
    assert slot({"names": [template, "b_{date}.csv.gz"]}) == (template, [template, "b_{date}.csv.gz"])
    assert slot({"names": ["b_{date}.csv.gz"]}) == (None, ["b_{date}.csv.gz"])
    assert slot({"parts": True}, "_01of3") == ("1 of 3", None)
    assert slot({"count": 2}) == (None, None)
    both = {"values": {"region": ["EU", "US"], "part": ["1", "2"]}}
    assert slot(both, "_01of3") == ("1 EU", ["1 EU", "1 US", "2 EU", "2 US"])
