"""Code that ships with products: the job that is deployed with its script, versioned by content."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import code_publisher
from headgate.generator.model.accounts import Home
from headgate.generator.plan.deployment import deployments
from headgate.generator.plan.layout import Domain, Layout, place
from tests.conftest import Headgate
from tests.fake_aws import FakeAws
from tests.golden import FOLDER as GOLDEN
from tests.handler_steps import invoke, sample
from tests.state_world import World

CASE = GOLDEN / "output" / "shipped-script"
TABLES = (
    "d1/ds3/70c6eeef18f4/tables.py"  # with the digest of the content, as any later version of Headgate has to find it
)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> FakeAws:
    fake = FakeAws()
    monkeypatch.setattr(code_publisher, "s3", lambda: fake)
    return fake


@pytest.fixture
def generated(project: Callable[[str], Path], headgate: Headgate) -> Path:
    root = project((CASE / "input.txt").read_text("utf-8"))
    assert headgate("generate")[0] == 0
    return root


def script(root: Path) -> Path:
    return root / "products/d1/ds3/clean.py"


def code_of(root: Path) -> set[str]:
    folder = root / "statemachines/catalog/code"
    return {each.relative_to(folder).as_posix() for each in folder.rglob("*") if each.is_file()}


def statements(template: dict[str, Any], name: str) -> list[dict[str, Any]]:
    (role,) = (each for key, each in template["Resources"].items() if key.endswith(f"{name}JobRole"))
    found: list[dict[str, Any]] = role["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    return found


def test_a_changed_script_is_seen_by_plan_and_check_and_is_another_object(generated: Path, headgate: Headgate) -> None:
    before = code_of(generated)
    assert TABLES in before
    assert headgate("generate", "--check")[0] == 0

    script(generated).write_text("import tables, sys\n")
    code, printed = headgate("plan")
    assert code == 0
    was, now = printed.split(" changed (")[1].split(");")[0].split(" -> ")
    assert printed.splitlines()[0] == (
        f"~ d1/ds3 step clean: script clean.py changed ({was} -> {now}); runs that have begun keep the one before (its machine does not change)"
    )
    assert headgate("generate", "--check")[0] == 1

    assert headgate("generate")[0] == 0
    assert code_of(generated) == before - {f"d1/ds3/{was}/clean.py"} | {f"d1/ds3/{now}/clean.py"}
    template = json.loads((generated / "statemachines/d1/template.json").read_bytes())
    (job,) = (each for key, each in template["Resources"].items() if key.startswith("Ds3Clean") and key.endswith("Job"))
    assert job["Properties"]["Command"]["ScriptLocation"] == {
        "Fn::Sub": f"s3://${{CodeBucketName}}/d1/ds3/{now}/clean.py"
    }


def test_plan_names_what_changes_of_the_job(generated: Path, headgate: Headgate) -> None:
    product = generated / "products/d1/ds3/product.yaml"
    text = product.read_text()
    product.write_text(text.replace("number_of_workers: 4", "number_of_workers: 8").replace("[warehouse]", "[lake]"))
    first = headgate("plan")[1].splitlines()[0]
    assert "step clean: connections warehouse -> lake; step clean: number_of_workers 4 -> 8" in first


def test_files_of_a_product_that_is_removed_go_with_it(generated: Path, headgate: Headgate) -> None:
    shutil.rmtree(generated / "products/d1/ds3")
    assert headgate("generate")[0] == 0
    assert code_of(generated) == set()
    assert not (generated / "statemachines/catalog/code").exists()


def test_a_job_reads_its_own_files_in_all_their_versions_and_nothing_else() -> None:
    template = json.loads((CASE / "statemachines/d1/template.json").read_bytes())
    granted = statements(template, "Of" + next(iter(_ids(template, "Clean"))))
    (read,) = (each for each in granted if each["Action"] == "s3:GetObject")
    assert [each["Fn::Sub"].rpartition("/d1/ds3/")[2] for each in read["Resource"]] == [
        "????????????/clean.py",
        "????????????/tables.py",
        "????????????/rules.zip",
    ]
    anywhere = [each["Action"] for each in granted if each["Resource"] == "*"]
    assert anywhere[0] == "cloudwatch:PutMetricData"
    assert [{action[:12] for action in each} for each in anywhere[1:]] == [{"ec2:Describe"}], (
        "IAM knows no names of them"
    )


def test_a_job_that_loads_batches_may_do_what_the_package_for_jobs_does() -> None:
    """Its files in every version, the manifests and results of its step, and copies of files that it rejects."""
    template = json.loads((GOLDEN / "output" / "batches" / "statemachines/raw/template.json").read_bytes())
    granted = [
        (each["Action"], each["Resource"]["Fn::Sub"].removeprefix("arn:${AWS::Partition}:s3:::"))
        for each in statements(template, "")
        if isinstance(each["Resource"], dict) and ":s3:::" in each["Resource"].get("Fn::Sub", "")
    ]
    assert granted == [
        (["s3:GetObject", "s3:GetObjectVersion"], "custodian-drop/out/?accounts/*"),
        (["s3:GetObject", "s3:PutObject"], "${BatchesBucketName}/batches/*/load-all/*.jsonl"),
        ("s3:PutObject", "acme-lake/quarantine/raw/accounts/*"),
    ]


def test_the_role_of_a_job_follows_the_bucket_of_its_files(project: Callable[[str], Path], headgate: Headgate) -> None:
    """Also where the product's own file does not change."""
    root = project((GOLDEN / "output" / "batches" / "input.txt").read_text("utf-8"))
    assert headgate("generate")[0] == 0
    buckets = root / "products/raw/buckets.yaml"
    buckets.write_text(buckets.read_text().replace("custodian-drop", "other-drop"))
    script = root / "products/raw/accounts/product.yaml"
    for command, listed in (("pythonshell", False), ("glueetl", True)):
        script.write_text(script.read_text().replace("command: pythonshell", f"command: {command}"))
        assert headgate("generate")[0] == 0
        text = json.dumps(statements(json.loads((root / "statemachines/raw/template.json").read_bytes()), ""))
        assert ("other-drop/out/" in text, "s3:ListBucket" in text) == (True, listed)
        assert "custodian-drop" not in text


def _ids(template: dict[str, Any], step: str) -> list[str]:
    return [
        key.removesuffix("JobRole").rpartition("Of")[2]
        for key in template["Resources"]
        if key.startswith(f"Ds3{step}Of") and key.endswith("JobRole")
    ]


def test_files_are_published_once_and_older_ones_stay(generated: Path, bucket: FakeAws, headgate: Headgate) -> None:
    def publish() -> Any:
        event = sample("code_publisher")
        event["ResourceProperties"]["Folder"] = str(generated / "statemachines/catalog/code")
        answer = code_publisher.handler(event, None)
        assert answer["Status"] == "SUCCESS", answer
        return answer["Data"]["uploaded"]

    assert (publish(), publish()) == (4, 0)
    assert bucket.objects[f"s3://headgate-code/{TABLES}"] == b"ROWS = 1\n"
    first = dict(bucket.objects)
    script(generated).write_text("import tables, sys\n")
    headgate("generate")
    assert publish() == 1
    assert first.items() < bucket.objects.items()


def test_a_project_without_shipped_files_has_nothing_to_publish(bucket: FakeAws, tmp_path: Path) -> None:
    properties = {"Bucket": "b", "Folder": str(tmp_path / "code")}
    assert code_publisher.apply({"ResourceProperties": properties}) == {"uploaded": 0}
    assert bucket.objects == {}


def test_a_run_is_given_the_files_with_which_its_pipeline_began(world: World, aws: FakeAws) -> None:
    """The arguments win over the job's own, so a job that is deployed while the run goes on changes nothing for it."""
    event = sample("metadata_loader")
    event["ResourceProperties"] |= {
        "Catalog": str(CASE / "statemachines/catalog/catalog.json"), "CodeBucket": "code", "NamePrefix": "headgate-",
    }  # fmt: skip
    assert invoke("metadata_loader", event)["Status"] == "SUCCESS"

    found = world.sql("SELECT step, resource FROM data_pipeline_config ORDER BY position")
    assert found == [
        ("clean", "headgate-d1_ds3_clean"),
        ("plain", "headgate-d1_ds3_plain"),
        ("check", "headgate-positions-check"),
    ]
    given = dict(world.sql("SELECT name, value FROM data_pipeline_parameters WHERE step = 'clean'"))
    assert given["--scriptLocation"].startswith("s3://code/d1/ds3/")
    assert [each.rpartition("/")[2] for each in given["--extra-py-files"].split(",")] == ["tables.py", "rules.zip"]
    assert given["--business_date"] == "{business_date}"


def test_the_resources_of_jobs_count_in_templates_operations_and_roles() -> None:
    home = Home("111122223333", "us-east-1")
    domain = Domain(home, {f"p{n:03}": 6_000 for n in range(150)}, {f"p{n:03}": (4, 2) for n in range(150)})
    layout = place({"d": domain}, Layout())
    sizes = [len(names) for names in layout.members().values()]
    assert max(sizes) * 6 + 1 <= 450 < (max(sizes) + 1) * 6 + 1
    (deployment,) = deployments({"d": domain}, layout)
    assert deployment.roles == 150 + 2 * 150 + 30
    assert deployment.operations[1] >= 150 * 6


def test_other_services_get_their_files_from_the_bucket_of_the_stack(world: World, aws: FakeAws) -> None:
    event = sample("metadata_loader")
    catalog = GOLDEN / "output/shipped-files/statemachines/catalog/catalog.json"
    event["ResourceProperties"] |= {"Catalog": str(catalog), "CodeBucket": "code", "NamePrefix": "headgate-"}
    assert invoke("metadata_loader", event)["Status"] == "SUCCESS"

    resources = dict(world.sql("SELECT step, resource FROM data_pipeline_config"))
    assert resources["score"] == "headgate-d1_ds3_score", "a task definition that is deployed"
    assert resources["clean"] == "clean", "EMR's step is no resource"
    given = {(step, name): value for step, name, value in world.sql("SELECT step, name, value FROM data_pipeline_parameters")}  # fmt: skip
    assert given["clean", "spark"].startswith("s3://code/d1/ds3/")
    assert given["mart", "query"].startswith("-- the positions of the day\nINSERT")


def test_plan_counts_the_lines_of_a_changed_query(project: Callable[[str], Path], headgate: Headgate) -> None:
    root = project((GOLDEN / "output/shipped-files/input.txt").read_text("utf-8"))
    assert headgate("generate")[0] == 0
    query = root / "products/d1/ds3/sql/mart.sql"
    query.write_text(query.read_text().replace("SELECT *", "SELECT account,\n value"))
    assert headgate("plan")[1].splitlines()[0].startswith("~ d1/ds3 step mart: file sql/mart.sql changed (+2 -1 lines)")


def test_a_product_that_is_a_folder_is_a_product_for_new_as_well(generated: Path, headgate: Headgate) -> None:
    assert headgate("new", "product", "d1/ds3")[0] == 2
    assert headgate("new", "product", "d1/ds4", "--depends-on", "d1/ds3")[0] == 0
    assert headgate("validate")[0] == 0
