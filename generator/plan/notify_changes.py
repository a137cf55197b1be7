"""What differs between the notifications of two catalogs, as text."""

from typing import Any

from headgate.generator.schemas import channels

Entry = dict[str, Any]


def _severity(incident: Any) -> str:
    """A catalog of a release before has {severity}."""
    return str(incident["severity"] if isinstance(incident, dict) else incident[0])


def notify_listing(old: list[Entry] | None, new: list[Entry] | None) -> str:
    def texts(entries: list[Entry] | None) -> set[str]:
        return {
            f"{kind} {'/'.join(each['on'])}"
            + (" of each step" if each["level"] == "step" else "")
            + (f" to {', '.join(each[kind])}" if kind != "incident" else f" of severity {_severity(each[kind])}")
            for each in entries or ()
            for kind in channels()
            if kind in each
        }

    was, now = texts(old), texts(new)
    parts = [f"+ {each}" for each in sorted(now - was)] + [f"- {each}" for each in sorted(was - now)]
    return ", ".join(parts) or "in another order"
