"""A state database of its own for each test, on real PostgreSQL behind the Data API, and AWS as far as effects reach it."""

import contextlib
import functools
import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
import psycopg
import pytest

from headgate.local.data_api import DataApi
from headgate.local.data_api_server import RESOURCE_ARN, SECRET_ARN, served
from headgate.local.postgres import Postgres
from state import catalog
from state.database import Database
from state.migrate import migrate
from tests.direct_client import DirectClient, role_of
from tests.state_acting import Acting

PREFIX = "arn:aws:states:us-east-1:123456789012:stateMachine:"
ENVIRONMENT = {
    "CLUSTER_ARN": RESOURCE_ARN,
    "SECRET_ARN": SECRET_ARN,
    "DATABASE_NAME": "headgate",
    "UNVERIFIED_CALLERS": "true",
    "STATE_MACHINE_ARN_PREFIX": PREFIX,
    "NEXT_TICKS": "headgate-next-opening headgate-next-look",
    "CENTRAL_EVENT_BUS_ARN": "arn:aws:events:us-east-1:123456789012:event-bus/central",
    "DOMAIN_EVENT_BUS_ARN": "arn:aws:events:us-east-1:123456789012:event-bus/domain",
    "ALERT_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:alerts",
    "OPENLINEAGE_NAMESPACE": "headgate",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
}
SOAK = int(os.environ.get("HEADGATE_SOAK", "1"))  # how many times the usual number of random examples
in_soak = pytest.mark.skipif(SOAK == 1, reason="it takes long, and others show nearly the same: `make soak` runs it")
_numbers = itertools.count()


def at(text: str) -> datetime:
    """`2026-11-20 06:00` in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@dataclass
class World:
    """The database through the Data API, and directly for the test to look into."""

    database: Database
    dsn: str
    serve: Callable[[], str]
    _direct: "psycopg.Connection[Any] | None" = None

    @functools.cached_property
    def url(self) -> str:
        """Of the Data API over HTTP, for other processes and threads; served from the first question on."""
        return self.serve()

    @property
    def state(self) -> Acting:
        return Acting(self.database)

    def direct(self) -> "psycopg.Connection[Any]":
        """A connection past the Data API, kept for the whole test."""
        if self._direct is None:
            self._direct = psycopg.connect(self.dsn, autocommit=True)
        return self._direct

    def sql(self, query: str, *arguments: Any) -> list[tuple[Any, ...]]:
        cursor = self.direct().execute(query, arguments)
        return cursor.fetchall() if cursor.description else []

    def load(
        self,
        products: dict[str, dict[str, Any]],
        now: datetime,
        calendars: dict[str, Any] | None = None,
        buckets: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        content = {
            "version": 1,
            "domains": {},
            "calendars": calendars or {},
            "products": products,
            "buckets": buckets or {},
        }
        return asdict(catalog.load(self.state, content, "upload", "abc", now, "test", now))

    def event(self, product: str, date: str, now: datetime, **more: Any) -> dict[str, Any]:
        """Records one refresh event."""
        given = {
            "product_id": product,
            "business_date": date,
            "cycle": "",
            "status": "COMPLETED",
            "refreshed_at": now.isoformat(),
            **more,
        }
        given.setdefault(
            "event_key",
            f"{product} {date} {given['cycle']} {given['status']} {given.get('run_id')} {given.get('attempt')}",
        )
        return asdict(self.state.record_refresh_events([given], now))

    def run(self, product: str, date: str, cycle: str = "") -> dict[str, Any]:
        cursor = self.direct().cursor(row_factory=psycopg.rows.dict_row)
        query = "SELECT * FROM data_product_status WHERE product_id = %s AND business_date = %s AND cycle = %s"
        row = cursor.execute(query, (product, date, cycle)).fetchone()
        assert row is not None, f"{product} has no run for {date} {cycle}"
        return row

    def released(self) -> set[tuple[str, str]]:
        return {
            (product, str(date))
            for product, date in self.sql(
                "SELECT product_id, business_date FROM data_product_status WHERE released_at IS NOT NULL"
            )
        }


@contextlib.contextmanager
def new_world(postgres: Postgres) -> Iterator[World]:
    """A world on a copy of the migrated template database."""
    name = copied(postgres, "migrated")
    api = DataApi(postgres.dsn(name), role_of=role_of)
    with world_on(postgres.dsn(name), api) as made:
        yield made
    api.close()
    dropped(postgres, name)


@contextlib.contextmanager
def world_on(dsn: str, api: DataApi, direct: "psycopg.Connection[Any] | None" = None) -> Iterator[World]:
    """A world on this database, which `api` reaches, and past it `direct`, which stays open."""
    with contextlib.ExitStack() as ends:
        made = World(Database(DirectClient(api)), dsn, lambda: ends.enter_context(served(api)), direct)
        try:
            yield made
        finally:
            if made._direct is not None and made._direct is not direct:
                made._direct.close()


def copied(postgres: Postgres, template: str) -> str:
    """The name of a copy of the template database."""
    name = f"world_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        connection.execute(f"ALTER DATABASE {name} SET jit = off")  # a copy has not the settings of its template
    return name


def dropped(postgres: Postgres, name: str) -> None:
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def make_template(postgres: Postgres) -> None:
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE migrated")
    with served(DataApi(postgres.dsn("migrated"))) as url:
        migrate(Database(client(url)))


def client(url: str) -> Any:
    return boto3.client(
        "rds-data", endpoint_url=url, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    )


def product(depends_on: Any = None, schedule: str | dict[str, Any] | None = "06:00", **more: Any) -> dict[str, Any]:
    """A product as the catalog holds it; `depends_on` is a name, a list (all of them) or a condition of the catalog."""
    name = more.pop("name", "p")
    entry: dict[str, Any] = {
        "description": name,
        "owner": "team",
        "machine": f"m_{name}",
        "execution_prefix": name,
        "wait": {"deadline": 4 * 3600, "on_deadline": "fail"},
        "pipeline": {
            "timeout": None,
            "steps": [step("build", {"--date": "{business_date}", "--run": "{run_id}/{attempt}"})],
        },
        "publish": {"refresh_event": True, "visibility": "mesh"},
        **more,
    }
    if schedule:
        entry["schedule"] = daily(schedule) if isinstance(schedule, str) else schedule
    if depends_on is not None:
        names = [depends_on] if isinstance(depends_on, str) else depends_on
        entry["depends_on"] = {"all_of": [leaf(each) for each in names]} if isinstance(names, list) else names
    return entry


def external() -> dict[str, Any]:
    return {"description": "raw", "owner": "ingestion", "publish": {"refresh_event": True, "visibility": "mesh"}}


def step(name: str, arguments: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "name": name,
        "type": "glue",
        "resource": f"job-{name}",
        "arguments": arguments or {},
        "settings": {},
        "timeout": 3600,
        "retry": None,
    }


def leaf(name: str, **more: Any) -> dict[str, Any]:
    return {"product": name, "status": ["COMPLETED"], "offset": 0, "cycle": "last", **more}


def daily(*times: str, **more: Any) -> dict[str, Any]:
    every = {"months": list(range(1, 13)), "month_days": list(range(1, 32)), "week_days": [], "years": None}
    none: dict[str, Any] = {"last_days": [], "near_weekdays": [], "last_week_days": [], "nth_week_days": []}
    return {
        "cron": "x",
        "timezone": "UTC",
        "date_offset": 0,
        "calendar": None,
        "fires": {"times": list(times), **every, **none},
        **more,
    }
