"""Controls the local endpoint from another process."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.request import Request, urlopen


class BusyError(RuntimeError):
    """The local application does not become idle. The message says what still works."""


class Control:
    """Controls the endpoint from another process: its clock, behaviours of jobs, and what it received."""

    def __init__(self, url: str) -> None:
        self._url = url

    def wait_until_idle(self, seconds: float = 60) -> dict[str, Any]:
        """Waits until the endpoint is idle. Returns `now`, and `next`: the moment at which something is due (None: nothing is).
        Raises BusyError if it is not idle and for that long no thread has begun or ended its work."""
        while True:
            answer = self._call("/wait", {"seconds": seconds}, seconds + 30)
            if "now" in answer:
                return answer
            if answer["stuck"]:
                raise BusyError(answer["stuck"])

    def jump(self, to: float) -> None:
        self._call("/jump", {"to": to})

    def set_behaviours(self, behaviours: Mapping[str, Any]) -> None:
        """How the next runs of jobs and functions go: see `local.adapters.settings`."""
        self._call("/behaviours", dict(behaviours))

    def set_away(self, *names: str) -> None:
        """What is away from now on, and nothing else: see `local.adapters.settings`."""
        self._call("/away", {"names": names})

    def incidents(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._call("/incidents", {})["incidents"]
        return found

    def alerts(self) -> list[dict[str, Any]]:
        """What the services that tell people received, {service, path, body}: on the local runtime the endpoint acts as these."""
        found: list[dict[str, Any]] = self._call("/alerts", {})["alerts"]
        return found

    def lineage(self) -> list[dict[str, Any]]:
        """The run events of OpenLineage that the local receiver took, in the order in which they came."""
        found: list[dict[str, Any]] = self._call("/lineage", {})["events"]
        return found

    def service_event(self, account: str, region: str, event: Mapping[str, Any]) -> None:
        """An AWS service publishes the event {source, detail_type, detail} on the default bus."""
        self._call("/service-event", {"account": account, "region": region, "event": event})

    def _call(self, path: str, body: Mapping[str, Any], seconds: float = 30) -> dict[str, Any]:
        request = Request(self._url + path, json.dumps(body).encode(), {"Content-Type": "application/json"})  # noqa: S310 - loopback
        with urlopen(request, timeout=seconds) as answer:  # noqa: S310
            read: dict[str, Any] = json.load(answer)
        return read
