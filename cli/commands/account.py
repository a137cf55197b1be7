"""`headgate account setup`: makes an AWS account ready for deployments of an application."""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from headgate.cli import account_diagnosis, terminal
from headgate.cli.diagnosis import State
from headgate.cli.errors import FINDINGS, FINE, UsageError
from headgate.cli.operate import add_confirmation, confirm
from headgate.cli.progress import Stages
from headgate.cli.target import Target, add_target, target

if TYPE_CHECKING:
    from headgate.deployment.account import Change, Setup

APPLICATION = re.compile("[A-Za-z][A-Za-z0-9-]{0,40}")
STATEMACHINES = Path("statemachines")


def add(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    setup = actions.add_parser(
        "setup", help="make the bucket and the roles of deployments; again where something of them has changed"
    )
    add_target(setup)
    setup.add_argument(
        "--repository", type=_repository, metavar="OWNER/NAME", help="make a role for the workflow of this repository on GitHub"
    )  # fmt: skip
    setup.add_argument(
        "--environment", metavar="NAME", help="the environment of that repository from which is deployed (default: prod)"
    )  # fmt: skip
    add_confirmation(setup)


def run(arguments: argparse.Namespace) -> int:
    """Exit code 1 if the stack could not be deployed."""
    from botocore.exceptions import BotoCoreError, ClientError

    from headgate.deployment.account import Setup, SetupError, advice

    try:
        found = target(arguments)
        account = found.session.client("sts").get_caller_identity()["Account"]
        setup = Setup(found.root, found.session.client("cloudformation"))
        return _run(arguments, found, account, setup)
    except (BotoCoreError, ClientError) as error:
        raise UsageError(f"{error}{advice(str(error))}") from None
    except SetupError as error:
        if arguments.json:
            terminal.print_json({"error": str(error)})
        else:
            terminal.error("account setup", str(error))
        return FINDINGS


def _run(arguments: argparse.Namespace, found: Target, account: str, setup: "Setup") -> int:
    from headgate.deployment.account import PROVIDER, Change, has_provider, make_provider

    parameters, iam = _parameters(arguments, found, setup, account), found.session.client("iam")
    trusts = not parameters["Repository"] or has_provider(iam)
    with Stages(arguments.json) as stages:
        stages("preparing the change")
        change_set = setup.prepare(parameters)
    changes = change_set.changes() if change_set else []
    changes += [] if trusts else [Change("add", "AWS::IAM::OIDCProvider", f"{PROVIDER}, for the whole account")]
    short = _short(found)
    shown = "\n".join(_shown(f"account {account}, {found.session.region_name}, stack {setup.stack}", changes, short))
    applied = bool(changes) and not arguments.dry_run
    outputs: dict[str, str] = {}
    confirmed = False
    try:
        if applied:
            confirm(arguments, shown)
            confirmed = True
    finally:
        if change_set and not confirmed:
            change_set.discard()
    if applied:
        if not trusts:
            make_provider(iam)
        with Stages(arguments.json) as stages:
            outputs = change_set.execute(stages) if change_set else {}
    outputs = outputs or setup.outputs()
    if arguments.json:
        found_changes = [vars(each) for each in changes]
        terminal.print_json(
            {"stack": setup.stack, "changes": found_changes, "applied": applied, "outputs": outputs, "quotas": short}
        )
        return FINE
    preview = [] if applied and not arguments.yes else shown.splitlines()  # who was asked has seen it
    for line in (*preview, *_outputs(arguments, outputs, parameters["Repository"])):
        terminal.line(line)
    return FINE


def _parameters(arguments: argparse.Namespace, found: Target, setup: "Setup", account: str) -> dict[str, str]:
    """Those of the stack; what no argument says stays as it was. Raises `UsageError`, `SetupError`."""
    from headgate.deployment.account import landing_buckets
    from headgate.deployment.central import PREFIX

    name_prefix = found.parameters.get("NamePrefix", PREFIX)
    if not APPLICATION.fullmatch(found.root):
        raise UsageError(
            f"stack {found.root}: expected a name of up to 41 letters, digits and dashes, since names of buckets begin with it"
        )
    if setup.stack.startswith((f"{found.root}-", name_prefix)):
        raise UsageError(
            f"stack {found.root} with the NamePrefix {name_prefix}: roles of the application might change {setup.stack}, which grants their permissions; "
            "choose another name"
        )
    before = setup.parameters()
    partition = found.session.get_partition_for_region(found.session.region_name)
    return {
        "Application": found.root,
        "ApplicationInLowerCase": found.root.lower(),
        "NamePrefix": name_prefix,
        "LandingBuckets": ",".join(landing_buckets(STATEMACHINES, account, partition)),
        "Repository": arguments.repository or before.get("Repository", ""),
        "Environment": arguments.environment or before.get("Environment", "prod"),
    }


def _short(found: Target) -> list[str]:
    """The quotas that the application exceeds."""
    checks = account_diagnosis.of_account(found.session, account_diagnosis.planned_deployment())
    return [f"{each.name}: {each.found}; {each.how}" for each in checks if each.state is State.MISSING]


def _shown(where: str, changes: "list[Change]", short: list[str]) -> Iterator[str]:
    yield where
    if not changes:
        yield "Nothing changes: the account is set up."
    kinds = max((len(each.kind) for each in changes), default=0)
    for each in changes:
        yield f"  {each.action:8}{each.kind:{kinds}}  {each.name}"
    yield from short


def _outputs(arguments: argparse.Namespace, outputs: dict[str, str], repository: str) -> Iterator[str]:
    yield from (f"{name:16}  {value}" for name, value in sorted(outputs.items()))
    if not outputs:
        return
    if role := outputs.get("PipelineRoleArn"):
        yield "The workflow of the repository deploys when it knows the role and the region:"
        yield f"  gh variable set AWS_DEPLOY_ROLE --repo {repository} --body {role}"
        yield f"  gh variable set AWS_REGION --repo {repository} --body {outputs['Region']}"
    environment = "" if arguments.config_env == "default" else f" --config-env {arguments.config_env}"
    yield f"`headgate deploy{environment}` uses the bucket and the role from now on."


def _repository(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+", text):
        raise argparse.ArgumentTypeError(f"{text}: expected OWNER/NAME, such as acme/my-mesh")
    return text
