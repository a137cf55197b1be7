"""`headgate health`: what the application could not perform, load or open, what is overdue, and what lies in dead letter queues."""

import argparse
from datetime import datetime, timedelta

from headgate.cli import terminal
from headgate.cli.application import inquire
from headgate.cli.arguments import add_application
from headgate.cli.errors import FINDINGS, FINE
from headgate.cli.formatting import EFFECTS, Clock, Entry, named_run, plural

MOST = 20  # parked effects that are listed
OVERDUE = 1_800  # seconds: the functions that perform effects are called every few minutes
SILENT = 3  # days: the retention is called every day
STILL = 25  # hours: the scheduler and the monitor are called every hour, or as `TickExpression` says


def add(parser: argparse.ArgumentParser) -> None:
    add_application(parser)


def run(arguments: argparse.Namespace) -> int:
    """Exit code 1 if an operator has something to do."""
    answer = inquire(arguments, "health")
    outbox, letters = answer["outbox"], [each for each in answer["dead_letters"] if each.get("messages")]
    wrong = (
        outbox["parked"]
        or letters
        or answer["products"]
        or _seconds_due(answer) > OVERDUE
        or _retention_fails(answer)
        or any(_stopped(answer))
    )
    code = FINDINGS if wrong else FINE
    if arguments.json:
        terminal.print_json(answer)
        return code
    clock = Clock(None, answer["asked_at"][:10])
    terminal.line(f"As of {clock.with_zone(answer['asked_at'])}:")
    _print_parked(answer, clock)
    _print_due(answer, clock)
    _print_products(answer["products"])
    _print_letters(answer["dead_letters"])
    _print_signals(answer.get("signals", []), clock)
    _print_ticks(answer, clock)
    _print_retention(answer, clock)
    return code


def _print_parked(answer: Entry, clock: Clock) -> None:
    count = answer["outbox"]["parked"]
    if not count:
        terminal.line("No effect is parked.")
        return
    terminal.line(
        f"{plural(count, 'effect')} {_is(count)} parked: every try failed, and only `headgate retry ID` or `headgate retry --all` tries again.",
        indent=2,
    )
    rows = [["id", "effect", "run", "failing since", "tries", "last error"]]
    for each in answer["parked"][:MOST]:
        run = f"{each['product']} {named_run(each)}" if "product" in each else ""
        since = clock(each.get("failing_since"))
        rows.append(
            [str(each["effect"]), EFFECTS[each["kind"]], run, since, str(each["tries"]), each.get("reason", "")]
        )
    terminal.table(rows, heading=True)
    if count > MOST:
        terminal.line(f"and {count - MOST:,} more; `headgate health --json` lists them.")


def _print_due(answer: Entry, clock: Clock) -> None:
    outbox = answer["outbox"]
    if not outbox["due"]:
        terminal.line("Nothing that is due waits to be performed.")
        return
    seconds = round(_seconds_due(answer))
    age = plural(seconds // 60, "minute") if seconds >= 120 else plural(seconds, "second")
    terminal.line(
        f"{plural(outbox['due'], 'effect')} {_is(outbox['due'])} due, the oldest since {clock(outbox['oldest_due'])} ({age})."
    )
    if outbox["failing"]:
        terminal.line(
            f"{outbox['failing']:,} of them failed and {_is(outbox['failing'])} tried again: {outbox['last_failure']}"
        )


def _is(count: int) -> str:
    return "is" if count == 1 else "are"


def _seconds_due(answer: Entry) -> float:
    oldest = answer["outbox"]["oldest_due"]
    return (
        (datetime.fromisoformat(answer["asked_at"]) - datetime.fromisoformat(oldest)).total_seconds() if oldest else 0.0
    )


def _print_products(products: list[Entry]) -> None:
    for each in products[:MOST]:
        if "not_loaded" in each:
            terminal.line(f"{each['product']} was not loaded by the last deployment: {each['not_loaded']}", indent=2)
        if "not_opened" in each:
            terminal.line(f"Runs of {each['product']} could not be opened: {each['not_opened']}", indent=2)
        if "passed_over" in each:
            terminal.line(_passed_over(each["product"], each["passed_over"]), indent=2)
    if len(products) > MOST:
        terminal.line(f"and {len(products) - MOST:,} more products; `headgate health --json` lists them.")


def _passed_over(product: str, missed: Entry) -> str:
    """The openings that the scheduler did not make, and the command that makes them."""
    first, last = missed["first"], missed["last"]
    dates, option = (
        (first, f"--date {first}") if first == last else (f"{first} to {last}", f"--date {first} --until {last}")
    )
    return (
        f"{plural(missed['count'], 'opening')} of {product} ({dates}) {_was(missed['count'])} not made: the scheduler was away for more than three days; "
        f"to make {'it' if missed['count'] == 1 else 'them'}, use `headgate backfill {product} {option}`"
    )


def _was(count: int) -> str:
    return "was" if count == 1 else "were"


def _print_letters(queues: list[Entry]) -> None:
    for each in queues:
        if "reason" in each:
            terminal.line(f"Dead letter queue {each['queue']} was not read: {each['reason']}")
        elif each["messages"]:
            terminal.line(
                f"Dead letter queue {each['queue']}: {plural(each['messages'], 'message')}. `headgate dead-letters list` has the reasons."
            )
    if queues and not any(each.get("messages") or "reason" in each for each in queues):
        terminal.line("The dead letter queues are empty.")


def _print_signals(signals: list[Entry], clock: Clock) -> None:
    """Signals of the last week that refreshed nothing; a release before gives none."""
    for each in signals[:MOST]:
        of_product = f" of {each['product']}" if "product" in each else ""
        what = "was refused" if each["refused"] else "refreshed nothing"
        terminal.line(
            f"A signal{of_product} {what}, last at {clock(each['last_at'])}: {each['kind']} {each['subject']}: {each['reason']}",
            indent=2,
        )
    if len(signals) > MOST:
        terminal.line(f"and {len(signals) - MOST:,} more signals; `headgate health --json` lists them.")


def _stopped(answer: Entry) -> list[bool]:
    now = datetime.fromisoformat(answer["asked_at"])
    moments = answer.get("ticks", {}).values()  # a release before gives none
    return [now - datetime.fromisoformat(each) > timedelta(hours=STILL) for each in moments]


def _print_ticks(answer: Entry, clock: Clock) -> None:
    found = [
        f"the {name} was last called at {clock(answer['ticks'][name])}"
        for name in ("scheduler", "monitor")
        if name in answer.get("ticks", {})
    ]
    if found:
        text = "; ".join(found)
        late = f"; that is more than {STILL} hours ago: is its schedule enabled?" if any(_stopped(answer)) else "."
        terminal.line(text[0].upper() + text[1:] + late, indent=2)


def _retention_fails(answer: Entry) -> bool:
    last = answer["retention"]
    if "ran_at" not in last:
        return False
    age = datetime.fromisoformat(answer["asked_at"]) - datetime.fromisoformat(last["ran_at"])
    return "error" in last or age.days >= SILENT


def _print_retention(answer: Entry, clock: Clock) -> None:
    """When it ran last, what came of it, and what it keeps."""
    last = answer["retention"]
    if "ran_at" not in last:
        terminal.line("The retention has not run yet.")
        return
    archived, days = last["archived"], last["days"]
    done = f"{plural(archived['runs'], 'run')} and {plural(archived['refresh_events'], 'refresh event')} archived, {plural(sum(last['deleted'].values()), 'row')} deleted"
    if "error" in last:
        done += f"; it failed: {last['error']}"
    elif not last["complete"]:
        done += "; the next call continues"
    late = ", and not since" if _retention_fails(answer) and "error" not in last else ""
    terminal.line(
        f"The retention ran on {last['ran_at'][:10]} at {clock(last['ran_at'])[-5:]}{late}: {done}.", indent=2
    )
    first = f", now from {last['first_date']} on" if "first_date" in last else ""
    terminal.line(
        f"Runs stay here for {days['history']} days after their end{first}, effects that are done and alerts for {days['details']}; "
        f"the archive s3://{last['bucket']} keeps runs for {days['archive']}.",
        indent=2,
    )
