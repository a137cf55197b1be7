"""A schedule that names an unknown calendar."""

import difflib
from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.mesh import Mesh

RULE = Rule("HG303", "unknown calendar", "Without the calendar the business days are unknown.", partial=True)


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        name = product.schedule.calendar if product.schedule else None
        if name and name not in mesh.calendars and name not in mesh.broken_calendars:
            known = sorted({*mesh.calendars, *mesh.broken_calendars})
            near = difflib.get_close_matches(name, known, n=1)
            yield Finding(
                RULE,
                mesh.file(product),
                "/schedule/calendar",
                f'"{name}"',
                "one of " + ", ".join(f'"{each}"' for each in known)
                if known
                else f"a file products/calendars/{name}.yaml",
                f'Did you mean "{near[0]}"?' if near else "",
            )
