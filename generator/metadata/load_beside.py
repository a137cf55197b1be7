"""Loads what is beside the products: domains, calendars, buckets and the central bus."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from headgate.generator.findings import Finding
from headgate.generator.metadata import schema
from headgate.generator.metadata.inputs import Inputs
from headgate.generator.metadata.intention import intended
from headgate.generator.metadata.read_error import ReadError
from headgate.generator.metadata.reading_rules import UNREADABLE, WRONG_VALUE
from headgate.generator.metadata.yaml_reader import read
from headgate.generator.model import build
from headgate.generator.model.files import Bucket, bucket
from headgate.generator.model.product import Central, Domain
from headgate.generator.model.published import Published, published
from headgate.generator.model.schedule import Calendar

Document = dict[str, Any]


def domains_of(inputs: Inputs, findings: list[Finding]) -> tuple[dict[str, Domain], dict[str, Document]]:
    """The domains, and what each gives its products."""
    domains: dict[str, Domain] = {}
    defaults: dict[str, Document] = {}
    for name, path in inputs.files.domains.items():
        document = _checked(inputs, path, "domain.schema.json", findings)
        if document is None:
            continue
        given = document.get("defaults") or {}
        found = schema.check(given, "defaults.schema.json", path, "/defaults")
        findings.extend(found)
        if not found:
            domains[name] = build.domain(name, document)
            inherited: Document = {key: document[key] for key in ("owner", "email") if key in document}
            defaults[name] = {**inherited, **given}
    return domains, defaults


def central_of(inputs: Inputs, findings: list[Finding]) -> Central | None:
    """Where the central bus is, if the metadata says it."""
    path = inputs.files.mesh
    document = _checked(inputs, path, "mesh.schema.json", findings) if path else None
    return build.central(document) if document else None


def buckets_of(inputs: Inputs, defaults: dict[str, Document], findings: list[Finding]) -> dict[str, dict[str, Bucket]]:
    """The buckets of each domain by their key. `defaults` is what each domain gives its products."""
    return {
        domain: {key: bucket(domain, key, each, defaults.get(domain, {})) for key, each in document.items()}
        for domain, path in inputs.files.buckets.items()
        if (document := _checked(inputs, path, "buckets.schema.json", findings)) is not None
    }


def contracts_of(inputs: Inputs, findings: list[Finding]) -> dict[str, Published]:
    """The contracts of products of other repositories."""
    read = (
        published(document, path)
        for path in inputs.files.contracts
        if (document := _checked(inputs, path, "contract.schema.json", findings)) is not None
    )
    return {each.identity: each for each in read}


def calendars_of(inputs: Inputs, findings: list[Finding]) -> dict[str, Calendar]:
    """The calendars by their names."""
    calendars = {}
    for name, path in inputs.files.calendars.items():
        document = _checked(inputs, path, "calendar.schema.json", findings)
        if document is None:
            continue
        try:
            calendars[name] = build.calendar(name, document)
        except ValueError:
            for index, day in enumerate(document["dates"]):
                if not _is_date(day):
                    findings.append(Finding(WRONG_VALUE, path, f"/dates/{index}", f'"{day}"', "a date that exists"))
    return calendars


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _checked(inputs: Inputs, path: Path, name: str, findings: list[Finding]) -> Document | None:
    try:
        data = inputs.data(path)
    except OSError as error:
        findings.append(unreadable(path, error))
        return None
    document = document_of(data, path, findings)
    if document is None:
        return None
    found = schema.check(document, name, path)
    if found:
        meant = intended(document, name, path)
        found = schema.check(meant.document, name, path)
        findings.extend(meant.findings)
        findings.extend(replace(each, pointer=meant.as_written(each.pointer)) for each in found)
        document = meant.document
    return None if found else document


def document_of(data: bytes, path: Path, findings: list[Finding]) -> Document | None:
    """What the file holds; None where it cannot be read."""
    try:
        return read(data)
    except ReadError as error:
        findings.extend(error.findings(path))
        return None


def unreadable(path: Path, error: OSError) -> Finding:
    """The finding about a file that cannot be opened."""
    return Finding(UNREADABLE, path, "", error.strerror or str(error), "a file that can be read")
