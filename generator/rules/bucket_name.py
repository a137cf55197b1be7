"""A bucket whose name S3 does not allow."""

import re
from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule, pointer
from headgate.generator.model.mesh import Mesh

RULE = Rule(
    "HG708",
    "name that S3 does not allow",
    "S3 refuses it, and the stack with it (docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html).",
)
NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
ADDRESS = re.compile(r"\d+(\.\d+){3}")
PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")


def check(mesh: Mesh) -> Iterator[Finding]:
    for domain, buckets in mesh.buckets.items():
        for bucket in buckets.values():
            problem = _problem(bucket.real_name("1" * 12), bucket.create)
            if problem:
                yield Finding(
                    RULE, mesh.buckets_file(domain), pointer(bucket.key, "name"), f'"{bucket.name}", {problem}',
                    "3 to 63 lower-case letters, digits, dashes and dots, such as acme-landing-{account}",
                )  # fmt: skip


def _problem(name: str, create: bool) -> str | None:
    if len(name) > 63:
        return f"which has {len(name)} characters" + (" with the account's twelve digits" if "1" * 12 in name else "")
    if not NAME.fullmatch(name) or ".." in name:
        return "which begins or ends with a dash or a dot, or has two dots in a row"
    if ADDRESS.fullmatch(name):
        return "which looks like an address"
    if reserved := [each for each in PREFIXES if name.startswith(each)] + [
        each for each in SUFFIXES if name.endswith(each)
    ]:
        return f"and AWS keeps names with `{reserved[0]}` for itself"
    if create and "." in name:
        return "and the certificate of S3 does not cover a new bucket with a dot"
    return None
