"""A morning of a small data mesh in which every kind of status occurs, and a board that asks its functions in this process."""

import contextlib
import os
import secrets
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import uvicorn

import inquire
import operate
from headgate.board.api import AnswerError, Board
from headgate.board.server import app
from headgate.local.process import listener
from state.errors import StateError
from tests.large_mesh import sizes
from tests.state_steps import DAY, LOADED, complete, ends, opened, wait
from tests.state_world import World, at, daily, external, product

NOW = at("2026-11-20 09:00")
DAYS = 12  # of history before


def feed(owner: str, description: str, time: str) -> dict[str, Any]:
    return {**external(), "owner": owner, "description": description, "schedule": daily(time)}


def made(name: str, upstream: Any, description: str, owner: str, **more: Any) -> dict[str, Any]:
    return {**product(upstream, name=name, owner=owner, **more), "description": description}


MESH = {
    "raw/positions": feed("custody", "Positions as the custodian sends them", "04:00"),
    "raw/prices": feed("market-data", "End-of-day prices of all instruments", "05:00"),
    "raw/trades": feed("trading", "Trades of the day before", "03:00"),
    "raw/ratings": feed("market-data", "Ratings of issuers", "05:30"),
    "core/instruments": made("instruments", "raw/prices", "Golden records of instruments", "core-data"),
    "core/positions": made("positions", ["raw/positions", "core/instruments"], "Positions with their instruments", "core-data", sla={"complete_by": "08:30"}),
    "core/trades": made("trades", "raw/trades", "Trades, enriched and deduplicated", "core-data"),
    "core/issuers": made("issuers", "raw/ratings", "Issuers with their ratings", "core-data", sla={"complete_by": "08:00"}),
    "risk/exposure": made("exposure", ["core/positions", "core/trades"], "Exposure by counterparty", "risk", sla={"complete_by": "10:00"}),
    "risk/concentration": made("concentration", ["core/positions", "core/issuers"], "Concentration by issuer", "risk"),
    "risk/limits": made("limits", "core/trades", "Limits and their use", "risk"),
    "finance/ledger": made("ledger", "core/trades", "Postings of the day", "finance"),
    "finance/report": made("report", ["finance/ledger", "risk/exposure"], "Daily report <b>to the board</b>", "finance", sla={"complete_by": "11:00"}),
    "marketing/segments": made("segments", "core/trades", "Customer segments", "marketing", schedule="14:00"),
}  # fmt: skip


def large(products: int, domains: int) -> dict[str, dict[str, Any]]:
    """A mesh of the size of large real ones. Each product waits for the one before it in its domain."""
    names = [
        (f"domain-{domain:03}/p{index:04}", f"domain-{domain:03}/p{index - 1:04}" if index else None)
        for domain, size in enumerate(sizes(products, domains))
        for index in range(size)
    ]
    return {name: product(before, name=name.replace("/", "-"), owner=name[:9]) for name, before in names}


def before_today(world: World) -> None:
    """The days before, each with its runs: every product a little later than the one that it waits for."""
    for back in range(DAYS, 0, -1):
        day = DAY - timedelta(days=back)
        for number, (name, entry) in enumerate(MESH.items()):
            moment = datetime.combine(day, datetime.min.time(), NOW.tzinfo) + timedelta(hours=4, minutes=9 * number)
            if "machine" not in entry:
                world.event(name, str(day), moment)


def morning(world: World) -> None:
    """Nine o'clock: some products are there, one failed, one runs, one is held, one is late because its input has not come."""
    world.load(MESH, LOADED - timedelta(days=DAYS + 1))
    before_today(world)
    opened(world)
    for name, moment in (("raw/trades", "06:05"), ("raw/prices", "06:20"), ("raw/positions", "06:40")):
        world.event(name, str(DAY), at(f"2026-11-20 {moment}"), attempt=1)
    for name in ("core/trades", "core/instruments"):
        wait(world, name)
        world.state.begin_pipeline(world.run(name, str(DAY))["run_id"], 1, None, at("2026-11-20 06:41"))
        complete(world, name, now="2026-11-20 07:10")
        world.event(name, str(DAY), at("2026-11-20 07:10"), attempt=1)
    for name in ("core/positions", "risk/limits", "finance/ledger"):
        wait(world, name, now="2026-11-20 07:11")
        world.state.begin_pipeline(world.run(name, str(DAY))["run_id"], 1, None, at("2026-11-20 07:12"))
    run = world.run("core/positions", str(DAY))["run_id"]
    job = "jr_positions"
    world.state.record_job_start(run, 1, "build", "glue", "job-build", job, {}, "token", at("2026-11-20 07:12"))
    ends(world, "risk/limits", "ERROR", at("2026-11-20 07:40"), error="JobFailed")
    complete(world, "finance/ledger", now="2026-11-20 07:50")
    world.event("finance/ledger", str(DAY), at("2026-11-20 07:50"), attempt=1)
    world.state.set_hold("finance/report", DAY, "", True, "ann", at("2026-11-20 08:00"))


def runs_before(world: World, name: str, *minutes: int) -> None:
    """Runs of the days before, the latest last: opened at six, released an hour later, each with its minutes of work. The last but two failed. What is usual is
    learned from the others."""
    for back, took in enumerate(reversed(minutes), 1):
        status, event = ("ERROR", "failed") if back == 3 else ("COMPLETED", "completed")
        world.sql(
            """INSERT INTO data_product_status (product_id, business_date, status, event, opened_at, deadline_at, released_at, release_reason, started_at, finished_at,
                changed_at, changed_by, due_at)
            SELECT %s, d, %s, %s::run_event, t, t + interval '4 hours', t + interval '1 hour', 'the last input arrived', t + interval '61 minutes',
                t + interval '61 minutes' + %s * interval '1 minute', t, 'test', t + interval '150 minutes'
            FROM (SELECT %s::date - %s AS d, (%s::date - %s + time '06:00') AT TIME ZONE 'UTC' AS t) day
            ON CONFLICT (product_id, business_date, cycle) DO UPDATE SET status = EXCLUDED.status, event = EXCLUDED.event, released_at = EXCLUDED.released_at,
                release_reason = EXCLUDED.release_reason, started_at = EXCLUDED.started_at, finished_at = EXCLUDED.finished_at, due_at = EXCLUDED.due_at""",
            name, status, event, took, str(DAY), back, str(DAY), back,
        )  # fmt: skip
        world.sql("SELECT learn_from_run(run_id, finished_at) FROM data_product_status WHERE product_id = %s AND business_date = %s::date - %s AND status = 'COMPLETED'", name, str(DAY), back)  # fmt: skip


@dataclass
class InProcess:
    """The functions of one account, as the board asks them."""

    name: str

    def ask(self, event: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = self._called(lambda: inquire.handler(event, None))
        return answer

    def act(self, event: dict[str, Any]) -> Any:
        return self._called(lambda: operate.handler({**event, "actor": "ann"}, None))

    def _called(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except (StateError, ValueError) as error:
            raise AnswerError(type(error).__name__, str(error)) from None


@contextlib.contextmanager
def serving(board: Board) -> Iterator[str]:
    """The address of the page, token included, served by a thread."""
    token = secrets.token_urlsafe(16)
    with listener() as listening:
        port = listening.getsockname()[1]
        config = uvicorn.Config(app(board, port, token), log_level="warning", lifespan="off", access_log=False)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{port}/#token={token}"
        finally:
            server.should_exit = True
            thread.join(10)


os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
