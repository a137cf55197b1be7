"""A set of files that can never be complete."""

from collections.abc import Iterator

from headgate.generator.file_names import CYCLE, DATE, filled_in, named
from headgate.generator.findings import Finding, Rule
from headgate.generator.model.files import Source
from headgate.generator.model.mesh import Mesh
from headgate.generator.model.name_samples import samples
from headgate.generator.rules.file_date import EXAMPLE, readable_date
from headgate.generator.rules.file_groups import missing_groups
from headgate.generator.rules.file_pattern import usable

RULE = Rule(
    "HG704",
    "set of files that is never complete",
    "Every run would wait until its deadline.",
    partial=True,
)
EXAMPLE_CYCLES = ("1400", "14")  # as a name may have it
Problem = tuple[str, str, str, str]


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        source = product.files
        if source and usable(source.pattern) and not any(True for _ in missing_groups(source)):
            for place, found, expected, hint in (*_values(source), *_templates(source)):
                yield Finding(RULE, mesh.file(product), f"/files/complete/{place}", found, expected, hint)


def _values(source: Source) -> Iterator[Problem]:
    if not samples(source.pattern):
        return  # the pattern looks at other parts, so no example of it is known
    for group, values in source.complete.get("values", {}).items():
        for index, value in enumerate(values):
            if not samples(source.pattern, {group: value}):
                found = f'"{value}", which the group `{group}` of the pattern does not match'
                yield f"values/{group}/{index}", found, "a value that stands in names of the pattern", ""


def _templates(source: Source) -> Iterator[Problem]:
    for place, template in source.templates().items():
        lacking = [
            mark
            for mark, read in ((DATE, "group" in source.date), (CYCLE, source.cycle))
            if read and mark not in template
        ]
        unread = [
            mark
            for mark, read in ((DATE, "group" in source.date), (CYCLE, source.cycle))
            if not read and mark in template
        ]
        if lacking:
            found = f'"{template}", the same name for every {"date" if DATE in lacking else "cycle"}'
            yield place, found, f"a name with {' and '.join(lacking)}", ""
        elif unread:
            found = f'"{template}"'
            key = "date: {group: ...}" if DATE in unread else "cycle: {group: ...}"
            yield place, found, f"a name without {' and '.join(unread)}", f"Only a source with `{key}` knows it."
        elif place.startswith("names/") and readable_date(source):
            names = [filled_in(template, source.naming(), EXAMPLE.isoformat(), each) for each in EXAMPLE_CYCLES]
            read = [named(source.naming(), source.prefix + name) for name in names]
            if all(each is None or each.problem for each in read):
                yield place, f'"{template}", which the pattern does not match', "a name that the pattern matches", ""
