"""What the calls about files and their batches answer, as in `answers`."""

from dataclasses import dataclass

from state.answers import Json


@dataclass(frozen=True, slots=True)
class RecordedFiles:
    """Of files that landed: how many are new, of these `unmatched` of no source and `rejected`, and how many were recorded before; how many versions
    newer ones have superseded, and how many runs were released."""

    recorded: int
    repeated: int
    superseded: int
    unmatched: int
    rejected: int
    released: int


@dataclass(frozen=True, slots=True)
class Rematched:
    """How many files of no source have one now, and how many runs that released."""

    matched: int
    released: int


@dataclass(frozen=True, slots=True)
class PlannedBatches:
    """`decision`: load, with the `batches` [{batch_id, number}] of a wave; done; or failed, rejected, exhausted, remaining or wait, with a message. `files`,
    when it is done, is what the refresh event says of them: {files: loaded, rejected, failed, generation, incomplete}."""

    decision: str
    message: str | None
    wave: int
    batches: list[Json]
    files: Json
