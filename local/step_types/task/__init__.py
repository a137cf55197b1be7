"""Any integration, as the local runtime runs it."""
