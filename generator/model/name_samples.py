"""Names that a pattern matches, built from its parts; and what in a pattern takes too long on some names.

The parts are those that Python's own compiler sees (`re._parser`), which has no public form.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib import import_module
from itertools import product
from typing import Any

op: Any = import_module("re._constants")
_parser: Any = import_module("re._parser")
Groups = Mapping[str, str]
Node = tuple[Any, Any]
MOST = 16  # samples of one pattern
ALPHABET = "a0A_-. /+%~" + "".join(map(chr, range(33, 127)))
REPEATS = (op.MAX_REPEAT, op.MIN_REPEAT)
WIDE = ("a", "0", "_")  # a repeat that takes all of these takes a separator as well
MOST_WIDE = 2


def samples(pattern: str, groups: Groups | None = None) -> list[str]:
    """Names that the pattern matches, at most 16, in which the named groups have the given texts. None may be left: of a group that cannot
    have its text, and where parts look at others (`(?!...)`), which is not followed."""
    wanted = groups or {}
    parsed, compiled = _parsed(pattern), re.compile(pattern)
    index = {number: name for name, number in compiled.groupindex.items()}
    forced = {index_of: wanted[name] for index_of, name in index.items() if name in wanted}
    found = dict.fromkeys(_sequence(parsed, forced))
    return [each for each in found if _has(compiled.fullmatch(each), wanted)][:MOST]


def _has(found: re.Match[str] | None, groups: Groups) -> bool:
    return found is not None and all(found.groupdict().get(name) == text for name, text in groups.items())


@lru_cache(maxsize=256)
def _parsed(pattern: str) -> Any:
    return _parser.parse(pattern)


def _sequence(nodes: Any, forced: Mapping[int, str]) -> list[str]:
    texts = [""]
    for node in nodes:
        texts = ["".join(pair) for pair in product(texts, _texts(node, forced))]
        texts = texts[: 4 * MOST]
    return texts


def _texts(node: Node, forced: Mapping[int, str]) -> list[str]:
    """Some texts of one part."""
    kind, value = node
    if kind is op.LITERAL:
        return [chr(value)]
    if kind is op.SUBPATTERN:
        return [forced[value[0]]] if value[0] in forced else _sequence(value[3], forced)
    if kind is op.BRANCH:
        return [text for branch in value[1] for text in _sequence(branch, forced)][:MOST]
    if kind in REPEATS or kind is op.POSSESSIVE_REPEAT:
        least, most, inner = value
        once = _sequence(inner, forced)
        counts = dict.fromkeys((least, min(most, max(least, 1))))
        return [text * count for count in counts for text in (once if count else [""])][:MOST]
    if kind is op.ATOMIC_GROUP:
        return _sequence(value, forced)
    if kind in (op.IN, op.ANY, op.NOT_LITERAL):
        return [_taken(node)[:1]]
    return [""]  # a position, a look at other parts, or a reference to a group


@lru_cache(maxsize=1024)
def _characters(source: str) -> str:
    compiled = re.compile(source)
    return "".join(each for each in ALPHABET if compiled.fullmatch(each))


def _taken(node: Node) -> str:
    """The characters of the alphabet that a part of one character takes."""
    kind, value = node
    if kind is op.LITERAL:
        return chr(value)
    if kind is op.ANY:
        return ALPHABET
    if kind is op.NOT_LITERAL:
        return ALPHABET.replace(chr(value), "")
    return _of_set(value)


def _of_set(members: Any) -> str:
    negated, source = False, ""
    for kind, value in members:
        if kind is op.NEGATE:
            negated = True
        elif kind is op.LITERAL:
            source += re.escape(chr(value))
        elif kind is op.RANGE:
            source += f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}"
        elif kind is op.CATEGORY:
            source += CATEGORIES[value]
    return _characters(f"[{'^' if negated else ''}{source}]")


CATEGORIES = {
    op.CATEGORY_DIGIT: r"\d",
    op.CATEGORY_NOT_DIGIT: r"\D",
    op.CATEGORY_SPACE: r"\s",
    op.CATEGORY_NOT_SPACE: r"\S",
    op.CATEGORY_WORD: r"\w",
    op.CATEGORY_NOT_WORD: r"\W",
}


def slow(pattern: str) -> str | None:
    """Why some name of 1,024 bytes would take the matcher very long; None if none does, as far as its repeats show it."""
    parsed = _parsed(pattern)
    if any(_varies(inner) for repeat in _repeats(parsed) if _many(repeat) for inner in _inside(repeat)):
        return "a repeat of any length inside another one"
    wide = sum(1 for repeat in _repeats(parsed) if repeat[1] is op.MAXREPEAT and _takes_all(repeat[2]))
    if wide > MOST_WIDE:
        return f"{wide} repeats of any length that take any character, where {MOST_WIDE} are the most"
    return None


def _many(repeat: Any) -> bool:
    return bool(repeat[1] is op.MAXREPEAT or repeat[1] > 8)


def _inside(repeat: Any) -> Iterator[Any]:
    return _repeats(repeat[2])


def _varies(repeat: Any) -> bool:
    return bool(repeat[0] != repeat[1] and repeat[1] > 1)


def _takes_all(nodes: Any) -> bool:
    return len(nodes) == 1 and nodes[0][0] in (op.IN, op.ANY, op.NOT_LITERAL) and set(WIDE) <= set(_taken(nodes[0]))


def _repeats(nodes: Any) -> Iterator[Any]:
    """Every repeat that can try other lengths: (least, most, what is repeated)."""
    for kind, value in nodes:
        if kind in REPEATS:
            yield value
            yield from _repeats(value[2])
        elif kind is op.SUBPATTERN:
            yield from _repeats(value[3])
        elif kind is op.BRANCH:
            for branch in value[1]:
                yield from _repeats(branch)
        elif kind in (op.ASSERT, op.ASSERT_NOT):
            yield from _repeats(value[1])
        elif kind is op.ATOMIC_GROUP:
            yield from _repeats(value)
        elif kind is op.POSSESSIVE_REPEAT:
            yield from _repeats(value[2])
