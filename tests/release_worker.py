"""The functions of another release in a process of their own: `release_worker.py FOLDER` reads a request a line and answers it in one.

A request is {"function", "event", "now"}; its answer {"answer"} or {"error", "message"}. "aws" as the function gives what was done in AWS, "calls" what
the typed calls of the state expect of the schema.
"""

import importlib
import inspect
import json
import sys
import typing
from dataclasses import fields, is_dataclass
from datetime import datetime
from pathlib import Path
from types import UnionType
from typing import Any


def main(folder: str) -> None:
    sys.path[:0] = [folder, str(Path(__file__).parents[1])]
    runtime: Any = importlib.import_module("runtime")
    glue: Any = importlib.import_module("step_types.glue")
    lost_machines: Any = importlib.import_module("lost_machines")
    fake = importlib.import_module("tests.fake_aws").FakeAws()
    performer = importlib.import_module("effects").Performer(runtime.state(), fake.client)
    runtime.performer = lambda: performer
    glue.glue = lost_machines.machines = lambda: fake
    out, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(answered(request, runtime, fake)), file=out, flush=True)


def answered(request: dict[str, Any], runtime: Any, fake: Any) -> dict[str, Any]:
    function = request["function"]
    if function == "aws":
        executions = {arn: each["input"] for arn, each in fake.executions.items()}
        return {"answer": {"executions": executions, "answered": fake.answered, "events": len(fake.events)}}
    if function == "calls":
        return {"answer": calls()}
    moment = datetime.fromisoformat(request["now"])
    runtime.now = lambda: moment
    try:
        return {"answer": importlib.import_module(function).handler(request["event"], None)}
    except Exception as error:  # noqa: BLE001
        return {"error": type(error).__name__, "message": str(error)}


def calls() -> dict[str, Any]:
    """By name of a SQL function: the arguments it is called with, and the fields that are read of its answer, in their order where it has rows."""
    found = {}
    for name, method in inspect.getmembers(importlib.import_module("state.calls").State, inspect.isfunction):
        if name.startswith("_"):
            continue
        hints = typing.get_type_hints(method)
        returned = hints.pop("return")
        rows = typing.get_origin(returned) is list
        answer = typing.get_args(returned)[0] if rows else returned
        whole = is_dataclass(answer) and not hasattr(answer, "of")
        kinds = [typing.get_args(each)[0] if isinstance(each, UnionType) else each for each in hints.values()]
        found[name] = {
            "arguments": [(typing.get_origin(each) or each).__name__ for each in kinds],
            "rows": rows,
            "fields": [each.name for each in fields(answer)] if whole else None,
        }
    return found


if __name__ == "__main__":
    main(sys.argv[1])
