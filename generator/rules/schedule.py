"""A schedule EventBridge refuses, or one that never fires."""

from collections.abc import Iterator
from functools import cache

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.cron import CronError, parse
from headgate.generator.model.mesh import Mesh
from headgate.generator.model.schedule import Schedule, ever_fires

RULE = Rule("HG302", "impossible schedule", "It would never open a run.", partial=True)
EXPECTED = "six fields: minutes hours day-of-month month day-of-week year, such as 0 3 * * ? *"


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        if product.schedule:
            problem = _problem(product.schedule.cron)
            if problem:
                yield Finding(
                    RULE, mesh.file(product), "/schedule/cron", f"{product.schedule.cron}: {problem}", EXPECTED
                )


@cache
def _problem(cron: str) -> str:
    try:
        parse(cron)
    except CronError as error:
        return str(error)
    return "" if ever_fires(Schedule(cron)) else "no date matches"
