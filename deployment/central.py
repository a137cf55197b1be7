"""The central bus of a mesh, where products/mesh.yaml says that it is."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CATALOG = Path("catalog") / "catalog.json"
PARAMETER, PREFIX, NAME = "CentralEventBusArn", "headgate-", "central"


@dataclass(frozen=True)
class CentralBus:
    """The account and the region of the bus."""

    account: str
    region: str

    def arn(self, partition: str, prefix: str) -> str:
        """Its ARN, which is known before it exists; `prefix` is the NamePrefix of its stack."""
        return f"arn:{partition}:events:{self.region}:{self.account}:event-bus/{prefix}{NAME}"

    def __str__(self) -> str:
        return f"account {self.account} ({self.region})"


def central_bus(statemachines: Path) -> CentralBus | None:
    """What the generated output says; None if the metadata does not."""
    file = statemachines / CATALOG
    found = json.loads(file.read_bytes()).get("central") if file.exists() else None
    return CentralBus(**found) if found else None


def contradiction(bus: CentralBus, mode: str, account: str, region: str, parameters: Mapping[str, str]) -> str | None:
    """Why a stack of this mode in this account and region, with these parameters, is none of this mesh; None if it is."""
    if mode in ("central", "both") and (account, region) != (bus.account, bus.region):
        return (
            f"mode `{mode}` is for {bus}, where products/mesh.yaml says that the central bus is; "
            f"this is account {account} ({region})"
        )
    given = parameters.get(PARAMETER, "").split(":")
    if mode == "domain" and len(given) > 5 and (given[4], given[3]) != (bus.account, bus.region):
        return f"{PARAMETER} is {parameters[PARAMETER]}, and products/mesh.yaml says that the central bus is in {bus}"
    return None
