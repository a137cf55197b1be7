"""What an API keeps of a run is its own; metadata may name the page where people find it."""

from collections.abc import Iterator
from urllib.parse import quote

from headgate.cli.job_logs import Client, JobRun, Note, Place


def places(job_run: JobRun, client: Client) -> Iterator[Place]:
    if page := job_run.handle.get("page"):
        yield Note("page", page.replace("{run}", quote(str(job_run.handle["run"]), safe="")))
