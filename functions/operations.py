"""Which requests of operators are whole, and what a trial of one answers. `operate` performs them; `inquire` tries them for everybody who may read."""

import os
import re
from datetime import datetime
from typing import Any

from state.answers import Operated, length
from state.errors import BadEvent

MOST_FILES = 1000  # of one operation
OF_BACKFILL = re.compile("product|domain|stop")  # fields, one of which says what it is about
HOW = ("actor", "identity", "on_behalf_of", "preview", "expect")  # the fields that do not say what is to be done


def requested(event: dict[str, Any]) -> dict[str, Any]:
    """What is to be done."""
    return {key: value for key, value in event.items() if key not in HOW}


def check(event: dict[str, Any]) -> None:
    """Raises `BadEvent` where the request of an action lacks what it needs, or has what cannot be meant."""
    match event["action"]:
        case "retry" if ("effect" in event) == ("all" in event) or "preview" in event:
            raise BadEvent("operate: retry needs /effect or /all, and not both; it has no /preview")
        case "redrive" if ("letter" in event) == ("all" in event) or "preview" in event:
            raise BadEvent("operate: redrive needs /letter or /all, not both, and has no /preview")
        case "retry" | "redrive":
            return
        case "backfill":
            _check_backfill(event)
        case "mute":
            _check_mute(event)
        case "retry_files" | "ignore_files":
            _check_files(event)
        case _ if "product" not in event:
            raise BadEvent("operate: /product is missing")
        case "waive":
            _check_waiver(event)


def trial(request: dict[str, Any], done: Operated) -> dict[str, Any]:
    """What the request would change: {account, runs, inputs, effects, jobs, digest, result} with the request itself. Nothing has been changed."""
    assert done.changes is not None, "a trial has changes"
    result = answered(request, done.result) if done.result else None
    about = result if request["action"] == "backfill" and result else {"result": result}
    return {**request, **about, "account": _account(), **done.changes, "digest": done.digest}


def answered(event: dict[str, Any], result: dict[str, Any]) -> Any:
    """The result of the state, as callers of the action get it."""
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


def _account() -> str:
    """The account whose runs these are."""
    return os.environ["STATE_MACHINE_ARN_PREFIX"].split(":")[4]


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


def _check_backfill(event: dict[str, Any]) -> None:
    if "landed" in event and ("product" not in event or "preview" in event or "expect" in event):
        raise BadEvent("operate: backfill with /landed needs /product, and has no /preview and no /expect")
    if not any(OF_BACKFILL.fullmatch(each) for each in event):
        raise BadEvent("operate: /product is missing")
    if event.get("until", "") < event.get("business_date", "") and "until" in event:
        raise BadEvent(f"operate: /until {event['until']} is before /business_date {event['business_date']}")
