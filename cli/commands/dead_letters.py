"""`headgate dead-letters`: what was refused or could not be processed, why, and sending it once more."""

import argparse
import json
import re

from headgate.cli import terminal
from headgate.cli.application import inquire
from headgate.cli.arguments import add_application
from headgate.cli.errors import FINDINGS, FINE
from headgate.cli.formatting import Clock, Entry, plural, printable
from headgate.cli.operate import operate

SHORT = 8  # characters of an id that name a message


def add(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    add_application(actions.add_parser("list", help="each message with the reason why it lies there"))
    show = actions.add_parser("show", help="one message, whole")
    show.add_argument("letter", type=_id, metavar="ID", help="the id of a message, as `list` has it")
    add_application(show)
    redrive = actions.add_parser("redrive", help="send messages once more to the queue they came from")
    which = redrive.add_mutually_exclusive_group(required=True)
    which.add_argument("letter", type=_id, metavar="ID", nargs="?", help="the id of a message, as `list` has it")
    which.add_argument("--all", action="store_true", help="all messages of all queues")
    add_application(redrive)


def run(arguments: argparse.Namespace) -> int:
    """Exit code 1 if `list` finds a message, or `redrive` leaves one."""
    return {"list": _list, "show": _show, "redrive": _redrive}[arguments.action](arguments)


def _list(arguments: argparse.Namespace) -> int:
    answer = inquire(arguments, "dead_letters")
    code = FINDINGS if answer["letters"] or any("reason" in each for each in answer["queues"]) else FINE
    if arguments.json:
        terminal.print_json(answer)
        return code
    clock = Clock(None, answer["asked_at"][:10])
    if answer["letters"]:
        rows = [["id", "queue", "sent", "message", "reason"]]
        rows += [
            [
                each["id"][:SHORT],
                each["queue"],
                clock(each["sent_at"]),
                printable(each["subject"]),
                printable(each["reason"]),
            ]
            for each in answer["letters"]
        ]
        terminal.table(rows, heading=True)
    for queue in answer["queues"]:
        _print_rest(queue, sum(each["queue"] == queue["queue"] for each in answer["letters"]))
    if code == FINE:
        terminal.line("The dead letter queues are empty.")
    elif answer["letters"]:
        terminal.line(
            "`headgate dead-letters show ID` prints a message. Once the cause is removed, `headgate dead-letters redrive ID` or "
            "`--all` sends it once more; what is refused again lies here again."
        )
    return code


def _print_rest(queue: Entry, listed: int) -> None:
    if "reason" in queue:
        terminal.line(f"{queue['queue']} was not read: {queue['reason']}")
    elif queue["messages"] > listed:
        terminal.line(f"and about {queue['messages'] - listed:,} more in {queue['queue']}")


def _show(arguments: argparse.Namespace) -> int:
    letter = inquire(arguments, "dead_letter", letter=arguments.letter)
    if arguments.json:
        terminal.print_json(letter)
        return FINE
    terminal.line(f"{letter['id']} in {letter['queue']}, sent {letter['sent_at']}")
    terminal.line(f"reason: {printable(letter['reason'])}")
    if not letter["redrivable"]:
        terminal.line("It cannot be redriven: it was not on its way to a queue of this application.")
    print(printable(_body(letter["body"])))
    return FINE


def _redrive(arguments: argparse.Namespace) -> int:
    result = operate(arguments, "redrive", letter=arguments.letter, all=arguments.all or None)
    code = FINDINGS if result["left"] or result["more"] else FINE
    if arguments.json:
        terminal.print_json(result)
        return code
    sent = len(result["redriven"])
    if sent or code == FINE:
        again = "; what is refused again lies there again" if sent else ""
        terminal.line(f"{plural(sent, 'message')} sent once more{again}.")
    if doubtful := len(result.get("in_doubt", ())):
        terminal.line(
            f"Of {plural(doubtful, 'alert')} it was not known whether it had been delivered: the recipients may receive it twice."
        )
    for each in result["left"]:
        named = f"{each['id'][:SHORT]} in {each['queue']} stays" if "id" in each else f"{each['queue']} was not read"
        terminal.line(f"{named}: {printable(each['reason'])}")
    if result["more"]:
        terminal.line("There are more: `headgate dead-letters redrive --all` goes on.")
    return code


def _body(text: str) -> str:
    """JSON in lines; another text as it is."""
    try:
        return json.dumps(json.loads(text), indent=2)
    except (ValueError, RecursionError):
        return text


def _id(text: str) -> str:
    if not re.fullmatch(r"[0-9a-f-]{8,36}", text):
        raise argparse.ArgumentTypeError(
            f"{text}: expected the id of a message, or its first {SHORT} characters, as `list` has it"
        )
    return text
