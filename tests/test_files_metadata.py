"""`files` of a product as its author meets them: what a name would become, what `plan` and `graph` say, and which patterns are refused."""

import json
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from headgate.cli.default_scenario import default_scenario
from headgate.generator.cache import Cache
from headgate.generator.model.name_samples import samples, slow
from headgate.generator.plan.file_changes import differences
from headgate.generator.project import Project
from tests.conftest import Headgate
from tests.golden import FOLDER

MESH = (FOLDER / "output/files/input.txt").read_text("utf-8")
CALENDAR = "--- calendars/us.yaml\ndates: [2026-11-26, 2027-12-25]\n"


@pytest.fixture
def root(project: Callable[[str], Path]) -> Path:
    return project(MESH + CALENDAR)


@pytest.mark.parametrize(
    "name",
    [
        "positions_EU_20261120.csv.gz",
        "custodian/positions/positions_EU_20261120.csv.gz",
        "s3://acme-landing-123456789012/custodian/positions/positions_EU_20261120.csv.gz",
    ],
)
def test_a_name_says_what_it_would_become(root: Path, headgate: Headgate, name: str) -> None:
    assert headgate("validate", "--try", name) == (
        0,
        f"{name}: a file of raw/positions\n"
        "  key            s3://acme-landing-{account}/custodian/positions/positions_EU_20261120.csv.gz\n"
        "  kind           data\n"
        "  business date  2026-11-20\n"
        "  region         EU\n",
    )


def test_cycles_parts_and_kinds_are_shown(root: Path, headgate: Headgate) -> None:
    code, printed = headgate("validate", "--try", "rates_1430_01of3.json")
    assert (code, printed.splitlines()[2:]) == (
        0,
        [
            "  kind           data",
            "  business date  that of its arrival",
            "  cycle          1430",
            "  desk           rates",
            "  part           1",
            "  parts          3",
        ],
    )
    code, printed = headgate("validate", "--try", "holdings_2026-11-20.json", "--json")
    assert (code, json.loads(printed)["taken"][0]["kind"]) == (0, "manifest")


def test_a_name_without_a_business_date_would_be_rejected(root: Path, headgate: Headgate) -> None:
    positions = root / "products/raw/positions.yaml"
    positions.write_text(positions.read_text().replace("America/Chicago}", "America/Chicago, calendar: us}"))

    code, printed = headgate("validate", "--try", "positions_EU_20261126.csv.gz")
    assert (code, "  REJECTED       2026-11-26 is no business day of the calendar us\n" in printed) == (1, True)
    code, printed = headgate("validate", "--try", "positions_EU_20261340.csv.gz")
    assert (code, '  REJECTED       "20261340" is not a date of the format %Y%m%d\n' in printed) == (1, True)


def test_the_offset_moves_the_date_over_holidays(root: Path, headgate: Headgate) -> None:
    positions = root / "products/raw/positions.yaml"
    text = positions.read_text().replace("America/Chicago}", "America/Chicago, calendar: us}")
    positions.write_text(text.replace('"%Y%m%d"}', '"%Y%m%d", offset: -1}'))

    _, printed = headgate("validate", "--try", "positions_EU_20261127.csv.gz")
    assert "  business date  2026-11-25\n" in printed


@pytest.mark.parametrize(
    ("name", "product", "matches", "then"),
    [
        ("positions_EU_2026-11-20.csv.gz", "raw/positions", "positions_EU_", r"2026-11-20.csv.gz, where the pattern has (?P<date>\d{8})"),
        ("positions_EU_20261120.csv", "raw/positions", "positions_EU_20261120.csv", r"the end, where the pattern has \.gz"),
        ("positions_EU_20261120.csv.gz.tmp", "raw/positions", "positions_EU_20261120.csv.gz", ".tmp, where the pattern ends"),
    ],
)  # fmt: skip
def test_the_nearest_pattern_shows_where_it_stops(
    root: Path, headgate: Headgate, name: str, product: str, matches: str, then: str
) -> None:
    assert headgate("validate", "--try", name) == (
        1,
        f"{name}: a file of no product; it would be kept as unmatched\n"
        f"  nearest        {product}\n  matches        {matches}\n  then           {then}\n",
    )


def test_a_name_that_is_like_nothing(root: Path, headgate: Headgate) -> None:
    (root / "products/raw/broken.yaml").write_text("description: [")
    for name in ("%.txt", "s3://other/positions_EU_20261120.csv.gz"):
        code, printed = headgate("validate", "--try", name)
        assert (code, "  nearest        none: no pattern matches its beginning\n" in printed) == (1, True)
        assert "has 1 error, which `headgate validate` lists" in printed


def test_plan_says_what_a_new_source_waits_for(root: Path, headgate: Headgate) -> None:
    code, printed = headgate("plan")
    assert code == 0
    assert "+ raw/positions opens on MON-FRI at 18:00 America/Chicago; waits for files in acme-landing-{account}/custodian/positions/: one for each region of EU, US, AP" in printed  # fmt: skip
    assert "+ raw/trades opens by its first file; waits for files in acme-landing-{account}/trades/: all parts that the names count" in printed  # fmt: skip


def test_plan_says_what_changed_in_a_source(root: Path, headgate: Headgate) -> None:
    assert headgate("generate")[0] == 0
    positions, trades = root / "products/raw/positions.yaml", root / "products/raw/trades.yaml"
    text = positions.read_text().replace("AP]}", "AP, JP]}\n    settle: 10m").replace("rerun", "notify")
    positions.write_text(
        text.replace(r"\.csv\.gz", r"\.csv").replace("  date: {group: date", "  date: {offset: 1, group: date")
    )
    text = trades.read_text()
    trades.write_text(
        text[: text.index("files:")] + 'schedule: {cron: "0 6,12 * * ? *"}\n' + text[text.index("pipeline:") :]
    )

    _, printed = headgate("plan")

    assert "files are named positions_(?P<region>[A-Z]{2})_(?P<date>\\d{8})(_(?P<part>\\d+)of(?P<parts>\\d+))?\\.csv\\.gz -> " in printed  # fmt: skip
    assert "date of files date by %Y%m%d -> date by %Y%m%d +1" in printed
    assert "waits for files: one for each region of EU, US, AP -> one for each region of EU, US, AP, JP" in printed
    assert "files settle for 2m -> 10m; on_correction rerun -> notify" in printed
    assert "no longer waits for files" in printed
    assert "condition" in printed  # open runs of raw/trades take the new one


def test_long_lists_are_cut_and_their_changes_are_said_all_the_same() -> None:
    def source(*values: str) -> dict[str, object]:
        keys = {
            "bucket_name": "b",
            "prefix": "",
            "pattern": "p",
            "cycle": None,
            "settle": 1,
            "load": "full",
            "min_bytes": 1,
        }
        keys |= {"on_correction": "notify", "reconcile": None, "via": "sqs", "versioned": True}
        return {**keys, "date": {"group": "d", "format": "f", "offset": 0}, "complete": {"values": {"r": list(values)}}}

    assert list(differences(source(*"abcdef"), source(*"abcdeg"))) == ["waits for files: other entries of values"]


def test_the_graph_shows_buckets(root: Path, headgate: Headgate) -> None:
    assert '  b0[("acme-landing-{account}")]\n  b0 --> n1\n  b0 --> n2\n' in headgate("graph")[1]
    assert '  "custodian-drop" [shape=cylinder];\n  "custodian-drop" -> "raw/holdings";\n' in headgate("graph", "--format", "dot")[1]  # fmt: skip


@pytest.mark.parametrize(
    ("pattern", "groups"),
    [
        (r"positions_(?P<region>[A-Z]{2})_(?P<date>\d{8})(_\d+)?\.csv", {"region": "EU", "date": "20261120"}),
        (r"(?P<kind>full|delta)_.*_(?P<date>\d{8})[^/]+", {"kind": "delta"}),
        (r"(?P<a>x{3}|y+?)(?:-(?P<b>[^-\s]{2,4}))*\Z", {"a": "yy"}),
    ],
)
def test_samples_match_their_pattern_and_have_the_texts(pattern: str, groups: dict[str, str]) -> None:
    found = samples(pattern, groups)
    assert found
    for name in found:
        match = re.fullmatch(pattern, name)
        assert match
        assert {key: match[key] for key in groups} == groups


def test_a_group_that_cannot_have_a_text_has_no_sample() -> None:
    assert samples(r"(?P<region>[A-Z]{2})", {"region": "APAC"}) == []


@pytest.mark.parametrize("pattern", [r"(a+)+b", r"(\w{1,8}x){20}", r"(\d+_)*x", r".*a.*b.*c", r"\w+_\w+_\w+"])
def test_patterns_that_backtrack_are_found(pattern: str) -> None:
    assert slow(pattern)


@pytest.mark.parametrize("pattern", [r".*_(?P<date>\d{8})_.*", r"(\d{8}_)*x", r"a+_\d+_[a-z]+_\d+\.csv", r"(_\d+)?"])
def test_patterns_of_few_ways_are_not(pattern: str) -> None:
    assert slow(pattern) is None


def test_on_the_default_day_a_complete_set_of_each_product_lands(root: Path) -> None:
    day = default_scenario(Project(root / "products", Cache(None), date(2026, 11, 20)).loaded.mesh, date(2026, 11, 20))

    landed = {each.landing[1]: each for each in day.moments if each.landing}
    positions = [f"custodian/positions/positions_{each}_20261120.csv.gz" for each in ("EU", "US", "AP")]
    assert landed.keys() == {*positions, "trades/a_0000_1of1.json", "holdings_2026-11-20_0.xml", "holdings_2026-11-20.json"}  # fmt: skip
    assert landed[positions[0]].at.isoformat() == "2026-11-20T18:00:00-06:00", "when the run opens"
    assert landed["trades/a_0000_1of1.json"].at.date() == date(2026, 11, 21), (
        "the offset moves its date back to the day"
    )
    manifest = landed["holdings_2026-11-20.json"].landing
    assert manifest
    assert json.loads(manifest[2]) == {"files": [{"name": "holdings_2026-11-20_0.xml"}]}
    assert day.expect.keys() == {"raw/positions", "raw/trades", "raw/holdings"}


@pytest.fixture
def sweeping(project: Callable[[str], Path]) -> Path:
    """raw/ticks sweeps every two hours from 8 to 18."""
    return project((FOLDER / "output/batches/input.txt").read_text("utf-8"))


def test_a_file_that_is_swept_has_the_date_of_the_opening(sweeping: Path, headgate: Headgate) -> None:
    code, printed = headgate("validate", "--try", "fx_2.csv")
    assert (code, printed.splitlines()[2:]) == (
        0,
        ["  kind           data", "  business date  that of the opening that takes it", "  desk           fx"],
    )


def test_plan_says_what_a_sweep_takes(sweeping: Path, headgate: Headgate) -> None:
    in_folder = "waits for files in acme-landing-{account}/ticks/: what is there when the schedule opens a run"
    assert in_folder in headgate("plan")[1]
    assert headgate("generate")[0] == 0
    ticks = sweeping / "products/raw/ticks.yaml"
    counted = "date: {arrival: true, timezone: UTC}\n  complete: {count: 2}"
    ticks.write_text(ticks.read_text().replace("sweep: true", counted))
    printed = headgate("plan")[1]
    assert "date of files that of the opening -> their arrival until midnight UTC" in printed
    assert "waits for files: what is there when the schedule opens a run -> 2 of them" in printed


def test_on_the_default_day_a_file_lands_before_each_sweep(sweeping: Path) -> None:
    day = default_scenario(
        Project(sweeping / "products", Cache(None), date(2026, 11, 20)).loaded.mesh, date(2026, 11, 20)
    )
    landed = [
        each.at.strftime("%H:%M") for each in day.moments if each.landing and each.landing[1].startswith("ticks/")
    ]
    assert landed == ["07:50", "09:50", "11:50", "13:50", "15:50", "17:50"]
    assert "raw/ticks" in day.expect
