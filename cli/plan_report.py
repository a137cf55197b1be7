"""What `generate` would change, for users and for programs."""

from collections.abc import Iterator, Sequence
from typing import Any

from headgate.cli import terminal
from headgate.cli.formatting import few, plural
from headgate.cli.terminal import Part
from headgate.generator.model.mesh import Mesh
from headgate.generator.output import Changes, Generated
from headgate.generator.plan.account_changes import compare_accounts
from headgate.generator.plan.changes import ProductChange, compare
from headgate.generator.plan.deployment import pace
from headgate.generator.plan.deployment_order import deployment_order
from headgate.generator.plan.open_runs import open_run_changes

OpenRuns = dict[str, dict[str, int]]  # of each product {waiting, released}
MANY = 60  # machines; fewer are deployed within a minute
MARKS = {"added": "+", "removed": "-", "changed": "~"}


class PlanReport:
    """The difference of two catalogs and of the files that are generated from them; `open_runs` are those of a running application, by
    product, if it was asked."""

    def __init__(
        self,
        mesh: Mesh,
        old: dict[str, Any],
        new: dict[str, Any],
        files: Changes,
        generated: Generated,
        open_runs: OpenRuns | None,
    ) -> None:
        self._mesh, self._files = mesh, files
        self._products, self._accounts = compare(old, new), compare_accounts(old, new)
        self._order = deployment_order(old, new)
        self._machines = _machines(*files.created, *files.changed, *files.removed)
        self._deployed = _machines(*files.created), _machines(*files.changed)
        self._deployment = generated.deployment
        self._unchanged = generated.machines - sum(map(len, self._deployed))
        self._rendered = sorted(self._machines - {each.product for each in self._products})
        changed = {each.product for each in self._products if each.kind != "added"}
        self._open_run_changes, self._open_runs = open_run_changes(old, new), open_runs
        self._downstream = sorted(mesh.reach(changed, mesh.downstream) - changed)

    def as_json(self) -> dict[str, Any]:
        return {
            "changes": [
                {
                    "product": each.product,
                    "kind": each.kind,
                    "what": list(each.sentences),
                    "machine_changes": each.product in self._machines,
                    "downstream": sorted(self._mesh.reach([each.product], self._mesh.downstream)),
                }
                for each in self._products
            ],
            "rerendered": self._rendered,
            "machines_unchanged": self._unchanged,
            "downstream": self._downstream,
            "accounts": self._accounts,
            "deployment_order": self._order,
            "open_runs": {
                "new_condition": self._counted(self._open_run_changes.conditions),
                "cancelled": self._counted(self._open_run_changes.cancelled),
            },
            "deployment": {
                "accounts": self._deployment["accounts"],
                "machines_created": len(self._deployed[0]),
                "machines_updated": len(self._deployed[1]),
                "sentences": [*self._pace(), *self._deployment["sentences"]],
            },
            "files": {
                "created": self._files.created,
                "changed": self._files.changed,
                "removed": self._files.removed,
            },
        }

    def print(self) -> None:
        """A line for each product and account that changes, then what stays."""
        for parts in self._lines():
            terminal.line(*parts, indent=4)

    def _lines(self) -> Iterator[list[Part]]:
        for change in self._products:
            yield self._sentence(change)
        for account in self._accounts:
            yield [("@ ", "changed"), (account, "")]
        if self._order:
            yield ["Deploy in this order:"]
        for number, step in enumerate(self._order, start=1):
            yield [f"{number:>3}. {step}"]
        if self._rendered:
            names = few(self._rendered)
            yield [
                f"{plural(len(self._rendered), 'machine')} rendered differently by this version of Headgate: {names}"
            ]
        yield from self._open_run_lines()
        for sentence in (*self._pace(), *self._deployment["sentences"]):
            yield [sentence]
        downstream = f" ({few(self._downstream)})" if self._downstream else ""
        yield [
            f"{plural(self._unchanged, 'machine')} unchanged; downstream affected: {len(self._downstream)}{downstream}"
        ]

    def _pace(self) -> Iterator[str]:
        """How long the deployment takes at least, where somebody would wait for it."""
        created, updated = map(len, self._deployed)
        if created + updated >= MANY:
            yield (
                f"{plural(created, 'machine')} to create and {updated:,} to update: CloudFormation makes one a second, so the "
                f"deployment takes {pace(created + updated)} at least"
            )

    def _counted(self, products: Sequence[str]) -> list[dict[str, Any]]:
        """The products, each with its runs that wait and its runs that have been released, where the application was asked."""
        if self._open_runs is None:
            return [{"product": each} for each in products]
        none = {"waiting": 0, "released": 0}
        return [{"product": each, **self._open_runs.get(each, none)} for each in products]

    def _open_run_lines(self) -> Iterator[list[Part]]:
        changes = self._open_run_changes
        for products, what in ((changes.conditions, "take the new condition"), (changes.cancelled, "end CANCELLED")):
            if products and self._open_runs is None:
                yield [
                    f"waiting runs of {few(products)} will {what} at deployment; --stack NAME or --local counts them"
                ]
            elif products:
                waiting = [each for each in self._counted(products) if each["waiting"]]
                names = few([f"{each['product']} {each['waiting']:,}" for each in waiting])
                count = plural(sum(each["waiting"] for each in waiting), "waiting run")
                yield [f"{count} will {what} at deployment" + (f": {names}" if names else "")]

    def _sentence(self, change: ProductChange) -> list[Part]:
        removed = "the product and its machine are removed" if change.kind == "removed" else ""
        what = "; ".join(change.sentences) or removed
        data_only = change.kind == "changed" and change.product not in self._machines
        return [
            (f"{MARKS[change.kind]} ", change.kind),
            (change.product, "title"),
            (f" {what}", ""),
            (f" ({'' if change.deploys else 'data only: '}its machine does not change)" if data_only else "", "quiet"),
        ]


def _machines(*paths: str) -> set[str]:
    return {path.removesuffix(".asl.json") for path in paths if path.endswith(".asl.json")}
