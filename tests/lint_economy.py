"""What cfn-lint has found in a template, kept for all processes of a session: to look again takes a hundred times as long."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from headgate.generator.lint.linters import Lint


def kept(lint: Lint, folder: Path) -> Lint:
    """The linter, which looks only at a template that is not in the folder yet."""
    folder.mkdir(exist_ok=True)

    def problems(template: dict[str, Any]) -> list[str]:
        text = json.dumps(template)
        file = folder / hashlib.sha256(text.encode()).hexdigest()
        if not file.exists():
            whole = file.with_suffix(f".{os.getpid()}")
            whole.write_text(json.dumps(lint(template)))
            whole.rename(file)
        found: list[str] = json.loads(file.read_bytes())
        return found

    return problems
