"""Which nested template holds which product.

A product never moves to another template once it is deployed: CloudFormation would delete its machine in one stack and
create it in another, in any order. So where products are is part of the output (`layout.json`, only for domains that need
more than one template), and new ones go where there is room.
"""

from collections.abc import Mapping
from dataclasses import dataclass

# Quotas of a template (docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html), and the share
# of them that is used: a template grows a little with every change of its products.
MAX_RESOURCES, MAX_BYTES, MAX_PARAMETERS = 500, 1_000_000, 200
SHARE = 0.9
RESOURCES_A_PRODUCT = 2  # machine, role
SHARED_RESOURCES, SHARED_BYTES = 1, 8_000  # the log group; parameters and the frame

Layout = dict[str, dict[str, int]]


@dataclass(slots=True)
class _Room:
    resources: int = SHARED_RESOURCES
    size: int = SHARED_BYTES

    def fits(self, size: int, share: float) -> bool:
        return self.resources + RESOURCES_A_PRODUCT <= MAX_RESOURCES * share and self.size + size <= MAX_BYTES * share

    def add(self, size: int) -> None:
        self.resources += RESOURCES_A_PRODUCT
        self.size += size


def assign(sizes: Mapping[str, int], before: Mapping[str, int]) -> dict[str, int]:
    """The number of the template of each product of one domain, from 1.

    `sizes` gives the bytes of each product's resources, `before` the numbers of the last output. A product stays in its template
    as long as that is within the quotas themselves; a new one takes the first with room within the share that is used.
    """
    rooms: dict[int, _Room] = {}
    placed: dict[str, int] = {}
    for name in sorted(sizes):
        number = before.get(name)
        if number is not None and rooms.setdefault(number, _Room()).fits(sizes[name], 1.0):
            rooms[number].add(sizes[name])
            placed[name] = number
    for name in sorted(sizes.keys() - placed.keys()):
        number = next((each for each in sorted(rooms) if rooms[each].fits(sizes[name], SHARE)), None)
        if number is None:
            number = max(rooms, default=0) + 1
        rooms.setdefault(number, _Room()).add(sizes[name])
        placed[name] = number
    return placed


def template_name(number: int) -> str:
    return "template.json" if number == 1 else f"template-{number}.json"


def recorded(layout: Layout) -> Layout:
    """What `layout.json` keeps: a domain whose products are all in its first template is left out."""
    return {
        domain: dict(sorted(parts.items())) for domain, parts in sorted(layout.items()) if set(parts.values()) != {1}
    }
