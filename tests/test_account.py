"""`headgate account setup`: what it makes in an account, what it shows before, and what it says where it may not."""

import itertools
import json
import re
import shlex
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import boto3
import cfnlint.data.schemas as cfn_schemas
import pytest
from botocore.exceptions import ClientError, WaiterError
from cfnlint.api import ManualArgs, lint

from headgate.cli import account_diagnosis
from headgate.deployment import account, template_text
from headgate.deployment.account import Setup, SetupError, options_of
from headgate.local.runtime import Runtime
from tests.conftest import Headgate
from tests.golden import FOLDER, expect
from tests.local_application import ROOT
from tests.test_template import HOSTED_BOARD, NESTED, TEMPLATE

REGION = "eu-west-1"
NUMBERS = itertools.count(700000000001)
SETUP = template_text.read(account.TEMPLATE)
PROGRESS = re.compile(r" +[0-9]+\.[0-9] s  .*")
SAMCONFIG = """
[default.deploy.parameters]
stack_name = "headgate"
[dev.deploy.parameters]
stack_name = "Mesh-dev"
parameter_overrides = "Mode=single NamePrefix=mesh-dev-"
"""
# What handlers of CloudFormation call for properties that the templates do not have.
NOT_NEEDED = {
    "AWS::CloudFormation::Stack": {"iam:PassRole"},
    "AWS::Events::*": {"kms:ReEncrypt", "iam:PassRole"},
    "AWS::IAM::ManagedPolicy": {"iam:*Group*", "iam:*User*"},
    "AWS::IAM::Policy": {"iam:*Group*", "iam:*User*"},
    "AWS::IAM::Role": {"iam:*PermissionsBoundary"},
    "AWS::Lambda::Alias": {"codedeploy:*", "lambda:*ProvisionedConcurrencyConfig"},
    "AWS::Lambda::Function": {
        "elasticfilesystem:*", "s3files:*", "ec2:*", "lambda:*CodeSigningConfig", "lambda:*ScalingConfig", "lambda:PassCapacityProvider",
        "lambda:PutFunctionRecursionConfig", "lambda:PutRuntimeManagementConfig", "lambda:AssociateRuntimeAlias",
    },
    "AWS::Lambda::Version": {"lambda:*ProvisionedConcurrencyConfig", "lambda:*ScalingConfig", "lambda:PutRuntimeManagementConfig"},
    "AWS::Logs::LogGroup": {
        "firehose:*", "s3:*", "logs:*IndexPolicy", "logs:*DataProtectionPolicy", "logs:PutBearerTokenAuthentication", "logs:DeleteResourcePolicy",
        "logs:PutLogGroupDeletionProtection",
    },
    "AWS::RDS::DBCluster": {"rds:*Role*", "rds:*GlobalCluster", "rds:Restore*", "iam:PassRole"},
    "AWS::RDS::DBInstance": {"rds:*Role*", "rds:Restore*", "rds:*Replica*", "rds:CreateDBSnapshot", "iam:PassRole", "iam:ListRoles"},
    "AWS::S3::Bucket": {
        "s3tables:*", "s3:*Metadata*", "s3:*Replication*", "s3:*Website", "s3:*CORS", "s3:*Cors", "s3:*Acl", "s3:*Accelerate*", "s3:*Analytics*",
        "s3:*IntelligentTiering*", "s3:*Inventory*", "s3:*Metrics*", "s3:*ObjectLock*", "s3:*Logging", "s3:*Abac", "s3:DeleteObject",
        "s3:DeleteBucketEncryption", "s3:DeleteBucketLifecycle", "iam:PassRole",
    },
    "AWS::SNS::*": {"iam:PassRole"},
    "AWS::SecretsManager::Secret": {"secretsmanager:*Region*"},
    "AWS::ApiGatewayV2::*": {"s3:getObject", "iam:PassRole", "apigateway:*Resource"},
}  # fmt: skip
# What the transform of SAM makes of its types; the logical ids of a template stay.
SAM = {
    "AWS::Serverless::Application": ["AWS::CloudFormation::Stack"],
    "AWS::Serverless::Function": ["AWS::Lambda::Function", "AWS::Lambda::Version", "AWS::Lambda::Alias", "AWS::Lambda::Permission"],
    "AWS::Serverless::HttpApi": ["AWS::ApiGatewayV2::Api", "AWS::ApiGatewayV2::Stage"],
    "AWS::Serverless::LayerVersion": ["AWS::Lambda::LayerVersion"],
    "AWS::Serverless::StateMachine": ["AWS::StepFunctions::StateMachine"],
}  # fmt: skip


def granted(names: tuple[str, ...] = ("StacksAndRoles", "Computing", "Data", "Messages")) -> set[str]:
    """The actions that these policies allow."""
    found = set()
    for name in names:
        for each in SETUP["Resources"][name]["Properties"]["PolicyDocument"]["Statement"]:
            found |= set(each["Action"] if isinstance(each["Action"], list) else [each["Action"]])
    return found


def deployed_types() -> list[str]:
    """The types of resources that a deployment of the application has."""
    templates = [TEMPLATE, HOSTED_BOARD, *(json.loads(path.read_bytes()) for path in NESTED)]
    kinds = {each["Type"] for template in templates for each in template["Resources"].values()}
    resolved = {each for kind in kinds for each in SAM.get(kind, [kind])}
    return sorted(each for each in resolved if not each.startswith("Custom::"))


def called_by_handlers(kind: str) -> set[str]:
    """The actions that CloudFormation says its handlers of the type call."""
    folder = Path(str(cfn_schemas.__file__)).parent
    of_region = json.loads((folder / "providers" / "us-east-1.json").read_bytes())
    handlers = json.loads((folder / "resources" / f"{of_region[kind]}.json").read_bytes()).get("handlers", {})
    return {action for name, each in handlers.items() if name != "list" for action in each.get("permissions", ())}


@pytest.mark.parametrize("kind", deployed_types())
def test_cloudformation_may_do_what_its_handlers_of_each_type_do(kind: str) -> None:
    needless = [each for pattern, actions in NOT_NEEDED.items() if fnmatchcase(kind, pattern) for each in actions]
    needed = {each for each in called_by_handlers(kind) if not any(fnmatchcase(each, pattern) for pattern in needless)}
    assert needed <= granted(), sorted(needed - granted())


def test_what_is_granted_names_its_resources() -> None:
    """A `*` stands only where IAM has no name for the resource, or a condition names it."""
    unnamed = {
        action
        for name in ("StacksAndRoles", "Computing", "Data", "Messages")
        for each in SETUP["Resources"][name]["Properties"]["PolicyDocument"]["Statement"]
        if each["Resource"] == "*" and "Condition" not in each
        for action in (each["Action"] if isinstance(each["Action"], list) else [each["Action"]])
    }
    assert {each for each in unnamed if ":Describe" not in each} == {
        "kms:CreateKey", "secretsmanager:GetRandomPassword", "logs:PutResourcePolicy", "logs:CreateLogDelivery", "logs:GetLogDelivery",
        "logs:UpdateLogDelivery", "logs:DeleteLogDelivery", "logs:ListLogDeliveries",
    }  # fmt: skip
    assert not [each for each in granted() if "*" in each]


def test_secrets_are_named_after_the_logical_ids_that_are_granted() -> None:
    secrets = [name for name, each in TEMPLATE["Resources"].items() if each["Type"] == "AWS::SecretsManager::Secret"]
    assert secrets
    assert all(each.startswith("Database") for each in secrets)


def test_no_policy_is_larger_than_iam_takes_it() -> None:
    for name in ("StacksAndRoles", "Computing", "Data", "Messages"):
        document = json.dumps(SETUP["Resources"][name]["Properties"]["PolicyDocument"], separators=(",", ":"))
        assert len(document) < 6144, name


@pytest.mark.slow
def test_the_template_lints() -> None:
    assert lint(account.TEMPLATE.read_text("utf-8"), config=ManualArgs(regions=[REGION])) == []


@pytest.fixture
def aws(endpoint: Runtime, monkeypatch: pytest.MonkeyPatch) -> str:
    """An account of the local endpoint that nothing was done to."""
    number = f"{next(NUMBERS):012}"
    given = {
        "AWS_ENDPOINT_URL": endpoint.url,
        "AWS_ACCESS_KEY_ID": number,
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": REGION,
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(account, "POLL", 0.1)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it would keep these credentials for other tests
    return number


@pytest.fixture
def mesh(project: Callable[[str], Path]) -> Path:
    folder = project("")
    (folder / "samconfig.toml").write_text(SAMCONFIG)
    (folder / "statemachines").symlink_to(ROOT / "statemachines")
    return folder


def typed(headgate: Headgate, code: int, *arguments: str) -> str:
    """The command with what it prints, but for the lines of its progress, when it ends with this code."""
    found, printed = headgate(*arguments)
    assert found == code, printed
    lines = [each for each in printed.splitlines() if not PROGRESS.fullmatch(each)]
    return "\n".join([f"$ headgate {shlex.join(arguments)}", *lines, *([f"(exit code {code})"] if code else []), ""])


def test_an_account_is_set_up_once_and_again_changes_nothing(aws: str, mesh: Path, headgate: Headgate) -> None:
    setup = ("account", "setup", "--config-env", "dev")
    pipeline = ("--repository", "acme/my-mesh", "--environment", "live")
    texts = [typed(headgate, 0, *setup, *pipeline, "--dry-run"), typed(headgate, 3, *setup, *pipeline)]
    assert boto3.client("s3").list_buckets()["Buckets"] == [], "it was only shown"
    assert boto3.client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"] == []

    texts.append(typed(headgate, 0, *setup, *pipeline, "--yes"))
    made = Setup("Mesh-dev", boto3.client("cloudformation"))
    outputs = made.outputs()
    assert [each["Name"] for each in boto3.client("s3").list_buckets()["Buckets"]] == [outputs["ArtifactBucket"]]
    assert made.parameters()["LandingBuckets"] == f"arn:aws:s3:::acme-landing-{aws}", (
        "the application makes it by its metadata"
    )
    check_pipeline_role(outputs["PipelineRoleArn"])

    texts.append(typed(headgate, 0, *setup))
    text = "\n".join(texts).replace(aws, "ACCOUNT")
    for name in ("ArtifactBucket", "ExecutionRoleArn", "PipelineRoleArn"):
        suffix = outputs[name].rsplit("-", 1)[1]  # of CloudFormation
        text = text.replace(suffix, "SUFFIX")
    expect(FOLDER / "messages" / "account-setup.txt", text.encode())

    code, printed = headgate(*setup, "--yes", "--json")
    answer = json.loads(printed)
    assert (code, answer["changes"], answer["applied"]) == (0, [], False), "what no argument says stays as it was"
    assert answer["outputs"] == outputs
    checks = {each.name: each for each in account_diagnosis.of_setups(boto3.Session(), mesh)}
    assert (checks["setup: dev"].state.value, checks["setup: dev"].found) == (
        "fine",
        f"stack setup-Mesh-dev in {REGION}",
    )
    assert (checks["setup: default"].state.value, checks["setup: default"].how) == (
        "optional",
        "`headgate account setup`",
    )


def check_pipeline_role(arn: str) -> None:
    """Only the workflow of the environment takes it, and it does no more than ask CloudFormation."""
    iam = boto3.client("iam")
    role = iam.get_role(RoleName=arn.rsplit("/", 1)[1])["Role"]
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    (provider,) = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    assert statement["Principal"] == {"Federated": provider["Arn"]}
    assert statement["Condition"]["StringEquals"] == {
        "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
        "token.actions.githubusercontent.com:sub": "repo:acme/my-mesh:environment:live",
    }
    policy = iam.get_role_policy(RoleName=role["RoleName"], PolicyName="deploy")["PolicyDocument"]
    allowed = [each["Action"] for each in policy["Statement"]]
    actions = {action for each in allowed for action in ([each] if isinstance(each, str) else each)}
    assert {each.split(":")[0] for each in actions} == {"cloudformation", "s3", "iam"}
    (passing,) = [each for each in policy["Statement"] if each["Action"] == "iam:PassRole"]
    assert "ExecutionRole" in passing["Resource"]


@pytest.mark.parametrize(("stack", "prefix"), [("setup", "headgate-"), ("mesh", "setup-"), ("mesh", "set")])
def test_an_application_may_not_change_what_grants_its_permissions(
    aws: str, mesh: Path, headgate: Headgate, stack: str, prefix: str
) -> None:
    (mesh / "samconfig.toml").write_text(
        f'[default.deploy.parameters]\nstack_name = "{stack}"\nparameter_overrides = "NamePrefix={prefix}"\n'
    )
    code, printed = headgate("account", "setup", "--yes")
    assert (code, "which grants their permissions; choose another name" in printed) == (2, True), printed


def test_a_deployment_uses_the_bucket_and_the_role() -> None:
    assert options_of({}) == [], "without a setup it is the caller's permissions and the bucket of aws-sam-cli"
    assert options_of({"ArtifactBucket": "b", "ExecutionRoleArn": "arn:r"}) == [
        "--no-resolve-s3",
        "--s3-bucket",
        "b",
        "--role-arn",
        "arn:r",
    ]


class Cloud:
    """CloudFormation with the stack, whose next change set or execution fails for the reason."""

    def __init__(
        self, reason: str, status: str = "CREATE_COMPLETE", failing: str = "change_set_create_complete"
    ) -> None:
        self.reason, self.status, self.failing = reason, status, failing
        self.deleted: list[str] = []

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        return {"Stacks": [{"StackStatus": self.status}]}

    def create_change_set(self, **given: Any) -> None: ...

    def describe_change_set(self, **given: Any) -> dict[str, Any]:
        return {"Status": "FAILED", "StatusReason": self.reason}

    def delete_change_set(self, StackName: str, ChangeSetName: str) -> None:  # noqa: N803
        self.deleted.append(StackName)

    def execute_change_set(self, **given: Any) -> None: ...

    def get_waiter(self, name: str) -> Any:
        def wait(**given: Any) -> None:
            if name == self.failing:
                raise WaiterError(name, "FAILED", {})

        return type("Waiter", (), {"wait": staticmethod(wait)})()

    def get_paginator(self, name: str) -> Any:
        from datetime import UTC, datetime

        event = {
            "Timestamp": datetime(2100, 1, 1, tzinfo=UTC), "ResourceStatus": "CREATE_FAILED", "ResourceType": "AWS::IAM::Role", "StackId": "s",
            "LogicalResourceId": "ExecutionRole", "PhysicalResourceId": "", "ResourceStatusReason": self.reason,
        }  # fmt: skip
        return type("Pages", (), {"paginate": staticmethod(lambda **given: [{"StackEvents": [event]}])})()


DENIED = "User: arn:aws:iam::111122223333:user/ann is not authorized to perform: iam:CreateRole on resource: arn:aws:iam::111122223333:role/x"


def test_no_change_is_no_error() -> None:
    cloud = Cloud(
        "The submitted information didn't contain changes. Submit different information to create a change set."
    )
    assert Setup("mesh", cloud).prepare({}) is None
    assert cloud.deleted == ["setup-mesh"], "the change set that failed is not left behind"


def test_a_permission_that_is_missing_is_named() -> None:
    change_set = Setup("mesh", Cloud(DENIED, failing="stack_update_complete")).prepare({})
    assert change_set is not None
    with pytest.raises(SetupError) as refused:
        change_set.execute(lambda line: None)
    assert str(refused.value).splitlines() == [
        "stack setup-mesh was not deployed:",
        f"  ExecutionRole (AWS::IAM::Role): {DENIED}",
        "The caller lacks iam:CreateRole. An account is set up once, by somebody who may administer it; deployments need no such permissions",
    ]


def test_the_first_creation_that_failed_is_named() -> None:
    with pytest.raises(SetupError, match="`aws cloudformation delete-stack --stack-name setup-mesh`"):
        Setup("mesh", Cloud("", status="ROLLBACK_COMPLETE")).prepare({})


def test_a_caller_who_may_not_even_look_is_told(
    aws: str, mesh: Path, headgate: Headgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(self: Setup, parameters: dict[str, str]) -> None:
        message = DENIED.replace("iam:CreateRole", "cloudformation:CreateChangeSet")
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": message}}, "CreateChangeSet")

    monkeypatch.setattr(Setup, "prepare", denied)
    code, printed = headgate("account", "setup", "--yes")
    assert (code, "The caller lacks cloudformation:CreateChangeSet." in printed) == (2, True), printed
