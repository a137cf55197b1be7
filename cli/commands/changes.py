"""`headgate changes`: which commit changed what in the metadata of the application, by meaning, the latest first."""

import argparse
from collections.abc import Iterator
from itertools import groupby

from headgate.cli import terminal
from headgate.cli.application import inquire
from headgate.cli.arguments import add_application, business_date, product_name
from headgate.cli.errors import FINE
from headgate.cli.formatting import Clock, Entry, few, of_commit, plural
from headgate.generator.plan.changes import compare

MANY = 8  # products that a deployment added or removed and that are listed one by one


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("product", type=product_name, metavar="DOMAIN/PRODUCT", nargs="?", help="(default: all)")
    parser.add_argument("--domain", metavar="NAME", help="only the products of this domain")
    parser.add_argument(
        "--since", type=business_date, metavar="YYYY-MM-DD", help="deployed on this day (UTC) or later (default: ever)"
    )
    parser.add_argument(
        "--until", type=business_date, metavar="YYYY-MM-DD", help="deployed on this day (UTC) or earlier (default: until now)"
    )  # fmt: skip
    add_application(parser)


def run(arguments: argparse.Namespace) -> int:
    what, since = arguments.product or arguments.domain, arguments.since
    about = {"product": arguments.product, "domain": arguments.domain}
    answer = inquire(arguments, "changes", business_date=since, until=arguments.until, **about)
    for each in answer["changes"]:
        each["what"] = sentences(each)
    if arguments.json:
        terminal.print_json(answer)
        return FINE
    clock = Clock(None, "")
    for _, made in groupby(answer["changes"], key=lambda each: (each["loaded_at"], each["commit"])):
        changes = list(made)
        first = changes[0]
        terminal.line(f"{clock(first['loaded_at'])}  {of_commit(first['commit'])}, deployed by {first['by']}")
        for line in _listed(changes):
            terminal.line(f"  {line}", indent=4)
    if not answer["changes"]:
        when = "".join(f" {word} {day}" for word, day in (("since", since), ("until", arguments.until)) if day)
        terminal.line(f"No deployment changed {'the metadata' if what is None else what}{when}.")
    if answer["more"]:
        terminal.line("There are more; choose a product, a domain, --since or --until.")
    return FINE


def sentences(change: Entry) -> list[str]:
    """What is different, as `headgate plan` says it."""
    if "too_large" in change:
        return ["the difference is too large to be shown"]
    if change["kind"] == "changed" and "before" not in change:
        return ["changed; what was before was not kept then"]
    section, name = (
        ("calendars", change["name"].split("/")[1]) if _is_calendar(change) else ("products", change["name"])
    )
    old, new = ({section: {name: change[side]}} if side in change else {} for side in ("before", "after"))
    return [sentence for each in compare(old, new) for sentence in each.sentences]


def _is_calendar(change: Entry) -> bool:
    return str(change["name"]).startswith("calendars/")


def _listed(changes: list[Entry]) -> Iterator[str]:
    """The lines about one deployment. Where it added or removed many products, as the first one does, these are counted."""
    for kind in ("added", "removed"):
        names = [each["name"] for each in changes if each["kind"] == kind]
        if len(names) > MANY:
            yield f"{plural(len(names), 'product')} {kind}: {few(names)}"
            changes = [each for each in changes if each["kind"] != kind]
    for each in changes:
        if each["kind"] != "changed":
            yield f"{each['name']}  {each['kind']}" + (f": {'; '.join(each['what'])}" if each["what"] else "")
        else:
            yield from (f"{each['name']}  {sentence}" for sentence in each["what"] or ["written in another way"])
