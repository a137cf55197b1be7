"""A signal whose business date, or cycle, cannot be read."""

import difflib
import re
from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.mesh import Mesh
from headgate.generator.model.name_samples import samples
from headgate.generator.model.signal import WHOLE, Signal
from headgate.generator.rules.file_date import EXAMPLE, tells_days
from headgate.generator.rules.file_pattern import problem_of

RULE = Rule(
    "HG741",
    "date of a signal that cannot be read",
    "Each signal would be refused, or counted for another business date.",
    partial=True,
)


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        if product.signal:
            for problem in _problems(product.signal):
                yield Finding(RULE, mesh.file(product), *problem)


def _problems(signal: Signal) -> Iterator[tuple[str, str, str, str]]:
    form = signal.date.get("format")
    if form is not None and not tells_days(form):
        hint = 'Name year, month and day, such as "%Y-%m-%d".'
        yield "/signal/date/format", f'"{form}"', "a format that tells each date from every other", hint
        return
    if signal.naming is None:
        return
    if problem := problem_of(signal.naming["pattern"]):
        yield signal.place, *problem
        return
    groups = {"/signal/date/group": signal.date.get("group"), "/signal/cycle/group": (signal.cycle or {}).get("group")}
    missing = [*_missing(signal, groups)]
    yield from missing
    group = signal.date.get("group")
    if missing or group is None or form is None:
        return
    written = EXAMPLE.strftime(form)
    pattern = signal.naming["pattern"]
    if samples(pattern) and not samples(pattern, {group: written}):
        found = f'`{group}` of the pattern does not match "{written}", which is {EXAMPLE.isoformat()} by {form}'
        yield signal.place, found, "a group that matches the dates of the format", ""


def _missing(signal: Signal, groups: dict[str, str | None]) -> Iterator[tuple[str, str, str, str]]:
    """The groups that are read and that the pattern does not have."""
    assert signal.naming is not None
    known = list(re.compile(signal.naming["pattern"]).groupindex)
    for place, group in groups.items():
        if group is None or group in known:
            continue
        if signal.naming is WHOLE:
            hint = r"Add it, such as partition: '\[(?P<date>\d{4}-\d\d-\d\d)\]', or use `date: {arrival: true}`."
            yield place, f"`{group}` without `partition`", "a pattern of the values of a partition", hint
            continue
        near = difflib.get_close_matches(group, known, n=1)
        listed = ", ".join(f"`{each}`" for each in known)
        expected = f"a group of the pattern: {listed}" if known else "a named group in the pattern"
        yield (
            place,
            f"`{group}`",
            expected,
            f"Did you mean `{near[0]}`?" if near else f"Write (?P<{group}>...) in the pattern.",
        )
