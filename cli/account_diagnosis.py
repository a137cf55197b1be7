"""What Headgate needs of the AWS account, and what it finds there. Everything is only read."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from headgate.cli.diagnosis import Check, State
from headgate.cli.progress import Progress
from headgate.cli.project import opened_project

# The codes of Service Quotas; those of IAM are kept in one region of each partition. `least` is what a deployment uses at least.
CONCURRENCY, STACKS, ROLES = "L-B99A9384", "L-0485CB21", "L-FE177D64"
QUOTAS = (
    ("lambda", CONCURRENCY, "functions at the same time", 100),
    ("cloudformation", STACKS, "stacks", 5),
    ("iam", ROLES, "IAM roles", 60),
)
HOME_OF_IAM = {"aws": "us-east-1", "aws-us-gov": "us-gov-west-1", "aws-cn": "cn-north-1"}
NOT_NEEDED = "only deployments and deployed stacks need it"


def of_account(session: Any, deployment: list[dict[str, Any]]) -> Iterator[Check]:
    """Credentials, region and quotas; `deployment` is what the metadata deploys in each account."""
    from botocore.exceptions import BotoCoreError, ClientError

    region = session.region_name
    if not region:
        yield Check("region", State.OPTIONAL, f"none: {NOT_NEEDED}", "`aws configure`, AWS_REGION, or `region` in samconfig.toml or headgate.toml")  # fmt: skip
        return
    if session.get_credentials() is None:
        yield Check("credentials", State.OPTIONAL, f"none: {NOT_NEEDED}", "`aws configure sso`, `aws login` or a profile")  # fmt: skip
        return
    try:
        identity = _client(session, "sts", region).get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        yield Check("credentials", State.MISSING, str(error), "sign in again, or name another profile with --profile")
        return
    yield Check("credentials", State.FINE, f"{identity['Arn']} in {region}")
    for service, code, what, least in QUOTAS:
        home = HOME_OF_IAM.get(session.get_partition_for_region(region), region) if service == "iam" else region
        try:
            quota = _client(session, "service-quotas", home).get_service_quota(ServiceCode=service, QuotaCode=code)
            yield of_quota(what, quota["Quota"]["Value"], max(least, _planned(code, deployment, identity["Account"])))
        except (BotoCoreError, ClientError) as error:
            how = "servicequotas:GetServiceQuota lets it be read"
            yield Check(f"quota: {what}", State.OPTIONAL, f"not read: {error}", how)


def of_setups(session: Any, project: Path) -> Iterator[Check]:
    """Whether the account is set up for the environments of the project that this session can see."""
    from botocore.exceptions import BotoCoreError, ClientError

    from headgate.deployment import stacks
    from headgate.deployment.account import PREFIX
    from headgate.deployment.project import ConfigError, environments

    try:
        found = environments(project)
    except ConfigError as error:
        yield Check("samconfig.toml", State.MISSING, str(error), "correct it")
        return
    if not session.region_name or session.get_credentials() is None:
        return
    for environment, config in found.items():
        region = config.region or session.region_name
        if config.stack is None or config.profile not in (None, session.profile_name):
            continue
        name, stack = f"setup: {environment}", PREFIX + config.stack
        how = f"`headgate account setup{'' if environment == 'default' else f' --config-env {environment}'}`"
        try:
            status = stacks.status_of(_client(session, "cloudformation", region), stack)
        except (BotoCoreError, ClientError) as error:
            yield Check(name, State.OPTIONAL, f"not read: {error}", "cloudformation:DescribeStacks lets it be read")
            continue
        if status is None or status in stacks.NOTHING_LEFT:
            yield Check(name, State.OPTIONAL, f"no stack {stack} in {region}: a deployment takes the caller's permissions and a bucket of aws-sam-cli", how)  # fmt: skip
        elif problem := stacks.obstacle(stack, status):
            yield Check(name, State.MISSING, problem, how)
        else:
            yield Check(name, State.FINE, f"stack {stack} in {region}")


def of_quota(what: str, value: float, needed: int) -> Check:
    found = f"{value:,.0f} allowed, {needed:,} needed"
    if value < needed:
        return Check(f"quota: {what}", State.MISSING, found, "ask for more in the console of Service Quotas")
    return Check(f"quota: {what}", State.FINE, found)


def planned_deployment() -> list[dict[str, Any]]:
    """What the metadata in this folder deploys; nothing if there is none, or if it cannot be read."""
    products = Path("products")
    if not products.is_dir():
        return []
    with Progress(True) as progress:
        found: list[dict[str, Any]] = opened_project(products, progress).deployment["accounts"]
    return found


def _planned(code: str, deployment: list[dict[str, Any]], account: str) -> int:
    """How much of the quota the metadata's deployment uses in this account."""
    here = [each for each in deployment if each["account"] in (None, account)] or deployment
    if code == ROLES:
        return sum(each["roles"] for each in here)
    return sum(each["nested_stacks"] + len(each["stacks"]) + 1 for each in here) if code == STACKS else 0


def _client(session: Any, service: str, region: str) -> Any:
    from botocore.config import Config

    return session.client(service, region_name=region, config=Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 2}))  # fmt: skip
