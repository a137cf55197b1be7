"""The answers of several applications to one question, as one answer."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

Answer = dict[str, Any]

ELSEWHERE = {"REFRESHED", "FAILED", "EXPECTED"}  # the statuses of a product that another account refreshes


def merged(answers: Mapping[str, Answer]) -> Answer:
    """Lists one after the other, each row with the `application` that it is from; `more` if one of them has more; of other fields the first.
    One answer alone stays as it is. Of a product that several applications know the row of the one that refreshes it is kept."""
    if len(answers) == 1:
        return next(iter(answers.values()))
    whole: Answer = {}
    for name, answer in answers.items():
        for key, value in answer.items():
            if isinstance(value, list):
                whole.setdefault(key, []).extend(_marked(value, name))
            elif key == "more":
                whole[key] = whole.get(key, False) or value
            else:
                whole.setdefault(key, value)
    for each in ("position", "whole", "before"):
        whole.pop(each, None)
    if "products" in whole:
        whole["products"] = list(_once(whole["products"]))
    return whole


def parts(answers: Mapping[str, Answer]) -> Answer:
    """One answer alone as it is; of several the list `parts`, each with the `application` that it is from, and one `digest` of all."""
    if len(answers) == 1:
        return next(iter(answers.values()))
    digest = " ".join(str(answers[name].get("digest")) for name in sorted(answers))
    return {"digest": digest, "parts": [{**answer, "application": name} for name, answer in answers.items()]}


def most_critical(answers: Iterable[Answer]) -> Answer:
    """Of the critical paths of the day in several applications the one of the day: chosen as each application chooses among its products."""
    return min(answers, key=_spare)


def _spare(answer: Answer) -> tuple[bool, bool, bool, float]:
    """Whether nothing is known, there is no SLA, it has ended; and the seconds that are left before the SLA, or, without one, how late it is ready."""
    last = answer["path"][-1] if answer["path"] else {}
    ready = last.get("ready_at") or last.get("expected")
    if ready is None:
        return True, True, True, 0.0
    due = datetime.fromisoformat(last["due_at"]).timestamp() if "due_at" in last else 0.0
    return (
        False,
        "due_at" not in last,
        "due_at" in last and "ready_at" in last,
        due - datetime.fromisoformat(ready).timestamp(),
    )


def _marked(rows: list[Any], name: str) -> list[Any]:
    return [{**row, "application": name} if isinstance(row, dict) else row for row in rows]


def _once(rows: list[Answer]) -> Iterator[Answer]:
    at_home = {row["product"] for row in rows if row.get("status") not in ELSEWHERE}
    seen: set[str] = set()
    for row in rows:
        product = row["product"]
        if row.get("status") not in ELSEWHERE:
            yield row
        elif product not in at_home and product not in seen:
            seen.add(product)
            yield row
