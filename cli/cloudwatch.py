"""What is new in places of CloudWatch Logs since they were read last."""

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from headgate.cli.job_logs import Stream

MOST = 10_000  # events that one call gives


@dataclass(frozen=True)
class Line:
    """A line of a log; `at` is its moment in milliseconds of Unix time, None where none is kept."""

    text: str
    at: int | None = None


@dataclass
class _Group:
    since: int
    seen: set[str] = field(default_factory=set)


class CloudWatch:
    """Reads as who `client`, of the service `logs`, belongs to. The first reading of a place gives its last `most` lines, a further one what came since."""

    def __init__(self, client: Any, most: int) -> None:
        self._client, self._most = client, min(most, MOST)
        self._tokens: dict[Stream, str] = {}
        self._groups: dict[tuple[str, int], _Group] = {}

    def read(self, stream: Stream) -> list[Line]:
        """Nothing where there is no such group or stream, yet. Raises botocore's errors."""
        try:
            return self._stream(stream) if stream.name else self._group(stream)
        except self._client.exceptions.ResourceNotFoundException:
            return []

    def _stream(self, stream: Stream) -> list[Line]:
        place = {"logGroupName": stream.group, "logStreamName": stream.name}
        if stream not in self._tokens:
            page = self._client.get_log_events(**place, limit=self._most, startFromHead=False)
            self._tokens[stream] = page["nextForwardToken"]
            return _lines(page["events"])
        found: list[Line] = []
        while True:  # the token of the end is the one that was given
            page = self._client.get_log_events(**place, nextToken=self._tokens[stream], startFromHead=True)
            found += _lines(page["events"])
            if page["nextForwardToken"] == self._tokens[stream]:
                return found
            self._tokens[stream] = page["nextForwardToken"]

    def _group(self, stream: Stream) -> list[Line]:
        """A group gives no token for what comes later: its events are known by their ids."""
        first = (stream.group, stream.since) not in self._groups
        known = self._groups.setdefault((stream.group, stream.since), _Group(stream.since))
        until = {} if stream.until is None else {"endTime": stream.until}
        found: deque[dict[str, Any]] = deque(maxlen=self._most if first else None)
        pages = self._client.get_paginator("filter_log_events")
        for page in pages.paginate(logGroupName=stream.group, startTime=known.since, **until):
            found += [each for each in page["events"] if _identity(each) not in known.seen]
        if found:
            known.since = max(each["timestamp"] for each in found)
            known.seen |= {_identity(each) for each in found}
        return _lines(found)


def _identity(event: dict[str, Any]) -> str:
    """The id of the event; the local endpoint gives none to what functions print."""
    return str(event.get("eventId") or f"{event['logStreamName']} {event['timestamp']} {event['message']}")


def _lines(events: Any) -> list[Line]:
    return [
        Line(text.rstrip(), each["timestamp"])
        for each in events
        for text in each["message"].splitlines()
        if text.strip()
    ]
