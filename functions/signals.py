"""Signals: what the events of other systems say that stand for the refresh of a product which is refreshed elsewhere. Pure.

`events/schemas/` has the contracts of these events, and docs/signals.md which of them count.
"""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import landing
from contract import require, shown
from state.errors import BadEvent

SOURCES = ("openlineage", "aws.states", "aws.glue", "aws.s3")
LONGEST = 1_000  # characters of a text that is passed on
COMPLETED, ERROR = "COMPLETED", "ERROR"
OF_RUN = {"COMPLETE": COMPLETED, "FAIL": ERROR, "ABORT": ERROR}
OF_EXECUTION = {"SUCCEEDED": COMPLETED, "FAILED": ERROR, "TIMED_OUT": ERROR, "ABORTED": ERROR}
OF_PARTITIONS = ("CreatePartition", "BatchCreatePartition", "UpdatePartition", "BatchUpdatePartition")


@dataclass(frozen=True, slots=True)
class Reported:
    """What an event says. `subjects` are what it is about, as the catalog names them; `identity` is the same for the same event; `texts` are what patterns are
    matched with; `nominal` is a nominal time as it is written; `input` is JSON, None where it is withheld; `facts` are passed on."""

    kind: str
    subjects: tuple[str, ...]
    identity: str
    status: str
    at: str
    account: str | None
    cause: str | None = None
    texts: tuple[str, ...] = ()
    nominal: str | None = None
    input: str | None = None
    facts: dict[str, str] = field(default_factory=dict)


def parse(body: dict[str, Any]) -> Reported | None:
    """Of an event of one of `SOURCES`; None for one that is no signal, such as a run that goes on. Raises `BadEvent`."""
    match body["source"]:
        case "openlineage":
            return _run(require(body, "openlineage-run-event"))
        case "aws.states":
            return _execution(require(body, "execution-status-change"))
        case "aws.glue":
            return _table(require(body, "glue-table-state-change"))
        case _:
            return _object(body)


def _run(body: dict[str, Any]) -> Reported | None:
    detail, account = body["detail"], body.get("account")
    run, job = detail["run"], detail["job"]
    if detail["eventType"] not in OF_RUN:
        return None
    facets = run.get("facets") or {}
    error = _text(facets, "errorMessage", "message")
    state = detail["eventType"]
    return Reported(
        "openlineage",
        tuple(dict.fromkeys(_dataset(each) for each in detail.get("outputs") or ())),
        f"{run['runId']} {state}",
        OF_RUN[state],
        detail["eventTime"],
        account,
        None if state == "COMPLETE" else f"{state}: {error}" if error else state,
        nominal=_text(facets, "nominalTime", "nominalStartTime"),
        facts={"job": f"{job['namespace']}/{job['name']}", "run": run["runId"]},
    )


def _dataset(given: Any) -> str:
    names = [given.get(key) for key in ("namespace", "name")] if isinstance(given, dict) else []
    texts = [each for each in names if isinstance(each, str)]
    if len(texts) < 2:
        raise BadEvent(f"/detail/outputs has {shown(given)}, which has no namespace and name")
    return "\n".join(texts)


def _text(facets: Any, facet: str, name: str) -> str | None:
    found = facets.get(facet) if isinstance(facets, dict) else None
    text = found.get(name) if isinstance(found, dict) else None
    return text if isinstance(text, str) else None


def _execution(body: dict[str, Any]) -> Reported | None:
    detail = body["detail"]
    status, machine = detail["status"], detail["stateMachineArn"]
    if status not in OF_EXECUTION:
        return None
    stopped = detail.get("stopDate")
    at = datetime.fromtimestamp(stopped / 1000, UTC).isoformat() if stopped else _time(body)
    failed = " ".join(filter(None, (status, detail.get("error"), detail.get("cause"))))
    return Reported(
        "states",
        (machine.rsplit(":", 1)[-1],),
        f"{detail['executionArn']} {status} {stopped}",  # a redriven execution ends again
        OF_EXECUTION[status],
        at,
        body.get("account"),
        None if status == "SUCCEEDED" else failed,
        input=detail.get("input"),
        facts={"execution": detail["executionArn"]},
    )


def _table(body: dict[str, Any]) -> Reported:
    detail = body["detail"]
    change, partitions = detail["typeOfChange"], detail.get("changedPartitions") or []
    if not all(isinstance(each, str) for each in partitions):
        raise BadEvent(f"/detail/changedPartitions is {shown(partitions)}, which is no list of texts")
    name = f"{detail['databaseName']}.{detail['tableName']}"
    return Reported(
        "table",
        (name,) if change in (*OF_PARTITIONS, "UpdateTable") else (),
        body["id"],  # Glue numbers its events by nothing else
        COMPLETED,
        _time(body),
        body.get("account"),
        texts=tuple(dict.fromkeys(partitions)) or ("",),
        facts={"table": name, "change": change},
    )


def _object(body: dict[str, Any]) -> Reported | None:
    found = landing.parse(body)
    if found is None:
        return None
    (file,) = found["files"]
    version = file.get("version_id") or file.get("sequencer") or file.get("etag")
    facts = {"bucket": file["bucket"], "key": file["key"], "version_id": file.get("version_id")}
    return Reported(
        "object",
        (file["bucket"],),
        f"{file['bucket']}/{file['key']} {version}",
        COMPLETED,
        file["event_at"],
        body.get("account"),
        texts=(file["key"],),
        facts={key: text for key, text in facts.items() if text},
    )


def _time(body: dict[str, Any]) -> str:
    if not isinstance(body.get("time"), str):
        raise BadEvent("/time is missing or no text")
    return str(body["time"])


def at_path(text: str, path: str) -> str | None:
    """The value at the path, keys with dots between them, in JSON; None where there is none that is a text or a number."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    for key in path.split("."):
        found = found.get(key) if isinstance(found, dict) else None
    return str(found) if isinstance(found, (str, int)) and not isinstance(found, bool) else None
