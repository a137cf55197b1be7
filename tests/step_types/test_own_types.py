"""A step type of a project outside this repository: made by the recipe of CONTRIBUTING, without a change here."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import contract
import runtime
import step_types
from headgate.cli import shared_types
from headgate.cli.errors import UsageError
from headgate.generator import steps
from headgate.generator.schemas import schema
from headgate.local import step_types as local_types
from job_run import JobRun
from job_services import stop
from tests.conftest import Headgate
from tests.fake_aws import FakeAws
from tests.golden import lay_out
from tests.handler_steps import NOW, TODAY, invoke, queue
from tests.headgate_command import HEADGATE
from tests.local_application import ROOT
from tests.moto_engine import FailTask, Succeed, execute
from tests.moto_services import SERVICES
from tests.state_steps import LOADED, opened, wait
from tests.state_world import SOAK, World

TYPE = Path(__file__).parent / "sagemaker_pipeline"
ARN = "arn:aws:sagemaker:us-east-1:1:pipeline/churn/execution/x1"
METADATA = """\
--- products/d1/domain.yaml
owner: team-one
--- products/d1/ds1.yaml
description: Customers who may leave
schedule: {frequency: daily, time: "06:00"}
pipeline:
  steps:
    - name: score
      sagemaker_pipeline: {pipeline: churn, parameters: [{Name: Date, Value: "{business_date}"}]}
      retry: {attempts: 1}
"""
CALL = """\
    - name: list
      task:
        name: queues
        resource: aws-sdk:sqs:listQueues
        parameters: {QueueNamePrefix: "x-{business_date}"}
        repeat_on: [Sqs.SqsException]
        grants: [{action: sqs:ListQueues, resource: "*"}]
"""


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project with a copy of the application, whose functions hold its folder `steps`."""
    shutil.copytree(
        ROOT / "functions", tmp_path / "functions", symlinks=True, ignore=shutil.ignore_patterns("__pycache__")
    )
    (tmp_path / "events").symlink_to(ROOT / "events")
    shutil.copytree(
        ROOT / "board", tmp_path / "board", ignore=shutil.ignore_patterns("__pycache__")
    )  # functions has links to it
    shutil.copytree(TYPE, tmp_path / "steps" / "sagemaker_pipeline")
    lay_out(METADATA, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    for module in (step_types, contract):
        monkeypatch.setattr(module, "OWN", tmp_path / "functions" / "own_steps")
    step_types.step_types.cache_clear()
    yield tmp_path
    steps.use({})
    step_types.step_types.cache_clear()


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_it_is_generated_linted_granted_and_documented(outside: Path, headgate: Headgate) -> None:
    assert headgate("validate")[0] == 0
    code, printed = headgate("generate")
    assert code == 0, printed
    definition = json.loads((outside / "statemachines/d1/ds1.asl.json").read_text())
    assert [*definition["States"]["Run score"]["Branches"][0]["States"]] == [
        "Launch score",
        "Wait for score",
        "Check how score ended",
    ]
    application = (outside / "statemachines/template.json").read_text()
    assert "SageMaker Model Building Pipeline Execution Status Change" in application
    assert "sagemaker:DescribePipelineExecution" in application
    assert "sagemaker:StartPipelineExecution" in (outside / "statemachines/d1/template.json").read_text()
    assert re.search(r"\nsagemaker_pipeline +SageMaker pipeline +steps/sagemaker_pipeline\n", headgate("steps")[1])
    assert "| `pipeline` (required) | the name of a SageMaker pipeline |" in headgate("steps", "sagemaker_pipeline")[1]

    edit(outside / "products/d1/ds1.yaml", "pipeline: churn", "pipeline: churn!")
    code, printed = headgate("validate")
    assert (code, "expected  the name of a SageMaker pipeline" in printed) == (1, True), printed
    edit(outside / "products/d1/ds1.yaml", "pipeline: churn!", "pipeline: churn")
    edit(outside / "steps/sagemaker_pipeline/schema.json", '"default": "4h"', '"default": "5h"')
    assert "d1/ds1" in headgate("plan")[1], "what a type's default gives has changed"


def test_a_run_completes_by_its_code_in_the_functions(
    outside: Path, headgate: Headgate, world: World, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert headgate("generate")[0] == 0
    world.load(json.loads((outside / "statemachines/catalog/catalog.json").read_text())["products"], LOADED)
    opened(world)
    wait(world, "d1/ds1")
    monkeypatch.setattr(runtime, "now", lambda: NOW)
    run = str(world.run("d1/ds1", TODAY)["run_id"])
    configured = invoke("pipeline_configuration", {"run_id": run, "attempt": 1})["steps"]
    assert configured["score"] == {"pipeline": "churn", "parameters": [{"Name": "Date", "Value": TODAY}]}

    monkeypatch.setitem(SERVICES, "StartPipelineExecution", "pipeline.start")
    definition = json.loads((outside / "statemachines/d1/ds1.asl.json").read_text())
    answers: dict[str, Any] = {
        "tracker.await": [FailTask("JobFailed")],
        "pipeline.start": 2 * [Succeed({"PipelineExecutionArn": ARN})],
    }
    machine = execute(definition, answers, (), settings=configured)
    assert machine.error is None
    first, again = machine.called("pipeline.start")
    assert first["PipelineParameters"] == [{"Name": "Date", "Value": TODAY}]
    assert first["ClientRequestToken"] != again["ClientRequestToken"]

    job = {
        "run_id": run,
        "attempt": 1,
        "step": "score",
        "type": "sagemaker_pipeline",
        "job": "churn",
        "job_run_id": ARN,
    }
    invoke("job_tracker", {"action": "await", **job, "task_token": "token"})
    detail = {"pipelineExecutionArn": ARN, "currentPipelineExecutionStatus": "Succeeded"}
    event = {
        "source": "aws.sagemaker",
        "detail-type": "SageMaker Model Building Pipeline Execution Status Change",
        "detail": detail,
    }
    assert invoke("job_status", queue(event, {**event, "detail": {}}))["batchItemFailures"] == [{"itemIdentifier": "1"}]
    assert [token for token, _ in aws.answered if token == "token"] == ["token"]
    invoke(
        "outcome_recorder",
        {"run_id": run, "attempt": 1, "execution_arn": "arn:aws:states:x:1:execution:m:e", "status": "COMPLETED"},
    )
    assert world.run("d1/ds1", TODAY)["status"] == "COMPLETED"


def test_the_functions_as_they_are_deployed_hold_it(outside: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """`sam build` copies the folder of the functions as this does: links become what they lead to."""
    built = tmp_path_factory.mktemp("built")
    shutil.copytree(outside / "functions", built, dirs_exist_ok=True)
    (built / "own_steps/broken").mkdir()
    (built / "own_steps/broken/functions.py").write_text("import nothing_of_the_kind")
    code = "import step_types; print(' '.join(step_types.step_types()))"
    done = subprocess.run([sys.executable, "-c", code], cwd=built, capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == "sagemaker_pipeline"
    assert "glue" in done.stdout.split(), "one that cannot be imported keeps no other from its work"
    assert '"step_type_unusable": "broken"' in done.stderr


def test_a_defect_in_its_code_keeps_nothing_else_from_being_stopped(
    outside: Path, caplog: pytest.LogCaptureFixture
) -> None:
    edit(outside / "steps/sagemaker_pipeline/functions.py", 'client("sagemaker").stop_', "undefined.stop_")
    stop(JobRun("sagemaker_pipeline", "churn", ARN))
    assert "NameError: name 'undefined' is not defined" in caplog.text


BROKEN = {
    "schema.json": [
        ('"x-pattern": "launch-and-await",', "", "found     no `x-pattern`"),
        ('"sagemaker:StartPipelineExecution"', '"sagemaker:*"', "one IAM action such as glue:StartJobRun, without a wildcard"),
        ("pipeline/{pipeline}\"}", "pipeline/{name}\"}", "`name`, which is no property"),
        ('{\n  "title"', '{{\n  "title"', "Expecting property name"),
    ],
    "launch.asl.j2": [
        ("step.path ~ \".pipeline\"", "step.paths ~ \".pipeline\"", "has no attribute 'paths'"),
        ("{%- endif %}", "", "Unexpected end of template"),
        ('"Type": "Task",', '"Type": "Task"', "found     no JSON"),
    ],
    "example.yaml": [("pipeline: churn", "pipelines: churn", "Did you mean `pipeline`")],
    "functions.py": [
        ("from contract import require", "import pandas", "found     import of `pandas`"),
        ("def stop(", "def stopped(", "found     no function `stop`"),
        ('SOURCE, DETAIL_TYPE = "aws.sagemaker"', 'SOURCE, DETAIL_TYPE = "aws.glue"', "SOURCE = 'aws.sagemaker', as schema.json has it"),
        ("def ask(job_run", "def ask(((job_run", "invalid syntax"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("file", BROKEN)
def test_a_mistake_in_it_is_found_before_anything_is_generated(outside: Path, headgate: Headgate, file: str) -> None:
    path = outside / "steps/sagemaker_pipeline" / file
    whole = path.read_text()
    for old, new, message in BROKEN[file]:
        edit(path, old, new)
        code, printed = headgate("steps")
        assert (code, message in printed, f"steps/sagemaker_pipeline/{file}" in printed) == (1, True, True), printed
        path.write_text(whole)
    path.write_text(whole.replace(*BROKEN[file][0][:2]))
    code, printed = headgate("validate")
    assert (code, BROKEN[file][0][2] in printed) == (1, True), printed


def test_a_launch_without_its_grant_is_found_by_the_proof(outside: Path, headgate: Headgate) -> None:
    edit(
        outside / "steps/sagemaker_pipeline/schema.json",
        '"sagemaker:StartPipelineExecution"',
        '"sagemaker:StartExecution"',
    )
    code, printed = headgate("generate")
    assert (code, "HG904 a call without a grant" in printed) == (1, True), printed


def test_functions_that_do_not_hold_the_folder_are_found(outside: Path, headgate: Headgate) -> None:
    (outside / "functions/own_steps").unlink()
    code, printed = headgate("validate")
    assert (code, "ln -s ../steps functions/own_steps" in printed) == (1, True), printed


def test_a_package_offers_a_type_and_the_project_holds_a_copy(
    outside: Path, headgate: Headgate, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path_factory.mktemp("site")
    shutil.copytree(TYPE, site / "team_steps" / "sagemaker_pipeline")
    (site / "team_steps-1.2.dist-info").mkdir()
    (site / "team_steps-1.2.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: team-steps\nVersion: 1.2\n")
    entry = "[headgate.steps]\nsagemaker_pipeline = team_steps.sagemaker_pipeline\n"
    (site / "team_steps-1.2.dist-info/entry_points.txt").write_text(entry)
    monkeypatch.syspath_prepend(str(site))
    with pytest.raises(UsageError, match="steps/sagemaker_pipeline exists; delete it first"):
        shared_types.add("sagemaker_pipeline", Path("steps"))
    shutil.rmtree(outside / "steps/sagemaker_pipeline")
    assert "team-steps 1.2 offers sagemaker_pipeline: `headgate steps sagemaker_pipeline --add`" in headgate("steps")[1]
    assert headgate("steps", "sagemaker_pipeline", "--add")[0] == 0
    assert "steps/sagemaker_pipeline, added from team-steps 1.2" in headgate("steps")[1]
    assert headgate("generate")[0] == 0
    assert headgate("steps", "other", "--add") == (
        2, "headgate steps: no installed package offers a step type other; offered are sagemaker_pipeline\n",
    )  # fmt: skip


def test_its_stand_in_is_found_in_the_project(outside: Path) -> None:
    assert "sagemaker_pipeline" in local_types.names(outside)
    assert "sagemaker_pipeline" not in local_types.names(ROOT)
    assert local_types.provisioner("sagemaker_pipeline", outside).provision(None, [], None, outside) is None


@pytest.mark.slow
@pytest.mark.skipif(SOAK == 1, reason="`make soak` deploys the project")
def test_the_project_is_deployed_and_has_its_day(outside: Path) -> None:
    """The type's code in the functions, its stand-in, its rule and grants, beside a call as it stands."""
    for name in ("template.yaml", "samconfig.toml", "board"):
        (outside / name).symlink_to(ROOT / name)
    product = outside / "products/d1/ds1.yaml"
    product.write_text(product.read_text() + CALL)
    done = subprocess.run(
        [*HEADGATE, "run", "--date", TODAY], cwd=outside, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    for line in ("step score: churn SUCCEEDED", "step list: queues SUCCEEDED", "1 COMPLETED"):
        assert line in done.stdout, done.stdout


def test_a_project_can_use_every_note_of_headgates_own_types() -> None:
    known = schema("step-type")["properties"].keys() | {"$id", "type", "additionalProperties"}
    assert {key for kind in steps.step_types().values() for key in kind.schema} - known == set(), (
        "add the note to generator/schemas/step-type.schema.json"
    )
