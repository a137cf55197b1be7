"""`headgate why`: what a run waits for, since when, who owns it, when it is usually refreshed, and what happens next."""

import argparse
from zoneinfo import ZoneInfo

from headgate.cli import condition_report, explain, forecasting, terminal
from headgate.cli.application import inquire
from headgate.cli.arguments import add_application, add_cycle, add_date, product_name
from headgate.cli.errors import FINE
from headgate.cli.formatting import Clock


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("product", type=product_name, metavar="DOMAIN/PRODUCT")
    add_date(parser, default="the latest that has a run")
    add_cycle(parser, default="the last of the date")
    parser.add_argument(
        "--tree", action="store_true", help="also the condition as a tree, with what has become of each input"
    )
    add_application(parser)


def run(arguments: argparse.Namespace) -> int:
    answer = inquire(arguments, "why", product=arguments.product, business_date=arguments.date, cycle=arguments.cycle)
    if arguments.json:
        terminal.print_json(answer)
        return FINE
    zone = ZoneInfo(answer["run"]["timezone"]) if "timezone" in answer["run"] else None
    clock = Clock(zone, answer["business_date"])
    for line in explain.explained(answer["run"], clock):
        terminal.line(line)
    run = answer["run"]
    for line in forecasting.explained(run["product"], run.get("cycle"), answer.get("forecast", []), clock):
        terminal.line(line)
    if arguments.tree:
        tree = answer["run"].get("tree")
        for line in (
            condition_report.condition(tree, clock)
            if tree
            else ["It waits for nothing, or its condition has changed since."]
        ):
            terminal.line(line)
    terminal.line(f"As of {clock.with_zone(answer['asked_at'])}.")
    return FINE
