"""What the adapters supply to the local endpoint, one by one, seen from outside through its API."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import botocore
import pytest

from headgate.local import adapters, runtime
from headgate.local.control import BusyError
from headgate.local.provisioning import provision
from headgate.local.runtime import Runtime
from headgate.local.stack import ACCOUNT, REGION, Places
from tests.local_application import ROOT
from tests.local_endpoint import ROLE, catalog, executed, invoke, machine, task, zipped

pytestmark = pytest.mark.slow


def test_an_endpoint_without_what_the_adapters_hook_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from headgate.local.adapters import functions
    from headgate.local.adapters.settings import Settings
    from headgate.local.clock import Clock

    monkeypatch.setattr(functions, "HOOKS", ("lambda_svc:_removed", "nothing:at_all"))
    with pytest.raises(adapters.EndpointError) as caught:
        adapters.install(Settings(Clock(tmp_path / "clock"), tmp_path, ""))
    assert str(caught.value) == (
        "ministack 1.5.33 lacks what the adapters for 1.5.33 hook: headgate.local.adapters.functions: lambda_svc:_removed; "
        "headgate.local.adapters.functions: nothing:at_all. Install ministack==1.5.33, or bring local/adapters up to the new version."
    )


def in_sequence(count: int) -> dict[str, Any]:
    """A machine that takes at least 0.3 s for each of its states."""
    first = {f"S{each}": {**invoke("slow"), "Next": f"S{each + 1}"} for each in range(count - 1)}
    for each in first.values():
        del each["End"]
    return machine(**first, **{f"S{count - 1}": invoke("slow")})


def test_the_wait_for_much_work_ends_with_the_work(endpoint: Runtime) -> None:
    """Its limit is for work that does not go on."""
    executed(endpoint, machine(Warm=invoke("slow")))
    client = endpoint.client("stepfunctions")
    made = client.create_state_machine(name="mine-long", definition=json.dumps(in_sequence(8)), roleArn=ROLE)
    execution = client.start_execution(stateMachineArn=made["stateMachineArn"])["executionArn"]

    with pytest.raises(BusyError, match=r"is stuck: for 0 s [1-9]\d* threads work, 0 messages wait for a function"):
        endpoint.control.wait_until_idle(0.05)

    endpoint.control.wait_until_idle(1.5)
    assert client.describe_execution(executionArn=execution)["status"] == "SUCCEEDED"


def test_an_exception_has_the_name_of_its_class(endpoint: Runtime) -> None:
    ended = executed(endpoint, machine(Ask=invoke("gate", raises=True)))
    assert (ended["status"], ended["error"]) == ("FAILED", "TooLate")


def test_a_machine_calls_what_its_role_allows(endpoint: Runtime) -> None:
    """And nothing else. To publish to an encrypted topic it has to be allowed to use the key."""
    refused = executed(endpoint, machine(Ask=invoke("others")))
    assert refused["error"] == "Lambda.AccessDeniedException"
    assert refused["cause"].startswith(f"{ROLE} is not authorized to perform: lambda:InvokeFunction on resource: ")

    key = endpoint.client("kms").create_key()["KeyMetadata"]
    topics = endpoint.client("sns")
    plain = topics.create_topic(Name="plain")["TopicArn"]
    encrypted = topics.create_topic(Name="encrypted", Attributes={"KmsMasterKeyId": key["KeyId"]})["TopicArn"]
    publish = {each: task("sns:publish", Parameters={"TopicArn": each, "Message": "x"}) for each in (plain, encrypted)}
    assert executed(endpoint, machine(Publish=publish[plain]))["status"] == "SUCCEEDED"
    refused = executed(endpoint, machine(Publish=publish[encrypted]))
    assert (refused["error"], refused["cause"].rsplit(" ", 1)[-1]) == ("Kms.AccessDeniedException", key["Arn"])


def test_a_function_that_dies_is_an_exit_error(endpoint: Runtime) -> None:
    assert executed(endpoint, machine(Ask=invoke("dies")))["error"] == "Runtime.ExitError"


def test_a_function_that_raises_fails_the_task_that_waits_for_its_token(endpoint: Runtime) -> None:
    assert executed(endpoint, machine(Ask=invoke("gate", waiting=True, raises=True)))["error"] == "TooLate"


def test_a_token_may_be_answered_where_the_role_allows_it(endpoint: Runtime) -> None:
    waits = invoke("token", waiting=True, **{"token.$": "$$.Task.Token", "answer": 7})
    ended = executed(endpoint, machine(Ask=waits))
    assert (ended["status"], ended["output"]) == ("SUCCEEDED", "7")
    refused = executed(endpoint, machine(Ask=waits), name="others")
    assert refused["error"] == "AccessDeniedException" or refused["error"] == "ClientError", refused


def test_branches_have_separate_tokens_and_are_in_the_history(endpoint: Runtime) -> None:
    branches = [
        machine(**{f"Ask {n}": invoke("token", waiting=True, **{"token.$": "$$.Task.Token", "answer": n})})
        for n in range(6)
    ]
    ended = executed(endpoint, machine(All={"Type": "Parallel", "Branches": branches, "End": True}))
    assert json.loads(ended["output"]) == list(range(6))
    assert sorted(ended["entered"]) == ["All", *(f"Ask {n}" for n in range(6))]


def test_hours_pass_in_a_jump(endpoint: Runtime) -> None:
    began, before = time.monotonic(), endpoint.control.wait_until_idle()["now"]
    ended = executed(endpoint, machine(Ask=invoke("gate", waiting=True)))
    assert ended["error"] == "States.Timeout"
    assert endpoint.control.wait_until_idle()["now"] - before > 7200
    assert time.monotonic() - began < 60
    assert (ended["stopDate"] - ended["startDate"]).total_seconds() > 7000


def test_a_burst_of_calls_waits_in_line(endpoint: Runtime) -> None:
    branches = [machine(**{f"Ask {n}": invoke("slow")}) for n in range(12)]
    ended = executed(endpoint, machine(All={"Type": "Parallel", "Branches": branches, "End": True}))
    processes = {each["Payload"] for each in json.loads(ended["output"])}
    assert len(processes) <= 6


def test_a_function_may_come_with_an_sdk_of_its_own(endpoint: Runtime) -> None:
    """It does not use the SDK that its process was forked with."""
    handler = {"sdk.py": "import botocore\n\ndef handler(event, context):\n    return botocore.__version__\n"}
    used = {}
    for name, files in {"shared": handler, "own": {**handler, "botocore/__init__.py": "__version__ = 'own'"}}.items():
        functions = endpoint.client("lambda")
        functions.create_function(
            FunctionName=name, Runtime="python3.13", Role=ROLE, Handler="sdk.handler", Code={"ZipFile": zipped(files)}
        )
        used[name] = json.load(functions.invoke(FunctionName=name)["Payload"])
    assert used == {"shared": botocore.__version__, "own": "own"}


def test_an_object_is_published_as_text(endpoint: Runtime) -> None:
    topic = endpoint.client("sns").create_topic(Name="published")["TopicArn"]
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:published"
    may_send = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [may_send]})
    queue = endpoint.client("sqs").create_queue(QueueName="published", Attributes={"Policy": policy})["QueueUrl"]
    endpoint.client("sns").subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"}
    )
    publish = task("sns:publish", Parameters={"TopicArn": topic, "Message": {"kind": "ERROR"}})
    assert executed(endpoint, machine(Publish=publish))["status"] == "SUCCEEDED"
    (message,) = endpoint.client("sqs").receive_message(QueueUrl=queue)["Messages"]
    assert json.loads(message["Body"]) == {"kind": "ERROR"}


def test_an_ops_item_is_one_as_long_as_it_is_open(endpoint: Runtime) -> None:
    ssm = endpoint.client("ssm")
    dedup = {"/aws/dedup": {"Type": "SearchableString", "Value": '{"dedupString": "x"}'}}
    given = {"Title": "it failed", "Description": "it did", "Source": "headgate", "OperationalData": dedup}
    first = ssm.create_ops_item(**given)["OpsItemId"]
    with pytest.raises(ssm.exceptions.OpsItemAlreadyExistsException) as refused:
        ssm.create_ops_item(**given)
    assert refused.value.response["OpsItemId"] == first
    ssm.update_ops_item(OpsItemId=first, Status="Resolved")
    assert ssm.create_ops_item(**given)["OpsItemId"] != first
    assert [each["Status"] for each in endpoint.control.incidents()] == ["Resolved", "Open"]
    with pytest.raises(ssm.exceptions.OpsItemNotFoundException):
        ssm.update_ops_item(OpsItemId="oi-none", Status="Resolved")


def test_archives_and_bus_policies_can_be_deployed(endpoint: Runtime) -> None:
    template: dict[str, Any] = {
        "Resources": {
            "Bus": {"Type": "AWS::Events::EventBus", "Properties": {"Name": "archived"}},
            "Archive": {"Type": "AWS::Events::Archive", "Properties": {"SourceArn": {"Fn::GetAtt": ["Bus", "Arn"]}, "EventPattern": {"source": ["headgate"]}}},
            "Policy": {"Type": "AWS::Events::EventBusPolicy", "Properties": {"EventBusName": {"Ref": "Bus"}, "StatementId": "s", "Statement": {}}},
        }
    }  # fmt: skip
    stacks = endpoint.client("cloudformation")
    stacks.create_stack(StackName="archive", TemplateBody=json.dumps(template))
    stacks.get_waiter("stack_create_complete").wait(StackName="archive", WaiterConfig={"Delay": 1})
    (archive,) = endpoint.client("events").list_archives()["Archives"]

    template["Resources"]["Archive"]["Properties"] |= {"Description": "changed", "RetentionDays": 3}
    stacks.update_stack(StackName="archive", TemplateBody=json.dumps(template))
    stacks.get_waiter("stack_update_complete").wait(StackName="archive", WaiterConfig={"Delay": 1})
    changed = endpoint.client("events").describe_archive(ArchiveName=archive["ArchiveName"])
    assert (changed["Description"], changed["RetentionDays"]) == ("changed", 3)
    assert changed["CreationTime"] == archive["CreationTime"], "updated in place, as on AWS"


def test_an_event_is_forwarded_one_hop_and_no_further(endpoint: Runtime) -> None:
    events, queues = endpoint.client("events"), endpoint.client("sqs")
    prefix = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/"
    for name in ("first", "second", "third"):
        events.create_event_bus(Name=name)
        queues.create_queue(QueueName=f"at-{name}")
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:at-{name}"
        events.put_rule(Name=f"received-{name}", EventBusName=name, EventPattern=json.dumps({"source": ["hop"]}))
        events.put_targets(Rule=f"received-{name}", EventBusName=name, Targets=[{"Id": "q", "Arn": arn}])
    for source, target in (("first", "second"), ("second", "third")):
        events.put_rule(Name=f"on-{source}", EventBusName=source, EventPattern=json.dumps({"source": ["hop"]}))
        events.put_targets(
            Rule=f"on-{source}", EventBusName=source, Targets=[{"Id": "b", "Arn": prefix + target, "RoleArn": ROLE}]
        )
    events.put_events(Entries=[{"Source": "hop", "DetailType": "x", "Detail": "{}", "EventBusName": "first"}])
    endpoint.control.wait_until_idle()
    received = {
        name: "Messages" in queues.receive_message(QueueUrl=queues.get_queue_url(QueueName=f"at-{name}")["QueueUrl"])
        for name in ("first", "second", "third")
    }
    assert received == {"first": True, "second": True, "third": False}


def test_a_task_ends_at_its_time_limit_by_the_clock(endpoint: Runtime) -> None:
    """While the function goes on: nothing stops it on AWS either."""
    limited = invoke("step-slow") | {"TimeoutSeconds": 1200}
    provision(endpoint, catalog("step-slow"), None, Path("data"))
    endpoint.control.set_behaviours({"step-slow": [{"takes": 800}]})
    assert executed(endpoint, machine(Ask=limited))["status"] == "SUCCEEDED"
    before = endpoint.control.wait_until_idle()["now"]
    ended = executed(endpoint, machine(Ask=limited | {"TimeoutSeconds": 300}))
    assert ended["error"] == "States.Timeout"
    assert endpoint.control.wait_until_idle()["now"] - before == pytest.approx(300, abs=20)


def status_changes(endpoint: Runtime, name: str, prefix: str) -> Callable[[], list[dict[str, Any]]]:
    """Gives the details of status change events of machines with that prefix, as a rule of ours selects them."""
    events, queues = endpoint.client("events"), endpoint.client("sqs")
    url = queues.create_queue(QueueName=name)["QueueUrl"]
    detail = {"status": ["FAILED", "TIMED_OUT", "ABORTED"], "stateMachineArn": [{"prefix": prefix}]}
    pattern = {
        "source": ["aws.states"],
        "detail-type": ["Step Functions Execution Status Change"],
        "detail": detail,
    }
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, Targets=[{"Id": "q", "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"}])

    def received() -> list[dict[str, Any]]:
        endpoint.control.wait_until_idle()
        messages = queues.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(each["Body"])["detail"] for each in messages]

    return received


def test_the_end_of_a_machine_is_an_event_on_the_default_bus(endpoint: Runtime) -> None:
    """Its fields are those of docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html."""
    prefix = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:ends-"
    received = status_changes(endpoint, "machine-ends", prefix)
    ended = executed(endpoint, machine(Ask=invoke("gate", raises=True)), {"run_id": "r"}, name="ends-badly")
    executed(endpoint, machine(Ask=invoke("gate", raises=True)), name="other-machine")
    executed(endpoint, machine(Ask=invoke("gate")), name="ends-well")
    (detail,) = received()
    assert detail["executionArn"] == ended["executionArn"]
    assert detail["stateMachineArn"] == prefix + "badly"
    assert detail["name"] == ended["name"]
    assert (detail["status"], detail["error"]) == ("FAILED", "TooLate")
    assert json.loads(detail["cause"])["errorType"] == "TooLate"
    assert detail["startDate"] == ended["startDate"].timestamp() * 1000
    assert detail["stopDate"] == ended["stopDate"].timestamp() * 1000
    assert (json.loads(detail["input"]), detail["inputDetails"]) == ({"run_id": "r"}, {"included": True})
    assert detail["output"] is None


def test_a_machine_that_is_stopped_does_nothing_more(endpoint: Runtime) -> None:
    prefix = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:stops-"
    received = status_changes(endpoint, "machine-stops", prefix)
    waits = invoke("gate", waiting=True) | {
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "After"}],
        "Next": "After",
    }
    del waits["End"]
    branch = machine(Wait=waits, After=invoke("gate"))
    definition = machine(All={"Type": "Parallel", "Branches": [branch, branch], "End": True})
    client = endpoint.client("stepfunctions")
    arn = client.create_state_machine(name="stops-m", definition=json.dumps(definition), roleArn=ROLE)
    execution = client.start_execution(stateMachineArn=arn["stateMachineArn"])["executionArn"]
    endpoint.control.wait_until_idle()
    client.stop_execution(executionArn=execution, error="Operator", cause="no longer needed")

    endpoint.control.jump(endpoint.control.wait_until_idle()["now"] + 7300)
    endpoint.control.wait_until_idle()
    found = client.describe_execution(executionArn=execution)
    assert (found["status"], found["error"], found["cause"]) == ("ABORTED", "Operator", "no longer needed")
    events = client.get_execution_history(executionArn=execution)["events"]
    assert events[-1]["type"] == "ExecutionAborted"
    assert "After" not in [each.get("stateEnteredEventDetails", {}).get("name") for each in events]
    (detail,) = received()
    assert (detail["executionArn"], detail["status"]) == (execution, "ABORTED")


def test_a_machine_ends_at_its_time_limit(endpoint: Runtime) -> None:
    prefix = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:limited-"
    received = status_changes(endpoint, "machine-limits", prefix)
    before = endpoint.control.wait_until_idle()["now"]
    ended = executed(endpoint, machine(Ask=invoke("gate", waiting=True)) | {"TimeoutSeconds": 600}, name="limited-m")
    assert ended["status"] == "TIMED_OUT"
    assert endpoint.control.wait_until_idle()["now"] - before == pytest.approx(600, abs=20)
    events = endpoint.client("stepfunctions").get_execution_history(executionArn=ended["executionArn"])["events"]
    assert events[-1]["type"] == "ExecutionTimedOut"
    (detail,) = received()
    assert (detail["executionArn"], detail["status"]) == (ended["executionArn"], "TIMED_OUT")
    within = executed(endpoint, machine(Ask=invoke("gate")) | {"TimeoutSeconds": 600}, name="limited-m")
    assert within["status"] == "SUCCEEDED"


def test_the_address_of_a_queue_does_not_change_with_the_port(endpoint: Runtime) -> None:
    """So event source mappings find their queues when the endpoint is started again on another port."""
    url = endpoint.client("sqs").create_queue(QueueName="addressed")["QueueUrl"]
    assert url == f"http://localhost:4566/{ACCOUNT}/addressed"
    assert endpoint.url != "http://127.0.0.1:4566"


def test_an_execution_that_ran_when_the_endpoint_was_stopped_is_unknown_afterwards(tmp_path: Path) -> None:
    """As after a crash: the application starts such a run again as often as it takes."""
    wait = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3600, "End": True}}}
    with runtime.running(Places(ROOT, ROOT / "statemachines", tmp_path), keep=True) as running:
        running.client("iam").create_role(RoleName="test", AssumeRolePolicyDocument="{}")
        client = running.client("stepfunctions")
        made = client.create_state_machine(name="mine-w", definition=json.dumps(wait), roleArn=ROLE)["stateMachineArn"]
        arn = client.start_execution(stateMachineArn=made, name="one")["executionArn"]
        assert running.stop_endpoint() == 0
        running.start_endpoint()
        with pytest.raises(client.exceptions.ExecutionDoesNotExist):
            client.describe_execution(executionArn=arn)
        assert client.start_execution(stateMachineArn=made, name="one")["executionArn"] == arn


def test_a_state_that_cannot_be_saved_is_noticed(tmp_path: Path) -> None:
    """As on a full disk: the next start must not take half of it."""
    with runtime.running(Places(ROOT, ROOT / "statemachines", tmp_path), keep=True) as running:
        (tmp_path / "endpoint" / "sqs.json.tmp").mkdir()
        assert running.stop_endpoint() == 1
    assert "not saved: sqs" in (tmp_path / "endpoint.log").read_text()
