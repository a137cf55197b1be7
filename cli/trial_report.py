"""What `headgate validate --try` says about the name of a file."""

from collections.abc import Iterator
from dataclasses import asdict

from headgate.cli import terminal
from headgate.cli.errors import FINDINGS, FINE
from headgate.cli.formatting import plural
from headgate.generator.model.mesh import Mesh
from headgate.generator.plan.file_trial import Nearest, Taken, nearest, taken


def report_trial(mesh: Mesh, name: str, as_json: bool, errors: int) -> int:
    """Prints whose file it would be, and returns the exit code: that of findings where it would be rejected or is of no product."""
    found = taken(mesh, name)
    near = None if found else nearest(mesh, name)
    code = FINE if found and not any(each.problem for each in found) else FINDINGS
    if as_json:
        terminal.print_json(
            {"name": name, "taken": [asdict(each) for each in found], "nearest": asdict(near) if near else None}
        )
        return code
    for each in found:
        terminal.line(f"{name}: a file of {each.product}")
        for key, value in _said(each):
            terminal.line(f"  {key:<13}  {value}")
    if not found:
        terminal.line(f"{name}: a file of no product; it would be kept as unmatched")
        for key, value in _near(near):
            terminal.line(f"  {key:<13}  {value}")
    if errors:
        terminal.line(
            f"The metadata has {plural(errors, 'error')}, which `headgate validate` lists: sources may be missing here."
        )
    return code


def _said(found: Taken) -> Iterator[tuple[str, str]]:
    yield "key", f"s3://{found.bucket}/{found.key}"
    yield "kind", found.kind
    if found.problem:
        yield "REJECTED", found.problem
    else:
        yield (
            "business date",
            found.business_date or ("that of the opening that takes it" if found.swept else "that of its arrival"),
        )
    if found.cycle:
        yield "cycle", found.cycle
    yield from found.facets.items()


def _near(found: Nearest | None) -> Iterator[tuple[str, str]]:
    if found is None:
        yield "nearest", "none: no pattern matches its beginning"
        return
    yield "nearest", found.product
    yield "matches", found.matched
    if found.wanted:
        yield "then", f"{found.rest or 'the end'}, where the pattern has {found.wanted}"
    else:
        yield "then", f"{found.rest}, where the pattern ends"
