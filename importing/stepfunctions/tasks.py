"""Tasks of a machine as steps: those that start work and wait for its end, with settings that stand in the definition."""

from typing import Any

from headgate.importing.calls import FORMS, STARTED_BY, NotCarriedOver, Remarks, Settings
from headgate.importing.texts import duration, whole_minutes


def step_of(state: dict[str, Any], remarks: Remarks) -> Settings:
    """The step's type with its settings, and `retry`. Raises `NotCarriedOver`."""
    resource = str(state.get("Resource", ""))
    _, _, service = resource.partition(":states:::")
    name, _, pattern = service.partition(".")
    if ":function:" in resource:
        name, pattern = "lambda:arn", ""
    form = FORMS.get(name)
    if form is None:
        raise NotCarriedOver(f"calls {service or resource}, for which there is no step type that says the same")
    if pattern == "waitForTaskToken":
        raise NotCarriedOver("waits for a task token in parameters of its own form")
    parameters = state.get("Parameters", {})
    if _reads(parameters) or "InputPath" in state or "TimeoutSecondsPath" in state:
        raise NotCarriedOver("takes values from the input of the execution or from states before it")
    kind, settings = form({**parameters, "Resource": resource}, remarks)
    if not pattern and kind != "lambda":
        remarks.changed(f"{name} is waited for; the machine did not wait for its end")
    if isinstance(state.get("TimeoutSeconds"), int) and "timeout" not in settings:
        settings["timeout"] = (whole_minutes if kind == "glue" else duration)(state["TimeoutSeconds"])
    return {kind: settings, **_retry(state.get("Retry", ()), remarks)}


def _reads(value: Any) -> bool:
    """Whether a value has a path or an intrinsic function in it."""
    if isinstance(value, dict):
        return any((key.endswith(".$") and key not in STARTED_BY) or _reads(each) for key, each in value.items() if key not in STARTED_BY)  # fmt: skip
    return any(map(_reads, value)) if isinstance(value, list) else False


def _retry(retriers: Any, remarks: Remarks) -> Settings:
    """The retrier of failed work; Headgate repeats refused launches by itself."""
    for each in retriers:
        if set(each.get("ErrorEquals", ())) & {"States.ALL", "States.TaskFailed", "States.Timeout"}:
            attempts = min(int(each.get("MaxAttempts", 3)), 99)
            if attempts < 1:
                return {}
            interval, backoff = each.get("IntervalSeconds", 1), min(max(each.get("BackoffRate", 2.0), 1), 10)
            made: Settings = {"attempts": attempts, "interval": duration(interval)}
            made |= {"backoff": backoff} if backoff != 2 else {}
            made |= {"max_delay": duration(each["MaxDelaySeconds"])} if "MaxDelaySeconds" in each else {}
            return {"retry": made}
    if retriers:
        remarks.changed("Retry of errors of the call is left out: Headgate repeats launches that were refused")
    return {}
