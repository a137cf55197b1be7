"""DAGs in the form in which Airflow 2.4 to 3.x keeps them (`SerializedDAG.to_dict`, the column `data` of the table `serialized_dag`).

Its schema: airflow/serialization/schema.json of Airflow. Names of keys have changed over the versions; here they have one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from headgate.importing.shapes import check
from headgate.importing.source_file import Problem, SourceError, described

Values = dict[str, Any]
EXPECTED = "DAGs as Airflow serializes them: `{__version, dag}`, or a list of these (docs/import.md has a script that writes it)"
VERSIONS = range(1, 5)


@dataclass(frozen=True, slots=True)
class Task:
    """`values` has what Airflow keeps of the operator: its template fields, and few others."""

    id: str
    type: str
    module: str
    values: Values
    downstream: tuple[str, ...]
    outlets: tuple[str, ...]  # keys of assets
    aliases: tuple[str, ...]
    mapped: bool

    def get(self, key: str, otherwise: Any = None) -> Any:
        value = self.values.get(key)
        return otherwise if value is None else plain(value)


@dataclass(frozen=True, slots=True)
class Dag:
    id: str
    values: Values
    tasks: dict[str, Task]
    file: str

    def get(self, *keys: str) -> Any:
        """The value of the first of these keys that is there."""
        return next((plain(self.values[each]) for each in keys if self.values.get(each) is not None), None)


def read(value: Any, file: str) -> Iterator[Dag]:
    """The DAGs in the JSON value of a file. Raises `SourceError` with everything that is wrong."""
    listed = value["dags"] if isinstance(value, dict) and isinstance(value.get("dags"), list) else value
    problems: list[Problem] = []
    dags = []
    for number, each in enumerate(listed if isinstance(listed, list) else [listed]):
        at = f"/{number}" if isinstance(listed, list) else ""
        try:
            dags.append(_dag(each, file, at))
        except SourceError as error:
            problems += error.problems
    if problems:
        raise SourceError(*problems)
    yield from dags


def plain(value: Any) -> Any:
    """Without Airflow's notes of types: `{__type: timedelta, __var: 60.0}` is 60.0."""
    if isinstance(value, dict):
        if value.keys() == {"__type", "__var"}:
            return plain(value["__var"])
        return {key: plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list) else value


def asset_key(value: Values) -> str:
    """What names an asset: its URI, or the name that it has alone."""
    return str(value.get("uri") or value.get("name") or "")


def _dag(value: Any, file: str, at: str) -> Dag:
    if not isinstance(value, dict) or not isinstance(value.get("dag"), dict):
        raise SourceError(Problem(file, at, described(value), EXPECTED))
    version = value.get("__version")
    if version not in VERSIONS:
        wanted = f"{VERSIONS[0]} to {VERSIONS[-1]}, as Airflow 2.4 and later write it"
        raise SourceError(Problem(file, f"{at}/__version", described(version), wanted))
    check(value, "airflow", file, at)
    dag = value["dag"]
    name = dag.get("dag_id") or dag.get("_dag_id")
    if not name:
        raise SourceError(Problem(file, f"{at}/dag", described(dag), "a DAG with `dag_id`"))
    tasks = [_task(each.get("__var", each)) for each in dag["tasks"]]
    return Dag(name, dag, {each.id: each for each in tasks}, file)


def _task(values: Values) -> Task:
    outlets = [each for each in values.get("outlets") or () if isinstance(each, dict)]
    assets = [each.get("__var", each) for each in outlets if not str(each.get("__type", "asset")).endswith("alias")]
    aliases = [each.get("__var", each) for each in outlets if str(each.get("__type", "asset")).endswith("alias")]
    downstream = values.get("downstream_task_ids") or values.get("_downstream_task_ids") or ()
    return Task(
        id=values["task_id"],
        type=str(values.get("task_type") or values.get("_task_type") or ""),
        module=str(values.get("_task_module") or ""),
        values=values,
        downstream=tuple(sorted(map(str, downstream))),
        outlets=tuple(asset_key(each) for each in assets if asset_key(each)),
        aliases=tuple(str(each.get("name")) for each in aliases),
        mapped=bool(values.get("_is_mapped")),
    )
