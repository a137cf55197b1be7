"""The calls that concern files that land, as in `calls`."""

from datetime import datetime
from typing import cast

from state.answers import Json, RecordedFiles, Rematched
from state.questions import Questions


class FileCalls(Questions):
    """A method for each."""

    def record_files(self, files: list[Json], now_is: datetime) -> RecordedFiles:
        return self._one(RecordedFiles, "record_files", files, now_is)

    def settle_files(self, now_is: datetime) -> int:
        return int(self._value("settle_files", now_is))

    def sources_to_list(self, now_is: datetime) -> list[Json]:
        """[{product_id, source, since}]"""
        return cast(list[Json], self._value("sources_to_list", now_is))

    def record_listed(self, product: str, now_is: datetime) -> None:
        self._value("record_listed", product, now_is)

    def rematch_files(self, files: list[Json], now_is: datetime) -> Rematched:
        return self._one(Rematched, "rematch_files", files, now_is)
