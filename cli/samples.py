"""Sample events of the functions, filled in from a run that is open now: the committed samples with this run's facts. No I/O."""

import json
from collections.abc import Mapping
from typing import Any

from headgate.cli.formatting import uncut
from headgate.local.producer import DETAIL_TYPES

Event = dict[str, Any]

# In this order the functions take one run from the gate to its outcome. The gate comes first: it gives the run the sample's token, so
# that the run's own machine does not go on by itself.
WALK = (
    "dependency_gate", "refresh_events", "pipeline_configuration", "job_tracker", "job_status", "file_batches", "outcome_recorder", "inquire",
)  # fmt: skip
SAMPLE_JOB_RUN = "jr_sample"
NESTED = {"hosted_board": "Board/BoardFunction"}  # in a template that template.yaml nests


def logical_id(function: str) -> str:
    """`dependency_gate` -> `DependencyGateFunction`, its name in template.yaml, as `sam local invoke` takes it."""
    return NESTED.get(function) or "".join(word.capitalize() for word in function.split("_")) + "Function"


def facts_of(run: Event, step: Event, now: str) -> Event:
    """What replaces the samples' values, by key: `run` is the answer of the question `why`, `step` a step of the catalog, `now` the
    moment of a commit that is newer than the loaded one."""
    return {
        "run_id": run["run_id"],
        "attempt": run["attempt"],
        "business_date": run["business_date"],
        "cycle": run.get("cycle", ""),
        "CommittedAt": now,
        "execution_arn": run.get("execution_arn", ""),
        "step": step["name"],
        "job": step["resource"],
        "jobName": step["resource"],
        "job_run_id": f"{SAMPLE_JOB_RUN}_{run['run_id'][:8]}_{run['attempt']}",
        "jobRunId": f"{SAMPLE_JOB_RUN}_{run['run_id'][:8]}_{run['attempt']}",
    }


def filled(function: str, sample: Event, run: Event, facts: Mapping[str, Any]) -> Event:
    """The function's sample with the facts of the run."""
    match function:
        case "refresh_events":
            record = sample["Records"][0]
            return {"Records": [_arrival(record, each, number) for number, each in enumerate(_refreshes(run))]}
        case "inquire" | "operate":
            return {**_replaced(sample, facts), "product": run["product"]}
        case "outcome_recorder":
            kept = {key: value for key, value in sample.items() if key not in ("error", "cause")}
            return {**_replaced(kept, facts), "status": "COMPLETED"}
        case "job_status":
            return {"Records": [_replaced(sample["Records"][0], facts)]}
        case "alerts":
            facts = {**facts, "product": run["product"]}
    replaced: Event = _replaced(sample, facts)
    return replaced


def _refreshes(run: Event) -> list[Event]:
    """The missing inputs that come as refresh events: files do not."""
    return [each for each in uncut(run.get("missing", ()))[0] if "#" not in each["product"]]


def _arrival(record: Event, missing: Event, number: int) -> Event:
    """A refresh event of a missing input, as SQS delivers it."""
    domain, product = missing["product"].split("/")
    body = json.loads(record["body"])
    body["detail"] |= {
        "domain": domain, "product": product, "business_date": missing.get("business_date", body["detail"]["business_date"]),
        "cycle": missing.get("cycle", ""), "status": missing["status"][0],
    }  # fmt: skip
    body["detail-type"] = DETAIL_TYPES[missing["status"][0]]
    return {**record, "messageId": f"{number:08}{record['messageId'][8:]}", "body": json.dumps(body)}


def _replaced(value: Any, facts: Mapping[str, Any]) -> Any:
    """`value` with the facts under their keys, also inside texts that hold JSON."""
    if isinstance(value, dict):
        return {
            key: facts[key] if key in facts and not isinstance(part, dict | list) else _replaced(part, facts)
            for key, part in value.items()
        }
    if isinstance(value, list):
        return [_replaced(part, facts) for part in value]
    if isinstance(value, str) and value.startswith("{"):
        return json.dumps(_replaced(json.loads(value), facts))
    return value


def environment(
    deployed: Mapping[str, Mapping[str, str]], addresses: Mapping[str, str], others: Mapping[str, str]
) -> dict[str, dict[str, str]]:
    """The file for `--env-vars`: what each function, by logical id, has in the deployment, with the addresses that a container
    reaches; `others` is for functions that are not deployed here, as those of the hosted board. SAM passes on only variables that the
    template declares, and prefers those of the function."""
    given = {name: {**variables, **addresses} for name, variables in deployed.items()}
    return {"Parameters": {**others, **addresses}, **given}
