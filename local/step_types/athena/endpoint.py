"""Queries that really run: in DuckDB over the files of the data folder, reported as Athena reports them.

The endpoint sends no `Athena Query State Change`, knows no client token, and its statements go by the machine's clock.
"""

import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ministack.core.responses import error_response_json, get_account_id, get_region, json_response
from ministack.services import athena

from headgate.local.adapters.names import INSTANT
from headgate.local.adapters.service_events import publish
from headgate.local.adapters.settings import Settings
from headgate.local.adapters.work import End, Order, Work

HOOKS = (
    "athena:_start_query_execution", "athena:_get_query_execution", "athena:_stop_query_execution", "athena:_list_query_executions",
    "athena:_executions", "athena:_workgroups",
)  # fmt: skip
LIMIT = 30 * 60  # seconds: the quota of most accounts (docs.aws.amazon.com/athena/latest/ug/service-limits.html)
STATES = {"SUCCEEDED": "SUCCEEDED", "STOPPED": "CANCELLED", "FAILED": "FAILED", "TIMEOUT": "FAILED"}
REASONS = {"STOPPED": "Query was cancelled by user", "TIMEOUT": "Query timeout"}


def _needed(given: dict[str, Any], place: str) -> Iterator[tuple[str, str]]:
    yield "athena:StartQueryExecution", f"arn:aws:athena:{place}:workgroup/{given['WorkGroup']}"


def _resource(path: str, given: dict[str, Any]) -> str | None:
    """A query belongs to its workgroup."""
    found = athena._executions.get(given.get("QueryExecutionId") or next(iter(given.get("QueryExecutionIds", [])), ""))
    return f"arn:aws:athena:{get_region()}:{get_account_id()}:workgroup/{found['WorkGroup']}" if found else None


PERMISSIONS = {"aws-sdk:athena:startQueryExecution": _needed}
RESOURCES = {"athena": _resource}


class Queries:
    """Starts, stops and reports queries."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._live: dict[str, Work] = {}
        self._tokens: dict[str, str] = {}
        self._lock = threading.Lock()
        self._get = athena._get_query_execution

    def start(self, given: dict[str, Any]) -> Any:
        """StartQueryExecution: with a token that was used before it gives the query of before."""
        workgroup = athena._workgroups.get(given.get("WorkGroup", "primary"))
        if workgroup is None:
            return error_response_json("InvalidRequestException", f"WorkGroup {given['WorkGroup']} is not found.", 400)
        token = given.get("ClientRequestToken")
        with self._lock:
            if token in self._tokens:
                return json_response({"QueryExecutionId": self._tokens[token]})
            name = str(uuid.uuid4())
            location = workgroup["Configuration"]["ResultConfiguration"]["OutputLocation"]
            now = int(self._settings.clock.time())
            query = athena._executions[name] = {
                "QueryExecutionId": name, "Query": given["QueryString"], "StatementType": "DML", "WorkGroup": workgroup["Name"],
                "ExecutionParameters": given.get("ExecutionParameters", []), "QueryExecutionContext": given.get("QueryExecutionContext", {}),
                "ResultConfiguration": {"OutputLocation": f"{location}/results/{name}.csv"},
                "Status": {"State": "RUNNING", "SubmissionDateTime": now, "StateChangeReason": ""},
            }  # fmt: skip
            if token:
                self._tokens[token] = name
            # under the lock: work that ends at once waits for it, so `_ended` finds the query among the live ones
            self._live[name] = Work(self._settings, _order(query, location), lambda end: self._ended(query, end))
        return json_response({"QueryExecutionId": name})

    def get(self, given: dict[str, Any]) -> Any:
        """GetQueryExecution. A query that was active when the endpoint ended, ended with it."""
        query = athena._executions.get(given.get("QueryExecutionId"))
        if query and query["Status"]["State"] == "RUNNING" and query["QueryExecutionId"] not in self._live:
            query["Status"].update(State="FAILED", StateChangeReason="the machine it ran on was restarted")
        return self._get(given)

    def stop(self, given: dict[str, Any]) -> Any:
        """StopQueryExecution. A query that has ended stays as it is."""
        with self._lock:
            if work := self._live.get(given["QueryExecutionId"]):
                work.stop()
        return json_response({})

    def list(self, given: dict[str, Any]) -> Any:
        """ListQueryExecutions: the latest first, all on one page."""
        names = [
            name for name, each in athena._executions.items() if each["WorkGroup"] == given.get("WorkGroup", "primary")
        ]
        return json_response({"QueryExecutionIds": names[::-1][: given.get("MaxResults", 50)]})

    def _ended(self, query: dict[str, Any], end: End) -> None:
        reason = REASONS.get(end.state, end.message if end.state == "FAILED" else "")
        with self._lock:
            now = int(self._settings.clock.time())
            query["Status"].update(State=STATES[end.state], StateChangeReason=reason, CompletionDateTime=now)
            self._live.pop(query["QueryExecutionId"], None)
        detail = {
            "versionId": "0", "currentState": STATES[end.state], "previousState": "RUNNING", "statementType": "DML",
            "queryExecutionId": query["QueryExecutionId"], "workgroupName": query["WorkGroup"], "sequenceNumber": "3",
        } | ({"athenaError": {"errorCategory": 2, "errorMessage": reason}} if STATES[end.state] == "FAILED" else {})  # fmt: skip
        publish(self._settings, "aws.athena", "Athena Query State Change", detail)


def _order(query: dict[str, Any], location: str) -> Order:
    script = None if location == INSTANT else str(Path(__file__).with_name("query.py"))
    result = query["ResultConfiguration"]["OutputLocation"]
    variables = {"DATABASE": f"{location}/athena.duckdb", "STATEMENT": query["Query"], "RESULT": result}
    values = tuple(query["ExecutionParameters"])
    return Order(query["WorkGroup"], query["QueryExecutionId"], script, values, LIMIT, variables)


def install(settings: Settings) -> None:
    queries = Queries(settings)
    athena._start_query_execution, athena._get_query_execution = queries.start, queries.get
    athena._stop_query_execution, athena._list_query_executions = queries.stop, queries.list
