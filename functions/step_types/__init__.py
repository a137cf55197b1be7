"""The step types at run time: one module each, named as in metadata. Adding a type is adding its module.

A project's own types are beside these: `own_steps` is a link to its folder `steps`, which the build follows.
"""

import json
import logging
import pkgutil
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, Protocol, cast

from job_run import Answer, Ended, JobRun, Launched, Seen
from state.errors import UnknownStepType

OWN = Path(__file__).parent.parent / "own_steps"
LOG = logging.getLogger("headgate")
CONSOLES = {"aws-cn": "amazonaws.cn", "aws-eusc": "amazonaws-eusc.eu"}  # of partitions that have one of their own


class StepType(Protocol):
    """What the functions need to know of a step type."""

    RESOURCE: str
    """The property of the step's configuration that names what is run: `x-resource` of its schema."""
    ARGUMENTS: str | list[str]
    """The property whose value is filled in for each run, or several: `x-arguments` of its schema."""
    SOURCE: str | None
    """The `source` of the events on the default bus that report an end; None where no event does."""
    DETAIL_TYPE: str | None
    """Their `detail-type`."""

    def ended(self, detail: dict[str, Any]) -> Ended | None:
        """The end that an event reports; None for an event that reports none. Raises `BadEvent`."""

    def ask(self, job_run: JobRun) -> Answer:
        """How the job run stands. Raises botocore's errors when the service does not answer."""

    def stop(self, job_run: JobRun) -> None:
        """Asks the service to stop the job run; one that has ended stays as it is. Raises botocore's errors."""

    def console(self, job_run: JobRun, region: str, partition: str) -> str | None:
        """The page of the job run in the AWS console."""


class Cluster(StepType, Protocol):
    """A type of clusters, on which steps run. Its job runs are READY before they end, and are no work of their own."""

    def alive(self) -> list[tuple[str, str]]:
        """The clusters under Headgate's names that have not ended: id and name. Raises botocore's errors."""


class Findable(StepType, Protocol):
    """A step type whose launches carry a mark, by which a job run is found when the answer to its launch was lost."""

    def marked(self, arguments: dict[str, Any], mark: str) -> dict[str, Any]:
        """The arguments with the mark; where `ARGUMENTS` names several, what the launch finds beside the resource."""

    def launched(self, job: str, settings: dict[str, Any], mark: str, since: datetime) -> list[Launched]:
        """The job runs with that mark which began since then; `settings` are the step's other properties. Raises botocore's errors."""


class Watchable(StepType, Protocol):
    """A step type whose job runs can be seen in shadow, where another scheduler launches them."""

    def seen(self, detail: dict[str, Any]) -> Seen | None:
        """The job run whose start or end an event reports; None where it is of Headgate, or reports neither. Raises `BadEvent`."""

    def looked_up(self, seen: Seen) -> Seen:
        """With what the event does not say. Raises botocore's errors when the service does not answer."""


class Deployable(StepType, Protocol):
    """A step type whose work can be deployed with the product that it is of."""

    def shipped(self, arguments: dict[str, Any], places: dict[str, Any]) -> dict[str, Any]:
        """The arguments with the places of the files that the step ships, by the properties that name them: the work keeps these, whatever is
        deployed while it runs."""


class OnCluster(Findable, Protocol):
    """A step type whose work runs on a cluster."""

    def lost(self, settings: dict[str, Any]) -> str | None:
        """How the step's cluster ends or has ended; None while it can be used. Raises botocore's errors."""


@cache
def step_types() -> dict[str, StepType]:
    """Every step type by its name."""
    names = sorted(each.name for each in pkgutil.iter_modules(__path__))
    return {name: cast(StepType, import_module(f"{__name__}.{name}")) for name in names} | dict(_own())


def _own() -> Iterator[tuple[str, StepType]]:
    """The project's own types. One that cannot be imported is logged and unknown; it keeps no other from its work."""
    for file in sorted(OWN.glob("*/functions.py")):
        spec = spec_from_file_location(f"own_steps.{file.parent.name}", file)
        assert spec is not None
        assert spec.loader is not None
        module = module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except Exception as error:  # noqa: BLE001 - whatever it does when it is imported
            LOG.error(
                json.dumps({"step_type_unusable": file.parent.name, "reason": f"{type(error).__name__}: {error}"})
            )
        else:
            yield file.parent.name, cast(StepType, module)


def step_type(name: str) -> StepType:
    """The step type of that name. Raises `UnknownStepType`."""
    try:
        return step_types()[name]
    except KeyError:
        raise UnknownStepType(f"no step type `{name}`; expected one of {', '.join(step_types())}") from None


def findable(name: str) -> Findable | None:
    """The step type of that name, if its launches can be found."""
    kind = step_type(name)
    return cast(Findable, kind) if hasattr(kind, "launched") else None


def deployable(name: str) -> Deployable | None:
    """The step type of that name, if its work can be deployed with a product."""
    kind = step_type(name)
    return cast(Deployable, kind) if hasattr(kind, "shipped") else None


def watchable() -> dict[str, Watchable]:
    """The step types whose job runs can be seen in shadow, by name."""
    return {name: cast(Watchable, kind) for name, kind in step_types().items() if hasattr(kind, "looked_up")}


def is_cluster(name: str) -> bool:
    """Whether the step type of that name is one of clusters."""
    return hasattr(step_type(name), "alive")


def clusters() -> list[Cluster]:
    """The types of clusters."""
    return [cast(Cluster, kind) for kind in step_types().values() if hasattr(kind, "alive")]


def on_cluster(name: str) -> OnCluster | None:
    """The step type of that name, if its work runs on a cluster."""
    kind = step_type(name)
    return cast(OnCluster, kind) if hasattr(kind, "lost") else None


def console_address(region: str, partition: str) -> str:
    """The console's address in a region, without a path."""
    if partition == "aws-us-gov":
        return "https://console.amazonaws-us-gov.com"
    return f"https://{region}.console.{CONSOLES.get(partition, 'aws.amazon.com')}"
