"""The files of the default day: for a product that waits for files, a set that is complete."""

import json
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from itertools import product
from zoneinfo import ZoneInfo

from headgate.generator.file_names import filled_in, named
from headgate.generator.model.files import Source
from headgate.generator.model.mesh import Mesh
from headgate.generator.model.name_samples import samples
from headgate.generator.model.product import Product
from headgate.generator.model.schedule import shift

MOST_BYTES = 1_000_000
BEFORE = timedelta(minutes=10)  # the opening that takes them
LANDS = time(0, 30)  # where its arrival dates a file


def files_of(mesh: Mesh, owner: Product, day: date, cycle: str) -> list[tuple[str, str, bytes]]:
    """(bucket, key, content) of each file; none for a product without files, and where the pattern does not show an example."""
    source, bucket = owner.files, mesh.bucket_of(owner)
    if source is None or bucket is None or source.min_bytes > MOST_BYTES:
        return []
    written = day if source.sweep else shift(day, -source.date["offset"], mesh.calendar_of(owner))
    made = list(_names(source, written, cycle))
    read = [named(source.naming(), source.prefix + name) for name, _ in made]
    if not all(each and not each.problem and each.date in (None, written.isoformat()) for each in read):
        return []
    return [(bucket.name, source.prefix + name, content or b"x" * source.min_bytes) for name, content in made]


def lands(mesh: Mesh, owner: Product, day: date, otherwise: datetime) -> datetime:
    """When they land: on their date where the arrival is that, and before the opening that takes them."""
    source = owner.files
    if source and source.sweep:
        return otherwise - BEFORE
    if source is None or "group" in source.date:
        return otherwise
    at = shift(day, -source.date["offset"], mesh.calendar_of(owner))
    return datetime.combine(at, LANDS, ZoneInfo(source.date["timezone"]))


def _names(source: Source, day: date, cycle: str) -> Iterator[tuple[str, bytes]]:
    """The names of a complete set after the prefix, and the content of those that have one."""
    groups = {source.date["group"]: day.strftime(source.date["format"])} if "group" in source.date else {}
    groups |= {source.cycle["group"]: cycle} if source.cycle and cycle else {}
    complete, naming = source.complete, source.naming()
    if source.way == "names":
        yield from ((filled_in(each, naming, day.isoformat(), cycle), b"") for each in complete["names"])
        return
    wanted = [groups]
    if source.way == "values":
        facets = product(*(((group, value) for value in values) for group, values in complete["values"].items()))
        wanted = [groups | dict(each) for each in facets]
    elif source.way == "parts":
        wanted = [groups | {"part": "1", "parts": "1"}]
    found = [name for each in wanted for name in samples(source.pattern, each)[: complete.get("count", 1)]]
    if len(found) < complete.get("count", len(wanted)):
        yield "", b""  # no source has it: nothing is known
        return
    yield from ((each, b"") for each in found)
    if "manifest" in complete:
        keys = complete["manifest"]
        entries = [{keys["file"]: each} | ({keys["size"]: source.min_bytes} if keys["size"] else {}) for each in found]
        yield filled_in(keys["name"], naming, day.isoformat(), cycle), json.dumps({keys["entries"]: entries}).encode()
    if "marker" in complete:
        yield filled_in(complete["marker"], naming, day.isoformat(), cycle), b"done"
