"""A version of a contract that a consumer needs and its upstream does not have."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.contracts import needs, satisfies
from headgate.generator.model.mesh import Mesh

RULE = Rule(
    "HG732",
    "a consumer needs another version of the contract",
    "The producer has changed what it promised, and this consumer has not followed.",
)


def check(mesh: Mesh) -> Iterator[Finding]:
    for each in needs(mesh):
        needed, version = each.needs.version, each.promise.version
        if needed and (version is None or not satisfies(version, needed)):
            has = f"has version {version}" if version else "has no contract"
            yield Finding(
                RULE,
                each.file,
                f"{each.pointer}/version",
                f'"{needed}", but {each.promise.name} {has} ({each.promise.file})',
                "the version of its contract, or an earlier one with the same first number",
                f"Read what {each.promise.owner} has changed, then name the new version here.",
            )
