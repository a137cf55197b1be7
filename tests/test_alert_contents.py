"""What an alert says: the end of a long traceback, who waits, and links that are right in every partition."""

import pytest

from alerting.message import compose
from tests.alert_night import Night
from tests.alert_world import Service, Ses, fact, failed, notify
from tests.state_steps import LOADED, opened, uuid
from tests.state_world import World, external, product
from tests.test_alert_faults import ALERT

TRACEBACK = (
    "Traceback (most recent call last):\n"
    + "".join(f'  File "/tmp/lib/é{n}.py", line {n}, in call\n    step({n})\n' for n in range(300))
    + '  File "/tmp/job.py", line 7, in main\n    raise KeyError("isin")\nKeyError: \'isin\'\n'
)


def test_the_exception_at_the_end_of_a_long_traceback_comes_first(day: World, service: Service, ses: Ses) -> None:
    assert notify(failed(day, message=TRACEBACK)) == []
    (told,) = [
        body["attachments"][0]["blocks"][0]["text"]["text"] for path, body, _ in service.received if "chat" in path
    ]
    assert "KeyError: 'isin', at /tmp/job.py line 7" in told
    (mail,) = ses.sent
    text = mail["Content"]["Simple"]["Body"]["Text"]["Data"]
    assert "job job-build: KeyError: 'isin', at /tmp/job.py line 7. In full: Traceback (most recent call last)" in text
    assert text.count("KeyError: 'isin'") == 2, "the end of the traceback stands in full as well"
    ((recorded,),) = day.sql("SELECT message FROM job_run")
    assert recorded.startswith("Traceback")
    assert recorded.endswith("KeyError: 'isin'\n")


@pytest.mark.parametrize(
    ("partition", "region", "host"),
    [
        ("aws", "eu-west-1", "eu-west-1.console.aws.amazon.com"),
        ("aws-us-gov", "us-gov-west-1", "console.amazonaws-us-gov.com"),
        ("aws-cn", "cn-north-1", "cn-north-1.console.amazonaws.cn"),
        ("aws-eusc", "eusc-de-east-1", "eusc-de-east-1.console.amazonaws-eusc.eu"),
    ],
)
def test_links_and_the_command_are_right_in_every_partition(partition: str, region: str, host: str) -> None:
    arn = f"arn:{partition}:states:{region}:222222222222:execution:headgate-m:a-2026-11-20-1"
    job = {
        "type": "glue", "job": "job-build", "job_run_id": "jr_1", "handle": {}, "step": "build", "error": "JobFailed", "message": "it ended",
    }  # fmt: skip
    stack = {"name": "headgate", "region": region, "account": "222222222222"}
    lines = compose({**ALERT, "execution_arn": arn, "job": job, "stack": stack}).text().splitlines()
    assert lines[-3:] == [
        f"Execution: https://{host}/states/home?region={region}#/v2/executions/details/{arn}",
        f"Job run: https://{host}/gluestudio/home?region={region}#/job/job-build/run/jr_1",
        f"Run again: headgate rerun d1/a --date 2026-11-20 --stack headgate --region {region}  # account 222222222222",
    ]


@pytest.mark.parametrize("away", [True, False])
def test_the_mail_about_a_storm_names_those_that_are_due_first(night: Night, away: bool) -> None:
    """An account is silent, or an upstream that notifies nobody has failed and everything downstream has given up. The first alert is about the last."""
    mail = [{"on": ["ERROR", "LATE"], "level": "product", "email": ["office@example.com"]}]
    sources = [f"away/x{n:02}" for n in range(14)] if away else ["d1/a"] * 14
    upstream = (
        {each: {**external(), "account": "999999999999"} for each in sources}
        if away
        else {"d1/a": product("raw/in", name="a")}
    )
    waiting = {
        f"d2/p{n:02}": product(each, name=f"p{n:02}", notify=mail, sla={"complete_by": f"08:{59 - n}"})
        for n, each in enumerate(sources)
    }
    night.world.load({"raw/in": external(), **upstream, **waiting}, LOADED)
    opened(night.world)
    if not away:
        failed(night.world)
        for name in waiting:
            night.world.state.record_outcome(
                uuid(night.world, name), 1, "ERROR", "UpstreamFailed", "d1/a", night.now, "machine"
            )
    given = {"status": "WAITING"} if away else {"error": "UpstreamFailed", "cause": "d1/a failed"}
    night.process(fact(night.world, "d2/p00", "LATE" if away else "ERROR", **given))

    message = night.receivers.last("office@example.com").message
    facts = dict(message.facts)
    named = ", ".join(f"d2/p{n:02}" for n in range(13, 3, -1))
    assert facts["Also because of it"] == f"13: {named} and 3 more"
    assert facts["First of them due"] == "d2/p13, by 2026-11-20 08:46 UTC"
    assert f"Because of: {'account 999999999999 is silent' if away else 'd1/a is ERROR'}" in message.text()
