"""The condition of a run as lines of text: groups and inputs, each with what has become of it."""

from collections.abc import Iterator

from headgate.cli.formatting import Clock, Entry, input_name

GROUPS = {"all_of": "all of", "any_of": "one of"}
STATES = {"arrived": "holds", "missing": "does not hold yet", "impossible": "cannot hold any more"}


def condition(node: Entry, clock: Clock, depth: int = 0) -> Iterator[str]:
    """A line for each group and each input, its members below it."""
    for operator, name in GROUPS.items():
        if operator in node:
            yield f"{'  ' * depth}{name}: {STATES[node['state']]}"
            for member in node[operator]:
                yield from condition(member, clock, depth + 1)
    for each in node.get("cycles", [] if "state" not in node or set(GROUPS) & set(node) else [node]):
        yield "  " * depth + _input(each, clock)


def _input(each: Entry, clock: Clock) -> str:
    date = f" for {each['business_date']}" if "business_date" in each else ""
    cycle = f" {each['cycle']}" if "cycle" in each else ""
    statuses = "" if each["status"] == ["COMPLETED"] else f" ({' or '.join(each['status'])})"
    return f"{input_name(each['product'])}{date}{cycle}{statuses}: {_state(each, clock)}"


def _state(each: Entry, clock: Clock) -> str:
    event = each.get("event", {})
    match each["state"]:
        case "waived":
            return f"waived by {each['by']} at {clock(each['at'])}"
        case "arrived":
            attempt = f", attempt {event['attempt']}" if event.get("attempt", 1) > 1 else ""
            account = f", of account {event['account']}" if "account" in event else ""
            signal = f", by {event['signal']}" if "signal" in event else ""
            return f"arrived at {clock(each['at'])}{attempt}{account}{signal}"
        case "impossible":
            return f"does not come: {event['status']} at {clock(each['at'])}"
    return "missing" + (f", usually at {clock(each['expected_at'])}" if "expected_at" in each else "")
