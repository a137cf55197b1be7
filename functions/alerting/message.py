"""The text of an alert, the same for every channel: a title, facts with names, and what to do."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from alerting import file_message, risk_message
from alerting.text import fitted, one_line, quoted
from console_links import execution_page, folder_page, job_run_page
from step_types import step_type, step_types

Alert = dict[str, Any]
TITLES = {
    "ERROR": "{product} failed for {business_date}",
    "LATE": "{product} is late for {business_date}",
    "AT_RISK": "{product} is at risk of missing its SLA for {business_date}",
    "COMPLETED": "{product} is complete for {business_date}",
    "STARTED": "{product} has started for {business_date}",
    "SKIPPED": "{product} was skipped for {business_date}",
    "OUTDATED": "{product} is outdated for {business_date}",
    "FILES": "{of_files}",  # by `file_message`
}
MANY = 10


def looks(alert: Alert) -> str:
    """The kind by which a channel chooses its mark: files of which nothing is wrong any more are like what is complete."""
    return "COMPLETED" if "over" in alert else str(alert["kind"])


@dataclass(frozen=True)
class Message:
    """`facts` are (name, text); `links` (name, URL); `rerun` is a command or empty."""

    title: str
    facts: tuple[tuple[str, str], ...]
    links: tuple[tuple[str, str], ...]
    rerun: str

    def text(self, most: int | None = None) -> str:
        """All of it as plain text, in at most so many characters: the longest facts are cut."""
        after = [f"{name}: {url}" for name, url in self.links] + ([f"Run again: {self.rerun}"] if self.rerun else [])
        kept = len("\n".join([self.title, "", *after])) + 2 + sum(len(name) + 3 for name, _ in self.facts)
        texts = [text for _, text in self.facts]
        if most is not None:
            texts = fitted(texts, max(0, most - kept))
        lines = [f"{name}: {text}" for (name, _), text in zip(self.facts, texts, strict=True)]
        return ("\n".join([self.title, "", *lines, *after]) + "\n")[:most]

    def details(self, most: int) -> dict[str, str]:
        """The facts and the command by their names, in at most so many characters; further facts of one name are numbered."""
        facts = [*self.facts, *([("Run again", self.rerun)] if self.rerun else [])]
        number: Counter[str] = Counter()
        names = []
        for name, _ in facts:
            number[name] += 1
            names.append(name if number[name] == 1 else f"{name} ({number[name]})")
        texts = fitted([text for _, text in facts], max(0, most - sum(map(len, names))))
        return dict(zip(names, texts, strict=True))


def compose(alert: Alert) -> Message:
    """What the reader needs first: what happened, since when, the owner, what waits for it, where to look, what to do."""
    clock = _Clock(alert)
    of_files = alert["kind"] == "FILES"
    title = TITLES[alert["kind"]].format(**alert, of_files=file_message.title(alert) if of_files else "")
    if alert.get("level") == "step":
        title = f"step {alert['step']} of {title}" if alert["kind"] == "ERROR" else f"{title}, step {alert['step']}"
    if alert.get("attempt", 1) > 1 and alert.get("about") != "corrected":
        title += f" (attempt {alert['attempt']})"
    if "recovered" in alert:
        title = f"{alert['recovered']} for {alert['business_date']}: everything has recovered"
    if "reminder" in alert:
        title += ", still unresolved" + (": escalated" if alert.get("escalated") else "")
    facts = _meant_for_another(alert)
    if "again" in alert:
        facts.append(
            ("Sent again", f"by {alert['again']['by']}: it was not known whether the first message had arrived")
        )
    name = "Bucket" if alert.get("about") == "unmatched" else "Product"
    facts.append((name, f"{alert['product'].partition('#')[0]}: {one_line(alert['description'])}"))
    if "reminder" in alert:
        reminder = alert["reminder"]
        facts.append(("Reminder", f"number {reminder['count']}, unresolved since {clock(reminder['since'])}"))
    if of_files:
        facts += file_message.facts(alert, clock)
    if alert["kind"] == "ERROR":
        facts.append(("What failed", _failure(alert)))
    if alert["kind"] == "LATE":
        facts.append(("Now", f"{alert.get('status', 'WAITING')}, was due by {clock(alert['due_at'])}"))
    if alert["kind"] == "AT_RISK":
        facts += [("Due", f"by {clock(alert['due_at'])}"), ("Expected", risk_message.sentence(alert, clock.time))]
    if alert.get("status") == "NOT OPENED":
        facts.append(("Not opened", _unopened(alert, clock)))
    if alert["kind"] == "OUTDATED":
        facts.append(("Made again", _made_again(alert)))
    if alert["kind"] == "SKIPPED" and alert.get("cause"):
        facts.append(("Reason", quoted(alert["cause"])))
    facts += [("Because of", each) for each in _roots(alert, clock)]
    facts.append(("Since", clock(alert["since"])))
    facts.append(("Owner", alert["owner"] + (f" <{alert['email']}>" if "email" in alert else "")))
    facts += _waiting(alert, clock)
    facts += _elsewhere(alert, clock)
    facts += _covered(alert, clock)
    again = f"headgate rerun {alert['product']} --date {alert['business_date']}" + (
        f" --cycle {alert['cycle']}" if alert.get("cycle") else ""
    )
    if "stack" in alert:
        again += f" --stack {alert['stack']['name']} --region {alert['stack']['region']}"
        again += f"  # account {alert['stack']['account']}" if alert["stack"]["account"] else ""
    return Message(
        title, tuple(facts), tuple(_links(alert)), again if alert["kind"] in ("ERROR", "SKIPPED", "OUTDATED") else ""
    )


def _meant_for_another(alert: Alert) -> list[tuple[str, str]]:
    """The recipient who could not be reached, where this one gets the alert instead."""
    if "unreachable" not in alert:
        return []
    other = alert["unreachable"]
    return [("Not delivered", f"{other['channel']} {other['target']} cannot be reached: {one_line(other['reason'])}")]


def _elsewhere(alert: Alert, clock: "_Clock") -> list[tuple[str, str]]:
    """Who waits in other accounts."""
    given = alert.get("elsewhere")
    if not given:
        return []
    names = [f"{each['product']} in {each['runs_in']}" for each in given["products"]]
    listed = ", ".join(names) + (f" and {given['count'] - len(names):,} more" if given["count"] > len(names) else "")
    return [("In other accounts", f"{given['count']:,}: {listed}"), *_first_due("First of them due", given, clock)]


def _failure(alert: Alert) -> str:
    job = alert.get("job")
    if job and alert.get("error") == job["error"]:
        work = step_type(job["type"]).RESOURCE if job["type"] in step_types() else "job"
        return f"step {job['step']}, {work} {job['job']}: {quoted(job.get('message') or job['error'])}"
    return f"{alert.get('error', 'unknown')}: {quoted(alert.get('cause', ''))}".rstrip(": ")


def _unopened(alert: Alert, clock: "_Clock") -> str:
    if alert["kind"] == "AT_RISK":
        return f"it opens at {clock(alert['opens_at'])}" if "opens_at" in alert else "its first input opens it"
    by_hand = f"headgate backfill {alert['product']} --date {alert['business_date']}"
    if "opening_error" in alert:
        return f"its run could not be opened: {one_line(alert['opening_error'])}"
    if "opens_at" in alert:
        return f"the scheduler has not made the opening of {clock(alert['opens_at'])}; by hand: {by_hand}"
    return "no refresh has opened a run"


def _made_again(alert: Alert) -> str:
    """The inputs that the run has used and that are not what they were."""
    names = [f"and {each['more']:,} more" if "more" in each else each["product"] for each in alert.get("missing", ())]
    return ", ".join(names) or "its inputs, which have arrived since"


def _roots(alert: Alert, clock: "_Clock") -> list[str]:
    found = []
    for root in alert.get("root_causes", ()):
        if "more" in root:
            found.append(f"{root['more']:,} more")
            continue
        state = root["upstream"]
        if root["product"].endswith("#files"):
            found.append(f"the files of {root['product'].removesuffix('#files')} have not all arrived")
            continue
        status = "has not been refreshed" if state["status"] in ("EXPECTED", "UNKNOWN") else f"is {state['status']}"
        error = f" ({state['error']})" if "error" in state else ""
        usual = f", usually there by {clock(state['usually_at'])}" if "usually_at" in state else ""
        found.append(f"{root['product']} {status}{error}{usual}; owner {state.get('owner', 'unknown')}")
    return found


def _waiting(alert: Alert, clock: "_Clock") -> list[tuple[str, str]]:
    waiting = alert.get("waiting")
    if not waiting or alert["kind"] in ("COMPLETED", "STARTED"):
        return []
    names = ", ".join(waiting["products"]) + (
        f" and {waiting['count'] - MANY:,} more" if waiting["count"] > MANY else ""
    )
    facts = [("Waiting for it", f"{waiting['count']:,}: {names}")]
    return facts + _first_due("First promise at risk", waiting, clock)


def _covered(alert: Alert, clock: "_Clock") -> list[tuple[str, str]]:
    """What else goes back to the same cause: it is in this message and in none of its own."""
    covers = alert.get("covers")
    if not covers or not covers.get("count"):
        return []
    names = covers.get("products", [])
    listed = ", ".join(names) + (f" and {covers['count'] - len(names):,} more" if covers["count"] > len(names) else "")
    return [("Also because of it", f"{covers['count']:,}: {listed}"), *_first_due("First of them due", covers, clock)]


def _first_due(name: str, given: dict[str, Any], clock: "_Clock") -> list[tuple[str, str]]:
    """`first_due` is `<moment>|<product>`."""
    due, _, product = (given.get("first_due") or "").partition("|")
    return [(name, f"{product}, by {clock(due)}")] if due else []


def _links(alert: Alert) -> list[tuple[str, str]]:
    arn, job = alert.get("execution_arn", ""), alert.get("job")
    pages: tuple[tuple[str, str | None], ...] = (
        ("Execution", execution_page(arn)),
        ("Job run", job_run_page(arn, job) if job else None),
    )
    folder = alert.get("folder") or ({"bucket": alert["bucket"], "prefix": ""} if "bucket" in alert else None)
    if folder and alert.get("stack"):
        pages += (("Files in S3", folder_page(alert["stack"]["region"], **folder)),)
    return [(name, page) for name, page in pages if page]


class _Clock:
    """Moments in the product's time zone, with its name."""

    def __init__(self, alert: Alert) -> None:
        try:
            self._zone: Any = ZoneInfo(alert["timezone"])
        except (KeyError, ZoneInfoNotFoundError):
            self._zone = UTC
        self._on = alert["business_date"]

    def __call__(self, moment: str) -> str:
        at = datetime.fromisoformat(moment).astimezone(self._zone)
        return f"{at:%Y-%m-%d %H:%M} {at.tzname()}"

    def time(self, moment: str) -> str:
        """Without its zone; with its date where that is not the business date."""
        at = datetime.fromisoformat(moment).astimezone(self._zone)
        return f"{at:%H:%M}" if str(at.date()) == self._on else f"{at:%Y-%m-%d %H:%M}"
