"""The root template: it lints, it is complete, and its roles allow what the functions call and nothing else."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from headgate.generator.plan.resources import APPLICATION_PARAMETERS, PARAMETERS
from headgate.local.stack import sam
from tests.local_application import ROOT, needs_sam

FUNCTIONS = ROOT / "functions"
NESTED = sorted((ROOT / "statemachines").rglob("template*.json"))


class _Loader(yaml.SafeLoader):
    """Reads `!Ref x` as {"Ref": x}, and so on."""


def _tag(loader: yaml.SafeLoader, name: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
        value = value.split(".", 1) if name == "GetAtt" else value
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    return {name if name in ("Ref", "Condition") else f"Fn::{name}": value}


_Loader.add_multi_constructor("!", _tag)
TEMPLATE: dict[str, Any] = yaml.load((ROOT / "template.yaml").read_text("utf-8"), Loader=_Loader)  # noqa: S506 - a SafeLoader
RESOURCES: dict[str, dict[str, Any]] = TEMPLATE["Resources"]


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    return {name: each["Properties"] for name, each in RESOURCES.items() if each["Type"] == kind}


HANDLERS = {
    name: each["Handler"].removesuffix(".handler") for name, each in of_type("AWS::Serverless::Function").items()
}


@pytest.mark.slow
@needs_sam
@pytest.mark.parametrize("path", [ROOT / "template.yaml", *NESTED], ids=lambda path: path.relative_to(ROOT).as_posix())
def test_sam_finds_nothing_wrong(path: Path) -> None:
    done = subprocess.run(
        [sam(), "validate", "--lint", "--template-file", str(path)], capture_output=True, text=True, check=False, timeout=120, cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": "us-east-1", "HOME": "/tmp"},  # noqa: S108
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "is a valid SAM Template" in done.stdout


def test_every_handler_is_deployed_and_has_a_sample_event() -> None:
    handlers = {path.stem for path in FUNCTIONS.glob("*.py") if "\ndef handler(" in path.read_text("utf-8")}
    assert set(HANDLERS.values()) == handlers
    assert {path.stem for path in (ROOT / "events").glob("*.json")} - {"env"} == handlers


def test_the_functions_find_the_settings_they_read() -> None:
    read = {
        name
        for path in FUNCTIONS.rglob("*.py")
        for name in re.findall(r'os\.environ\["(\w+)"\]', path.read_text("utf-8"))
    }
    read |= {"CENTRAL_EVENT_BUS_ARN", "DOMAIN_EVENT_BUS_ARN"}  # chosen between in effects.py
    given = TEMPLATE["Globals"]["Function"]["Environment"][
        "Variables"
    ].keys()  # alerts.py bears it that its own are empty
    assert read <= given
    assert given - read == {"DATABASE_NAME"}, "it has a default"
    local = json.loads((ROOT / "events" / "env.json").read_text("utf-8"))["Parameters"]
    assert given <= local.keys()


def test_the_generated_application_gets_every_parameter_it_takes() -> None:
    assert RESOURCES["DataProducts"]["Properties"]["Parameters"].keys() == (PARAMETERS | APPLICATION_PARAMETERS).keys()


def test_nothing_is_lost_and_everything_is_encrypted() -> None:
    queues = of_type("AWS::SQS::Queue")
    dead = {"UndeliveredEvents", "RefreshEventsDeadLetters", "JobStatusDeadLetters", "AlertDeadLetters"}
    assert {name for name, each in queues.items() if "RedrivePolicy" not in each} == dead
    assert all("KmsMasterKeyId" in each for each in (*queues.values(), *of_type("AWS::SNS::Topic").values()))
    assert all(
        each["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        for each in of_type("AWS::Lambda::EventSourceMapping").values()
    )
    targets = [target for each in of_type("AWS::Events::Rule").values() for target in each["Targets"]]
    targets += [each["Target"] for each in of_type("AWS::Scheduler::Schedule").values()]
    assert all("DeadLetterConfig" in each for each in targets)
    (cluster,) = of_type("AWS::RDS::DBCluster").values()
    assert (cluster["StorageEncrypted"], cluster["ManageMasterUserPassword"]) == (True, True)
    assert cluster["ServerlessV2ScalingConfiguration"]["MinCapacity"] == {"Ref": "DatabaseMinCapacity"}
    watched = [
        each["Dimensions"][0]["Value"]["Fn::GetAtt"][0]
        for each in of_type("AWS::CloudWatch::Alarm").values()
        if each["Namespace"] == "AWS/SQS"
    ]
    assert set(watched) == dead


def test_the_layer_on_aws_and_the_one_packed_here_hold_the_same_slack_sdk() -> None:
    layer = (FUNCTIONS / "alerting/layer/Makefile").read_text("utf-8")
    (version,) = re.findall(r"^VERSION := (.+)$", layer, re.MULTILINE)
    assert f'"slack_sdk=={version}"' in (ROOT / "pyproject.toml").read_text("utf-8")


def test_a_message_stays_hidden_for_longer_than_its_function_may_take() -> None:
    timeout = TEMPLATE["Globals"]["Function"]["Timeout"]
    for name in ("RefreshEventsQueue", "JobStatusQueue", "AlertQueue"):
        assert RESOURCES[name]["Properties"]["VisibilityTimeout"] >= 6 * timeout, (
            "as AWS advises for event source mappings"
        )


def test_every_resource_of_a_domain_is_conditional_and_the_central_ones_too() -> None:
    always = {name for name, each in RESOURCES.items() if "Condition" not in each}
    assert always == {
        "Key",
        "UndeliveredEvents",
        "UndeliveredEventsPolicy",
        "UndeliveredEventsAlarm",
        "AlarmTopic",
        "AlarmTopicPolicy",
    }
