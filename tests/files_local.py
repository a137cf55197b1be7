"""A product of files on the deployed local runtime, its files numbered, its job keeping the account of what it loaded."""

import contextlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from headgate.cli import staging
from headgate.local import player, snapshot
from headgate.local.provisioning import provision
from headgate.local.runtime import Runtime
from headgate.local.scenario import Scenario, read
from tests.local_application import ROOT, deploy, snapshots

BUCKET, PREFIX = "acme-landing-{account}", "burst/"
MESSAGES = 10  # that SQS takes at once
LARGE = 20_000_000_000
PRODUCT = """
description: Many files of one date
files:
  bucket: landing
  prefix: burst/
  pattern: 'part_(?P<date>\\d{{8}})_(?P<number>\\d+)\\.csv'
  date: {{group: date}}
  complete: {{count: {files}}}
pipeline:
  steps:
    - name: load
      glue: {{job: raw-burst-load, timeout: 1h, batches: {{max_files: {batch}, parallel: {parallel}}}}}
"""
DAY = """
business_date: 2026-11-20
timezone: UTC
data: data
jobs: jobs
expect: {raw/burst: {status: COMPLETED}}
"""
JOB = '''
"""Adds a line for each file to the account of its own job run, which stands for a table that counts loads."""
import sys
import time
from pathlib import Path

from headgate_jobs.batch import Batch

account = Path(sys.argv[sys.argv.index("--data") + 1], "loaded")
account.mkdir(parents=True, exist_ok=True)
with Batch.of_arguments() as batch:
    run = sys.argv[sys.argv.index("--JOB_RUN_ID") + 1]
    with open(account / run, "a") as loaded:
        for file in batch:
            with file:
                print(file.key, file.version_id, file=loaded, flush=True)
                time.sleep({pause})
                file.processed(rows_read=1, rows_written=1)
'''


def told(bucket: str, number: int, size: int) -> dict[str, Any]:
    """A notification of S3."""
    version = f"{number:016X}"
    item = {
        "key": f"{PREFIX}part_20261120_{number:05}.csv",
        "size": size,
        "eTag": f"{number:032x}",
        "versionId": version,
        "sequencer": version,
    }
    facts = {"eventName": "ObjectCreated:Put", "eventTime": "2026-11-20T00:01:00.000Z"}
    return {"Records": [{**facts, "s3": {"bucket": {"name": bucket}, "object": item}}]}


@dataclass
class Burst:
    """The deployed application, and what is asked of it."""

    runtime: Runtime
    folder: Path
    day: Scenario

    def tell(self, numbers: range, large: range = range(0)) -> None:
        """The queue of files gets what S3 says of each; those of `large` have 20 GB, of which nothing but the size is there."""
        sqs, bucket = self.runtime.client("sqs"), BUCKET.replace("{account}", self.runtime.account)
        url = sqs.get_queue_url(QueueName="headgate-files")["QueueUrl"]
        for first in numbers[::MESSAGES]:
            entries = [
                {"Id": str(number), "MessageBody": json.dumps(told(bucket, number, LARGE if number in large else 8))}
                for number in range(first, min(first + MESSAGES, numbers.stop))
            ]
            assert len(sqs.send_message_batch(QueueUrl=url, Entries=entries)["Successful"]) == len(entries)

    def play(self, meanwhile: Any = lambda moment: None) -> player.Day:
        return player.play(self.runtime, self.day, self.folder / "data", meanwhile)

    @property
    def account(self) -> Path:
        """The folder with a file for each job run, which has a line for each file that it has loaded."""
        return self.folder / "data" / "loaded"

    def loaded(self) -> Counter[str]:
        """How often each version of each file was loaded."""
        lines = [each.read_text().splitlines() for each in self.account.iterdir()]
        return Counter(line for each in lines for line in each)

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.runtime.postgres.dsn(), autocommit=True) as connection:
            return connection.execute(query).fetchall()


@contextlib.contextmanager
def burst(folder: Path, files: int, batch: int = 200, parallel: int = 10, pause: float = 0) -> Iterator[Burst]:
    """raw/burst, which starts when so many files have landed. Its job pauses so many seconds after each."""
    products = folder / "products" / "raw"
    products.mkdir(parents=True)
    (products / "domain.yaml").write_text("owner: raw-data-team\n")
    (products / "buckets.yaml").write_text(f'landing: {{name: "{BUCKET}", create: true}}\n')
    (products / "burst.yaml").write_text(PRODUCT.format(files=files, batch=batch, parallel=parallel))
    (folder / "jobs").mkdir()
    (folder / "jobs" / "raw-burst-load.py").write_text(JOB.format(pause=pause))
    (folder / "day.yaml").write_text(DAY)
    day = read(folder / "day.yaml")
    with contextlib.chdir(ROOT):
        places, catalog, _ = staging.stage(folder / "products", folder / "run", True)
    with snapshot.running(places, snapshots(), day.starts, deploy) as running:
        provision(running, catalog, day.jobs, folder / "run" / "data")
        yield Burst(running, folder / "run", day)
