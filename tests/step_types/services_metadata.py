"""The products of the day of `test_services_local.py`, and the scripts of their work."""

import json

METADATA = """
--- svc/domain.yaml
account: "222222222222"
region: us-east-1
owner: team
defaults:
  schedule: {frequency: daily, time: "01:00", timezone: UTC}
  clusters: {nightly: {release: emr-7.5.0, instances: {primary: m6g.xlarge}}}
--- svc/queried.yaml
description: A query over a file, with values
pipeline:
  steps:
    - name: count
      athena: {workgroup: svc-etl, query: "SELECT sum(quantity) AS total FROM trades WHERE day = CAST(? AS DATE) AND book = ?", parameters: ["{business_date}", "o'neil"]}
--- svc/unqueried.yaml
description: The query names a table that does not exist
pipeline:
  steps: [{name: count, athena: {workgroup: svc-etl, query: SELECT * FROM nowhere}}]
--- svc/endless.yaml
description: The query takes longer than the step allows
pipeline:
  steps: [{name: count, athena: {workgroup: svc-slow, query: SELECT 1, timeout: 10m}}]
--- svc/scored.yaml
description: A task with a command and a variable
pipeline:
  steps: [{name: score, ecs: {cluster: svc, task: svc-score, container: main, command: ["{business_date}"], environment: {PRODUCT: "{product}"}, subnets: [subnet-0a1b2c3d]}}]
--- svc/unscored.yaml
description: The container ends with an exit code
pipeline:
  steps: [{name: score, ecs: {cluster: svc, task: svc-fails, container: main}}]
--- svc/retried.yaml
description: The first task hangs, is stopped at the time-out, and the second one runs
pipeline:
  steps: [{name: score, ecs: {cluster: svc, task: svc-hangs, container: main, timeout: 5m}, retry: {attempts: 1, interval: 1m}}]
--- svc/cancelled.yaml
description: An operator cancels the run
pipeline:
  steps: [{name: score, ecs: {cluster: svc, task: svc-cancelled, container: main}}]
--- svc/rerun.yaml
description: The machine is stopped while the task runs; the next attempt follows when the task has stopped
pipeline:
  steps: [{name: score, ecs: {cluster: svc, task: svc-rerun, container: main}}]
--- svc/nested.yaml
description: Another machine, which waits
pipeline:
  steps: [{name: other, machine: {name: svc-other, input: {date: "{business_date}"}}}]
--- svc/unnested.yaml
description: Another machine, which fails
pipeline:
  steps: [{name: other, machine: {name: svc-failing}}]
--- svc/late.yaml
description: Another machine, which takes longer than the step allows
pipeline:
  steps: [{name: other, machine: {name: svc-waiting, timeout: 10m}}]
--- svc/clustered.yaml
description: Two steps in parallel on a cluster, and one after them
pipeline:
  cluster: {release: emr-7.5.0, instances: {primary: m6g.xlarge}}
  steps:
    - parallel:
        - {name: north, emr: {spark: s3://code/svc-clean.py, arguments: [north, "{business_date}"]}}
        - {name: south, emr: {command: [south, "{business_date}"]}}
    - {name: sum, emr: {spark: s3://code/svc-sum.py}}
--- svc/unclustered.yaml
description: The step fails; its cluster is released
pipeline:
  cluster: {release: emr-7.5.0, instances: {primary: m6g.xlarge}}
  steps: [{name: clean, emr: {spark: s3://code/svc-broken.py}}]
--- svc/reclustered.yaml
description: The first cluster ends while it starts, and is made anew
pipeline:
  cluster: {release: emr-7.5.0, instances: {primary: m6g.xlarge}, retry: {attempts: 1}}
  steps: [{name: clean, emr: {spark: s3://code/svc-again.py}}]
--- svc/sharing.yaml
description: The first on a cluster that products share
pipeline:
  cluster: nightly
  steps: [{name: shared, emr: {command: [shared, sharing]}}]
--- svc/shared-too.yaml
description: Another one at the same time
pipeline:
  cluster: nightly
  steps: [{name: shared, emr: {command: [shared, shared-too]}}]
--- svc/shared-last.yaml
description: The last one, which follows the first
depends_on: {all_of: [svc/sharing]}
pipeline:
  cluster: nightly
  steps: [{name: shared, emr: {command: [shared, shared-last]}}]
--- svc/counted.yaml
description: States of a file, which count until there is enough
pipeline: {definition: {file: count.asl.json, input: {of: "{business_date}", enough: 2}}}
--- svc/count.asl.json
{
  "StartAt": "Count",
  "States": {
    "Count": {
      "Type": "Task",
      "Resource": "arn:aws:states:::lambda:invoke",
      "Parameters": {"FunctionName": "svc-count", "Payload": {"date.$": "$.input.of"}},
      "ResultSelector": {"rows.$": "$.Payload.rows"},
      "ResultPath": "$.metadata",
      "TimeoutSeconds": 60,
      "Next": "Enough?"
    },
    "Enough?": {
      "Type": "Choice",
      "Choices": [{"Variable": "$.metadata.rows", "NumericGreaterThanEqualsPath": "$.input.enough", "Next": "Counted"}],
      "Default": "Pause"
    },
    "Pause": {"Type": "Wait", "Seconds": 60, "Next": "Count"},
    "Counted": {"Type": "Succeed"}
  }
}
--- svc/uncounted.yaml
description: A state of a file that fails
pipeline: {definition: uncounted.asl.json}
--- svc/uncounted.asl.json
CALL svc-uncounted
--- svc/counted-again.yaml
description: The machine is stopped in a state of the file, and the run is run again
pipeline: {definition: counted-again.asl.json}
--- svc/counted-again.asl.json
CALL svc-counted-again
"""
CALL = json.dumps({"StartAt": "Call", "States": {"Call": {
    "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "NAME"},
    "TimeoutSeconds": 900, "End": True,
}}})  # fmt: skip
for called in ("svc-uncounted", "svc-counted-again"):
    METADATA = METADATA.replace(f"CALL {called}", CALL.replace("NAME", called))
COUNT = """
import os, pathlib
def handler(event, context):
    with pathlib.Path(os.environ["DATA"], "counted").open("a") as file:
        file.write(event["date"] + "\\n")
    return {"rows": len(pathlib.Path(os.environ["DATA"], "counted").read_text().splitlines())}
"""
SHARED = """
import os, pathlib, sys
with pathlib.Path(os.environ["DATA"], "shared").open("a") as file:
    file.write(sys.argv[-1] + "\\n")
"""
CLEAN = """
import os, pathlib, sys
pathlib.Path(os.environ["DATA"], sys.argv[1]).write_text(" ".join(sys.argv[1:]))
"""
SUM = """
import os, pathlib
data = pathlib.Path(os.environ["DATA"])
(data / "sum").write_text((data / "north").read_text() + ", " + (data / "south").read_text())
"""
