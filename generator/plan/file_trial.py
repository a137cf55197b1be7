"""What the name of a file would become: whose it is, and what it says; or where the nearest pattern stops matching."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import takewhile

from headgate.generator.file_names import Named, named
from headgate.generator.model.files import ACCOUNT, Bucket, Source
from headgate.generator.model.mesh import Mesh
from headgate.generator.model.product import Product
from headgate.generator.model.schedule import shift

ADDRESS = re.compile(r"s3://([^/]+)/(.+)")


@dataclass(frozen=True, slots=True)
class Taken:
    """A file of `product`. `business_date` is None where its arrival decides, or the opening by which it is `swept`; with a `problem` the file is
    rejected."""

    product: str
    bucket: str
    key: str
    kind: str
    business_date: str | None
    cycle: str
    facets: dict[str, str]
    problem: str | None
    swept: bool


@dataclass(frozen=True, slots=True)
class Nearest:
    """The source whose pattern goes furthest: it matches the name up to `matched`, and wants `wanted` where `rest` stands (both may be empty)."""

    product: str
    matched: str
    rest: str
    wanted: str


def taken(mesh: Mesh, name: str) -> list[Taken]:
    """Who would take the file: `s3://bucket/key`, a key, or what follows the prefix of a source."""
    bucket, key = _split(name)
    found: list[Taken] = []
    for added in (False, True):
        for product, of, source in _sources(mesh, bucket):
            whole = source.prefix + key if added else key
            reading = named(source.naming(), whole)
            if reading:
                found.append(_taken(mesh, product, of, whole, reading))
        if found:
            break
    return found


def nearest(mesh: Mesh, name: str) -> Nearest | None:
    """None where no pattern matches even the beginning."""
    bucket, key = _split(name)
    found: Nearest | None = None
    for product, _, source in _sources(mesh, bucket):
        rest = key.removeprefix(source.prefix)
        end, wanted = _reached(source.pattern, rest)
        if end and (found is None or end > len(found.matched)):
            found = Nearest(product.id, rest[:end], rest[end:], wanted)
    return found


def _split(name: str) -> tuple[str | None, str]:
    address = ADDRESS.fullmatch(name)
    return (address[1], address[2]) if address else (None, name)


def _sources(mesh: Mesh, bucket: str | None) -> Iterator[tuple[Product, Bucket, Source]]:
    """The sources of the bucket, by its name in S3, or all of them; those with a pattern that compiles."""
    for key in sorted(mesh.products):
        product = mesh.products[key]
        of, source = mesh.bucket_of(product), product.files
        if of is None or source is None or not _compiles(source.pattern):
            continue
        if bucket is None or re.fullmatch(re.escape(of.name).replace(re.escape(ACCOUNT), r"\d{12}"), bucket):
            yield product, of, source


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except (re.error, OverflowError):
        return False
    return True


def _taken(mesh: Mesh, product: Product, bucket: Bucket, key: str, reading: Named) -> Taken:
    day, problem = reading.date, reading.problem
    calendar = mesh.calendar_of(product)
    if day and product.files:
        moved = shift(date.fromisoformat(day), product.files.date["offset"], calendar)
        day = moved.isoformat()
        if calendar and not calendar.is_business_day(moved):
            problem = f"{day} is no business day of the calendar {calendar.name}"
    return Taken(
        product.id,
        bucket.name,
        key,
        reading.kind,
        day,
        reading.cycle,
        reading.facets,
        problem,
        bool(product.files and product.files.sweep),
    )


def _reached(pattern: str, name: str) -> tuple[int, str]:
    """How far the pattern matches the name from its beginning, and its part that does not match there."""
    parts = _parts(pattern)
    for count in range(len(parts), 0, -1):
        beginning = "".join(parts[:count])
        found = re.match(beginning, name) if _compiles(beginning) else None
        if found:
            return found.end(), _next(parts[count:])
    return 0, _next(parts)


ONE = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|.", re.DOTALL)  # an escape, a set, or a character
LITERAL = re.compile(r"\\[^\w]|[\w -]")
COUNT = re.compile(r"(?:[*+?]|\{\d*,?\d*\})[?+]?")


def _next(parts: list[str]) -> str:
    """The first part, with the characters after it that stand for themselves."""
    return "".join(parts[:1]) + "".join(
        takewhile(LITERAL.fullmatch, parts[1:] if LITERAL.fullmatch("".join(parts[:1])) else [])
    )


def _parts(pattern: str) -> list[str]:
    """The pattern in parts with their repeats; a group is one part, and so is a pattern of alternatives."""
    found: list[str] = []
    depth = start = at = 0
    while at < len(pattern):
        match = ONE.match(pattern, at)
        one = match[0] if match else pattern[at]
        if one == "|" and not depth:
            return [pattern]
        depth += (one == "(") - (one == ")")
        at += len(one)
        if depth == 0:
            count = COUNT.match(pattern, at)
            at = count.end() if count else at
            found.append(pattern[start:at])
            start = at
    return found
