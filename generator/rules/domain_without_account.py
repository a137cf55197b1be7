"""A domain that names no account, in a mesh of accounts."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.mesh import Mesh

RULE = Rule(
    "HG604",
    "domain without an account in a mesh of accounts",
    "It would be deployed to every account of the mesh, and each would run its products.",
)


def check(mesh: Mesh) -> Iterator[Finding]:
    named = sorted(name for name, each in mesh.domains.items() if each.account)
    running = {each.domain for each in mesh.machines()}
    for name, domain in sorted(mesh.domains.items()):
        if named and domain.account is None and name in running:
            yield Finding(
                RULE,
                mesh.root / name / "domain.yaml",
                "",
                f"no `account`, while {named[0]} is in {mesh.domains[named[0]].account}",
                "every domain with its `account`, or none",
                "Name the account that runs it; a single account can hold them all, whatever they name.",
            )
