"""What a resource holds that stays when its stack is deleted, and what a kind of such resources has to answer."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from headgate.deployment.deploy import Report
from headgate.deployment.kept import Kept

if TYPE_CHECKING:
    from botocore.exceptions import ClientError


class StaysError(RuntimeError):
    """The resource, or a part of what it holds, could not be deleted; the message is for the user."""


@dataclass(frozen=True)
class Holding:
    """`holds` says what is deleted with the resource, `stays` what is not; `error` is why AWS did not say what it holds. It is deleted if `deletes`."""

    kept: Kept
    holds: str
    stays: str = ""
    deletes: bool = True
    error: str = ""


class Kind(Protocol):
    """How resources of one type are deleted."""

    def look(self, kept: Kept) -> Holding | None:
        """None if the resource is not there any more. Raises errors of AWS."""

    def erase(self, kept: Kept, report: Report) -> str:
        """Deletes the resource with everything in it, and says in words what became of it. Raises `StaysError` and errors of AWS; a second call goes on."""


def code_of(error: "ClientError") -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def plural(count: int, noun: str) -> str:
    """`1 object`, `2,000 objects`"""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
