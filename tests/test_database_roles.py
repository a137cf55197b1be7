"""The functions connect to the database as roles that can do what they do: every test that calls a handler with `invoke` does so as its role."""

import json
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from state.errors import StateError
from state.migrate import migrate
from state.roles import set_passwords, verifier
from tests.direct_client import ROLE
from tests.fake_aws import FakeAws
from tests.handler_steps import ROLES, WORKER, invoke
from tests.state_world import World
from tests.test_template import HANDLERS, RESOURCES, TEMPLATE

SECRETS = {
    "DatabaseReader": "headgate_reader",
    "DatabaseWorker": "headgate_worker",
    "DatabaseKeeper": "headgate_keeper",
}
OWNER = {"Fn::GetAtt": ["Cluster", "MasterUserSecret.SecretArn"]}


def secret(role: str | None) -> Any:
    names = {role: name for name, role in SECRETS.items()}
    return {"Fn::GetAtt": [names[role], "Id"]} if role else OWNER


WITHOUT_DATABASE = {
    "CodePublisherFunction",
    "DatabaseProtectionFunction",
}  # the latter changes the cluster, and nothing in it


@pytest.mark.parametrize("function", sorted(HANDLERS.keys() - WITHOUT_DATABASE))
def test_a_function_has_the_secret_of_its_role_and_may_read_it_alone(function: str) -> None:
    expected = secret(ROLES.get(HANDLERS[function], WORKER))
    of_all = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
    own = RESOURCES[function]["Properties"].get("Environment", {}).get("Variables", {})
    assert {**of_all, **own}["SECRET_ARN"] == expected

    role = RESOURCES[RESOURCES[function]["Properties"]["Role"]["Fn::GetAtt"][0]]["Properties"]
    documents = [RESOURCES[each["Ref"]]["Properties"]["PolicyDocument"] for each in role["ManagedPolicyArns"]]
    documents += [each["PolicyDocument"] for each in role.get("Policies", ())]
    readable = [
        statement["Resource"]
        for document in documents
        for statement in document["Statement"]
        if "secretsmanager:GetSecretValue" in statement["Action"]
    ]
    wanted = [[OWNER, *map(secret, SECRETS.values())]] if expected == OWNER else [expected]
    assert readable == wanted


@pytest.mark.parametrize("function", sorted(WITHOUT_DATABASE))
def test_a_function_without_the_database_has_no_secret_of_it(function: str) -> None:
    properties = RESOURCES[function]["Properties"]
    assert properties["Environment"]["Variables"]["SECRET_ARN"] == ""
    assert "GetSecretValue" not in json.dumps(RESOURCES[properties["Role"]["Fn::GetAtt"][0]])
    assert RESOURCES[properties["Role"]["Fn::GetAtt"][0]]["Properties"]["ManagedPolicyArns"] == [{"Ref": "RunPolicy"}]


def test_the_secrets_name_the_roles() -> None:
    for name, role in SECRETS.items():
        given = RESOURCES[name]["Properties"]["GenerateSecretString"]
        assert json.loads(given["SecretStringTemplate"]) == {"username": role}


def rights(world: World, role: str) -> dict[str, set[str]]:
    """What the role may do with each table."""
    query = """
        SELECT c.relname, array_agg(p) FILTER (WHERE has_table_privilege(%s, c.oid, p))
        FROM pg_class c CROSS JOIN unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE}'::text[]) p
        WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace GROUP BY 1"""
    return {table: set(found or ()) for table, found in world.sql(query, role)}


def test_who_asks_cannot_write(world: World) -> None:
    assert {frozenset(each) for each in rights(world, "headgate_reader").values()} == {frozenset({"SELECT"})}
    writing = "SELECT count(*) FROM pg_sequences WHERE has_sequence_privilege('headgate_reader', format('%%I', sequencename), 'USAGE, UPDATE')"
    assert world.sql(writing) == [(0,)]


def test_a_question_that_would_write_is_refused_by_the_database(world: World) -> None:
    world.sql("DELETE FROM schema_migration WHERE name = 'state/grants.sql'")  # a copy of a database has not its rights
    assert migrate(world.database) == ["state/grants.sql"]
    before = ROLE.set("headgate_reader")
    try:
        for statement in (
            "UPDATE data_product_status SET status = 'COMPLETED'",
            "DELETE FROM effect",
            "CREATE TABLE mine (a integer)",
            "CREATE TEMP TABLE mine (a integer)",
            "SELECT operate('{}', false, NULL, 'x', now())",
        ):
            with pytest.raises(StateError, match="permission denied"):
                world.database.execute(statement)
    finally:
        ROLE.reset(before)


def test_a_function_of_runs_changes_no_metadata_and_no_history(world: World) -> None:
    found = rights(world, WORKER)
    kept = {"SELECT"}
    assert {name for name, each in found.items() if each == kept} == {
        "application_mode", "calendar", "catalog_change", "catalog_load", "catalog_stage", "data_pipeline_config", "data_pipeline_parameters",
        "data_product_dependencies", "domain_operators", "schema_migration", "schema_release", "status_mark",
    }  # fmt: skip
    assert found["data_product"] == {"SELECT", "UPDATE"}
    assert {found[each] == {"SELECT", "INSERT"} for each in found if each.endswith("_history")} == {True}
    assert {name for name, each in rights(world, "headgate_keeper").items() if each == kept} == {
        "schema_migration",
        "schema_release",
    }
    assert not any("TRUNCATE" in each for each in found.values())


def test_a_role_takes_the_password_of_its_secret(world: World) -> None:
    class Secrets:
        def get_secret_value(self, SecretId: str) -> dict[str, str]:  # noqa: N803 - boto3's name
            return {"SecretString": json.dumps({"username": SecretId, "password": "a secret of forty letters"})}

    set_passwords(world.database, Secrets(), ["headgate_reader"])
    with psycopg.connect(
        make_conninfo(world.dsn, user="headgate_reader", password="a secret of forty letters")
    ) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("headgate_reader",)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(make_conninfo(world.dsn, user="headgate_reader", password="another"))
    assert "forty" not in verifier("a secret of forty letters", b"salt")


def test_the_migration_gives_the_passwords(world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    import schema_migration
    from tests.handler_steps import sample

    asked: list[str] = []

    class Secrets:
        def get_secret_value(self, SecretId: str) -> dict[str, str]:  # noqa: N803 - boto3's name
            asked.append(SecretId)
            return {"SecretString": json.dumps({"username": "headgate_worker", "password": "x"})}

    monkeypatch.setattr(schema_migration, "client", lambda service: Secrets())
    monkeypatch.setenv("ROLE_SECRETS", "one two")
    assert invoke("schema_migration", sample("schema_migration"))["Status"] == "SUCCESS"
    assert asked == ["one", "two"]
