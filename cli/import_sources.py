"""The systems from which products are imported: their arguments, and how their files are read."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from headgate.cli.errors import UsageError
from headgate.importing.airflow import serialized
from headgate.importing.airflow.products import DOMAIN_FROM as DAG_DOMAINS
from headgate.importing.airflow.products import Settings as DagSettings
from headgate.importing.airflow.products import products as dag_products
from headgate.importing.cloudformation import read_template
from headgate.importing.dbt import grouping, selection
from headgate.importing.dbt.commands import Launch
from headgate.importing.dbt.manifest import EXPECTED as MANIFEST
from headgate.importing.dbt.manifest import parsed
from headgate.importing.dbt.products import Settings as DbtSettings
from headgate.importing.dbt.products import products as dbt_products
from headgate.importing.glue import export as glue_export
from headgate.importing.glue.products import Settings as GlueSettings
from headgate.importing.glue.products import products as glue_products
from headgate.importing.result import Imported
from headgate.importing.source_file import Problem, SourceError, read_json
from headgate.importing.stepfunctions import machines
from headgate.importing.stepfunctions.products import Settings as MachineSettings
from headgate.importing.stepfunctions.products import products as machine_products


@dataclass(frozen=True, slots=True)
class Source:
    """One system. `read` raises `SourceError` for files that are wrong, and `UsageError` for arguments."""

    summary: str
    selection: str
    default_domain: str
    add: Callable[[argparse.ArgumentParser], None]
    read: Callable[[argparse.Namespace], Imported]


def _add_dbt(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="MANIFEST", help="target/manifest.json of the dbt project")
    parser.add_argument("--by", choices=grouping.BY, default="folder", help="what makes one product (default: folder)")
    parser.add_argument("--domain-from", choices=grouping.DOMAIN_FROM, default="", help="what makes a domain, instead of one for all")  # fmt: skip
    parser.add_argument("--sources", choices=("source", "table"), default="source", help="one external product a source, or one a table (default: source)")  # fmt: skip
    parser.add_argument("--launch", choices=("ecs", "batch"), default="ecs", help="what runs dbt (default: ecs)")
    parser.add_argument("--cluster", default="dbt", metavar="NAME", help="the ECS cluster (default: dbt)")
    parser.add_argument("--task", default="dbt", metavar="NAME", help="the family of the ECS task definition, or the name of the Batch job definition (default: dbt)")  # fmt: skip
    parser.add_argument("--container", default="dbt", metavar="NAME", help="the container of the task (default: dbt)")
    parser.add_argument("--subnets", nargs="+", default=[], metavar="ID", help="the subnets of the task")
    parser.add_argument("--queue", default="dbt", metavar="NAME", help="the Batch job queue (default: dbt)")


def _read_dbt(arguments: argparse.Namespace) -> Imported:
    manifest = parsed(read_json(arguments.file, MANIFEST), arguments.file.as_posix())
    try:
        chosen = selection.selected(manifest, arguments.select) if arguments.select else set(manifest.nodes)
    except ValueError as error:
        raise UsageError(str(error)) from None
    if arguments.domain and arguments.domain_from:
        raise UsageError("--domain and --domain-from: give one of them")
    launch = Launch(arguments.launch, arguments.cluster, arguments.task, arguments.container, tuple(arguments.subnets), arguments.queue)  # fmt: skip
    options = grouping.Options(arguments.by, arguments.domain, arguments.domain_from)
    return dbt_products(manifest, chosen, DbtSettings(options, launch, arguments.schedule, arguments.sources))


def _add_airflow(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="serialized DAGs, as JSON")
    parser.add_argument(
        "--domain-from", choices=DAG_DOMAINS, default="", help="what makes a domain, instead of one for all"
    )


def _read_airflow(arguments: argparse.Namespace) -> Imported:
    dags: list[serialized.Dag] = []
    _each(
        arguments.files,
        lambda file: dags.extend(serialized.read(read_json(file, serialized.EXPECTED), file.as_posix())),
    )
    if arguments.domain and arguments.domain_from:
        raise UsageError("--domain and --domain-from: give one of them")
    chosen = [each for each in dags if not arguments.select or _named(each.id, arguments.select)]
    if not chosen:
        raise UsageError("no DAG in these files" + (" by that name" if arguments.select else ""))
    return dag_products(chosen, DagSettings(arguments.domain or "airflow", arguments.domain_from, arguments.schedule))


def _add_glue(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", type=Path, nargs="*", metavar="FILE", help="exports as JSON, or CloudFormation templates (default: the account of the credentials)")  # fmt: skip
    parser.add_argument("--profile", help="the AWS profile whose account is read")


def _read_glue(arguments: argparse.Namespace) -> Imported:
    export = glue_export.Export()
    if arguments.files:
        _each(
            arguments.files,
            lambda file: glue_export.read(read_template(file, glue_export.EXPECTED), file.as_posix(), export),
        )
    else:
        from headgate.cli.glue_account import read_account

        read_account(export, arguments.region or None, arguments.profile)
    _only(export.workflows, arguments.select)
    export.triggers = {key: each for key, each in export.triggers.items() if not arguments.select or each.get("WorkflowName") in export.workflows}  # fmt: skip
    if not export.triggers:
        raise UsageError("no triggers: nothing that Glue starts by itself")
    return glue_products(export, GlueSettings(arguments.domain or "glue", arguments.schedule))


def _add_machines(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="definitions, answers of describe-state-machine, and schedules, as JSON")  # fmt: skip
    parser.add_argument("--substitute", action="append", default=[], metavar="NAME=VALUE", help="the value of a placeholder ${NAME} in definitions; may be repeated")  # fmt: skip
    parser.add_argument("--input", type=Path, metavar="FILE", help="the input of executions, as JSON; {business_date} and other placeholders may stand in it")  # fmt: skip


def _read_machines(arguments: argparse.Namespace) -> Imported:
    wrong = next((each for each in arguments.substitute if "=" not in each), None)
    if wrong is not None:
        raise UsageError(f"--substitute {wrong}: expected NAME=VALUE")
    substitutes = dict(each.split("=", 1) for each in arguments.substitute)
    export = machines.Export()
    _each(
        arguments.files,
        lambda file: machines.read(read_json(file, machines.EXPECTED), file.as_posix(), substitutes, export),
    )
    if arguments.select:
        export.machines = [each for each in export.machines if _named(each.name, arguments.select)]
    if not export.machines:
        raise UsageError("no state machine in these files" + (" by that name" if arguments.select else ""))
    given = read_json(arguments.input, "the input of an execution") if arguments.input else {}
    if not isinstance(given, dict):
        raise UsageError(f"--input {arguments.input}: expected a JSON object")
    return machine_products(export, MachineSettings(arguments.domain or "machines", arguments.schedule, given))


def _each(files: list[Path], read: Callable[[Path], None]) -> None:
    """Reads every file. Raises `SourceError` with what is wrong with all of them."""
    problems: list[Problem] = []
    for file in files:
        try:
            read(file)
        except SourceError as error:
            problems += error.problems
    if problems:
        raise SourceError(*problems)


def _only(items: dict[str, Any], words: list[str]) -> None:
    """Removes what the words do not name. Raises `UsageError` if nothing is left."""
    for name in [each for each in items if words and not _named(each, words)]:
        del items[name]
    if words and not items:
        raise UsageError(f"--select {' '.join(words)}: nothing has this name")


def _named(name: str, words: list[str]) -> bool:
    return any(fnmatchcase(name, each) for each in words)


SOURCES = {
    "dbt": Source("import a dbt project from its manifest", "models in dbt's syntax: tag:nightly path:models/marts +orders", "the name of the dbt project", _add_dbt, _read_dbt),
    "airflow": Source("import DAGs of Apache Airflow from their serialized form", "DAGs by name; * stands for anything", "airflow", _add_airflow, _read_airflow),
    "glue": Source("import workflows and triggers of AWS Glue", "workflows by name; * stands for anything", "glue", _add_glue, _read_glue),
    "stepfunctions": Source("import state machines of AWS Step Functions", "machines by name; * stands for anything", "machines", _add_machines, _read_machines),
}  # fmt: skip
