"""Real dependency graphs of public projects, and products made of them.

A graph is a JSON file: `source`, `commit` and `licence` of the project it was read from, and `nodes` with `id`, `domain`,
`depends_on` (ids) and, where the project has them, `schedule`, `retries` and `retry_delay`. The files hold such facts and none
of the projects' code. The two small graphs of this folder were read from the SQL of the projects they name:
bigquery-etl.json is what lies around the project's two cycles, ol-data-platform.json is what the courses' marts depend on.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent
LARGE = FOLDER.parents[2] / "shared" / "corpora"  # larger graphs, on machines that have them
Node = dict[str, Any]


def graphs() -> dict[str, Path]:
    """The graphs by name; that of a large one begins with `large-`."""
    small = {path.stem: path for path in sorted(FOLDER.glob("*.json"))}
    return small | {f"large-{path.stem}": path for path in sorted(LARGE.glob("*.json"))}


def lay_out(graph: Path, products: Path, cycles: bool = False) -> int:
    """Writes the metadata of a product for each node into the folder `products`, and gives their number. The dependencies that
    close a cycle are left out unless `cycles`."""
    nodes: list[Node] = json.loads(graph.read_text("utf-8"))["nodes"]
    names = _names(nodes)
    left_out = set() if cycles else set(_closing(nodes))
    for domain in {name.split("/")[0] for name in names.values()}:
        (products / domain).mkdir(parents=True)
        _write(products / domain / "domain.yaml", {"owner": "data-platform", "account": "111122223333"})
    for node in nodes:
        upstream = {each for each in node["depends_on"] if each in names and (node["id"], each) not in left_out}
        depends_on = sorted({names[each] for each in upstream} - {names[node["id"]]})
        _write(products / f"{names[node['id']]}.yaml", _product(node, names[node["id"]], depends_on))
    return len(nodes)


def _names(nodes: list[Node]) -> dict[str, str]:
    """The product of each node, `<domain>/<name>`; names that would be equal are numbered."""
    found: dict[str, str] = {}
    taken = {"domain"}
    for node in nodes:
        domain, name = _slug(node["domain"])[-30:].strip("-"), _slug(node["id"].rsplit(".", 1)[-1])[-36:].strip("-")
        candidates = (f"{domain}/{name}{suffix}" for suffix in ("", *(f"-{number}" for number in range(2, 999))))
        found[node["id"]] = next(each for each in candidates if each not in taken and not each.endswith("/domain"))
        taken.add(found[node["id"]])
    return found


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _closing(nodes: list[Node]) -> Iterator[tuple[str, str]]:
    """Dependencies that close a cycle: those on a node that a depth-first walk in file order has begun and not ended."""
    upstream = {node["id"]: list(node["depends_on"]) for node in nodes}
    ended: dict[str, bool] = {}
    for root in upstream:
        path = [(root, iter(upstream[root]))] if root not in ended else []
        ended.setdefault(root, False)
        while path:
            name, rest = path[-1]
            following = next((each for each in rest if each in upstream and not ended.get(each, False)), None)
            if following is None:
                ended[name] = True
                path.pop()
            elif following in ended:
                yield name, following
            else:
                ended[following] = False
                path.append((following, iter(upstream[following])))


def _product(node: Node, name: str, depends_on: list[str]) -> dict[str, Any]:
    step: dict[str, Any] = {"name": "build", "glue": {"job": name.replace("/", "-")}}
    step["glue"]["arguments"] = {"--business_date": "{business_date}"}
    if node.get("retries"):
        step["retry"] = {"attempts": int(node["retries"]), "interval": _delay(node.get("retry_delay"))}
    made: dict[str, Any] = {"description": node["id"]}
    if _schedule(node.get("schedule")):
        made["schedule"] = _schedule(node["schedule"])
    if depends_on:
        made["depends_on"] = {"all_of": depends_on}
    return made | {"pipeline": {"steps": [step]}}


def _delay(text: str | None) -> str:
    return text if text and re.fullmatch(r"\d+[smh]", text) else "5m"


def _schedule(text: str | None) -> dict[str, str] | None:
    """`daily`, `hourly` (one run a business date) or five fields of cron, as a product's schedule."""
    if text in ("daily", "hourly"):
        return {"frequency": "daily", "time": "06:00"}
    fields = (text or "").split()
    if len(fields) != 5:
        return None
    minute, hour, day, month, weekday = fields
    if weekday == "*":
        return {"cron": f"{minute} {hour} {day} {month} ? *"}
    names = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]
    return {"cron": f"{minute} {hour} ? {month} {re.sub('[0-7]', lambda digit: names[int(digit[0])], weekday)} *"}


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(yaml.safe_dump(content, sort_keys=False, width=120), "utf-8")
