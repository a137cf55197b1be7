"""Renders what is deployed with a product besides its machine: the jobs of steps that ship their code."""

from typing import Any

import orjson

from headgate.generator.model.files import Bucket
from headgate.generator.model.product import Product, Step
from headgate.generator.plan import names
from headgate.generator.plan.batch_data import batch_statements
from headgate.generator.plan.catalog import code_of
from headgate.generator.plan.resources import tags_of
from headgate.generator.render.environment import RESOURCES, environment
from headgate.generator.steps import step_types


def deployed(product: Product, bucket: Bucket | None) -> dict[str, Any]:
    """The resources of CloudFormation by their logical ids; `bucket` is the one of the product's files."""
    return {
        name: each
        for step in product.work()
        if names.is_deployed(step)
        for name, each in _of(product, step, bucket).items()
    }


def _of(product: Product, step: Step, bucket: Bucket | None) -> dict[str, Any]:
    """As the template of the step's type has it."""
    kind = step_types()[step.type]
    given = {"name": step.name, "timeout": step.timeout, "settings": step.settings, "code": code_of(step)}
    given |= {"resource": names.resource(step), "documents": {each.property: each.document for each in step.code}}
    given |= {"statements": batch_statements(product, step, bucket)}
    text = environment().get_template(kind.name + RESOURCES).render(
        product=product, step=given, tags=tags_of(product) | step.settings.get("tags", {}), id=names.deployed_id(product, step)
    )  # fmt: skip
    rendered: dict[str, Any] = orjson.loads(text)
    return rendered
