"""The states of a pipeline that has a cluster: its start, its release, and what runs on it in between."""

from collections.abc import Iterator

from headgate.generator.plan.outline import Items, StepOutline, needs_cluster
from headgate.generator.plan.service_calls import path_of
from headgate.generator.plan.states import State, catch_all, flow
from headgate.generator.plan.steps import GRACE, first_state, plan_items, work_of
from headgate.generator.plan.tasks import JOB_TRACKER, RUN, choice, function, function_by_token
from headgate.generator.steps import step_types


def on_cluster(cluster: StepOutline, items: Items, product: str, next_state: str, on_failure: str) -> list[State]:
    """The states of a sequence that has a cluster. One Parallel holds the cluster's start and the items from the first to the last that need it: whatever
    fails in it, the cluster is released, and a retry makes another one. What is released goes by the run, so that it is whatever was made for it."""
    use, release, after_failure = "Use the cluster", "Release the cluster", "Release the cluster after the failure"
    needing = [place for place, each in enumerate(items) if needs_cluster(each)] or [0, len(items) - 1]
    before, within, after = items[: needing[0]], items[needing[0] : needing[-1] + 1], items[needing[-1] + 1 :]
    first = first_state(within[0])
    started = work_of(cluster, first, None)
    joined = _join(cluster, started[0].name, first) if cluster.settings.get("shared") else ()
    inside = flow([*joined, *started, *plan_items(within, product, None, None)])

    def released(name: str, following: str) -> State:
        return function(
            name, JOB_TRACKER, {"action": "release"} | RUN, following, catch_all(following, "$.release_failure"),
            "What EMR does not do now, the monitor repeats.",
        )  # fmt: skip

    return [
        *plan_items(before, product, use, on_failure),
        State(
            use, "states/parallel", release, "What is made here is released, whatever its end. A retry makes a new cluster and runs all steps on it.",
            retry=cluster.retry, catch=catch_all(after_failure), branches=(inside,),
        ),
        released(release, first_state(after[0]) if after else next_state),
        *plan_items(after, product, next_state, on_failure),
        released(after_failure, on_failure),
    ]  # fmt: skip


def _join(cluster: StepOutline, launch: str, ready: str) -> Iterator[State]:
    """Waits until a cluster that products share can be used; `launch` follows where there is none."""
    kind, choose = step_types()[cluster.type], "Check whether to launch the cluster"
    given = {"action": "join"} | RUN | {"cluster.$": f"{path_of(cluster)}.{kind.resource}"}
    yield function_by_token(
        "Join the cluster", JOB_TRACKER, given, cluster.timeout + GRACE, choose, (),
        "The first product that needs the cluster launches it; the others wait until it is ready.", "$.cluster",
    )  # fmt: skip
    yield choice(choose, "$.cluster.launch", "yes", launch, ready)
