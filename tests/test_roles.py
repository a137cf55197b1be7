"""The roles of functions: each allows the AWS calls that its code can reach, and nothing else."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from headgate.generator.plan.resources import WATCHERS
from headgate.generator.steps import step_types
from tests.aws_calls import Code
from tests.local_application import ROOT
from tests.test_template import FUNCTIONS, HANDLERS, RESOURCES, of_type

CODE = Code(FUNCTIONS, apart=("step_types",))  # what step types call is granted by their schemas, see below
# What Lambda does as the function: its log, its traces, its settings (encrypted).
TO_RUN = {
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "kms:Decrypt",
}
# What a call needs besides its own action.
NEEDS = {
    "rds-data:ExecuteStatement": {"secretsmanager:GetSecretValue"},  # docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/data-api.access.html
    "sqs:SendMessage": {"kms:GenerateDataKey"},  # docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
    "s3:PutObject": {"kms:GenerateDataKey"},  # docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
    "s3:GetObject": {"s3:ListBucket"},  # without it an object that is not there is AccessDenied: docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
    "scheduler:UpdateSchedule": {"iam:PassRole"},  # docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridgescheduler.html
    "sns:Publish": {"kms:GenerateDataKey"},  # docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
}  # fmt: skip
UNENCRYPTED = {
    "FileBatchesFunction",
    "BoardSnapshotFunction",
}  # write into buckets that S3 encrypts with a key of its own
# What the generated application allows, which knows the buckets in which files land; not to functions of buckets of the stack's own.
OF_OWN_BUCKETS = {"FileBatchesFunction", "CodePublisherFunction"}
OF_LANDING_BUCKETS = {"s3:GetObject", "s3:ListBucket", "s3:ListBucketVersions"}
SPELT = {"s3:ListObjectsV2": "s3:ListBucket"}  # operations whose action has another name
CONSUME = {
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
}  # the event source mapping's, as the function


def role_of(function: str) -> str:
    role: str = RESOURCES[function]["Properties"]["Role"]["Fn::GetAtt"][0]
    return role


def statements_of(role: str) -> Iterator[dict[str, Any]]:
    """Every statement of the role that the root template writes."""
    properties = RESOURCES[role]["Properties"]
    documents = [RESOURCES[each["Ref"]]["Properties"]["PolicyDocument"] for each in properties["ManagedPolicyArns"]]
    documents += [each["PolicyDocument"] for each in properties.get("Policies", ())]
    documents += [
        each["PolicyDocument"] for each in of_type("AWS::IAM::Policy").values() if {"Ref": role} in each["Roles"]
    ]
    return (statement for document in documents for statement in document["Statement"])


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize("function", HANDLERS)
def test_a_role_allows_what_its_function_calls_and_nothing_else(function: str) -> None:
    called = {SPELT.get(each, each) for each in CODE.actions(HANDLERS[function])}
    called |= set().union(*(NEEDS.get(each, set()) for each in called))
    if any(each["FunctionName"] == {"Ref": function} for each in of_type("AWS::Lambda::EventSourceMapping").values()):
        called |= CONSUME
    called -= {"kms:GenerateDataKey"} if function in UNENCRYPTED else set()
    allowed = {action for each in statements_of(role_of(function)) for action in listed(each["Action"])}
    elsewhere = set() if function in OF_OWN_BUCKETS else OF_LANDING_BUCKETS
    assert allowed == (called - elsewhere) | TO_RUN


def test_a_function_may_receive_from_its_own_queue_only() -> None:
    for each in of_type("AWS::Lambda::EventSourceMapping").values():
        statements = [
            statement
            for statement in statements_of(role_of(each["FunctionName"]["Ref"]))
            if set(listed(statement["Action"])) & CONSUME
        ]
        assert [(set(statement["Action"]), statement["Resource"]) for statement in statements] == [(CONSUME, each["EventSourceArn"])]  # fmt: skip


@pytest.mark.parametrize("name", step_types())
def test_a_step_type_notes_what_its_module_calls(name: str) -> None:
    noted = {each["action"] for each in step_types()[name].note("watch-grants", ())}
    assert noted == CODE.module_actions(f"step_types.{name}")


def test_the_functions_that_ask_and_stop_get_what_step_types_note() -> None:
    asking = {
        function
        for function, module in HANDLERS.items()
        for nodes, words in [CODE.reached(module)]
        if ("step_types", "step_type") in nodes and (words & {"ask", "stop"} or ("launches", "learn") in nodes)
    }
    parameters = RESOURCES["DataProducts"]["Properties"]["Parameters"]
    assert {parameters[each]["Ref"] for each in WATCHERS} == {role_of(each) for each in asking}
    generated = json.loads((ROOT / "statemachines/template.json").read_text("utf-8"))["Resources"]["watchPolicy"]
    assert generated["Properties"]["Roles"] == [{"Ref": each} for each in WATCHERS]


def test_only_what_has_no_name_is_allowed_on_everything() -> None:
    wide = []
    for role in of_type("AWS::IAM::Role") | of_type("AWS::IAM::ManagedPolicy") | of_type("AWS::IAM::Policy"):
        properties = RESOURCES[role]["Properties"]
        documents = [each["PolicyDocument"] for each in properties.get("Policies", ())]
        documents += [properties["PolicyDocument"]] if "PolicyDocument" in properties else []
        for statement in (each for document in documents for each in document["Statement"]):
            assert "*" not in "".join(listed(statement["Action"])), role
            wide += [(role, statement.get("Sid")) for resource in listed(statement["Resource"]) if resource == "*"]
    assert sorted(wide) == [("AlertsRole", "NewOpsItemsHaveNoNames"), ("RunPolicy", "TracesHaveNoNames")], (
        "IAM knows no resource for either"
    )


def test_a_service_assumes_a_role_for_this_account_only() -> None:
    """Lambda assumes a function's role when it runs the function, which no other account can name."""
    for name, role in of_type("AWS::IAM::Role").items():
        (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
        account = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
        expected = None if statement["Principal"] == {"Service": "lambda.amazonaws.com"} else account
        assert statement.get("Condition") == expected, name
