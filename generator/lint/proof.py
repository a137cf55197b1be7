"""Lints everything generated, each shape once: what differs in names and texts alone gets the same verdict."""

from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

from generator.findings import Finding, Rule
from generator.lint.linters import cfn_lint_problems, statelint_problems
from generator.lint.machine_checks import problems as machine_problems
from generator.memo import Memo
from generator.plan.grants import ungranted
from generator.plan.layout import MAX_RESOURCES, SHARE
from generator.plan.machine import MachinePlan
from generator.plan.resources import ProductResources
from generator.render.application import Part, render_application, render_domain

STATELINT = Rule(
    "HG901",
    "statelint refuses the machine",
    "Step Functions would refuse it too. This is a defect of Headgate or of a step type.",
)
CHECKS = Rule(
    "HG902", "the machine is not sound", "It would break a promise every machine keeps, or a quota of Step Functions."
)
CFN_LINT = Rule(
    "HG903",
    "cfn-lint refuses the template",
    "CloudFormation would refuse it too. This is a defect of Headgate or of a step type.",
)
GRANTS = Rule(
    "HG904",
    "a call without a grant",
    "The machine would be refused at that state. The step type's `x-grants` lack an action.",
)
TOO_MANY = Rule(
    "HG905", "too many nested templates", "The application's template nests one stack a domain and has room for 450."
)
PROOF_RULES = (STATELINT, CHECKS, CFN_LINT, GRANTS, TOO_MANY)
EXPECTED = "a machine that every linter accepts"


class Proof:
    """Collects what the linters find; `findings` is empty when everything is sound."""

    def __init__(self, memo: Memo) -> None:
        self._memo = memo
        self._specimens: dict[Any, tuple[ProductResources, ...]] = {}
        self.findings: list[Finding] = []

    def machine(self, file: Path, plan: MachinePlan, definition: dict[str, Any], resources: ProductResources) -> None:
        """Lints a machine, unless one of its shape has passed."""
        digest = blake2b(plan.shape(), digest_size=16).hexdigest()
        if self._memo.get("machine lint", digest):
            return
        before = len(self.findings)
        self._report(STATELINT, file, statelint_problems(definition))
        self._report(CHECKS, file, machine_problems(definition))
        self._report(GRANTS, file, [f"`{name}`" for name in ungranted(definition, resources.statements)])
        if len(self.findings) == before:
            self._memo.put("machine lint", digest, True)

    def domain(self, products: Sequence[ProductResources]) -> None:
        """Takes note of the resources of a template; `templates` lints one of each shape."""
        for each in products:
            self._specimens.setdefault(each.shape(), (each,))

    def templates(self, root: Path, parts: Sequence[Part]) -> None:
        """Lints a template with one product of each shape, and the application with one part of each."""
        if self._specimens:
            ordered = [found for _, (found,) in sorted(self._specimens.items(), key=str)]
            # logical ids come from the products; specimens are numbered, since theirs may meet
            template = render_domain("specimens", 1, [_numbered(each, index) for index, each in enumerate(ordered)])
            self._template(root, str(sorted(map(str, self._specimens))), template)
        if len(parts) > MAX_RESOURCES * SHARE:
            self._report(TOO_MANY, root, [f"{len(parts)} nested templates"])
        kinds = {each.parameters: each for each in parts}
        self._template(root, str(sorted(kinds)), render_application(list(kinds.values())))

    def _template(self, root: Path, key: str, template: dict[str, Any]) -> None:
        digest = blake2b(key.encode(), digest_size=16).hexdigest()
        if self._memo.get("template lint", digest):
            return
        problems = cfn_lint_problems(template)
        self._report(CFN_LINT, root, problems)
        if not problems:
            self._memo.put("template lint", digest, True)

    def _report(self, rule: Rule, file: Path, problems: Sequence[str]) -> None:
        self.findings.extend(Finding(rule, file, "", problem, EXPECTED) for problem in problems)


def _numbered(resources: ProductResources, index: int) -> ProductResources:
    return ProductResources(
        resources.id,
        f"{resources.logical_id[:200]}N{index}",
        resources.machine,
        resources.definition_file,
        resources.placeholders,
        resources.statements,
        resources.tags,
    )
