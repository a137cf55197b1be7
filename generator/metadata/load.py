"""Loads a products folder into a mesh and collects the findings about files that cannot be used as they are."""

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import chain
from pathlib import Path
from typing import Any

import orjson

from headgate.generator.cache import Cache
from headgate.generator.cache import digest as digest_of_bytes
from headgate.generator.findings import Finding
from headgate.generator.metadata import own_types, schema
from headgate.generator.metadata.complete import UNKNOWN
from headgate.generator.metadata.drop_invalid import drop_invalid
from headgate.generator.metadata.files import PRODUCT
from headgate.generator.metadata.inputs import Inputs
from headgate.generator.metadata.intention import intended
from headgate.generator.metadata.json_files import contents_of, with_files
from headgate.generator.metadata.load_beside import (
    buckets_of,
    calendars_of,
    central_of,
    contracts_of,
    document_of,
    domains_of,
    unreadable,
)
from headgate.generator.metadata.merge import merge
from headgate.generator.metadata.python_products import products_of
from headgate.generator.metadata.second_reader import SecondReader, defaults_digest, document_key
from headgate.generator.metadata.shipped_files import ShippedFiles
from headgate.generator.model import build
from headgate.generator.model.mesh import Mesh
from headgate.generator.model.product import Product
from headgate.generator.progress import Progress, silent
from headgate.generator.steps import own_folder

Document = dict[str, Any]


@dataclass
class Loaded:
    """The mesh of everything that could be read, and the findings about the rest.

    `digests` tells for each product which bytes and defaults it came from: equal digest, equal product.
    """

    mesh: Mesh
    findings: list[Finding]
    digests: dict[str, str] = field(default_factory=dict)


def load(inputs: Inputs, cache: Cache, today: date, progress: Progress = silent) -> Loaded:
    """The mesh of the files of `inputs`. What has not changed since an earlier run is neither parsed nor checked again."""
    files = inputs.files
    own = own_folder(inputs.root)
    findings = [*files.misplaced, *own_types.use(own)]
    calendars = calendars_of(inputs, findings)
    central = central_of(inputs, findings)
    domains, defaults = domains_of(inputs, findings)
    buckets = buckets_of(inputs, defaults, findings)
    published = contracts_of(inputs, findings)
    if central:
        domains = {
            name: each if each.region else replace(each, region=central.region) for name, each in domains.items()
        }
    products: dict[str, Product] = {}
    objects: dict[str, Path] = {}
    places = {f"{domain}/{name}": path for (domain, name), path in files.products.items() if path.name == PRODUCT}
    digests: dict[str, str] = {}
    # a broken domain.yaml gives no defaults: a value that is missing then is no error of the product
    inherited = dict.fromkeys((domain for domain, _ in files.products), "broken")
    inherited |= {name: defaults_digest(each) for name, each in defaults.items()}
    broken, partial = set(), set()
    if inputs.files.mesh and not central:
        broken.add("mesh")
    second = SecondReader([*_new(inputs, inherited, cache)], defaults, own)
    for number, ((domain, name), path) in enumerate(files.products.items()):
        progress("reading metadata", number, len(files.products))
        if path == second.first:
            second.receive(cache)
        identity = f"{domain}/{name}"
        try:
            digest = document_key(inputs.digest_of(path), inherited[domain])
            document = cache.get("document", digest)
            data = inputs.data(path) if document is None else b""
        except OSError as error:
            findings.append(unreadable(path, error))
            broken.add(identity)
            continue
        beside = files.beside.get((domain, name))
        files_of = ShippedFiles(identity, path, beside, inputs.data, inputs.digest_of)
        if document is None:
            digest = document_key(inputs.digest_of(path), inherited[domain])
            document, whole = _product_document(data, path, defaults.get(domain), findings)
            if document is None:
                broken.add(identity)
                continue
            if whole:
                cache.put("document", digest, document)
            else:
                partial.add(identity)
        contents = contents_of(document, path, path.parent, inputs, findings)
        if contents is None:
            broken.add(identity)
            continue
        shipped = files_of.of(document, findings, identity not in partial)
        products[identity] = build.product(domain, name, shipped.document, shipped.code, contents)
        objects |= shipped.objects
        digests[identity] = " ".join((with_files(digest, contents), *shipped.objects))
    progress("reading metadata", len(files.products), len(files.products))
    for path in files.python:
        domain = path.parent.name
        for each in products_of(path, _names_in(domain, products, broken), findings):
            identity = f"{domain}/{each.name}"
            places[identity] = each.file
            document, whole = _merged(each.document, each.file, defaults.get(domain), findings)
            contents = None if document is None else contents_of(document, each.file, path.parent, inputs, findings)
            if document is None or contents is None:
                broken.add(identity)
                continue
            shipped = ShippedFiles(identity, each.file, None, inputs.data, inputs.digest_of).of(document, findings)
            products[identity] = build.product(domain, each.name, shipped.document, files=contents)
            digest = document_key(digest_of_bytes(orjson.dumps(each.document)), inherited.get(domain, "broken"))
            digests[identity] = with_files(digest, contents)
            if not whole:
                partial.add(identity)
    mesh = Mesh(
        root=inputs.root,
        products=products,
        domains=domains,
        calendars=calendars,
        today=today,
        broken=frozenset(broken),
        partial=frozenset(partial),
        broken_calendars=frozenset(files.calendars.keys() - calendars.keys()),
        central=central,
        places=places,
        shipped=objects,
        buckets=buckets,
        broken_buckets=frozenset(files.buckets.keys() - buckets.keys()),
        published=published,
    )
    return Loaded(mesh, own_types.without_consequences(findings, own), digests)


def _new(inputs: Inputs, inherited: dict[str, str], cache: Cache) -> Iterator[Path]:
    """The product files that no earlier run has read, save for products that are folders, of which there are few."""
    for (domain, name), path in inputs.files.products.items():
        if (domain, name) in inputs.files.beside:
            continue
        with contextlib.suppress(OSError):
            if cache.get("document", document_key(inputs.digest_of(path), inherited[domain])) is None:
                yield path


def _product_document(
    data: bytes, path: Path, defaults: Document | None, findings: list[Finding]
) -> tuple[Document | None, bool]:
    """The merged document, and whether it is whole; without the domain's defaults it never is."""
    own = document_of(data, path, findings)
    if own is None:
        return None, False
    return _merged(own, path, defaults, findings)


def _names_in(domain: str, *identities: Iterable[str]) -> Iterator[str]:
    """The names of the domain's products among these."""
    return (name for each in chain(*identities) for of, _, name in [each.partition("/")] if of == domain)


def _merged(
    own: Document, path: Path, defaults: Document | None, findings: list[Finding]
) -> tuple[Document | None, bool]:
    """The document with the domain's defaults, without what is wrong in it, and whether it is whole."""
    inherited = defaults or {"owner": UNKNOWN}
    document = merge(inherited, own)
    found = schema.check(document, "product.schema.json", path)
    if not found:
        return document, defaults is not None
    meant = intended(own, "product.schema.json", path)
    document = merge(inherited, meant.document)
    found = schema.check(document, "product.schema.json", path)
    findings.extend(meant.findings)
    findings.extend(replace(each, pointer=meant.as_written(each.pointer)) for each in found)
    return drop_invalid(document, found) if found else document, False
