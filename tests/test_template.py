"""The root template: it lints, it is complete, nothing is lost on the way, and it names no service of a step type."""

import json
import re
import subprocess
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from headgate.deployment.sam import sam
from headgate.deployment.template_text import read
from headgate.generator.plan.deployment import ROOT_ROLES
from headgate.generator.plan.names import MAX_PREFIX
from headgate.generator.plan.operations import ROOT_RESOURCES
from headgate.generator.plan.resources import APPLICATION_PARAMETERS, PARAMETERS
from headgate.generator.steps import step_types
from tests.local_application import ROOT, needs_sam

FUNCTIONS = ROOT / "functions"
NESTED = sorted((ROOT / "statemachines").rglob("template*.json"))


TEMPLATE = read(ROOT / "template.yaml")
RESOURCES: dict[str, dict[str, Any]] = TEMPLATE["Resources"]
HOSTED_BOARD = read(ROOT / "board" / "template.yaml")


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    return {name: each["Properties"] for name, each in RESOURCES.items() if each["Type"] == kind}


HANDLERS = {
    name: each["Handler"].removesuffix(".handler") for name, each in of_type("AWS::Serverless::Function").items()
}


# One process for all: SAM takes longer to begin than to look at a template.
VALIDATE = """
import json, sys
from click.testing import CliRunner
from samcli.cli.main import cli

for path in sys.argv[1:]:
    done = CliRunner().invoke(cli, ["validate", "--lint", "--template-file", path])
    print(json.dumps([path, done.exit_code, done.output + repr(done.exception or "")]))
"""


@pytest.mark.slow
@needs_sam
def test_sam_finds_nothing_wrong(tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text(json.dumps({"Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"Color": "red"}}}}))
    templates = [ROOT / "template.yaml", ROOT / "board" / "template.yaml", *NESTED]
    done = subprocess.run(
        [Path(sam()).with_name("python"), "-c", VALIDATE, *templates, broken], capture_output=True, text=True, check=True, timeout=300, cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": "us-east-1", "HOME": "/tmp"},  # noqa: S108
    )  # fmt: skip
    *found, last = map(json.loads, done.stdout.splitlines())
    assert [path for path, _, _ in found] == list(map(str, templates))
    for path, code, output in found:
        assert code == 0, f"{path}\n{output}"
        assert f"{path} is a valid SAM Template" in output.replace("\n", " ")
    assert (last[1], "Color" in last[2]) == (1, True), "it looks"


def test_every_handler_is_deployed_and_has_a_sample_event() -> None:
    handlers = {path.stem for path in FUNCTIONS.glob("*.py") if "\ndef handler(" in path.read_text("utf-8")}
    hosted = HOSTED_BOARD["Resources"]["BoardFunction"]["Properties"]["Handler"].removesuffix(".handler")
    assert {*HANDLERS.values(), hosted} == handlers
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
    own = {
        module: RESOURCES[function]["Properties"]["Environment"]["Variables"].keys() - given
        for function, module in {"RetentionFunction": "retention", "FileBatchesFunction": "file_batches", "BoardSnapshotFunction": "board_snapshot"}.items()
    }  # fmt: skip
    board = HOSTED_BOARD["Resources"]["BoardFunction"]["Properties"]["Environment"]["Variables"]
    own["board_settings"] = board.keys() - given
    of_one = set().union(*own.values())
    assert read <= given | of_one
    assert not any(
        name in path.read_text("utf-8")
        for module, names in own.items()
        for name in names
        for path in FUNCTIONS.rglob("*.py")
        if path.stem != module
    )
    read_by_boto3 = {"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_RDS_DATA"}
    assert given - read == {"DATABASE_NAME", "BOARD_QUEUE"} | read_by_boto3, "they have defaults"
    local = json.loads((ROOT / "events" / "env.json").read_text("utf-8"))["Parameters"]
    assert given | of_one <= local.keys()


def test_the_generated_application_gets_every_parameter_it_takes() -> None:
    assert RESOURCES["DataProducts"]["Properties"]["Parameters"].keys() == (PARAMETERS | APPLICATION_PARAMETERS).keys()


def test_the_prefix_leaves_room_for_the_names_of_machines() -> None:
    assert TEMPLATE["Parameters"]["NamePrefix"]["AllowedPattern"] == f"^[A-Za-z0-9_-]{{3,{MAX_PREFIX}}}$"


def test_nothing_is_lost_and_everything_is_encrypted() -> None:
    queues = of_type("AWS::SQS::Queue")
    dead = {
        "UndeliveredEvents",
        "RefreshEventsDeadLetters",
        "JobStatusDeadLetters",
        "FilesDeadLetters",
        "AlertDeadLetters",
    }
    repeated = {"BoardChanges"}  # the next message of this queue means the same
    assert {name for name, each in queues.items() if "RedrivePolicy" not in each} == dead | repeated
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
    by_key = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": {"Fn::GetAtt": ["Key", "Arn"]}}
    by_s3 = {"SSEAlgorithm": "AES256"}  # the roles of jobs need no permission of ours to read what is written for them
    kept = {"HistoryArchive": (by_key, "HistoryArchiveDays"), "Batches": (by_s3, "DetailDays"), "Code": (by_key, None)}
    assert of_type("AWS::S3::Bucket").keys() == kept.keys()
    for name, (algorithm, days) in kept.items():
        bucket = RESOURCES[name]["Properties"]
        (encryption,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert encryption["ServerSideEncryptionByDefault"] == algorithm
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        assert RESOURCES[name]["UpdateReplacePolicy"] == "Retain"
        rules = bucket.get("LifecycleConfiguration", {}).get("Rules", [])
        assert [each["ExpirationInDays"] for each in rules] == ([{"Ref": days}] if days else []), name
    watched = [
        each["Dimensions"][0]["Value"]["Fn::GetAtt"][0]
        for each in of_type("AWS::CloudWatch::Alarm").values()
        if each["Namespace"] == "AWS/SQS"
    ]
    assert sorted(watched) == sorted(dead)


def test_a_message_stays_hidden_six_times_as_long_as_its_function_may_take() -> None:
    """docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html"""
    default = TEMPLATE["Globals"]["Function"]["Timeout"]
    consumed = set()
    for each in of_type("AWS::Lambda::EventSourceMapping").values():
        queue, _ = each["EventSourceArn"]["Fn::GetAtt"]
        timeout = RESOURCES[each["FunctionName"]["Ref"]]["Properties"].get("Timeout", default)
        assert RESOURCES[queue]["Properties"]["VisibilityTimeout"] >= 6 * timeout, queue
        consumed.add(queue)
    assert consumed == {name for name, each in of_type("AWS::SQS::Queue").items() if "RedrivePolicy" in each} | {
        "BoardChanges"
    }


GENERATED: dict[str, dict[str, Any]] = json.loads((ROOT / "statemachines/template.json").read_text("utf-8"))[
    "Resources"
]
KNOWN = {
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "AWS::AccountId": "111122223333",
    "NamePrefix": "headgate-",
}
RULES = "arn:aws:events:eu-west-1:111122223333:rule/"


def resolved(value: Any) -> Any:
    """The text of a `!Sub` or of a rule's ARN, in a stack with the default prefix."""
    if "Fn::Sub" in value:
        return re.sub(r"\$\{([\w:]+)\}", lambda match: KNOWN[match[1]], value["Fn::Sub"])
    rule = RESOURCES[value["Fn::GetAtt"][0]]["Properties"]
    bus = resolved(RESOURCES[rule["EventBusName"]["Ref"]]["Properties"]["Name"]) + "/" if "EventBusName" in rule else ""
    return RULES + bus + resolved(rule["Name"])


def may_deliver(rule: str, queue: str) -> bool:
    """Whether a policy of the queue lets EventBridge deliver for the rule of that ARN."""
    for policy in of_type("AWS::SQS::QueuePolicy").values():
        for each in policy["PolicyDocument"]["Statement"]:
            if each["Resource"] == {"Fn::GetAtt": [queue, "Arn"]} and each["Principal"] == {
                "Service": "events.amazonaws.com"
            }:
                assert {"Ref": queue} in policy["Queues"]
                assert (each["Effect"], each["Action"]) == ("Allow", "sqs:SendMessage")
                ((_, condition),) = each["Condition"].items()
                patterns = condition["aws:SourceArn"]
                patterns = patterns if isinstance(patterns, list) else [patterns]
                if any(fnmatchcase(rule, resolved(pattern)) for pattern in patterns):
                    return True
    return False


def test_rules_may_deliver_to_their_queue_and_others_may_not() -> None:
    rules = {resolved({"Fn::GetAtt": [name, "Arn"]}): each for name, each in of_type("AWS::Events::Rule").items()}
    for arn, rule in rules.items():
        for target in rule["Targets"]:
            queue, _ = target["Arn"]["Fn::GetAtt"]
            assert may_deliver(arn, queue) == (queue in of_type("AWS::SQS::Queue")), arn
            assert may_deliver(arn, target["DeadLetterConfig"]["Arn"]["Fn::GetAtt"][0]), arn
    for queue in ("RefreshEventsQueue", "JobStatusQueue", "UndeliveredEvents"):
        assert not may_deliver(RULES + "other", queue)
    assert not may_deliver(RULES + "headgate-execution-status", "RefreshEventsQueue")
    assert not may_deliver(RULES + "headgate-domain/headgate-refresh-events", "JobStatusQueue")


def test_services_that_deliver_to_queues_and_topics_may_use_their_key() -> None:
    """docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html, .../sns/latest/dg/sns-key-management.html"""
    delivering = {
        statement["Principal"]["Service"]
        for kind in ("AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy")
        for policy in of_type(kind).values()
        for statement in policy["PolicyDocument"]["Statement"]
    }
    assert delivering == {"events.amazonaws.com", "sns.amazonaws.com", "cloudwatch.amazonaws.com"}
    allowed: dict[str, set[str]] = {}
    for statement in RESOURCES["Key"]["Properties"]["KeyPolicy"]["Statement"]:
        services = statement["Principal"].get("Service", ())
        for service in services if isinstance(services, list) else [str(services)]:
            allowed.setdefault(service, set()).update(statement["Action"])
    assert all({"kms:GenerateDataKey", "kms:Decrypt"} <= allowed[service] for service in delivering)


def test_rules_of_step_types_may_deliver_to_the_job_status_queue() -> None:
    given = RESOURCES["DataProducts"]["Properties"]["Parameters"]
    rules = [each["Properties"] for each in GENERATED.values() if each["Type"] == "AWS::Events::Rule"]
    assert rules
    for rule in rules:
        (target,) = rule["Targets"]
        for parameter in (target["Arn"]["Ref"], target["DeadLetterConfig"]["Arn"]["Ref"]):
            queue, _ = given[parameter]["Fn::GetAtt"]
            assert may_deliver(RULES + resolved(rule["Name"]), queue), rule["Name"]
        assert given[target["Arn"]["Ref"]] == {"Fn::GetAtt": ["JobStatusQueue", "Arn"]}


def test_no_service_of_a_step_type_is_named() -> None:
    """What is needed of a step type is generated from its schema: adding one changes nothing here."""
    text = (ROOT / "template.yaml").read_text("utf-8")
    others = [
        kind for name, kind in step_types().items() if name not in ("machine", "definition")
    ]  # Headgate itself runs on Step Functions
    for kind in others:
        event = kind.note("event")
        named = [event["source"], event["detail-type"]] if event else []
        named += [grant["action"] for grant in kind.note("watch-grants", ())]
        named = [each for each in named if not each.startswith("secretsmanager:")]  # Headgate has secrets of its own
        assert [each for each in named if each in text] == [], kind.name
    assert "glue" not in text.lower()


def test_executions_that_did_not_succeed_are_reported_and_those_without_an_outcome_raise_one_alarm() -> None:
    """docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html"""
    rule = RESOURCES["ExecutionStatusRule"]["Properties"]
    prefix = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]["STATE_MACHINE_ARN_PREFIX"]
    assert rule["EventPattern"] == {
        "source": ["aws.states"],
        "detail-type": ["Step Functions Execution Status Change"],
        "detail": {"status": ["FAILED", "TIMED_OUT", "ABORTED"], "stateMachineArn": [{"prefix": prefix}]},
    }
    assert "EventBusName" not in rule, "AWS puts these events on the default bus"
    assert [each["Arn"] for each in rule["Targets"]] == [{"Fn::GetAtt": ["JobStatusQueue", "Arn"]}]
    printed = "".join((FUNCTIONS / f"{name}.py").read_text("utf-8") for name in ("lost_machines", "effects"))
    for field in ("late", "ended_without_outcome", "parked", "failed"):
        (metric,) = [
            each
            for each in of_type("AWS::Logs::MetricFilter").values()
            if each["FilterPattern"] == f"{{ $.{field} > 0 }}"
        ]
        (transformation,) = metric["MetricTransformations"]
        alarms = [
            each
            for each in of_type("AWS::CloudWatch::Alarm").values()
            if each["MetricName"] == transformation["MetricName"]
        ]
        assert (transformation["MetricValue"], len(alarms)) == (f"$.{field}", 1)
        if field not in ("late", "failed"):  # tests/test_monitor.py reads these from what the monitor prints
            assert f'"{field}": ' in printed


def test_an_alarm_watches_each_thing_once_and_everybody_learns_of_it() -> None:
    alarms = of_type("AWS::CloudWatch::Alarm")
    watched = [json.dumps([each["Namespace"], each["MetricName"], each.get("Dimensions")]) for each in alarms.values()]
    assert len(set(watched)) == len(watched)
    assert len({each["AlarmDescription"] for each in alarms.values()}) == len(alarms)
    assert all(each["AlarmActions"] == [{"Ref": "AlarmTopic"}] for each in alarms.values())


def test_names_are_given_once() -> None:
    """Anchors copy properties: a name that was not replaced would be given twice."""
    names = [
        json.dumps([each["Type"], each["Properties"][key]])
        for each in RESOURCES.values()
        for key in each.get("Properties", {})
        if key.endswith("Name")
        and key
        not in (
            "PolicyName",
            "DatabaseName",
            "DBSubnetGroupName",
            "FunctionName",
            "EventBusName",
            "LogGroupName",
            "MetricName",
        )
    ]
    assert len(set(names)) == len(names)
    handlers = [each["Handler"] for each in of_type("AWS::Serverless::Function").values()]
    roles = [json.dumps(each["Role"]) for each in of_type("AWS::Serverless::Function").values()]
    assert len(set(handlers)) == len(handlers) == len(set(roles))


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


def test_the_generator_counts_what_the_root_stack_holds() -> None:
    """An alias and a version are made of each function that publishes one; the generator adds a rule a step type, a policy, and nests."""
    aliases = sum("AutoPublishAlias" in each for each in of_type("AWS::Serverless::Function").values())
    added = len(step_types()) + 2
    added += (
        len(HOSTED_BOARD["Resources"]) + 1 + len(HOSTED_BOARD["Resources"]["BoardFunction"]["Properties"]["Events"])
    )  # a stage, and a permission a route
    assert len(RESOURCES) + 2 * aliases + added <= ROOT_RESOURCES
    assert len(of_type("AWS::IAM::Role")) <= ROOT_ROLES
