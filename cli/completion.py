"""Completion of a command line in the shell, with the products and domains of the project."""

import argparse
from collections.abc import Iterator
from pathlib import Path

import argcomplete
from argcomplete.shell_integration import shellcode

from headgate.cli.arguments import product_name


def script(shell: str) -> str:
    """What the shell evaluates to complete `headgate`."""
    return str(shellcode(["headgate"], shell=shell))


def complete(parser: argparse.ArgumentParser) -> None:
    """Prints what may follow and ends the process."""
    for each in _arguments(parser):
        if each.type is product_name or each.metavar == "DOMAIN/PRODUCT":
            each.completer = products  # type: ignore[attr-defined]
        elif each.dest == "domain":
            each.completer = domains  # type: ignore[attr-defined]
    argcomplete.autocomplete(parser)


def products(parsed_args: argparse.Namespace, **_: object) -> list[str]:
    """The products in the metadata folder, by the paths of their files: a file need not be right to be named."""
    folder = _folder(parsed_args)
    found = {f"{path.parent.name}/{path.stem}" for path in folder.glob("*/*.yaml") if path.name != "domain.yaml"}
    return sorted(found | {f"{path.parts[-3]}/{path.parts[-2]}" for path in folder.glob("*/*/product.yaml")})


def domains(parsed_args: argparse.Namespace, **_: object) -> list[str]:
    return sorted(path.parent.name for path in _folder(parsed_args).glob("*/domain.yaml"))


def _folder(parsed_args: argparse.Namespace) -> Path:
    return Path(getattr(parsed_args, "products", "products"))


def _arguments(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for each in parser._actions:
        if isinstance(each, argparse._SubParsersAction):
            for command in each.choices.values():
                yield from _arguments(command)
        else:
            yield each
