"""What ships with products, in the catalog: this stack says the names of the jobs that are deployed, and the places of the files they run."""

from typing import Any

from step_types import deployable

Entry = dict[str, Any]


def placed(step: Entry, bucket: str, prefix: str) -> Entry:
    """The step with the name that its job has in this stack, and with the files that its runs are given: a run that has begun keeps them."""
    kind = deployable(step["type"]) if "code" in step else None
    if kind is None:
        return step
    resource = {"resource": prefix + step["resource"]} if step.get("deployed") else {}
    places = {name: _place(bucket, key) for name, key in step["code"].items()}
    return step | resource | {"arguments": kind.shipped(step["arguments"], places)}


def _place(bucket: str, key: str | list[str]) -> str | list[str]:
    return f"s3://{bucket}/{key}" if isinstance(key, str) else [f"s3://{bucket}/{each}" for each in key]
