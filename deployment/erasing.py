"""Deletes what stays of deleted stacks, after it has said what each resource holds. What it cannot delete it names, and goes on with the others.

Keys come last, and only when nothing else stays: what stays may be encrypted with them.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from headgate.deployment.deploy import Report
from headgate.deployment.erased_buckets import Buckets
from headgate.deployment.holdings import Holding, Kind, StaysError, code_of
from headgate.deployment.kept import SNAPSHOT, Kept

CLUSTER, KEY = "AWS::RDS::DBCluster", "AWS::KMS::Key"
MANUAL = "manual"
BY_HAND = (MANUAL, "awsbackup")  # snapshots that a cluster does not take with it
DAYS = 7  # KMS deletes no key earlier


@dataclass(frozen=True)
class Outcome:
    """What became of a resource: `result` in words, or the `error` for which it stays."""

    kept: Kept
    result: str = ""
    error: str = ""


@dataclass(frozen=True)
class Snapshots:
    """The final snapshot that CloudFormation makes of a cluster. Those that somebody else made stay."""

    rds: Any

    def look(self, kept: Kept) -> Holding | None:
        own, others = self._own(kept), self._others(kept)
        stays = f"{', '.join(others)}: not made by the stack; delete by hand" if others else ""
        if kept.gone and not own:
            return Holding(kept, "", stays, deletes=False) if others else None
        if kept.gone:
            return Holding(kept, f"its final snapshot {', '.join(own)}: no backup remains", stays)
        return Holding(kept, "the final snapshot that is made of it is deleted as well: no backup remains", stays)

    def erase(self, kept: Kept, report: Report) -> str:
        own = self._own(kept)
        for each in own:
            report(f"delete snapshot {each}")
            self.rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier=each)
        return f"snapshot {', '.join(own)} deleted" if own else "there is no final snapshot"

    def _own(self, kept: Kept) -> list[str]:
        """CloudFormation names them after the stack and the logical id."""
        begins = f"{kept.stack_name()}-snapshot-{kept.logical}-".lower()
        return [each for each in self._snapshots(kept, MANUAL) if each.startswith(begins)]

    def _others(self, kept: Kept) -> list[str]:
        own = self._own(kept)
        return [each for kind in BY_HAND for each in self._snapshots(kept, kind) if each not in own]

    def _snapshots(self, kept: Kept, kind: str) -> list[str]:
        from botocore.exceptions import ClientError

        pages = self.rds.get_paginator("describe_db_cluster_snapshots")
        try:
            return [
                each["DBClusterSnapshotIdentifier"]
                for page in pages.paginate(DBClusterIdentifier=kept.name, SnapshotType=kind)
                for each in page["DBClusterSnapshots"]
            ]
        except ClientError as error:
            if code_of(error) in ("DBClusterNotFoundFault", "DBClusterSnapshotNotFoundFault"):
                return []
            raise


@dataclass(frozen=True)
class LogGroups:
    """Log groups that a template of the user's own retains; those of Headgate are deleted with their stacks."""

    logs: Any

    def look(self, kept: Kept) -> Holding | None:
        pages = self.logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=kept.name)
        found = [each for page in pages for each in page["logGroups"] if each["logGroupName"] == kept.name]
        return Holding(kept, f"{found[0].get('storedBytes', 0):,} bytes") if found else None

    def erase(self, kept: Kept, report: Report) -> str:
        report(f"delete log group {kept.name}")
        self.logs.delete_log_group(logGroupName=kept.name)
        return "deleted"


@dataclass(frozen=True)
class Keys:
    """KMS keys are not deleted but scheduled for it; not while a snapshot is encrypted with them, be it of a cluster that an update has replaced."""

    kms: Any
    rds: Any

    def look(self, kept: Kept) -> Holding | None:
        from botocore.exceptions import ClientError

        try:
            state = self.kms.describe_key(KeyId=kept.name)["KeyMetadata"]["KeyState"]
        except ClientError as error:
            if code_of(error) == "NotFoundException":
                return None
            raise
        if state == "PendingDeletion":
            return None
        return Holding(kept, f"is deleted on {datetime.now(UTC) + timedelta(days=DAYS):%Y-%m-%d}, {DAYS} days from now")

    def erase(self, kept: Kept, report: Report) -> str:
        if encrypted := self._encrypted(kept.name):
            raise StaysError(
                f"it stays as long as snapshots stay that are encrypted with it: {', '.join(encrypted)}; delete them by hand, and try again"
            )
        report(f"schedule key {kept.name} for deletion")
        found = self.kms.schedule_key_deletion(KeyId=kept.name, PendingWindowInDays=DAYS)
        return f"is deleted on {found['DeletionDate']:%Y-%m-%d}; until then `aws kms cancel-key-deletion --key-id {kept.name}` prevents it"

    def _encrypted(self, key: str) -> list[str]:
        pages = self.rds.get_paginator("describe_db_cluster_snapshots")
        return [
            each["DBClusterSnapshotIdentifier"]
            for kind in BY_HAND
            for page in pages.paginate(SnapshotType=kind)
            for each in page["DBClusterSnapshots"]
            if each.get("KmsKeyId", "").rsplit("/", 1)[-1] == key and each.get("Status") != "deleting"
        ]


class Erasure:
    """Of what stays in one account and region. `client` gives the client of a service."""

    def __init__(self, client: Callable[[str], Any], account: str) -> None:
        # in the order in which they are deleted
        self._kinds: dict[str, Kind] = {
            "AWS::S3::Bucket": Buckets(client("s3"), account),
            "AWS::Logs::LogGroup": LogGroups(client("logs")),
            CLUSTER: Snapshots(client("rds")),
            KEY: Keys(client("kms"), client("rds")),
        }

    def look(self, kept: Iterable[Kept]) -> list[Holding]:
        """What each of them holds, in the order in which they are deleted. What is gone already is left out."""
        order = list(self._kinds)
        known = [each for each in kept if self._is_known(each)]
        found = [
            *(Holding(each, "", "delete it by hand", deletes=False) for each in kept if each not in known),
            *(
                each
                for one in sorted(known, key=lambda one: (order.index(one.kind), one.name))
                if (each := self._look(one))
            ),
        ]
        if not any(each.stays for each in found):
            return found
        return [_key_stays(each) if each.kept.kind == KEY else each for each in found]

    def erase(self, holdings: Iterable[Holding], report: Report) -> Iterator[Outcome]:
        """Deletes those that can be deleted, one after the other; errors of AWS are outcomes."""
        from botocore.exceptions import BotoCoreError, ClientError

        failed = False
        for each in holdings:
            if not each.deletes:
                continue
            if failed and each.kept.kind == KEY:
                yield Outcome(each.kept, error="it stays as long as something stays that may be encrypted with it")
                continue
            try:
                yield Outcome(each.kept, self._kinds[each.kept.kind].erase(each.kept, report))
            except (ClientError, BotoCoreError, StaysError) as error:
                failed = True
                yield Outcome(each.kept, error=str(error))

    def _is_known(self, kept: Kept) -> bool:
        return kept.kind in self._kinds and (kept.how == SNAPSHOT) == (kept.kind == CLUSTER)

    def _look(self, kept: Kept) -> Holding | None:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return self._kinds[kept.kind].look(kept)
        except (ClientError, BotoCoreError) as error:
            return Holding(kept, "what it holds is not known", error=str(error))


def _key_stays(key: Holding) -> Holding:
    command = f"aws kms schedule-key-deletion --key-id {key.kept.name} --pending-window-in-days {DAYS}"
    return replace(
        key, holds="", stays=f"what stays may be encrypted with it; when that is gone, `{command}`", deletes=False
    )
