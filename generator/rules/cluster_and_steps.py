"""A step that needs a cluster which the pipeline does not have, a cluster that no step needs, and a step with the cluster's name."""

from collections.abc import Iterator
from typing import Any

from headgate.generator.findings import Finding, Rule
from headgate.generator.model.cluster import NAME, runs_on_cluster
from headgate.generator.model.mesh import Mesh
from headgate.generator.model.product import CLUSTER

RULE = Rule(
    "HG411",
    "a cluster and the steps for it do not fit",
    "A step of EMR has nothing to run on without a cluster, and a cluster without steps costs money for nothing.",
)


def check(mesh: Mesh) -> Iterator[Finding]:
    defined: dict[tuple[str, str], tuple[str, dict[str, Any]]] = {}
    for product in mesh.products.values():
        needing = [step for step in product.steps() if runs_on_cluster(step)]
        cluster = product.pipeline.cluster if product.pipeline else None
        file = mesh.file(product)
        shared = product.pipeline.shared if product.pipeline else None
        if shared and not cluster:
            expected = "a name under `clusters` in the defaults of its domain"
            yield Finding(RULE, file, CLUSTER, f'"{shared}"', expected)
            continue
        if shared and cluster:
            known = defined.setdefault((product.domain, shared), (product.id, cluster.settings))
            if known[1] != cluster.settings:
                found, expected = (
                    f'another "{shared}" than that of {known[0]}',
                    "one definition, in the defaults of the domain",
                )
                yield Finding(RULE, file, CLUSTER, found, expected)
        if cluster is None:
            for step in needing:
                expected = "`pipeline.cluster`, on which the step runs"
                yield Finding(RULE, file, f"{step.pointer}/{step.type}", f"{step.name} without a cluster", expected)
            continue
        if not needing:
            expected = "at least one step of type `emr`, or no `cluster`"
            yield Finding(RULE, file, cluster.pointer, "a cluster that no step runs on", expected)
        for step in product.steps():
            if step.name == NAME:
                expected = "another name: it is that of the cluster itself"
                yield Finding(RULE, file, f"{step.pointer}/name", f'"{NAME}"', expected)
