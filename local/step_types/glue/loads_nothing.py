"""What a job does that has no script and is given a batch of files: it says that each of them is loaded."""

from headgate_jobs.batch import Batch

with Batch.of_arguments() as batch:
    for file in batch:
        file.processed()
