"""What roles allow: what is called and nothing else, on names where IAM knows any."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cfnlint
import pytest

from headgate.generator.plan import grants
from tests.golden import FOLDER
from tests.local_application import ROOT, deployed, needs_sam, sample
from tests.state_world import in_soak
from tests.test_template import NESTED, RESOURCES


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _statements(resources: dict[str, dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every statement of every policy of roles and of functions, with the resource it stands in."""
    for name, each in resources.items():
        if each["Type"] in ("AWS::IAM::Role", "AWS::IAM::ManagedPolicy", "AWS::IAM::Policy"):
            properties = each["Properties"]
            documents = [policy["PolicyDocument"] for policy in properties.get("Policies", ())]
            documents += [properties["PolicyDocument"]] if "PolicyDocument" in properties else []
            yield from ((name, statement) for document in documents for statement in document["Statement"])


def _every_statement() -> Iterator[tuple[str, dict[str, Any]]]:
    yield from _statements(RESOURCES)
    for path in (*NESTED, *sorted((FOLDER / "output").rglob("template*.json"))):
        for name, statement in _statements(json.loads(path.read_text("utf-8"))["Resources"]):
            yield f"{path.relative_to(ROOT)} {name}", statement


# AWS documents these with `*`, though some have names (docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html, .../xray-iam.html).
WATCHING = {action for statement in grants.WATCHING for action in statement["Action"]}
# The reference lists no resource for these; they are granted on the machine that waits, as SAM's StepFunctionsCallbackPolicy does.
TOKENS = {"states:SendTaskSuccess", "states:SendTaskFailure"}

# Its resource is a container instance; the cluster is a condition.
LISTING = {"ecs:ListTasks"}


def test_names_stand_where_iam_knows_them_and_stars_only_where_it_does_not() -> None:
    reference = Path(cfnlint.__file__).parent / "data/AdditionalSpecs/Policies.json"
    services = json.loads(reference.read_text("utf-8"))
    seen = set()
    for where, statement in _every_statement():
        for action in _list(statement["Action"]):
            service, _, name = action.partition(":")
            nameable = bool(services[service]["Actions"][name.lower()].get("Resources"))
            seen.add(action)
            if action not in WATCHING | TOKENS | LISTING:
                named = _list(statement["Resource"]) != ["*"]
                # a condition may name what the action has no resource for: `ecs:ListTasks` its cluster
                assert nameable == named or "Condition" in statement, f"{where}: {action}"
    assert {"ssm:CreateOpsItem", "glue:StartJobRun", "rds-data:ExecuteStatement", *TOKENS} <= seen


def test_who_publishes_may_use_the_key_of_the_topic() -> None:
    """The topic is encrypted with a key of ours: without it AWS refuses what is published."""
    allowed: dict[str, set[str]] = {}
    for where, statement in _every_statement():
        allowed.setdefault(where, set()).update(_list(statement["Action"]))
    publishers = [actions for actions in allowed.values() if "sns:Publish" in actions]
    assert all("kms:GenerateDataKey" in actions for actions in publishers)
    machines = [actions for actions in publishers if "lambda:InvokeFunction" in actions]
    assert 0 < len(machines) < len(publishers), (
        "machines and functions publish; functions have kms:Decrypt from RunPolicy"
    )
    assert all("kms:Decrypt" in actions for actions in machines)


def test_a_machines_role_names_exactly_what_it_calls() -> None:
    template = json.loads((FOLDER / "output/notify-product/statemachines/d1/template.json").read_text("utf-8"))
    statements = template["Resources"]["Ds1Role"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]

    assert statements[:-2] == [
        {"Effect": "Allow", "Action": "events:PutEvents", "Resource": {"Ref": "CentralEventBusArn"}},
        {
            "Effect": "Allow",
            "Action": "glue:StartJobRun",
            "Resource": {"Fn::Sub": "arn:${AWS::Partition}:glue:${AWS::Region}:${AWS::AccountId}:job/d1-ds1-build"},
        },
        {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": {"Ref": "KeyArn"}},
        {"Effect": "Allow", "Action": "kms:GenerateDataKey", "Resource": {"Ref": "KeyArn"}},
        {
            "Effect": "Allow",
            "Action": "lambda:InvokeFunction",
            "Resource": [
                {"Ref": "DependencyGateFunctionArn"},
                {"Ref": "JobTrackerFunctionArn"},
                {"Ref": "OutcomeRecorderFunctionArn"},
                {"Ref": "PipelineConfigurationFunctionArn"},
            ],
        },
        {"Effect": "Allow", "Action": "sns:Publish", "Resource": {"Ref": "AlertTopicArn"}},
    ]


@pytest.mark.slow
@needs_sam
@in_soak
def test_without_one_of_its_permissions_the_day_does_not_end_well(tmp_path: Path) -> None:
    """The roles are enforced: what a run proves, it proves with them."""
    project = tmp_path / "project"
    project.mkdir()
    for name in ("functions", "board", "samconfig.toml"):
        (project / name).symlink_to(ROOT / name)
    text = (ROOT / "template.yaml").read_text("utf-8")
    (project / "template.yaml").write_text(
        text.replace("[states:StartExecution, states:SendTaskSuccess, ", "[states:StartExecution, ")
    )
    day = sample("stifel")
    with deployed(day, tmp_path / "run", project=project) as application:
        played = application.play(day)
    assert "d1/ds2 is WAITING, expected COMPLETED" in played.problems
