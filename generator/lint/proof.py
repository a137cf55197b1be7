"""Lints everything generated, each shape once: what differs in names and texts alone gets the same verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

import orjson

from headgate.generator.cache import Cache
from headgate.generator.findings import Finding, Rule
from headgate.generator.lint.linters import Lint, statelint_problems
from headgate.generator.lint.machine_checks import problems as machine_problems
from headgate.generator.plan.asl import PLACEHOLDER, service_call, tasks
from headgate.generator.plan.grants import ungranted
from headgate.generator.plan.landing import Landing
from headgate.generator.plan.layout import Template
from headgate.generator.plan.machine import plan_machine
from headgate.generator.plan.outline import MachineOutline
from headgate.generator.plan.resources import PARTITION, ProductResources
from headgate.generator.plan.signals import Signals
from headgate.generator.plan.watching import Watching
from headgate.generator.render.application import Part, render_first_stack
from headgate.generator.render.domain import render_domain
from headgate.generator.render.shapes import AlteredTextError

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
ALTERED = Rule(
    "HG906",
    "a template changes a text",
    "Machines of one shape are rendered once and filled in with names and texts, so a template writes a text as it is.",
)
PROOF_RULES = (STATELINT, CHECKS, CFN_LINT, GRANTS, ALTERED)
EXPECTED = "a machine that every linter accepts"
GRANTED = "an `x-grants` note of the step type whose `action`, or `call`, is that integration"


class Proof:
    """Collects what the linters find; `findings` is empty when everything is sound."""

    def __init__(self, cache: Cache, cfn_lint: Lint) -> None:
        self._cache, self._cfn_lint = cache, cfn_lint
        self._specimens: dict[str, ProductResources] = {}
        self.findings: list[Finding] = []

    def machine(
        self, file: Path, given: MachineOutline, shape: bytes, text: bytes, resources: ProductResources
    ) -> None:
        """Lints a machine, unless one of its shape has passed."""
        digest = blake2b(shape, digest_size=16).hexdigest()
        if self._cache.get("machine lint", digest):
            return
        before = len(self.findings)
        definition = orjson.loads(text)
        self._report(STATELINT, file, statelint_problems(definition))
        planned = plan_machine(given)
        self._report(CHECKS, file, machine_problems(definition, planned.as_they_stand()))
        calls = {name: service_call(task["Resource"]) for name, task in tasks(definition)}
        refused = ungranted(definition, planned, resources.statements)
        self._report(GRANTS, file, [f"`{name}`, which calls {calls[name]}" for name in refused], GRANTED)
        unplanned = set(PLACEHOLDER.findall(text.decode())) - {*resources.placeholders, PARTITION}
        self._report(CHECKS, file, [f"the placeholder ${{{name}}} is in no plan" for name in sorted(unplanned)])
        if len(self.findings) == before:
            self._cache.put("machine lint", digest, True)

    def domain(self, shapes: Mapping[str, ProductResources]) -> None:
        """Records the resources of a template, one product of each `resource_shape`; `templates` lints those that have not
        passed before."""
        for shape, each in shapes.items():
            digest = _digest(shape)
            if digest not in self._specimens and not self._cache.get("resource lint", digest):
                self._specimens[digest] = each

    def templates(
        self, root: Path, parts: Sequence[Part], watching: Watching, landing: Landing, signals: Signals
    ) -> None:
        """Lints a template with one product of each new shape, and the application with one part of each kind. The names of
        resources in a policy come from patterns in the schemas, so what passed with some passes with others."""
        if self._specimens:
            # logical ids come from the products' names; those of specimens from several domains may meet
            numbered = [replace(each, logical_id=f"N{index}") for index, each in enumerate(self._specimens.values())]
            self._template(
                root, "resource lint", tuple(self._specimens), render_domain(Template("specimens"), numbered)
            )
        kinds = {
            (each.parameters, each.home is None, bool(each.home and each.home.region), each.template.shared): each
            for each in parts
        }
        others = [each.home for each in kinds.values() if any(part.stack > 1 for part in parts)]
        digest = _digest(
            (
                sorted(kinds),
                bool(others),
                watching.patterns,
                watching.forms,
                [each["Action"] for each in watching.statements],
                landing,
                signals,
            )
        )
        if not self._cache.get("application lint", digest):
            rendered = render_first_stack(list(kinds.values()), watching, others, landing, signals)
            self._template(root, "application lint", (digest,), rendered)

    def altered(self, root: Path, error: AlteredTextError) -> None:
        """Reports a template that the shape cache refuses."""
        self.findings.append(
            Finding(
                ALTERED,
                root,
                "",
                f"{error.template}, which changes a name or a text instead of only writing it",
                "a template that only writes them",
            )
        )

    def mesh(self, root: Path, template: dict[str, Any]) -> None:
        """Lints the central account's template, whose resources are all of a kind: the first of each and the last."""
        resources = template["Resources"]
        kinds = {(each["Type"], each.get("Condition")): name for name, each in reversed(resources.items())}
        roles = {name for name, each in resources.items() if each["Type"] == "AWS::IAM::Role"}
        chosen = {name: each for name, each in resources.items() if name in kinds.values() or name in roles}
        digest = _digest([(name, sorted(each["Properties"])) for name, each in chosen.items()])
        if not self._cache.get("mesh lint", digest):
            conditions = _conditions(template, chosen)
            self._template(root, "mesh lint", (digest,), {**template, "Resources": chosen, "Conditions": conditions})

    def _template(self, root: Path, kind: str, digests: tuple[str, ...], template: dict[str, Any]) -> None:
        problems = self._cfn_lint(template)
        self._report(CFN_LINT, root, problems)
        if not problems:
            for digest in digests:
                self._cache.put(kind, digest, True)

    def _report(self, rule: Rule, file: Path, problems: Sequence[str], expected: str = EXPECTED) -> None:
        self.findings.extend(Finding(rule, file, "", problem, expected) for problem in problems)


def _conditions(template: dict[str, Any], resources: dict[str, Any]) -> dict[str, Any]:
    """The conditions that these resources name, and those that such conditions name."""
    found: dict[str, Any] = {}
    text = repr(resources)
    while more := {
        name: each for name, each in template["Conditions"].items() if f"'{name}'" in text and name not in found
    }:
        found |= more
        text = repr(more)
    return found


def _digest(shape: Any) -> str:
    return blake2b(repr(shape).encode(), digest_size=16).hexdigest()
