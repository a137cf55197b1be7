"""What a machine is planned as: states with their edges, and the calls to AWS that each one makes."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from headgate.generator.plan.retries import Retrier

ALL_ERRORS = ("States.ALL",)
TIME_OUTS = ("States.Timeout", "States.HeartbeatTimeout")


@dataclass(frozen=True, slots=True)
class Call:
    """The IAM `action` that a state needs on `resource`: an ARN with `${...}` of CloudFormation, the placeholder of an ARN, or
    `*`. `condition` is the statement's condition. `service_call` is the name of the integration (`lambda:invoke`) where it
    is not that of the action in another spelling; empty for an action that no state calls by itself (`kms:Decrypt`).
    """

    action: str
    resource: str
    condition: dict[str, Any] | None = None
    service_call: str | None = None


@dataclass(frozen=True, slots=True)
class Catch:
    """`next` follows when one of `errors` was raised; the error is stored at `path`."""

    errors: tuple[str, ...]
    next: str
    path: str = "$.failure"


@dataclass(frozen=True, slots=True)
class State:
    """One state. `form` names its template (`states/<form>.asl.j2`, or `<type>.asl.j2` of a step type), which is given `values`
    and writes what no plan decides: the resource and the parameters. `next` None ends the machine or the branch; for a Choice
    it is the default. `timeout` in seconds. `inside` are the names of states that `values` hold as they stand.
    """

    name: str
    form: str
    next: str | None = None
    comment: str = ""
    timeout: int | None = None
    retry: tuple[Retrier, ...] = ()
    catch: tuple[Catch, ...] = ()
    values: dict[str, Any] = field(default_factory=dict)
    branches: tuple["Flow", ...] = ()
    calls: tuple[Call, ...] = ()
    inside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Flow:
    """A machine or one branch of it: the first state, and all of them in the order in which they are written."""

    start: str
    states: tuple[State, ...]

    def every_state(self) -> Iterator[State]:
        """The states with those of branches, each before those inside it."""
        for state in self.states:
            yield state
            for branch in state.branches:
                yield from branch.every_state()

    def as_they_stand(self) -> frozenset[str]:
        """The names of states that come from a file."""
        return frozenset(name for state in self.every_state() for name in state.inside)

    def calls(self) -> Iterator[Call]:
        return (call for state in self.every_state() for call in state.calls)


def flow(states: Iterable[State]) -> Flow:
    """The flow that begins with the first of `states`."""
    ordered = tuple(states)
    return Flow(ordered[0].name, ordered)


def catch_all(next_state: str | None, path: str = "$.failure") -> tuple[Catch, ...]:
    """One catcher of every error; none where `next_state` is None: what is around the state catches its errors."""
    return (Catch(ALL_ERRORS, next_state, path),) if next_state else ()
