"""Deployments and rollbacks as CloudFormation carries them out: its requests to the custom resources, in their order."""

import http.server
import json
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

import custom_resource
import runtime
from state import migrate as migration
from state.errors import StateUnavailable
from tests.fake_aws import FakeAws
from tests.golden import FOLDER as GOLDEN
from tests.handler_steps import NOW, invoke, sample
from tests.state_world import World
from tests.test_template import RESOURCES, of_type

OLDER, NEWER = "2026-11-19T05:00:00+00:00", "2026-11-20T05:00:00+00:00"
Request = dict[str, Any]


class Stacks:
    """CloudFormation's answer about the stack; None: it does not answer."""

    def __init__(self) -> None:
        self.status: str | None = "UPDATE_IN_PROGRESS"

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803 - boto3's name
        if self.status is None:
            raise ClientError({"Error": {"Code": "Throttling", "Message": "Rate exceeded"}}, "DescribeStacks")
        return {"Stacks": [{"StackId": StackName, "StackStatus": self.status}]}


@pytest.fixture(autouse=True)
def stack(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> Stacks:
    stacks = Stacks()
    monkeypatch.setattr(custom_resource, "stacks", lambda: stacks)
    monkeypatch.setattr(runtime, "now", lambda: NOW)
    return stacks


@pytest.fixture
def cloudformation() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The URL that a custom resource answers to, and what it received."""
    received: list[dict[str, Any]] = []

    class Ear(http.server.BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None: ...  # noqa: A002

    server = http.server.HTTPServer(("127.0.0.1", 0), Ear)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/", received
    server.shutdown()
    server.server_close()


def test_the_loader_loads_and_always_answers(world: World, cloudformation: tuple[str, list[dict[str, Any]]]) -> None:
    url, received = cloudformation
    event = {**sample("metadata_loader"), "ResponseURL": url}
    event["ResourceProperties"]["Catalog"] = str(GOLDEN / "output/one-step/statemachines/catalog/catalog.json")

    invoke("metadata_loader", event)
    invoke("metadata_loader", {**event, "RequestType": "Delete"})
    older = {**event, "ResourceProperties": {**event["ResourceProperties"], "CommittedAt": "2026-01-01T00:00:00+00:00"}}
    invoke("metadata_loader", older)
    invoke("metadata_loader", {**event, "ResourceProperties": {}})

    assert [each["Status"] for each in received] == ["SUCCESS", "SUCCESS", "FAILED", "FAILED"]
    assert received[0]["Data"] == {
        "inserted": 2,
        "changed": 0,
        "removed": 0,
        "unchanged": 0,
        "conditions": 0,
        "cancelled": 0,
        "refused": [],
        "opened": 0,
    }
    assert "CatalogGoesBack" in received[2]["Reason"]
    assert world.sql("SELECT count(*) FROM data_product WHERE active") == [(2,)]


def test_the_catalog_stays_as_it_is_while_machines_of_the_new_one_are_still_to_be_deployed(world: World) -> None:
    event = sample("metadata_loader")
    event["ResourceProperties"] |= {
        "Catalog": str(GOLDEN / "output/one-step/statemachines/catalog/catalog.json"),
        "Defer": "true",
    }
    answer = invoke("metadata_loader", event)
    assert answer["Status"] == "SUCCESS"
    assert {"inserted", "changed", "removed", "unchanged"} <= answer["Data"].keys(), "an output of the stack names them"
    assert world.sql("SELECT count(*) FROM data_product") == [(0,)]

    event["ResourceProperties"]["Defer"] = "false"
    assert invoke("metadata_loader", event)["Data"]["inserted"] == 2


def request(function: str, committed_at: str, catalog: str = "one-step", **more: str) -> Request:
    event = sample(function)
    event["ResourceProperties"] |= {"CommittedAt": committed_at, **more}
    if function == "metadata_loader":
        event["ResourceProperties"]["Catalog"] = str(GOLDEN / f"output/{catalog}/statemachines/catalog/catalog.json")
    return event


def products(world: World) -> list[tuple[Any, ...]]:
    return world.sql("SELECT product_id, digest FROM data_product WHERE active ORDER BY 1")


@pytest.mark.parametrize("status", ["UPDATE_ROLLBACK_IN_PROGRESS", None])
def test_a_rollback_takes_the_older_catalog_back(world: World, stack: Stacks, status: str | None) -> None:
    invoke("metadata_loader", request("metadata_loader", OLDER))
    before = products(world)
    invoke("metadata_loader", request("metadata_loader", NEWER, "many-steps"))
    assert products(world) != before

    stack.status = status
    assert invoke("metadata_loader", request("metadata_loader", OLDER))["Status"] == "SUCCESS"
    assert products(world) == before


def test_an_older_commit_on_purpose_needs_its_flag(world: World) -> None:
    for function in ("schema_migration", "metadata_loader"):
        assert invoke(function, request(function, NEWER))["Status"] == "SUCCESS"
        refused = invoke(function, request(function, OLDER))
        assert refused["Status"] == "FAILED"
        assert "4f6d0d1" in refused["Reason"]
        assert "GoesBack: " in refused["Reason"]
        assert invoke(function, request(function, OLDER, Force="true"))["Status"] == "SUCCESS"


@pytest.fixture
def releases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Takes the place of the schema's files: a release with one SQL function, which answers the release's name."""

    def deploy(name: str, committed_at: str, **more: str) -> Request:
        folder = tmp_path / name / "transitions"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "10_release.sql").write_text(
            f"CREATE OR REPLACE FUNCTION release_name() RETURNS text LANGUAGE sql AS $$ SELECT '{name}' $$;\n"
        )
        monkeypatch.setattr(migration, "FOLDER", tmp_path / name)
        answer: Request = invoke("schema_migration", request("schema_migration", committed_at, **more))
        return answer

    return deploy


def test_a_rollback_leaves_the_newer_schema_until_a_deployment_replaces_it(
    world: World, stack: Stacks, releases: Any
) -> None:
    """No function of the newer release, which CloudFormation has still to take back, meets an older schema."""

    def deployed() -> str:
        return str(world.sql("SELECT release_name()")[0][0])

    assert releases("first", OLDER)["Data"] == {"migrations": 1}
    releases("second", NEWER)
    stack.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    assert releases("first", OLDER)["Status"] == "SUCCESS"
    assert deployed() == "second"

    stack.status = "UPDATE_IN_PROGRESS"
    assert releases("first", OLDER)["Status"] == "FAILED", (
        "a deployment that goes back is refused before any function is updated"
    )
    assert deployed() == "second"
    assert releases("first", OLDER, Force="true")["Data"] == {"migrations": 1}
    assert deployed() == "first"
    stack.status = "UPDATE_ROLLBACK_IN_PROGRESS"  # of the deployment that went back on purpose
    releases("second", NEWER)
    assert deployed() == "second"


def test_a_deployment_does_not_wait_for_what_it_makes_due(
    world: World, aws: FakeAws, cloudformation: tuple[str, list[Request]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """CloudFormation has its answer before runs are opened and machines started; what fails then fails no deployment."""
    url, received = cloudformation
    answered: list[int] = []

    def away(self: Any, now: datetime, actor: str) -> Any:
        answered.append(len(received))
        raise StateUnavailable("resuming")

    monkeypatch.setattr(type(world.state), "open_due_runs", away)
    invoke("metadata_loader", {**request("metadata_loader", NEWER), "ResponseURL": url})

    assert [each["Status"] for each in received] == ["SUCCESS"]
    assert answered == [1]


def test_every_function_is_updated_after_the_schema() -> None:
    others = {name for name in of_type("AWS::Serverless::Function") if name != "SchemaMigrationFunction"}
    assert {name for name in others if "Schema" not in RESOURCES[name].get("DependsOn", [])} == set()
    schema = RESOURCES["Schema"]
    assert "Instance" in schema["DependsOn"], "there is a database to migrate"
    assert schema["Properties"]["Code"] == {"Ref": "SchemaMigrationFunction.Version"}
    assert "AutoPublishAlias" in RESOURCES["SchemaMigrationFunction"]["Properties"]


def test_a_request_of_cloudformation_is_never_repeated_later() -> None:
    """Lambda repeats what failed after minutes: a load that hung would come after the rollback, and undo it."""
    asked = {
        each["Properties"]["ServiceToken"]["Fn::GetAtt"][0]
        for each in RESOURCES.values()
        if each["Type"].startswith("Custom::")
    }
    settings = {each["FunctionName"]["Ref"]: each for each in of_type("AWS::Lambda::EventInvokeConfig").values()}
    assert settings.keys() == asked
    for name, each in settings.items():
        assert (each["Qualifier"], each["MaximumRetryAttempts"]) == ("$LATEST", 0), name
    for each in RESOURCES.values():
        if each["Type"].startswith("Custom::"):
            function = RESOURCES[each["Properties"]["ServiceToken"]["Fn::GetAtt"][0]]["Properties"]
            assert each["Properties"]["ServiceTimeout"] > function["Timeout"], (
                "nothing goes on after CloudFormation has given up"
            )
