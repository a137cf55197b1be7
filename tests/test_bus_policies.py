"""Who may put events on a bus, decided on the generated policies themselves."""

import json
from typing import Any

import pytest

from headgate.generator.lint.linters import cfn_lint_problems
from headgate.generator.plan.forwarding import forwarding, most_accounts
from headgate.generator.render.application import render_mesh
from headgate.local.adapters.accounts import allows
from headgate.local.adapters.names import ORGANIZATION
from tests.test_template import RESOURCES

CENTRAL, OURS, STRANGER = "999999999999", "111111111111", "555555555555"
BUS = f"arn:aws:events:us-east-1:{CENTRAL}:event-bus/headgate-central"


def statement(resource: str, organization: str = ORGANIZATION) -> dict[str, Any]:
    """The statement of a policy of the central account, as CloudFormation resolves it."""
    text = json.dumps(render_mesh(forwarding({}, {}), [OURS])["Resources"][resource]["Properties"]["Statement"])
    for name, value in {"CentralEventBusArn": BUS, "OrganizationId": organization}.items():
        text = text.replace(json.dumps({"Ref": name}), json.dumps(value))
    text = text.replace('{"Fn::Sub": "arn:${AWS::Partition}:iam::' + OURS + ':root"}', f'"arn:aws:iam::{OURS}:root"')
    resolved: dict[str, Any] = json.loads(text)
    assert "${" not in text
    return resolved


def test_the_accounts_the_metadata_names_may_put_headgates_events() -> None:
    policy = statement("AccountsPolicy")
    assert allows(policy, OURS, BUS, "headgate")
    assert not allows(policy, STRANGER, BUS, "headgate")
    assert not allows(policy, OURS, BUS, "somebody.else"), "the bus is for refresh events only"
    assert not allows(policy, OURS, BUS.replace("central", "other"), "headgate")


def test_with_an_organization_its_accounts_may() -> None:
    assert allows(statement("OrganizationPolicy"), STRANGER, BUS, "headgate"), (
        "every local account is in the organization"
    )
    assert not allows(statement("OrganizationPolicy", "o-another0000"), STRANGER, BUS, "headgate")
    assert not allows(statement("OrganizationPolicy"), STRANGER, BUS, "somebody.else")


def test_only_one_of_the_two_is_deployed() -> None:
    template = render_mesh(forwarding({}, {}), [OURS])
    conditions = {name: template["Resources"][name]["Condition"] for name in ("AccountsPolicy", "OrganizationPolicy")}
    assert conditions == {"AccountsPolicy": "NoOrganization", "OrganizationPolicy": "HasOrganization"}
    empty = {"Fn::Equals": [{"Ref": "OrganizationId"}, ""]}
    assert template["Conditions"] == {"NoOrganization": empty, "HasOrganization": {"Fn::Not": [empty]}}


def test_accounts_are_named_as_long_as_the_policy_has_room() -> None:
    """By the longest name a partition, a region and a bus can have; for more the stack asks for the organization."""
    names = [f"{number:012}" for number in range(most_accounts())]
    template = render_mesh(forwarding({}, {}), names)
    resolved = json.dumps(template["Resources"]["AccountsPolicy"]["Properties"]["Statement"], separators=(",", ":"))
    for long, short in (('{"Fn::Sub":', ""), ('root"}', 'root"'), ("${AWS::Partition}", "aws-us-gov")):
        resolved = resolved.replace(long, short)
    resolved = resolved.replace('{"Ref":"CentralEventBusArn"}', f'"{BUS.replace("arn:aws:", "arn:aws-us-gov:")}"')
    assert len(f'{{"Version":"2012-10-17","Statement":[{{"Sid":"AccountsMayPutHeadgateEvents",{resolved}]}}') <= 10_240
    assert "Rules" not in template

    more = render_mesh(forwarding({}, {}), [*names, OURS])
    assert "AccountsPolicy" not in more["Resources"]
    (rule,) = more["Rules"].values()
    (assertion,) = rule["Assertions"]
    assert assertion["Assert"] == more["Conditions"]["HasOrganization"]
    assert f"names {most_accounts() + 1} accounts" in assertion["AssertDescription"]
    assert cfn_lint_problems(more) == []


def test_a_domain_bus_takes_events_from_the_central_account_alone() -> None:
    given = RESOURCES["DomainBusPolicy"]["Properties"]["Statement"]
    (principal,) = given["Principal"].values()
    assert principal == {
        "Fn::Sub": ["arn:${AWS::Partition}:iam::${Central}:root", {"Central": {"Fn::Select": [4, {"Fn::Split": [":", {"Ref": "CentralEventBusArn"}]}]}}]
    }  # fmt: skip
    bus = "arn:aws:events:us-east-1:222222222222:event-bus/headgate-domain"
    resolved = {**given, "Principal": {"AWS": f"arn:aws:iam::{CENTRAL}:root"}, "Resource": bus}
    assert allows(resolved, CENTRAL, bus, "headgate")
    assert not allows(resolved, OURS, bus, "headgate")


@pytest.mark.parametrize(
    "change", [{"Effect": "Deny"}, {"Condition": {"ArnLike": {"aws:SourceArn": "x"}}}, {"Action": "events:PutRule"}]
)
def test_what_is_not_understood_is_refused(change: dict[str, Any]) -> None:
    assert not allows({**statement("AccountsPolicy"), **change}, OURS, BUS, "headgate")
