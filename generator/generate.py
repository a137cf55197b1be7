"""From a loaded mesh to the output folder: plans, renders and proves every machine and template, except those that
have not changed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from headgate.generator import output
from headgate.generator.cache import Cache, digest
from headgate.generator.lint.linters import cfn_lint
from headgate.generator.lint.proof import Proof
from headgate.generator.metadata.load import Loaded
from headgate.generator.model.accounts import home_of, producers, publishers, subscriptions
from headgate.generator.model.mesh import Mesh
from headgate.generator.model.product import Product
from headgate.generator.output import Generated, Output
from headgate.generator.plan import catalog
from headgate.generator.plan.forwarding import forwarding
from headgate.generator.plan.layout import Layout, assign, recorded, template_name
from headgate.generator.plan.outline import outline
from headgate.generator.plan.resources import ProductResources, resources_of
from headgate.generator.plan.watching import watching
from headgate.generator.progress import Progress
from headgate.generator.render.application import Part, render_application, render_mesh
from headgate.generator.render.canonical import canonical
from headgate.generator.render.domain import write_domain
from headgate.generator.render.shapes import AlteredTextError, machine_texts, resource_shape, shape_of

# So many machines take longer to render than cfn-lint takes to load.
MANY = 1_000


@dataclass
class _Domain:
    products: list[Product] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)


def generate(loaded: Loaded, out: Output, cache: Cache, progress: Progress) -> Generated:
    """Puts every file into `out` and finishes it, unless a linter objects."""
    machines = list(loaded.mesh.machines())
    with cfn_lint(beside=len(machines) >= MANY and cache.is_empty("resource lint")) as lint:
        run = _Run(loaded, out, cache, Proof(cache, lint))
        run.everything(machines, progress)
    if run.proof.findings:
        return Generated(run.proof.findings, None, len(machines))
    return Generated([], out.finish(), len(machines))


class _Run:
    def __init__(self, loaded: Loaded, out: Output, cache: Cache, proof: Proof) -> None:
        self.mesh: Mesh = loaded.mesh
        self.digests = loaded.digests
        self.out, self.cache = out, cache
        self.proof = proof
        self.domains: dict[str, _Domain] = {}
        self.resources: dict[str, ProductResources] = {}  # of the machines rendered in this run

    def everything(self, machines: Sequence[Product], progress: Progress) -> None:
        try:
            for number, product in enumerate(machines):
                progress("generating machines", number, len(machines))
                self.machine(product)
            self.templates(progress)
        except AlteredTextError as error:
            self.proof.altered(self.mesh.root, error)

    def machine(self, product: Product) -> None:
        path = f"{product.domain}/{product.name}.asl.json"
        domain = self.domains.setdefault(product.domain, _Domain())
        domain.products.append(product)
        key = self._key(product)
        known = self.cache.get("machine", key)
        if known is None or not self.out.keep(path, known[0]):
            resources, text = self._rendered(product)
            known = [self.out.put(path, text), len(orjson.dumps(resources.statements)) + 2_600]
            self.cache.put("machine", key, known)
        domain.sizes[product.name] = known[1]

    def _key(self, product: Product) -> str:
        # two products of equal metadata still differ in their names
        return f"{product.id} {self.digests[product.id]}"

    def _rendered(self, product: Product) -> tuple[ProductResources, bytes]:
        given = outline(product)
        texts = machine_texts(given)
        shape = shape_of(given, texts)
        text = shape.text(texts)
        resources = self.resources[product.id] = resources_of(product, shape.placeholders, shape.calls_of(texts))
        self.proof.machine(self.mesh.file(product), given, shape.key, text, resources)
        return resources, text

    def templates(self, progress: Progress) -> None:
        before = _before(self.out)
        layout: Layout = {name: assign(each.sizes, before.get(name, {})) for name, each in sorted(self.domains.items())}
        parts: list[Part] = []
        for count, (name, domain) in enumerate(sorted(self.domains.items())):
            progress("generating templates", count, len(self.domains))
            for number in sorted(set(layout[name].values())):
                members = [each for each in domain.products if layout[name][each.name] == number]
                parts.append(self._template(name, number, members))
        progress("linting templates", 0, 2)
        watched = watching(step for product in self.mesh.machines() for step in product.steps())
        self.proof.templates(self.mesh.root, parts, watched)
        self.out.put(output.APPLICATION, canonical(render_application(parts, watched)))
        central = render_mesh(forwarding(subscriptions(self.mesh), publishers(self.mesh)), producers(self.mesh))
        progress("linting templates", 1, 2)
        self.proof.mesh(self.mesh.root, central)
        self.out.put(output.MESH, canonical(central))
        exceptions = recorded(layout)
        if exceptions:
            self.out.put(output.LAYOUT, canonical(exceptions))
        self.out.put(output.CATALOG, catalog.write(self.mesh))

    def _template(self, domain: str, number: int, members: list[Product]) -> Part:
        path = f"{domain}/{template_name(number)}"
        key = digest(orjson.dumps([number, *(self._key(each) for each in members)]))
        known = self.cache.get("template", key)
        if known is not None and self.out.keep(path, known[0]):
            return Part(domain, number, tuple(known[1]), home_of(self.mesh, domain))
        resources = [self.resources.get(each.id) or self._rendered(each)[0] for each in members]
        shapes = [resource_shape(each) for each in resources]
        self.proof.domain(dict(zip(shapes, resources, strict=True)))
        text, parameters = write_domain(domain, number, resources, shapes)
        self.cache.put("template", key, [self.out.put(path, text), list(parameters)])
        return Part(domain, number, parameters, home_of(self.mesh, domain))


def _before(out: Output) -> Layout:
    """Where the products of the last output are: in their domain's first template, unless `layout.json` says otherwise."""
    old: dict[str, Any] = catalog.read(out.read(output.CATALOG) or b"")
    exceptions: Layout = orjson.loads(out.read(output.LAYOUT) or b"{}")
    before: Layout = {}
    for identity, entry in old.get("products", {}).items():
        if "machine" in entry:
            domain, name = identity.split("/")
            before.setdefault(domain, {})[name] = exceptions.get(domain, {}).get(name, 1)
    return before
