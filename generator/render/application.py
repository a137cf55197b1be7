"""Renders the template that nests the domains and watches their work, and that of the central account."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from headgate.generator.model.accounts import Home, named
from headgate.generator.plan import names
from headgate.generator.plan.forwarding import Forwarding, ForwardRule, most_accounts, pattern
from headgate.generator.plan.landing import NOTHING, Landing
from headgate.generator.plan.layout import Template
from headgate.generator.plan.resources import APPLICATION_PARAMETERS, PARAMETERS, WATCHERS
from headgate.generator.plan.signals import NONE, Signals
from headgate.generator.plan.watching import Watching
from headgate.generator.render.environment import environment


@dataclass(frozen=True, slots=True)
class Part:
    """One nested template, as the application refers to it: `home` is None where it is deployed in every account."""

    template: Template
    parameters: tuple[str, ...]
    home: Home | None = None
    stack: int = 1

    @property
    def logical_id(self) -> str:
        folder = "severalDomains" if self.template.shared else names.logical_id(self.template.folder)
        return folder + (f"Part{self.template.number}" if self.template.number > 1 else "")

    @property
    def tags(self) -> dict[str, str]:
        return {} if self.template.shared else {"domain": self.template.folder}

    @property
    def condition(self) -> dict[str, Any] | None:
        return deployed_in(self.home)

    @property
    def location(self) -> str:
        return self.template.path


def deployed_in(home: Home | None) -> dict[str, Any] | None:
    """When what runs there is deployed: in an account that holds everything, or in its own; None: always."""
    if home is None:
        return None
    same: list[Any] = [{"Fn::Equals": [{"Ref": "Account"}, home.account]}]
    if home.region:
        same.append({"Fn::Equals": [{"Ref": "Region"}, home.region]})
    own = {"Fn::And": same} if len(same) > 1 else same[0]
    return {"Fn::Or": [{"Fn::Equals": [{"Ref": "Account"}, ""]}, own]}


def render_first_stack(
    parts: Sequence[Part],
    watching: Watching,
    others: Iterable[Home | None],
    landing: Landing = NOTHING,
    signals: Signals = NONE,
) -> dict[str, Any]:
    """The template that the root template nests: it watches the work of the steps of every stack, and has the landing buckets and the rules for signals. In the homes
    `others` further stacks follow it, and it refuses to be deployed without them."""
    rules = {f"stacksFollow{number}": _follow(home) for number, home in enumerate(_sorted(others), start=1)}
    return _stack(parts, watching, rules, landing, signals)


def render_further_stack(parts: Sequence[Part]) -> dict[str, Any]:
    """The template of a stack beside the root stack. Its metadata says where it is deployed; an empty account is any."""
    rendered = _stack(parts, Watching({}, []), {}, NOTHING, NONE)
    homes = [
        {"account": each.account, "region": each.region} if each else {"account": "", "region": ""}
        for each in _sorted(part.home for part in parts)
    ]
    rendered["Metadata"]["headgate"] = {"homes": homes}
    return rendered


def _files_of(home: Home) -> str:
    """The condition under which what belongs to the files of that home is deployed."""
    return f"filesOf{home.account}" + "".join(each for each in home.region if each.isalnum())


def _signals_of(home: Home) -> str:
    """The condition under which the rules for signals of that home are deployed."""
    return f"signalsOf{home.account}" + "".join(each for each in home.region if each.isalnum())


def _stack(
    parts: Sequence[Part], watching: Watching, rules: dict[str, Any], landing: Landing, signals: Signals
) -> dict[str, Any]:
    """Takes every parameter, needed or not: the template that nests it is written by hand, and further stacks get the same values."""
    conditions = {f"{part.logical_id}Deployed": part.condition for part in parts if part.condition}
    conditions |= {_files_of(home): here for home in landing.homes() if (here := deployed_in(home))}
    conditions |= {_signals_of(home): here for home in signals.homes() if (here := deployed_in(home))}
    text = environment().get_template("application.json.j2").render(
        parameters=PARAMETERS | APPLICATION_PARAMETERS, parts=parts, conditions=conditions, watching=watching, watchers=WATCHERS,
        logical_id=names.logical_id, rules=rules, landing=landing, condition=_files_of, signals=signals, signal_condition=_signals_of,
    )  # fmt: skip
    rendered: dict[str, Any] = orjson.loads(text)
    return rendered


def _follow(home: Home | None) -> dict[str, Any]:
    where = "Here" if home is None else named(home)
    condition = deployed_in(home)
    return {
        **({"RuleCondition": condition} if condition else {}),
        "Assertions": [
            {
                "Assert": {"Fn::Equals": [{"Ref": "OtherStacks"}, "deployed"]},
                "AssertDescription": f"{where[0].upper()}{where[1:]} the data products are too many for one operation of CloudFormation: "
                "`headgate deploy` makes several stacks of them.",
            }
        ],
    }


def _sorted(homes: Iterable[Home | None]) -> list[Home | None]:
    """Each once. Where some are deployed everywhere, that is said alone."""
    found = set(homes)
    everywhere: list[Home | None] = [None]
    return everywhere if None in found else [*sorted(each for each in found if each)]


def render_mesh(plan: Forwarding, accounts: Sequence[str]) -> dict[str, Any]:
    """The template of the central account: `accounts` may put events where no organization is named. Where they are too many for the
    policy of a bus, an organization has to be named. A rule whose target does not exist may be refused, and would roll the whole stack
    back: accounts that have no stack yet are left out by a parameter."""

    def bus(home: Home) -> dict[str, str]:
        region = home.region or "${AWS::Region}"
        return {"Fn::Sub": f"arn:${{AWS::Partition}}:events:{region}:{home.account}:event-bus/${{NamePrefix}}domain"}

    def rule_id(rule: ForwardRule) -> str:
        return "Forward" + rule.name.title().replace("-", "")

    text = environment().get_template("mesh.json.j2").render(
        plan=plan, accounts=accounts, too_many=len(accounts) > most_accounts(), bus=bus, pattern=pattern, id=rule_id,
        receivers=sorted({account for rule in plan.rules for account in rule.accounts_reached}),
    )  # fmt: skip

    rendered: dict[str, Any] = orjson.loads(text)
    return rendered
