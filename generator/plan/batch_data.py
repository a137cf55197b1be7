"""What the job of a step may do that loads files in batches, where it is deployed with its product: exactly what `headgate_jobs` does for it."""

from typing import Any

from headgate.generator.model.files import Bucket, Source
from headgate.generator.model.product import Product, Step
from headgate.generator.plan.grants import Statement
from headgate.generator.plan.landing import arn_of, as_iam_matches

BATCHES = "arn:${AWS::Partition}:s3:::${BatchesBucketName}/batches/"


def batch_statements(product: Product, step: Step, bucket: Bucket | None) -> list[Statement]:
    """Nothing for a step without batches. Keys of KMS, with which a bucket of others may be encrypted, and the target of the job are not known here."""
    given = step.settings.get("batches")
    if given is None or product.files is None or bucket is None:
        return []
    of_step = f"{BATCHES}*/{step.name}/*.jsonl"  # batches/<run>/<attempt>/<step>/<batch>
    return [
        *_reads(bucket, product.files, lists=step.settings.get("command") != "pythonshell"),
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": {"Fn::Sub": of_step}},
        *_quarantine(product, given.get("quarantine")),
    ]


def _reads(bucket: Bucket, source: Source, lists: bool) -> list[Statement]:
    """Files by their versions, and the newest: Spark reads by address. It lists an address before it reads it."""
    under = as_iam_matches(source.prefix) + "*"
    read = ["s3:GetObject", "s3:GetObjectVersion"] if bucket.versioned else "s3:GetObject"
    found: list[Statement] = [{"Effect": "Allow", "Action": read, "Resource": arn_of(bucket, f"/{under}")}]
    if lists:
        condition = {"Condition": {"StringLike": {"s3:prefix": under}}} if source.prefix else {}
        found.append({"Effect": "Allow", "Action": "s3:ListBucket", "Resource": arn_of(bucket), **condition})
    return found


def _quarantine(product: Product, address: str | None) -> list[Statement]:
    if address is None:
        return []
    below: Any = f"arn:${{AWS::Partition}}:s3:::{address.removeprefix('s3://')}{product.id}/*"
    return [{"Effect": "Allow", "Action": "s3:PutObject", "Resource": {"Fn::Sub": below}}]
