"""The rules of EventBridge that bring signals to the refresh event processor, as few as their patterns fit into.

Fields of the events: docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html, .../AmazonS3/latest/userguide/ev-events.html,
.../eventbridge/latest/ref/events-ref-glue.html. A pattern joins names: the function that receives the event compares exactly.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from headgate.generator.model.accounts import Home, home_of
from headgate.generator.model.files import ACCOUNT
from headgate.generator.model.mesh import Mesh
from headgate.generator.model.signal import Signal
from headgate.generator.plan.landing import MAX_PATTERN, OWN_ACCOUNT, widest

MAX_RULES = 100  # of the 300 that the default bus of an account has: others need theirs
SOURCE = "openlineage"
DATA_CHANGES = ("CreatePartition", "BatchCreatePartition", "UpdatePartition", "BatchUpdatePartition", "UpdateTable")
Value = Any  # a text or a call of a CloudFormation function


@dataclass(frozen=True, slots=True)
class SignalRule:
    """A rule in a home, on the default bus, or on the domain's for events of OpenLineage. `account` is that of the events, None where it is the home's."""

    home: Home | None
    kind: str
    number: int
    account: str | None
    pattern: dict[str, Any]

    @property
    def logical_id(self) -> str:
        place = (
            "".join(each for each in f"{self.home.account}{self.home.region}" if each.isalnum()) if self.home else ""
        )
        return f"signal{self.kind.title()}{self.account or ''}Part{self.number}" + (f"In{place}" if place else "")

    @property
    def name(self) -> str:
        return f"signal-{self.kind}-" + (f"{self.account}-" if self.account else "") + str(self.number)

    @property
    def on_domain_bus(self) -> bool:
        return self.kind == "openlineage"


@dataclass(frozen=True, slots=True)
class Signals:
    """The rules of all homes."""

    rules: tuple[SignalRule, ...] = ()

    def homes(self) -> list[Home]:
        return sorted({each.home for each in self.rules if each.home})

    def forwarders(self) -> list[tuple[Home | None, str, bool, list[str]]]:
        """The accounts whose events come from elsewhere: (home, account, whether they come to the domain's bus, the sources of the events)."""
        found: dict[tuple[Home | None, str, bool], set[str]] = {}
        for each in self.rules:
            if each.account and (each.home is None or each.account != each.home.account):
                found.setdefault((each.home, each.account, each.on_domain_bus), set()).update(each.pattern["source"])
        return [(*key, sorted(sources)) for key, sources in sorted(found.items(), key=repr)]


NONE = Signals()


def signals(mesh: Mesh) -> Signals:
    """The rules for the signals of the mesh."""
    alike: dict[tuple[Home | None, str, str | None], list[Signal]] = {}
    for _, product in sorted(mesh.products.items()):
        signal = product.signal
        if signal and product.pipeline is None:
            home = home_of(mesh, product.domain)
            account = None if home and signal.account == home.account else signal.account
            alike.setdefault((home, signal.kind, account), []).append(signal)
    found = []
    for (home, kind, account), members in sorted(alike.items(), key=repr):
        for number, part in enumerate(_parts(kind, account, members), start=1):
            found.append(SignalRule(home, kind, number, account, part))
    return Signals(tuple(found))


def _parts(kind: str, account: str | None, members: Iterable[Signal]) -> Iterator[dict[str, Any]]:
    """Patterns that hold all of the signals."""
    taken: list[Signal] = []
    for each in sorted(members, key=repr):
        if taken and len(orjson.dumps(_pattern(kind, account, [*taken, each]))) > MAX_PATTERN:
            yield _pattern(kind, account, taken)
            taken = []
        taken.append(each)
    if taken:
        yield _pattern(kind, account, taken)


def _pattern(kind: str, account: str | None, members: list[Signal]) -> dict[str, Any]:
    abouts = [each.about for each in members]
    of_account = [account or OWN_ACCOUNT]
    match kind:
        case "openlineage":
            dataset = {key: _each(each[key] for each in abouts) for key in ("namespace", "name")}
            return _frame(
                [SOURCE],
                "OpenLineage RunEvent",
                of_account,
                {"eventType": ["COMPLETE", "FAIL", "ABORT"], "outputs": dataset},
            )
        case "states":
            statuses = ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"]
            machines = [_machine_arn(each["machine"], of_account[0]) for each in abouts]
            return _frame(
                ["aws.states"],
                "Step Functions Execution Status Change",
                of_account,
                {"status": statuses, "stateMachineArn": _each_value(machines)},
            )
        case "table":
            tables = {
                "databaseName": _each(each["database"] for each in abouts),
                "tableName": _each(each["name"] for each in abouts),
            }
            return _frame(
                ["aws.glue"],
                "Glue Data Catalog Table State Change",
                of_account,
                {**tables, "typeOfChange": list(DATA_CHANGES)},
            )
        case _:
            buckets = {"name": _each_value(_bucket(each["bucket"]) for each in abouts)}
            prefixes = widest(each.naming["prefix"] for each in members if each.naming)
            keys = {} if "" in prefixes else {"object": {"key": [{"prefix": each} for each in prefixes]}}
            return _frame(["aws.s3"], "Object Created", of_account, {"bucket": buckets, **keys})


def _frame(source: list[str], detail_type: str, account: list[Value], detail: dict[str, Any]) -> dict[str, Any]:
    return {"source": source, "detail-type": [detail_type], "account": account, "detail": detail}


def _each(values: Iterable[str]) -> list[str]:
    return sorted(set(values))


def _each_value(values: Iterable[Value]) -> list[Value]:
    return list({repr(each): each for each in values}.values())


def _machine_arn(machine: str, account: Value) -> Value:
    if machine.startswith("arn:"):
        return machine
    of_account = account if isinstance(account, str) else "${AWS::AccountId}"
    return {"Fn::Sub": f"arn:${{AWS::Partition}}:states:${{AWS::Region}}:{of_account}:stateMachine:{machine}"}


def _bucket(name: str) -> Value:
    return {"Fn::Sub": name.replace(ACCOUNT, "${AWS::AccountId}")} if ACCOUNT in name else name
