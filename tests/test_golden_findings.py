"""Every message of `headgate validate`, to the letter."""

from collections.abc import Callable
from pathlib import Path

import pytest

from headgate.generator.lint.definitions import DEFINITION_RULES
from headgate.generator.lint.proof import PROOF_RULES
from headgate.generator.metadata.reading_rules import READING_RULES
from headgate.generator.rules import mesh_rules
from tests.conftest import Headgate
from tests.golden import FOLDER, expect

CASES = sorted((FOLDER / "findings").glob("*.txt"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_says_what_is_wrong(case: Path, project: Callable[[str], Path], headgate: Headgate) -> None:
    text = case.read_text("utf-8")
    project(text)

    code, printed = headgate("validate")

    given = text.split("===\n")[0]
    expect(case, f"{given}===\n{printed}exit code {code}\n".encode())
    assert "Traceback" not in printed


def test_every_rule_has_a_case_and_an_id_of_its_own() -> None:
    rules = [*READING_RULES, *(rule for rule, _ in mesh_rules()), *DEFINITION_RULES]
    shown = "".join(case.read_text("utf-8").split("===\n")[1] for case in CASES)

    assert [rule.id for rule in rules if f" {rule.id} " not in shown] == [
        "HG601",
        "HG602",
        "HG603",
        "HG605",
        "HG610",
        "HG743",
    ]  # test_rules
    ids = [rule.id for rule in (*rules, *PROOF_RULES)]
    assert len(ids) == len(set(ids))
