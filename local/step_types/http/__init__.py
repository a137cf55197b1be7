"""Work behind HTTP APIs as the local runtime starts it."""
