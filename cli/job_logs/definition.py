"""The states of a definition run in the machine of their run, whose history Step Functions keeps."""

from headgate.cli.job_logs.machine import places

__all__ = ["places"]
