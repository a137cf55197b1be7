"""The applications that products' steps name, and the scripts of their job runs in S3."""

import contextlib
from pathlib import Path
from typing import Any

from headgate.local.stack import Stack
from headgate.local.step_types import script_of


def provision(stack: Stack, steps: list[dict[str, Any]], scripts: Path | None, data: Path) -> None:
    """Creates each application, whose id here is its name, and puts the script `<name of the entry point>.py` at the entry point of each step. A job run
    without a script has nothing to do; one whose file ships with its product runs that. The environment variable DATA names the data folder."""
    emr, s3 = stack.client("emr-serverless"), stack.client("s3")
    for application in sorted({each["resource"] for each in steps}):
        emr.create_application(name=application, releaseLabel="emr-7.5.0", type="SPARK", tags={"DATA": str(data)})
    for place in sorted({each["settings"]["entry_point"] for each in steps}):
        script = script_of(Path(place).stem, scripts)
        bucket, _, key = place.removeprefix("s3://").partition("/")
        if script and place.startswith("s3://"):
            with contextlib.suppress(s3.exceptions.BucketAlreadyOwnedByYou, s3.exceptions.BucketAlreadyExists):
                s3.create_bucket(Bucket=bucket)
            s3.put_object(Bucket=bucket, Key=key, Body=script.read_bytes())
