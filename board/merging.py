"""The answers of several applications to one question, as one answer."""

from collections.abc import Iterator, Mapping
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
