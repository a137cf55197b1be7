"""Stand-ins of the services that the application calls outside AWS: those that tell people, and a receiver of OpenLineage."""

from typing import Any

LINEAGE_RECEIVER, LINEAGE_KEY = "http://openlineage.local", "Bearer local"
Answer = tuple[int, dict[str, Any]]


class Receivers:
    """`alerts` are what the services that tell people received, `run_events` those of OpenLineage, in the order in which they came."""

    def __init__(self) -> None:
        self.alerts: list[dict[str, Any]] = []
        self.run_events: list[dict[str, Any]] = []

    def receive(self, path: str, given: dict[str, Any], authorization: str | None) -> Answer:
        """Answers as the service that the path begins with, as far as the application needs it. What only reads is no alert."""
        _, service, rest = path.split("/", 2)
        if service == "openlineage":
            if authorization != LINEAGE_KEY:
                return 401, {}
            self.run_events.append(given)
            return 201, {}
        if service == "slack" and not rest.startswith("chat."):
            return 200, {"ok": True, "channel": {"is_member": True}, "messages": []}
        self.alerts.append({"service": service, "path": rest, "body": given})
        if service == "slack":
            return 200, {"ok": True, "channel": given.get("channel"), "ts": f"{len(self.alerts)}.0"}
        number = len(self.alerts)
        return 202, {"result": "Request will be processed", "requestId": f"local-{number}", "status": "success"}
