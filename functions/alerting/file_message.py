"""What alerts about files say. Third parties choose the names of files: each is shown in one line, and what is not a printable character of it as its code."""

from collections.abc import Callable, Iterator
from typing import Any

from alerting.text import one_line

Alert = dict[str, Any]
Fact = tuple[str, str]
OVER = {
    "ARRIVED": "the files of {product} for {business_date} are complete",
    "COMPLETED": "{product} is complete for {business_date}",
    "SKIPPED": "{product} was skipped for {business_date}",
    "CANCELLED": "{product} was cancelled for {business_date}",
    "IGNORED": "the rejected files of {product} for {business_date} are ignored",
}
UNDATED_OVER = {
    "ARRIVED": "files of {product} have arrived since some were rejected",
    "IGNORED": "the rejected files of {product} are ignored",
}
CORRECTED = {
    "notify": "the run is marked as outdated, and nothing runs again by itself",
    "rerun": "the product runs again by itself; what depends on it is outdated until it runs again",
    "rerun_downstream": "the product and everything that depends on it run again by themselves",
    "ignore": "nothing, as its metadata says",
}
DEADLINES = {
    "fail": "then the run fails",
    "start": "then the run starts with what is there",
    "skip": "then the run is skipped",
}


def printable(text: str) -> str:
    """The text in one line, with codes for the characters that are not shown, or change how others are."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def title(alert: Alert) -> str:
    """What has happened, without the name of any file."""
    product, date = alert["product"], alert["business_date"]
    if "over" in alert:
        known = {**OVER, **UNDATED_OVER} if "undated" in alert else OVER
        return known.get(alert["over"], OVER["ARRIVED"]).format(**alert)
    if alert["about"] == "unmatched":
        return f"{_files(alert['unmatched'])} in {alert['bucket']} {_are(alert['unmatched'])} of no product"
    if alert["about"] == "corrected":
        return f"{_files(alert['corrected']['count'])} of {product} for {date} {_was(alert['corrected']['count'])} corrected after use"
    rejected, failed = alert["rejected"], alert.get("failed", 0)
    if alert["about"] == "landing":
        if not rejected:
            return f"the rejected files of {product} for {date} were sent again"
        when = "" if "sweeps" in alert else " without a business date" if "undated" in alert else f" for {date}"
        return f"{_files(rejected)} of {product}{when} {_was(rejected)} rejected"
    parts = [f"{_files(rejected)} {_was(rejected)} rejected"] if rejected else []
    parts += [f"{_files(failed)} could not be loaded"] if failed else []
    return f"{product} for {date}: {' and '.join(parts)}"


def facts(alert: Alert, clock: Callable[[str], str]) -> Iterator[Fact]:
    """Which files, why, and what to do."""
    if "over" in alert:
        return
    shown = alert["corrected"]["files"] if alert["about"] == "corrected" else alert.get("files", ())
    yield from (("File", _file(each, alert["about"])) for each in shown)
    if (more := _count(alert) - len(shown)) > 0:
        yield "More files", f"{more:,}: {_listing(alert)}"
    for key in dict.fromkeys(each["encryption_key"] for each in shown if "encryption_key" in each):
        yield "Access denied to", key
    if alert["about"] == "corrected":
        yield "What follows", CORRECTED[alert["on_correction"]]
        yield from _used_by(alert)
    if "set" in alert:
        yield "Files of the date", alert["set"]
    if "deadline_at" in alert:
        yield "Deadline", f"{clock(alert['deadline_at'])}, {DEADLINES[alert['on_deadline']]}"
    yield from (("To do", each) for each in _to_do(alert, shown))


def _used_by(alert: Alert) -> Iterator[Fact]:
    used = alert.get("used_by")
    if used:
        more = used["count"] - len(used["products"])
        yield (
            "Used the older data",
            f"{used['count']:,}: {', '.join(used['products'])}" + (f" and {more:,} more" if more else ""),
        )
    else:
        yield "Used the older data", "no product that runs here"


def _to_do(alert: Alert, shown: list[dict[str, Any]]) -> Iterator[str]:
    about, product, date = alert["about"], alert["product"], alert["business_date"]
    if about == "unmatched":
        yield "have them sent under a name that a product takes, or deploy a product that takes them: it gets those of thirty days"
    elif about == "corrected":
        if alert["on_correction"] == "notify":
            yield f"if the correction matters: {_command(alert, f'rerun {product} --date {date}')}"
    elif about == "landing":
        if "sweeps" in alert:
            yield "have each sent again; the next sweep takes it"
        elif "undated" in alert:
            yield "have each sent under a name with a business date; those that are not needed: " + _command(
                alert, "files ignore NUMBER"
            )
        elif shown:
            yield "have each sent again under the same name; one that is right as it is: " + _command(
                alert, "files retry NUMBER"
            )
    else:
        statuses = {each["status"] for each in shown}
        if "REJECTED" in statuses:
            yield "have each rejected file corrected and sent again under the same name"
        if any("encryption_key" in each for each in shown):
            yield f"let the role of the job use the key (kms:Decrypt), then {_command(alert, f'rerun {product} --date {date}')}"
        elif "FAILED" in statuses:
            yield f"when the cause is mended: {_command(alert, f'rerun {product} --date {date}')}"


def _file(file: dict[str, Any], about: str) -> str:
    """`positions_US.csv, file 12, 0 bytes: smaller than 1 byte`."""
    said = [
        f"{printable(file['name'])}, file {file['file']}, {file['size']:,} {'byte' if file['size'] == 1 else 'bytes'}"
    ]
    if about == "batches":
        said.append(file["status"])
    if "nearest" in file:
        said.append(f"nearest {file['nearest']}")
    why = dict.fromkeys(printable(one_line(file[each])) for each in ("reason", "rules") if each in file)
    return ": ".join([", ".join(said), *(["; ".join(why)] if why else [])])


def _count(alert: Alert) -> int:
    if alert["about"] == "corrected":
        return int(alert["corrected"]["count"])
    return sum(int(alert.get(key, 0)) for key in ("unmatched", "rejected", "failed"))


def _listing(alert: Alert) -> str:
    if alert["about"] == "unmatched":
        return _command(alert, "files unmatched")
    of_date = "" if "undated" in alert else f" --date {alert['business_date']}"
    return _command(alert, f"files list {alert['product']}{of_date}")


def _command(alert: Alert, what: str) -> str:
    stack = alert.get("stack")
    return f"headgate {what}" + (f" --stack {stack['name']} --region {stack['region']}" if stack else "")


def _files(number: int) -> str:
    return f"{number:,} {'file' if number == 1 else 'files'}"


def _was(number: int) -> str:
    return "was" if number == 1 else "were"


def _are(number: int) -> str:
    return "is" if number == 1 else "are"
