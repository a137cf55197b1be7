"""The commands, one module each: `add` declares the arguments, `run` carries the command out and returns the exit code."""
