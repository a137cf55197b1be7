"""The stack on AWS that a command deploys or deletes: by its arguments, samconfig.toml and headgate.toml, in this order."""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headgate.cli.defaults import read_defaults
from headgate.cli.errors import UsageError


@dataclass(frozen=True)
class Target:
    """`root` is the name of the root stack, `session` one of boto3 with a region; `parameters` are those of samconfig.toml."""

    root: str
    profile: str | None
    session: Any
    parameters: dict[str, str]


def add_target(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--stack", metavar="NAME", help="the root stack (default: the one in samconfig.toml)")
    parser.add_argument(
        "--config-env", default="default", metavar="NAME", help="the environment in samconfig.toml (default: default)"
    )
    parser.add_argument(
        "--region", help="the region (default: the one in samconfig.toml, headgate.toml or of the AWS CLI)"
    )
    parser.add_argument(
        "--profile", help="the AWS profile (default: the one in samconfig.toml, headgate.toml or of the AWS CLI)"
    )


def target(arguments: argparse.Namespace) -> Target:
    """Raises `UsageError`, and errors of boto3."""
    import boto3

    from headgate.deployment.project import ConfigError, read_config

    defaults = read_defaults()
    try:
        config = read_config(Path.cwd(), arguments.config_env)
    except ConfigError as error:
        raise UsageError(str(error)) from None
    root = arguments.stack or config.stack or defaults.stack
    if root is None:
        raise UsageError("samconfig.toml names no stack; name one with --stack")
    profile = arguments.profile or config.profile or defaults.profile
    session = boto3.Session(profile_name=profile, region_name=arguments.region or config.region or defaults.region)
    if not session.region_name:
        raise UsageError("no region is known; name one with --region")
    return Target(root, profile, session, config.parameters)
