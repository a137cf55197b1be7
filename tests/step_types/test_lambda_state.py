"""Lambda steps in the state: alerts, `why` and `history` name the step, the function and the error; the console link."""

import runtime
import step_types
from alerting.channels import properties
from alerting.message import compose
from inquire import handler as inquire
from job_run import JobRun
from tests.alert_world import NOW, fact
from tests.state_steps import TODAY, uuid
from tests.state_world import World, at

ERROR, CAUSE = "ValueError", '{"errorMessage": "12 rows are not balanced"}'


def failed_invocation(day: World, name: str = "d1/a") -> None:
    """The function `check-it:live` of step `check` fails, and so the run."""
    run, called = uuid(day, name), f"{uuid(day, name)}/1/check/06:20"
    day.event("raw/in", TODAY, at("2026-11-20 06:10"))
    day.state.begin_pipeline(run, 1, None, at("2026-11-20 06:20"))
    day.state.record_invocation(run, 1, "check", "lambda", "check-it:live", called, {}, 60, at("2026-11-20 06:20"))
    ended = {"job_run_id": called, "type": "lambda", "job": "check-it:live", "state": "FAILED", "error": ERROR}
    day.state.record_job_states([{**ended, "message": f"{ERROR}: {CAUSE}"}], at("2026-11-20 06:21"))
    day.state.record_outcome(run, 1, "ERROR", ERROR, CAUSE, at("2026-11-20 06:22"), "machine")


def test_the_alert_names_step_function_and_error(day: World) -> None:
    failed_invocation(day)
    alert = day.state.take_alert(fact(day, "d1/a", "ERROR", error=ERROR, cause=CAUSE), properties(), at(NOW)).alert
    assert alert is not None
    message = compose(alert)
    assert ("What failed", f"step check, function check-it:live: {ERROR}: {CAUSE}") in message.facts
    address = "https://eu-west-1.console.aws.amazon.com/lambda/home?region=eu-west-1#/functions/check-it/aliases/live?tab=monitoring"
    assert ("Job run", address) in message.links


def test_a_failure_elsewhere_is_not_put_on_the_function(day: World) -> None:
    failed_invocation(day)
    given = fact(day, "d1/a", "ERROR", error="States.TaskFailed", cause="the event was refused")
    alert = day.state.take_alert(given, properties(), at(NOW)).alert
    assert alert is not None
    assert ("What failed", "States.TaskFailed: the event was refused") in compose(alert).facts


def test_why_and_history_name_it(day: World) -> None:
    failed_invocation(day)
    assert runtime.now() == at(NOW)
    run = inquire({"question": "why", "product": "d1/a", "business_date": TODAY}, None)["run"]
    (job,) = run["jobs"]
    assert (job["step"], job["type"], job["job"], job["state"]) == ("check", "lambda", "check-it:live", "FAILED")
    assert job["message"] == f"{ERROR}: {CAUSE}"
    entries = inquire({"question": "history", "product": "d1/a", "business_date": TODAY}, None)["entries"]
    jobs = [(each["kind"], each["type"], each["step"]) for each in entries if each["kind"].startswith("job")]
    assert jobs == [("job started", "lambda", "check"), ("job ended", "lambda", "check")]


def test_the_function_of_an_arn_and_the_consoles_of_other_partitions() -> None:
    arn = "arn:aws-cn:lambda:cn-north-1:123456789012:function:check-it"
    kind = step_types.step_type("lambda")
    link = kind.console(JobRun("lambda", arn, "x"), "cn-north-1", "aws-cn")
    assert (
        link
        == "https://cn-north-1.console.amazonaws.cn/lambda/home?region=cn-north-1#/functions/check-it?tab=monitoring"
    )
    gov = kind.console(JobRun("lambda", "f", "x"), "us-gov-west-1", "aws-us-gov")
    assert gov is not None
    assert gov.startswith("https://console.amazonaws-us-gov.com/lambda/home?region=us-gov-west-1")
