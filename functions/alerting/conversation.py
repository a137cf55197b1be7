"""What a delivery does in its conversation: everything that one recipient is sent about one cause."""

from dataclasses import dataclass
from typing import Any

SEVERITIES = {"ERROR": 2, "LATE": 3}  # where metadata states none; other kinds inform
LEAST = 4


@dataclass(frozen=True)
class Conversation:
    """`action`: inform (opens nothing), open, update (the cause concerns more or fewer now), resolve, reopen. `key` is the same for all
    messages about the cause; `first` is what `deliver` gave for the first of them, None before. `severity` 1 is the most severe of 4."""

    action: str
    severity: int
    key: str
    first: str | None

    @classmethod
    def of(cls, delivery: dict[str, Any], alert: dict[str, Any]) -> "Conversation":
        given = delivery.get("conversation") or {}
        return cls(
            delivery.get("action") or _action(delivery, alert),
            delivery.get("severity") or SEVERITIES.get(alert["kind"], LEAST),
            given.get("key") or alert["run_id"],
            given.get("first") or delivery.get("first"),
        )

    @property
    def informs(self) -> bool:
        return self.action == "inform"


def _action(delivery: dict[str, Any], alert: dict[str, Any]) -> str:
    """Of a delivery of which the state says only whether the run failed or was late before."""
    before = delivery.get("failed_before")
    if alert["kind"] in SEVERITIES:
        return "reopen" if before else "open"
    return "resolve" if before and alert["kind"] == "COMPLETED" else "inform"
