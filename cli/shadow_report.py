"""What `headgate shadow` prints: the products of each date, the worst difference first, and each date as a whole."""

from collections.abc import Iterator
from datetime import tzinfo

from headgate.cli import terminal
from headgate.cli.formatting import Clock, Entry, few, input_name, lasted, plural, product_and_cycle, uncut

ORDER = (
    "without_inputs", "not_decided", "not_started", "later", "earlier", "start_unknown", "waiting", "neither", "same",
)  # fmt: skip
IN_SUMMARY = {
    "without_inputs": "without its inputs",
    "not_decided": "not started by Headgate",
    "not_started": "not started by the existing scheduler",
    "later": "later than possible",
    "earlier": "earlier than Headgate",
    "start_unknown": "with a start that is not known",
    "waiting": "not started by either yet",
    "neither": "not started by either",
    "same": "the same",
}
HEADING = ["product", "existing scheduler", "Headgate", "difference"]


def print_report(answer: Entry, zone: tzinfo | None) -> None:
    """The whole answer, in a time zone (default: the one of this machine)."""
    clock = Clock(zone, answer["business_date"])
    terminal.line(mode(answer, clock))
    for each in answer["days"]:
        date = each["business_date"]
        products = [row for row in answer["products"] if row["business_date"] == date]
        terminal.line()
        terminal.line(day(each))
        if products:
            terminal.table([HEADING, *rows(products, Clock(zone, date))], heading=True)
    if not answer["days"]:
        terminal.line("nothing was decided in shadow for this date")
    if answer["unmatched"]:
        terminal.line()
        terminal.line("Job runs of which no product is known:")
        for line in unmatched(answer["unmatched"], clock):
            terminal.line(f"  {line}", indent=4)
    if answer["unseen"]:
        terminal.line()
        terminal.line(unseen(answer["unseen"]))
    if answer["more"]:
        terminal.line("There are more rows; name fewer dates, or a domain. The lines of the dates count all.")


def mode(answer: Entry, clock: Clock) -> str:
    """Whether the application is in shadow, and since when."""
    given = answer["mode"]
    since = f" since {clock.with_zone(given['since'])}" if "since" in given else ""
    if given["shadow"]:
        return f"in shadow{since}: nothing is started"
    return f"not in shadow{since}: Headgate starts the products itself"


def rows(products: list[Entry], clock: Clock) -> Iterator[list[str]]:
    """A row for each product of one date."""
    for each in sorted(products, key=lambda row: (ORDER.index(row["difference"]), product_and_cycle(row))):
        yield [
            product_and_cycle(each),
            _existing(each, clock),
            clock(each.get("decided_at")) or "-",
            _sentence(each, clock),
        ]


def day(given: Entry) -> str:
    """A date as a whole."""
    counts = given["differences"]
    parts = []
    for name in ORDER:
        if name in counts:
            waited = f" ({lasted(given['waited_seconds'])} in all)" if name == "later" else ""
            parts.append(f"{counts[name]:,} {IN_SUMMARY[name]}{waited}")
    return f"{given['business_date']}: {plural(given['products'], 'product')}: {', '.join(parts)}"


def unmatched(job_runs: list[Entry], clock: Clock) -> Iterator[str]:
    """The job runs of which no product is known, and why."""
    found, more = uncut(job_runs)
    for each in found:
        at = clock(each.get("started_at")) or "an unknown time"
        yield f"{each['type']} {each['job']} {each['job_run'].rpartition(':')[2]} at {at}: {each['problem']}"
    if more:
        yield f"and {more:,} more"


def unseen(products: list[str]) -> str:
    """The products whose runs are known by refresh events alone."""
    names, more = uncut(products)
    return f"Of {few(names, more)} no job run can be seen: what the existing scheduler does counts where it publishes their refresh events."


def _existing(each: Entry, clock: Clock) -> str:
    if "started_at" not in each and "ended_at" not in each:
        return "-"
    ended = f" to {clock(each['ended_at'])}" if "ended_at" in each else ""
    failed = ", failed" if each.get("outcome") == "ERROR" else ""
    times = f", {each['attempts']} times" if "attempts" in each else ""
    return (clock(each.get("started_at")) or "?") + ended + failed + times


def _sentence(each: Entry, clock: Clock) -> str:
    away = lasted(abs(each.get("seconds", 0)))
    inputs = _inputs(each, clock)
    match each["difference"]:
        case "without_inputs":
            return f"started without {inputs}"
        case "not_decided" if inputs:
            return f"Headgate did not start it; missing: {inputs}"
        case "not_decided":
            return f"Headgate did not start it: {each.get('reason') or each.get('status') or 'it has opened no run'}"
        case "not_started":
            return "no start was seen"
        case "later":
            return f"{away} later than possible"
        case "earlier":
            return f"{away} earlier, with its inputs"
        case "start_unknown":
            return "its end was seen, not its start"
        case "waiting" if inputs:
            return f"waits for {inputs}"
        case "same":
            return "the same"
    return f"neither started it{f', without {inputs}' if inputs else ''}"


def _inputs(each: Entry, clock: Clock) -> str:
    """`raw/b for 2026-11-20, which came at 06:40 (there was that of 2026-11-19)`"""
    found, more = uncut(each.get("inputs", ()))
    return few([_input(one, clock) for one in found], more)


def _input(one: Entry, clock: Clock) -> str:
    date = f" for {one['business_date']}" if "business_date" in one else ""
    cycle = f" {one['cycle']}" if "cycle" in one else ""
    came = f", which came at {clock(one['came_at'])}" if "came_at" in one else ", which has not come"
    had = f" (there was that of {one['had']['business_date']})" if "had" in one else ""
    return f"{input_name(one['product'])}{date}{cycle}{came}{had}"
