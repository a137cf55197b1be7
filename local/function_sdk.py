"""Imported once by the process from which functions are forked: the SDK, which is most of what a function needs to start.

The SDK loads most of itself with the first client. One cache of what describes the services is kept for every session.
"""

from functools import cache

import boto3
import botocore.loaders

botocore.loaders.create_loader = cache(botocore.loaders.create_loader)
for _service in ("rds-data", "stepfunctions", "events"):
    boto3.Session(region_name="us-east-1").client(_service)
