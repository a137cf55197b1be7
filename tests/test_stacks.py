"""How the stacks of an application are deployed: in which order, with which parameters, and what becomes of a failure."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from headgate.cli.commands import deploy
from headgate.deployment import stacks
from headgate.deployment.deploy import Deployment, DeploymentError, Step
from headgate.deployment.project import ConfigError, read_config
from headgate.deployment.sam import SamError
from tests.conftest import Headgate

ACCOUNT, OTHER, REGION = "111122223333", "444455556666", "us-east-1"
NESTED = "arn:aws:cloudformation:us-east-1:111122223333:stack/mesh-DataProducts/1"


@dataclass
class Cloud:
    """CloudFormation as far as a deployment asks it, and `sam`, which creates its stacks."""

    status: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, dict[str, str]] = field(default_factory=dict)
    events: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    calls: list[tuple[str, ...]] = field(default_factory=list)
    failing: str = ""

    def build(self, template: Path, into: Path) -> None:
        self.calls.append(("build", template.name))

    def deploy(self, built: Path, stack: str, parameters: dict[str, str]) -> None:
        self.calls.append(("deploy", stack, parameters.get("OtherStacks", "")))
        if stack == self.failing:
            self.status[stack] = "ROLLBACK_COMPLETE"
            raise SamError("sam deploy failed:\nthe end of its log")
        self.status[stack] = "UPDATE_COMPLETE" if stack in self.status else "CREATE_COMPLETE"
        self.parameters.setdefault(stack, {}).update(parameters)
        if stack == "mesh":
            nested = {"OtherStacks": "deployed", "NamePrefix": "mesh-", "KeyArn": "arn:key", "NotThere": "x"}
            self.status[NESTED], self.parameters[NESTED] = "CREATE_COMPLETE", nested

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803 - as boto3 names it
        if StackName not in self.status:
            message = f"Stack with id {StackName} does not exist"
            raise ClientError({"Error": {"Code": "ValidationError", "Message": message}}, "DescribeStacks")
        given = self.parameters.get(StackName, {}).items()
        parameters = [{"ParameterKey": name, "ParameterValue": value} for name, value in given]
        outputs = [{"OutputKey": "CatalogLoad", "OutputValue": "2 new"}]
        return {"Stacks": [{"StackStatus": self.status[StackName], "Parameters": parameters, "Outputs": outputs}]}

    def describe_stack_resource(self, StackName: str, LogicalResourceId: str) -> dict[str, Any]:  # noqa: N803
        assert (StackName, LogicalResourceId) == ("mesh", "DataProducts")
        return {"StackResourceDetail": {"PhysicalResourceId": NESTED}}

    def delete_stack(self, StackName: str) -> None:  # noqa: N803
        self.calls.append(("delete", StackName))
        del self.status[StackName]

    def get_waiter(self, name: str) -> Any:
        assert name == "stack_delete_complete"
        return type("Waiter", (), {"wait": lambda self, **stack: None})()

    def get_paginator(self, name: str) -> Any:
        assert name == "describe_stack_events"
        events = self.events
        return type(
            "Pages", (), {"paginate": lambda self, **stack: [{"StackEvents": events.get(stack["StackName"], [])}]}
        )()


def template(folder: Path, number: int, *homes: str) -> None:
    metadata = {"headgate": {"homes": [{"account": each, "region": ""} for each in homes]}}
    parameters = {name: {"Type": "String"} for name in ("NamePrefix", "KeyArn", "OtherStacks")}
    text = json.dumps({"Metadata": metadata, "Parameters": parameters})
    (folder / "statemachines" / f"template-{number}.json").write_text(text)


@pytest.fixture
def deployment(tmp_path: Path) -> Callable[..., Deployment]:
    """An application of three stacks: the second in one account, the third in another."""
    (tmp_path / "statemachines").mkdir()
    (tmp_path / "statemachines" / "template.json").write_text("{}")
    template(tmp_path, 2, ACCOUNT)
    template(tmp_path, 3, OTHER)

    def made(cloud: Any, **parameters: str) -> Deployment:
        return Deployment(tmp_path, tmp_path / "build", "mesh", ACCOUNT, REGION, cloud, cloud, parameters)

    return made


def deployed(cloud: Cloud) -> list[tuple[str, ...]]:
    return [each[1:] for each in cloud.calls if each[0] == "deploy"]


def test_functions_come_before_machines_and_machines_before_the_catalog(deployment: Any) -> None:
    cloud = Cloud()
    outputs = deployment(cloud).run(lambda line: None)
    assert outputs == {"CatalogLoad": "2 new"}
    assert deployed(cloud) == [("mesh", "follow"), ("mesh-2", "deployed"), ("mesh-3", "deployed"), ("mesh", "deployed")]
    assert cloud.calls[:3] == [("build", "template.yaml"), ("build", "template-2.json"), ("build", "template-3.json")]
    shared = {"NamePrefix": "mesh-", "KeyArn": "arn:key", "OtherStacks": "deployed"}
    assert cloud.parameters["mesh-2"] == shared, "what the root stack gave to the nested one, as far as it is declared"


def test_in_a_mesh_of_accounts_each_deploys_its_own_stacks(deployment: Any) -> None:
    cloud = Cloud()
    deployment(cloud, Mode="domain").run(lambda line: None)
    assert [stack for stack, _ in deployed(cloud)] == ["mesh", "mesh-2", "mesh"]
    central = Cloud()
    deployment(central, Mode="central").run(lambda line: None)
    assert deployed(central) == [("mesh", "none")], (
        "the catalog is loaded by one deployment where no other stacks follow"
    )


def test_the_mode_of_the_last_deployment_counts_where_none_is_given(deployment: Any) -> None:
    cloud = Cloud(status={"mesh": "UPDATE_COMPLETE"}, parameters={"mesh": {"Mode": "domain"}})
    assert [each.stack for each in deployment(cloud).steps()] == ["mesh", "mesh-2", "mesh"]


def event(
    stack: str, name: str, kind: str, status: str, reason: str = "", physical: str = "x", age: int = 0
) -> dict[str, Any]:
    moment = datetime.now(UTC) + timedelta(seconds=60 - age)
    return {
        "StackId": stack, "LogicalResourceId": name, "ResourceType": kind, "ResourceStatus": status, "Timestamp": moment,
        "ResourceStatusReason": reason, "PhysicalResourceId": physical,
    }  # fmt: skip


def test_a_failure_is_told_by_its_cause_and_the_next_deployment_goes_on(deployment: Any) -> None:
    role, nested = "AWS::IAM::Role", "AWS::CloudFormation::Stack"
    cloud = Cloud(failing="mesh-2")
    cloud.events = {
        "mesh-2": [  # the newest first, as CloudFormation lists them
            event("mesh-2", "mesh-2", nested, "ROLLBACK_IN_PROGRESS", "The following resource(s) failed to create: [D1]", "mesh-2"),
            event("mesh-2", "D2", nested, "CREATE_FAILED", "Resource creation cancelled", ""),
            event("mesh-2", "D1", nested, "CREATE_FAILED", "Embedded stack d1 was not successfully created", "d1"),
            event("mesh-2", "D0", role, "CREATE_FAILED", "of a deployment before", age=3600),
        ],
        "d1": [
            event("d1", "BRole", role, "CREATE_FAILED", "Resource creation cancelled"),
            event("d1", "ARole", role, "CREATE_FAILED", "Cannot exceed quota for RolesPerAccount: 1000"),
        ],
    }  # fmt: skip
    with pytest.raises(DeploymentError) as raised:
        deployment(cloud).run(lambda line: None)
    assert str(raised.value) == (
        "stack mesh-2 was not deployed:\n  D1/ARole (AWS::IAM::Role): Cannot exceed quota for RolesPerAccount: 1000"
    )
    assert deployed(cloud) == [("mesh", "follow"), ("mesh-2", "deployed")], "the catalog is as it was before"

    cloud.failing, cloud.calls = "", []
    assert deployment(cloud).steps()[1] == Step(
        "mesh-2", "delete what its failed creation left, and create", "ROLLBACK_COMPLETE"
    )
    deployment(cloud).run(lambda line: None)
    assert ("delete", "mesh-2") in cloud.calls
    assert deployed(cloud)[-1] == ("mesh", "deployed")


def test_without_events_the_end_of_the_log_says_what_failed(deployment: Any) -> None:
    with pytest.raises(DeploymentError, match="stack mesh was not deployed:\nsam deploy failed:\nthe end of its log"):
        deployment(Cloud(failing="mesh")).run(lambda line: None)


@pytest.mark.parametrize(
    ("status", "message"),
    [
        ("UPDATE_IN_PROGRESS", "another deployment is under way"),
        ("UPDATE_ROLLBACK_FAILED", "`aws cloudformation continue-update-rollback --stack-name mesh-2`"),
        ("DELETE_FAILED", "delete the stack, and deploy again"),
    ],
)
def test_nothing_is_begun_while_a_stack_cannot_be_deployed(deployment: Any, status: str, message: str) -> None:
    cloud = Cloud(status={"mesh": "UPDATE_COMPLETE", "mesh-2": status})
    with pytest.raises(DeploymentError, match=message):
        deployment(cloud, Mode="single").run(lambda line: None)
    assert cloud.calls == []


def test_a_stack_of_which_nothing_is_left_is_named(deployment: Any) -> None:
    cloud = Cloud(
        status={"mesh": "UPDATE_COMPLETE", "mesh-4": "UPDATE_COMPLETE", "mesh-5": "UPDATE_COMPLETE"},
        parameters={"mesh-4": {"OtherStacks": "deployed"}},
    )
    assert list(deployment(cloud).left_over()) == ["mesh-4"], "mesh-5 is somebody else's"


def test_the_first_stack_refuses_to_be_deployed_without_the_others(
    project: Callable[[str], Path], headgate: Headgate
) -> None:
    """`sam deploy` alone would load a catalog whose machines do not exist."""
    product = (
        'description: x\nschedule: {frequency: daily, time: "06:00"}\npipeline: {steps: [{name: a, glue: {job: j}}]}\n'
    )
    root = project(
        f'--- d1/domain.yaml\nowner: x\naccount: "{OTHER}"\n--- d1/a.yaml\n{product}--- d2/domain.yaml\nowner: x\naccount: "{ACCOUNT}"\n--- d2/a.yaml\n{product}'
    )
    assert headgate("generate")[0] == 0
    first = json.loads((root / "statemachines/template.json").read_text())
    assert "Rules" not in first
    (root / "statemachines/layout.json").write_text('{"stack_of": {"d2/template.json": 2}}')
    assert headgate("generate")[0] == 0, "what was deployed in another stack stays there"

    first = json.loads((root / "statemachines/template.json").read_text())
    (rule,) = first["Rules"].values()
    own = {"Fn::Equals": [{"Ref": "Account"}, ACCOUNT]}
    assert rule["RuleCondition"] == {"Fn::Or": [{"Fn::Equals": [{"Ref": "Account"}, ""]}, own]}
    assert rule["Assertions"][0]["Assert"] == {"Fn::Equals": [{"Ref": "OtherStacks"}, "deployed"]}
    assert "`headgate deploy`" in rule["Assertions"][0]["AssertDescription"]
    (second,) = stacks.further_stacks(root / "statemachines")
    assert (second.number, second.homes) == (2, ((ACCOUNT, ""),))
    assert second.parameters == first["Parameters"].keys()
    assert list(json.loads(second.template.read_text())["Resources"]) == ["D2"]
    assert "D1" in first["Resources"]
    assert "D2" not in first["Resources"]
    (root / "products/d2/a.yaml").unlink()
    assert headgate("generate")[0] == 0
    assert not second.template.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a = [", "samconfig.toml: "),
        ("[central.deploy.parameters]\n", "has no environment default; it has central"),
        (
            '[default.deploy.parameters]\nparameter_overrides = "Mode"\n',
            "Mode: expected NAME=VALUE, such as Mode=single",
        ),
    ],
)
def test_what_is_wrong_in_samconfig_is_named(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "samconfig.toml").write_text(content)
    with pytest.raises(ConfigError) as raised:
        read_config(tmp_path, "default")
    assert message in str(raised.value)


def test_samconfig_says_which_stack_and_with_which_parameters(tmp_path: Path) -> None:
    settings = 'stack_name = "mesh"\nregion = "eu-west-1"\nparameter_overrides = "Mode=both TickExpression=\'rate(5 minutes)\'"\n'
    (tmp_path / "samconfig.toml").write_text(f"[default.deploy.parameters]\n{settings}")
    config = read_config(tmp_path, "default")
    assert (config.stack, config.region, config.profile) == ("mesh", "eu-west-1", None)
    assert config.parameters == {"Mode": "both", "TickExpression": "rate(5 minutes)"}
    (tmp_path / "samconfig.toml").write_text('[default.deploy.parameters]\nparameter_overrides = ["Mode=\\"both\\""]\n')
    assert read_config(tmp_path, "default").parameters == {"Mode": "both"}


def test_nothing_is_deployed_that_is_not_generated(project: Callable[[str], Path], headgate: Headgate) -> None:
    root = project("--- d1/domain.yaml\nowner: x\n--- d1/a.yaml\ndescription: x\n")
    assert headgate("deploy")[1].startswith(f"headgate deploy: {root} has no template.yaml and functions/")
    (root / "template.yaml").touch()
    (root / "functions").mkdir()
    code, text = headgate("deploy", "--dry-run")
    assert code == 2
    assert "statemachines is not what products generates: run `headgate generate` and commit the result" in text


def test_mode_single_says_that_the_accounts_of_the_metadata_are_too_many_for_it() -> None:
    accounts = [{"stacks": [{"stack": 1, "resources": 2_000}, {"stack": 2, "resources": 40}]}]
    assert list(deploy._of_all_accounts(accounts)) == []
    (sentence,) = deploy._of_all_accounts(accounts * 2)
    assert "2 accounts into this one: about 4,000 resources in stack 1" in sentence
