"""The start and the end of an attempt as a run event of OpenLineage. Pure.

The schemas of the event and of its facets: openlineage.io/spec; `tests/openlineage/` has them, and a test checks the events against them.
"""

import os
from typing import Any
from uuid import UUID, uuid5

Json = dict[str, Any]

DETAIL_TYPE = "OpenLineage RunEvent"
PRODUCER = "https://headgate.dev"
SPEC = "https://openlineage.io/spec"
EVENT = f"{SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent"
FACETS = {
    "nominalTime": "1-0-1/NominalTimeRunFacet",
    "parent": "1-2-0/ParentRunFacet",
    "errorMessage": "1-0-1/ErrorMessageRunFacet",
    "documentation": "1-1-0/DocumentationJobFacet",
    "ownership": "1-0-1/OwnershipJobFacet",
    "jobType": "2-0-4/JobTypeJobFacet",
}


def run_id(run: str, attempt: int) -> str:
    """The id of an attempt's run in OpenLineage: the same whenever it is asked for, another one for each attempt."""
    return str(uuid5(UUID(run), str(attempt)))


def run_event(facts: Json) -> Json:
    """The event of the facts that `store_lineage` keeps. The day of a domain is the parent of the attempts of its products."""
    namespace = os.environ["OPENLINEAGE_NAMESPACE"]  # of jobs, and of products that name no dataset
    run, attempt = facts["run_id"], facts["attempt"]
    product = f"{facts['domain']}/{facts['product']}"
    day = uuid5(UUID(int=0), f"{namespace} {facts['domain']} {facts['business_date']}")
    about_run = {
        "nominalTime": {"nominalStartTime": facts["nominal_time"]},
        "parent": {"run": {"runId": str(day)}, "job": {"namespace": namespace, "name": facts["domain"]}},
    }
    if facts["type"] in ("FAIL", "ABORT"):
        message = ": ".join(facts[key] for key in ("error", "cause") if facts.get(key)) or facts["type"]
        about_run["errorMessage"] = {"message": message, "programmingLanguage": "Amazon States Language"}
    about_job = {
        "documentation": {"description": facts["description"]},
        "ownership": {"owners": [{"name": f"team:{facts['owner']}", "type": "MAINTAINER"}]},
        "jobType": {"processingType": "BATCH", "integration": "HEADGATE", "jobType": "DATA_PRODUCT"},
    }
    return {
        "eventType": facts["type"],
        "eventTime": facts["at"],
        "producer": PRODUCER,
        "schemaURL": EVENT,
        "run": {"runId": run_id(run, attempt), "facets": _facets(about_run)},
        "job": {"namespace": namespace, "name": name_of(product), "facets": _facets(about_job)},
        "inputs": [dataset(namespace, each["product"], each.get("dataset")) for each in facts["inputs"]],
        "outputs": [dataset(namespace, product, facts.get("dataset"))],
    }


def name_of(product: str) -> str:
    """The name of a product's job, and of its dataset where the metadata names none."""
    return product.replace("/", ".")


def dataset(namespace: str, product: str, named: Json | None) -> Json:
    return named or {"namespace": namespace, "name": name_of(product)}


def _facets(found: dict[str, Json]) -> Json:
    return {
        name: {
            "_producer": PRODUCER,
            "_schemaURL": f"{SPEC}/facets/{FACETS[name]}.json#/$defs/{FACETS[name].split('/')[1]}",
            **facet,
        }
        for name, facet in found.items()
    }
