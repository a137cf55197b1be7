"""The calls that concern signals, as in `calls`."""

from dataclasses import dataclass
from datetime import datetime

from state.answers import Json, Row
from state.shadow_calls import ShadowCalls


@dataclass(frozen=True, slots=True)
class RecordedSignals:
    """Of signals: how many are new, of these `older` than what was known of their date, and how many were recorded before. `refused`
    [{signal_key, reason}] are not recorded."""

    recorded: int
    repeated: int
    older: int
    refused: list[Json]


class SignalCalls(ShadowCalls):
    """A method for each."""

    def signalled_products(self, subjects: list[str], after: str, page: int) -> list[Row]:
        return self._rows(Row, "signalled_products", subjects, after, page)

    def record_signals(self, signals: list[Json], now_is: datetime) -> RecordedSignals:
        return self._one(RecordedSignals, "record_signals", signals, now_is)

    def note_unused_signals(self, signals: list[Json], now_is: datetime) -> int:
        return int(self._value("note_unused_signals", signals, now_is))
