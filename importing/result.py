"""What an import yields: products, and a note for everything that could not be carried over as it was."""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

Document = dict[str, Any]
NEEDS_A_PIPELINE = ("depends_on", "wait", "pipeline")  # HG213: an external product has none of them


class Kind(StrEnum):
    """What a note says: what is missing, what has another meaning than before, and what people have to do."""

    LEFT_OUT = "left out"
    CHANGED = "changed"
    TO_DO = "to do"


@dataclass(frozen=True, slots=True, order=True)
class Note:
    """One line of the report. `source` names the thing in the other system, `product` the product that it concerns, if there is one."""

    product: str
    source: str
    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Product:
    """A product as its file will be.

    `origin` says in a few words what it was. `files` are the files beside it, by name. A product with `reasons` stays external: its file has
    the part that `validate` accepts, and `draft`, as a comment, what it would be once the reasons are gone. A stand-in is written only where
    there is no such product: it takes the place of something that was not imported. `dates_of` is the upstream whose dates it took.
    """

    domain: str
    name: str
    document: Document
    origin: str
    files: dict[str, str] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()
    draft: Document = field(default_factory=dict)
    stand_in: bool = False
    dates_of: str = ""

    @property
    def id(self) -> str:
        return f"{self.domain}/{self.name}"

    def stays_external(self, *reasons: str) -> "Product":
        """The product without a pipeline: it goes on where it ran before, and nothing of it can be deployed before somebody has looked at it."""
        draft = {key: value for key, value in self.document.items() if key in NEEDS_A_PIPELINE}
        kept = {key: value for key, value in self.document.items() if key not in NEEDS_A_PIPELINE}
        return replace(self, document=kept, files={}, reasons=(*self.reasons, *reasons), draft=self.draft | draft)


@dataclass(frozen=True, slots=True)
class Imported:
    """Products in the order of their names, and the notes."""

    products: tuple[Product, ...]
    notes: tuple[Note, ...]

    @staticmethod
    def of(products: list[Product], notes: list[Note]) -> "Imported":
        return Imported(tuple(sorted(products, key=lambda each: each.id)), tuple(sorted(set(notes))))

    @property
    def domains(self) -> list[str]:
        return sorted({each.domain for each in self.products})
