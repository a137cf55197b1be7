"""What a delivery does in its conversation: everything that one recipient is sent about one cause."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Conversation:
    """`action`: inform (opens nothing), open, update (the cause concerns more or fewer now), resolve, reopen. `key` is the same for all
    messages about the cause; `first` is what `deliver` gave for the first of them, None before. `severity` 1 is the most severe of 4."""

    action: str
    severity: int
    key: str
    first: str | None

    @classmethod
    def of(cls, delivery: dict[str, Any]) -> "Conversation":
        given = delivery["conversation"]
        return cls(delivery["action"], delivery["severity"], given["key"], given["first"])

    @property
    def informs(self) -> bool:
        return self.action == "inform"
