"""What moto's Step Functions engine does once instead of each time, or not at all: most of its time is that of parsing and of making clients."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import boto3
from botocore.config import Config
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.utils import boto_client

REGION = "us-east-1"


@cache
def client_of(service: str, region: str = REGION) -> Any:
    """Of a state's task, or of the test; made once a process."""
    settings = Config(parameter_validation=False, retries={"total_max_attempts": 1})
    keys = {"aws_access_key_id": "ak", "aws_secret_access_key": "sk"}
    return boto3.client(service, region_name=region, config=settings, **keys)


@contextmanager
def clients_made_once() -> Iterator[None]:
    made = SimpleNamespace(client=lambda **given: client_of(given["service_name"], given["region_name"]))
    with patch.object(boto_client, "boto3", made):
        yield


@contextmanager
def parsed_once() -> Iterator[None]:
    """A machine is parsed when it is made, and again for each execution; here one execution takes what was parsed first."""
    with patch.object(AmazonStateLanguageParser, "parse", cache(AmazonStateLanguageParser.parse)):
        yield


@contextmanager
def skipped_delays(delays: list[float]) -> Iterator[None]:
    """The delays of retries are noted, and not waited for."""
    with patch.object(retrier_decl, "time", SimpleNamespace(sleep=delays.append)):
        yield
