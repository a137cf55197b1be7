"""A business date in print: the table of its status, and the report of a day that the local runtime played."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from headgate.cli import formatting, status_rows, terminal
from headgate.cli.formatting import Clock, Entry, Row, plural

if TYPE_CHECKING:
    from headgate.local.player import Day
    from headgate.local.scenario import Scenario


def print_status(products: list[Entry], clock: Clock, now: datetime | None = None) -> None:
    """The table of products, and how many have which status; with what is overdue at `now`, if that is given."""
    if products:
        terminal.table(status_rows.status(products, clock, now), heading=True)
        terminal.line()
    terminal.line(status_rows.counts(products))


def print_day(day: "Day", scenario: "Scenario", with_history: bool) -> None:
    """What happened, how the products ended, and how that differs from the scenario."""
    clock = Clock(scenario.timezone, scenario.business_date.isoformat())
    if with_history:
        terminal.line()
        terminal.line(f"History ({scenario.timezone.key})")
        terminal.line()
        rows = list(_with_notes(day, scenario, clock))
        if rows:
            terminal.table(rows)
    terminal.line()
    terminal.line(f"Status of {scenario.business_date}")
    terminal.line()
    named = scenario.expect.keys()
    print_status(
        [each for each in day.products if not named or each["product"] in named or each["status"] != "NOT OPENED"],
        clock,
    )
    if day.dead_letters:
        terminal.line(f"{plural(day.dead_letters, 'message')} in dead letter queues")
    if day.incidents:
        terminal.line(f"{plural(len(day.incidents), 'incident')} opened")
    for text in _alerts(day.alerts):
        terminal.line(text)
    terminal.line()
    if day.problems:
        terminal.line(("Differences from the scenario:", "bad"))
        for problem in day.problems:
            terminal.line(f"  {problem}")
    else:
        terminal.line(("The day ended as the scenario expects.", "good"))


def _alerts(alerts: list[dict[str, Any]]) -> Iterator[str]:
    for each in alerts:
        if each["service"] == "slack" and each["path"].endswith("postMessage"):
            yield f"alert on Slack, {each['body']['channel']}: {each['body']['text']}"
        elif each["service"] == "opsgenie":
            yield f"alert on OpsGenie: {each['body'].get('message') or each['body'].get('note')}"
        elif each["service"] != "slack":
            yield f"alert to {each['service']}: {_title(each['body'])}"


def _title(body: dict[str, Any]) -> str:
    """Of what PagerDuty, Jira Service Management, a webhook or Teams receives."""
    text = body.get("title") or body.get("message") or body.get("note") or body.get("payload", {}).get("summary")
    cards = [each["content"]["body"][0]["inlines"][0]["text"] for each in body.get("attachments", ())]
    return str(text or next(iter(cards), body.get("event_action", "")))


def _with_notes(day: "Day", scenario: "Scenario", clock: Clock) -> Iterator[Row]:
    """The history, with the notes of the scenario and the operations that were refused at their moments."""
    notes = [(each.at, [f"{each.at:%H:%M:%S}", "", f"# {each.note}"]) for each in scenario.moments if each.note]
    for each in day.refused:
        at = datetime.fromisoformat(each["at"])
        notes.append((at, [f"{at:%H:%M:%S}", each["product"], f"{each['action']} refused: {each['message']}"]))
    notes.sort(key=lambda each: each[0])
    for row, entry in zip(formatting.history(day.entries, clock), day.entries, strict=True):
        at = datetime.fromisoformat(entry["at"])
        while notes and notes[0][0] <= at:
            yield notes.pop(0)[1]
        yield row
    yield from (row for _, row in notes)
