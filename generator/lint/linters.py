"""statelint for machines, cfn-lint for templates. Both are imported when they are needed: cfn-lint takes a second to load."""

import contextlib
import functools
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

from headgate.generator.second_process import command as second_command

Lint = Callable[[dict[str, Any]], list[str]]


def statelint_problems(definition: dict[str, Any]) -> list[str]:
    """The problems that statelint finds in a machine."""
    from statelint.linter import Linter

    problems: list[str] = Linter.validate(definition)
    return problems


@functools.cache
def _cfn_lint() -> Any:
    """Keeps its rules from template to template, as the command line of cfn-lint does; to load them takes as long as to lint."""
    from cfnlint.config import ConfigMixIn
    from cfnlint.runner import Runner

    return Runner(ConfigMixIn(regions=["us-east-1"]))


def cfn_lint_problems(template: dict[str, Any]) -> list[str]:
    """The errors and warnings of cfn-lint for a template, each with its rule."""
    from cfnlint.decode.decode import decode_str

    decoded, errors = decode_str(json.dumps(template, indent=1))
    return [
        f"{match.rule.id} {match.message} (at {'/'.join(str(part) for part in match.path or ())})"
        for match in errors or _cfn_lint().validate_template(decoded)
    ]


@contextlib.contextmanager
def cfn_lint(beside: bool) -> Iterator[Lint]:
    """`cfn_lint_problems`; `beside`: in a process of its own, which loads cfn-lint while this one does other work."""
    if not beside:
        yield cfn_lint_problems
        return
    with subprocess.Popen(second_command(serve), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        requests, answers = process.stdin, process.stdout
        assert requests is not None
        assert answers is not None

        def lint(template: dict[str, Any]) -> list[str]:
            with contextlib.suppress(BrokenPipeError):
                requests.write(json.dumps(template).encode() + b"\n")
                requests.flush()
            answer = answers.readline()
            problems: list[str] = json.loads(answer) if answer else cfn_lint_problems(template)
            return problems

        try:
            yield lint
        finally:
            process.kill()
            with contextlib.suppress(BrokenPipeError):
                requests.close()


def serve() -> None:
    """Answers each template on standard input, one a line, by a line with its problems; ends with the input."""
    _cfn_lint()  # before the first template arrives
    for line in sys.stdin:
        print(json.dumps(cfn_lint_problems(json.loads(line))), flush=True)
