"""Workflows of Glue, and triggers without one, as products."""

from dataclasses import dataclass, field
from typing import Any

from headgate.importing import schedules
from headgate.importing.glue.crawling import TIMEOUT, definition_of
from headgate.importing.glue.export import Export, Item
from headgate.importing.glue.parts import Node, Part, parts_of
from headgate.importing.names import Names, step_names
from headgate.importing.pipelines import arranged
from headgate.importing.result import Document, Imported, Kind, Note, Product
from headgate.importing.texts import one_line, whole_minutes

LONGEST = 10079  # minutes of a Glue job, by `x-limits` of the step type


@dataclass(frozen=True, slots=True)
class Settings:
    """`schedule` opens the runs of what no trigger opens by a schedule."""

    domain: str
    schedule: Document = field(default_factory=dict)


def products(export: Export, settings: Settings) -> Imported:
    return _Import(export, settings).result()


class _Import:
    def __init__(self, export: Export, settings: Settings) -> None:
        self.export, self.settings = export, settings
        self.domain, self.names = Names().of(settings.domain), Names()
        self.notes: list[Note] = []

    def result(self) -> Imported:
        made: list[Product] = []
        triggers = self._by_workflow()
        for workflow, every in sorted(triggers.items()):
            parts = parts_of(every)
            ids: dict[str, str] = {}
            for part in parts:
                alone = workflow and len(parts) == 1
                ids[part.name] = self.names.of(f"{workflow}/{part.name}", workflow if alone else part.name)
                made.append(self._product(workflow, part, ids))
        for name in sorted(self.export.workflows.keys() - triggers.keys()):
            text = "has no triggers in the export: give `aws glue get-triggers` or the workflow with --include-graph"
            self.notes.append(Note("", f"workflow {name}", Kind.LEFT_OUT, text))
        return Imported.of(made, self.notes)

    def _by_workflow(self) -> dict[str, dict[str, Item]]:
        """The triggers of each workflow; those of none under the empty name. Those that are switched off are left out."""
        found: dict[str, dict[str, Item]] = {}
        for name, each in sorted(self.export.triggers.items()):
            if each["Type"] == "CONDITIONAL" and each.get("State", "ACTIVATED") not in ("ACTIVATED", "ACTIVATING"):
                self.notes.append(
                    Note("", f"trigger {name}", Kind.LEFT_OUT, f"is {each['State']}, so it starts nothing")
                )
                continue
            found.setdefault(str(each.get("WorkflowName") or ""), {})[name] = each
        return found

    def _product(self, workflow: str, part: Part, ids: dict[str, str]) -> Product:
        name = ids[part.name]
        own, source = f"{self.domain}/{name}", f"workflow {workflow}" if workflow else f"trigger {part.name}"
        described = self.export.workflows.get(workflow, {}).get("Description") or part.start.get("Description") or ""
        document: Document = {"description": one_line(str(described), f"What the {source} of Glue makes")}
        schedule = self._schedule(own, part)
        document |= {"schedule": schedule} if schedule else {}
        if part.upstream:
            operator = "any_of" if part.any else "all_of"
            document["depends_on"] = {operator: [f"{self.domain}/{ids[each]}" for each in part.upstream]}
        steps, crawls = self._steps(own, part)
        if not steps:
            reasons = [*part.reasons, "has no job that it starts"]
            return self._external(Product(self.domain, name, document, f"the {source} of Glue"), reasons)
        files: dict[str, str] = {}
        if crawls:
            file = f"{name}.asl.json"
            text, grants = definition_of(steps)
            files[file] = text
            document["pipeline"] = {"timeout": TIMEOUT, "definition": {"file": file, "grants": grants}}
            reason = "is a definition, since it has crawlers, for which no step type waits"
            self.notes.append(Note(own, source, Kind.CHANGED, reason))
        else:
            document["pipeline"] = {"steps": steps}
        properties = self.export.workflows.get(workflow, {}).get("DefaultRunProperties")
        if properties:
            text = f"has the run properties {', '.join(sorted(properties))}: jobs that read them of their workflow run have none here: give them as `arguments`"
            self.notes.append(Note(own, source, Kind.TO_DO, text))
        product = Product(self.domain, name, document, f"the {source} of Glue", files)
        return self._external(product, part.reasons) if part.reasons else product

    def _external(self, product: Product, reasons: list[str]) -> Product:
        self.notes += [Note(product.id, product.origin, Kind.LEFT_OUT, each) for each in reasons]
        return product.stays_external(*reasons)

    def _schedule(self, own: str, part: Part) -> Document:
        trigger, source = part.start, f"trigger {part.name}"
        if trigger["Type"] == "SCHEDULED":
            if trigger.get("State", "ACTIVATED") not in ("ACTIVATED", "ACTIVATING"):
                self.notes.append(Note(own, source, Kind.LEFT_OUT, f"is {trigger['State']}: its schedule {trigger.get('Schedule')} is left out"))  # fmt: skip
                return self.settings.schedule
            try:
                return schedules.from_eventbridge(str(trigger.get("Schedule", "")), "UTC")
            except ValueError as error:
                self.notes.append(Note(own, source, Kind.LEFT_OUT, f"the schedule {trigger.get('Schedule')}: {error}"))
        elif trigger["Type"] == "EVENT":
            text = "starts on events: give the product `files` or `depends_on` for what these report"
            self.notes.append(Note(own, source, Kind.TO_DO, text))
        elif trigger["Type"] == "ON_DEMAND" and not self.settings.schedule:
            text = "starts on demand: give the product a schedule or `depends_on`, or import with --schedule"
            self.notes.append(Note(own, source, Kind.TO_DO, text))
        return {} if part.upstream else self.settings.schedule

    def _steps(self, own: str, part: Part) -> tuple[list[dict[str, Any]], bool]:
        names = step_names()
        graph = {f"{trigger}/{number}": frozenset(f"{each}/{at}" for each, at in before) for (trigger, number), before in part.before.items()}  # fmt: skip
        nodes: dict[str, tuple[Node, Item]] = {f"{trigger}/{number}": ((trigger, number), action) for (trigger, number), action in part.nodes.items()}  # fmt: skip
        if not graph:
            return [], False
        steps, waiting = arranged(graph, lambda key: self._step(own, names, key, nodes[key][1]))
        for key in waiting:
            action = nodes[key][1]
            text = "waits for more jobs than before: the workflow is run in stages, since it is no nest of sequences and parallel branches"
            self.notes.append(
                Note(own, f"job {action.get('JobName') or action.get('CrawlerName')}", Kind.CHANGED, text)
            )
        return steps, any(action.get("CrawlerName") for action in part.nodes.values())

    def _step(self, own: str, names: Names, key: str, action: Item) -> dict[str, Any]:
        if action.get("CrawlerName"):
            return {"name": names.of(key, action["CrawlerName"]), "crawler": action["CrawlerName"]}
        name = str(action.get("JobName"))
        job, source = self.export.jobs.get(name), f"job {name}"
        glue: dict[str, Any] = {"job": name}
        arguments = {key: str(each) for key, each in (action.get("Arguments") or {}).items()}
        glue |= {"arguments": arguments} if arguments else {}
        minutes = action.get("Timeout") or (job or {}).get("Timeout")
        if minutes:
            glue["timeout"] = whole_minutes(60 * min(int(minutes), LONGEST))
        if action.get("SecurityConfiguration"):
            glue["security_configuration"] = action["SecurityConfiguration"]
        step: dict[str, Any] = {"name": names.of(key, name), "glue": glue}
        if job is None:
            text = "is not in the export: its timeout and retries are unknown, and a run may take 8 hours"
            self.notes.append(Note(own, source, Kind.TO_DO, text))
            return step
        if int(job.get("MaxRetries") or 0):
            step["retry"] = {"attempts": min(int(job["MaxRetries"]), 99)}
            self.notes.append(Note(own, source, Kind.TO_DO, "set its MaxRetries to 0: Headgate repeats the job, and Glue would as well"))  # fmt: skip
        bookmark = (job.get("DefaultArguments") or {}).get("--job-bookmark-option") or arguments.get(
            "--job-bookmark-option"
        )
        if bookmark == "job-bookmark-enable":
            text = "has job bookmarks: a rerun of a date goes on behind the bookmark and does not read the data of that date again"
            self.notes.append(Note(own, source, Kind.CHANGED, text))
        return step
