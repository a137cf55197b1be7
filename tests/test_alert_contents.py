"""What an alert says: the end of a long traceback, who waits, and links that are right in every partition."""

import pytest

from alerting.message import compose
from tests.alert_world import Service, Ses, failed, notify
from tests.state_world import World
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
