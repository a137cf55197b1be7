"""`headgate plan`: what `generate` would change, by meaning, before anything is written."""

import argparse

import orjson

from headgate.cli import report
from headgate.cli.project import FINDINGS, FINE, Progress, UsageError, add_folders, open_project
from headgate.generator.output import CATALOG, Changes, OutputError, opened
from headgate.generator.plan import catalog
from headgate.generator.plan.account_changes import compare_accounts
from headgate.generator.plan.changes import ProductChange, compare


def add(parser: argparse.ArgumentParser) -> None:
    add_folders(parser, out=True)
    parser.add_argument("--json", action="store_true", help="the changes as JSON")


def run(arguments: argparse.Namespace) -> int:
    project = open_project(arguments.products)
    if project.errors:
        if arguments.json:
            report.print_json({"findings": report.as_json(project.findings)})
        else:
            report.print_findings(project.findings)
        return FINDINGS
    mesh = project.loaded.mesh
    try:
        with opened(arguments.out, False, project.cache) as out:
            old = catalog.read(out.read(CATALOG) or b"")
            result = project.generate(out, Progress(arguments.json))
    except OutputError as error:
        raise UsageError(str(error)) from None
    project.cache.save()
    if result.changes is None:
        report.print_findings(result.findings)
        return FINDINGS
    new = orjson.loads(catalog.write(mesh))
    found, accounts = compare(old, new), compare_accounts(old, new)
    machines = _machines(result.changes)
    touched = {each.product for each in found if each.kind != "added"}
    downstream = sorted(mesh.reach(touched, mesh.downstream) - touched)
    rerendered = sorted(machines - {each.product for each in found})
    unchanged = result.machines - len(
        _machines(Changes(created=result.changes.created, changed=result.changes.changed))
    )
    if arguments.json:
        report.print_json(
            {
                "changes": [
                    {
                        "product": each.product,
                        "kind": each.kind,
                        "what": list(each.sentences),
                        "machine_changes": each.product in machines,
                        "downstream": sorted(mesh.reach([each.product], mesh.downstream)),
                    }
                    for each in found
                ],
                "rerendered": rerendered,
                "machines_unchanged": unchanged,
                "downstream": downstream,
                "accounts": accounts,
                "files": {
                    "created": result.changes.created,
                    "changed": result.changes.changed,
                    "removed": result.changes.removed,
                },
            }
        )
        return FINE
    for change in found:
        print(_sentence(change, change.product in machines))
    for line in accounts:
        print(f"@ {line}")
    if rerendered:
        print(
            f"{report.plural(len(rerendered), 'machine')} rendered differently by this version of Headgate: {_few(rerendered)}"
        )
    print(
        f"{report.plural(unchanged, 'machine')} unchanged; downstream affected: {len(downstream)}"
        + (f" ({_few(downstream)})" if downstream else "")
    )
    return FINE


def _machines(changes: Changes) -> set[str]:
    paths = (*changes.created, *changes.changed, *changes.removed)
    return {path.removesuffix(".asl.json") for path in paths if path.endswith(".asl.json")}


def _sentence(change: ProductChange, machine: bool) -> str:
    mark = {"added": "+", "removed": "-", "changed": "~"}[change.kind]
    what = "; ".join(change.sentences) or ("the product and its machine go" if change.kind == "removed" else "")
    data = " (data only: its machine stays as it is)" if change.kind == "changed" and not machine else ""
    return f"{mark} {change.product} {what}{data}"


def _few(names: list[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8:,} more" if len(names) > 8 else "")
