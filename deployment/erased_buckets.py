"""Deletes buckets with everything in them: all versions of objects, delete markers and unfinished uploads."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from headgate.deployment.deploy import Report
from headgate.deployment.holdings import Holding, StaysError, code_of, plural
from headgate.deployment.kept import Kept

PAGE = 1000  # versions that S3 lists and deletes in one call
COUNTED = 10  # pages; counting more would only take longer
PASSES = 3  # over a bucket: what was refused for a moment is deleted by the next
REPORTED = 100_000  # versions between two reports


@dataclass(frozen=True)
class Buckets:
    """Of one account. S3 refuses what is asked about a bucket of another."""

    s3: Any
    account: str

    def look(self, kept: Kept) -> Holding | None:
        from botocore.exceptions import ClientError

        try:
            holds = [*self._counted(kept.name), *self._uploads(kept.name)]
            if self._is_locked(kept.name):
                holds.append("Object Lock is on: what it protects stays, and the bucket with it")
        except ClientError as error:
            if code_of(error) == "NoSuchBucket":
                return None
            raise
        return Holding(kept, ", ".join(holds) or "empty")

    def erase(self, kept: Kept, report: Report) -> str:
        from botocore.exceptions import ClientError

        report(f"empty bucket {kept.name}")
        try:
            deleted, refused = self._emptied(kept.name, report)
            self._abort_uploads(kept.name)
            if refused:
                raise StaysError(self._why(kept.name, refused))
            self.s3.delete_bucket(**self._of(kept.name))
        except ClientError as error:
            if code_of(error) == "NoSuchBucket":
                return "was gone already"
            if code_of(error) == "BucketNotEmpty":
                raise StaysError("something writes to it while it is emptied; end that, and try again") from None
            raise
        return f"deleted, with {plural(deleted, 'version')} of objects"

    def _of(self, bucket: str) -> dict[str, str]:
        return {"Bucket": bucket, "ExpectedBucketOwner": self.account}

    def _counted(self, bucket: str) -> Iterator[str]:
        objects = versions = markers = 0
        pages = self.s3.get_paginator("list_object_versions").paginate(
            **self._of(bucket), PaginationConfig={"PageSize": PAGE}
        )
        for number, page in enumerate(pages, start=1):
            latest = sum(each["IsLatest"] for each in page.get("Versions", ()))
            objects += latest
            versions += len(page.get("Versions", ())) - latest
            markers += len(page.get("DeleteMarkers", ()))
            if number == COUNTED and page.get("IsTruncated"):
                yield f"more than {objects + versions + markers:,} objects and earlier versions"
                return
        found = {"object": objects, "earlier version": versions, "delete marker": markers}
        yield from (plural(count, noun) for noun, count in found.items() if count)

    def _uploads(self, bucket: str) -> Iterator[str]:
        first = self.s3.list_multipart_uploads(**self._of(bucket))
        count = len(first.get("Uploads", ()))
        if count:
            yield ("more than " if first.get("IsTruncated") else "") + plural(count, "unfinished upload")

    def _is_locked(self, bucket: str) -> bool:
        from botocore.exceptions import ClientError

        try:
            found = self.s3.get_object_lock_configuration(**self._of(bucket))
        except ClientError as error:
            if code_of(error) in ("ObjectLockConfigurationNotFoundError", "AccessDenied"):
                return False
            raise
        return bool(found["ObjectLockConfiguration"].get("ObjectLockEnabled") == "Enabled")

    def _emptied(self, bucket: str, report: Report) -> tuple[int, Counter[str]]:
        """How many versions and markers were deleted, and how often which error kept others."""
        total = 0
        refused: Counter[str] = Counter()
        for _ in range(PASSES):
            refused, before = Counter(), total
            for deleted, errors in self._batches(bucket):
                reported = total // REPORTED
                total += deleted
                if total // REPORTED > reported:
                    report(f"bucket {bucket}: {total:,} versions deleted")
                refused.update(f"{each.get('Code')}: {each.get('Message')}" for each in errors)
            if not refused or total == before:
                break
        return total, refused

    def _batches(self, bucket: str) -> Iterator[tuple[int, list[dict[str, str]]]]:
        """Deletes the versions of a page at once, and says how many and what was refused. The next page begins after the last one that was refused, since it is
        there, and what was deleted before need not be known to S3 as a marker any more."""
        after: dict[str, str] = {}
        while True:
            page = self.s3.list_object_versions(**self._of(bucket), **after, MaxKeys=PAGE)
            found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
            if not found:
                return
            found.sort(key=lambda each: (each["Key"].encode(), -each["LastModified"].timestamp()))
            batch = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
            answer = self.s3.delete_objects(**self._of(bucket), Delete={"Objects": batch, "Quiet": True})
            errors = answer.get("Errors", [])
            yield len(batch) - len(errors), errors
            if errors:
                stayed = {(each["Key"], each.get("VersionId")) for each in errors}
                these = [each for each in batch if {(each["Key"], each["VersionId"]), (each["Key"], None)} & stayed]
                last = (these or batch)[-1]
                after = {"KeyMarker": last["Key"], "VersionIdMarker": last["VersionId"]}

    def _why(self, bucket: str, refused: Counter[str]) -> str:
        reasons = "; ".join(f"{error} ({count:,})" for error, count in refused.most_common())
        locked = ". Object Lock protects them until their retention ends or their legal hold is removed"
        return f"{plural(refused.total(), 'version')} of objects could not be deleted: {reasons}" + (
            locked if self._is_locked(bucket) else ""
        )

    def _abort_uploads(self, bucket: str) -> None:
        pages = self.s3.get_paginator("list_multipart_uploads").paginate(**self._of(bucket))
        for each in [upload for page in pages for upload in page.get("Uploads", ())]:
            self.s3.abort_multipart_upload(**self._of(bucket), Key=each["Key"], UploadId=each["UploadId"])
