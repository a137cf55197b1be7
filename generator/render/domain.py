"""Renders a nested template of data products: the resources of each shape once, then filled in for each product."""

from collections.abc import Sequence
from typing import Any

import orjson

from headgate.generator.plan.grants import WATCHING
from headgate.generator.plan.layout import Template
from headgate.generator.plan.resources import ALWAYS, KNOWN, PARAMETERS, ProductResources
from headgate.generator.render.canonical import canonical
from headgate.generator.render.environment import environment
from headgate.generator.render.resource_shapes import resource_prototype, resource_texts
from headgate.generator.render.shapes import (
    MARKERS,
    SHORT,
    Parts,
    compare,
    fill,
    in_json,
)

_END = "\n  }\n}\n"  # of the resources, and of the template
_shapes: dict[str, Parts] = {}
_TEMPLATE = "domain.json.j2"
_ANY = Template("any")


def render_domain(template: Template, products: Sequence[ProductResources]) -> dict[str, Any]:
    """The nested template with these products. A placeholder without a parameter raises KeyError."""
    return _rendered(template, products, parameters_of(products))


def write_domain(
    template: Template, products: Sequence[ProductResources], shapes: Sequence[str]
) -> tuple[bytes, tuple[str, ...]]:
    """The same as it stands on disk, and the parameters it declares; `shapes` are the `resource_shape` of each product."""
    parameters = parameters_of(products)
    frame = canonical(_rendered(template, (), parameters)).decode()
    resources = (
        fill(_parts(each, shape), in_json(resource_texts(each))) for each, shape in zip(products, shapes, strict=True)
    )
    return "".join((frame.removesuffix(_END), *resources, _END)).encode(), parameters


def parameters_of(products: Sequence[ProductResources]) -> tuple[str, ...]:
    """The parameters a template with these products declares: only what it uses."""
    return tuple(sorted(set(ALWAYS).union(*(each.parameters() for each in products))))


def _rendered(template: Template, products: Sequence[ProductResources], parameters: Sequence[str]) -> dict[str, Any]:
    text = (
        environment()
        .get_template(_TEMPLATE)
        .render(
            template=template,
            parameters={name: PARAMETERS[name] for name in parameters},
            products=products,
            watching=WATCHING,
            known=KNOWN,
        )
    )
    rendered: dict[str, Any] = orjson.loads(text)
    return rendered


def _parts(product: ProductResources, shape: str) -> Parts:
    """The resources of products of this shape, as they follow others in a template."""
    known = _shapes.get(shape)
    if known is None:
        prototypes = {marker: _resources(resource_prototype(product, marker)) for marker in MARKERS}
        compare(_TEMPLATE, _resources(product), in_json(resource_texts(product)), prototypes)
        known = _shapes[shape] = SHORT.cut(prototypes[SHORT])
    return known


def _resources(product: ProductResources) -> str:
    """One product's resources, as they are written behind the domain's own."""
    frame = canonical(_rendered(_ANY, (), ALWAYS)).decode().removesuffix(_END)
    whole = canonical(_rendered(_ANY, [product], ALWAYS)).decode()
    assert whole.startswith(frame), "a product's resources come after the domain's own"
    return whole[len(frame) : -len(_END)]
