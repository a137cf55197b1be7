"""The states of a definition, as the local runtime runs them."""
