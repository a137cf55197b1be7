"""The subcommands, one file each: their arguments, and what they do with the rest of the project."""
