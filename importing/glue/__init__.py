"""AWS Glue: workflows, which triggers put together of jobs and crawlers, as products."""
