"""The developer's tool: metadata -> plan -> state machines and templates; the `headgate` command."""
