"""Texts that fit into a message: cut at the end of a word and marked, each for itself; and a cause with what matters first."""

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate

MARK = " …"
NEAR = 80  # characters: an exception that begins before needs not be moved to the front
LONGEST = 20_000  # characters that are searched for an exception
EXCEPTION = re.compile(
    r"(?:(?<=[\s:;])|^)((?:[A-Za-z_$][\w$]*\.)*[A-Za-z_$][\w$]*(?:Error|Exception|Interrupt|Exit|Failure)(?![\w$.])(?::[ \t][^\n]*)?)"
)
PYTHON_PLACE = re.compile(r'File "([^"\n]{1,300})", line (\d+)')
JAVA_PLACE = re.compile(r"\bat ([\w.$<>]{1,300}\([^()\n]{1,200}\))")
Escape = Callable[[str], str]  # of a text, as it would escape each of its characters


def one_line(text: str) -> str:
    return " ".join(text.split())


def cut(text: str, most: int, escape: Escape = str) -> str:
    """The text, escaped, in at most `most` characters. What is too long ends with a mark, at the end of a word if there is one near;
    what an escaped character became is never split."""
    if len(escape(text)) <= most:
        return escape(text)
    sizes = list(accumulate(len(escape(each)) for each in text[:most]))
    kept = text[: bisect_right(sizes, max(0, most - len(MARK)))]
    words = kept.rpartition(" ")[0]
    return escape((words if len(words) > 0.7 * len(kept) else kept).rstrip()) + MARK[:most]


def fitted(texts: Sequence[str], most: int, escape: Escape = str) -> list[str]:
    """The texts, escaped, in at most `most` characters together. The longest are cut, all to one length: a short text never is because of
    a long one."""
    left, share = most, most
    for place, size in enumerate(sorted(len(escape(each)) for each in texts)):
        share = left // (len(texts) - place)
        if size > share:
            break
        left -= size
        share = most
    return [cut(each, share, escape) for each in texts]


def quoted(text: str) -> str:
    """A cause in one line: the exception first, then where it was raised, then the text as it is. A text that begins with its exception,
    or has none, stays as it is."""
    found = _exception(text[:LONGEST])
    if found is None or found.start(1) < NEAR:
        return one_line(text)
    place = _place(text[:LONGEST], found)
    return f"{one_line(found[1])}{f', at {place}' if place else ''}. In full: {one_line(text)}"


def _exception(text: str) -> re.Match[str] | None:
    """Of a Python traceback the last one, of a Java stack the innermost cause, else the first."""
    python, java = text.rfind("Traceback (most recent call last)"), text.rfind("Caused by:")
    found = list(EXCEPTION.finditer(text, max(python, java, 0)))
    return (found[-1] if python > java else found[0]) if found else None


def _place(text: str, exception: re.Match[str]) -> str:
    if python := list(PYTHON_PLACE.finditer(text, 0, exception.start())):
        return f"{python[-1][1]} line {python[-1][2]}"
    java = JAVA_PLACE.search(text, exception.start())
    return java[1] if java else ""
