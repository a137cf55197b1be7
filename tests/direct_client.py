"""The RDS Data API as boto3's client gives it, without the way over HTTP: what most tests of the state need of it."""

import json
from contextvars import ContextVar
from typing import Any

from botocore.exceptions import ClientError

from headgate.local.data_api import DataApi
from headgate.local.data_api_values import ApiError

PATHS = {
    "execute_statement": "/Execute",
    "batch_execute_statement": "/BatchExecute",
    "begin_transaction": "/BeginTransaction",
    "commit_transaction": "/CommitTransaction",
    "rollback_transaction": "/RollbackTransaction",
}


ROLE: ContextVar[str | None] = ContextVar("role", default=None)  # of the function that runs; None: the database's owner


def role_of(secret: str) -> str | None:
    """The role in the ARN of a secret as this client gives it."""
    return secret.partition("/")[2] or None


class DirectClient:
    """Requests and answers pass through JSON, as they do over HTTP, so the limits of the Data API hold. Raises `ClientError`."""

    def __init__(self, api: DataApi) -> None:
        self._api = api

    def execute_statement(self, **request: Any) -> dict[str, Any]:
        return self._call("execute_statement", request)

    def batch_execute_statement(self, **request: Any) -> dict[str, Any]:
        return self._call("batch_execute_statement", request)

    def begin_transaction(self, **request: Any) -> dict[str, Any]:
        return self._call("begin_transaction", request)

    def commit_transaction(self, **request: Any) -> dict[str, Any]:
        return self._call("commit_transaction", request)

    def rollback_transaction(self, **request: Any) -> dict[str, Any]:
        return self._call("rollback_transaction", request)

    def _call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        if role := ROLE.get():
            request["secretArn"] += f"/{role}"
        try:
            answer = self._api.call(PATHS[operation], json.dumps(request).encode())
        except ApiError as error:
            raise ClientError({"Error": {"Code": error.code, "Message": str(error)}}, operation) from None
        read: dict[str, Any] = json.loads(json.dumps(answer))
        return read
