"""The role of what products' steps name: functions and machines of the products' teams."""

import contextlib
import json

from headgate.local.adapters.names import STEP_ROLE
from headgate.local.stack import Stack

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}, "Action": "sts:AssumeRole"}
        for service in ("lambda", "states")
    ],
}
# What a team allows its functions and machines is not known here, so it is not checked.
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def created(stack: Stack) -> str:
    """The role's ARN; it is created if it is not there."""
    iam = stack.client("iam")
    with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(RoleName=STEP_ROLE, AssumeRolePolicyDocument=json.dumps(TRUST))
    iam.put_role_policy(RoleName=STEP_ROLE, PolicyName="all", PolicyDocument=json.dumps(POLICY))
    return f"arn:aws:iam::{stack.account}:role/{STEP_ROLE}"
