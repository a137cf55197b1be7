"""Rules that a golden file cannot show, and what rules have in common."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from headgate.generator.findings import Rule
from headgate.generator.plan import names
from headgate.generator.plan.forwarding import most_accounts
from headgate.generator.rules import mesh_rules
from tests.conftest import Headgate

PRODUCT = 'description: x\nschedule: {{frequency: daily, time: "06:00"}}\npipeline: {{steps: [{{name: a, glue: {{job: {0}}}}}]}}\n'


def test_names_that_collide_when_shortened(
    project: Callable[[str], Path], headgate: Headgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A digest keeps shortened names apart; only where it fails can two meet."""
    long = "a" * 60
    root = project(
        f"--- d1/domain.yaml\nowner: x\n--- d1/{long}-b.yaml\n{PRODUCT.format('j1')}--- d1/{long}-c.yaml\n{PRODUCT.format('j2')}"
    )
    assert headgate("validate")[0] == 0

    class Stuck:
        def __init__(self, data: bytes, digest_size: int) -> None: ...

        def hexdigest(self) -> str:
            return "00000000"

    monkeypatch.setattr(names, "blake2b", Stuck)
    shutil.rmtree(root / ".headgate")  # what is cached was computed by the digest as it is
    code, printed = headgate("validate")

    assert code == 1
    assert "HG601" in printed
    assert f'which "d1/{long}-b" has already' in printed


def test_more_machines_than_roles(project: Callable[[str], Path], headgate: Headgate) -> None:
    project(
        "--- d1/domain.yaml\nowner: x\n" + "".join(f"--- d1/p{n}.yaml\n{PRODUCT.format(f'j{n}')}" for n in range(1001))
    )

    code, printed = headgate("validate")

    assert code == 0
    assert "warning HG602" in printed
    assert headgate("validate", "--strict")[0] == 1


def test_more_jobs_than_glue_allows(project: Callable[[str], Path], headgate: Headgate) -> None:
    def mesh(products: int) -> str:
        steps = "".join(f"    - {{name: s{n}, glue: {{script: a.py}}}}\n" for n in range(40))
        one = "description: x\nschedule: {frequency: daily, time: '06:00'}\npipeline:\n  steps:\n" + steps
        return "--- d1/domain.yaml\nowner: x\n" + "".join(
            f"--- d1/p{n}/product.yaml\n{one}--- d1/p{n}/a.py\nx = 1\n" for n in range(products)
        )

    project(mesh(26))
    code, printed = headgate("validate")
    assert code == 0
    assert "found     1,040 jobs that are deployed with products in one account" in printed
    assert "found     26 machines and 1,040 jobs with roles of their own in one account" in printed
    shutil.rmtree(Path("products") / "d1" / "p25")
    assert "HG6" not in headgate("validate")[1].replace("HG602", "")


def accounts(count: int) -> str:
    """A mesh in which every account hears of other domains than the rest."""
    parts = []
    for number in range(count):
        parts.append(f'--- d{number}/domain.yaml\nowner: x\naccount: "{number:012}"\nregion: us-east-1\n')
        parts.append(f"--- d{number}/p.yaml\n{PRODUCT.format(f'j{number}')}")
    return "".join(parts)


def test_more_accounts_than_forward_rules(project: Callable[[str], Path], headgate: Headgate) -> None:
    project(accounts(301))
    code, printed = headgate("validate")
    assert code == 1
    assert "error HG603" in printed
    assert "found     301 rules for the accounts that the domains name" in printed
    project(accounts(300))
    (Path("products") / "d300" / "p.yaml").unlink()
    assert headgate("validate")[0] == 0


def test_more_accounts_than_a_policy_names(project: Callable[[str], Path], headgate: Headgate) -> None:
    most = most_accounts()
    project(accounts(most + 1))
    code, printed = headgate("validate")
    assert code == 0
    assert "warning HG605" in printed
    assert f"found     {most + 1} accounts that put events on the central bus" in printed
    (Path("products") / f"d{most}" / "p.yaml").unlink()
    (Path("products") / f"d{most}" / "domain.yaml").unlink()
    assert "HG605" not in headgate("validate")[1]


def test_more_rules_for_signals_than_a_bus_takes(project: Callable[[str], Path], headgate: Headgate) -> None:
    """Each pattern of 2,048 characters holds four such names."""

    def feeds(count: int) -> str:
        product = "--- raw/feed-{0}.yaml\ndescription: A feed\nsignal: {{openlineage: {{namespace: n, name: {1}-{0}}}, date: {{arrival: true}}}}\n"
        return "--- raw/domain.yaml\nowner: ingestion\n" + "".join(
            product.format(each, "x" * 440) for each in range(count)
        )

    project(feeds(401))
    code, printed = headgate("validate")
    assert code == 1
    assert "error HG743" in printed
    assert "found     101 rules for the signals of each account" in printed
    (Path("products") / "raw" / "feed-0.yaml").unlink()
    assert headgate("validate")[0] == 0


@pytest.mark.parametrize("rule", [rule for rule, _ in mesh_rules()], ids=lambda rule: rule.id)
def test_a_rule_says_why(rule: Rule) -> None:
    assert rule.id.startswith("HG")
    assert rule.why.endswith((".", ")."))
    assert not rule.title.endswith(".")
