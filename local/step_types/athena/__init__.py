"""Athena queries as the local runtime runs them."""
