"""Statements of Amazon Redshift as the local runtime runs them."""
