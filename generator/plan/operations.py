"""How many resources one operation of CloudFormation has on a stack with its nested stacks, in each account and region."""

from collections import Counter

from headgate.generator.model.accounts import Home

# Quotas of a template, and of an operation with all nested stacks
# (docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html), and the share of them that is used: a template
# grows a little with every change of its products.
MAX_RESOURCES, MAX_OPERATION = 500, 2_500
SHARE = 0.9
RESOURCES_A_PRODUCT = 2  # machine, role
SHARED_RESOURCES = 1  # of a template: the log group
OF_A_TEMPLATE = SHARED_RESOURCES + 1  # and the nested stack itself
ROOT_RESOURCES = (
    190  # of template.yaml in the mode that has most of them, and of what the generator adds to the first stack
)
MAX_TEMPLATES = int(MAX_RESOURCES * SHARE)  # a stack nests


class Operations:
    """The resources of each stack in each home. Domains without a home are deployed in all of them. `central` are those of the central
    account's template: any home may be that account."""

    def __init__(self, central: int = 0) -> None:
        self._root = ROOT_RESOURCES + central
        self._resources: Counter[tuple[Home | None, int]] = Counter()
        self._templates: Counter[int] = Counter()
        self._homes: set[Home] = set()

    def of(self, home: Home | None, stack: int) -> int:
        """The resources of the stack in the home; of none: where they are most."""
        own = (
            self._resources[home, stack]
            if home
            else max((self._resources[each, stack] for each in self._homes), default=0)
        )
        return (self._root if stack == 1 else 0) + self._resources[None, stack] + own

    def fit(self, home: Home | None, stack: int, more: int = RESOURCES_A_PRODUCT, share: float = SHARE) -> bool:
        """Whether so many more resources are within the share of the quota."""
        return self.of(home, stack) + more <= MAX_OPERATION * share

    def first_for(self, home: Home | None, resources: int = RESOURCES_A_PRODUCT) -> int:
        """The first stack with room for another template and a product of so many resources."""
        stack = 1
        while self._templates[stack] >= MAX_TEMPLATES or not self.fit(home, stack, OF_A_TEMPLATE + resources):
            stack += 1
        return stack

    def add_template(self, home: Home | None, stack: int) -> None:
        self._templates[stack] += 1
        self.add(home, stack, OF_A_TEMPLATE)

    def add(self, home: Home | None, stack: int, resources: int = RESOURCES_A_PRODUCT) -> None:
        self._resources[home, stack] += resources
        if home:
            self._homes.add(home)
