"""An external domain that names no account, in a mesh of accounts."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule, Severity
from headgate.generator.model.mesh import Mesh

RULE = Rule(
    "HG607",
    "events of a domain count from any account",
    "An event counts if the account of its domain has published it; of a domain without an account nobody can tell whose events are true.",
    Severity.WARNING,
)


def check(mesh: Mesh) -> Iterator[Finding]:
    named = sorted(name for name, each in mesh.domains.items() if each.account)
    running = {each.domain for each in mesh.machines()}
    if not named or any(mesh.domains[name].account is None for name in running & mesh.domains.keys()):
        return  # one account, or a mesh whose running domains have to be named first
    for name, domain in sorted(mesh.domains.items()):
        if domain.account is None:
            yield Finding(
                RULE,
                mesh.root / name / "domain.yaml",
                "",
                f"no `account`, while {named[0]} is in {mesh.domains[named[0]].account}",
                "the account that publishes the events of its products",
                "Name the account of the producer.",
            )
