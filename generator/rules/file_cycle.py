"""Cycles of files that are none of the schedule."""

import re
from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.cron import CronError, parse
from headgate.generator.model.mesh import Mesh
from headgate.generator.model.name_samples import samples
from headgate.generator.model.product import Product
from headgate.generator.rules.file_pattern import usable

RULE = Rule(
    "HG712",
    "cycles of the files are none of the schedule",
    "A file counts for the run of its cycle. That run would never open, and the runs that open would wait until their deadline.",
)


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.machines():
        if problem := _problem(product):
            yield Finding(RULE, mesh.file(product), "/files/cycle/group", *problem)


def written_as(cycle: str) -> list[str]:
    """How a name may have the cycle `1400`: `file_names` reads a time, and an hour where the minutes are none."""
    return [cycle, cycle[:2]] if cycle.endswith("00") else [cycle]


def _problem(product: Product) -> tuple[str, str, str] | None:
    source, schedule = product.files, product.schedule
    if source is None or source.cycle is None or schedule is None:
        return None
    try:
        times = parse(schedule.cron).times
    except CronError:
        return None  # another rule reports it
    group = source.cycle["group"]
    if len(times) == 1:
        hint = "Remove files.cycle, or give the schedule a cron expression with several times."
        return f"`cycle` with a schedule that opens once a day, at {times[0]}", "several openings a day", hint
    if not usable(source.pattern) or group not in re.compile(source.pattern).groupindex or not samples(source.pattern):
        return None
    missing = [each for each in times if not any(samples(source.pattern, {group: text}) for text in written_as(each))]
    if missing:
        found = f'`{group}` of the pattern does not match "{missing[0]}", an opening of the schedule'
        return found, "a group that matches the local times of the openings", ""
    return None
