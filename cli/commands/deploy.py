"""`headgate deploy`: builds the application and deploys its stacks in order."""

import argparse
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headgate.cli import staging, terminal
from headgate.cli.arguments import add_products
from headgate.cli.errors import FINDINGS, FINE, UsageError
from headgate.cli.findings import print_findings
from headgate.cli.operate import add_confirmation, confirm
from headgate.cli.progress import Progress, Stages
from headgate.cli.project import open_project, require_as_brought, require_project
from headgate.cli.target import add_target, target
from headgate.generator.output import OutputError, opened
from headgate.generator.plan.operations import MAX_OPERATION

if TYPE_CHECKING:
    from headgate.deployment.deploy import Deployment, Step

STATEMACHINES = Path("statemachines")  # where template.yaml looks for them
LOG = Path(".headgate") / "deploy.log"
BUILD = Path(".aws-sam") / "headgate"


def add(parser: argparse.ArgumentParser) -> None:
    add_products(parser)
    add_target(parser)
    parser.add_argument(
        "--parameter",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a parameter of template.yaml, beside those in samconfig.toml; may be repeated",
    )
    add_confirmation(parser, "show what would be deployed, and deploy nothing", "deployed")


def run(arguments: argparse.Namespace) -> int:
    """Exit code 1 if the deployment fails."""
    from botocore.exceptions import BotoCoreError, ClientError

    from headgate.deployment.deploy import DeploymentError

    require_project(Path.cwd())
    require_as_brought(Path.cwd())
    held = _up_to_date(arguments)
    with Stages(arguments.json) as preparing:
        staging.require_sam(preparing)
    try:
        deployment = _deployment(arguments)
        steps = deployment.steps()
        shown = "\n".join(_shown(deployment, steps, held))
        if arguments.dry_run:
            _print(arguments, {"steps": _as_json(steps), "deployment": held["accounts"]}, shown)
            return FINE
        confirm(arguments, shown)
        with Stages(arguments.json) as stages:
            outputs = deployment.run(stages)
        left_over = list(deployment.left_over())
    except (BotoCoreError, ClientError) as error:
        raise UsageError(str(error)) from None
    except DeploymentError as error:
        message = f"{error}\nThe log is {LOG}. `headgate deploy` goes on with what is not deployed yet."
        if arguments.json:
            terminal.print_json({"error": message})
        else:
            terminal.error("deploy", message)
        return FINDINGS
    lines = [*(f"{name:24}  {value}" for name, value in sorted(outputs.items()))]
    lines += [
        f"Nothing of stack {each} is left in the metadata: `aws cloudformation delete-stack --stack-name {each}`"
        for each in left_over
    ]
    _print(arguments, {"steps": _as_json(steps), "outputs": outputs, "left_over": left_over}, "\n".join(lines))
    return FINE


def _up_to_date(arguments: argparse.Namespace) -> dict[str, Any]:
    """What the generated output holds. Raises `UsageError` if it is not what the metadata generates."""
    with Progress(arguments.json) as progress:
        project = open_project(arguments.products, progress)
        if project.errors:
            progress.stop()
            if not arguments.json:
                print_findings(project.errors)
            raise UsageError("the metadata has errors; nothing was deployed")
        try:
            with opened(STATEMACHINES, False, project.cache) as out:
                result = project.generate(out, progress)
        except OutputError as error:
            raise UsageError(str(error)) from None
    project.cache.save()
    if result.changes is None or result.changes:
        raise UsageError(
            f"{STATEMACHINES} is not what {arguments.products} generates: run `headgate generate` and commit the result"
        )
    return result.deployment


def _deployment(arguments: argparse.Namespace) -> "Deployment":
    """What the arguments, samconfig.toml and headgate.toml mean, in this order. Raises `UsageError` and errors of boto3."""
    from headgate.deployment.account import Setup, options_of
    from headgate.deployment.deploy import Deployment
    from headgate.deployment.project import ConfigError, commit_of, parameter
    from headgate.deployment.sam import Sam

    project, found = Path.cwd(), target(arguments)
    try:
        given = {**commit_of(project), **found.parameters, **dict(map(parameter, arguments.parameter))}
    except ConfigError as error:
        raise UsageError(str(error)) from None
    session = found.session
    account = session.client("sts").get_caller_identity()["Account"]
    options = ["--region", session.region_name, *(["--profile", found.profile] if found.profile else [])]
    if (project / "samconfig.toml").exists():
        options += ["--config-file", str(project / "samconfig.toml"), "--config-env", arguments.config_env]
    cloudformation = session.client("cloudformation")
    options += options_of(Setup(found.root, cloudformation).outputs())
    runner = Sam(project, os.environ, project / LOG, options)
    deployment = Deployment(
        project,
        project / BUILD,
        found.root,
        account,
        session.region_name,
        runner,
        cloudformation,
        given,
    )
    _place_central_bus(deployment, session.get_partition_for_region(session.region_name))
    return deployment


def _place_central_bus(deployment: "Deployment", partition: str) -> None:
    """Gives an account of a mesh the ARN of the central bus, as the metadata says it. Raises `UsageError` where the deployment contradicts it."""
    from headgate.deployment.central import PARAMETER, PREFIX, central_bus, contradiction

    bus, given = central_bus(deployment.application / STATEMACHINES), deployment.parameters
    if bus is None:
        return
    if found := contradiction(bus, deployment.mode, deployment.account, deployment.region, given):
        raise UsageError(found)
    if deployment.mode == "domain" and PARAMETER not in given:
        given[PARAMETER] = bus.arn(partition, given.get("NamePrefix", PREFIX))


def _shown(deployment: "Deployment", steps: "list[Step]", held: dict[str, Any]) -> Iterator[str]:
    commit = deployment.parameters.get("Commit", "")
    yield f"account {deployment.account}, {deployment.region}, mode {deployment.mode}" + (
        f", commit {commit[:12]}" if commit else ""
    )
    for number, step in enumerate(steps, start=1):
        status = f" ({step.status})" if step.status else ""
        yield f"{number:>3}. {step.stack}: {step.what}{status}"
    yield from held["sentences"]
    if deployment.mode == "single":
        yield from _of_all_accounts(held["accounts"])


def _of_all_accounts(accounts: list[dict[str, Any]]) -> Iterator[str]:
    """Stacks hold what one account may hold; mode `single` deploys the domains of all accounts into one."""
    totals: Counter[int] = Counter()
    for each in accounts:
        for stack in each["stacks"]:
            totals[stack["stack"]] += stack["resources"]
    for number, total in sorted(totals.items()):
        if len(accounts) > 1 and total > MAX_OPERATION:
            yield (
                f"mode `single` puts the domains of {len(accounts)} accounts into this one: about {total:,} resources in stack {number}, and "
                f"CloudFormation takes {MAX_OPERATION:,} in one operation. Deploy a mesh of accounts, or take `account` out of the metadata"
            )


def _as_json(steps: "list[Step]") -> list[dict[str, Any]]:
    return [{"stack": each.stack, "what": each.what, "status": each.status} for each in steps]


def _print(arguments: argparse.Namespace, result: dict[str, Any], text: str) -> None:
    if arguments.json:
        terminal.print_json(result)
        return
    for line in text.splitlines():
        terminal.line(line)
