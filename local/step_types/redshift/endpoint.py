"""Statements that really run: in DuckDB over the files of the data folder, reported as the Redshift Data API reports them.

The endpoint does not have this service.
"""

import json
import re
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ministack.core.responses import error_response_json, get_account_id, json_response
from ministack.services import secretsmanager

from headgate.local.adapters import further_services, sdk_calls
from headgate.local.adapters.names import INSTANT
from headgate.local.adapters.service_events import publish
from headgate.local.adapters.settings import Settings
from headgate.local.adapters.work import End, Order, Work

HOOKS = ("secretsmanager:_get_secret_value", "secretsmanager:_secrets")
QUERY = Path(__file__).parents[1] / "athena/query.py"
LIMIT = 24 * 3600  # seconds (docs.aws.amazon.com/redshift/latest/mgmt/data-api.html)
STATES = {"SUCCEEDED": "FINISHED", "STOPPED": "ABORTED", "FAILED": "FAILED", "TIMEOUT": "FAILED"}
VALUE = re.compile(r"(?<!:):([A-Za-z_]\w*)")  # `:name`, and not the cast `::type`


def _needed(given: dict[str, Any], place: str) -> Iterator[tuple[str, str]]:
    cluster, workgroup = (
        f"redshift:{place}:cluster:{given.get('ClusterIdentifier')}",
        f"redshift-serverless:{place}:workgroup/*",
    )
    yield "redshift-data:ExecuteStatement", f"arn:aws:{cluster if 'ClusterIdentifier' in given else workgroup}"
    yield "secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:{place}:secret:{given['SecretArn']}-aB3dE6"


PERMISSIONS = {"aws-sdk:redshiftdata:executeStatement": _needed}
RESOURCES = {"redshift-data": lambda path, given: "*"}


class Statements:
    """Starts, stops and reports statements."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._statements: dict[str, dict[str, Any]] = {}
        self._works: dict[str, Work] = {}
        self._tokens: dict[str, str] = {}
        self._lock = threading.Lock()

    async def handle(self, method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        """The operations by their target."""
        operation = headers["x-amz-target"].rpartition(".")[2]
        return {"DescribeStatement": self._describe, "CancelStatement": self._cancel, "ExecuteStatement": self.execute}[
            operation
        ](json.loads(body))

    def execute(self, given: dict[str, Any]) -> Any:
        """ExecuteStatement: with a token that was used before it gives the statement of before."""
        status, _, secret = secretsmanager._get_secret_value({"SecretId": given["SecretArn"]})
        if status >= 400:
            return error_response_json("ValidationException", "Unable to retrieve the secret", 400)
        host = json.loads(json.loads(secret)["SecretString"])["host"]
        with self._lock:
            number = self._tokens.setdefault(given["ClientToken"], str(uuid.uuid4()))
            if number not in self._statements:
                values = {each["name"]: each["value"] for each in given.get("Parameters", [])}
                statement = self._statements[number] = {
                    "Id": number, "Status": "STARTED", "Database": given["Database"], "QueryString": given["Sql"], "StatementName": given["StatementName"],
                }  # fmt: skip
                # under the lock: work that ends at once waits for it
                order = _order(statement, values, host)
                self._works[number] = Work(
                    self._settings, order, lambda end: self._ended(statement, end, given.get("WithEvent", False))
                )
        return json_response(
            {"Id": number, "Database": given["Database"], "CreatedAt": int(self._settings.clock.time())}
        )

    def _describe(self, given: dict[str, Any]) -> Any:
        """DescribeStatement."""
        found = self._statements.get(given["Id"])
        if found is None:
            return error_response_json("ResourceNotFoundException", "Query does not exist.", 400)
        return json_response({key: found[key] for key in found.keys() - {"StatementName"}})

    def _cancel(self, given: dict[str, Any]) -> Any:
        """CancelStatement: refused for a statement that has ended."""
        with self._lock:
            work = self._works.get(given["Id"])
            if work is None:
                return error_response_json(
                    "ValidationException", "Could not cancel a query that is already in FINISHED state.", 400
                )
            work.stop()
        return json_response({"Status": True})

    def _ended(self, statement: dict[str, Any], end: End, reported: bool) -> None:
        reason = "Query timed out" if end.state == "TIMEOUT" else end.message
        with self._lock:
            statement.update(
                {"Status": STATES[end.state]} | ({"Error": reason} if STATES[end.state] == "FAILED" else {})
            )
            self._works.pop(statement["Id"], None)
        if reported:
            principal = f"arn:aws:sts::{get_account_id()}:assumed-role/machine/session"
            detail = {
                "principal": principal,
                "statementId": statement["Id"],
                "statementName": statement["StatementName"],
                "state": statement["Status"],
            }
            publish(self._settings, "aws.redshift-data", "Redshift Data Statement Status Change", detail)


def _order(statement: dict[str, Any], values: dict[str, str], host: str) -> Order:
    """The work is known to the scenario by its database. Values are literals of SQL by their position, as DuckDB takes them."""
    names = VALUE.findall(statement["QueryString"])
    literals = tuple("'" + values[each].replace("'", "''") + "'" for each in names)
    variables = {
        "DATABASE": f"{host}/redshift.duckdb", "STATEMENT": VALUE.sub("?", statement["QueryString"]),
        "RESULT": str(Path(host) / "redshift-results" / f"{statement['Id']}.csv"),
    }  # fmt: skip
    script = None if host == INSTANT else str(QUERY)
    return Order(statement["Database"], statement["Id"], script, literals, LIMIT, variables)


def install(settings: Settings) -> None:
    statements = Statements(settings)
    further_services.add("redshift-data", statements.handle, "RedshiftData")
    sdk_calls.add(settings, "redshiftdata:executeStatement", "redshift-data", "RedshiftData", statements.execute)
