"""From a loaded mesh to the output folder: plans, renders and proves every machine and template, except those that
have not changed."""

from collections.abc import Sequence
from typing import Any

import orjson

from headgate.generator import output
from headgate.generator.cache import Cache, digest
from headgate.generator.lint.linters import cfn_lint
from headgate.generator.lint.proof import Proof
from headgate.generator.metadata.load import Loaded
from headgate.generator.metadata.own_example import example_product
from headgate.generator.metadata.shipped_files import DIGITS
from headgate.generator.model.accounts import home_of, producers, publishers, publishes_elsewhere, subscriptions
from headgate.generator.model.mesh import Mesh
from headgate.generator.model.product import Product
from headgate.generator.output import Generated, Output, OutputError
from headgate.generator.plan import catalog
from headgate.generator.plan.deployment import deployments, role_sentences, stack_sentences
from headgate.generator.plan.forwarding import forwarding
from headgate.generator.plan.landing import Landing, landing
from headgate.generator.plan.layout import Domain, Layout, Template, place, read_layout, recorded, template_name
from headgate.generator.plan.outline import outline
from headgate.generator.plan.resources import ProductResources, among_others, resources_of
from headgate.generator.plan.signals import Signals, signals
from headgate.generator.plan.watching import Watching, watching
from headgate.generator.progress import Progress
from headgate.generator.render.application import Part, render_first_stack, render_further_stack, render_mesh
from headgate.generator.render.canonical import canonical
from headgate.generator.render.deployed import deployed
from headgate.generator.render.domain import write_domain
from headgate.generator.render.resource_shapes import resource_shape
from headgate.generator.render.shapes import AlteredTextError, machine_texts, shape_of
from headgate.generator.steps import StepType, step_types

# So many machines take longer to render than cfn-lint takes to load.
MANY = 1_000


def generate(loaded: Loaded, out: Output, cache: Cache, progress: Progress) -> Generated:
    """Puts every file into `out` and finishes it, unless a linter objects."""
    machines = list(loaded.mesh.machines())
    with cfn_lint(beside=len(machines) >= MANY and cache.is_empty("resource lint")) as lint:
        run = _Run(loaded, out, cache, Proof(cache, lint))
        run.everything(machines, progress)
    if run.proof.findings:
        return Generated(run.proof.findings, None, len(machines))
    return Generated([], out.finish(), len(machines), run.deployment)


class _Run:
    def __init__(self, loaded: Loaded, out: Output, cache: Cache, proof: Proof) -> None:
        self.mesh: Mesh = loaded.mesh
        self.digests = loaded.digests
        self.out, self.cache = out, cache
        self.proof = proof
        self.domains: dict[str, Domain] = {}
        self.resources: dict[str, ProductResources] = {}  # of the machines rendered in this run
        self.deployment: dict[str, Any] = {}

    def everything(self, machines: Sequence[Product], progress: Progress) -> None:
        try:
            for kind in step_types().values():
                if kind.folder is not None:
                    self.example(kind)
            for number, product in enumerate(machines):
                progress("generating machines", number, len(machines))
                self.machine(product)
            self.templates(progress)
            for key, file in self.mesh.shipped.items():
                data = file.read_bytes()
                if f"/{digest(data)[:DIGITS]}/" not in key:
                    raise OutputError(f"{file} changed while it was read; run the command again")
                self.out.put(f"{output.CODE}/{key}", data)
        except AlteredTextError as error:
            self.proof.altered(self.mesh.root, error)

    def machine(self, product: Product) -> None:
        path = f"{product.domain}/{product.name}.asl.json"
        domain = self.domains.setdefault(product.domain, Domain(home_of(self.mesh, product.domain)))
        key = self._key(product)
        known = self.cache.get("machine", key)
        if known is None or not self.out.keep(path, known[0]):
            resources, text = self._rendered(product)
            size = len(orjson.dumps(resources.statements)) + 2_600
            roles = sum(each["Type"] == "AWS::IAM::Role" for each in resources.deployed.values())
            if resources.deployed:
                size += 2 * len(orjson.dumps(resources.deployed))  # as it is written, with white space
            known = [self.out.put(path, text), size, len(resources.deployed), roles]
            self.cache.put("machine", key, known)
        domain.sizes[product.name] = known[1]
        if known[2]:
            domain.deployed[product.name] = (known[2], known[3])

    def example(self, kind: StepType) -> None:
        """Proves a type of the project by its example, whether or not a product uses it."""
        product = example_product(kind)
        given = outline(product)
        shape = shape_of(given, machine_texts(given))
        resources = resources_of(product, shape.placeholders, shape.calls_of(machine_texts(given)))
        self.proof.machine(kind.template, given, shape.key, shape.text(machine_texts(given)), resources)

    def _key(self, product: Product) -> str:
        # two products of equal metadata still differ in their names
        bucket = self.mesh.bucket_of(product)  # a job that ships with the product may read it
        return f"{product.id} {self.digests[product.id]} {bucket}" + (" elsewhere" if self._elsewhere(product) else "")

    def _elsewhere(self, product: Product) -> bool:
        return publishes_elsewhere(self.mesh, product.domain)

    def _rendered(self, product: Product) -> tuple[ProductResources, bytes]:
        given = outline(product, self._elsewhere(product))
        texts = machine_texts(given)
        shape = shape_of(given, texts)
        text = shape.text(texts)
        resources = self.resources[product.id] = resources_of(
            product, shape.placeholders, shape.calls_of(texts), deployed(product, self.mesh.bucket_of(product))
        )
        self.proof.machine(self.mesh.file(product), given, shape.key, text, resources)
        return resources, text

    def templates(self, progress: Progress) -> None:
        forwarded = forwarding(subscriptions(self.mesh), publishers(self.mesh))
        layout = place(self.domains, _before(self.out), forwarded.resources)
        members = layout.members()
        held = deployments(self.domains, layout, forwarded.resources)
        self.deployment = {
            "accounts": [each.as_json() for each in held],
            "sentences": [*stack_sentences(held), *role_sentences(held)],
        }
        parts: list[Part] = []
        for count, (template, products) in enumerate(members.items()):
            progress("generating templates", count, len(members))
            parts.append(
                self._template(template, layout.stacks[template], [self.mesh.products[each] for each in products])
            )
        progress("linting templates", 0, 2)
        watched = watching(step for product in self.mesh.machines() for step in product.work())
        landed, signalled = landing(self.mesh), signals(self.mesh)
        self.proof.templates(self.mesh.root, parts, watched, landed, signalled)
        self._stacks(parts, watched, landed, signalled)
        central = render_mesh(forwarded, producers(self.mesh))
        progress("linting templates", 1, 2)
        self.proof.mesh(self.mesh.root, central)
        self.out.put(output.MESH, canonical(central))
        exceptions = recorded(layout)
        if exceptions:
            self.out.put(output.LAYOUT, canonical(exceptions))
        self.out.put(output.CATALOG, catalog.write(self.mesh))

    def _stacks(self, parts: Sequence[Part], watched: Watching, landed: Landing, signalled: Signals) -> None:
        further: dict[int, list[Part]] = {}
        for part in parts:
            further.setdefault(part.stack, []).append(part)
        first = further.pop(1, [])
        others = [part.home for nested in further.values() for part in nested]
        self.out.put(output.APPLICATION, canonical(render_first_stack(first, watched, others, landed, signalled)))
        for number, nested in sorted(further.items()):
            self.out.put(template_name(number), canonical(render_further_stack(nested)))

    def _template(self, template: Template, stack: int, members: list[Product]) -> Part:
        home = home_of(self.mesh, members[0].domain)
        key = digest(orjson.dumps([template.path, *(self._key(each) for each in members)]))
        known = self.cache.get("template", key)
        if known is not None and self.out.keep(template.path, known[0]):
            return Part(template, tuple(known[1]), home, stack)
        resources = [self.resources.get(each.id) or self._rendered(each)[0] for each in members]
        if template.shared:
            resources = [among_others(each) for each in resources]
        shapes = [resource_shape(each) for each in resources]
        self.proof.domain(dict(zip(shapes, resources, strict=True)))
        text, parameters = write_domain(template, resources, shapes)
        self.cache.put("template", key, [self.out.put(template.path, text), list(parameters)])
        return Part(template, parameters, home, stack)


def _before(out: Output) -> Layout:
    """Where the products of the last output are."""
    old: dict[str, Any] = catalog.read(out.read(output.CATALOG) or b"")
    machines = (identity for identity, entry in old.get("products", {}).items() if "machine" in entry)
    return read_layout(machines, orjson.loads(out.read(output.LAYOUT) or b"{}"))
