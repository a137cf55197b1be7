"""Map as Step Functions runs it.

In the engine, items that wait hold the clock for ever; an item that fails leaves the others running to their end before the Map fails; children of a distributed Map
have no role; and paths for limits, batches of items and results in S3 are ignored.
"""

import contextvars
import json
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from ministack.core.responses import new_uuid
from ministack.services import s3
from ministack.services import stepfunctions as engine

from headgate.local.adapters import permissions
from headgate.local.adapters.settings import Settings
from headgate.local.clock import Clock

HOOKS = (
    "stepfunctions:ThreadPoolExecutor", "stepfunctions:futures_wait", "stepfunctions:_run_map_items", "stepfunctions:_run_distributed_map",
    "stepfunctions:_run_sub_machine", "stepfunctions:_read_map_items", "stepfunctions:_resolve_path_or_ctx", "stepfunctions:_resolve_params_obj",
    "stepfunctions:_apply_input_path", "stepfunctions:_apply_result_selector", "stepfunctions:_apply_result_path", "stepfunctions:_apply_output_path", "s3:_put_object",
)  # fmt: skip
LIMITS = {
    "MaxConcurrencyPath": "MaxConcurrency",
    "ToleratedFailureCountPath": "ToleratedFailureCount",
    "ToleratedFailurePercentagePath": "ToleratedFailurePercentage",
}
State = dict[str, Any]
_around: "contextvars.ContextVar[tuple[Items, ...]]" = contextvars.ContextVar("maps around this state", default=())
_thread = threading.local()  # `items`: of the Map whose item this very thread runs


def install(settings: Settings) -> None:
    _run_items(settings.clock)
    _resolve_limits()
    _distribute()


def is_abandoned() -> bool:
    """Whether the execution does not wait for this state any more: another item of a Map around it has failed."""
    return any(each.failed for each in _around.get())


class Items:
    """Runs the items of a Map in threads that count as working, at most `max_workers` at once. Stands for the pool that the engine makes."""

    clock: Clock
    tolerates = contextvars.ContextVar("tolerates", default=False)  # a distributed Map goes on after failures

    def __init__(self, max_workers: int) -> None:
        self.failed = False
        self._free, self._in_line = max_workers, deque[Callable[[], None]]()
        self._left = 1  # items that have not ended, and the Map as long as it submits some
        self._lock, self._ended, self._tolerates = threading.Lock(), self.clock.event(), self.tolerates.get()

    def __enter__(self) -> "Items":
        self._before = _around.set((*_around.get(), self))
        return self

    def __exit__(self, *_: object) -> None:
        _around.reset(self._before)

    def submit(self, target: Callable[..., Any], *arguments: Any) -> "Items":
        def work() -> None:
            _thread.items = self
            target(*arguments)
            self._after_one()

        with self._lock:
            self._left += 1
            starts = self._free > 0
            self._free -= starts
            if not starts:
                self._in_line.append(work)
        if starts:
            self._start(work)
        return self

    def wait(self) -> None:
        """Until all items have ended, or one has failed where none may. No item is submitted any more."""
        self._end_one()
        self._ended.wait()

    def fail(self) -> None:
        if not self._tolerates:
            self.failed = True
            self._ended.set()

    def _start(self, work: Callable[[], None]) -> None:
        threading.Thread(target=self.clock.counted(work), daemon=True).start()

    def _after_one(self) -> None:
        """The thread still counts as working: what follows begins before it ends."""
        with self._lock:
            following = self._in_line.popleft() if self._in_line and not self.failed else None
            self._free += following is None
        if following:
            self._start(following)
        self._end_one()

    def _end_one(self) -> None:
        with self._lock:
            self._left -= 1
            last = self._left == 0
        if last:
            self._ended.set()


def _run_items(clock: Clock) -> None:
    run = engine._run_sub_machine
    Items.clock = clock

    def sub_machine(*given: Any) -> Any:
        items, _thread.items = getattr(_thread, "items", None), None
        try:
            return run(*given)
        except Exception:
            if items:
                items.fail()
            raise

    def wait(submitted: list[Items]) -> None:
        if submitted:
            submitted[0].wait()

    engine.ThreadPoolExecutor, engine.futures_wait, engine._run_sub_machine = Items, wait, sub_machine


def _resolve_limits() -> None:
    run = engine._run_map_items

    def with_limits(state: State, given: Any, execution: State, context: State) -> Any:
        effective = engine._apply_input_path(state, given, context)
        found = {
            name: engine._resolve_path_or_ctx(state[path], effective, context)
            for path, name in LIMITS.items()
            if path in state
        }
        return run({**state, **found}, given, execution, context)

    engine._run_map_items = with_limits


def _distribute() -> None:
    run = engine._run_distributed_map

    def distributed(state: State, given: Any, effective: Any, iterator: State, execution: State, context: State) -> Any:
        machine = execution["stateMachineArn"]
        permissions.require(machine, "states:StartExecution", machine)
        state = dict(state)
        if "ItemBatcher" in state:
            effective = {**_as_object(effective), "Batches": _batches(state, effective, context)}
            state["ItemsPath"] = "$.Batches"
        kept = {key: state.pop(key) for key in ("ResultSelector", "ResultPath", "OutputPath") if key in state}
        writer = state.pop("ResultWriter", None)
        state["ResultPath"] = "$"
        token = Items.tolerates.set(True)
        try:
            results, following = run(state, given, effective, iterator, execution, context)
        finally:
            Items.tolerates.reset(token)
        if writer:
            results = _written(writer, results, machine, engine._apply_input_path(state, given, context), context)
        selected = engine._apply_result_selector(kept, results)
        return engine._apply_output_path(kept, engine._apply_result_path(kept, given, selected), context), following

    engine._run_distributed_map = distributed


def _as_object(effective: Any) -> dict[str, Any]:
    return effective if isinstance(effective, dict) else {}


def _batches(state: State, effective: Any, context: State) -> list[dict[str, Any]]:
    """The items by the batches that `ItemBatcher` describes, removed from the state with its reader."""
    batcher, reader = state.pop("ItemBatcher"), state.pop("ItemReader", None)
    path = state.get("ItemsPath", "$")
    items = (
        engine._read_map_items(reader, effective, context)
        if reader
        else engine._resolve_path_or_ctx(path, effective, context)
    )
    selector = state.pop("ItemSelector", None)
    if selector:
        items = [engine._resolve_params_obj(selector, effective, _of_item(context, *each)) for each in enumerate(items)]
    shared = engine._resolve_params_obj(batcher.get("BatchInput") or {}, effective, context)
    size = int(batcher.get("MaxItemsPerBatch") or len(items) or 1)
    common = {"BatchInput": shared} if shared else {}
    return [{**common, "Items": items[at : at + size]} for at in range(0, len(items), size)]


def _of_item(context: State, index: int, item: Any) -> State:
    return {**context, "Map": {"Item": {"Index": index, "Value": item}}}


def _written(writer: State, results: Any, machine: str, effective: Any, context: State) -> dict[str, Any]:
    """Writes the results where `ResultWriter` says; gives what the Map has as its result then."""
    place = engine._resolve_params_obj(writer["Parameters"], effective, context)
    bucket, run = place["Bucket"], new_uuid()
    folder = f"{place.get('Prefix', '').strip('/')}/{run}".lstrip("/")
    permissions.require(machine, "s3:PutObject", f"arn:aws:s3:::{bucket}/{folder}/manifest.json")
    succeeded = f"{folder}/SUCCEEDED_0.json"
    manifest = {"DestinationBucket": bucket, "MapRunArn": f"{machine.replace(':stateMachine:', ':mapRun:')}:{run}"}
    files = {"SUCCEEDED": [{"Key": succeeded}], "FAILED": [], "PENDING": []}
    entries = [{"Output": json.dumps(each), "Status": "SUCCEEDED"} for each in results if each is not None]
    for key, content in {succeeded: entries, f"{folder}/manifest.json": {**manifest, "ResultFiles": files}}.items():
        s3._put_object(bucket, key, json.dumps(content).encode(), {})
    return {
        "MapRunArn": manifest["MapRunArn"],
        "ResultWriterDetails": {"Bucket": bucket, "Key": f"{folder}/manifest.json"},
    }
