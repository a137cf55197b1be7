"""Files on the local endpoint: how S3 reports them, as far as the adapters supply it."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from headgate.local.buckets import make_buckets, put_file
from headgate.local.runtime import Runtime
from headgate.local.stack import ACCOUNT

pytestmark = pytest.mark.slow
SOURCE = {"bucket_name": "drop-{account}", "via": "eventbridge", "versioned": True}
BUCKET = f"drop-{ACCOUNT}"
KEY = "in/my file+ü%2B.csv"


@pytest.fixture
def queue(endpoint: Runtime) -> Iterator[str]:
    """A queue that receives what a bucket of others reports, through EventBridge and directly."""
    sqs, events, s3 = (endpoint.client(each) for each in ("sqs", "events", "s3"))
    url = sqs.create_queue(QueueName="files")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allowed = [{"Effect": "Allow", "Principal": {"Service": each}, "Action": "sqs:SendMessage", "Resource": arn} for each in ("s3.amazonaws.com", "events.amazonaws.com")]  # fmt: skip
    sqs.set_queue_attributes(
        QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": allowed})}
    )
    pattern = {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": {"bucket": {"name": [BUCKET]}}}
    events.put_rule(Name="files", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="files", Targets=[{"Id": "queue", "Arn": arn}])
    make_buckets(endpoint, {"products": {"raw/drop": {"files": SOURCE}, "raw/other": {}}})
    s3.put_bucket_notification_configuration(
        Bucket=BUCKET,
        NotificationConfiguration={"EventBridgeConfiguration": {}, "QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]},
    )  # fmt: skip
    yield url
    events.remove_targets(Rule="files", Ids=["queue"])
    events.delete_rule(Name="files")
    sqs.delete_queue(QueueUrl=url)


def received(endpoint: Runtime, queue: str) -> list[dict[str, Any]]:
    sqs = endpoint.client("sqs")
    found = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
    return [json.loads(each["Body"]) for each in found]


def test_a_file_is_reported_both_ways_at_the_time_of_the_day_that_is_played(endpoint: Runtime, queue: str) -> None:
    received(endpoint, queue)  # the test event
    day = time.time() + 86_400
    endpoint.control.jump(day)

    put_file(endpoint, "drop-{account}", KEY, b"a,b")
    endpoint.control.wait_until_idle()

    made = {"Records" in each: each for each in received(endpoint, queue)}
    (record,), detail = made[True]["Records"], made[False]["detail"]
    direct, through = record["s3"]["object"], detail["object"]
    assert (direct["key"], through["key"]) == ("in/my+file%2B%C3%BC%252B.csv", KEY)
    assert (direct["versionId"], direct["eTag"], direct["size"]) == (through["version-id"], through["etag"], 3)
    assert direct["sequencer"] == through["sequencer"]
    assert record["eventTime"][:10] == made[False]["time"][:10] == time.strftime("%Y-%m-%d", time.gmtime(day))
    make_buckets(endpoint, {"products": {"raw/drop": {"files": SOURCE}}})
    found = endpoint.client("s3").get_object(Bucket=BUCKET, Key=KEY, VersionId=direct["versionId"])
    assert found["Body"].read() == b"a,b", "a bucket that is there stays as it is"
