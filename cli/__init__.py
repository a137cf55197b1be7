"""The `headgate` command: one file a subcommand. Only here is anything printed and an exit code chosen."""
