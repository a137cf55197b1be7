"""The operations of services that machines call: what they go by in tests, how errors name their service, what they answer by default."""

from typing import Any

SERVICES = {
    "StartJobRun": "glue.start",
    "PutEvents": "events.put",
    "Publish": "topic.publish",
    "StartQueryExecution": "athena.start",
    "RunTask": "ecs.start",
    "StartExecution": "machine.start",
    "SubmitJob": "batch.start",
    "ExecuteStatement": "redshift.start",
    "emr-serverless:StartJobRun": "emr_serverless.start",
    "RunJobFlow": "cluster.start",
    "AddJobFlowSteps": "emr.start",
    "SendMessage": "queue.send",
}
# How an SDK integration names a service in errors; moto knows few of them.
SDK_NAMES = {
    "athena": "Athena",
    "ecs": "Ecs",
    "sfn": "Sfn",
    "batch": "Batch",
    "redshiftdata": "RedshiftData",
    "emrserverless": "EmrServerless",
    "emr": "Emr",
}
# How it names services that boto names otherwise.
BOTO_NAMES = {"redshiftdata": "redshift-data", "emrserverless": "emr-serverless"}
ANSWERS: dict[str, dict[str, Any]] = {
    "glue.start": {"JobRunId": "jr_1"},
    "events.put": {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]},
    "topic.publish": {"MessageId": "1"},
    "athena.start": {"QueryExecutionId": "q-1"},
    "ecs.start": {"Tasks": [{"TaskArn": "arn:aws:ecs:us-east-1:123456789012:task/batch/1"}], "Failures": []},
    "batch.start": {"JobId": "j-1", "JobName": "headgate-1"},
    "redshift.start": {"Id": "s-1"},
    "emr_serverless.start": {"JobRunId": "r-1", "ApplicationId": "00f1"},
    "cluster.start": {"JobFlowId": "j-1"},
    "emr.start": {"StepIds": ["s-1"]},
    "queue.send": {"MessageId": "1"},
    "http.start": {"StatusCode": 200, "Headers": {}, "ResponseBody": {"run_id": 100}},
    "machine.start": {
        "ExecutionArn": "arn:aws:states:us-east-1:123456789012:execution:other:headgate-1",
    },
}
