"""Renders the template that nests the domains and watches their work, and that of the central account."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from headgate.generator.model.accounts import Home
from headgate.generator.plan import names
from headgate.generator.plan.forwarding import Forwarding, most_accounts, pattern
from headgate.generator.plan.layout import template_name
from headgate.generator.plan.resources import APPLICATION_PARAMETERS, PARAMETERS, WATCHERS
from headgate.generator.plan.watching import Watching
from headgate.generator.render.environment import environment


@dataclass(frozen=True, slots=True)
class Part:
    """One nested template, as the application refers to it."""

    domain: str
    number: int
    parameters: tuple[str, ...]
    home: Home | None = None

    @property
    def logical_id(self) -> str:
        return names.logical_id(self.domain) + (f"Part{self.number}" if self.number > 1 else "")

    @property
    def condition(self) -> dict[str, Any] | None:
        """When this part is deployed: in an account that holds everything, or in the domain's own; None: always."""
        if self.home is None:
            return None
        same: list[Any] = [{"Fn::Equals": [{"Ref": "Account"}, self.home.account]}]
        if self.home.region:
            same.append({"Fn::Equals": [{"Ref": "Region"}, self.home.region]})
        own = {"Fn::And": same} if len(same) > 1 else same[0]
        return {"Fn::Or": [{"Fn::Equals": [{"Ref": "Account"}, ""]}, own]}

    @property
    def location(self) -> str:
        return f"{self.domain}/{template_name(self.number)}"


def render_application(parts: Sequence[Part], watching: Watching) -> dict[str, Any]:
    """The template that nests all of `parts`, and watches the work of their steps. It takes every parameter, needed or not: the
    template that nests it is written by hand."""
    conditions = {f"{part.logical_id}Deployed": part.condition for part in parts if part.condition}
    text = environment().get_template("application.json.j2").render(
        parameters=PARAMETERS | APPLICATION_PARAMETERS, parts=parts, conditions=conditions, watching=watching, watchers=WATCHERS,
        logical_id=names.logical_id,
    )  # fmt: skip
    rendered: dict[str, Any] = orjson.loads(text)
    return rendered


def render_mesh(plan: Forwarding, accounts: Sequence[str]) -> dict[str, Any]:
    """The template of the central account: `accounts` may put events where no organization is named. Where they are too many for the
    policy of a bus, an organization has to be named."""

    def bus(home: Home) -> dict[str, str]:
        region = home.region or "${AWS::Region}"
        return {"Fn::Sub": f"arn:${{AWS::Partition}}:events:{region}:{home.account}:event-bus/${{NamePrefix}}domain"}

    text = environment().get_template("mesh.json.j2").render(
        plan=plan, accounts=accounts, too_many=len(accounts) > most_accounts(), bus=bus, pattern=pattern,
    )  # fmt: skip

    rendered: dict[str, Any] = orjson.loads(text)
    return rendered
