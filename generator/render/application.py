"""Renders the nested CloudFormation templates."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from generator.plan import names
from generator.plan.grants import WATCHING
from generator.plan.layout import template_name
from generator.plan.resources import ALWAYS, PARAMETERS, ProductResources
from generator.render.environment import environment


@dataclass(frozen=True, slots=True)
class Part:
    """One nested template, as the application refers to it."""

    domain: str
    number: int
    parameters: tuple[str, ...]

    @property
    def logical_id(self) -> str:
        return names.logical_id(self.domain) + (f"Part{self.number}" if self.number > 1 else "")

    @property
    def location(self) -> str:
        return f"{self.domain}/{template_name(self.number)}"


def parameters_of(products: Sequence[ProductResources]) -> tuple[str, ...]:
    """The parameters a template with these products declares: only what it uses."""
    return tuple(sorted({*ALWAYS, *(name for each in products for name in each.placeholders)}))


def render_domain(domain: str, number: int, products: Sequence[ProductResources]) -> dict[str, Any]:
    """The template of one part of a domain. A placeholder without a parameter raises KeyError."""
    text = (
        environment()
        .get_template("domain.json.j2")
        .render(
            domain=domain,
            number=number,
            parameters={name: PARAMETERS[name] for name in parameters_of(products)},
            products=products,
            watching=WATCHING,
        )
    )
    rendered: dict[str, Any] = orjson.loads(text)
    return rendered


def render_application(parts: Sequence[Part]) -> dict[str, Any]:
    """The template that nests all of `parts`. It takes every parameter, needed or not: what nests it is written by hand."""
    text = environment().get_template("application.json.j2").render(parameters=PARAMETERS, parts=parts)
    rendered: dict[str, Any] = orjson.loads(text)
    return rendered
