"""A rule of data quality that no job can check."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.mesh import Mesh
from headgate.generator.quality.rules import RuleError, parse

RULE = Rule(
    "HG713",
    "rule of data quality that cannot be checked",
    "Each file would fail it, or none, once the job runs.",
    partial=True,
)


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        for step in product.steps():
            for severity, rules in step.settings.get("batches", {}).get("checks", {}).items():
                for number, rule in enumerate(rules):
                    try:
                        parse(rule)
                    except RuleError as error:
                        yield Finding(
                            RULE,
                            mesh.file(product),
                            f"{step.section}/batches/checks/{severity}/{number}",
                            f"{rule}: {error}",
                            'a rule of DQDL such as IsComplete "account_id"',
                            "docs/files.md lists the rules.",
                        )
