"""How the application watches the work of step types: the rules for their ends, and what functions may ask and stop."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headgate.generator.lint.linters import cfn_lint_problems
from headgate.generator.model.product import Step
from headgate.generator.plan.watching import MAX_MANAGED_POLICY, Watching, watching
from headgate.generator.render.application import render_first_stack
from headgate.generator.steps import StepType, step_types
from tests.conftest import Headgate

JOB = "arn:${AWS::Partition}:glue:${AWS::Region}:${AWS::AccountId}:job/"
GROUP = "arn:${AWS::Partition}:athena:${AWS::Region}:${AWS::AccountId}:workgroup/"


def steps(names: list[str], kind: str = "glue") -> list[Step]:
    return [Step(name="s", type=kind, settings={"job": name}, timeout=60, retry=None, pointer="") for name in names]


def names_of(found: Watching) -> list[str]:
    return [name["Fn::Sub"] for each in found.statements for name in each["Resource"]]


def size(found: Watching) -> int:
    """The policy's characters in the region with the longest name."""
    text = json.dumps({"Version": "2012-10-17", "Statement": found.statements}, separators=(",", ":"))
    for short, long in (
        ("${AWS::Partition}", "aws-us-gov"),
        ("${AWS::Region}", "ap-southeast-1"),
        ("${AWS::AccountId}", "1" * 12),
    ):
        text = text.replace(short, long)
    return len(text.replace('{"Fn::Sub":', "").replace("}", "")) + 10


def test_each_job_is_named_once_and_its_end_is_waited_for() -> None:
    found = watching(steps(["b", "a", "b"]))
    assert found.patterns == {
        "glue": {
            "source": ["aws.glue"],
            "detail-type": ["Glue Job State Change"],
            "detail": {"state": ["SUCCEEDED", "FAILED", "TIMEOUT", "STOPPED"]},
        }
    }
    assert found.statements == [
        {
            "Effect": "Allow",
            "Action": ["glue:BatchStopJobRun", "glue:GetJobRun", "glue:GetJobRuns"],
            "Resource": [{"Fn::Sub": JOB + "a"}, {"Fn::Sub": JOB + "b"}],
        }
    ]


def test_jobs_are_named_as_long_as_the_policy_has_room() -> None:
    for count in range(60, 110):
        jobs = [f"positions-job-{number:03}" for number in range(count)]
        found = watching(steps(jobs))
        assert size(found) <= MAX_MANAGED_POLICY
        if len(names_of(found)) < count:
            break
        assert names_of(found) == [JOB + job for job in jobs]
    assert names_of(found) == [JOB + "positions-job-0*"], "no wider than the names: what they begin with"
    assert size(watching(steps(jobs[:-1]))) > MAX_MANAGED_POLICY - 100, "and not before it has to be"


def test_jobs_without_a_common_beginning_take_the_type() -> None:
    jobs = [f"{chr(97 + number % 26)}-{number:040}" for number in range(500)]
    assert names_of(watching(steps(jobs))) == [JOB + "*"]


def test_the_type_with_the_most_names_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    other = StepType("athena_query", {"x-watch-grants": [{"action": "athena:StopQueryExecution", "resource": GROUP + "{job}"}], "x-event": {"source": "aws.athena", "detail-type": "Athena Query State Change"}})  # fmt: skip
    types = {**step_types(), other.name: other}
    monkeypatch.setattr("headgate.generator.plan.watching.step_types", lambda: types)

    found = watching([*steps([f"job-{number:050}" for number in range(80)]), *steps(["q1", "q2"], other.name)])

    assert names_of(found) == [GROUP + "q1", GROUP + "q2", JOB + "job-" + "0" * 48 + "*"]
    assert found.patterns["athena_query"] == {"source": ["aws.athena"], "detail-type": ["Athena Query State Change"]}
    template = render_first_stack((), found, ())
    assert {"endsOfGlue", "endsOfAthenaQuery", "watchPolicy"} < template["Resources"].keys()
    assert cfn_lint_problems(template) == []


def test_a_type_that_nothing_tells_of_needs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine itself sees the end of an invocation."""
    silent = StepType("silent", {})
    monkeypatch.setattr("headgate.generator.plan.watching.step_types", lambda: {silent.name: silent})
    found = watching(steps(["a"], silent.name))
    assert (found.patterns, found.statements) == ({}, [])
    assert render_first_stack((), found, ())["Resources"].keys() == {"NoProductsYet"}


def test_ids_of_domains_do_not_meet_those_of_rules(project: Callable[[str], Path], headgate: Headgate) -> None:
    product = 'description: x\nschedule: {frequency: daily, time: "06:00"}\npipeline:\n  steps:\n    - {name: a, glue: {job: j}}\n'
    root = project("".join(f"--- {domain}/domain.yaml\nowner: x\n--- {domain}/p.yaml\n{product.replace('job: j', 'job: ' + domain)}" for domain in ("watch-policy", "ends-of-glue")))  # fmt: skip
    code, printed = headgate("generate")
    assert code == 0, printed
    resources: dict[str, Any] = json.loads((root / "statemachines/template.json").read_text("utf-8"))["Resources"]
    assert set(resources) == {"WatchPolicy", "EndsOfGlue", "watchPolicy", "endsOfGlue"}
