"""Performs what transitions made due: starts executions, answers task tokens, publishes events, sends alerts to the topic.

Every effect may be performed twice, since a worker can die between performing it and recording that; each is of a kind that AWS or its
receiver recognizes the second time. Whatever an effect raises is the outcome of that effect alone.
"""

import json
import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import clients
from effect_kinds import KINDS
from state.answers import Effect
from state.calls import State

LOG = logging.getLogger("headgate")

PAGE = 250
LEASE = timedelta(minutes=2)
THREADS = 8
LONGEST_DELAY = 900  # seconds
TRIES = 8  # of an effect that is refused, in twenty minutes or more; then it is parked
TRIES_UNANSWERED = (
    100  # of one that AWS is too busy for or does not answer, or that another account refuses, in a day or more
)
TIME_TO_END = clients.LONGEST_CALL + 3  # seconds: a call that has begun, and recording what came of it

Left = Callable[[], float]
Result = dict[str, Any]
Claim = Callable[[int, datetime, timedelta], list[Effect]]


class Performer:
    """Performs effects with the clients of this environment, or with those given. Each method gives how many it performed. It begins none
    when `left` gives less seconds than one may take; what it has not begun then is due as before."""

    def __init__(self, state: State, make: Callable[..., Any] = clients.client) -> None:
        self._state = state
        self._make = make
        self._clients: dict[tuple[str, ...], Any] = {}
        self._lock = threading.Lock()

    def perform_due(self, clock: Callable[[], datetime], left: Left = clients.no_limit) -> int:
        """Performs everything that is due, the oldest first."""
        return self._perform(self._state.claim_effects, clock, left)

    def perform_due_since(self, moment: datetime, clock: Callable[[], datetime], left: Left = clients.no_limit) -> int:
        """Performs what the transitions of this moment made due."""
        return self._perform(partial(self._state.claim_effects_due_since, moment), clock, left)

    def perform_of_run(self, run: UUID, clock: Callable[[], datetime], left: Left = clients.no_limit) -> int:
        """Performs what is due of one run."""
        return self._perform(partial(self._state.claim_effects_of_run, run), clock, left)

    def _perform(self, claim: Claim, clock: Callable[[], datetime], left: Left) -> int:
        done = 0
        while left() > TIME_TO_END and (page := claim(PAGE, clock(), LEASE)):
            for results in self._results(page, left):
                self._state.finish_effects(results, clock())
                done += sum(each.keys() == {"effect_id", "outcome"} for each in results)
        return done

    def _results(self, page: list[Effect], left: Left) -> Iterator[list[Result]]:
        """Results as they come: who dies here loses those that have not been given yet."""
        pool = ThreadPoolExecutor(THREADS)
        waiting: set[Future[Result]] = {pool.submit(self._result, effect, left) for effect in page}
        try:
            while waiting:
                ended, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                yield [each.result() for each in ended]
        finally:
            pool.shutdown(cancel_futures=True)

    def _result(self, effect: Effect, left: Left) -> Result:
        """What `finish_effects` takes. After an error the effect is tried again, each time after a longer delay, or parked."""
        if left() <= TIME_TO_END:
            return {"effect_id": effect.effect_id, "untried": True}
        try:
            return {"effect_id": effect.effect_id, "outcome": self._outcome(effect)}
        except Exception as error:  # noqa: BLE001 - the outcome of this effect, and of no other
            return _failure(effect, error)

    def _outcome(self, effect: Effect) -> str:
        kind, payload = KINDS[effect.kind], json.loads(effect.payload)
        try:
            place = (kind.service, kind.region(payload)) if kind.region else (kind.service,)
            return kind.perform(self._client(place), payload)
        except Exception as error:
            if (code := clients.code_of(error)) in kind.done:
                return kind.done[code]
            raise

    def _client(self, place: tuple[str, ...]) -> Any:
        """The client of a service, or of a service and a region."""
        with self._lock:  # boto3 makes clients in one thread at a time
            if place not in self._clients:
                self._clients[place] = self._make(*place)
            return self._clients[place]


def _failure(effect: Effect, error: Exception) -> Result:
    outcome = _without_token(effect, clients.described(error))
    kind = KINDS.get(effect.kind)
    elsewhere = kind is not None and kind.crosses_accounts and clients.is_from_aws(error)
    parked = effect.tries >= (TRIES_UNANSWERED if elsewhere or clients.is_unanswered(error) else TRIES)
    line = {"effect": effect.effect_id, "kind": effect.kind, "tries": effect.tries, "reason": outcome}
    if not parked:
        LOG.warning(json.dumps(line))
        if effect.tries == TRIES and not clients.is_unanswered(error):
            print(
                json.dumps({"refused": 1, **line})
            )  # counted as `parked` is: a person hears of it long before it is parked
        delay = min(LONGEST_DELAY, 5 * 2 ** min(effect.tries, 8))
        return {"effect_id": effect.effect_id, "outcome": outcome, "retry_seconds": delay}
    print(json.dumps({"parked": 1, **line}))  # a line by itself: the template's metric filter counts `parked`
    return {"effect_id": effect.effect_id, "outcome": outcome, "parked": True}


def _without_token(effect: Effect, text: str) -> str:
    """A refusal may quote what was refused. Task tokens are secrets: who has one can answer for the work."""
    try:
        return text.replace(json.loads(effect.payload)["task_token"], "(task token)")
    except (KeyError, TypeError, ValueError):  # none is in it
        return text
