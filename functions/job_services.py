"""Asks the services about job runs, and stops them. Both go by the step type."""

import json

from botocore.exceptions import BotoCoreError, ClientError

from batch import LOG
from job_run import Answer, JobRun
from state.errors import UnknownStepType
from step_types import step_type


def ask(job_run: JobRun) -> Answer:
    """How the job run stands. Raises botocore's errors, and `UnknownStepType`."""
    return step_type(job_run.type).ask(job_run)


def stop(job_run: JobRun) -> None:
    """Asks the service to stop a job run that is recorded as one to stop. If that fails the monitor asks again."""
    try:
        step_type(job_run.type).stop(job_run)
    except (ClientError, BotoCoreError, UnknownStepType) as error:
        LOG.warning(json.dumps({"job_run_id": job_run.job_run_id, "not_stopped": str(error)}))
    except Exception as error:  # noqa: BLE001 - a project's own type has code of its own; the others are stopped all the same
        LOG.error(json.dumps({"job_run_id": job_run.job_run_id, "not_stopped": f"{type(error).__name__}: {error}"}))
