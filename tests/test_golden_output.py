"""Every kind of machine, template and catalog, to the byte."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Headgate
from tests.golden import FOLDER, WRITING, expect, link_identical

# The simplest case first: what the others have in common with it are links to its files.
CASES = sorted((FOLDER / "output").iterdir(), key=lambda case: (case.name != "one-step", case.name))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_generates(case: Path, project: Callable[[str], Path], headgate: Headgate) -> None:
    root = project((case / "input.txt").read_text("utf-8"))

    code, printed = headgate("generate")

    assert (code, "Nothing was written" in printed) == (0, False), printed
    written = {path.relative_to(root / "statemachines") for path in (root / "statemachines").rglob("*.json")}
    wanted = {path.relative_to(case / "statemachines") for path in (case / "statemachines").rglob("*.json")}
    if WRITING:
        for stale in wanted - written:
            (case / "statemachines" / stale).unlink()
    else:
        assert written == wanted
    for path in sorted(written):
        expect(case / "statemachines" / path, (root / "statemachines" / path).read_bytes())
    if WRITING:
        link_identical(CASES)
