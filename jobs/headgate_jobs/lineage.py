"""A transport of OpenLineage's Python client (dbt, Airflow, jobs of one's own): it puts run events on the bus of a domain.

    transport:                        # openlineage.yml
      type: headgate_jobs.lineage.EventBridgeTransport
      bus: arn:aws:events:us-east-1:111122223333:event-bus/headgate-domain

The client calls the transport within the run: an event that EventBridge does not take raises an error, which the client logs.
"""

from dataclasses import dataclass
from typing import Any, Dict, Optional

import boto3
from openlineage.client import event_v2
from openlineage.client.run import RunEvent
from openlineage.client.serde import Serde
from openlineage.client.transport.transport import Config, Transport

SOURCE, DETAIL_TYPE = "openlineage", "OpenLineage RunEvent"


@dataclass
class BusConfig(Config):
    """`bus` is the ARN of the event bus; without `region` that of the bus is called."""

    bus: str
    region: Optional[str] = None

    @classmethod
    def from_dict(cls, params: Dict[str, Any]) -> "BusConfig":
        if not params.get("bus"):
            raise ValueError("the transport to EventBridge has no `bus`, the ARN of an event bus")
        return cls(params["bus"], params.get("region"))


class EventBridgeTransport(Transport):
    """Puts run events on the bus; other events of OpenLineage are left out."""

    kind = "eventbridge"
    config_class = BusConfig

    def __init__(self, config: BusConfig) -> None:
        self.bus = config.bus
        self._client = boto3.client("events", region_name=config.region or config.bus.split(":")[3])

    def emit(self, event: Any) -> None:
        if not isinstance(event, (RunEvent, event_v2.RunEvent)):
            return
        entry = {"Source": SOURCE, "DetailType": DETAIL_TYPE, "EventBusName": self.bus, "Detail": Serde.to_json(event)}
        answer = self._client.put_events(Entries=[entry])
        if answer["FailedEntryCount"]:
            refusal = answer["Entries"][0]
            raise RuntimeError(
                f"EventBridge refused the run event: {refusal.get('ErrorCode')}: {refusal.get('ErrorMessage')}"
            )
