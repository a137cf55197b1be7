"""AWS Glue jobs as the local runtime runs them."""
