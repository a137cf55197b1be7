"""Which nested template holds which product, and which stack nests which template.

A product never moves to another template, nor a template to another stack, once it is deployed: CloudFormation would delete its
machine in one stack and create it in another, in any order. So where products are is part of the output (`layout.json`, with
what is not in the first template of its domain, or not in the first stack), and new ones go where there is room.

Domains have templates of their own. In a mesh of many domains those that begin small share templates with others of their home.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from headgate.generator.model.accounts import Home
from headgate.generator.plan.operations import (
    MAX_RESOURCES,
    OF_A_TEMPLATE,
    RESOURCES_A_PRODUCT,
    SHARE,
    SHARED_RESOURCES,
    Operations,
)

# docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
MAX_BYTES, MAX_PARAMETERS = 1_000_000, 200
SHARED_BYTES = 8_000  # parameters and the frame of a template
MANY_DOMAINS, SMALL_DOMAIN = 200, 20  # with more domains than that, those of at most so many products share templates
SHARED, STACKS = "several_domains", "stack_of"  # no domain is called so: their names have no underscore


@dataclass(frozen=True, slots=True, order=True)
class Template:
    """One nested template: of a domain, or of several (`folder` is `SHARED`)."""

    folder: str
    number: int = 1

    @property
    def path(self) -> str:
        return f"{self.folder}/{template_name(self.number)}"

    @property
    def shared(self) -> bool:
        return self.folder == SHARED


@dataclass(slots=True)
class Domain:
    """Where a domain runs, and the bytes of the resources of each of its products with a machine. `deployed`: the resources of those that ship code,
    besides machine and role, and how many of them are roles."""

    home: Home | None
    sizes: dict[str, int] = field(default_factory=dict)
    deployed: dict[str, tuple[int, int]] = field(default_factory=dict)

    def more(self, name: str) -> int:
        """The resources of a product besides its machine and role."""
        return self.deployed.get(name, (0, 0))[0]


@dataclass(slots=True)
class Layout:
    """The template of each product, by domain and name, and the number of the stack of each template, from 1."""

    places: dict[str, dict[str, Template]] = field(default_factory=dict)
    stacks: dict[Template, int] = field(default_factory=dict)

    def members(self) -> dict[Template, list[str]]:
        """The identities of the products of each template, both sorted."""
        found: dict[Template, list[str]] = {each: [] for each in sorted(self.stacks)}
        for domain, names in sorted(self.places.items()):
            for name, template in sorted(names.items()):
                found[template].append(f"{domain}/{name}")
        return found


def place(domains: Mapping[str, Domain], before: Layout, central: int = 0) -> Layout:
    """The layout of these domains, `before` being that of the last output; `central` are the resources of the central account. A product stays in its template as long as that is within
    the quotas themselves; a new one takes the first with room within the share that is used."""
    placing = _Placing(_homes(domains, before), Operations(central))
    for domain, each in sorted(domains.items()):
        was = before.places.get(domain, {})
        for name in sorted(each.sizes.keys() & was.keys()):
            placing.keep(
                was[name],
                before.stacks.get(was[name], 1),
                each.home,
                f"{domain}/{name}",
                each.sizes[name],
                each.more(name),
            )
    for domain, each in sorted(domains.items()):
        kept = placing.layout.places.get(domain, {})
        begins_small = len(domains) > MANY_DOMAINS and not kept and len(each.sizes) <= SMALL_DOMAIN
        folder = SHARED if begins_small or any(template.shared for template in kept.values()) else domain
        for name in sorted(each.sizes.keys() - kept.keys()):
            placing.add(folder, each.home, f"{domain}/{name}", each.sizes[name], each.more(name))
    return placing.layout


def _homes(domains: Mapping[str, Domain], layout: Layout) -> dict[Template, Home | None]:
    """The home of each template: where most of its products are now. A domain that moves leaves the template that it shared."""
    found: dict[Template, Counter[Home | None]] = {}
    for domain, names in layout.places.items():
        for name, template in names.items():
            if domain in domains and name in domains[domain].sizes:
                found.setdefault(template, Counter())[domains[domain].home] += 1
    return {template: homes.most_common(1)[0][0] for template, homes in found.items()}


@dataclass(slots=True)
class _Room:
    """What a template holds."""

    home: Home | None
    stack: int
    resources: int = SHARED_RESOURCES
    size: int = SHARED_BYTES

    def fits(self, size: int, resources: int, share: float) -> bool:
        return self.resources + resources <= MAX_RESOURCES * share and self.size + size <= MAX_BYTES * share


class _Placing:
    """`homes` are those of the templates of before."""

    def __init__(self, homes: Mapping[Template, Home | None], operations: Operations) -> None:
        self.layout = Layout()
        self._homes = homes
        self._rooms: dict[str, dict[Template, _Room]] = {}  # by folder, in the order of their numbers
        self._operations = operations

    def keep(self, template: Template, stack: int, home: Home | None, identity: str, size: int, besides: int) -> None:
        """Leaves a product where it was, if that is possible. `besides`: the resources that it has besides machine and role."""
        own = RESOURCES_A_PRODUCT + besides
        known = self._rooms.get(template.folder, {}).get(template)
        room = known or _Room(home, stack)
        more = own + (0 if known else OF_A_TEMPLATE)
        if self._homes[template] == home and room.fits(size, own, 1.0) and self._operations.fit(home, stack, more, 1.0):
            self._put(template, room, identity, size, own)

    def add(self, folder: str, home: Home | None, identity: str, size: int, besides: int) -> None:
        """Puts a new product where there is room."""
        own = RESOURCES_A_PRODUCT + besides
        rooms = self._rooms.setdefault(folder, {})
        for template, room in rooms.items():
            if room.home == home and room.fits(size, own, SHARE) and self._operations.fit(home, room.stack, own):
                self._put(template, room, identity, size, own)
                return
        number = max((each.number for each in rooms), default=0) + 1
        self._put(Template(folder, number), _Room(home, self._operations.first_for(home, own)), identity, size, own)

    def _put(self, template: Template, room: _Room, identity: str, size: int, resources: int) -> None:
        rooms = self._rooms.setdefault(template.folder, {})
        if template not in rooms:
            rooms[template] = room
            self._rooms[template.folder] = dict(sorted(rooms.items()))
            self.layout.stacks[template] = room.stack
            self._operations.add_template(room.home, room.stack)
        room.resources += resources
        room.size += size
        self._operations.add(room.home, room.stack, resources)
        domain, name = identity.split("/")
        self.layout.places.setdefault(domain, {})[name] = template


def template_name(number: int) -> str:
    """The file of a domain's template, and of a stack that nests templates."""
    return "template.json" if number == 1 else f"template-{number}.json"


def recorded(layout: Layout) -> dict[str, dict[str, int]]:
    """What `layout.json` keeps. Left out are domains whose products are all in the first template of their own, and the first stack."""
    own: dict[str, dict[str, int]] = {}
    shared: dict[str, int] = {}
    for domain, names in sorted(layout.places.items()):
        shared |= {f"{domain}/{name}": each.number for name, each in sorted(names.items()) if each.shared}
        numbers = {name: each.number for name, each in sorted(names.items()) if not each.shared}
        if set(numbers.values()) - {1}:
            own[domain] = numbers
    stacks = {each.path: stack for each, stack in sorted(layout.stacks.items()) if stack > 1}
    return own | ({SHARED: shared} if shared else {}) | ({STACKS: stacks} if stacks else {})


def read_layout(machines: Iterable[str], kept: Mapping[str, Mapping[str, int]]) -> Layout:
    """The layout of an output: from the identities of its products with a machine, and from its `layout.json`."""
    layout = Layout()
    shared, stacks = kept.get(SHARED, {}), kept.get(STACKS, {})
    for identity in machines:
        domain, name = identity.split("/")
        number = kept.get(domain, {}).get(name, 1)
        template = Template(SHARED, shared[identity]) if identity in shared else Template(domain, number)
        layout.places.setdefault(domain, {})[name] = template
        layout.stacks[template] = stacks.get(template.path, 1)
    return layout
