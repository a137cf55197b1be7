"""Products stay in their nested template, and templates within the quotas."""

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.generator.model.accounts import Home
from headgate.generator.plan.deployment import MOST_ROLES, ROOT_ROLES, deployments
from headgate.generator.plan.layout import (
    MANY_DOMAINS,
    MAX_BYTES,
    MAX_PARAMETERS,
    SHARED,
    SMALL_DOMAIN,
    Domain,
    Layout,
    place,
    read_layout,
    recorded,
    template_name,
)
from headgate.generator.plan.operations import (
    MAX_OPERATION,
    MAX_RESOURCES,
    RESOURCES_A_PRODUCT,
    ROOT_RESOURCES,
    SHARE,
    SHARED_RESOURCES,
)
from headgate.generator.plan.resources import PARAMETERS
from tests import large_mesh
from tests.conftest import Headgate
from tests.state_world import SOAK

names = st.text("abcdef", min_size=1, max_size=3)
HOMES = (None, Home("111122223333", ""), Home("111122223333", "eu-west-1"), Home("444455556666", ""))
homes = st.dictionaries(names, st.sampled_from(HOMES), min_size=6, max_size=6)
products = st.dictionaries(names, st.integers(1_000, 400_000), max_size=40)
meshes = st.dictionaries(names, products, max_size=6)


def domains_of(mesh: dict[str, dict[str, int]], where: dict[str, Home | None]) -> dict[str, Domain]:
    return {name: Domain(where.get(name), sizes) for name, sizes in mesh.items()}


def resources_of(domains: dict[str, Domain], layout: Layout) -> list[int]:
    """Of each stack in each home."""
    found = deployments(domains, layout)
    return [count for each in found for count in each.operations.values()]


@given(first=meshes, second=meshes, where=homes)
def test_a_product_that_stays_is_not_moved_and_no_template_is_too_large(
    first: dict[str, dict[str, int]], second: dict[str, dict[str, int]], where: dict[str, Home | None]
) -> None:
    before = place(domains_of(first, where), Layout())
    kept = {
        domain: {name: first.get(domain, {}).get(name, size) for name, size in sizes.items()}
        for domain, sizes in second.items()
    }
    remembered = read_layout(
        [f"{domain}/{name}" for domain, sizes in first.items() for name in sizes], recorded(before)
    )

    after = place(domains_of(kept, where), remembered)

    assert remembered == before
    stayed = [(domain, name) for domain, sizes in kept.items() for name in sizes if name in first.get(domain, {})]
    for domain, name in stayed:
        template = before.places[domain][name]
        assert after.places[domain][name] == template
        assert after.stacks[template] == before.stacks[template]
    assert {key: each.keys() for key, each in after.places.items()} == {
        key: each.keys() for key, each in kept.items() if each
    }
    sizes = Counter(
        {
            template: sum(kept[each.split("/")[0]][each.split("/")[1]] for each in members)
            for template, members in after.members().items()
        }
    )
    assert all(size <= MAX_BYTES for size in sizes.values())


def mesh_of(sizes: list[int], home: Home | None = None) -> dict[str, Domain]:
    return {
        f"d{number:03}": Domain(home, {f"p{index:04}": 3_000 for index in range(size)})
        for number, size in enumerate(sizes)
    }


def test_a_mesh_of_8_339_products_fits_into_its_stacks() -> None:
    domains = mesh_of(large_mesh.sizes())

    layout = place(domains, Layout())

    members = layout.members()
    assert sum(map(len, members.values())) == large_mesh.PRODUCTS
    operations = resources_of(domains, layout)
    assert max(operations) <= MAX_OPERATION * SHARE
    assert len(operations) == 8
    assert sum(operations) == ROOT_RESOURCES + large_mesh.PRODUCTS * RESOURCES_A_PRODUCT + len(members) * (
        SHARED_RESOURCES + 1
    )
    assert all(len(each) * RESOURCES_A_PRODUCT + SHARED_RESOURCES <= MAX_RESOURCES * SHARE for each in members.values())
    own = {template.folder for template in members if not template.shared}
    assert own == {name for name, each in domains.items() if len(each.sizes) > SMALL_DOMAIN}


def test_domains_share_templates_only_where_they_are_many() -> None:
    few = place(mesh_of([3] * MANY_DOMAINS), Layout())
    assert not [template for template in few.stacks if template.shared]

    more = place(mesh_of([3] * (MANY_DOMAINS + 3)), few)

    assert more.places["d000"] == few.places["d000"], "what was deployed stays where it is"
    assert {template.folder for template in more.places[f"d{MANY_DOMAINS + 2}"].values()} == {SHARED}


def test_a_domain_that_moves_to_another_account_leaves_the_template_that_it_shared() -> None:
    one, other = HOMES[1], HOMES[3]
    domains = mesh_of([3] * (MANY_DOMAINS + 1), one)
    before = place(domains, Layout())
    domains["d000"].home = other

    after = place(domains, before)

    assert {after.places[f"d{n:03}"]["p0000"] for n in range(1, 74)} == {before.places["d000"]["p0000"]}
    assert after.places["d000"]["p0000"] not in before.stacks
    assert after.places["d001"] == before.places["d001"]


def test_each_account_has_stacks_of_its_own() -> None:
    """Two accounts of a thousand products each need one stack each; in one account they would need two."""
    domains = {
        name: Domain(home, {f"p{index}": 3_000 for index in range(1_000)})
        for name, home in (("a", HOMES[1]), ("b", HOMES[3]))
    }
    layout = place(domains, Layout())
    assert set(layout.stacks.values()) == {1}
    found = deployments(domains, layout)
    assert [(each.home, each.machines, each.roles) for each in found] == [
        (HOMES[1], 1_000, 1_000 + ROOT_ROLES),
        (HOMES[3], 1_000, 1_000 + ROOT_ROLES),
    ]
    domains["b"].home = HOMES[1]
    assert set(place(domains, Layout()).stacks.values()) == {1, 2}


def test_a_large_domain_is_split_and_one_more_product_touches_one_template(
    project: Callable[[str], Path], headgate: Headgate
) -> None:
    product = 'description: x\nschedule: {{frequency: daily, time: "06:00"}}\npipeline:\n  steps:\n    - {{name: a, glue: {{job: j{0}}}}}\n'
    text = "--- big/domain.yaml\nowner: x\n" + "".join(
        f"--- big/p{n:03}.yaml\n{product.format(n)}" for n in range(1, 461)
    )
    root = project(text)

    assert headgate("generate")[0] == 0
    templates = sorted((root / "statemachines/big").glob("template*.json"))
    counts = [len(orjson.loads(path.read_bytes())["Resources"]) for path in templates]
    (root / "products/big/p000.yaml").write_text(product.format(0))
    (root / "products/big/p100.yaml").unlink()
    code, printed = headgate("generate")

    assert [path.name for path in templates] == ["template-2.json", "template-3.json", "template.json"]
    assert max(counts) <= MAX_RESOURCES * SHARE
    assert sum(counts) == 460 * RESOURCES_A_PRODUCT + 3 * SHARED_RESOURCES, "a machine and its role; no alarm a machine"
    assert code == 0
    # catalog, layout and the first template, which lost one product and had room for the new one
    assert "1 created, 3 changed, 1 removed" in printed
    assert headgate("generate", "--check")[0] == 0


def test_no_template_can_have_too_many_parameters() -> None:
    """They do not grow with the products, so nothing is ever split for them."""
    assert len(PARAMETERS) <= MAX_PARAMETERS * SHARE


def in_each_account(root: Path) -> dict[str, dict[str, int]]:
    """The resources that were written for each stack, and the machines, by account: as CloudFormation would count them."""
    found: dict[str, Counter[str]] = {}
    for path in sorted((root / "statemachines").glob("template*.json")):
        template = orjson.loads(path.read_bytes())
        assert len(template["Resources"]) <= MAX_RESOURCES
        assert path.stat().st_size <= MAX_BYTES
        for each in template["Resources"].values():
            if each["Type"] == "AWS::Serverless::Application":
                nested = root / "statemachines" / each["Properties"]["Location"]
                resources = orjson.loads(nested.read_bytes())["Resources"]
                assert len(resources) <= MAX_RESOURCES
                assert nested.stat().st_size <= MAX_BYTES
                (account,) = re.findall(r"\d{12}", str(template["Conditions"][each["Condition"]]))
                counts = found.setdefault(account, Counter())
                counts[path.name] += 1 + len(resources)
                counts["roles"] += sum(one["Type"] == "AWS::IAM::Role" for one in resources.values())
                files = [
                    one["Properties"]["DefinitionUri"]
                    for one in resources.values()
                    if "DefinitionUri" in one["Properties"]
                ]
                assert all((nested.parent / file).is_file() for file in files)
                counts["machines"] += len(files)
    return {account: dict(counts) for account, counts in found.items()}


@pytest.mark.slow
@pytest.mark.parametrize(("products", "domains"), [(1_300, 260), (large_mesh.PRODUCTS, large_mesh.DOMAINS)])
def test_a_large_mesh_validates_plans_and_generates_within_the_quotas(
    products: int, domains: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, headgate: Headgate
) -> None:
    if products == large_mesh.PRODUCTS and SOAK == 1:
        pytest.skip("the largest mesh: `make soak`")
    monkeypatch.chdir(tmp_path)
    accounts = ["111122223333", "444455556666"]
    large_mesh.lay_out(tmp_path / "products", products, domains, lambda number: f'account: "{accounts[number % 2]}"\n')

    assert headgate("validate")[0] == 0
    expected = orjson.loads(headgate("validate", "--json")[1])["deployment"]
    code, printed = headgate("plan", "--json")
    assert code == 0
    planned = orjson.loads(printed)["deployment"]
    assert headgate("generate")[0] == 0
    assert headgate("generate", "--check")[0] == 0

    written = in_each_account(tmp_path)
    assert planned["accounts"] == expected
    assert planned["machines_created"] == products
    for each in planned["accounts"]:
        counts = written[each["account"]]
        assert (each["machines"], each["roles"]) == (counts["machines"], counts["roles"] + ROOT_ROLES)
        assert each["roles"] <= MOST_ROLES
        for stack in each["stacks"]:
            own = counts.get(template_name(stack["stack"]), 0)
            assert own <= stack["resources"] <= MAX_OPERATION * SHARE
            assert stack["resources"] - own <= (ROOT_RESOURCES + 10 if stack["stack"] == 1 else 0)
