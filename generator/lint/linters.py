"""statelint for machines, cfn-lint for templates. Both are imported when they are needed: that alone takes a second."""

import json
from typing import Any


def statelint_problems(definition: dict[str, Any]) -> list[str]:
    """The problems that statelint finds in a machine."""
    from statelint.linter import Linter

    problems: list[str] = Linter.validate(definition)
    return problems


def cfn_lint_problems(template: dict[str, Any]) -> list[str]:
    """The problems that cfn-lint finds in a template: errors and warnings, each with its rule."""
    from cfnlint.api import lint
    from cfnlint.config import ManualArgs

    text = json.dumps(template, indent=1)
    matches = lint(text, regions=["us-east-1"], config=ManualArgs(regions=["us-east-1"]))
    return [
        f"{match.rule.id} {match.message} (at {'/'.join(str(part) for part in match.path or ())})" for match in matches
    ]
