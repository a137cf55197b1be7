"""The shape cache: what differs between products in names and texts only is rendered once and filled in for each product.

Invariant: what is filled in is, to the byte, what would have been rendered. The canonical form does not depend on how long texts
are; a *prototype* has a token in the place of each text, and its rendered form is cut where the tokens stand. A template that
does more with a text than write it (`|upper`, a slice, `|length`) would break the invariant. So each new shape is rendered
three times, with two kinds of tokens that have no length, case or character in common and with the product's own texts, and
where the results differ by more than the texts, AlteredTextError names the template. What cannot be found this way is a condition
that holds for some texts only: a template must not decide by a name.
"""

import re
import string
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count
from typing import Any

import orjson

from headgate.generator.plan.asl import PLACEHOLDER
from headgate.generator.plan.machine import plan_machine
from headgate.generator.plan.outline import Items, MachineOutline, ParallelOutline, every_item
from headgate.generator.plan.resources import PARTITION
from headgate.generator.plan.states import Call, State
from headgate.generator.render.canonical import canonical
from headgate.generator.render.machine import render_machine, render_state, template_of
from headgate.generator.steps import when_types_change

Parts = tuple[str, ...]
Texts = Mapping[str, str]


class AlteredTextError(Exception):
    """A template changes a text of a product instead of only writing it; `template` is its file."""

    def __init__(self, template: str) -> None:
        super().__init__(f"{template} changes a name or a text instead of only writing it")
        self.template = template


@dataclass(frozen=True)
class Marker:
    """How tokens are written. The name of a token is in lower case, with or without a number, such as `name0`."""

    left: str
    right: str
    upper: bool = False

    def token(self, name: str) -> str:
        """What stands for the text of that name."""
        return self.left + (name.upper() if self.upper else name) + self.right

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        letters = "A-Z" if self.upper else "a-z"
        return re.compile(f"{re.escape(self.left)}([{letters}_]+[0-9]*){re.escape(self.right)}")

    def cut(self, text: str) -> Parts:
        """The text of a prototype; every second part is the name of a token."""
        return tuple(part.lower() if index % 2 else part for index, part in enumerate(self._pattern.split(text)))


MARK = "@@"
SHORT = Marker(MARK, MARK)
# Longer than any limit on a name, with every character that a template may treat in a way of its own.
LONG = Marker("#" + (string.ascii_letters + string.digits + "-_./: ") * 5 + "<", ">#", upper=True)
MARKERS = (SHORT, LONG)


def fill(parts: Parts, texts: Texts) -> str:
    """The parts with the texts in the place of their tokens."""
    filled = list(parts)
    filled[1::2] = map(texts.__getitem__, parts[1::2])
    return "".join(filled)


def in_json(texts: Texts) -> Texts:
    """The texts as JSON has them within quotes."""
    return {name: orjson.dumps(text).decode()[1:-1] for name, text in texts.items()}


def compare(template: str, rendered: str, texts: Texts, prototypes: Mapping[Marker, str]) -> None:
    """Raises AlteredTextError unless `rendered` is what each prototype becomes with `texts`, which are in JSON."""
    for marker, text in prototypes.items():
        if fill(marker.cut(text), texts) != rendered:
            raise AlteredTextError(template)


@dataclass(frozen=True, slots=True)
class Shape:
    """What the machines of one prototype have in common."""

    key: bytes
    parts: Parts
    placeholders: tuple[str, ...]
    calls: tuple[tuple[Call, Parts, Parts], ...]  # with the parts of the resource, and of the condition as JSON

    def text(self, texts: Texts) -> bytes:
        """The machine with these texts, as it is written."""
        return fill(self.parts, in_json(texts)).encode()

    def calls_of(self, texts: Texts) -> Iterator[Call]:
        """The calls of the machine with these texts."""
        for call, resource, condition in self.calls:
            if len(condition) > 1:
                call = replace(call, condition=orjson.loads(fill(condition, in_json(texts))))
            yield replace(call, resource=fill(resource, texts)) if len(resource) > 1 else call


_shapes: dict[bytes, Shape] = {}
when_types_change(_shapes.clear)


def shape_of(given: MachineOutline, texts: Texts) -> Shape:
    """The shape of the machine; `texts` are those of `machine_texts`. Raises AlteredTextError for a template that changes one."""
    marked = machine_prototype(given, SHORT)
    key = orjson.dumps(marked)
    shape = _shapes.get(key)
    if shape is None:
        if key.count(MARK.encode()) != 2 * len(texts):
            return _shape(
                key, given, _uncut
            )  # a setting in the metadata looks like a token: rendered for this product alone
        _compare_states(given, texts)
        shape = _shapes[key] = _shape(key, marked, SHORT.cut)
    return shape


def _uncut(text: str) -> Parts:
    return (text,)


def _shape(key: bytes, given: MachineOutline, cut: Callable[[str], Parts]) -> Shape:
    planned = plan_machine(given)
    values = "".join(orjson.dumps(state.values).decode() for state in planned.every_state())
    calls: list[Call] = []
    for call in planned.calls():
        if call not in calls:
            calls.append(call)
    return Shape(
        key,
        cut(canonical(render_machine(given)).decode()),
        tuple(sorted(set(PLACEHOLDER.findall(values)) - {PARTITION})),
        tuple((call, cut(call.resource), cut(orjson.dumps(call.condition).decode())) for call in calls),
    )


def _compare_states(given: MachineOutline, texts: Texts) -> None:
    """Compares state by state, so that the template can be named."""
    written = in_json(texts)
    marked = {marker: _states(machine_prototype(given, marker)) for marker in MARKERS}
    for number, state in enumerate(_states(given)):
        prototypes = {marker: _text(states[number]) for marker, states in marked.items()}
        compare(template_of(state), _text(state), written, prototypes)


def _states(given: MachineOutline) -> list[State]:
    return list(plan_machine(given).every_state())


def _text(state: State) -> str:
    return canonical(render_state(state)).decode()


def machine_texts(given: MachineOutline) -> dict[str, str]:
    """The names and texts of the outline, by the names of their tokens."""
    found = {"product": given.product, "domain": given.domain, "name": given.name, "comment": given.comment}
    if given.cluster:
        found["cluster"] = given.cluster.resource
    for number, item in enumerate(every_item(given.items)):
        found[f"group{number}"] = item.group
        if not isinstance(item, ParallelOutline):
            found[f"step{number}"], found[f"key{number}"] = item.name, item.key
            found[f"resource{number}"] = item.resource
    return found


def machine_prototype(given: MachineOutline, marker: Marker) -> MachineOutline:
    """The outline with tokens in the place of its texts."""
    token = marker.token
    return replace(
        given,
        product=token("product"),
        domain=token("domain"),
        name=token("name"),
        comment=token("comment"),
        items=_prototypes(given.items, token, count()),
        cluster=replace(given.cluster, resource=token("cluster")) if given.cluster else None,
    )


def _prototypes(items: Items, token: Callable[[str], str], numbers: Iterator[int]) -> Items:
    made: Any = []
    for item in items:
        number = next(numbers)
        group = token(f"group{number}")
        if isinstance(item, ParallelOutline):
            made.append(ParallelOutline(group, tuple(_prototypes(each, token, numbers) for each in item.branches)))
        else:
            key, resource = token(f"key{number}"), token(f"resource{number}")
            made.append(replace(item, name=token(f"step{number}"), key=key, group=group, resource=resource))
    return tuple(made)
