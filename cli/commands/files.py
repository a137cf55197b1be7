"""`headgate files`: what has landed, what became of it, and what operators decide about single files."""

import argparse

from headgate.cli import terminal
from headgate.cli.application import inquire
from headgate.cli.arguments import add_application, add_date, product_name, whole_number
from headgate.cli.batch_report import batch_lines
from headgate.cli.errors import FINE
from headgate.cli.formatting import Clock, Entry, next_sweep, plural, printable, size, uncut
from headgate.cli.operate import operate

STATUSES = ("RECEIVED", "CLAIMED", "PROCESSED", "REJECTED", "FAILED", "SUPERSEDED", "IGNORED", "UNMATCHED")
NUMBER = whole_number("the number of a file, such as 12", 1, 2**31 - 1)


def add(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listed = actions.add_parser("list", help="the files that have landed, the latest first")
    listed.add_argument("product", type=product_name, metavar="DOMAIN/PRODUCT", nargs="?")
    add_date(listed, default="all dates")
    listed.add_argument("--status", choices=STATUSES, help="those that are it")
    listed.add_argument("--batch", type=NUMBER, metavar="N", help="those of a batch, by its number")
    listed.add_argument("--name", metavar="TEXT", help="those whose names begin so, after the prefix of the product")
    add_application(listed)
    add_application(actions.add_parser("unmatched", help="the files that are of no product"))
    show = actions.add_parser("show", help="one file, with what happened to it")
    show.add_argument("file", type=NUMBER, metavar="ID", help="the number of a file, as `list` has it")
    add_application(show)
    batch = actions.add_parser("batch", help="one batch of files, with its job run and what became of its files")
    batch.add_argument(
        "batch", type=NUMBER, metavar="N", help="the number of a batch, as `list` and `headgate why` have it"
    )
    add_application(batch)
    for name, does in (
        ("retry", "let files count that were rejected, failed or ignored"),
        ("ignore", "let files count no more"),
    ):
        action = actions.add_parser(name, help=does)
        action.add_argument("file", type=NUMBER, metavar="ID", nargs="+", help="the number of a file, as `list` has it")
        action.add_argument("--reason", help="why, for `files show`")
        add_application(action)


def run(arguments: argparse.Namespace) -> int:
    return {"list": _list, "unmatched": _unmatched, "show": _show, "batch": _batch}.get(arguments.action, _act)(
        arguments
    )


def _list(arguments: argparse.Namespace) -> int:
    given = {"product": arguments.product, "business_date": arguments.date, "status": arguments.status}
    given |= {"batch": arguments.batch, "name": arguments.name}
    return _print(arguments, inquire(arguments, "files", **given), "No files.")


def _unmatched(arguments: argparse.Namespace) -> int:
    return _print(arguments, inquire(arguments, "files", status="UNMATCHED"), "Every file is of a product.")


def _print(arguments: argparse.Namespace, answer: Entry, nothing: str) -> int:
    if arguments.json:
        terminal.print_json(answer)
        return FINE
    clock = Clock(None, answer["asked_at"][:10])
    rows = [["id", "product", "date", "received", "size", "status", "batch", "file"]]
    rows += [
        [
            str(each["file"]), each.get("product", ""), " ".join(each[key] for key in ("business_date", "cycle") if key in each),
            clock(each["received_at"]), size(each["size"]), each["status"], str(each.get("batch", "")), _named(each, clock),
        ]
        for each in answer["files"]
    ]  # fmt: skip
    if answer["files"]:
        terminal.table(rows, heading=True)
    else:
        terminal.line(nothing)
    if answer["more"]:
        terminal.line("There are more: choose a product, a date, a status, a batch or how the name begins.")
    return FINE


def _named(each: Entry, clock: Clock) -> str:
    if "sweep" in each:
        return f"{printable(each['name'])}: waits for {next_sweep(each['sweep'], clock)}"
    return printable(each["name"]) + (f": {printable(each['reason'])}" if "reason" in each else "")


def _show(arguments: argparse.Namespace) -> int:
    file = inquire(arguments, "file", file=arguments.file)
    if arguments.json:
        terminal.print_json(file)
        return FINE
    clock = Clock(None, file["asked_at"][:10])
    version = f", version {file['version_id']}" if "version_id" in file else ""
    terminal.line(f"File {file['file']}: s3://{file['bucket']}/{printable(file['name'])}{version}")
    of = (
        f"a {'file' if file['kind'] == 'data' else file['kind']} of {file['product']}"
        if "product" in file
        else "of no product"
    )
    date = f" for {file['business_date']}" if "business_date" in file else ""
    date = f" that waits for {next_sweep(file['sweep'], clock)}" if "sweep" in file else date
    terminal.line(
        f"{of}{date}{' ' + file['cycle'] if 'cycle' in file else ''}; {size(file['size'])}, put at {clock(file['put_at'])}"
    )
    if facets := file.get("facets"):
        terminal.line(", ".join(f"{name} {value}" for name, value in sorted(facets.items())))
    _show_load(file)
    history, more = uncut(file["history"])
    for each in [*history, {**file, "at": file["changed_at"]}]:
        reason = f": {printable(each['reason'])}" if "reason" in each else ""
        terminal.line(f"  {clock(each['at'], seconds=True)}  {each['status']} by {each['by']}{reason}")
    if not file.get("retriable", True):
        cycle = f" --cycle {file['cycle']}" if "cycle" in file else ""
        terminal.line(
            "Its job said that no retry helps. Once the cause is mended, this tries it again: "
            f"`headgate rerun {file['product']} --date {file['business_date']}{cycle}`"
        )
    others = [each for each in uncut(file["versions"])[0] if each["file"] != file["file"]]
    if others:
        terminal.line("Other versions: " + ", ".join(f"{each['file']} ({each['status']})" for each in others))
    if more:
        terminal.line(f"and {more:,} more changes")
    return FINE


def _batch(arguments: argparse.Namespace) -> int:
    found = inquire(arguments, "batch", batch=arguments.batch)
    if arguments.json:
        terminal.print_json(found)
        return FINE
    for text in batch_lines(found, Clock(None, found["business_date"])):
        terminal.line(text)
    return FINE


def _show_load(file: Entry) -> None:
    """What the job run that had the file said of it."""
    if "batch" in file:
        terminal.line(f"batch {file['batch']}: `headgate files batch {file['batch']}`")
    counts = [f"{file[f'rows_{what}']:,} {what}" for what in ("read", "written", "rejected") if f"rows_{what}" in file]
    if counts:
        terminal.line(f"rows: {', '.join(counts)}; job run {file['job_run_id']}")
    checks, more = uncut(file.get("checks", []))
    for each in checks:
        found = f", found {each['value']}" if "value" in each else ""
        terminal.line(f"  fails ({each['severity']}) {printable(each['rule'])}{found}")
    if more:
        terminal.line(f"  and {more:,} more rules")


def _act(arguments: argparse.Namespace) -> int:
    result = operate(arguments, f"{arguments.action}_files", files=arguments.file, reason=arguments.reason)
    if arguments.json:
        terminal.print_json(result)
        return FINE
    done = (
        {"retry": "counts again", "ignore": "is ignored"}
        if len(result["files"]) == 1
        else {"retry": "count again", "ignore": "are ignored"}
    )
    started = f"; {plural(result['released'], 'run')} released" if result["released"] else ""
    terminal.line(f"{plural(len(result['files']), 'file')} {done[arguments.action]}{started}.")
    return FINE
