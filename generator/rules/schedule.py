"""A schedule EventBridge refuses, or one that never fires."""

from collections.abc import Iterator
from functools import cache

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.cron import CronError, parse
from headgate.generator.model.mesh import Mesh
from headgate.generator.model.schedule import Schedule, ever_fires
from headgate.generator.model.unix_cron import converted

RULE = Rule("HG302", "impossible schedule", "It would never open a run.", partial=True)
EXPECTED = "six fields: minutes hours day-of-month month day-of-week year, such as 0 3 * * ? *"


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        if product.schedule:
            problem = _problem(product.schedule.cron)
            if problem:
                yield Finding(
                    RULE,
                    mesh.file(product),
                    "/schedule/cron",
                    f"{product.schedule.cron}: {problem}",
                    EXPECTED,
                    _hint(product.schedule.cron),
                )


def _hint(cron: str) -> str:
    if len(cron.split()) != 5:
        return ""
    forms = converted(cron)
    if len(forms) == 2:
        return f'Unix cron fires on either kind of day, EventBridge on one: write cron: "{forms[0]}" or cron: "{forms[1]}".'
    return f'Write cron: "{forms[0]}".' if forms else ""


@cache
def _problem(cron: str) -> str:
    try:
        parse(cron)
    except CronError as error:
        return str(error)
    return "" if ever_fires(Schedule(cron)) else "no date matches"
