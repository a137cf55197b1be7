"""A maintenance window that never opens, or whose times are of two forms."""

from collections.abc import Iterator
from datetime import datetime

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.mesh import Mesh

RULE = Rule("HG504", "maintenance window", "Times of every day and times of dates do not go together, and a window of dates ends after it begins.", partial=True)  # fmt: skip


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        for index, each in enumerate(product.alerting.get("maintenance", ())):
            begins, ends = each["from"], each["until"]
            dated = len(begins) > len("22:00")
            if dated != (len(ends) > len("22:00")):
                expected = "a date with a time" if dated else "a time of day"
            elif dated and not (_exists(begins) and _exists(ends) and begins < ends):
                expected = "a date that exists, after `from`"
            elif dated and "days" in each:
                yield Finding(RULE, mesh.file(product), f"/alerts/maintenance/{index}/days", "days of a window of dates", "times of day without dates")  # fmt: skip
                continue
            else:
                continue
            yield Finding(RULE, mesh.file(product), f"/alerts/maintenance/{index}/until", f'from "{begins}" until "{ends}"', expected)  # fmt: skip


def _exists(moment: str) -> bool:
    try:
        datetime.fromisoformat(moment)
    except ValueError:
        return False
    return True
