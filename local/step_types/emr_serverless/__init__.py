"""Job runs of Amazon EMR Serverless as the local runtime runs them."""
