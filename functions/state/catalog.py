"""Turns the compiled catalog into rows for `load_catalog`: conditions into a tree over numbered leaves, steps into a list."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from chunks import chunks
from file_names import slots
from state.answers import Loaded
from state.calls import State

Entry = dict[str, Any]
Placed = Callable[[Entry], Entry]
CHUNK = 2_000_000  # bytes of JSON a call; the Data API takes 4 MiB

# What only the account that runs a product needs.
OF_MACHINES = (
    "machine",
    "execution_prefix",
    "depends_on",
    "wait",
    "pipeline",
    "notify",
    "alerts",
    "sla",
    "files",
    "signal",
)
CORRECTED = {"rerun_downstream": "rerun"}  # what `on_correction` is as `on_update`, where it is not the same


def as_it_is(step: Entry) -> Entry:
    return step


def load(
    state: State,
    catalog: Entry,
    upload: str,
    commit: str,
    committed_at: datetime,
    actor: str,
    now: datetime,
    force: bool = False,
    placed: Placed = as_it_is,
) -> Loaded:
    """Loads the catalog; `placed` gives a step what this account and stack say of it."""
    for chunk in chunks(rows(catalog, placed), CHUNK):
        state.database.execute(
            "INSERT INTO catalog_stage (upload, section, key, entry, staged_at) "
            "SELECT :upload, r.section, r.key, r.entry, CAST(:staged_at AS timestamptz) "
            "FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(section text, key text, entry jsonb) "
            "ON CONFLICT (upload, section, key) DO UPDATE SET entry = excluded.entry",
            [
                {"name": "upload", "value": {"stringValue": upload}},
                {"name": "rows", "value": {"stringValue": json.dumps(chunk)}},
                {"name": "staged_at", "value": {"stringValue": now.isoformat()}},
            ],
        )
    return state.load_catalog(upload, commit, committed_at, force, actor, now)


def restrict_to_account(catalog: Entry, account: str, region: str) -> Entry:
    """The catalog for this account and region of a mesh: products of domains elsewhere have no pipeline in it, only events."""

    def home_of(name: str) -> tuple[str, str]:
        domain = catalog["domains"].get(name.split("/")[0], {})
        return domain.get("account", account), domain.get("region", region)

    def restricted(name: str, product: Entry) -> Entry:
        home = home_of(name)
        if home == (account, region):
            return product
        kept = {key: value for key, value in product.items() if key not in OF_MACHINES}
        if needs := sorted({each["product"] for each in leaves_of(product) if "COMPLETED" in each["status"]}):
            kept["needs"] = needs
        if promise := promise_of(product):
            kept["alerts"] = {"promise": promise}
        return {**kept, "runs_in": f"account {home[0]} ({home[1]})"} if "machine" in product else kept

    buckets = {key: each for key, each in catalog.get("buckets", {}).items() if home_of(key) == (account, region)}
    products = {name: restricted(name, each) for name, each in catalog["products"].items()}
    return {**catalog, "products": products, "buckets": buckets}


def promise_of(product: Entry) -> Entry | None:
    """When a product is due, {complete_by, timezone, days after the business date}, as far as it follows from the date alone; None if it does not."""
    sla, schedule = product.get("sla", {}), product.get("schedule") or {}
    if "complete_by" not in sla or schedule.get("date_offset"):
        return None
    days = sla.get("days", int(bool(schedule) and sla["complete_by"] < min(schedule["fires"]["times"])))
    timezone = sla.get("timezone") or schedule.get("timezone", "UTC")
    return {"complete_by": sla["complete_by"], "timezone": timezone, "days": days}


def leaves_of(product: Entry) -> Iterator[Entry]:
    """The dependencies of a product of the catalog."""
    nodes = [product["depends_on"]] if "depends_on" in product else []
    for node in nodes:
        if "product" in node:
            yield node
        else:
            nodes.extend(member for members in node.values() for member in members)


def with_accounts(catalog: Entry) -> Entry:
    """The catalog in which each product has the account that may publish its events, if its domain names one."""
    accounts = {name: domain["account"] for name, domain in catalog["domains"].items() if "account" in domain}

    def owned(name: str, product: Entry) -> Entry:
        account = accounts.get(name.split("/")[0])
        return {**product, "account": account} if account else product

    return {**catalog, "products": {name: owned(name, each) for name, each in catalog["products"].items()}}


def without_accounts(catalog: Entry) -> Entry:
    """The catalog for a single account that has everything: the accounts that dependencies name are ignored as those of domains are."""

    def ignored(node: Entry) -> Entry:
        if "product" in node:
            return {key: value for key, value in node.items() if key != "account"}
        return {operator: [ignored(member) for member in members] for operator, members in node.items()}

    def single(product: Entry) -> Entry:
        return {**product, "depends_on": ignored(product["depends_on"])} if "depends_on" in product else product

    return {**catalog, "products": {name: single(each) for name, each in catalog["products"].items()}}


def rows(catalog: Entry, placed: Placed = as_it_is) -> Iterator[Entry]:
    """Every domain, bucket, calendar and product as a row of the stage; a product also as the catalog holds it."""
    for key, entry in catalog["domains"].items():
        yield {"section": "domains", "key": key, "entry": entry}
    for key, entry in catalog.get("buckets", {}).items():
        yield {"section": "buckets", "key": key, "entry": entry}
    for key, entry in catalog["calendars"].items():
        yield {"section": "calendars", "key": key, "entry": entry}
    times = {
        key: entry["schedule"]["fires"]["times"] for key, entry in catalog["products"].items() if "schedule" in entry
    }
    for key, entry in catalog["products"].items():
        compiled = dict(entry)
        if "depends_on" in entry:
            leaves: list[Entry] = []
            compiled["tree"] = _tree(compiled.pop("depends_on"), leaves, times)
            compiled["leaves"] = leaves
        if "files" in entry:
            _wait_for_files(key, compiled)
        if "pipeline" in entry:
            pipeline = compiled.pop("pipeline")
            compiled["steps"] = [placed(each) for each in _steps(pipeline["steps"])]
            if timeout := pipeline.get("timeout"):
                compiled["pipeline_timeout"] = timeout
        yield {"section": "products", "key": key, "entry": compiled}
        yield {"section": "sources", "key": key, "entry": entry}


def _wait_for_files(name: str, compiled: Entry) -> None:
    """The product waits for its files as for one more dependency. Those of a cycle start the run of that cycle, and
    those that a run has swept start that run."""
    source = compiled["files"]
    compiled["files"] = {**source, "slots": places} if (places := slots(source)) else source
    leaf = {
        "product": f"{name}#files",
        "status": ["COMPLETED"],
        "offset": 0,
        "max_age": None,
        "cycle": "same" if source["cycle"] or source["sweep"] else "",
        "cycles": [""],
        "account": None,
        "on_update": CORRECTED.get(source["on_correction"], source["on_correction"]),
    }
    leaves = compiled.setdefault("leaves", [])
    members = [compiled["tree"]] if "tree" in compiled else []
    leaves.append(leaf)
    compiled["tree"] = {"all_of": [*members, len(leaves) - 1]}


def of_account(catalog: Entry, account: str) -> Entry:
    """The catalog in which the names of buckets have the account that they are in, as far as they name it."""

    def real(name: str) -> str:
        return name.replace("{account}", account)

    def named(product: Entry) -> Entry:
        places = {"files": "bucket_name", "signal": "subject"}
        filled = {
            key: {**product[key], name: real(product[key][name])} for key, name in places.items() if key in product
        }
        return {**product, **filled}

    products = {name: named(each) for name, each in catalog["products"].items()}
    buckets = {key: {**each, "name": real(each["name"])} for key, each in catalog.get("buckets", {}).items()}
    return {**catalog, "products": products, "buckets": buckets}


def _tree(node: Entry, leaves: list[Entry], times: dict[str, list[str]]) -> Any:
    if "product" in node:
        leaves.append({**node, "cycles": _cycles(node["cycle"], times.get(node["product"], []))})
        return len(leaves) - 1
    operator = next(iter(node))
    return {operator: [_tree(member, leaves, times) for member in node[operator]]}


def _cycles(cycle: str, times: list[str]) -> list[str | None]:
    """The refreshes of a day that all have to arrive; [None] is any one of them."""
    names: list[str | None] = [each.replace(":", "") for each in times] if len(times) > 1 else []
    if cycle == "any" or (cycle in ("last", "every") and not names):
        return [None]
    return {"last": names[-1:], "every": names}.get(cycle, [cycle])


def _steps(items: list[Entry]) -> Iterator[Entry]:
    for item in items:
        if "parallel" in item:
            for branch in item["parallel"]:
                yield from _steps(branch)
        else:
            yield item
