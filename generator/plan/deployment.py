"""What a deployment holds in each account and region, and the quotas of AWS that it meets."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from headgate.generator.model.accounts import Home, home_of, named, publishers, subscriptions
from headgate.generator.model.duration import spoken
from headgate.generator.model.mesh import Mesh
from headgate.generator.plan import names
from headgate.generator.plan.forwarding import forwarding
from headgate.generator.plan.layout import Domain, Layout, place
from headgate.generator.plan.operations import (
    MAX_OPERATION,
    OF_A_TEMPLATE,
    RESOURCES_A_PRODUCT,
    SHARE,
    Operations,
)

# docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
ROLES, MOST_ROLES = 1_000, 5_000
ROOT_ROLES = 30  # of template.yaml and of the central account's template
# docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
STACKS = 2_000
# docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html: CreateStateMachine and UpdateStateMachine, a second
MACHINES_A_SECOND = 1
# Of a product's resources in a template, before they are rendered.
BYTES_A_PRODUCT, BYTES_A_STEP, BYTES_A_JOB = 3_000, 300, 5_000


@dataclass(frozen=True, slots=True)
class Deployment:
    """In one home (None: in any account, where no domain names its own): `operations` are the resources of each stack, by its number."""

    home: Home | None
    machines: int
    templates: int
    operations: dict[int, int]
    job_roles: int = 0

    @property
    def roles(self) -> int:
        return self.machines + self.job_roles + ROOT_ROLES

    def as_json(self) -> dict[str, Any]:
        return {
            "account": self.home.account if self.home else None,
            "region": (self.home.region or None) if self.home else None,
            "machines": self.machines,
            "roles": self.roles,
            "stacks": [{"stack": number, "resources": count} for number, count in sorted(self.operations.items())],
            "nested_stacks": self.templates,
        }


def estimated(mesh: Mesh) -> list[Deployment]:
    """What a first deployment of the mesh would hold; nothing is rendered for it."""
    domains: dict[str, Domain] = {}
    for product in mesh.machines():
        domain = domains.setdefault(product.domain, Domain(home_of(mesh, product.domain)))
        domain.sizes[product.name] = BYTES_A_PRODUCT + BYTES_A_STEP * sum(1 for _ in product.steps())
        shipped = [each for each in product.steps() if names.is_deployed(each)]
        if shipped:
            roles = sum("role" not in each.settings for each in shipped)
            domain.deployed[product.name] = (len(shipped) + roles, roles)
            domain.sizes[product.name] += BYTES_A_JOB * len(shipped)
    central = forwarding(subscriptions(mesh), publishers(mesh)).resources
    return deployments(domains, place(domains, Layout(), central), central)


def deployments(domains: Mapping[str, Domain], layout: Layout, central: int = 0) -> list[Deployment]:
    """One for each home of the domains, sorted. `central` as for `place`."""
    operations = Operations(central)
    machines: Counter[Home | None] = Counter()
    templates: Counter[Home | None] = Counter()
    job_roles: Counter[Home | None] = Counter()
    stacks: dict[Home | None, set[int]] = {}
    for template, members in layout.members().items():
        home, stack = domains[members[0].split("/")[0]].home, layout.stacks[template]
        more = [domains[domain].deployed.get(name, (0, 0)) for domain, name in (each.split("/") for each in members)]
        deployed = sum(resources for resources, _ in more)
        operations.add(home, stack, OF_A_TEMPLATE + RESOURCES_A_PRODUCT * len(members) + deployed)
        job_roles[home] += sum(roles for _, roles in more)
        machines[home] += len(members)
        templates[home] += 1
        stacks.setdefault(home, {1}).add(stack)
    everywhere = stacks.get(None, {1})
    named_homes: list[Home | None] = [*sorted(each for each in stacks if each)]
    return [
        Deployment(
            home,
            machines[None] + (machines[home] if home else 0),
            templates[None] + (templates[home] if home else 0),
            {number: operations.of(home, number) for number in sorted(everywhere | stacks.get(home, set()))},
            job_roles[None] + (job_roles[home] if home else 0),
        )
        for home in (named_homes or [None])
    ]


def stack_sentences(found: Iterable[Deployment]) -> Iterator[str]:
    """Where a deployment needs several stacks, and where they are more than AWS allows without an increase."""
    for each in found:
        where = named(each.home) if each.home else "each account"
        if len(each.operations) > 1:
            counts = ", ".join(f"{count:,}" for count in each.operations.values())
            yield (
                f"{where}: {each.machines:,} machines in {len(each.operations)} stacks of {counts} resources, since CloudFormation takes "
                f"{MAX_OPERATION:,} in one operation; `headgate deploy` makes them in order"
            )
        if (stacks := each.templates + len(each.operations)) > STACKS * SHARE:
            yield f"{where}: {stacks:,} stacks, nested ones included; have the quota ({STACKS:,} by default) raised before you deploy"


def role_sentences(found: Iterable[Deployment]) -> Iterator[str]:
    """Accounts that need more IAM roles than AWS allows without an increase, or at all."""
    roles: Counter[str] = Counter()
    for each in found:
        roles[f"account {each.home.account}" if each.home else "each account"] += each.roles
    for where, count in sorted(roles.items()):
        if count > MOST_ROLES:
            yield f"{where}: {count:,} IAM roles, and AWS allows {MOST_ROLES:,} at most: give some domains an account of their own"
        elif count > ROLES:
            yield f"{where}: {count:,} IAM roles; have the quota `Roles per account` ({ROLES:,} by default) raised before you deploy"


def pace(machines: int) -> str:
    """How long CloudFormation needs at least for so many machines that are created or changed."""
    return spoken(max(machines // MACHINES_A_SECOND, 1))
