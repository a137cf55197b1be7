"""Code publisher: a CloudFormation custom resource that puts the files that ship with products into their bucket.

Their keys have the digest of the content in them. What is there already is left as it is, and nothing is deleted: runs that began with an older
file, and a rollback, find it.
"""

import json
import os
from pathlib import Path
from typing import Any

import custom_resource
from batch import LOG
from clients import client

FOLDER = Path(
    os.environ.get("LAYERS", "/opt"), "code"
)  # beside the catalog; there is none where no product ships files


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """The answer to CloudFormation: how many files were `uploaded`."""
    return custom_resource.answer(event, "product-code", "headgate-code", apply)


def apply(event: dict[str, Any]) -> dict[str, Any]:
    bucket, folder = event["ResourceProperties"]["Bucket"], Path(event["ResourceProperties"].get("Folder", FOLDER))
    files = {each.relative_to(folder).as_posix(): each for each in sorted(folder.rglob("*")) if each.is_file()}
    missing = files.keys() - _there(bucket) if files else set()
    for key in sorted(missing):
        s3().put_object(Bucket=bucket, Key=key, Body=files[key].read_bytes())
    LOG.info(json.dumps({"bucket": bucket, "files": len(files), "uploaded": sorted(missing)}))
    return {"uploaded": len(missing)}


def s3() -> Any:
    return client("s3")


def _there(bucket: str) -> set[str]:
    found = s3().get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return {each["Key"] for page in found for each in page.get("Contents", ())}
