"""The template of the hosted board: who may call what, and what its function may do."""

import json
import re
from typing import Any

from board_settings import SCOPES
from snapshot_places import Place
from tests.aws_calls import Code
from tests.test_roles import TO_RUN, listed
from tests.test_template import FUNCTIONS, HOSTED_BOARD, RESOURCES, TEMPLATE

BOARD: dict[str, Any] = HOSTED_BOARD["Resources"]
FUNCTION = BOARD["BoardFunction"]["Properties"]
ROUTES = {f"{each['Properties']['Method']} {each['Properties']['Path']}": each["Properties"] for each in FUNCTION["Events"].values()}  # fmt: skip
PLACE = Place("111122223333", "eu-west-1", "headgate-")


def test_every_route_of_the_api_needs_a_token_with_its_scope_and_no_other_holds_data() -> None:
    protected = {route: each["Auth"] for route, each in ROUTES.items() if "Auth" in each}
    assert protected == {
        "GET /api/{question}": {"Authorizer": "SignedIn", "AuthorizationScopes": [SCOPES["GET"]]},
        "POST /api/{action}": {"Authorizer": "SignedIn", "AuthorizationScopes": [SCOPES["POST"]]},
    }
    assert ROUTES.keys() - protected == {"GET /", "GET /{file+}", "GET /config"}
    assert {route.split(" ")[0] for route in ROUTES} == {"GET", "POST"}
    assert all(each["ApiId"] == {"Ref": "Api"} and each.keys() <= {"ApiId", "Method", "Path", "Auth"} for each in ROUTES.values())  # fmt: skip


def test_the_authorizer_accepts_tokens_of_the_issuer_for_the_audience() -> None:
    authorizers = BOARD["Api"]["Properties"]["Auth"]["Authorizers"]
    assert authorizers == {
        "SignedIn": {
            "IdentitySource": "$request.header.Authorization",
            "JwtConfiguration": {"issuer": {"Ref": "Issuer"}, "audience": [{"Ref": "Audience"}]},
        }
    }


def test_the_api_is_throttled_has_no_cors_and_logs_no_query() -> None:
    api = BOARD["Api"]["Properties"]
    assert api["DefaultRouteSettings"] == {"ThrottlingBurstLimit": 100, "ThrottlingRateLimit": 50}
    assert "CorsConfiguration" not in api
    logged = set(re.findall(r"\$context\.([\w.]+)", api["AccessLogSettings"]["Format"]))
    assert json.loads(api["AccessLogSettings"]["Format"])
    assert not logged & {"requestOverride", "queryString", "rawQueryString", "authorizer.claims.email"}
    assert logged == {
        "requestTime", "requestId", "identity.sourceIp", "routeKey", "path", "status", "responseLength", "responseLatency", "authorizer.claims.sub",
        "authorizer.error",
    }  # fmt: skip


def test_its_role_allows_what_its_code_calls_by_name() -> None:
    statements = [each for policy in BOARD["BoardRole"]["Properties"]["Policies"] for each in policy["PolicyDocument"]["Statement"]]  # fmt: skip
    allowed = {action for each in statements for action in listed(each["Action"])}
    called = Code(FUNCTIONS, apart=("step_types",)).actions("hosted_board")
    needed = {"s3:GetObject", "s3:ListBucket", "lambda:InvokeFunction"}
    assert allowed == TO_RUN | needed
    assert {"s3:GetObject", "s3:ListObjectsV2"} - called <= {"s3:ListObjectsV2"}, "it lists with a paginator"
    assert not {each for each in called if re.search(r":(Put|Delete|Execute|Send)", each)}
    wide = [each.get("Sid") for each in statements if "*" in listed(each["Resource"])]
    assert wide == ["TracesHaveNoNames"]
    (invoking,) = [each for each in statements if each["Action"] == "lambda:InvokeFunction"]
    assert sorted(filled(each) for each in invoking["Resource"]) == [PLACE.function("inquire"), PLACE.function("operate")]  # fmt: skip


def test_the_functions_that_it_calls_have_these_names() -> None:
    for function in ("inquire", "operate"):
        name = RESOURCES[f"{function.capitalize()}Function"]["Properties"]["FunctionName"]
        assert PLACE.function(function).endswith(f":function:{filled(name)}")


def test_other_accounts_are_called_if_they_are_named_and_allow_it() -> None:
    policy = BOARD["OtherAccountsPolicy"]
    (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
    assert policy["Condition"] == "HasOtherAccounts"
    assert statement["Condition"] == {"StringEquals": {"aws:ResourceAccount": {"Fn::Split": [",", {"Ref": "Accounts"}]}}}  # fmt: skip
    assert [filled(each) for each in statement["Resource"]] == ["arn:aws:lambda:*:*:function:headgate-inquire", "arn:aws:lambda:*:*:function:headgate-operate"]  # fmt: skip
    allowing = {name: each["Properties"] for name, each in RESOURCES.items() if each["Type"] == "AWS::Lambda::Permission" and name.startswith("BoardMay")}  # fmt: skip
    assert {each["FunctionName"]["Ref"] for each in allowing.values()} == {"InquireFunction", "OperateFunction"}
    assert all(each["Principal"] == {"Ref": "BoardRoleArn"} for each in allowing.values())
    assert all(RESOURCES[name]["Condition"] == "HasBoardElsewhere" for name in allowing)


def test_an_account_writes_below_its_own_number_only() -> None:
    denied, shared = BOARD["SnapshotsPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert (denied["Effect"], denied["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    condition, allowed, nothing = shared["Fn::If"]
    assert (condition, nothing) == ("HasOtherAccounts", {"Ref": "AWS::NoValue"})
    assert allowed["Action"] == "s3:PutObject"
    keys = ["heads/${!aws:PrincipalAccount}/*", "snapshots/${!aws:PrincipalAccount}/*"]
    assert allowed["Resource"] == [{"Fn::Sub": f"${{Snapshots.Arn}}/{key}"} for key in keys]
    own = "111122223333"
    assert all(each.startswith(tuple(key.replace("${!aws:PrincipalAccount}/*", own) for key in keys)) for each in (PLACE.head, PLACE.mesh, PLACE.snapshot("2026-11-20")))  # fmt: skip
    role = RESOURCES["BoardSnapshotRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    (writing,) = [each for each in role if each["Action"] == "s3:PutObject"]
    assert [each["Fn::Sub"][0] for each in writing["Resource"]] == [f"arn:${{AWS::Partition}}:s3:::${{Bucket}}/{kind}/${{AWS::AccountId}}/*" for kind in ("heads", "snapshots")]  # fmt: skip


def test_snapshots_are_private_encrypted_and_expire() -> None:
    bucket = BOARD["Snapshots"]["Properties"]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    (rule,) = bucket["LifecycleConfiguration"]["Rules"]
    assert (rule["Prefix"], rule["ExpirationInDays"]) == ("snapshots/", 35), "heads stay: they say what there is"
    for name in ("FunctionLogs", "AccessLogs"):
        assert BOARD[name]["Properties"]["KmsKeyId"] == {"Ref": "KeyArn"}


def test_the_application_takes_the_word_of_this_role_alone() -> None:
    given = RESOURCES["OperateFunction"]["Properties"]["Environment"]["Variables"]["BOARD_ROLE"]
    condition, own, other = given["Fn::If"]
    assert (condition, other) == ("HasBoard", {"Ref": "BoardRoleArn"})
    name = filled(BOARD["BoardRole"]["Properties"]["RoleName"])
    assert filled(own) == f"arn:aws:iam::111122223333:role/{name}"


def test_it_is_off_unless_an_issuer_is_named_and_gets_every_parameter() -> None:
    assert TEMPLATE["Parameters"]["BoardIssuer"]["Default"] == ""
    assert RESOURCES["Board"]["Condition"] == "HasBoard"
    assert RESOURCES["Board"]["Properties"]["Parameters"].keys() == HOSTED_BOARD["Parameters"].keys()
    pattern = TEMPLATE["Parameters"]["BoardIssuer"]["AllowedPattern"]
    assert re.search(pattern, "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abc")
    assert not re.search(pattern, "http://login.example.com")


def test_the_queue_gives_its_messages_when_the_ten_seconds_are_over() -> None:
    import board_signal

    queue = RESOURCES["BoardChanges"]["Properties"]
    assert (queue["FifoQueue"], queue["DelaySeconds"]) == (True, board_signal.SECONDS)
    assert "BatchingWindow" not in json.dumps(RESOURCES["BoardSnapshotSource"])


def filled(value: Any) -> str:
    """The text of a `!Sub` in a stack of this account with the default prefix."""
    known = {"AWS::Partition": "aws", "AWS::Region": "eu-west-1", "AWS::AccountId": "111122223333", "NamePrefix": "headgate-"}  # fmt: skip
    return re.sub(r"\$\{([\w:]+)\}", lambda found: known[found[1]], value["Fn::Sub"])
