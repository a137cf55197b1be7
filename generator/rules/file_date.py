"""A date in the names of files that cannot be read."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import cache

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.files import Source
from headgate.generator.model.mesh import Mesh
from headgate.generator.model.name_samples import samples
from headgate.generator.rules.file_groups import missing_groups
from headgate.generator.rules.file_pattern import usable

RULE = Rule(
    "HG703",
    "date in file names that cannot be read",
    "Every file would be rejected, or counted for another business date.",
    partial=True,
)
FIRST = date(2027, 1, 1)
EXAMPLE = date(2027, 11, 23)


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        source = product.files
        if source and "format" in source.date and (problem := _problem(source)):
            yield Finding(RULE, mesh.file(product), *problem)


def readable_date(source: Source) -> bool:
    """Whether other rules can take a date of the source for an example."""
    return "format" not in source.date or _problem(source) is None


def _problem(source: Source) -> tuple[str, str, str, str] | None:
    form = source.date["format"]
    if not tells_days(form):
        hint = 'Name year, month and day, such as "%Y%m%d"; if the name has no day, use `date: {arrival: true}`.'
        return "/files/date/format", f'"{form}"', "a format that tells each date from every other", hint
    if not usable(source.pattern) or any(True for _ in missing_groups(source)):
        return None
    group, written = source.date["group"], EXAMPLE.strftime(form)
    if samples(source.pattern) and not samples(source.pattern, {group: written}):
        found = f'`{group}` of the pattern does not match "{written}", which is {EXAMPLE.isoformat()} by {form}'
        return "/files/pattern", found, "a group that matches the dates of the format", ""
    return None


@cache
def tells_days(form: str) -> bool:
    """Whether each date of two years can be read again from what the format writes for it."""
    days = [FIRST + timedelta(days=each) for each in range(731)]
    try:
        return all(datetime.strptime(each.strftime(form), form).date() == each for each in days)  # noqa: DTZ007
    except ValueError:
        return False
