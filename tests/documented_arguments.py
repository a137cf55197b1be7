"""Whether a command of the documentation exists with these arguments: by the parsers of the programs themselves, without executing it."""

import argparse
import re
import shlex
import subprocess
from functools import cache
from pathlib import Path

from headgate.cli.errors import UsageError
from headgate.cli.main import SUMMARIES, parser_of

ROOT = Path(__file__).parent.parent
SAM = ROOT / ".venv-sam" / "bin" / "sam"
SAMPLES = {
    "PRODUCT": "raw/rd1", "DOMAIN/PRODUCT": "raw/rd1", "INPUT": "raw/rd2", "D": "2026-11-20", "ID": "12345678", "NUMBER": "12", "N": "12",
    "ACCOUNT": "111122223333",
}  # fmt: skip
LEFT_OUT = ("arguments are required", "is required", "expected one argument", "expected at least one argument")


def problem(command: str, complete: bool = True) -> str:
    """What is wrong with the command; empty if nothing is. One that is not `complete` may leave out what it needs, and be several: `headgate status | why`."""
    if nested := re.search(r"\$\((headgate .+)\)", command):
        return problem(nested[1], complete)
    if not complete and " | " in command:
        first, *others = command.split(" | ")
        return next(
            filter(None, (problem(each, False) for each in (first, *(f"headgate {each}" for each in others)))), ""
        )
    words = words_of(re.sub(r"\$\([^)]*\)", "x", command))
    checks = {"make": _make, "sam": _sam, "aws": _aws}
    if words[0] == "headgate":
        return _headgate(words[1:], complete)
    return checks[words[0]](words[1:]) if words[0] in checks else ""


def words_of(command: str) -> list[str]:
    """The words as a shell reads them. A `#` inside a word begins no comment, which shlex takes it for."""
    return shlex.split(re.sub(r"(^|\s)#.*$", "", command))


def _headgate(words: list[str], complete: bool) -> str:
    if not words or words[0] in ("--help", "--version", "COMMAND"):
        return ""
    if words[0] not in SUMMARIES:
        return f"headgate has no command {words[0]}"
    parser, given = parser_of(words[0], as_json=True), _filled(words[1:])
    try:
        parser.parse_args(given)
    except UsageError as error:
        if complete or not any(each in str(error) for each in LEFT_OUT):
            return str(error)
        unknown = [each for each in given if each.startswith("--") and each not in _options(parser)]
        return f"headgate {words[0]} has no option {unknown[0]}" if unknown else ""
    return ""


def _options(parser: argparse.ArgumentParser) -> set[str]:
    """Of the command and of those within it."""
    found = {name for each in parser._actions for name in each.option_strings}
    for each in parser._actions:
        if isinstance(each, argparse._SubParsersAction):
            found |= set().union(*map(_options, each.choices.values()))
    return found


def _filled(words: list[str]) -> list[str]:
    """The arguments with a value in the place of each placeholder; what may be left out is given."""
    filled: list[str] = []
    for word in words:
        bare = word.strip("[]")
        if bare == "...":
            bare = "2026-11-20" if filled and filled[-1] in ("--date", "--until") else "x"
        filled.append("glue" if bare == "<type>" else SAMPLES.get(bare, bare))
    return filled


def _make(words: list[str]) -> str:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    unknown = [word for word in words if word not in targets and "=" not in word]
    return f"the Makefile has no target {unknown[0]}" if unknown else ""


def _sam(words: list[str]) -> str:
    names = [word for word in words if not word.startswith("-")][: 2 if words[0] == "local" else 1]
    known = _help_of_sam(*names)
    if known is None:
        return f"sam has no command {' '.join(names)}"
    unknown = [word for word in words if word.startswith("--") and word.split("=")[0] not in known]
    return f"sam {' '.join(names)} has no option {unknown[0]}" if unknown else ""


@cache
def _help_of_sam(*names: str) -> str | None:
    done = subprocess.run([SAM, *names, "--help"], capture_output=True, text=True, timeout=120, check=False)
    return done.stdout if done.returncode == 0 else None


def _aws(words: list[str]) -> str:
    import botocore.session
    from botocore import xform_name

    loader = botocore.session.get_session()
    service, operation = words[:2]
    if service not in loader.get_available_services():
        return f"aws has no command {service}"
    model = loader.get_service_model(service)
    calls = {xform_name(name, "-"): name for name in model.operation_names}
    if operation not in calls:
        return f"aws {service} has no command {operation}"
    shape = model.operation_model(calls[operation]).input_shape
    known = {"region", "profile", *(xform_name(name, "-") for name in (shape.members if shape else ()))}
    given = [word[2:].removeprefix("no-") for word in words if word.startswith("--")]
    unknown = [each for each in given if each not in known]
    return f"aws {service} {operation} has no option --{unknown[0]}" if unknown else ""
