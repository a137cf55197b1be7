"""`headgate publish`: puts product, owner, SLA, schedule and lineage on the tables of the Glue Data Catalog."""

import argparse
from collections.abc import Iterator
from typing import Any

from headgate.cli import terminal
from headgate.cli.arguments import add_products
from headgate.cli.defaults import read_defaults
from headgate.cli.errors import FINDINGS, FINE, UsageError
from headgate.cli.formatting import plural
from headgate.cli.operate import add_confirmation, confirm
from headgate.cli.progress import Progress
from headgate.cli.project import open_project
from headgate.cli.table_parameters import Wanted, wanted
from headgate.deployment.glue_tables import GlueTables, TableChangedError, Update
from headgate.generator.model.mesh import Mesh

CHANGING = ("set", "remove")


def add(parser: argparse.ArgumentParser) -> None:
    add_products(parser)
    parser.add_argument("--region", help="the region (default: the one in headgate.toml or of the AWS CLI)")
    parser.add_argument("--profile", help="the AWS profile (default: the one in headgate.toml or of the AWS CLI)")
    parser.add_argument(
        "--database", action="append", default=[], metavar="NAME",
        help="a database in which no product names a table any more, to be looked through as well; may be repeated",
    )  # fmt: skip
    add_confirmation(parser)


def run(arguments: argparse.Namespace) -> int:
    """Exit code 1 if a table that a product names is not there."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    mesh, defaults = _mesh(arguments), read_defaults()
    try:
        session = boto3.Session(
            profile_name=arguments.profile or defaults.profile, region_name=arguments.region or defaults.region
        )
        if not session.region_name:
            raise UsageError("no region is known; name one with --region")
        account = session.client("sts").get_caller_identity()["Account"]
        found, tables = wanted(mesh, account, session.region_name), GlueTables(session.client("glue"))
        updates = tables.updates(found.tables, arguments.database, mesh.domains)
        changing = [each for each in updates if each.action in CHANGING]
        shown = "\n".join(_shown(f"account {account}, {session.region_name}", updates, found))
        if changing and not arguments.dry_run:
            confirm(arguments, shown)
            for each in changing:
                tables.apply(each)
    except (BotoCoreError, ClientError, TableChangedError) as error:
        raise UsageError(str(error)) from None
    if arguments.json:
        result = [{**vars(each), "table": str(each.table)} for each in updates]
        terminal.print_json(
            {"tables": result, "left_out": found.left_out, "applied": bool(changing) and not arguments.dry_run}
        )
    else:
        for line in shown.splitlines():
            terminal.line(line)
    return FINDINGS if any(each.action == "absent" for each in updates) else FINE


def _mesh(arguments: argparse.Namespace) -> Mesh:
    with Progress(arguments.json) as progress:
        project: Any = open_project(arguments.products, progress)
        errors = len(project.errors)
        mesh: Mesh = project.loaded.mesh
    project.cache.save()
    if errors:
        raise UsageError(
            f"the metadata has {plural(errors, 'error')}, which `headgate validate` lists; nothing was published"
        )
    return mesh


def _shown(where: str, updates: list[Update], found: Wanted) -> Iterator[str]:
    yield where
    if not updates and not found.left_out:
        yield "No product names a table of Glue: by its `signal`, or by a `dataset` arn:aws:glue:REGION:ACCOUNT, table/DATABASE/NAME."
    for each in updates:
        match each.action:
            case "same":
                yield f"  {each.table}: as {each.product} says"
            case "set":
                yield f"  {each.table}: {each.product}, {plural(len(each.parameters), 'parameter')}"
            case "remove":
                yield f"  {each.table}: no table of {each.product} any more; the parameters go"
            case _:
                yield f"  {each.table}: there is no such table; {each.product} names it"
    yield from (f"  left out: {each}" for each in found.left_out)
