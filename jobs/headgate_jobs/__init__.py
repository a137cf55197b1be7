"""For the authors of jobs that load files: the files of a batch, and the quality gate of one file.

Give the package to a job with `--extra-py-files`. `batch` needs the standard library and boto3, `checks` DuckDB as well; both run on Python 3.9, that of
Glue's Python shell.
"""
