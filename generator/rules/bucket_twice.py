"""A bucket that two domains describe."""

from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule, pointer
from headgate.generator.model.files import Bucket
from headgate.generator.model.mesh import Mesh

RULE = Rule(
    "HG709",
    "bucket described twice",
    "A bucket has one owner and reports its files in one way. `{account}` does not tell two domains apart in a stack that has all of them.",
)


def check(mesh: Mesh) -> Iterator[Finding]:
    first: dict[str, Bucket] = {}
    for domain in sorted(mesh.buckets):
        for bucket in mesh.buckets[domain].values():
            other = first.setdefault(bucket.name, bucket)
            if other is not bucket and (problem := _problem(other, bucket)):
                key, found, expected = problem
                place = f"{mesh.buckets_file(other.domain).as_posix()}"
                yield Finding(
                    RULE,
                    mesh.buckets_file(domain),
                    pointer(bucket.key, key),
                    f'"{bucket.name}" with {found}; `{other.key}` in {place} is the same bucket',
                    expected,
                )


def _problem(one: Bucket, other: Bucket) -> tuple[str, str, str] | None:
    if one.domain == other.domain:
        return "name", "a second name", "each bucket once in a domain"
    if one.create and other.create:
        return "create", "`create: true`", "`create: true` in one domain, or another name"
    if one.via != other.via:
        return "via", f"`via: {other.via}`", f"`via: {one.via}` as there"
    if one.versioned != other.versioned:
        return (
            "versioned",
            f"`versioned: {str(other.versioned).lower()}`",
            f"`versioned: {str(one.versioned).lower()}` as there",
        )
    return None
