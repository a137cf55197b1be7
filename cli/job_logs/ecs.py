"""Amazon ECS, with the log driver awslogs: docs.aws.amazon.com/AmazonECS/latest/developerguide/specify-log-config.html"""

from collections.abc import Iterator

from headgate.cli.job_logs import Client, JobRun, Note, Place, Stream


def places(job_run: JobRun, client: Client) -> Iterator[Place]:
    """A stream for each container. ECS forgets a task about an hour after it stopped; its family's latest definition stands for its own then."""
    _, cluster, task = job_run.id.rpartition(":")[2].split("/")
    ecs = client("ecs")
    found = ecs.describe_tasks(cluster=cluster, tasks=[job_run.id])["tasks"]
    definition = found[0]["taskDefinitionArn"] if found else job_run.job
    containers = ecs.describe_task_definition(taskDefinition=definition)["taskDefinition"]["containerDefinitions"]
    for each in containers:
        logging = each.get("logConfiguration", {})
        options = logging.get("options", {})
        if logging.get("logDriver") == "awslogs" and "awslogs-stream-prefix" in options:
            yield Stream(options["awslogs-group"], f"{options['awslogs-stream-prefix']}/{each['name']}/{task}")
        else:
            yield Note(
                f"container {each['name']}",
                f"it logs with {logging.get('logDriver', 'no driver')}; awslogs with a stream prefix can be read here",
            )
    if found and (reason := found[0].get("stoppedReason")):
        yield Note("ECS", reason)
