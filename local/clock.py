"""The clock of the local runtime: real time, plus the time that was skipped because nothing was due.

A day is compressed: the clock jumps from one moment at which something is due to the next, and never while a thread works, so that
no work races against the clock. A job's half hour passes between two moments; its script runs for as long as it needs. Threads
that work are counted. One that waits for a moment or a signal is not counted, and is counted again from the moment it is woken,
not from when it gets to run.
"""

import contextlib
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

OFFSET = struct.Struct("<d")


class _Waiter:
    """A thread that waits until `deadline` (None: for no moment), or until it is signalled."""

    def __init__(self, deadline: float | None, wakes_on_jump: bool = False) -> None:
        self.deadline, self.wakes_on_jump = deadline, wakes_on_jump
        self.woken = threading.Event()


class Clock:
    """Seconds since the epoch, readable by other processes from `file`, eight bytes that hold how many seconds it is ahead of real time."""

    def __init__(self, file: Path) -> None:
        self._file = file
        if not file.exists():
            file.write_bytes(OFFSET.pack(0.0))
        self._offset: float = OFFSET.unpack(file.read_bytes())[0]
        self._lock = threading.Lock()
        self._waiters: set[_Waiter] = set()
        self._working = self._changes = 0
        self._counted = threading.local()

    def time(self) -> float:
        return time.time() + self._offset

    def counted(self, target: Callable[..., Any]) -> Callable[..., Any]:
        """`target`, to be run in another thread, which counts as working from now until it has returned."""
        self._change(1)

        def run(*arguments: Any, **named: Any) -> Any:
            self._counted.on = True
            try:
                return target(*arguments, **named)
            finally:
                self._counted.on = False
                self._change(-1)

        return run

    @contextlib.contextmanager
    def counting(self) -> Iterator[None]:
        """This thread counts as working in the block, also if it did not before, such as the thread of a request."""
        if getattr(self._counted, "on", False):
            yield
            return
        self._change(1)
        self._counted.on = True
        try:
            yield
        finally:
            self._counted.on = False
            self._change(-1)

    @contextlib.contextmanager
    def not_counting(self) -> Iterator[None]:
        """This thread does not count in the block: it waits for threads that are counted themselves."""
        if not getattr(self._counted, "on", False):
            yield
            return
        self._change(-1)
        try:
            yield
        finally:
            self._change(1)

    def working(self) -> int:
        return self._working

    def changes(self) -> int:
        """How often a thread has begun to work, or has ended."""
        return self._changes

    def next_deadline(self) -> float | None:
        """The first moment that a thread waits for."""
        with self._lock:
            return min((each.deadline for each in self._waiters if each.deadline is not None), default=None)

    def jump(self, to: float) -> None:
        """Moves to that moment and wakes the threads that waited for it; they count as working at once. Never moves back."""
        with self._lock:
            self._offset = max(self._offset, to - time.time())
            self._file.write_bytes(OFFSET.pack(self._offset))
            now = self.time()
            for each in list(self._waiters):
                if each.wakes_on_jump or (each.deadline is not None and each.deadline <= now):
                    self._wake(each)

    def sleep(self, seconds: float) -> None:
        self._wait(_Waiter(self.time() + seconds))

    def sleep_until_jump(self, seconds: float) -> None:
        """Waits that much real time, or until the next jump: for loops that check whether something is due."""
        self._wait(_Waiter(None, wakes_on_jump=True), seconds)

    def event(self) -> "ClockEvent":
        return ClockEvent(self)

    def _change(self, by: int) -> None:
        with self._lock:
            self._working += by
            self._changes += 1

    def _wake(self, waiter: _Waiter) -> None:
        if waiter in self._waiters:
            self._waiters.remove(waiter)
            self._working += 1
            self._changes += 1
            waiter.woken.set()

    def _enter(self, waiter: _Waiter) -> None:
        self._waiters.add(waiter)
        if getattr(self._counted, "on", False):
            self._working -= 1

    def _wait(self, waiter: _Waiter, real_seconds: float | None = None) -> None:
        with self._lock:
            self._enter(waiter)
        self._await(waiter, real_seconds)

    def _await(self, waiter: _Waiter, real_seconds: float | None) -> None:
        until = None if real_seconds is None else time.monotonic() + real_seconds
        while True:
            left = until - time.monotonic() if until is not None else None
            if waiter.deadline is not None:
                left = waiter.deadline - self.time()
            if waiter.woken.wait(None if left is None else min(max(left, 0.0), threading.TIMEOUT_MAX)):
                break
            with self._lock:
                past = waiter.deadline <= self.time() if waiter.deadline is not None else True
                if past:
                    self._wake(waiter)
        self._counted.on = True  # a thread that was not counted before is counted from now on


class ClockEvent:
    """`threading.Event` whose `wait` uses the clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._set = False
        self._waiting: list[_Waiter] = []

    def is_set(self) -> bool:
        return self._set

    def set(self) -> None:
        with self._clock._lock:
            self._set = True
            for each in self._waiting:
                self._clock._wake(each)

    def clear(self) -> None:
        self._set = False

    def wait(self, timeout: float | None = None) -> bool:
        """Whether it was set before `timeout` seconds had passed by the clock."""
        clock = self._clock
        waiter = _Waiter(None if timeout is None else clock.time() + timeout)
        with clock._lock:
            if self._set:
                return True
            self._waiting.append(waiter)
            clock._enter(waiter)
        clock._await(waiter, None)
        with clock._lock:
            self._waiting.remove(waiter)
        return self._set
