"""The local runtime's clock: it jumps only when nobody works, and whom it wakes counts as working at once."""

import threading
import time
from pathlib import Path

import pytest

from headgate.local.clock import OFFSET, Clock

HOUR = 3600.0


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    return Clock(tmp_path / "clock")


def wait_until_idle(clock: Clock, working: int = 0) -> None:
    deadline = time.monotonic() + 5
    while clock.working() != working and time.monotonic() < deadline:
        time.sleep(0.005)
    assert clock.working() == working


def started(clock: Clock, target: object) -> threading.Thread:
    assert callable(target)
    thread = threading.Thread(target=clock.counted(target))
    thread.start()
    return thread


def test_a_wait_of_hours_ends_with_a_jump(clock: Clock) -> None:
    began = clock.time()
    thread = started(clock, lambda: clock.sleep(4 * HOUR))
    wait_until_idle(clock)

    assert clock.next_deadline() == pytest.approx(began + 4 * HOUR, abs=1)
    clock.jump(clock.next_deadline() or 0)
    thread.join(5)

    assert not thread.is_alive()
    assert clock.time() - began == pytest.approx(4 * HOUR, abs=1)


def test_whom_a_jump_wakes_works_before_it_gets_to_run(clock: Clock) -> None:
    goes_on = threading.Event()

    def sleeps() -> None:
        clock.sleep(HOUR)
        goes_on.wait(5)

    thread = started(clock, sleeps)
    wait_until_idle(clock)
    clock.jump(clock.time() + HOUR)
    assert clock.working() == 1
    goes_on.set()
    thread.join(5)
    wait_until_idle(clock)


def test_a_signal_ends_a_wait_and_counts_at_once(clock: Clock) -> None:
    event, answers = clock.event(), []
    thread = started(clock, lambda: answers.append(event.wait(HOUR)))
    wait_until_idle(clock)
    event.set()
    assert clock.working() in (0, 1)  # 0 if it is through already
    thread.join(5)
    assert answers == [True]
    assert clock.next_deadline() is None


def test_a_wait_that_nobody_answers_times_out_by_the_clock(clock: Clock) -> None:
    event, answers = clock.event(), []
    thread = started(clock, lambda: answers.append(event.wait(HOUR)))
    wait_until_idle(clock)
    clock.jump(clock.time() + HOUR / 2)
    time.sleep(0.05)
    assert thread.is_alive()
    clock.jump(clock.time() + HOUR / 2 + 1)
    thread.join(5)
    assert answers == [False]


def test_real_time_passes_between_jumps(clock: Clock) -> None:
    began = time.monotonic()
    started(clock, lambda: clock.sleep(0.1)).join(5)
    assert 0.09 < time.monotonic() - began < 4


def test_a_thread_that_waits_for_others_does_not_count(clock: Clock) -> None:
    def parent() -> None:
        child = started(clock, lambda: clock.sleep(HOUR))
        with clock.not_counting():
            child.join()

    thread = started(clock, parent)
    wait_until_idle(clock)
    clock.jump(clock.time() + HOUR)
    thread.join(5)
    wait_until_idle(clock)


def test_a_loop_that_checks_wakes_with_every_jump_and_causes_none(clock: Clock) -> None:
    checks: list[float] = []

    def loop() -> None:
        while len(checks) < 3:
            clock.sleep_until_jump(30)
            checks.append(clock.time())

    thread = started(clock, loop)
    for _ in range(3):
        wait_until_idle(clock)
        assert clock.next_deadline() is None
        clock.jump(clock.time() + HOUR)
    thread.join(5)
    assert len(checks) == 3


def test_other_processes_read_it_and_a_new_clock_continues_from_it(clock: Clock, tmp_path: Path) -> None:
    clock.jump(clock.time() + HOUR)
    (offset,) = OFFSET.unpack((tmp_path / "clock").read_bytes())
    assert offset == pytest.approx(HOUR, abs=1)
    assert Clock(tmp_path / "clock").time() == pytest.approx(clock.time(), abs=0.1)


def test_it_never_goes_back(clock: Clock) -> None:
    clock.jump(clock.time() + HOUR)
    ahead = clock.time()
    clock.jump(ahead - HOUR)
    assert clock.time() >= ahead


def test_the_thread_of_a_request_counts_while_it_works_and_not_twice(clock: Clock) -> None:
    def request() -> None:
        with clock.counting(), clock.counting():
            clock.sleep(HOUR)

    uncounted = threading.Thread(target=request, daemon=True)
    uncounted.start()
    for thread in (uncounted, None):
        thread = thread or started(clock, request)
        while clock.next_deadline() is None:
            time.sleep(0.01)
        wait_until_idle(clock)
        clock.jump(clock.time() + HOUR)
        thread.join(5)
        wait_until_idle(clock)
        assert clock.working() == 0
