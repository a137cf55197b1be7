"""`headgate events`: sample events for `sam local invoke`, filled in from a run that is open now on the local runtime."""

import argparse
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from headgate.cli import samples, terminal
from headgate.cli.application import LOCAL, Application, inquire, known_locally, local
from headgate.cli.arguments import business_date, product_name
from headgate.cli.errors import FINE, UsageError

SAMPLES = Path("events")
CATALOG = LOCAL / "statemachines" / "catalog" / "catalog.json"  # the deployed one
OPEN = ("WAITING", "PROCESSING")


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("product", type=product_name, metavar="DOMAIN/PRODUCT", help="a product with an open run")
    parser.add_argument(
        "--date", type=business_date, metavar="YYYY-MM-DD", help="the business date (default: the latest with a run)"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(".headgate") / "events",
        metavar="DIR",
        help="where to write (default: .headgate/events)",
    )
    parser.set_defaults(local=True)


def run(arguments: argparse.Namespace) -> int:
    where = local()
    answer = inquire(arguments, "why", product=arguments.product, business_date=arguments.date)
    open_run = answer["run"]
    if open_run["status"] not in OPEN:
        raise UsageError(
            f"{arguments.product} for {open_run['business_date']} is {open_run['status']}; sample events need an open run: "
            f"`headgate backfill {arguments.product} --date {open_run['business_date']}` opens one"
        )
    facts = samples.facts_of(open_run, _first_step(arguments.product), datetime.now(UTC).isoformat())
    arguments.out.mkdir(parents=True, exist_ok=True)
    for file in sorted(SAMPLES.glob("*.json")):
        if file.stem != "env":
            event = samples.filled(file.stem, json.loads(file.read_text("utf-8")), open_run, facts)
            (arguments.out / file.name).write_text(json.dumps(event, indent=2) + "\n", "utf-8")
    known = known_locally()
    others = json.loads((SAMPLES / "env.json").read_text("utf-8"))["Parameters"]
    variables = samples.environment(dict(_deployed_variables(where)), known["container_addresses"] or {}, others)
    (arguments.out / "env.json").write_text(json.dumps(variables, indent=2) + "\n", "utf-8")
    for line in _walk(arguments.out, where, known):
        terminal.line(line)
    return FINE


def _first_step(product: str) -> dict[str, Any]:
    """The first step of the product's pipeline. Raises `UsageError`."""
    try:
        items = json.loads(CATALOG.read_bytes())["products"][product]["pipeline"]["steps"]
    except (OSError, KeyError):
        raise UsageError(f"{product} has no pipeline in the application that runs") from None
    while "parallel" in items[0]:
        items = items[0]["parallel"][0]
    step: dict[str, Any] = items[0]
    return step


def _deployed_variables(where: Application) -> Iterator[tuple[str, dict[str, str]]]:
    """The variables of each function of the stack, by its logical id."""
    stack, functions = where.client("cloudformation"), where.client("lambda")
    for page in stack.get_paginator("list_stack_resources").paginate(StackName="headgate"):
        for each in page["StackResourceSummaries"]:
            if each["ResourceType"] == "AWS::Lambda::Function":
                found = functions.get_function_configuration(FunctionName=each["PhysicalResourceId"])
                yield each["LogicalResourceId"], found.get("Environment", {}).get("Variables", {})


def _walk(out: Path, where: Application, known: dict[str, Any]) -> Iterator[str]:
    """The commands that take one run from the gate to its outcome, as they can be pasted into a new shell."""
    options, sam = where.options, known["sam"]
    yield f"Wrote the sample events and env.json to {out}. These commands take the run from the gate to its outcome:"
    yield ""
    yield (
        f"  export AWS_ACCESS_KEY_ID={options['aws_access_key_id']} AWS_SECRET_ACCESS_KEY={options['aws_secret_access_key']} "
        f"AWS_DEFAULT_REGION={options['region_name']}"
    )
    yield f"  {sam} build"
    for name in samples.WALK:
        yield (
            f"  {sam} local invoke {samples.logical_id(name)} --event {out / name}.json --env-vars {out / 'env.json'} "
            f"--parameter-overrides FunctionArchitecture={known['architecture']}"
        )
    yield ""
    if not known["container_addresses"]:
        yield "Containers cannot reach the application yet: `headgate down`, then `headgate up --containers`."
    yield "`sam local invoke` exits with 0 even if the function fails: read what it prints."
