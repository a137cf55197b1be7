"""Two products that would get the same name on AWS."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.mesh import Mesh
from headgate.generator.plan.names import logical_id, machine_name

RULE = Rule(
    "HG601", "names collide on AWS", "CloudFormation would refuse the stack, or two products would share a machine."
)


def check(mesh: Mesh) -> Iterator[Finding]:
    machines: dict[str, str] = {}
    ids: dict[str, str] = {}
    domains: dict[str, str] = {}
    for product in mesh.machines():
        for names, name, kind in (
            (machines, machine_name(product), "state machine"),
            (ids, f"{product.domain}/{logical_id(product.name)}", "logical id"),
            (domains, logical_id(product.domain), "logical id"),
        ):
            owner = product.domain if names is domains else product.id
            first = names.setdefault(name, owner)
            if first != owner:
                yield Finding(
                    RULE,
                    mesh.file(product),
                    "",
                    f'the {kind} "{name.split("/")[-1]}", which "{first}" has already',
                    "names that differ after shortening",
                    f'Rename "{owner}" or "{first}".',
                )
