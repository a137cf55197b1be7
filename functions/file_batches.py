"""The batches of a step that loads files: plans them for its machine, writes what each job run gets, and records what it says of each file."""

import json
import math
import os
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate, islice
from typing import Any
from uuid import UUID

from botocore.exceptions import BotoCoreError, ClientError

import launches
import runtime
from clients import client, code_of, described
from contract import require
from failure_cause import readable
from job_run import SUCCEEDED, mark_of
from state.errors import FilesFailed, FilesRejected, FilesRemain, StateUnavailable, WavesExhausted
from step_types import glue

PAGE = 500  # files of a manifest that one call of the state gives
MANIFEST, RESULTS = "--batch-manifest", "--batch-results"
VERSION = 1  # of the manifest
WITHOUT_ID = "result"  # the name of the results where the job does not know its own run: `headgate_jobs`
ENDS = {
    "failed": FilesFailed,
    "rejected": FilesRejected,
    "exhausted": WavesExhausted,
    "remaining": FilesRemain,
    "wait": StateUnavailable,
}
# SKIPPED, with `load: cdc`: an earlier file of its lane was not loaded, so that it waits as before, and has lost no try.
OUTCOMES = ("PROCESSED", "REJECTED", "FAILED", "SKIPPED")
WRITERS = 8  # manifests at the same time
MOST_BYTES = 3_000_000  # of what the jobs say in one call; the Data API takes 4 MiB
MOST_CHECKS, LONGEST_RULE, LONGEST_VALUE, LONGEST_MESSAGE = 50, 2_000, 200, 1_000  # as the state keeps them
LARGEST_NUMBER = 2**63 - 1


def s3() -> Any:
    return client("s3")


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`plan` gives the next batches, `{decision, batches: [{batch_id, arguments}]}`, `decision` `load` or `done`; `record` records what the job run of a
    batch said of its files; `fail` that it did not succeed. Each may be repeated. Raises `FilesFailed` and `FilesRejected`, if more files were left out
    than the step accepts, `WavesExhausted`, `FilesRemain`, `StateUnavailable`, `StaleAttempt`, `IllegalTransition`, `UnknownRun`."""
    require(event, "file-batches")
    try:
        match event["action"]:
            case "plan":
                return _plan(event)
            case "record":
                return _record(event)
            case _:
                cause = readable(event.get("cause")) or ""
                runtime.state().fail_batch(event["batch_id"], event["error"], cause, runtime.now())
                return {"batch_id": event["batch_id"]}
    except (ClientError, BotoCoreError) as error:
        raise StateUnavailable(f"the bucket of batches does not answer: {described(error)}") from None


def _plan(event: dict[str, Any]) -> dict[str, Any]:
    run = UUID(event["run_id"])
    _record_broken(event, run)
    planned = runtime.state().plan_batches(run, event["attempt"], event["step"], event["entered_at"], runtime.now())
    if planned.decision in ENDS:
        raise ENDS[planned.decision](planned.message)
    if planned.decision == "done":  # consumers see from the refresh event how many files it stands for
        runtime.state().record_metadata(run, event["attempt"], planned.files)
    header = runtime.state().batch_header(planned.batches[0]["batch_id"]) if planned.batches else {}
    with ThreadPoolExecutor(WRITERS) as writers:
        batches = list(writers.map(lambda each: _written(event, header, each["batch_id"]), planned.batches))
    return {"decision": planned.decision, "batches": batches}


def _record_broken(event: dict[str, Any], run: UUID) -> None:
    """Batches whose executions ended before they were recorded: what their job runs loaded is recorded, so that it is not loaded again. Job runs that
    nobody has recorded are looked for first."""
    state, given = runtime.state(), (run, event["step"], event["entered_at"])
    broken = state.broken_batches(*given)
    if any(each["job_run_id"] is None for each in broken):
        launches.learn(state, run, event["attempt"], runtime.now())
        broken = state.broken_batches(*given)
    for each in broken:
        if each["state"] == SUCCEEDED:
            _record({**event, **each})


def _written(event: dict[str, Any], header: dict[str, Any], of: int) -> dict[str, Any]:
    """Writes the manifest of the batch: a line about all files, which differs among the batches of a wave by the batch alone, and one of each. Gives what
    its child is started with."""
    lines = [{"version": VERSION, **header, "batch_id": of}]
    after = ""
    while page := runtime.state().batch_files(of, after, PAGE):
        lines += [json.loads(each.entry)["file"] for each in page]
        after = page[-1].key
    body = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    key, bucket = _key(event, of), os.environ["BATCHES_BUCKET"]
    s3().put_object(Bucket=bucket, Key=f"{key}.jsonl", Body=body.encode(), ContentType="application/x-ndjson")
    arguments = {
        MANIFEST: f"s3://{bucket}/{key}.jsonl",
        RESULTS: f"s3://{bucket}/{key}/",
        glue.MARK: mark_of(event["run_id"], event["attempt"], event["step"], of),
    }
    return {"batch_id": of, "arguments": arguments}


def _record(event: dict[str, Any]) -> dict[str, Any]:
    batch, job_run = event["batch_id"], event["job_run_id"]
    results = _results(_key(event, batch), job_run)
    runtime.state().record_batch(batch, job_run, results, runtime.now())
    return {"batch_id": batch}


def _key(event: dict[str, Any], batch: int) -> str:
    return f"batches/{event['run_id']}/{event['attempt']}/{event['step']}/{batch}"


def _results(key: str, job_run: str) -> list[dict[str, Any]]:
    """What this very job run has said. Lines that are none of a result are left out; their files have none."""
    for name in (job_run, WITHOUT_ID):
        try:
            body = s3().get_object(Bucket=os.environ["BATCHES_BUCKET"], Key=f"{key}/{name}.jsonl")["Body"].read()
        except ClientError as error:
            if code_of(error) != "NoSuchKey":
                raise
        else:
            lines = (line for each in body.splitlines() if (line := _line(each)))
            return _fitting([*{each["file_id"]: each for each in lines}.values()])
    return []


def _line(text: bytes) -> dict[str, Any] | None:
    """What a line says, as far as the state can keep it; None if it is no result. JSON of Python may have NaN in it."""
    try:
        line = json.loads(text.decode("utf-8"), parse_constant=str, parse_float=_finite)
    except (ValueError, RecursionError):
        return None
    if not isinstance(line, dict) or not _is_number(line.get("file_id")) or line.get("outcome") not in OUTCOMES:
        return None
    rows = {name: line[name] for name in ("rows_read", "rows_written", "rows_rejected") if _is_number(line.get(name))}
    return {
        "file_id": line["file_id"],
        "outcome": line["outcome"],
        "message": str(line["message"])[:LONGEST_MESSAGE] if line.get("message") else None,
        "retry": line.get("retry") is not False,
        "checks": _failed(line["checks"]) if isinstance(line.get("checks"), list) else [],
        **rows,
    }


def _failed(checks: list[Any]) -> list[dict[str, Any]]:
    """The first rules that the file fails; of the others nothing is kept."""
    failed = [each for each in checks if isinstance(each, dict) and each.get("passed") is False]
    return [
        {
            "rule": str(each.get("rule"))[:LONGEST_RULE],
            "severity": "warn" if each.get("severity") == "warn" else "reject",
            "passed": False,
            "value": str(value)[:LONGEST_VALUE] if (value := each.get("value")) is not None else None,
        }
        for each in failed[:MOST_CHECKS]
    ]


def _is_number(value: Any) -> bool:
    return type(value) is int and abs(value) <= LARGEST_NUMBER


def _finite(digits: str) -> float | str:
    number = float(digits)
    return number if math.isfinite(number) else digits[:LONGEST_VALUE]


def _fitting(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The lines, each with as many of its rules as its share of one call has room for."""
    share = MOST_BYTES // max(len(lines), 1)
    for line in lines:
        if line["message"] and _bytes(line["message"]) > share // 2:
            line["message"] = line["message"][: LONGEST_MESSAGE // 10]
        sizes = accumulate((_bytes(each) for each in line["checks"]), initial=_bytes({**line, "checks": []}))
        line["checks"] = [
            each for each, size in zip(line["checks"], islice(sizes, 1, None), strict=False) if size <= share
        ]
    return lines


def _bytes(part: Any) -> int:
    """Of a part of a line in a call: JSON within JSON."""
    return len(json.dumps(json.dumps(part)))
