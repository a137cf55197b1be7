"""`headgate alerts`: what was sent to whom, what is due, in doubt or kept back, and what was not sent because of which cause."""

import argparse
from collections import Counter

from headgate.cli import terminal
from headgate.cli.application import inquire
from headgate.cli.arguments import add_application, add_date, add_until, check_range, product_name
from headgate.cli.errors import FINDINGS, FINE
from headgate.cli.formatting import Clock, Entry, plural

STATES = {"SENT": "sent", "DUE": "due", "SENDING": "being sent", "UNKNOWN": "in doubt", "SUPPRESSED": "not sent"}
MOST = 40  # rows of what was not sent


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("product", type=product_name, metavar="DOMAIN/PRODUCT", nargs="?", help="(default: all)")
    parser.add_argument("--domain", metavar="NAME", help="only the alerts about products of this domain")
    add_date(parser, "the latest that has a run")
    add_until(parser)
    parser.add_argument("--all", action="store_true", help="also everything that was not sent because of another alert")
    add_application(parser)


def run(arguments: argparse.Namespace) -> int:
    """Exit code 1 if something is in doubt, or could not be sent yet."""
    check_range(arguments, needs_date=True)
    answer = inquire(
        arguments, "alerts", product=arguments.product, domain=arguments.domain, business_date=arguments.date, until=arguments.until
    )  # fmt: skip
    found = answer["alerts"]
    wrong = [each for each in found if each["state"] == "UNKNOWN" or (each["state"] == "DUE" and each["tries"])]
    if arguments.json:
        terminal.print_json(answer)
        return FINDINGS if wrong else FINE
    clock = Clock(None, answer["business_date"])
    counted = Counter(STATES[each["state"]] for each in found)
    summary = ", ".join(f"{count:,} {name}" for name, count in sorted(counted.items())) or "none"
    dates = " to ".join(dict.fromkeys([answer["business_date"], answer["until"]]))
    terminal.line(f"Alerts for {dates} as of {clock.with_zone(answer['asked_at'])}: {summary}.")
    for each in answer["muted"]:
        reason = f": {each['reason']}" if "reason" in each else ""
        terminal.line(f"  {each['muted']} is muted until {clock(each['until'])} by {each['by']}{reason}")
    rows = [each for each in found if each["state"] != "SUPPRESSED"]
    kept_back = [each for each in found if each["state"] == "SUPPRESSED"]
    shown = rows + (kept_back if arguments.all else kept_back[:MOST])
    if shown:
        heading = ["product", "alert", "to", "", "", "because of"]
        terminal.table([heading, *(_row(each, clock) for each in shown)], heading=True)
    if len(shown) < len(found) or answer["more"]:
        terminal.line(f"and {plural(len(found) - len(shown), 'alert')} more that {'was' if len(found) - len(shown) == 1 else 'were'} not sent; --all lists them.")  # fmt: skip
    return FINDINGS if wrong else FINE


def _row(each: Entry, clock: Clock) -> list[str]:
    alert = (
        each["kind"]
        + (f" of {each['step']}" if "step" in each else "")
        + (f" (attempt {each['attempt']})" if each["attempt"] > 1 else "")
    )
    return [
        each["product"],
        alert,
        f"{each['channel']} {each['target']}",
        STATES[each["state"]],
        _note(each, clock),
        each.get("root", ""),
    ]


def _note(each: Entry, clock: Clock) -> str:
    if each["state"] == "SENT":
        others = (
            f", {plural(each['covers'], 'run')} in it"
            if each.get("covers", 0) > 1 and each["action"] != "resolve"
            else ""
        )
        return f"{clock(each['at'])} ({each.get('action', 'inform')}{others})"
    if "kept_until" in each:
        return f"kept back until {clock(each['kept_until'])}: {each['outcome']}"
    if each["state"] == "DUE" and each["tries"]:
        return f"tried {plural(each['tries'], 'time')}: {each.get('outcome', '')}"
    return str(each.get("outcome", ""))
