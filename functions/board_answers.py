"""Answers the questions of the page: from snapshots what it asks again and again, and from the applications what somebody has clicked for."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import board_applications
import merging
import snapshot_answers
from board_person import Person
from board_store import Head, Store, in_shadow
from columns import columns
from mesh_part import part_of_mesh
from page_requests import AnswerError
from snapshot_age import age

WHOLE = 10_000  # products whose rows are sent at once; of more the page gets counts by domain, and the rows of the domain that is chosen
FEW = 10  # applications that are asked at once
KEPT = {"status", "mesh", "freshness"}  # questions that are answered from snapshots
KEPT_OF_ALL = {"forecast", "critical_path"}  # and those that are if they name no product
SCOPES = {"domain", "application"}  # that choose among the rows of all
OF_PRODUCT = {"why", "runs", "product", "critical_path"}
ABOUT_PRODUCT = OF_PRODUCT | {
    "history",
    "alerts",
    "files",
    "changes",
    "forecast",
}  # whose answer is of the product alone, if one is named
ABOUT_DOMAIN = {"alerts", "changes", "shadow"}
OF_ONE = {"file", "batch", "dead_letter", "backfill", "preview"}  # about what one application knows
FILTERED = {"search", "alerts", "shadow"}  # lists whose rows name their product
Entry = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """`content` is None where it is what the asker has by this tag. A tag is given to what comes from snapshots."""

    content: Any
    tag: str | None = None


class Answers:
    """What a person may know."""

    def __init__(self, person: Person, store: Store, now: datetime) -> None:
        self._person, self._store, self._now = person, store, now
        self._sees = None if person.reads is None else sorted(person.reads)

    def question(self, event: Entry, tag: str | None) -> Answer:
        """Raises `AnswerError`, also where the person may not know it."""
        name = event["question"]
        heads = self._heads(event)
        if name == "about":
            known = {
                "applications": [each.name for each in heads],
                "snapshots": [age(each, self._now) for each in heads],
            }
            return Answer({**known, "may_edit": False, "may_read_logs": False, **self._person.acts(), "person": self._person.name, "asked_at": self._now.isoformat()})  # fmt: skip
        if name in ("source", "draft"):
            raise AnswerError(
                "BadEvent", "there is no metadata here: `headgate board` in the folder of the project has it"
            )
        if name in KEPT or (name in KEPT_OF_ALL and "product" not in event):
            return self._known(event, heads, tag)
        self._check(event)
        return Answer(self._filtered(name, self._asked(event, heads)))

    # --- from snapshots

    def _known(self, event: Entry, heads: list[Head], tag: str | None) -> Answer:
        name, on_date = event["question"], event.get("business_date") or _usual_date(heads)
        is_whole = not SCOPES & event.keys()
        many = is_whole and sum(counts["products"] for each in heads for counts in self._domains(each).values()) > WHOLE
        if many:
            return self._overview(name, heads, on_date, tag)
        if name == "mesh":
            return self._mesh(event, heads)
        if name == "freshness":
            return self._freshness(event, heads, tag)
        fresh = [each for each in heads if on_date in each.dates]
        if not fresh and name == "status":
            return Answer(self._of_the_past(event, heads, on_date))
        late = [each for each in heads if on_date not in each.dates]
        shadow = in_shadow(heads) if name == "status" else {}
        apart = [event.get("domain"), [(each.name, each.business_date) for each in late], shadow]
        fresh_tag = _tag(name, on_date, apart, self._sees, [(each.name, each.dates[on_date]) for each in fresh])
        if tag == fresh_tag:
            return Answer(None, fresh_tag)

        def computed() -> Entry:
            found = {each.name: self._store.snapshot(each, on_date) for each in fresh}
            answered = snapshot_answers.OF_A_DATE[name](found, date.fromisoformat(on_date), self._reader(event))
            return {**self._of(on_date, name), **answered}

        content = {**self._store.answer(fresh_tag, computed), **shadow, "asked_at": self._now.isoformat()}
        if late and name == "status":
            content["unreachable"] = [
                {"application": each.name, "message": f"it has no runs of {on_date}; its latest date is {each.business_date}"}
                for each in late
            ]  # fmt: skip
        return Answer(content, fresh_tag)

    def _freshness(self, event: Entry, heads: list[Head], tag: str | None) -> Answer:
        today = self._now.date()
        fresh_tag = _tag("freshness", event.get("domain"), self._sees, [(each.name, each.fresh, each.dates[each.fresh]) for each in heads])  # fmt: skip
        if tag == fresh_tag:
            return Answer(None, fresh_tag)
        found = {each.name: (date.fromisoformat(each.fresh), self._store.snapshot(each, each.fresh)) for each in heads}
        return Answer({**self._of(str(today), "freshness"), **snapshot_answers.freshness(found, today, self._reader(event))}, fresh_tag)  # fmt: skip

    def _mesh(self, event: Entry, heads: list[Head]) -> Answer:
        digest = _tag("mesh", self._sees, [(each.name, each.mesh) for each in heads])
        if event.get("digest") == digest:
            return Answer({"question": "mesh", "digest": digest, "unchanged": True})
        found = [{**self._store.mesh(each), "application": each.name} for each in heads]
        parts = [
            part_of_mesh(each, self._person.may_read) if self._person.reads is not None else each for each in found
        ]
        return Answer({"question": "mesh", "digest": digest, "asked_at": self._now.isoformat(), "parts": parts})

    def _overview(self, name: str, heads: list[Head], on_date: str, tag: str | None) -> Answer:
        """In place of the rows of all products the numbers of each domain."""
        fresh_tag = _tag("overview", name, self._sees, [(each.name, each.written_at) for each in heads])  # fmt: skip
        if tag == fresh_tag:
            return Answer(None, fresh_tag)
        common = self._of(on_date, name)
        if name != "status":
            return Answer(
                {**common, "digest": fresh_tag, "products": [], "parts": [], "path": [], "more": False}, fresh_tag
            )
        overview = [
            {"application": each.name, "business_date": each.business_date, "domain": domain, **counts}
            for each in heads
            for domain, counts in sorted(self._domains(each).items())
        ]
        written = min(each.written_at for each in heads)
        return Answer({**common, **in_shadow(heads), "written_at": written, "live": True, "whole": True, "products": [], "overview": overview, "more": False}, fresh_tag)  # fmt: skip

    def _of_the_past(self, event: Entry, heads: list[Head], on_date: str) -> Entry:
        """A date that no snapshot is kept of: the applications are asked, once for each time that somebody chooses it (`live` is false)."""
        given = {"question": "status", "business_date": on_date, **{key: event[key] for key in SCOPES & event.keys()}}
        found = self._asked(given, heads)
        products = columns(self._readable(found["products"]), date.fromisoformat(on_date))
        known = {key: value for key, value in found.items() if key != "shadow"} | in_shadow(heads)
        return {**known, "business_date": on_date, "asked_at": self._now.isoformat(), "live": False, "whole": True, "products": products}  # fmt: skip

    # --- from the applications

    def _asked(self, event: Entry, heads: list[Head]) -> Entry:
        given = {key: value for key, value in event.items() if key != "application"}
        product = event.get("product") or event.get("operation", {}).get("product")
        chosen = [self.home(product, heads)] if product else heads
        if len(chosen) > 1 and event["question"] in OF_ONE:
            raise AnswerError(
                "BadEvent", f"the question {event['question']} needs `application`: it is about what one of them knows"
            )
        if len(chosen) > FEW:
            raise AnswerError(
                "BadEvent",
                f"{len(chosen)} applications would be asked, and each wakes its database: choose a domain first",
            )
        with ThreadPoolExecutor(FEW) as threads:
            answers = list(threads.map(lambda each: _tried(each, given), chosen))
        found = {each.name: answer for each, answer in zip(chosen, answers, strict=True) if isinstance(answer, dict)}
        failed = {each.name: answer for each, answer in zip(chosen, answers, strict=True) if isinstance(answer, AnswerError)}  # fmt: skip
        if not found:
            raise next(iter(failed.values()), AnswerError("UnknownProduct", "this board has no application yet"))
        whole = merging.merged(found)
        if failed:
            whole = {**whole, "unreachable": [{"application": name, "message": str(each)} for name, each in failed.items()]}  # fmt: skip
        return whole

    def home(self, product: str, heads: Sequence[Head] | None = None) -> Head:
        """The application that refreshes the product; where none does, the first that hears of it. Raises `AnswerError`."""
        domain, known = product.split("/")[0], heads or self._heads({})
        found = [each for each in known if domain in each.domains] or [each for each in known if each.knows(domain)]
        if not found:
            raise AnswerError("UnknownProduct", f"no application of this board has the domain {domain}")
        return found[0]

    # --- what a person may know

    def _heads(self, event: Entry) -> list[Head]:
        """The applications that the question is about, of those of which the person may see a domain."""
        found = [each for each in self._store.heads(self._now) if self._person.reads is None or any(each.knows(domain) for domain in self._person.reads)]  # fmt: skip
        if (wanted := event.get("application")) is not None:
            found = [each for each in found if each.name == wanted]
            if not found:
                raise AnswerError("BadEvent", f"this board has no application {wanted} that you may see")
        if (domain := event.get("domain")) is not None:
            self._person.check_reads(domain)
            found = [each for each in found if each.knows(domain)]
        return found

    def _domains(self, head: Head) -> dict[str, dict[str, int]]:
        return {domain: counts for domain, counts in head.domains.items() if self._person.may_read(domain)}

    def _check(self, event: Entry) -> None:
        """Of other questions a product or a domain does not limit the answer, so naming one permits nothing."""
        name = event["question"]
        if name in OF_PRODUCT and "product" not in event:
            raise AnswerError("BadEvent", f"the question {name} needs `product`")
        if "product" in event:
            self._person.check_reads(event["product"].split("/")[0])
        is_limited = (name in ABOUT_PRODUCT and "product" in event) or (name in ABOUT_DOMAIN and "domain" in event)
        if not is_limited and name not in FILTERED:
            self._person.check_reads_everything(f"the question {name}")

    def _filtered(self, name: str, answer: Entry) -> Entry:
        if name not in FILTERED or self._person.reads is None:
            return answer
        return {key: self._readable(value) if isinstance(value, list) else value for key, value in answer.items()}

    def _reader(self, event: Entry) -> Callable[[list[Any]], list[Any]] | None:
        """Which rows are asked for and may be seen; None if all."""
        domain = event.get("domain")
        return None if domain is None and self._person.reads is None else lambda given: self._readable(given, domain)

    def _readable(self, given: list[Any], domain: str | None = None) -> list[Any]:
        """The rows of products that the person may see, of the domain if one is named."""
        if domain is None and self._person.reads is None:
            return given
        found = ((str(row.get("product", "")).split("/")[0], row) for row in given if isinstance(row, dict))
        return [row for its, row in found if its and domain in (None, its) and self._person.may_read(its)]

    def _of(self, on_date: str, question: str) -> Entry:
        return {"question": question, "business_date": on_date, "asked_at": self._now.isoformat()}


def _tried(head: Head, event: Entry) -> Entry | AnswerError:
    try:
        return board_applications.ask(head.place, event)
    except AnswerError as error:
        return error


def _usual_date(heads: list[Head]) -> str:
    """The date that most applications have as their latest, of several the last. Raises `AnswerError`."""
    if not heads:
        raise AnswerError(
            "UnknownProduct", "no application has written a snapshot for this board yet: it does after its next change"
        )
    counts = Counter(each.business_date for each in heads)
    return max(counts, key=lambda each: (counts[each], each))


def _tag(*parts: Any) -> str:
    return f'"{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]}"'
