"""Reads the workflows, triggers and jobs of an account, with the credentials of whoever runs the command."""

from typing import Any

from headgate.cli.errors import UsageError
from headgate.importing.glue.export import Export, read


def read_account(export: Export, region: str | None, profile: str | None) -> None:
    """Adds what the account has. Raises `UsageError` where it cannot be asked."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        glue = boto3.Session(profile_name=profile, region_name=region).client("glue")
        names = [name for page in _pages(glue, "list_workflows") for name in page["Workflows"]]
        for name in names:
            found = glue.get_workflow(Name=name, IncludeGraph=False)
            read({"Workflow": found["Workflow"]}, f"workflow {name}", export)
        for operation, key in (("get_triggers", "Triggers"), ("get_jobs", "Jobs")):
            for page in _pages(glue, operation):
                read({key: page[key]}, f"{operation} of the account", export)
    except (BotoCoreError, ClientError) as error:
        raise UsageError(f"Glue could not be asked: {error}; expected credentials with glue:ListWorkflows, glue:GetWorkflow, glue:GetTriggers and glue:GetJobs, or files with an export") from None  # fmt: skip


def _pages(glue: Any, operation: str) -> Any:
    token: dict[str, str] = {}
    while True:
        page = getattr(glue, operation)(**token)
        yield page
        if not page.get("NextToken"):
            return
        token = {"NextToken": page["NextToken"]}
