"""The state of a step that calls its service, and what is reported of the work."""

from typing import Any

from headgate.generator.plan import retries
from headgate.generator.plan.asl import all_states, in_partition, inner_machines, is_distributed
from headgate.generator.plan.batches import BATCH, CHILDREN
from headgate.generator.plan.given_calls import calls_in
from headgate.generator.plan.outline import StepOutline
from headgate.generator.plan.states import Call, Catch, State
from headgate.generator.plan.task_form import parameters
from headgate.generator.plan.tasks import RUN
from headgate.generator.steps import StepType, filled_in, filled_in_condition


def of_file(kind: StepType, step: StepOutline, name: str, next_state: str, catch: tuple[Catch, ...]) -> State:
    """The state that holds the states of a file."""
    machine = step.settings[kind.note("content")]
    values = {"path": path_of(step), "settings": {"machine": in_partition(machine)}}
    calls = (*_grants(kind, step), *(call for _, found in calls_in(machine) for call in found))
    calls += (
        CHILDREN
        if any(is_distributed(each) for _, state in all_states(machine) for each in inner_machines(state))
        else ()
    )
    inside = tuple(each for each, _ in all_states(machine))
    return State(name, step.type, next_state, catch=catch, values={"step": values}, calls=calls, inside=inside)


def service_call(
    kind: StepType, step: StepOutline, name: str, timeout: int, next_state: str, catch: tuple[Catch, ...]
) -> State:
    """The state that calls the service, in the step type's own form."""
    # the time at which the state was entered: each try of the step has its own, a retry of this call has the same
    token = f"States.Hash(States.Format('{{}}/{{}}/{step.name}/{{}}', $.run_id, $.attempt, $$.State.EnteredTime), 'SHA-256')"
    given = {
        "path": path_of(step),
        "name": step.name,
        "timeout": step.timeout,
        "settings": step.settings,
        "given": step.given,
    }
    if kind.note("client-token"):
        given["token"] = token
    if step.form is not None:
        given["form"] = parameters(step.form, f"{path_of(step)}.{kind.note('form')}")
    retry = tuple(retries.retrier(**each) for each in kind.note("launch-retry", ()))
    retry += retries.of_listed(step.settings.get(kind.note("given-launch-retry"), ()))
    return State(name, step.type, next_state, "", timeout, retry, catch, {"step": given}, calls=_grants(kind, step))


def _grants(kind: StepType, step: StepOutline) -> tuple[Call, ...]:
    known = step.settings | {kind.resource: step.resource}
    listed = step.settings.get(kind.note("given-grants"), ())
    return (
        *(
            Call(each["action"], resource, filled_in_condition(each.get("condition"), known), each.get("call"))
            for each in kind.note("grants", ())
            for resource in filled_in(each["resource"], known)
        ),
        *(Call(each["action"], each["resource"], each.get("condition"), each.get("call")) for each in listed),
    )


def tracked_as(kind: StepType, step: StepOutline) -> dict[str, Any]:
    """What names the step's work to the job tracker."""
    tracked = RUN | {"step": step.name, "type": step.type, "job.$": f"{path_of(step)}.{kind.resource}"}
    tracked |= BATCH if kind.note("pattern") == "batches" else {}
    return tracked | ({"handle.$": "$.job.handle"} if kind.note("handle") else {})


def path_of(step: StepOutline) -> str:
    """Where the step stands in the configuration of the run."""
    return f"$.configuration.steps.{step.key}"
