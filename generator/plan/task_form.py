"""The parameters of a call that metadata writes as Step Functions has them: paths stay in the machine, values come from the run's configuration."""

from typing import Any


def form_of(given: dict[str, Any]) -> dict[str, Any]:
    """What decides the machine: the keys, the paths, and None for each value that comes from the configuration."""
    return {
        key: each if key.endswith(".$") else form_of(each) if isinstance(each, dict) and _has_paths(each) else None
        for key, each in given.items()
    }


def parameters(form: dict[str, Any], path: str) -> dict[str, Any]:
    """The parameters of the state, whose values are at `path` of its input."""
    made: dict[str, Any] = {}
    for key, each in form.items():
        if each is None:
            made[f"{key}.$"] = f"{path}.{key}"
        else:
            made[key] = parameters(each, f"{path}.{key}") if isinstance(each, dict) else each
    return made


def _has_paths(value: Any) -> bool:
    return isinstance(value, dict) and any(key.endswith(".$") or _has_paths(each) for key, each in value.items())
