"""AWS Batch jobs as the local runtime runs them."""
