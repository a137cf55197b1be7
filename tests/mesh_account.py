"""An account of a simulated mesh: its database, AWS as its effects reach it, and the machines that run there."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

import psycopg

from effects import Performer
from tests.fake_aws import FakeAws
from tests.state_acting import Acting

Key = tuple[str, date]


@dataclass
class Machine:
    """An execution: its input, and where it is. `token` as long as it waits for its dependencies."""

    arn: str
    run_id: UUID
    attempt: int
    key: Key
    token: str | None = None
    deadline: datetime | None = None
    phase: str = "started"  # started, waiting, released, working, ended


@dataclass
class Account:
    number: str
    dsn: str
    state: Acting
    aws: FakeAws
    connection: "psycopg.Connection[dict[str, Any]] | None" = None
    machines: dict[str, Machine] = field(default_factory=dict)
    inbox: list[dict[str, Any]] = field(default_factory=list)
    put: int = 0
    # the attempts of which it has received an event, and when
    received: dict[Key, list[tuple[datetime, int]]] = field(default_factory=lambda: defaultdict(list))

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Past the Data API, whose answers are limited."""
        return self.direct().execute(query).fetchall()

    def direct(self) -> "psycopg.Connection[dict[str, Any]]":
        if self.connection is None:
            self.connection = psycopg.connect(self.dsn, autocommit=True, row_factory=psycopg.rows.dict_row)
        return self.connection

    def perform(self, now: datetime) -> int:
        return Performer(self.state, self.aws.client).perform_due(lambda: now)
