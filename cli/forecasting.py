"""A forecast in words: when a product will be ready, between which moments, and why."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from headgate.cli.formatting import Clock, Entry, Row, input_name

NOTABLE = 5 * 60  # seconds from the usual time that are worth a word
STATES = {"done": "ready", "ended": "ended without a refresh", "unknown": "not known"}


def moment(each: Entry, clock: Clock) -> str:
    """`08:25, between 08:15 and 08:40`"""
    if each["basis"] == "ended" or "expected" not in each:
        return STATES["ended" if each["basis"] == "ended" else "unknown"]
    expected = clock(each["expected"])
    if each["basis"] == "done":
        return f"ready since {expected}"
    if "high" not in each:
        return f"not before {expected}" if each["basis"] != "deadline" else f"by {expected}"
    low, high = clock(each["low"]), clock(each["high"])
    return expected if low == high else f"{expected}, between {low} and {high}"


def reason(each: Entry) -> str:
    """Why it is then; empty where there is nothing to say."""
    own, product = each["basis"], str(each.get("because", each["product"]))
    basis, late = str(each.get("because_basis", own)), each.get("because_late")
    name = input_name(product) if "because" in each else ""
    if own == "running" and "expected" not in each:
        return "it has no history"
    match basis:
        case "held":
            return f"{name or 'it'} is held"
        case "failed":
            return f"{name or 'it'} has failed"
        case "ended" | "unknown" if name:
            return f"nothing is known of {name}"
        case "unknown" if "waits_for" in each:
            return f"nothing is known of {input_name(each['waits_for'])}"
        case "unknown":
            return "it has no history"
        case "deadline":
            return f"{name or 'it'} has no history; this is its deadline"
        case "done" if own == "done":
            return later(late)
    if not late or abs(late) < NOTABLE:
        return f"waits for {input_name(each['waits_for'])}" if own == "waiting" and "waits_for" in each else ""
    verb = {"done": "came", "running": "runs", "source": "comes", "waiting": "is"}[basis]
    return f"{name or 'it'} {verb} {later(late).replace('later', 'longer') if basis == 'running' else later(late)}"


def later(seconds: float | None) -> str:
    """`40 minutes later than usual`; empty where it is as usual."""
    if seconds is None or abs(seconds) < NOTABLE:
        return ""
    minutes = round(abs(seconds) / 60)
    hours, rest = divmod(minutes, 60)
    spelled = f"{minutes} minutes" if minutes < 120 else f"{hours} h {rest:02} min"
    return f"{spelled} {'later' if seconds > 0 else 'earlier'} than usual"


def sentence(each: Entry, clock: Clock) -> str:
    """`08:25, between 08:15 and 08:40: raw/rd4 comes 40 minutes later than usual`"""
    return ": ".join(part for part in (moment(each, clock), reason(each)) if part)


def rows(products: list[Entry], clock: Clock) -> Iterator[Row]:
    """What is at risk first, then by the moment; of what is due when."""
    for each in sorted(
        products,
        key=lambda one: (not one.get("at_risk"), one["basis"] == "done", one.get("expected", "9"), one["product"]),
    ):
        name = " ".join(part for part in (each["product"], each.get("cycle")) if part)
        due = f"due {clock(each['due_at'])}" if "due_at" in each else ""
        yield [name, "AT RISK" if each.get("at_risk") else "", due, sentence(each, clock)]


def path(product: str, products: list[Entry]) -> list[tuple[Entry, float | None]]:
    """The chain of inputs that decides when the product is ready, it last, each with the seconds that it adds; None where that is not known."""
    by_name = {each["product"]: each for each in products}
    found: list[Entry] = []
    while product in by_name and by_name[product] not in found:
        found.insert(0, by_name[product])
        product = found[0].get("waits_for", "")
    ends = [datetime.fromisoformat(each["expected"]) if "expected" in each else None for each in found]
    added = [
        (end - before) / timedelta(seconds=1) if end is not None and before is not None else None
        for before, end in zip([None, *ends], ends, strict=False)
    ]
    return list(zip(found, added, strict=True))


def explained(product: str, cycle: str | None, products: list[Entry], clock: Clock) -> Iterator[str]:
    """Of one run that goes on when it is expected and, where that is not up to itself alone, the chain of inputs that decides."""
    own = next((each for each in products if (each["product"], each.get("cycle")) == (product, cycle)), None)
    if own is None or "expected" not in own or own["basis"] in ("done", "ended", "deadline"):
        return
    risk = f", at risk: due by {clock(own['due_at'])}" if own.get("at_risk") else ""
    yield f"Expected: {sentence(own, clock)}{risk}."
    chain = path(product, products)
    if len(chain) > 1:
        links = (f"{input_name(each['product'])} {clock(each.get('expected')) or '(not known)'}" for each, _ in chain)
        yield f"Critical path: {', '.join(links)}."
