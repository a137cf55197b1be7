"""Retention on the deployed application: the tick, the roles and the bucket of the template."""

import gzip
import json
from datetime import timedelta
from pathlib import Path

import pytest

from tests.local_application import deployed, needs_sam, sample
from tests.state_world import in_soak

pytestmark = [pytest.mark.slow, needs_sam]


@in_soak
def test_a_year_later_the_day_is_in_the_archive(tmp_path: Path) -> None:
    day = sample("stifel")
    with deployed(day, tmp_path) as application:
        played = application.play(day)
        runtime, date = application.runtime, day.business_date.isoformat()
        runtime.control.jump((day.starts + timedelta(days=402)).timestamp())
        runtime.control.wait_until_idle(120)

        health = runtime.call("InquireFunctionName", {"question": "health"})["retention"]
        objects, bucket = runtime.client("s3"), runtime.outputs["HistoryArchiveBucket"]
        lines = []
        for each in objects.list_objects_v2(Bucket=bucket, Prefix=f"runs/business_date={date}/")["Contents"]:
            body = objects.get_object(Bucket=bucket, Key=each["Key"])["Body"].read()
            lines += [json.loads(line) for line in gzip.decompress(body).decode().splitlines()]
        products = runtime.call("InquireFunctionName", {"question": "status", "business_date": date})["products"]

    completed = {each["product"] for each in played.products if each["status"] == "COMPLETED"}
    assert completed == {each["product_id"] for each in lines if each["status"] == "COMPLETED"}
    assert health["archived"]["runs"] == len(lines)
    assert (health["bucket"], health["complete"]) == (bucket, True)
    assert {each["status"] for each in products if each["product"] in completed} == {"ARCHIVED"}
