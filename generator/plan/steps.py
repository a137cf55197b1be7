"""The states of a pipeline's steps. A step type's schema names one of two patterns (`x-pattern`), and its notes do the rest."""

from collections.abc import Callable, Iterator

from headgate.generator.model.duration import spoken
from headgate.generator.plan import retries
from headgate.generator.plan.batches import plan_batches
from headgate.generator.plan.outline import Items, ParallelOutline, StepOutline
from headgate.generator.plan.service_calls import of_file, path_of, service_call, tracked_as
from headgate.generator.plan.states import TIME_OUTS, Catch, Flow, State, catch_all, flow
from headgate.generator.plan.tasks import (
    FAILURE,
    JOB_TRACKER,
    Result,
    alert,
    fail,
    function,
    function_by_token,
    succeed,
)
from headgate.generator.steps import StepType, step_types

LAUNCH_TIMEOUT = 120
# A service that ends its work at a timeout of its own is given this much longer: for the start-up before its clock starts, and
# for the event. What waits longer before it starts has a note of its step type.
GRACE = 15 * 60
ANSWER = {"answer.$": "$.answer.returned"}
TAKEN = ("$.answer", {"state.$": "$.Payload.state"})  # instead of the answer, which may be large
CLUSTER = ("$.cluster", {"job_run_id.$": "$.Payload.job_run_id"})
CHECKED = "No event reported the end in time. The service itself is asked, and work that still runs is stopped."
CHECKED_ON_CLUSTER = "It failed, or no event reported its end in time. EMR says whether its cluster is lost; a step that still runs is cancelled."
STEP_ALERT = "Metadata asks for an alert of each step."


def plan_items(items: Items, product: str, next_state: str | None, on_failure: str | None) -> list[State]:
    """The states of a sequence. `next_state` None ends a branch; `on_failure` None leaves failures to the Parallel around it."""
    states: list[State] = []
    if not items:
        return states
    following = [first_state(each) for each in items[1:]]
    for item, after in zip(items, [*following, next_state], strict=True):
        if isinstance(item, ParallelOutline):
            branches = tuple(flow(plan_items(branch, product, None, None)) for branch in item.branches)
            states.append(State(item.group, "states/parallel", after, catch=catch_all(on_failure), branches=branches))
        else:
            states.extend(_step(item, product, after, on_failure))
    return states


def first_state(item: StepOutline | ParallelOutline) -> str:
    if isinstance(item, ParallelOutline) or item.grouped:
        return item.group
    return work_of(item, None, None)[0].name


def _step(step: StepOutline, product: str, next_state: str | None, on_failure: str | None) -> Iterator[State]:
    """The step's work and the alerts of its end."""
    in_branch = on_failure is None
    completed, failed = f"Send completion alert of {step.name}", f"Send failure alert of {step.name}"
    after = completed if "COMPLETED" in step.alerts else next_state
    if step.grouped:
        caught = failed if "ERROR" in step.alerts else on_failure
        yield _group(step, flow(work_of(step, None, None)), after, caught)
    else:
        yield from work_of(step, after, on_failure)
    if "COMPLETED" in step.alerts:
        end = next_state or f"{step.name} completed"
        yield alert(completed, "COMPLETED", product, STEP_ALERT, end, end, step.name)
        if next_state is None:
            yield succeed(end)
    if "ERROR" in step.alerts:
        end = on_failure or f"{step.name} failed"
        yield alert(failed, "ERROR", product, STEP_ALERT, end, end, step.name)
        if in_branch:
            yield fail(end)


def _group(step: StepOutline, work: Flow, next_state: str | None, on_failure: str | None) -> State:
    return State(
        step.group, "states/parallel", next_state, "These states belong together: a retry repeats them all.",
        retry=step.retry, catch=catch_all(on_failure), branches=(work,),
    )  # fmt: skip


def work_of(step: StepOutline, next_state: str | None, on_failure: str | None) -> list[State]:
    """The states of the step's own work, or of a cluster's start."""
    kind = step_types()[step.type].of(step.settings)
    return PATTERNS[kind.note("pattern")](kind, step, next_state, on_failure)


def _launch_and_await(kind: StepType, step: StepOutline, next_state: str | None, on_failure: str | None) -> list[State]:
    """Launch by request and response, so that the job run's id is known while it runs; wait until the tracker's token is
    answered; ask the service when no answer came in time. The wait for a cluster ends when it is ready, and a failure of what runs on one is asked about:
    it may be that of the cluster."""
    wait, check = f"Wait for {step.name}", f"Check how {step.name} ended"
    caught = catch_all(on_failure)
    tracked = tracked_as(kind, step) | {"job_run_id.$": "$.job.run_id"}
    is_cluster, on_cluster = kind.note("pattern") == "cluster", bool(kind.note("runs-on"))
    tracked |= {"handle": {"shared": True}} if step.settings.get("shared") else {}
    tracked |= {"cluster.$": "$.cluster.job_run_id"} if on_cluster else {}
    refused = {"refused.$": "$.job.refused"} if kind.note("refused") else {}
    ends_itself = bool(kind.note("own-timeout"))
    patience = step.timeout + (GRACE if ends_itself else 0) + _slow_start(kind, step)
    resolve = {"action": "resolve"} | tracked | ({} if ends_itself else {"stops": True})
    resolve |= {"error.$": "$.failure.Error"} if on_cluster else {}
    asked_about = (*TIME_OUTS, "JobFailed", "JobStopped") if on_cluster else TIME_OUTS
    return [
        *_launch(kind, step, wait, caught),
        function_by_token(
            wait, JOB_TRACKER, {"action": "await"} | tracked | refused, patience, next_state, (Catch(asked_about, check), *caught),
            path="$.cluster" if is_cluster else None,
        ),
        function(
            check, JOB_TRACKER, resolve, next_state, caught,
            CHECKED_ON_CLUSTER if on_cluster else CHECKED,
            CLUSTER if is_cluster else None,
            retry=retries.CALL if ends_itself else retries.STOPPING,
        ),
    ]  # fmt: skip


def _launch(kind: StepType, step: StepOutline, next_state: str, caught: tuple[Catch, ...]) -> Iterator[State]:
    """The launch. One that was not answered may have started work: it is looked for before it is repeated, once."""
    launch, look_up, again = f"Launch {step.name}", f"Look for the launch of {step.name}", f"Launch {step.name} again"
    uncertain = tuple(kind.note("unanswered", ()))
    if not uncertain:
        yield service_call(kind, step, launch, LAUNCH_TIMEOUT, next_state, caught)
        return
    yield service_call(
        kind, step, launch, LAUNCH_TIMEOUT, next_state, (Catch((*uncertain, *TIME_OUTS), look_up), *caught)
    )
    yield function(
        look_up, JOB_TRACKER, {"action": "find"} | tracked_as(kind, step), next_state,
        (Catch(("LaunchNotFound",), again), *caught),
        "The launch was not answered. The job run that it may have started is awaited; without one it is launched again.",
        ("$.job", {"run_id.$": "$.Payload.job_run_id"}), retries.LOOK_UP,
    )  # fmt: skip
    yield service_call(kind, step, again, LAUNCH_TIMEOUT, next_state, caught)


def _slow_start(kind: StepType, step: StepOutline) -> int:
    """Seconds that the service may keep work waiting before its clock starts."""
    given = kind.note("slow-start", {})
    return int(given["seconds"]) if given and given["when"].items() <= step.settings.items() else 0


def _invoke(kind: StepType, step: StepOutline, next_state: str | None, on_failure: str | None) -> list[State]:
    """One call whose answer is the end of the work; the machine itself reports the start and the end. A failure goes on with
    its own error and cause, whether or not it could be recorded; a time-out as JobTimedOut."""
    name, tracked = step.name, tracked_as(kind, step)
    is_definition = kind.note("pattern") == "definition"
    call, success = "Run the states of the file" if is_definition else f"Invoke {name}", f"Record success of {name}"
    failure, time_out, failed = f"Record failure of {name}", f"Record time-out of {name}", f"Failure of {name}"
    after_failure = on_failure or failed
    caught = catch_all(on_failure)

    def end(
        state_name: str, state: str, following: str | None, catch: tuple[Catch, ...], result: Result = None
    ) -> State:
        payload = {"action": "end", "state": state} | tracked | {"job_run_id.$": "$.job.run_id"}
        payload |= FAILURE if state != "SUCCEEDED" else ANSWER
        return function(state_name, JOB_TRACKER, payload, following, catch, result=result)

    unrecorded = catch_all(after_failure, "$.recording_failure")
    # the time at which the state was entered: each try of the step has its own, a retry of this call has the same
    run_id = f"States.Format('{{}}/{{}}/{name}/{{}}', $.run_id, $.attempt, $$.State.EnteredTime)"
    run_id = "$$.Execution.Id" if is_definition else run_id  # by which Step Functions can be asked about it
    # a state must not fail with an error name that begins with `States.`
    timed_out = {"Error": "JobTimedOut", "Cause": f"{name} did not end within {spoken(step.timeout)}"}
    states = [
        function(
            f"Record start of {name}", JOB_TRACKER,
            {"action": "start", "timeout": step.timeout} | tracked | {"job_run_id.$": run_id}, call, caught,
            result=("$.job", {"run_id.$": "$.Payload.job_run_id"}),
        ),
        of_file(kind, step, call, success, catch_all(failure)) if is_definition
        else service_call(kind, step, call, step.timeout, success, (Catch(TIME_OUTS, time_out), *catch_all(failure))),
        end(success, "SUCCEEDED", next_state, caught, TAKEN),
        end(failure, "FAILED", after_failure, unrecorded),
    ]  # fmt: skip
    if not is_definition:
        states.append(end(time_out, "TIMEOUT", after_failure, unrecorded, ("$.failure", timed_out)))
    return states if on_failure else [*states, fail(failed)]


def _batches(kind: StepType, step: StepOutline, next_state: str | None, on_failure: str | None) -> list[State]:
    """A run of the work for each batch of files."""

    def work(after: str, failed: str) -> list[State]:
        return _launch_and_await(kind, step, after, failed)

    return plan_batches(step, path_of(step), work, next_state, on_failure)


PATTERNS: dict[str, Callable[[StepType, StepOutline, str | None, str | None], list[State]]] = {
    "launch-and-await": _launch_and_await,
    "invoke": _invoke,
    "batches": _batches,
    "cluster": _launch_and_await,
    "definition": _invoke,
}
