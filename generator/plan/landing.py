"""What an account needs so that files are received: its landing buckets, the rules for those of others, who may send to the queue of files, and what the
functions may read."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from headgate.generator.file_names import CYCLE, DATE
from headgate.generator.model.accounts import Home, home_of
from headgate.generator.model.files import ACCOUNT, Bucket, Source
from headgate.generator.model.mesh import Mesh
from headgate.generator.plan import names
from headgate.generator.plan.grants import Statement

MAX_PATTERN = 2_048  # of an event pattern (docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html)
MAX_READS = 4_500  # characters of either kind of statements; the monitor has both, and a role takes 10,240 in its inline policies
OWN_ACCOUNT = {"Ref": "AWS::AccountId"}
Value = Any  # a text or a call of a CloudFormation function


@dataclass(frozen=True, slots=True)
class LandingBucket:
    """A bucket in a home. `pattern` is that of the events of a bucket that reports through EventBridge."""

    bucket: Bucket
    home: Home | None
    logical_id: str
    pattern: dict[str, Any] | None

    @property
    def name(self) -> Value:
        return _in_account(self.bucket.real_name(self.bucket.account))

    @property
    def arn(self) -> Value:
        return arn_of(self.bucket)

    @property
    def owner(self) -> Value:
        """The account of its owner."""
        return self.bucket.account or OWN_ACCOUNT


@dataclass(frozen=True, slots=True)
class Reads:
    """What the functions may read in a home: manifests, and the names under the prefixes that are listed."""

    home: Home | None
    logical_id: str
    manifests: list[Statement]
    listings: list[Statement]


@dataclass(frozen=True, slots=True)
class Landing:
    """The landing buckets of all homes, and what may be read there."""

    buckets: tuple[LandingBucket, ...] = ()
    reads: tuple[Reads, ...] = ()

    def homes(self) -> list[Home]:
        return sorted({each.home for each in self.buckets if each.home})

    def senders(self) -> list[tuple[Home | None, Value, list[Value]]]:
        """The buckets that send to the queue themselves: (home, account of their owner, their ARNs)."""
        found: dict[str, tuple[Home | None, Value, list[Value]]] = {}
        for each in self.buckets:
            if each.bucket.via == "sqs":
                key = repr((each.home, each.owner))
                found.setdefault(key, (each.home, each.owner, []))[2].append(each.arn)
        return list(found.values())

    def forwarders(self) -> list[tuple[Home | None, str]]:
        """The accounts that put the events of their buckets on the default bus."""
        return sorted(
            {(each.home, each.bucket.account) for each in self.buckets if each.pattern and each.bucket.account},
            key=repr,
        )


NOTHING = Landing()


def landing(mesh: Mesh) -> Landing:
    """Of buckets in which no product's files land, too: what lands there is shown as unmatched."""
    sources = _sources(mesh)
    buckets: dict[tuple[Home | None, str], LandingBucket] = {}
    reads: dict[Home | None, list[tuple[Bucket, Source]]] = {}
    for domain in sorted(mesh.buckets):
        home = home_of(mesh, domain)
        for bucket in mesh.buckets[domain].values():
            same = [
                source for (other, of, source) in sources if of.name == bucket.name and home_of(mesh, other) == home
            ]
            made = LandingBucket(
                bucket,
                home,
                names.unique_logical_id(f"{domain}/{bucket.key}"),
                _pattern(bucket, same) if bucket.via == "eventbridge" else None,
            )
            known = buckets.get((home, bucket.name))
            if known is None or bucket.create:
                buckets[home, bucket.name] = made
    for domain, bucket, source in sources:
        reads.setdefault(home_of(mesh, domain), []).append((bucket, source))
    return Landing(
        tuple(buckets.values()),
        tuple(
            Reads(home, _suffix(home), _fitting(_manifests, of), _fitting(_listings, of))
            for home, of in sorted(reads.items(), key=repr)
        ),
    )


def _sources(mesh: Mesh) -> list[tuple[str, Bucket, Source]]:
    return [
        (product.domain, bucket, product.files)
        for _, product in sorted(mesh.products.items())
        if product.files and product.pipeline and (bucket := mesh.bucket_of(product))
    ]


def _suffix(home: Home | None) -> str:
    return names.logical_id(f"{home.account}-{home.region}".strip("-")) if home else "Everywhere"


def _in_account(text: str) -> Value:
    return {"Fn::Sub": text.replace(ACCOUNT, "${AWS::AccountId}")} if ACCOUNT in text else text


def arn_of(bucket: Bucket, key: str = "") -> Value:
    name = bucket.real_name(bucket.account).replace(ACCOUNT, "${AWS::AccountId}")
    return {"Fn::Sub": f"arn:${{AWS::Partition}}:s3:::{name}{key}"}


def _pattern(bucket: Bucket, sources: Iterable[Source]) -> dict[str, Any]:
    """The events of new objects under the prefixes of the sources (docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html)."""
    of_bucket = {"bucket": {"name": [_in_account(bucket.real_name(bucket.account))]}}
    frame: dict[str, Any] = {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": of_bucket}
    if bucket.account:
        frame["account"] = [bucket.account]
    prefixes = widest(each.prefix for each in sources)
    if not prefixes or prefixes == [""]:
        return frame
    narrow = {**frame, "detail": {**of_bucket, "object": {"key": [{"prefix": each} for each in prefixes]}}}
    return narrow if len(orjson.dumps(narrow)) <= MAX_PATTERN else frame


def widest(prefixes: Iterable[str]) -> list[str]:
    """The prefixes without those that begin with another one."""
    found: list[str] = []
    for each in sorted(set(prefixes)):
        if not any(each.startswith(other) for other in found):
            found.append(each)
    return found


def _fitting(made: Any, sources: list[tuple[Bucket, Source]]) -> list[Statement]:
    """The statements of the prefixes, or of whole buckets where they would be too long for a role."""
    narrow: list[Statement] = list(made(sources, True))
    return narrow if len(orjson.dumps(narrow)) <= MAX_READS else list(made(sources, False))


def _manifests(sources: list[tuple[Bucket, Source]], narrow: bool) -> Iterator[Statement]:
    found: dict[str, Value] = {}
    for bucket, source in sources:
        if "manifest" in source.complete:
            template = source.prefix + source.complete["manifest"]["name"]
            arn = arn_of(bucket, f"/{_any(template)}" if narrow else "/*")
            found[repr(arn)] = arn
    if found:
        yield {"Effect": "Allow", "Action": ["s3:GetObject", "s3:GetObjectVersion"], "Resource": list(found.values())}


def _any(template: str) -> str:
    """As IAM matches it, with `*` for the date and the cycle."""
    parts = template.replace(CYCLE, DATE).split(DATE)
    return "*".join(as_iam_matches(part) for part in parts)


def as_iam_matches(text: str) -> str:
    """The text, with `?` for characters that mean something to IAM or CloudFormation."""
    return "".join("?" if each in "*?$" else each for each in text)


def _listings(sources: list[tuple[Bucket, Source]], narrow: bool) -> Iterator[Statement]:
    listed: dict[str, tuple[Bucket, list[str]]] = {}
    for bucket, source in sources:
        listed.setdefault(bucket.name, (bucket, []))[1].append(source.prefix)
    for bucket, prefixes in listed.values():
        statement: Statement = {
            "Effect": "Allow",
            "Action": "s3:ListBucketVersions" if bucket.versioned else "s3:ListBucket",
            "Resource": arn_of(bucket),
        }
        if narrow and "" not in prefixes:
            below = [f"{as_iam_matches(each)}*" for each in widest(prefixes)]  # a backfill may list less than a prefix
            statement["Condition"] = {"StringLike": {"s3:prefix": below}}
        yield statement
