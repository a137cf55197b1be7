"""The tasks of a DAG as the steps of a pipeline, or the reasons why they are none."""

from dataclasses import dataclass, field
from typing import Any

from headgate.importing.airflow.operators import NOTHING, STARTS, WAITS, step_of
from headgate.importing.airflow.serialized import Dag, Task
from headgate.importing.calls import NotCarriedOver, Remarks
from headgate.importing.names import step_names
from headgate.importing.pipelines import arranged, cyclic, without

SAME = (
    "all_success",
    "none_failed",
    "none_failed_min_one_success",
    "none_failed_or_skipped",
)  # without branches they mean the same


@dataclass(slots=True)
class Pipeline:
    """`reasons` say which tasks are no steps; in `steps` these have `TODO` in the place of a step type."""

    steps: list[dict[str, Any]] = field(default_factory=list)
    remarks: Remarks = field(default_factory=Remarks)
    reasons: list[str] = field(default_factory=list)


def pipeline_of(dag: Dag, parameters: dict[str, Any], dated: bool) -> Pipeline:
    made = Pipeline()
    before: dict[str, set[str]] = {each: set() for each in dag.tasks}
    for task in dag.tasks.values():
        for each in task.downstream:
            if each in before:
                before[each].add(task.id)
    graph = {each: frozenset(found) for each, found in before.items()}
    if cyclic(graph):
        made.reasons.append("its tasks wait for each other in a circle")
        return made
    left_out = {each.id for each in dag.tasks.values() if each.type in (*NOTHING, *WAITS, *STARTS)}
    kept = without(graph, left_out)
    if not kept:
        made.reasons.append("has no task that starts work")
        return made
    names = step_names()
    made.steps, waiting = arranged(
        kept, lambda key: {"name": names.of(key), **_step(dag, dag.tasks[key], parameters, dated, made)}
    )
    for each in waiting:
        made.remarks.changed(
            f"the task {each} waits for more tasks than before: the DAG is run in stages, since it is no nest of sequences and parallel branches"
        )
    for task in dag.tasks.values():
        if task.type in WAITS and graph[task.id] - left_out:
            made.remarks.changed(
                f"the sensor {task.id} is waited for before the first task, and not behind {', '.join(sorted(graph[task.id]))}"
            )
        rule = task.get("trigger_rule", "all_success")
        if rule not in SAME:
            made.reasons.append(
                f"the task {task.id} has the trigger rule {rule}: a step runs when all before it have succeeded"
            )
    return made


def _step(dag: Dag, task: Task, parameters: dict[str, Any], dated: bool, made: Pipeline) -> dict[str, Any]:
    remarks = Remarks()
    try:
        step = step_of(dag, task, parameters, dated, remarks)
    except NotCarriedOver as reason:
        made.reasons.append(f"the task {task.id} {reason}")
        return {"TODO": f"{task.type} of {task.module}"}
    made.remarks += [(kind, f"the task {task.id}: {each}") for kind, each in remarks]
    return step
