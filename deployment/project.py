"""What a project says about its deployments: `samconfig.toml`, and the commit that is deployed."""

import shlex
import subprocess
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FILE = "samconfig.toml"


class ConfigError(RuntimeError):
    """`samconfig.toml` cannot be used; the message is for the user."""


@dataclass(frozen=True)
class Config:
    """The settings of `sam deploy` in one environment that decide which stacks are deployed; None where the file has none."""

    stack: str | None = None
    region: str | None = None
    profile: str | None = None
    parameters: dict[str, str] = field(default_factory=dict)


def read_config(project: Path, environment: str) -> Config:
    """The settings of the environment; none if there is no file. Raises `ConfigError`."""
    found = environments(project)
    if not found and not (project / FILE).exists():
        return Config()
    if environment not in found:
        raise ConfigError(f"{project / FILE} has no environment {environment}; it has {', '.join(found)}")
    return found[environment]


def environments(project: Path) -> dict[str, Config]:
    """The settings of each environment that deploys; none if there is no file. Raises `ConfigError`."""
    file = project / FILE
    try:
        found: dict[str, Any] = tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ConfigError(f"{file}: {error}") from None
    return {name: _config(each) for name, each in found.items() if isinstance(each, dict) and "deploy" in each}


def _config(environment: dict[str, Any]) -> Config:
    given: dict[str, Any] = environment["deploy"].get("parameters", {})
    overrides = given.get("parameter_overrides", "")
    words = overrides if isinstance(overrides, list) else shlex.split(overrides)
    parameters = dict(parameter(each) for each in words)
    return Config(given.get("stack_name"), given.get("region"), given.get("profile"), parameters)


def parameter(text: str) -> tuple[str, str]:
    """`Mode=single` as a name and a value. Raises `ConfigError`."""
    name, equals, value = text.partition("=")
    if not equals or not name.isalnum():
        raise ConfigError(f"{text}: expected NAME=VALUE, such as Mode=single")
    return name, value.removeprefix('"').removesuffix('"')


def commit_of(project: Path) -> dict[str, str]:
    """The parameters that name the deployed commit; none outside a git repository."""
    command = ["git", "-C", str(project), "log", "-1", "--format=%H %cI"]
    try:
        output = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.split()
    except (OSError, subprocess.SubprocessError):
        return {}
    return {"Commit": output[0], "CommittedAt": output[1]} if len(output) == 2 else {}
