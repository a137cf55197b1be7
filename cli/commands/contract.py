"""`headgate contract`: products as files of the Open Data Contract Standard, out and in."""

import argparse
from pathlib import Path
from typing import Any

from headgate.cli import terminal
from headgate.cli.arguments import add_products, product_name
from headgate.cli.errors import FINE, UsageError
from headgate.cli.formatting import plural
from headgate.cli.progress import Progress
from headgate.cli.project import open_project
from headgate.generator.contracts.exported import contract_of
from headgate.generator.contracts.imported import Imported, NoContractError, product_of
from headgate.generator.contracts.written import text_of, with_key
from headgate.generator.metadata.read_error import ReadError
from headgate.generator.metadata.yaml_reader import read

SUFFIX = ".odcs.yaml"  # by which editors know the schema of the standard


def add(parser: argparse.ArgumentParser) -> None:
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    out = kinds.add_parser("export", help="write the contracts of products")
    out.add_argument(
        "product", nargs="*", type=product_name, metavar="DOMAIN/PRODUCT", help="only these products (default: all)"
    )
    out.add_argument("--out", type=Path, default=Path("contracts"), metavar="DIR", help="where to (default: contracts)")
    back = kinds.add_parser("import", help="make or update the metadata of a product from a contract")
    back.add_argument("file", type=Path, metavar="FILE", help="a contract of version 3 of the standard")
    back.add_argument("--dry-run", action="store_true", help="show what would be written, and write nothing")
    for each in (out, back):
        add_products(each)
        each.add_argument("--json", action="store_true", help="print the result as JSON")


def run(arguments: argparse.Namespace) -> int:
    return _export(arguments) if arguments.kind == "export" else _import(arguments)


def _export(arguments: argparse.Namespace) -> int:
    with Progress(arguments.json) as progress:
        project = open_project(arguments.products, progress)
        errors = len(project.errors)
        mesh = project.loaded.mesh
    project.cache.save()
    if errors:
        raise UsageError(
            f"the metadata has {plural(errors, 'error')}, which `headgate validate` lists; nothing was written"
        )
    unknown = [each for each in arguments.product if each not in mesh.products]
    if unknown:
        raise UsageError(f"{unknown[0]}: no such product under {arguments.products}")
    contracts = {name: contract_of(mesh.products[name], mesh) for name in arguments.product or sorted(mesh.products)}
    if arguments.json:
        terminal.print_json(contracts)
        return FINE
    for name, contract in contracts.items():
        path = arguments.out / f"{name}{SUFFIX}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text_of(contract), "utf-8")
    terminal.line(f"{arguments.out}: {plural(len(contracts), 'contract')}")
    return FINE


def _import(arguments: argparse.Namespace) -> int:
    imported = _read(arguments.file)
    domain, _, name = imported.identity.partition("/")
    if not (arguments.products / domain / "domain.yaml").is_file():
        raise UsageError(f"{domain}: no such domain; create it with `headgate new domain {domain}`")
    path = _file(arguments.products, domain, name)
    before = path.read_text("utf-8") if path.exists() else ""
    text, changed = _written(path, before, imported.document)
    if not arguments.dry_run and text != before:
        path.write_text(text, "utf-8")
    if arguments.json:
        terminal.print_json(
            {"product": imported.identity, "file": str(path), "changed": changed, "left_out": list(imported.left_out)}
        )
        return FINE
    _report(path, before, changed, imported, arguments.dry_run)
    return FINE


def _report(path: Path, before: str, changed: list[str], imported: Imported, dry_run: bool) -> None:
    if not changed:
        terminal.line(f"{path}: nothing to change")
    else:
        done = ("would change" if before else "would be made") if dry_run else ("changed" if before else "made")
        terminal.line(f"{path}: {done}: {', '.join(changed)}")
    if imported.left_out:
        terminal.line("Not carried over:")
        for each in imported.left_out:
            terminal.line(f"  {each}")
    if changed and not dry_run:
        terminal.line("Check it with `headgate validate`.")


def _read(file: Path) -> Imported:
    """Raises `UsageError`."""
    try:
        return product_of(read(file.read_bytes()))
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from None
    except ReadError as error:
        raise UsageError(f"{file}:{error.line}: {error}; expected {error.expected}") from None
    except NoContractError as error:
        raise UsageError(f"{file}: {error}") from None


def _file(products: Path, domain: str, name: str) -> Path:
    folder = products / domain / name / "product.yaml"
    return folder if folder.exists() else products / domain / f"{name}.yaml"


def _written(path: Path, before: str, document: dict[str, Any]) -> tuple[str, list[str]]:
    """The text of the metadata file, and the keys that change in it. Raises `UsageError`."""
    try:
        known: Any = read(before.encode()) if before.strip() else {}
    except ReadError as error:
        raise UsageError(f"{path}:{error.line}: {error}; nothing was written") from None
    text, changed = before, []
    for key, value in document.items():
        wanted = {**known.get(key, {}), **value} if isinstance(value, dict) and key != "schedule" else value
        if known.get(key) != wanted and not (key == "schedule" and key in known):
            text = with_key(text, key, wanted)
            changed.append(key)
    return text, changed
