"""What operators do to runs: rerun, hold, release, skip, cancel, waive, backfill; retry of effects and of files, redrive of dead letters, mutes of alerts. IAM decides who may
call it, the metadata who may act on which domain. The caller is recorded, by the identity that AWS confirms."""

import os
from datetime import datetime
from typing import Any

import caller
import letters
import runtime
import ticks
from contract import require
from job_run import JobRun
from job_services import stop
from state.answers import length
from state.calls import State
from state.errors import BadEvent

MOST_FILES = 1000  # of one operation
HOW = ("actor", "identity", "on_behalf_of", "preview", "expect")  # the fields that do not say what is to be done


def handler(event: dict[str, Any], context: Any) -> Any:
    """The result of the action; with `preview` what it would change, and nothing is changed. Raises `BadEvent`, `UnknownRun`,
    `UnknownProduct`, `NoPipeline`, `IllegalTransition`, `ChangedMeanwhile`, `TooMuch`, `UnknownLetter`, `NotIdentified`, `NotAllowed`."""
    require(event, "operate")
    state, now = runtime.state(), runtime.now()
    request = {key: value for key, value in event.items() if key not in HOW}
    arn = caller.verified(event, now)
    caller.check(arn, state.operators_of(request))
    actor = caller.actor(event, arn)
    if event["action"] == "retry":
        return _retry(state, event, actor, now, context)
    if event["action"] == "redrive":
        return _redrive(event, actor)
    if event["action"] == "backfill":
        _check_backfill(event)
    elif event["action"] == "mute":
        _check_mute(event)
    elif event["action"] in ("retry_files", "ignore_files"):
        _check_files(event)
    elif "product" not in event:
        raise BadEvent("operate: /product is missing")
    if event["action"] == "waive":
        _check_waiver(event)
    done = state.operate(request, event.get("preview", False), event.get("expect"), actor, now)
    if done.changes is not None:
        result = _answer(event, done.result) if done.result else None
        about = result if event["action"] == "backfill" and result else {"result": result}
        return {**request, **about, "account": _account(), **done.changes, "digest": done.digest}
    assert done.result is not None, "it is left out of a trial only"
    for each in done.result.get("jobs", ()):
        stop(JobRun.of(each))
    runtime.perform_made(context, now)
    ticks.set_next(now)
    return _answer(event, done.result)


def _redrive(event: dict[str, Any], actor: str) -> dict[str, Any]:
    if ("letter" in event) == ("all" in event) or "preview" in event:
        raise BadEvent("operate: redrive needs /letter or /all, not both, and has no /preview")
    return letters.redrive(event.get("letter"), actor)


def _answer(event: dict[str, Any], result: dict[str, Any]) -> Any:
    match event["action"]:
        case "rerun":
            return result["attempts"]
        case "hold" | "release":
            return {
                "scope": "run" if "business_date" in event else "product",
                "product": event["product"],
                "changed": result["changed"],
                "other_hold": result["other_hold"],
                "released": length(result["released"]),
                "released_runs": result["released"],
                "waiting_runs": result["waiting"],
            }
    return result


def _check_waiver(event: dict[str, Any]) -> None:
    missing = [each for each in ("input", "business_date") if each not in event]
    missing += [] if event.get("undo") or "reason" in event else ["reason"]
    if missing:
        raise BadEvent(f"operate: waive needs {', '.join(f'/{each}' for each in missing)}")


def _check_files(event: dict[str, Any]) -> None:
    files = event.get("files", [])
    if not files or len(files) > MOST_FILES or not all(type(each) is int and 0 < each < 2**63 for each in files):
        raise BadEvent(f"operate: {event['action']} needs /files, the numbers of 1 to {MOST_FILES:,} files")


def _check_mute(event: dict[str, Any]) -> None:
    if ("product" in event) == ("domain" in event) or "muted_until" not in event:
        raise BadEvent("operate: mute needs /muted_until and one of /product and /domain")
    try:
        datetime.fromisoformat(event["muted_until"])
    except ValueError:
        raise BadEvent(f"operate: /muted_until is {event['muted_until']}, which is no moment") from None


def _account() -> str:
    """The account whose runs these are."""
    return os.environ["STATE_MACHINE_ARN_PREFIX"].split(":")[4]


def _check_backfill(event: dict[str, Any]) -> None:
    if "landed" in event and ("product" not in event or "preview" in event or "expect" in event):
        raise BadEvent("operate: backfill with /landed needs /product, and has no /preview and no /expect")
    if not {"product", "domain", "stop"} & event.keys():
        raise BadEvent("operate: /product is missing")
    if event.get("until", "") < event.get("business_date", "") and "until" in event:
        raise BadEvent(f"operate: /until {event['until']} is before /business_date {event['business_date']}")


def _retry(state: State, event: dict[str, Any], actor: str, now: datetime, context: Any) -> dict[str, int]:
    """How many parked effects are due again, and how many of these could be performed at once."""
    if ("effect" in event) == ("all" in event):
        raise BadEvent("operate: retry needs /effect or /all, and not both")
    retried = state.retry_effects([event["effect"]] if "effect" in event else None, actor, now)
    performed = runtime.perform_made(context, now)
    ticks.look_soon(now)
    return {"retried": retried, "performed": performed}
