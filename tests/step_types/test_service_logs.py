"""Where Batch, EMR Serverless, Redshift and HTTP APIs keep what work printed, or what they say of it."""

from typing import Any

import pytest

from headgate.cli.job_logs import JobRun, Note, Place, Stream, places_of

ERROR = 'relation "trades" does not exist'


class Service:
    """Answers every operation with one answer."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.answer = answer

    def __getattr__(self, operation: str) -> Any:
        return lambda **given: self.answer


@pytest.mark.parametrize(
    ("kind", "answer", "expected"),
    [
        ("batch", {"jobs": []}, [Note("Batch", "it does not know this job any more")]),
        ("batch", {"jobs": [{"statusReason": "no room in the queue"}]}, [Note("Batch", "no room in the queue")]),
        ("batch", {"jobs": [{"container": {"logStreamName": "fit/default/1"}}]}, [Stream("/aws/batch/job", "fit/default/1")]),
        ("batch", {"jobs": [{"container": {"logStreamName": "s", "logConfiguration": {"options": {"awslogs-group": "g"}}}}]}, [Stream("g", "s")]),
        ("emr_serverless", {"jobRun": {"stateDetails": "exit code 1"}}, [Note("EMR Serverless", "exit code 1")]),
        ("emr_serverless", {"jobRun": {"configurationOverrides": {"monitoringConfiguration": {"s3MonitoringConfiguration": {"logUri": "s3://logs/spark/"}}}}},
         [Note("logs", "s3://logs/spark/applications/job/jobs/run/")]),
        ("emr_serverless", {"jobRun": {"configurationOverrides": {"monitoringConfiguration": {"cloudWatchLoggingConfiguration": {"enabled": True}}}}},
         [Stream("/aws/emr-serverless", f"applications/job/jobs/run/SPARK_DRIVER/{each}") for each in ("stdout", "stderr")]),
        ("redshift", {"QueryString": "CALL a(:b) ", "QueryParameters": [{"name": "b", "value": "x"}], "Error": ERROR, "ResultRows": -1},
         [Note("statement", "CALL a(:b)"), Note("values", "b = x"), Note("error", ERROR)]),
        ("redshift", {"QueryString": "INSERT", "ResultRows": 1200}, [Note("statement", "INSERT"), Note("rows", "1,200")]),
    ],
)  # fmt: skip
def test_places(kind: str, answer: dict[str, Any], expected: list[Place]) -> None:
    found = places_of(kind)
    assert found is not None
    assert [*found(JobRun("d1/ds1", "step", kind, "job", "run", 1), lambda service: Service(answer))] == expected


def test_an_api_has_the_page_that_metadata_names() -> None:
    found = places_of("http")
    assert found is not None
    page = {"run": 7, "page": "https://example.com/runs/{run}"}
    for handle, expected in ((page, [Note("page", "https://example.com/runs/7")]), ({}, [])):
        job_run = JobRun("d1/ds1", "step", "http", "job", "run", 1, handle=handle)
        assert [*found(job_run, lambda service: Service({}))] == expected
