"""Signs what an operation asks for, so that the application can find out from AWS who asks: functions/caller.py says how."""

import hashlib
import json
from typing import Any

BODY = b"Action=GetCallerIdentity&Version=2011-06-15"
OF_REQUEST = "x-headgate-request"
SUFFIXES = {
    "aws-cn": "amazonaws.com.cn",
    "aws-iso": "c2s.ic.gov",
    "aws-iso-b": "sc2s.sgov.gov",
    "aws-eusc": "amazonaws.eu",
}
HANDED_OVER = ("authorization", "x-amz-date", "x-amz-security-token", OF_REQUEST)


def signed(event: dict[str, Any], application: str, options: dict[str, str]) -> dict[str, str]:
    """The headers of a request of GetCallerIdentity for this event and the application whose machines' ARNs begin so; `options` have the keys."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    _, partition, _, region, *_ = application.split(":")
    headers = {
        "content-type": "application/x-www-form-urlencoded; charset=utf-8",
        OF_REQUEST: hashlib.sha256(f"{application}\n{json.dumps(event, sort_keys=True)}".encode()).hexdigest(),
    }
    request = AWSRequest("POST", f"https://sts.{region}.{SUFFIXES.get(partition, 'amazonaws.com')}/", headers, BODY)
    keys = Credentials(options["aws_access_key_id"], options["aws_secret_access_key"], options.get("aws_session_token"))
    SigV4Auth(keys, "sts", region).add_auth(request)
    given = {name.lower(): value for name, value in request.headers.items()}
    return {name: str(given[name]) for name in HANDED_OVER if name in given}
