"""A pattern of file names that cannot be used."""

import re
from collections.abc import Iterator

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.mesh import Mesh
from headgate.generator.model.name_samples import slow

RULE = Rule(
    "HG701",
    "pattern of file names that cannot be used",
    "Every name that lands is matched by it: one that does not compile matches none, and one that backtracks may keep the function busy until its timeout.",
    partial=True,
)


def check(mesh: Mesh) -> Iterator[Finding]:
    for product in mesh.products.values():
        if product.files and (problem := problem_of(product.files.pattern)):
            yield Finding(RULE, mesh.file(product), "/files/pattern", *problem)


def usable(pattern: str) -> bool:
    """Whether other rules can read the pattern; what keeps them from it is found here."""
    return problem_of(pattern) is None


def problem_of(pattern: str) -> tuple[str, str, str] | None:
    """What is wrong with the pattern, what was expected, and a hint; None if it can be used."""
    try:
        re.compile(pattern)
    except re.error as error:
        at = "" if error.pos is None else f" at `{pattern[error.pos : error.pos + 20]}`"
        hint = "In YAML, put it in single quotes, and write named groups as (?P<date>...)."
        return f"{error.msg}{at}", "a regular expression of Python's `re`", hint
    except OverflowError:
        return "a repeat count beyond what Python takes", "a regular expression of Python's `re`", ""
    if found := slow(pattern):
        hint = r"Repeat what has a fixed length (`\d{8}`), or name the characters that can stand there (`[a-z]+`)."
        return found, "repeats that can match a name in few ways", hint
    return None
