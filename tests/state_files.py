"""Files that land, for tests of the state: a source as the catalog has it, and what the landing function records of a file."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from file_names import named
from tests.state_world import World, daily, product

BUCKET, PREFIX = "acme-landing-123456789012", "custodian/positions/"
POSITIONS = r"positions_(?P<region>[A-Z]{2})_(?P<date>\d{8})(_(?P<part>\d+)of(?P<parts>\d+))?\.csv\.gz"


def source(complete: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {
        "bucket": "landing",
        "bucket_name": BUCKET,
        "via": "sqs",
        "versioned": True,
        "prefix": PREFIX,
        "pattern": POSITIONS,
        "date": {"group": "date", "format": "%Y%m%d", "offset": 0},
        "cycle": None,
        "complete": complete if complete is not None else {"values": {"region": ["EU", "US", "AP"]}},
        "settle": 0,
        "sweep": False,
        "load": "full",
        "min_bytes": 1,
        "on_correction": "notify",
        "reconcile": None,
        **more,
    }


def positions(
    complete: dict[str, Any] | None = None, depends_on: Any = None, schedule: Any = None, **more: Any
) -> dict[str, Any]:
    """A product that its files start; `more` is of its source."""
    return product(depends_on, schedule, name="positions", files=source(complete, **more))


def sweeping(depends_on: Any = None, schedule: Any = None, notify: Any = None, **more: Any) -> dict[str, Any]:
    """A product that takes what is there at 12:00, 14:00 and 16:00."""
    of_names: dict[str, Any] = {
        "pattern": r"positions_(?P<region>[A-Z]{2})\.csv",
        "date": {},
        "cycle": None,
        "on_correction": "rerun",
    }
    entry = positions(
        {}, depends_on, schedule or daily("12:00", "14:00", "16:00"), **{**of_names, "sweep": True, **more}
    )
    return {**entry, "notify": notify} if notify else entry


def seen(
    files: dict[str, Any], name: str, now: datetime, version: str = "1", owner: str = "raw/positions", **more: Any
) -> dict[str, Any]:
    """The file of that name, after the prefix, as the landing function records it. A version is also its sequencer."""
    found = named(files, files["prefix"] + name)
    of_name = {**asdict(found), "business_date": found.date, "reason": found.problem} if found else {}
    return {
        "product_id": owner if found else None,
        "kind": "data",
        "bucket": files["bucket_name"],
        "key": files["prefix"] + name,
        "version_id": f"v{version}",
        "sequencer": version,
        "etag": f"e{version}",
        "size": 10,
        "event_at": now.isoformat(),
        "how": "event",
        "cycle": "",
        "facets": {},
        "slot": None,
        "expected": None,
        **{key: each for key, each in of_name.items() if key not in ("date", "problem")},
        **more,
    }


def land(world: World, names: list[str], now: datetime, **more: Any) -> dict[str, Any]:
    """Files of raw/positions land."""
    ((files,),) = world.sql("SELECT source FROM landing_source WHERE product_id = 'raw/positions'")
    return asdict(world.state.record_files([seen(files, each, now, **more) for each in names], now))


def statuses(world: World) -> dict[str, list[str]]:
    """Of each object the statuses of its versions, in their order."""
    found: dict[str, list[str]] = {}
    for key, status in world.sql(
        "SELECT key, status FROM landing_file ORDER BY key, sequencer NULLS LAST, latest, file_id"
    ):
        found.setdefault(key.rsplit("/", 1)[-1], []).append(status)
    return found
