"""The signal of a product as the catalog holds it."""

from typing import Any

from headgate.generator.model.signal import Signal

Entry = dict[str, Any]


def signal_entry(signal: Signal) -> Entry:
    """`subject` is what the functions find it by: a bucket, a table, a machine, a dataset. `{account}` is filled in where the catalog is loaded."""
    return {
        "kind": signal.kind,
        "subject": subject(signal),
        "account": signal.account,
        "naming": signal.naming,
        "date": signal.date,
        "cycle": signal.cycle,
        "settle": signal.settle,
    }


def subject(signal: Signal) -> str:
    """As events name what the signal is about."""
    about = signal.about
    match signal.kind:
        case "openlineage":
            return f"{about['namespace']}\n{about['name']}"
        case "states":
            return str(about["machine"]).rsplit(":", 1)[-1]
        case "table":
            return f"{about['database']}.{about['name']}"
        case _:
            return str(about["bucket"])
