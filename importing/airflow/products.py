"""DAGs as products: a DAG whose tasks are steps has a pipeline; one with a task that is no step stays in Airflow, and others wait for its events."""

from dataclasses import dataclass, field, replace
from typing import Any

from headgate.importing.airflow.operators import STARTS, WAITS
from headgate.importing.airflow.pipeline import Pipeline, pipeline_of
from headgate.importing.airflow.serialized import Dag
from headgate.importing.airflow.timetables import Opening, dependencies, opening
from headgate.importing.names import Names
from headgate.importing.result import Document, Imported, Kind, Note, Product
from headgate.importing.texts import one_line

DOMAIN_FROM = ("folder", "tag", "owner")


@dataclass(frozen=True, slots=True)
class Settings:
    """`schedule` opens the DAGs that have no timetable and wait for nothing."""

    domain: str = "airflow"
    domain_from: str = ""
    schedule: Document = field(default_factory=dict)


def products(dags: list[Dag], settings: Settings) -> Imported:
    return _Import(dags, settings).result()


class _Import:
    def __init__(self, dags: list[Dag], settings: Settings) -> None:
        self.settings = settings
        self.dags = {each.id: each for each in sorted(dags, key=lambda each: each.id)}
        self.domains, self.names = Names(), dict[str, Names]()
        self.notes: list[Note] = []
        self.external: dict[str, Product] = {}
        self.ids = {each.id: self._name(self._domain(each), each.id) for each in self.dags.values()}
        self.openings = {each.id: opening(each) for each in self.dags.values()}
        self.refreshed: dict[str, list[str]] = {}  # products by the keys of the assets that their tasks refresh
        for dag in self.dags.values():
            for key in dict.fromkeys(outlet for task in dag.tasks.values() for outlet in task.outlets):
                self.refreshed.setdefault(key, []).append(self.ids[dag.id])
        self.started_by: dict[str, list[str]] = {}
        for dag in self.dags.values():
            for task in dag.tasks.values():
                if task.type in STARTS and isinstance(task.get("trigger_dag_id"), str):
                    self.started_by.setdefault(task.get("trigger_dag_id"), []).append(dag.id)

    def result(self) -> Imported:
        made = [self._product(each) for each in self.dags.values()]
        for target, starters in sorted(self.started_by.items()):
            if target not in self.dags:
                for each in starters:
                    self._note(each, Kind.LEFT_OUT, f"starts the DAG {target}, which was not given")
        return Imported.of([*made, *self.external.values()], self.notes)

    def _name(self, domain: str, key: str, text: str = "") -> str:
        own = self.domains.of(domain)
        return f"{own}/{self.names.setdefault(own, Names()).of(key, text)}"

    def _domain(self, dag: Dag) -> str:
        found = ""
        if self.settings.domain_from == "tag":
            found = next(iter(sorted(map(str, dag.get("tags") or []))), "")
        elif self.settings.domain_from == "owner":
            found = _owner(dag)
        elif self.settings.domain_from == "folder":
            found = str(dag.get("relative_fileloc") or dag.get("fileloc") or "").rpartition("/")[0].rpartition("/")[2]
        return found or self.settings.domain

    def _product(self, dag: Dag) -> Product:
        begun, own = self.openings[dag.id], self.ids[dag.id]
        for each in begun.notes:
            self._note(dag.id, Kind.CHANGED, each)
        document: Document = {"description": one_line(str(dag.get("description", "_description", "doc_md") or ""), f"What the DAG {dag.id} of Airflow makes")}  # fmt: skip
        owner = _owner(dag)
        document |= {"owner": one_line(owner, "")} if owner else {}
        condition = self._condition(dag, begun)
        schedule = begun.schedule or ({} if condition else self.settings.schedule)
        document |= {"schedule": schedule} if schedule else {}
        document |= {"depends_on": condition} if condition else {}
        if not schedule and not condition:
            self._note(
                dag.id, Kind.TO_DO, "is started by hand: give it a schedule or `depends_on`, or import with --schedule"
            )
        self._remarks(dag)
        domain, name = own.split("/")
        found = pipeline_of(dag, _parameters(dag), begun.dated)
        for kind, remark in found.remarks:
            self._note(dag.id, kind, remark)
        document["pipeline"] = {"steps": found.steps}
        product = Product(domain, name, document, f"the DAG {dag.id} of Airflow")
        return self._external(dag, product, found) if found.reasons else product

    def _external(self, dag: Dag, product: Product, found: Pipeline) -> Product:
        for each in found.reasons:
            self._note(dag.id, Kind.LEFT_OUT, each)
        publishes = "Airflow goes on running it: its last task has to publish the refresh event (docs/import.md)"
        self._note(dag.id, Kind.TO_DO, publishes)
        document = product.document if found.steps else {key: each for key, each in product.document.items() if key != "pipeline"}  # fmt: skip
        return replace(product, document=document).stays_external(*found.reasons)

    def _condition(self, dag: Dag, begun: Opening) -> Any:
        """What the DAG waits for: its assets, the DAGs that its sensors look at, and those that start it."""
        condition = dependencies(begun.condition, self._refreshing) if begun.condition else None
        others: list[Any] = [self._other(dag, each) for each in self._awaited(dag)]
        starters = sorted({self.ids[each] for each in self.started_by.get(dag.id, []) if each != dag.id})
        if starters and begun.schedule:
            self._note(
                dag.id,
                Kind.LEFT_OUT,
                f"is started by {', '.join(starters)} as well as by its timetable, which alone opens it here",
            )
            starters = []
        elif starters:
            self._note(
                dag.id,
                Kind.CHANGED,
                f"is started when {', '.join(starters)} is COMPLETED, and not by a task in the middle of it",
            )
            others += starters if len(starters) == 1 else [{"any_of": starters}]
        others = [each for each in dict.fromkeys(map(_frozen, others)) if each != self.ids[dag.id]]
        members = [_thawed(each) for each in others]
        if condition is None and not members:
            return None
        if isinstance(condition, dict) and "all_of" in condition:
            return {"all_of": _without_repetition([*condition["all_of"], *members])}
        if isinstance(condition, dict) and not members:
            return condition
        return {"all_of": _without_repetition([*([condition] if condition else []), *members])}

    def _refreshing(self, key: str) -> list[str]:
        """The products that refresh an asset; one that no DAG refreshes is a product of its own."""
        if key in self.refreshed:
            return sorted(self.refreshed[key])
        text = key.partition("://")[2].strip("/") or key
        product = self._name("assets" if self.settings.domain_from else self.settings.domain, f"asset {key}", text)
        if product not in self.external and product not in self.ids.values():
            domain, name = product.split("/")
            described: Document = {
                "description": one_line(f"The asset {key} of Airflow, which no imported DAG refreshes", "")
            }
            self.external[product] = Product(domain, name, described, f"the asset {key} of Airflow")
            text = "no task of the DAGs has it as an outlet: who refreshes it has to publish its refresh event"
            self.notes.append(Note(product, f"asset {key}", Kind.TO_DO, text))
        return [product]

    def _awaited(self, dag: Dag) -> list[str]:
        found = [task.get("external_dag_id") for task in dag.tasks.values() if task.type in WAITS]
        return sorted({each for each in found if isinstance(each, str) and each and "{{" not in each})

    def _other(self, dag: Dag, awaited: str) -> str:
        self._note(dag.id, Kind.CHANGED, f"waits for the whole of {awaited} and the same business date, at its beginning; its sensor may wait for a task of it, or another date")  # fmt: skip
        if awaited in self.ids:
            return self.ids[awaited]
        product = self._name(self._domain(dag), awaited)
        domain, name = product.split("/")
        document = {"description": f"What the DAG {awaited} of Airflow makes, which was not imported"}
        self.external[product] = Product(domain, name, document, f"the DAG {awaited} of Airflow, which was not given", stand_in=True)  # fmt: skip
        return product

    def _remarks(self, dag: Dag) -> None:
        if dag.get("has_on_failure_callback") or any(
            task.get("has_on_failure_callback") for task in dag.tasks.values()
        ):
            self._note(dag.id, Kind.TO_DO, "has callbacks for failures: state in `notify` who is notified")
        if dag.get("catchup"):
            self._note(dag.id, Kind.CHANGED, "has catchup: past dates are opened by `headgate backfill`")
        if dag.get("dagrun_timeout"):
            self._note(dag.id, Kind.LEFT_OUT, f"dagrun_timeout of {dag.get('dagrun_timeout'):g} seconds: state it as `pipeline.timeout`, steps and retries included")  # fmt: skip
        if any(task.get("depends_on_past") for task in dag.tasks.values()):
            self._note(dag.id, Kind.LEFT_OUT, "depends_on_past: a run does not wait for the date before; {product: itself, offset: -1} says so")  # fmt: skip
        pools = sorted({str(task.get("pool")) for task in dag.tasks.values() if task.get("pool", "default_pool") != "default_pool"})  # fmt: skip
        if pools:
            self._note(dag.id, Kind.LEFT_OUT, f"the pools {', '.join(pools)}, which limit how many tasks run at once")
        aliases = sorted({each for task in dag.tasks.values() for each in task.aliases})
        if aliases:
            self._note(
                dag.id,
                Kind.LEFT_OUT,
                f"refreshes assets by the aliases {', '.join(aliases)}, which are known when tasks run",
            )

    def _note(self, dag: str, kind: Kind, text: str) -> None:
        self.notes.append(Note(self.ids[dag], f"DAG {dag}", kind, text))


def _owner(dag: Dag) -> str:
    owners = {str(task.get("owner")) for task in dag.tasks.values() if task.get("owner")} - {"airflow"}
    stated = (dag.get("default_args") or {}).get("owner")
    return min(owners) if len(owners) == 1 else str(stated) if stated and stated != "airflow" and not owners else ""


def _parameters(dag: Dag) -> dict[str, Any]:
    """The defaults of the DAG's parameters."""
    given = dag.get("params") or []
    pairs = (
        given.items()
        if isinstance(given, dict)
        else [tuple(each) for each in given if isinstance(each, list) and len(each) == 2]
    )
    return {str(name): each.get("default") if isinstance(each, dict) else each for name, each in pairs}


def _frozen(value: Any) -> Any:
    return value if isinstance(value, str) else tuple(value["any_of"])


def _thawed(value: Any) -> Any:
    return value if isinstance(value, str) else {"any_of": list(value)}


def _without_repetition(members: list[Any]) -> list[Any]:
    return [each for number, each in enumerate(members) if each not in members[:number]]
