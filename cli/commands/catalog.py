"""`headgate catalog`: every product with its owner, schedule and SLA, and how many use it, or those that fit words; or of which date each is there."""

import argparse
from collections import Counter

from headgate.cli import terminal
from headgate.cli.application import inquire
from headgate.cli.arguments import add_application
from headgate.cli.errors import FINE, UsageError
from headgate.cli.formatting import Clock, Entry, of_commit, plural

WORDS = 8


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "words", nargs="*", metavar="WORD", help="only products that have each word in their name, owner, description or the name of a job"
    )  # fmt: skip
    parser.add_argument("--domain", metavar="NAME", help="only the products of this domain")
    parser.add_argument("--owner", metavar="NAME", help="only the products of this owner")
    parser.add_argument(
        "--freshness",
        action="store_true",
        help="the latest business date of each product that is there, and when it was refreshed",
    )
    add_application(parser)


def run(arguments: argparse.Namespace) -> int:
    words = " ".join(arguments.words).split()
    if len(words) > WORDS:
        raise UsageError(f"{len(words)} words: a search takes at most {WORDS}")
    if arguments.freshness:
        fresh = inquire(arguments, "freshness", domain=arguments.domain)
        if arguments.json:
            terminal.print_json(fresh)
            return FINE
    answer = inquire(arguments, "search", words=" ".join(words)) if words else inquire(arguments, "mesh")
    if arguments.json:
        terminal.print_json(answer)
        return FINE
    products = answer["products"] if words else rows(answer)
    chosen = [
        each
        for each in products
        if (arguments.domain is None or each["product"].startswith(f"{arguments.domain}/"))
        and (arguments.owner is None or each["owner"] == arguments.owner)
    ]
    if chosen and arguments.freshness:
        known, clock = {each["product"]: each for each in fresh["products"]}, Clock(None, "")
        heading = ["product", "owner", "data of", "refreshed", "schedule", "SLA"]
        terminal.table(
            [heading, *(_fresh(each, known.get(each["product"], {}), clock) for each in chosen)], heading=True
        )
    elif chosen:
        terminal.table(
            [["product", "owner", "schedule", "SLA", "used by", "description"], *map(_row, chosen)], heading=True
        )
    else:
        terminal.line("no product fits")
    if not words:
        terminal.line(f"{plural(len(chosen), 'product')} of {of_commit(answer['commit'])}")
    if answer["more"]:
        terminal.line("There are more; add a word.")
    return FINE


def rows(answer: Entry) -> list[Entry]:
    """The products of an answer to `mesh`, each with how many need it (`users`)."""
    found: list[Entry] = [{} for _ in range(answer["products"]["rows"])]
    for field, column in answer["products"]["columns"].items():
        for number, value in zip(column.get("at", range(len(found))), column["values"], strict=True):
            if value is not None:
                found[number][field] = column["of"][value] if "of" in column else value
    dependencies = answer["dependencies"]
    users = Counter(start for start, _ in set(zip(dependencies["from"], dependencies["to"], strict=True)))
    return [{**each, "users": users[number]} for number, each in enumerate(found)]


def _row(each: Entry) -> list[str]:
    users = str(each["users"]) if each.get("users") else ""
    return [each["product"], each["owner"], each.get("schedule", ""), each.get("sla", ""), users, each["description"]]


def _fresh(each: Entry, known: Entry, clock: Clock) -> list[str]:
    date = " ".join(filter(None, (known.get("business_date"), known.get("cycle")))) or "never refreshed"
    return [
        each["product"],
        each["owner"],
        date,
        clock(known.get("refreshed_at")),
        each.get("schedule", ""),
        each.get("sla", ""),
    ]
