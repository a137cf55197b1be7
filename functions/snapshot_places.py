"""Where the snapshots of an application are in the bucket of the board. An account may write below its own number only (`board/template.yaml`)."""

from dataclasses import dataclass

HEADS = "heads/"


@dataclass(frozen=True)
class Place:
    """An application: the stack with this prefix in this account and region."""

    account: str
    region: str
    prefix: str  # the NamePrefix of its stack
    partition: str = "aws"

    @classmethod
    def of_machines(cls, prefix: str) -> "Place":
        """By what the ARNs of its machines begin with."""
        _, partition, _, region, account, _, name = prefix.split(":", 6)
        return cls(account, region, name, partition)

    @classmethod
    def of_head(cls, key: str, partition: str) -> "Place":
        """By the key of its head."""
        account, region, prefix = key.removeprefix(HEADS).removesuffix(".json.gz").split("/")
        return cls(account, region, prefix, partition)

    @property
    def name(self) -> str:
        """What the page calls it."""
        return f"{self.account}/{self.region}/{self.prefix}"

    @property
    def head(self) -> str:
        """What there is of it, and how many products are in which state."""
        return f"{HEADS}{self.name}.json.gz"

    @property
    def mesh(self) -> str:
        return f"snapshots/{self.name}/mesh.json.gz"

    def snapshot(self, on_date: str) -> str:
        return f"snapshots/{self.name}/{on_date}.json.gz"

    def function(self, name: str) -> str:
        """The ARN of its function of that name."""
        return f"arn:{self.partition}:lambda:{self.region}:{self.account}:function:{self.prefix}{name}"

    @property
    def machines(self) -> str:
        """What the ARNs of its machines begin with: by that `operate` is told for which application a request is signed."""
        return f"arn:{self.partition}:states:{self.region}:{self.account}:stateMachine:{self.prefix}"
