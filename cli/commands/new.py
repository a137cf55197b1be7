"""`headgate new`: a domain or product that is valid as it is written."""

import argparse
import json
import re
from pathlib import Path

from headgate.cli import terminal
from headgate.cli.arguments import add_products, product_name
from headgate.cli.domain_file import domain_text
from headgate.cli.errors import FINE, UsageError
from headgate.cli.schemas import SCHEMAS, modeline, schema_file
from headgate.generator.metadata.files import MAX_NAME, NAME, RESERVED
from headgate.generator.metadata.files import PRODUCT as PRODUCT_FILE

PRODUCT = """\
description: {description}
{owner}{schedule}{depends_on}pipeline:
  steps:
    - name: build
      glue:
        job: {job}
        arguments: {{"--business_date": "{{business_date}}"}}
      retry: {{attempts: 2, interval: 60s}}
"""


def add(parser: argparse.ArgumentParser) -> None:
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    domain = kinds.add_parser("domain", help="a domain: products/NAME/domain.yaml")
    domain.add_argument("name", metavar="NAME")
    domain.add_argument("--owner", default="", help="the team that owns it (default: NAME-team)")
    domain.add_argument("--account", default="", help="its AWS account, twelve digits")
    domain.add_argument("--region", default="", help="its AWS region")
    product = kinds.add_parser("product", help="a product: products/DOMAIN/PRODUCT.yaml")
    product.add_argument("name", type=product_name, metavar="DOMAIN/PRODUCT")
    product.add_argument("--description", default="", help="what it contains, in a sentence")
    product.add_argument("--owner", default="", help="the team that owns it (default: the owner of the domain)")
    product.add_argument(
        "--depends-on", nargs="+", default=[], metavar="DOMAIN/PRODUCT", help="the products that it depends on"
    )
    product.add_argument("--daily", default="", metavar="HH:MM", help="open a run every day at this time (UTC)")
    product.add_argument("--job", default="", help="the Glue job (default: DOMAIN-PRODUCT)")
    for each in (domain, product):
        add_products(each)


def run(arguments: argparse.Namespace) -> int:
    path, text = _domain(arguments) if arguments.kind == "domain" else _product(arguments)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{path} exists already; nothing was written") from None
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    terminal.line(f"{path}")
    print(f"\n{text}")
    terminal.line("Edit the file, then check it with `headgate validate`.")
    if not (arguments.products.parent / SCHEMAS / schema_file(arguments.kind)).exists():
        terminal.line("`headgate schema` writes the schema by which an editor completes and checks it.")
    return FINE


def _domain(arguments: argparse.Namespace) -> tuple[Path, str]:
    name = _checked(arguments.name)
    text = domain_text(name, arguments.owner, arguments.account, arguments.region, arguments.products)
    return arguments.products / name / "domain.yaml", text


def _product(arguments: argparse.Namespace) -> tuple[Path, str]:
    domain, name = map(_checked, arguments.name.split("/"))
    if not (arguments.products / domain / "domain.yaml").exists():
        raise UsageError(f"{domain}: no such domain; create it with `headgate new domain {domain}`")
    if arguments.daily and not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", arguments.daily):
        raise UsageError(f"--daily {arguments.daily}: expected a time of day in the form HH:MM, such as 06:00")
    for each in arguments.depends_on:
        if not any((arguments.products / place).exists() for place in (f"{each}.yaml", f"{each}/{PRODUCT_FILE}")):
            raise UsageError(f"--depends-on {each}: no such product under {arguments.products}")
    if (arguments.products / domain / name / PRODUCT_FILE).exists():
        raise UsageError(f"{arguments.products}/{domain}/{name}/{PRODUCT_FILE} exists already; nothing was written")
    schedule = f'schedule: {{frequency: daily, time: "{arguments.daily}"}}\n' if arguments.daily else ""
    waits = "".join(f"    - {each}\n" for each in arguments.depends_on)
    if not (schedule or waits):
        schedule = 'schedule: {frequency: daily, time: "06:00"}\n'
    text = modeline("product") + PRODUCT.format(
        description=json.dumps(
            arguments.description or f"{name.replace('-', ' ').capitalize()} of {domain}", ensure_ascii=False
        ),
        owner=f"owner: {json.dumps(arguments.owner, ensure_ascii=False)}\n" if arguments.owner else "",
        schedule=schedule,
        depends_on=f"depends_on:\n  all_of:\n{waits}" if waits else "",
        job=arguments.job or f"{domain}-{name}",
    )
    return arguments.products / domain / f"{name}.yaml", text


def _checked(name: str) -> str:
    if len(name) > MAX_NAME or not NAME.fullmatch(name):
        raise UsageError(
            f"{name}: expected a name of lower-case letters, digits and single dashes, at most {MAX_NAME} characters"
        )
    if name in (*RESERVED, "domain", "calendars"):
        raise UsageError(f"{name}: this name is reserved by Headgate; choose another")
    return name
