"""A mesh over several regions and partitions: who publishes how, what is refused, and what no text takes for granted."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

import effect_kinds
import runtime
from headgate.cli.commands import deploy
from headgate.cli.errors import UsageError
from headgate.deployment.deploy import Deployment
from headgate.generator.model.regions import PARTITIONS, REGIONS, forwards, partition_of
from headgate.generator.plan.asl import tasks
from headgate.local.runtime import Runtime
from headgate.local.stack import ACCOUNT, REGION, Stack
from step_types import console_address
from tests.conftest import Headgate
from tests.fake_aws import FakeAws
from tests.handler_steps import NOW, ROOT, TODAY, invoke, sample
from tests.local_endpoint import ROLE
from tests.state_world import World, at, external, product

CENTRAL = '--- mesh.yaml\naccount: "999999999999"\nregion: us-east-1\n'
PIPELINE = "pipeline: {steps: [{name: a, glue: {job: JOB}}]}\n"
DOMAINS = (
    '--- here/domain.yaml\nowner: x\naccount: "111111111111"\nregion: us-east-1\n'
    f"--- here/made.yaml\ndescription: x\n{PIPELINE.replace('JOB', 'a')}"
    '--- there/domain.yaml\nowner: x\naccount: "222222222222"\nregion: eu-west-1\n'
    f"--- there/made.yaml\ndescription: x\ndepends_on: {{all_of: [here/made]}}\n{PIPELINE.replace('JOB', 'b')}"
    f"--- there/inner.yaml\ndescription: x\npublish: {{visibility: domain}}\n{PIPELINE.replace('JOB', 'c')}"
)


def puts_events(root: Path, name: str) -> bool:
    """Whether the machine puts its events on a bus, or has the outcome recorder publish them."""
    path = root / "statemachines" / f"{name}.asl.json"
    found = dict(tasks(json.loads(path.read_text())))
    puts = any(each["Resource"].endswith(":::events:putEvents") for each in found.values())
    asks = [each["Parameters"]["Payload"].get("publish") for name, each in found.items() if name.startswith("Record ")]
    assert asks == [None if puts else True] * 2
    template = json.loads((path.parent / "template.json").read_text())
    assert template["Resources"]  # a role that puts nothing may put nothing
    allowed = json.dumps(template["Resources"][f"{path.name.split('.')[0].title()}Role"])
    assert ("events:PutEvents" in allowed) == puts
    return puts


def test_domains_in_another_region_than_the_central_bus_publish_by_a_function(
    project: Callable[[str], Path], headgate: Headgate
) -> None:
    root = project(CENTRAL + DOMAINS)
    assert headgate("generate")[0] == 0
    assert {name: puts_events(root, name) for name in ("here/made", "there/made", "there/inner")} == {
        "here/made": True,
        "there/made": False,
        "there/inner": True,
    }

    (root / "products/mesh.yaml").write_text('account: "999999999999"\nregion: eu-west-1\n')
    code, planned = headgate("plan")
    assert code == 0
    assert (
        "@ the central bus moves from account 999999999999 (us-east-1) to account 999999999999 (eu-west-1)" in planned
    )
    assert headgate("generate")[0] == 0
    assert (puts_events(root, "here/made"), puts_events(root, "there/made")) == (False, True)

    domain = root / "products/there/domain.yaml"
    domain.write_text(domain.read_text().replace("eu-west-1", "eu-central-1"))
    assert headgate("generate")[0] == 0
    assert puts_events(root, "there/made") is False


def test_where_nothing_says_in_which_region_the_bus_is_nobody_relies_on_it(
    project: Callable[[str], Path], headgate: Headgate
) -> None:
    root = project(DOMAINS)
    code, printed = headgate("generate")
    assert (code, "HG608" in printed) == (0, True)
    assert (puts_events(root, "here/made"), puts_events(root, "there/made")) == (False, False)


def test_a_domain_that_names_no_region_is_where_the_central_bus_is(
    project: Callable[[str], Path], headgate: Headgate
) -> None:
    """A second stack of its account, in another region, does not run it."""
    root = project(CENTRAL + DOMAINS.replace("\nregion: us-east-1", ""))
    assert headgate("generate")[0] == 0
    assert puts_events(root, "here/made")
    catalog = json.loads((root / "statemachines/catalog/catalog.json").read_text())
    assert catalog["central"] == {"account": "999999999999", "region": "us-east-1"}
    assert catalog["domains"]["here"]["region"] == "us-east-1"
    conditions = json.loads((root / "statemachines/template.json").read_text())["Conditions"]
    assert "us-east-1" in json.dumps(conditions["HereDeployed"])


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The functions run in us-east-1, as their domain bus does; the central bus is in eu-west-1."""
    bus = "arn:aws:events:eu-west-1:999999999999:event-bus/headgate-central"
    monkeypatch.setenv("CENTRAL_EVENT_BUS_ARN", bus)
    monkeypatch.setattr(runtime, "now", lambda: NOW)


@pytest.mark.parametrize(
    ("visibility", "region"), [("mesh", "eu-west-1"), ("domain", "us-east-1")], ids=["central bus", "domain bus"]
)
@pytest.mark.parametrize(("status", "more"), [("COMPLETED", {}), ("ERROR", {"error": "E", "cause": "c"})])
def test_the_outcome_recorder_publishes_in_the_region_of_the_bus(
    world: World, aws: FakeAws, elsewhere: None, visibility: str, region: str, status: str, more: dict[str, str]
) -> None:
    run = running(world, visibility)
    outcome = {"run_id": run, "attempt": 1, "status": status, "publish": True, **more}
    answer = invoke("outcome_recorder", outcome)
    (event,) = [each for each in aws.events if json.loads(each["Detail"])["status"] == status]
    assert (event["EventBusName"].split(":")[3], aws.regions) == (region, {region})
    assert json.loads(event["Detail"]) == answer["detail"]

    assert invoke("outcome_recorder", outcome) == answer, "the machine had lost the answer"
    assert len([each for each in aws.events if json.loads(each["Detail"])["status"] == status]) == 1


def test_what_the_bus_does_not_take_is_published_later(world: World, aws: FakeAws, elsewhere: None) -> None:
    run = running(world, "mesh")
    aws.broken["PutEvents"] = "AccessDeniedException"
    invoke("outcome_recorder", {"run_id": run, "attempt": 1, "status": "COMPLETED", "publish": True})
    assert world.run("d/made", TODAY)["status"] == "COMPLETED"
    assert world.sql("SELECT count(*) FROM effect WHERE kind = 'put_event' AND done_at IS NULL AND tries = 1") == [(1,)]


def running(world: World, visibility: str) -> str:
    """d/made of that visibility is PROCESSING. Gives the run's id."""
    entry = product("raw/rd1", name="made") | {"publish": {"refresh_event": True, "visibility": visibility}}
    world.load({"raw/rd1": external(), "d/made": entry}, at(f"{TODAY} 00:00"))
    invoke("scheduler", sample("scheduler"))
    run = str(world.run("d/made", TODAY)["run_id"])
    world.event("raw/rd1", TODAY, at(f"{TODAY} 06:10"))
    invoke("pipeline_configuration", {"run_id": run, "attempt": 1, "execution_arn": "arn:aws:states:x:1:execution:m:e"})
    return run


def test_every_event_goes_to_the_region_of_its_bus() -> None:
    assert [name for name, kind in effect_kinds.KINDS.items() if kind.service == "events"] == ["put_event", "lineage"]
    assert effect_kinds.KINDS["lineage"].region is None, "it is put on the bus of the application itself"
    assert effect_kinds.KINDS["put_event"].region is not None


def test_the_local_endpoint_refuses_a_bus_of_another_region_and_forwards_to_it(endpoint: Runtime) -> None:
    """Stated by public reports of "Cross-region API call is not allowed"; a rule may have such a target."""
    far = Stack(endpoint.places, endpoint.url, ACCOUNT, "eu-west-1")
    bus = f"arn:aws:events:eu-west-1:{ACCOUNT}:event-bus/far"
    far.client("events").create_event_bus(Name="far")
    far.client("events").put_permission(
        EventBusName="far", StatementId="own", Action="events:PutEvents", Principal=ACCOUNT
    )
    url = far.client("sqs").create_queue(QueueName="at-far")["QueueUrl"]
    far.client("events").put_rule(Name="all", EventBusName="far", EventPattern=json.dumps({"source": ["far"]}))
    target = {"Id": "q", "Arn": f"arn:aws:sqs:eu-west-1:{ACCOUNT}:at-far"}
    far.client("events").put_targets(Rule="all", EventBusName="far", Targets=[target])

    def received() -> list[str]:
        endpoint.control.wait_until_idle()
        messages = far.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(each["Body"])["detail-type"] for each in messages]

    def entry(name: str, to: str) -> list[dict[str, str]]:
        return [{"Source": "far", "DetailType": name, "Detail": "{}", "EventBusName": to}]

    with pytest.raises(ClientError, match="Cross-region API call is not allowed"):
        endpoint.client("events").put_events(Entries=entry("from us-east-1", bus))
    assert far.client("events").put_events(Entries=entry("from eu-west-1", bus))["FailedEntryCount"] == 0
    assert received() == ["from eu-west-1"]

    events = endpoint.client("events")
    events.create_event_bus(Name="near")
    events.put_rule(Name="to-far", EventBusName="near", EventPattern=json.dumps({"source": ["far"]}))
    events.put_targets(Rule="to-far", EventBusName="near", Targets=[{"Id": "b", "Arn": bus, "RoleArn": ROLE}])
    policy = {"Statement": [{"Effect": "Allow", "Action": "events:PutEvents", "Resource": bus}]}
    endpoint.client("iam").put_role_policy(RoleName="test", PolicyName="far", PolicyDocument=json.dumps(policy))
    events.put_events(Entries=entry("forwarded", "near"))
    assert received() == ["forwarded"]
    assert REGION != "eu-west-1"


@pytest.mark.parametrize(
    ("account", "region", "parameters", "found"),
    [
        ("111111111111", "eu-west-1", {"Mode": "domain"}, "arn:aws:events:us-east-1:999999999999:event-bus/headgate-central"),
        ("111111111111", "eu-west-1", {"Mode": "domain", "NamePrefix": "acme-"}, "arn:aws:events:us-east-1:999999999999:event-bus/acme-central"),
        ("999999999999", "us-east-1", {"Mode": "central"}, None),
        ("111111111111", "eu-west-1", {"Mode": "single"}, None),
    ],
)  # fmt: skip
def test_a_deployment_knows_the_central_bus_by_the_metadata(
    metadata: Path, account: str, region: str, parameters: dict[str, str], found: str | None
) -> None:
    deployment = deployed(metadata, account, region, parameters)
    deploy._place_central_bus(deployment, "aws")
    assert deployment.parameters.get("CentralEventBusArn") == found


@pytest.mark.parametrize(
    ("account", "region", "parameters", "message"),
    [
        (
            "999999999999", "eu-west-1", {"Mode": "central"},
            "mode `central` is for account 999999999999 (us-east-1), where products/mesh.yaml says that the central bus is; "
            "this is account 999999999999 (eu-west-1)",
        ),
        (
            "111111111111", "us-east-1", {"Mode": "both"},
            "mode `both` is for account 999999999999 (us-east-1), where products/mesh.yaml says that the central bus is; "
            "this is account 111111111111 (us-east-1)",
        ),
        (
            "111111111111", "us-east-1", {"Mode": "domain", "CentralEventBusArn": "arn:aws:events:eu-west-1:999999999999:event-bus/headgate-central"},
            "CentralEventBusArn is arn:aws:events:eu-west-1:999999999999:event-bus/headgate-central, and products/mesh.yaml says that the "
            "central bus is in account 999999999999 (us-east-1)",
        ),
    ],
)  # fmt: skip
def test_a_deployment_that_contradicts_the_metadata_is_refused(
    metadata: Path, account: str, region: str, parameters: dict[str, str], message: str
) -> None:
    with pytest.raises(UsageError) as raised:
        deploy._place_central_bus(deployed(metadata, account, region, parameters), "aws")
    assert str(raised.value) == message


@pytest.fixture
def metadata(project: Callable[[str], Path], headgate: Headgate) -> Path:
    root = project(CENTRAL + DOMAINS)
    assert headgate("generate")[0] == 0
    return root


def deployed(root: Path, account: str, region: str, parameters: dict[str, str]) -> Deployment:
    nothing: Any = None
    return Deployment(root, root, "headgate", account, region, nothing, nothing, dict(parameters))


# Partitions


def test_every_machine_calls_services_of_its_own_partition() -> None:
    """Step Functions refuses those of another: "The resource belongs to a different partition from the running execution"."""
    for path in (ROOT / "statemachines").glob("*/*.asl.json"):
        resources = {each["Resource"] for _, each in tasks(json.loads(path.read_text()))}
        assert all(each.startswith("arn:${Partition}:states:::") for each in resources), path
    for path in (ROOT / "statemachines").glob("*/template.json"):
        for each in json.loads(path.read_text())["Resources"].values():
            if each["Type"] == "AWS::Serverless::StateMachine":
                assert each["Properties"]["DefinitionSubstitutions"]["Partition"] == {"Ref": "AWS::Partition"}


def test_nothing_that_is_deployed_takes_the_partition_for_granted() -> None:
    deployed = [ROOT / "template.yaml", *(ROOT / "functions").rglob("*.py"), *(ROOT / "functions").rglob("*.sql")]
    deployed += [*(ROOT / "statemachines").rglob("*.json")]
    written = re.compile(r"arn:aws:|\.aws\.amazon\.com|amazonaws\.com")
    found = {
        (path.relative_to(ROOT).as_posix(), line.strip())
        for path in deployed
        if "catalog" not in path.parts and "schemas" not in path.parts
        for line in path.read_text().splitlines()
        if written.search(
            re.sub(r"\b[a-z0-9]+\.amazonaws\.com\b|docs\.aws\.amazon\.com", "", line)
        )  # names of services
    }
    assert {path for path, _ in found} <= {"functions/caller.py", "functions/step_types/__init__.py"}, found


@pytest.mark.parametrize(
    ("region", "partition", "address"),
    [
        ("eu-west-1", "aws", "https://eu-west-1.console.aws.amazon.com"),
        ("us-gov-west-1", "aws-us-gov", "https://console.amazonaws-us-gov.com"),
        ("cn-north-1", "aws-cn", "https://cn-north-1.console.amazonaws.cn"),
        ("eusc-de-east-1", "aws-eusc", "https://eusc-de-east-1.console.amazonaws-eusc.eu"),
    ],
)
def test_links_lead_to_the_console_of_the_partition(region: str, partition: str, address: str) -> None:
    assert partition_of(region) == partition
    assert console_address(region, partition) == address


def test_the_partition_of_every_region_is_that_of_botocore() -> None:
    import botocore.session

    session = botocore.session.get_session()
    assert {each: partition_of(each) for each in REGIONS} == {
        each: session.get_partition_for_region(each) for each in REGIONS
    }
    assert set(PARTITIONS.values()) | {"aws"} >= {partition_of(each) for each in REGIONS}


@pytest.mark.parametrize(
    ("source", "target", "forwarded"),
    [
        ("us-east-1", "ap-south-2", True),
        ("us-gov-east-1", "us-gov-west-1", False),
        ("us-gov-east-1", "us-gov-east-1", True),
        ("cn-north-1", "cn-northwest-1", False),
        ("us-east-1", "cn-north-1", False),
    ],
)
def test_rules_forward_between_regions_as_aws_does(source: str, target: str, forwarded: bool) -> None:
    assert forwards(source, target) is forwarded
