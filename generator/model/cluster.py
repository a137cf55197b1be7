"""The cluster of a pipeline, and the steps that run on it."""

from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from headgate.generator.model.duration import seconds
from headgate.generator.model.product import CLUSTER, Parallel, Pipeline, Retry, Step
from headgate.generator.steps import step_types

NAME = "cluster"
TYPE = "emr_cluster"
ON_SHARED = 10  # steps at the same time on a cluster of several products, where metadata says nothing


def with_cluster(
    given: Pipeline, domain: str, name: str, settings: dict[str, Any] | None, retry: Retry | None
) -> Pipeline:
    """The pipeline with its cluster of these settings, if it has one, and with what its steps need to know of it: the domain, by which the cluster is
    tagged, and their `job`, by which plans, events and scenarios name them: the file of the Spark application, or else the step."""
    items = tuple(_item(each, domain) for each in given.items)
    if settings is None:
        return replace(given, items=items)
    known = step_types()[TYPE].defaults() | settings
    widest = ON_SHARED if given.shared else max(1, _widest(items))
    concurrency = known["concurrency"] if isinstance(known["concurrency"], int) else widest
    known |= {"name": f"{domain}/{given.shared or name}", "domain": domain, "concurrency": concurrency}
    known |= {"shared": True} if given.shared else {}
    known |= {"idle_seconds": seconds(known["idle_timeout"])}
    cluster = Step(NAME, TYPE, known, seconds(known["ready_within"]), retry, CLUSTER)
    return replace(given, items=items, cluster=cluster)


def runs_on_cluster(step: Step) -> bool:
    """Whether the step needs the cluster of its pipeline."""
    return step_types()[step.type].note("runs-on") is not None


def _item(item: Step | Parallel, domain: str) -> Step | Parallel:
    if isinstance(item, Parallel):
        return replace(item, branches=tuple(tuple(_item(each, domain) for each in branch) for branch in item.branches))
    if not runs_on_cluster(item):
        return item
    job = PurePosixPath(item.settings["spark"]).stem if "spark" in item.settings else item.name
    return replace(item, settings=item.settings | {"job": job, "domain": domain})


def _widest(items: tuple[Step | Parallel, ...]) -> int:
    """How many steps run on the cluster at the same time at most."""
    return max(
        (sum(map(_widest, each.branches)) if isinstance(each, Parallel) else runs_on_cluster(each) for each in items),
        default=0,
    )
