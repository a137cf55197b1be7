"""What the template has for files: buckets, who may send to their queue, and what the functions may read. Local runs cannot show that AWS allows it."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import landing as landing_function
from headgate.generator.cache import Cache
from headgate.generator.model.mesh import Mesh
from headgate.generator.plan.landing import MAX_READS, landing, widest
from headgate.generator.plan.watching import Watching
from headgate.generator.project import Project
from headgate.generator.render.application import render_first_stack
from tests.conftest import Headgate
from tests.golden import FOLDER
from tests.test_template import RESOURCES

CASE = FOLDER / "output" / "files"
MADE: dict[str, dict[str, Any]] = json.loads((CASE / "statemachines/template.json").read_text("utf-8"))["Resources"]
BUCKET = {"Fn::Sub": "arn:${AWS::Partition}:s3:::acme-landing-${AWS::AccountId}"}


def mesh(root: Path) -> Mesh:
    return Project(root / "products", Cache(None), date(2026, 11, 21)).loaded.mesh


def of_type(kind: str, resources: dict[str, Any] = MADE) -> dict[str, dict[str, Any]]:
    return {name: each for name, each in resources.items() if each["Type"] == kind}


def senders(resources: dict[str, Any]) -> list[dict[str, Any]]:
    (policy,) = of_type("AWS::SQS::QueuePolicy", resources).values()
    statements: list[dict[str, Any]] = policy["Properties"]["PolicyDocument"]["Statement"]
    assert statements[0]["Effect"] == "Deny", (
        "a policy without a statement would be refused, where no bucket is deployed"
    )
    return statements[1:]


def test_a_bucket_of_the_stack_keeps_versions_is_closed_and_outlives_the_stack() -> None:
    ((name, bucket),) = of_type("AWS::S3::Bucket").items()
    given = bucket["Properties"]
    assert (bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    assert given["VersioningConfiguration"] == {"Status": "Enabled"}
    assert set(given["PublicAccessBlockConfiguration"].values()) == {True}
    assert "BucketEncryption" in given
    ((policy),) = of_type("AWS::S3::BucketPolicy").values()
    assert policy["Properties"]["Bucket"] == {"Ref": name}
    (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_s3_may_send_for_this_bucket_and_for_no_other() -> None:
    """S3 asks for the permission when the notification is written: the policy comes before the bucket, and names it without a reference."""
    (bucket,) = of_type("AWS::S3::Bucket").values()
    assert bucket["DependsOn"] == ["filesQueuePolicy"]
    assert bucket["Properties"]["NotificationConfiguration"] == {
        "QueueConfigurations": [{"Event": "s3:ObjectCreated:*", "Queue": {"Ref": "FilesQueueArn"}}]
    }
    statement = senders(MADE)[0]
    assert (statement["Principal"], statement["Action"]) == ({"Service": "s3.amazonaws.com"}, "sqs:SendMessage")
    assert statement["Condition"] == {
        "ArnEquals": {"aws:SourceArn": [BUCKET]},
        "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
    }
    assert '"Ref": "bucket' not in json.dumps(statement)
    allowed = [each for each in RESOURCES["Key"]["Properties"]["KeyPolicy"]["Statement"] if "s3.amazonaws.com" in each["Principal"].get("Service", "")]  # fmt: skip
    assert [set(each["Action"]) for each in allowed] == [{"kms:GenerateDataKey", "kms:Decrypt"}]
    assert RESOURCES["FilesQueue"]["Properties"]["KmsMasterKeyId"] == {"Ref": "Key"}
    policies = of_type("AWS::SQS::QueuePolicy", RESOURCES).values()
    assert not any({"Ref": "FilesQueue"} in each["Properties"]["Queues"] for each in policies), "a queue has one policy"


def test_a_bucket_of_others_reports_through_eventbridge_in_one_hop() -> None:
    ((name, rule),) = [(name, each) for name, each in of_type("AWS::Events::Rule").items() if name.startswith("files")]
    given = rule["Properties"]
    assert "EventBusName" not in given, "S3 puts its events on the default bus"
    assert given["EventPattern"] == {
        "source": ["aws.s3"], "detail-type": ["Object Created"], "account": ["111122223333"], "detail": {"bucket": {"name": ["custodian-drop"]}},
    }  # fmt: skip
    assert given["Targets"] == [{"Id": "queue", "Arn": {"Ref": "FilesQueueArn"}, "DeadLetterConfig": {"Arn": {"Ref": "UndeliveredEventsArn"}}}]  # fmt: skip
    assert given["Name"]["Fn::Sub"].startswith("${NamePrefix}"), "by that the queue of undelivered events knows it"
    assert senders(MADE)[1]["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": [name, "Arn"]}}}
    (bus,) = of_type("AWS::Events::EventBusPolicy").values()
    assert bus["Properties"]["EventBusName"] == "default"
    assert bus["Properties"]["Statement"]["Condition"] == {"StringEquals": {"events:source": "aws.s3"}}
    assert "111122223333" in json.dumps(bus["Properties"]["Statement"]["Principal"])


def test_functions_read_manifests_and_list_prefixes_and_nothing_else() -> None:
    policies = {name: each["Properties"] for name, each in of_type("AWS::IAM::Policy").items()}
    (manifests,) = policies["readManifestsEverywhere"]["PolicyDocument"]["Statement"]
    assert manifests["Resource"] == [{"Fn::Sub": "arn:${AWS::Partition}:s3:::custodian-drop/holdings_*.json"}]
    assert policies["readManifestsEverywhere"]["Roles"] == [{"Ref": "LandingRoleName"}, {"Ref": "MonitorRoleName"}]
    listed = {json.dumps(each["Resource"]): each for each in policies["listFilesEverywhere"]["PolicyDocument"]["Statement"]}  # fmt: skip
    assert listed[json.dumps(BUCKET)] == {
        "Effect": "Allow", "Action": "s3:ListBucketVersions", "Resource": BUCKET, "Condition": {"StringLike": {"s3:prefix": ["custodian/positions/*", "trades/*"]}},
    }  # fmt: skip
    assert policies["listFilesEverywhere"]["Roles"] == [{"Ref": "MonitorRoleName"}]


def test_no_rule_is_too_long_and_prefixes_do_not_overlap() -> None:
    assert widest(["a/b/", "a/", "c/", "a/"]) == ["a/", "c/"]
    assert widest(["a/", ""]) == [""]


DOMAIN = """\
--- {name}/domain.yaml
owner: team
account: "{account}"
region: us-east-1
--- {name}/buckets.yaml
landing: {{name: "{name}-landing-{{account}}", create: true, via: {via}}}
drop: {{name: custodian-drop, versioned: false}}
--- {name}/positions.yaml
description: Positions
files: {{bucket: landing, prefix: "in/", pattern: '.*', date: {{arrival: true}}, complete: {{count: 1}}}}
pipeline: {{steps: [{{name: load, glue: {{job: {name}-load}}}}]}}
--- {name}/drops.yaml
description: Drops
files: {{bucket: drop, prefix: "{name}/", pattern: '.*', date: {{arrival: true}}, complete: {{manifest: {{name: "a$*.json", entries: e, file: f}}}}}}
pipeline: {{steps: [{{name: load, glue: {{job: {name}-drops}}}}]}}
"""


def test_each_account_of_a_mesh_has_its_own_buckets(project: Callable[[str], Path]) -> None:
    root = project(DOMAIN.format(name="raw", account="111111111111", via="sqs") + DOMAIN.format(name="ref", account="222222222222", via="eventbridge"))  # fmt: skip
    template = render_first_stack((), Watching({}, []), (), landing(mesh(root)))
    resources = template["Resources"]
    conditions = {name.removeprefix("files"): each.get("Condition") for name, each in resources.items() if each["Type"] in ("AWS::S3::Bucket", "AWS::Events::Rule")}  # fmt: skip
    assert set(conditions.values()) == {"filesOf111111111111useast1", "filesOf222222222222useast1"}
    assert set(conditions.values()) <= template["Conditions"].keys()
    assert all("Fn::If" in each for each in senders(resources))
    buckets = of_type("AWS::S3::Bucket", resources).values()
    ways = [list(each["Properties"]["NotificationConfiguration"]) for each in buckets]
    assert sorted(ways) == [["EventBridgeConfiguration"], ["QueueConfigurations"]]
    prefixes = [each["Properties"]["EventPattern"]["detail"]["object"]["key"] for each in of_type("AWS::Events::Rule", resources).values()]  # fmt: skip
    assert sorted(prefixes, key=str) == [[{"prefix": "in/"}], [{"prefix": "raw/"}], [{"prefix": "ref/"}]]
    reads = {name: each["Properties"]["PolicyDocument"]["Statement"] for name, each in of_type("AWS::IAM::Policy", resources).items()}  # fmt: skip
    texts = json.dumps(reads)
    assert "custodian-drop/raw/a??.json" in texts, (
        "what means something to IAM or CloudFormation is one character of any kind"
    )
    assert '"s3:ListBucket"' in texts, "of a bucket that keeps no versions"


def test_what_would_not_fit_a_role_names_whole_buckets(project: Callable[[str], Path]) -> None:
    text = DOMAIN.format(name="raw", account="111111111111", via="sqs")
    text += "".join(
        f"--- raw/p{n}.yaml\ndescription: P\npipeline: {{steps: [{{name: load, glue: {{job: raw-p{n}}}}}]}}\n"
        f"files: {{bucket: drop, prefix: 'a-rather-long-folder/{n:04}/', pattern: '.*', date: {{arrival: true}}, complete: {{manifest: {{name: list.json, entries: e, file: f}}}}}}\n"
        for n in range(150)
    )
    (reads,) = landing(mesh(project(text))).reads
    assert max(len(json.dumps(each)) for each in (reads.manifests, reads.listings)) < MAX_READS
    assert reads.manifests[0]["Resource"] == [{"Fn::Sub": "arn:${AWS::Partition}:s3:::custodian-drop/*"}]
    assert not any("Condition" in each for each in reads.listings)


def test_without_buckets_nothing_is_added(project: Callable[[str], Path], headgate: Headgate) -> None:
    root = project("--- d1/domain.yaml\nowner: o\n--- d1/a.yaml\ndescription: A\n")
    assert headgate("generate")[0] == 0
    assert json.loads((root / "statemachines/template.json").read_text("utf-8"))["Resources"].keys() == {
        "NoProductsYet"
    }


def test_the_sample_holds_a_message_of_each_kind() -> None:
    records = json.loads((FOLDER.parent.parent / "events/landing.json").read_text("utf-8"))["Records"]
    (direct,), (through,) = ((landing_function.parse(json.loads(each["body"])) or {})["files"] for each in records)
    assert (direct["bucket"], direct["key"]) == ("acme-landing-222222222222", "custodian/positions/positions_EU_20261120.csv")  # fmt: skip
    assert (through["bucket"], through["key"]) == (
        "acme-landing-222222222222",
        "custodian/positions/positions_US_20261120.csv",
    )
