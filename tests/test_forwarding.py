"""What the central account forwards to whom: everything needed, nothing else, within EventBridge's quotas."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from headgate.generator.model.accounts import Home
from headgate.generator.plan.forwarding import MAX_PATTERN, MAX_RULES, MAX_TARGETS, forwarding, pattern
from headgate.generator.render.application import render_mesh
from tests.conftest import Headgate

HOMES = st.builds(
    Home, st.integers(1, 40).map(lambda number: f"{number:012}"), st.sampled_from(["us-east-1", "eu-west-1", ""])
)
DOMAINS = st.frozensets(st.integers(0, 200).map(lambda number: f"domain-{number}"), min_size=1, max_size=150)


@given(st.dictionaries(HOMES, DOMAINS, max_size=30), st.integers(1, 60), st.integers(0, 200))
def test_every_home_hears_of_what_it_needs_and_of_nothing_else(
    subscribed: dict[Home, frozenset[str]], accounts: int, unknown: int
) -> None:
    publishers = {f"domain-{n}": frozenset({f"{n % accounts:012}"}) for n in range(unknown, 201)}
    plan = forwarding(subscribed, publishers)
    received: dict[Home, list[str]] = {}
    for rule in plan.rules:
        assert len(rule.targets) <= MAX_TARGETS
        assert len(orjson.dumps(pattern(rule.domains, rule.accounts))) <= MAX_PATTERN
        owners = [publishers.get(each, frozenset()) for each in rule.domains]
        assert frozenset(rule.accounts) == frozenset().union(*owners), "nobody else's events, and none are missed"
        assert all(owners) or not any(owners), "whose events count from any account are apart"
        for home, role in rule.targets:
            assert home in plan.roles[role - 1]
            received.setdefault(home, []).extend(rule.domains)
    assert {home: sorted(domains) for home, domains in received.items()} == {
        home: sorted(each) for home, each in subscribed.items()
    }
    assert len({rule.name for rule in plan.rules}) == len(plan.rules)


def test_homes_that_hear_of_the_same_share_rules() -> None:
    homes = {Home(f"{number:012}", "us-east-1"): frozenset({"raw"}) for number in range(12)}
    assert [len(rule.targets) for rule in forwarding(homes, {}).rules] == [5, 5, 2]


def test_a_bus_policy_of_many_accounts_stays_within_its_length() -> None:
    template = render_mesh(forwarding({}, {}), [f"{number:012}" for number in range(200)])
    statement = json.dumps(template["Resources"]["AccountsPolicy"]["Properties"]["Statement"]).replace(
        "${AWS::Partition}", "aws-us-gov"
    )
    assert len(statement.replace('{"Fn::Sub": ', "").replace("}", "")) < 10_240


def test_a_hundred_accounts_with_seven_hundred_pipelines(project: Callable[[str], Path], headgate: Headgate) -> None:
    parts = [
        '--- raw/domain.yaml\nowner: x\naccount: "999999999999"\nregion: us-east-1\n--- raw/rd1.yaml\ndescription: x\n'
    ]
    for domain in range(100):
        parts.append(f'--- team-{domain}/domain.yaml\nowner: x\naccount: "{domain + 1:012}"\nregion: us-east-1\n')
        for number in range(7):
            upstream = "raw/rd1" if number == 0 else f"team-{(domain * 7 + number) % 100}/p0"
            waits = (
                f"depends_on: {{all_of: [{upstream}]}}\n"
                if upstream != f"team-{domain}/p0"
                else "depends_on: {all_of: [raw/rd1]}\n"
            )
            job = f"team-{domain}-p{number}"
            parts.append(
                f"--- team-{domain}/p{number}.yaml\ndescription: x\n{waits}pipeline: {{steps: [{{name: a, glue: {{job: {job}}}}}]}}\n"
            )
    root = project("".join(parts))

    assert headgate("validate")[0] == 0
    assert headgate("generate")[0] == 0
    resources = json.loads((root / "statemachines/mesh/template.json").read_text())["Resources"]
    rules = [each for each in resources.values() if each["Type"] == "AWS::Events::Rule"]
    assert 20 <= len(rules) <= MAX_RULES
    assert len(resources) < 500
    targets = [target for rule in rules for target in rule["Properties"]["Targets"]]
    assert all("DeadLetterConfig" in target.get("Fn::If", [None, target])[1] for target in targets)


def test_onboarding_a_domain_is_one_folder_and_plan_says_what_changes_where(
    project: Callable[[str], Path], headgate: Headgate
) -> None:
    project(
        '--- raw/domain.yaml\nowner: x\naccount: "111111111111"\n--- raw/rd1.yaml\ndescription: x\n'
        '--- d1/domain.yaml\nowner: x\naccount: "222222222222"\nregion: us-east-1\n'
        "--- d1/ds1.yaml\ndescription: x\ndepends_on: {all_of: [raw/rd1]}\npipeline: {steps: [{name: a, glue: {job: j}}]}\n"
    )
    headgate("generate")
    assert headgate("new", "domain", "d2", "--owner", "y", "--account", "333333333333", "--region", "eu-west-1")[0] == 0
    assert headgate("new", "product", "d2/report", "--depends-on", "d1/ds1", "--job", "d2-report")[0] == 0
    Path("products/d1/ds1.yaml").write_text(
        Path("products/d1/ds1.yaml").read_text().replace("[raw/rd1]", "[raw/rd1, d2/other]")
    )
    Path("products/d2/other.yaml").write_text("description: x\n")

    code, printed = headgate("plan")
    assert code == 0
    assert [line for line in printed.splitlines() if line.startswith("@")] == [
        "@ account 222222222222 (us-east-1): the central account also forwards d2 to it",
        "@ account 333333333333 (eu-west-1) is new: deploy it there as `domain`; the central account forwards d1, d2 to it",
    ]


def test_rules_name_the_accounts_that_publish(project: Callable[[str], Path], headgate: Headgate) -> None:
    """EventBridge does not forward what others put; of a domain that names no account it forwards everything."""
    root = project(
        '--- raw/domain.yaml\nowner: x\naccount: "111111111111"\n--- raw/rd1.yaml\ndescription: x\n'
        "--- open/domain.yaml\nowner: x\n--- open/any.yaml\ndescription: x\n"
        '--- d1/domain.yaml\nowner: x\naccount: "222222222222"\n--- d1/ds1.yaml\ndescription: x\n'
        'depends_on: {all_of: [raw/rd1, open/any, {product: partner/feed, account: "444444444444"}]}\n'
        "pipeline: {steps: [{name: a, glue: {job: j}}]}\n"
    )
    assert headgate("generate")[0] == 0
    resources = json.loads((root / "statemachines/mesh/template.json").read_text())["Resources"]
    patterns = [
        each["Properties"]["EventPattern"] for each in resources.values() if each["Type"] == "AWS::Events::Rule"
    ]
    assert [(each["detail"]["domain"], each.get("account")) for each in patterns] == [
        (["d1", "partner", "raw"], ["111111111111", "222222222222", "444444444444"]),
        (["open"], None),
    ]
    assert json.dumps(resources["AccountsPolicy"]).count(":root") == 3


def test_plan_says_in_which_order_stacks_are_deployed_when_a_domain_moves(
    project: Callable[[str], Path], headgate: Headgate
) -> None:
    """It stops where it was, consumers learn of it, it begins elsewhere, and the central account forwards it at last."""
    accounts = {"raw": "111111111111", "d1": "222222222222", "d2": "333333333333", "d3": "333333333333"}
    text = "--- raw/rd1.yaml\ndescription: x\n" + "".join(
        f'--- {name}/domain.yaml\nowner: x\naccount: "{account}"\n' for name, account in accounts.items()
    )
    for name, upstream in (("d1", "raw/rd1"), ("d2", "d1/p"), ("d3", "raw/rd1")):
        job = f"pipeline: {{steps: [{{name: a, glue: {{job: j-{name}}}}}]}}"
        text += f"--- {name}/p.yaml\ndescription: x\ndepends_on: {{all_of: [{upstream}]}}\n{job}\n"
    project(text)

    def order() -> list[str]:
        code, printed = headgate("plan")
        assert code == 0
        assert json.loads(headgate("plan", "--json")[1])["deployment_order"] == [
            line.split(". ", 1)[1] for line in printed.splitlines() if line[:4].strip().endswith(".")
        ]
        return [line.strip() for line in printed.splitlines() if line[:4].strip().endswith(".")]

    assert order() == [
        "1. account 222222222222: new, as `domain`",
        "2. account 333333333333: new, as `domain`",
        "3. the central account: its forward rules and who may publish",
        "4. `headgate join 222222222222 --stack CENTRAL`: it hears what was published before",
        "5. `headgate join 333333333333 --stack CENTRAL`: it hears what was published before",
    ]
    headgate("generate")
    assert order() == []

    home = Path("products/d1/domain.yaml")
    home.write_text(home.read_text().replace("222222222222", "444444444444"))
    assert order() == [
        "1. account 222222222222, or delete its stack: until then its scheduler goes on running d1",
        "2. account 333333333333: until then it refuses events of d1 from account 444444444444",
        "3. account 444444444444: new, as `domain`",
        "4. the central account: its forward rules and who may publish",
        "5. `headgate join 444444444444 --stack CENTRAL`: it hears what was published before",
        "6. `headgate backfill` in account 444444444444 for what d1 had not finished today: its waiting runs in account 222222222222 ended "
        "CANCELLED",
    ]
    home.write_text(home.read_text().replace("444444444444", "333333333333"))
    assert order()[:2] == [
        "1. account 222222222222, or delete its stack: until then its scheduler goes on running d1",
        "2. account 333333333333: it begins to run d1",
    ]
    headgate("generate")
    Path("products/d3/p.yaml").write_text(
        Path("products/d3/p.yaml").read_text().replace("[raw/rd1]", "[raw/rd1, d4/p]")
    )
    Path("products/d4").mkdir()
    Path("products/d4/domain.yaml").write_text('owner: x\naccount: "111111111111"\n')
    Path("products/d4/p.yaml").write_text("description: x\n")
    assert order() == [
        "1. account 333333333333: its products wait for other domains",
        "2. the central account: its forward rules and who may publish",
        "3. `headgate join 333333333333 --stack CENTRAL`: it hears what was published before",
    ]


def test_an_account_without_a_stack_does_not_stand_in_the_way_of_the_central_one(
    project: Callable[[str], Path], headgate: Headgate
) -> None:
    """EventBridge may refuse a rule whose target does not exist, and CloudFormation would roll the central stack back."""
    accounts = ("222222222222", "333333333333", "444444444444")
    waits = {"d1": "raw/rd1", "d2": "raw/rd1", "d3": "d1/p"}
    text = '--- raw/domain.yaml\nowner: x\naccount: "111111111111"\n--- raw/rd1.yaml\ndescription: x\n'
    for (domain, upstream), account in zip(waits.items(), accounts, strict=True):
        text += f'--- {domain}/domain.yaml\nowner: x\naccount: "{account}"\n--- {domain}/p.yaml\ndescription: x\n'
        text += f"depends_on: {{all_of: [{upstream}]}}\npipeline: {{steps: [{{name: a, glue: {{job: {domain}}}}}]}}\n"
    root = project(text)
    assert headgate("generate")[0] == 0
    template = json.loads((root / "statemachines/mesh/template.json").read_text())

    def forwarded(to_come: str) -> set[str]:
        """The accounts that rules forward to, as CloudFormation resolves the conditions."""

        def holds(condition: Any) -> bool:
            if "Condition" in condition:
                return holds(template["Conditions"][condition["Condition"]])
            if "Fn::Or" in condition:
                return any(map(holds, condition["Fn::Or"]))
            joined, whole = condition["Fn::Equals"]
            (separator, (account, given)) = joined["Fn::Join"][0], joined["Fn::Join"][1]["Fn::Split"]
            assert whole == given == {"Ref": "AccountsToCome"}
            return bool(separator.join(to_come.split(account)) == to_come)

        found = set()
        for rule in (each for each in template["Resources"].values() if each["Type"] == "AWS::Events::Rule"):
            targets = [target.get("Fn::If", [rule["Condition"], target]) for target in rule["Properties"]["Targets"]]
            reached = {target["Id"] for condition, target, *_ in targets if holds({"Condition": condition})}
            assert bool(reached) == holds({"Condition": rule["Condition"]}), "no rule is left without a target"
            found |= reached
        return found

    assert forwarded("") == set(accounts)
    assert forwarded("333333333333") == {"222222222222", "444444444444"}
    assert forwarded("222222222222,333333333333") == {"444444444444"}
    assert forwarded(",".join(accounts)) == set()
