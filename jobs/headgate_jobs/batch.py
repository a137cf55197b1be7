"""A batch of files for the author of a Glue job: the files of the manifest one by one, and what became of each.

    with Batch.of_arguments() as batch:
        for file in batch:
            with file:  # an exception in here ends this file alone
                rows = load(file.download("/tmp"))
                file.processed(rows_read=rows, rows_written=rows)

Give it to a job with `--extra-py-files`. It needs the standard library and boto3, and Python 3.9 (Glue's Python shell).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
from typing import TYPE_CHECKING, Any, Iterator, Sequence
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from types import TracebackType

VERSION = 1  # of the manifest and of the results
SAVED_EVERY = 100  # files: what a job that dies had said until then can be read
LONGEST_MESSAGE = 1000
# Repeating changes nothing. HEAD has no body, and so no code but the number.
REFUSED = (
    "AccessDenied",
    "AllAccessDisabled",
    "403",
    "InvalidObjectState",
    "KMS.AccessDeniedException",
    "KMS.DisabledException",
    "KMS.InvalidKeyUsageException",
    "KMS.KMSInvalidStateException",
    "KMS.NotFoundException",
)
# The same from engines that read S3 by themselves: Arrow, and Hadoop below Spark, whose exceptions have it in their text alone.
REFUSED_BY_ENGINES = re.compile(
    r"\bACCESS_DENIED\b|\bAccessDenied(Exception)?\b|Error Code: 403 Forbidden|\bKMS\.(AccessDenied|Disabled|InvalidKeyUsage|KMSInvalidState|NotFound)Exception"
)
GONE = ("NoSuchKey", "NoSuchVersion", "404")
CHANGED = ("PreconditionFailed", "412")


class BatchError(Exception):
    """The job was started without a manifest, or with one that this version does not understand."""


class File:
    """One version of one object. Ends with exactly one of `processed`, `rejected`, `failed` and `skipped`; the last call counts. With `load: cdc`, one that is
    `late` comes before a file that was loaded before it: its target may have newer changes."""

    def __init__(self, entry: dict[str, Any], client: Any, quarantine: str | None = None) -> None:
        """`quarantine`: the address below which a rejected file is copied."""
        self.file_id = entry["file_id"]
        self.bucket: str = entry["bucket"]
        self.key: str = entry["key"]
        self.version_id: str | None = entry.get("version_id")
        self.etag: str | None = entry.get("etag")
        self.size: int = entry["size"]
        self.facets: dict[str, str] = entry.get("facets") or {}
        self.replaces: list[Any] = entry.get("replaces") or []
        self.late: bool = entry.get("late", False)
        self.result: dict[str, Any] | None = None
        self._said = False
        self._client, self._quarantine = client, quarantine

    @property
    def uri(self) -> str:
        """For engines that read S3 themselves, and always read the newest version: call `require_unchanged` after reading."""
        return f"s3://{self.bucket}/{self.key}"

    def open(self) -> Any:
        """The content as a stream of bytes, of exactly this version."""
        return self._client.get_object(Bucket=self.bucket, Key=self.key, **self._version("IfMatch"))["Body"]

    def download(self, folder: str) -> str:
        """Writes the content into a file of its own in the folder, and gives its path; the name ends as the key does."""
        handle, path = tempfile.mkstemp(suffix="-" + _end_of_name(self.key), dir=folder)
        with os.fdopen(handle, "wb") as target:
            shutil.copyfileobj(self.open(), target, 1 << 20)
        return path

    def require_unchanged(self) -> None:
        """Raises if the newest version of the object is not this one: what was read by `uri` may then be another version's content."""
        newest = self._client.head_object(Bucket=self.bucket, Key=self.key)
        same = (
            newest.get("VersionId") == self.version_id
            if self.version_id
            else newest.get("ETag", "").strip('"') == self.etag
        )
        if not same:
            raise ChangedError

    def processed(
        self,
        rows_read: int | None = None,
        rows_written: int | None = None,
        rows_rejected: int = 0,
        checks: Sequence[dict[str, Any]] = (),
    ) -> None:
        """The file is in the target. `checks` as `headgate_checks.evaluate` gives them."""
        rows = {"rows_read": rows_read, "rows_written": rows_written, "rows_rejected": rows_rejected}
        self._end("PROCESSED", **rows, checks=list(checks))

    def rejected(self, message: str, rows_read: int | None = None, checks: Sequence[dict[str, Any]] = ()) -> None:
        """The content is wrong, and nothing of it was written. Its sender has to send it again. Where the step has a `quarantine`, the file is copied there."""
        if self._quarantine:
            try:
                message = f"{message}; copied to {self._copied()}"
            except (BotoCoreError, ClientError) as error:
                message = f"{message}; not copied to {self._quarantine}: {error}"
        self._end("REJECTED", message=message[:LONGEST_MESSAGE], rows_read=rows_read, checks=list(checks))

    def failed(self, message: str, retry: bool = True) -> None:
        """The job could not load the file. It is tried again in a later batch, unless `retry` says that this changes nothing."""
        self._end("FAILED", message=message[:LONGEST_MESSAGE], retry=retry)

    def skipped(self) -> None:
        """With `load: cdc`: an earlier file of its lane was not loaded. It waits, as if it had not been given."""
        self._end("SKIPPED")

    def __enter__(self) -> File:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if isinstance(error, Exception):
            self._explain(error)
            return True
        if error is None and self.result is None:
            self.failed("the job ended the file without saying what became of it")
            self._said = False  # it may say so later: one commit of several files
        return False

    @property
    def left_out(self) -> bool:
        """Whether the job has said that the file is not loaded."""
        return self._said and self.result is not None and self.result["outcome"] != "PROCESSED"

    def _copied(self) -> str:
        """The address of the copy, which has the id of the file, so that each version has a place of its own."""
        bucket, prefix = _split(self._quarantine or "")
        key = f"{prefix}{self.file_id}-{_end_of_name(self.key)}"
        source = {"Bucket": self.bucket, "Key": self.key, **({"VersionId": self.version_id} if self.version_id else {})}
        self._client.copy(source, bucket, key)
        return f"s3://{bucket}/{key}"

    def _version(self, condition: str) -> dict[str, str]:
        if self.version_id:
            return {"VersionId": self.version_id}
        return {condition: self.etag} if self.etag else {}

    def _explain(self, error: Exception) -> None:
        code = error.response["Error"].get("Code", "") if isinstance(error, ClientError) else ""
        if isinstance(error, ChangedError) or code in CHANGED:
            self.failed("the object changed while the file waited; its newer version is a file of its own", retry=False)
        elif code in GONE:
            self.failed(f"the object is no longer there: {error}", retry=False)
        else:
            self.failed(f"{type(error).__name__}: {error}", retry=not any(map(_is_refusal, _chain(error))))

    def _end(self, outcome: str, **said: Any) -> None:
        self._said = True
        self.result = {
            "file_id": self.file_id,
            "outcome": outcome,
            **{name: value for name, value in said.items() if value not in (None, [])},
        }


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error, and those that it was raised from or while handling."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _is_refusal(error: BaseException) -> bool:
    if isinstance(error, ClientError):
        return error.response["Error"].get("Code", "") in REFUSED
    return bool(REFUSED_BY_ENGINES.search(str(error)))


class ChangedError(Exception):
    """The object has a newer version than the one that the batch names."""


class Batch:
    """The files of one job run, and what is common to them: `product`, `business_date`, `run_id`, `attempt`, `batch_id`, `load` (`full` or `cdc`), `order`,
    `together`, `columns`, `checks` and `quarantine` as the metadata has them.

    With `load: cdc` the files come in their order, and a file behind one of its lane that was rejected or failed is not given: it ends as SKIPPED."""

    def __init__(self, manifest: str, results: str, job_run_id: str, client: Any = None) -> None:
        """`manifest` and `results` are S3 addresses; the results' is a prefix. Raises `BatchError`, and what S3 raises."""
        self._client = client or boto3.client("s3")
        self._results = _split(results + job_run_id + ".jsonl")
        bucket, key = _split(manifest)
        # not `splitlines`: names may have other ends of lines in them
        lines = self._client.get_object(Bucket=bucket, Key=key)["Body"].read().decode("utf-8").split("\n")
        header = json.loads(lines[0]) if lines[0] else {}
        if header.get("version") != VERSION:
            raise BatchError(
                f"{manifest} is a manifest of version {header.get('version')}; this module reads version {VERSION}"
            )
        self.product: str = header["product"]
        self.business_date: str = header["business_date"]
        self.run_id: str = header["run_id"]
        self.attempt: int = header["attempt"]
        self.batch_id = header["batch_id"]
        self.load: str = header["load"]
        self.order: list[str] = header.get("order") or []
        self.together: list[str] = header.get("together") or []
        self.columns: dict[str, Any] | None = header.get("columns")
        self.checks: dict[str, Any] = header.get("checks") or {}
        self.quarantine: str | None = header.get("quarantine")
        place = f"{self.quarantine}{self.product}/{self.business_date}/" if self.quarantine else None
        self.files = [File(json.loads(line), self._client, place) for line in lines[1:] if line]

    @classmethod
    def of_arguments(cls, argv: Sequence[str] | None = None, client: Any = None) -> Batch:
        """The batch that the job was started for: `--batch-manifest`, `--batch-results`, and `--JOB_RUN_ID` where Glue gives it."""
        given = sys.argv if argv is None else argv
        found = {name: given[at + 1] for at, name in enumerate(given[:-1]) if name.startswith("--")}
        missing = [name for name in ("--batch-manifest", "--batch-results") if name not in found]
        if missing:
            raise BatchError(f"the job was started without {' and '.join(missing)}; the step type `ingest` gives them")
        return cls(found["--batch-manifest"], found["--batch-results"], found.get("--JOB_RUN_ID", "result"), client)

    def __iter__(self) -> Iterator[File]:
        stopped: set[tuple[str | None, ...]] = set()
        for number, file in enumerate(self.files, 1):
            lane = tuple(file.facets.get(group) for group in self.together)
            if lane in stopped:
                file.skipped()
            else:
                yield file
                if self.load == "cdc" and file.left_out:
                    stopped.add(lane)
            if number % SAVED_EVERY == 0:
                self.save()

    def __enter__(self) -> Batch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.save()
        except (BotoCoreError, ClientError):
            if error is None:  # the job's own error is the one to see
                raise

    def save(self) -> None:
        """Writes what became of the files so far; what is not said of a file counts as failed."""
        lines = [json.dumps(file.result, ensure_ascii=False, default=_plain) for file in self.files if file.result]
        body = "".join(line + "\n" for line in lines).encode("utf-8", "replace")
        self._client.put_object(
            Bucket=self._results[0], Key=self._results[1], Body=body, ContentType="application/x-ndjson"
        )


def _end_of_name(key: str) -> str:
    """At most a hundred bytes: a file system and S3 take no longer names."""
    return key.rsplit("/", 1)[-1].encode("utf-8")[-100:].decode("utf-8", "ignore")


def _plain(value: Any) -> Any:
    """A number of numpy as Python has it; any other value as a text."""
    return value.item() if hasattr(value, "item") else str(value)


def _split(address: str) -> tuple[str, str]:
    parts = urlsplit(address, allow_fragments=False)
    if parts.scheme not in ("s3", "s3a") or not parts.netloc:
        raise BatchError(f"{address!r} is no address in S3; expected s3://bucket/key")
    return parts.netloc, address.split("/", 3)[3]
