"""The buckets of others that report to EventBridge, made in the endpoint: on AWS they exist, and their owners have turned EventBridge on."""

from typing import Any

from botocore.exceptions import ClientError

from headgate.local.stack import Stack


def make_buckets(stack: Stack, catalog: dict[str, Any]) -> None:
    """Those that the stack has not made itself."""
    products = catalog["products"].values()
    sources = [each["files"] for each in products if "files" in each]
    sources += [
        {"bucket_name": each["signal"]["subject"], "via": "eventbridge", "versioned": True}
        for each in products
        if each.get("signal", {}).get("kind") == "object"
    ]
    for name, source in {each["bucket_name"].replace("{account}", stack.account): each for each in sources}.items():
        if source["via"] == "eventbridge" and not _exists(stack, name):
            s3 = stack.client("s3")
            s3.create_bucket(Bucket=name)
            if source["versioned"]:
                s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
            s3.put_bucket_notification_configuration(
                Bucket=name, NotificationConfiguration={"EventBridgeConfiguration": {}}
            )


def put_file(stack: Stack, bucket: str, key: str, content: bytes) -> None:
    """A file lands. The name of the bucket may have `{account}` in it."""
    stack.client("s3").put_object(Bucket=bucket.replace("{account}", stack.account), Key=key, Body=content)


def _exists(stack: Stack, bucket: str) -> bool:
    try:
        stack.client("s3").head_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return False
        raise
    return True
