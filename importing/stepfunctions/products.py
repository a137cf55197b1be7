"""State machines as products: as steps where these say the same, else as the definition of the pipeline, else external."""

from dataclasses import dataclass, field
from typing import Any

from headgate.importing import schedules
from headgate.importing.calls import NotCarriedOver
from headgate.importing.names import Names
from headgate.importing.result import Document, Imported, Kind, Note, Product
from headgate.importing.stepfunctions.definition import as_it_stands, missing_input
from headgate.importing.stepfunctions.flow import steps_of
from headgate.importing.stepfunctions.machines import Export, Machine, Starter
from headgate.importing.texts import one_line


@dataclass(frozen=True, slots=True)
class Settings:
    """`schedule` opens the runs of machines that no exported schedule starts; `input` is that of executions without a known one."""

    domain: str
    schedule: Document = field(default_factory=dict)
    input: dict[str, Any] = field(default_factory=dict)


def products(export: Export, settings: Settings) -> Imported:
    names, made, notes = Names(), list[Product](), list[Note]()
    domain = Names().of(settings.domain)
    for machine in sorted(export.machines, key=lambda each: each.name):
        starters = [each for each in export.starters if each.machine in (machine.name, f"{{{machine.name}}}")]
        made.append(_product(domain, names.of(machine.name), machine, starters, settings, notes))
    known = {each.name for each in export.machines}
    for starter in export.starters:
        if starter.machine not in known:
            notes.append(
                Note("", f"schedule {starter.name}", Kind.LEFT_OUT, f"starts {starter.machine}, which was not given")
            )
    return Imported.of(made, notes)


def _product(
    domain: str, name: str, machine: Machine, starters: list[Starter], settings: Settings, notes: list[Note]
) -> Product:
    source, own = f"state machine {machine.name}", f"{domain}/{name}"
    comment = str(machine.definition.get("Comment") or "")
    document: Document = {"description": one_line(comment, f"What the state machine {machine.name} makes")}
    schedule, given = _opening(own, starters, settings, notes)
    document |= {"schedule": schedule} if schedule else {}
    origin = f"the {source}"
    if not schedule:
        text = "is started by nothing that is known: give it a schedule or `depends_on`, or import with --schedule"
        notes.append(Note(own, source, Kind.TO_DO, text))
    reasons = ["is an Express workflow, which may run many times a day"] if machine.kind == "EXPRESS" else []
    try:
        steps, remarks = steps_of(machine.definition)
        notes += [Note(own, source, kind, each) for kind, each in remarks]
        product = Product(domain, name, {**document, "pipeline": {"steps": steps}}, origin)
    except NotCarriedOver as no_steps:
        product = _defined(domain, name, machine, {**document}, given, origin, str(no_steps), notes)
    if reasons:
        notes += [Note(own, source, Kind.LEFT_OUT, each) for each in reasons]
        product = product.stays_external(*reasons)
    return product


def _defined(
    domain: str, name: str, machine: Machine, document: Document, given: Any, origin: str, why: str, notes: list[Note]
) -> Product:
    own, source = f"{domain}/{name}", f"state machine {machine.name}"
    try:
        text, grants, changed = as_it_stands(machine)
        missing = missing_input(machine.definition, given)
        if missing:
            keys = ", ".join(f"$.{each}" for each in missing)
            raise NotCarriedOver(
                f"reads {keys} of the input of its executions: give it by --input, with placeholders such as {{business_date}}"
            )
    except NotCarriedOver as reason:
        notes.append(Note(own, source, Kind.LEFT_OUT, str(reason)))
        return Product(domain, name, document, origin).stays_external(
            f"no steps: {_spoken(why)}", f"no definition: {_spoken(str(reason))}"
        )
    notes.append(
        Note(own, source, Kind.CHANGED, f"is the definition of the pipeline as it stands, and no steps: {_spoken(why)}")
    )
    notes += [Note(own, source, Kind.CHANGED, each) for each in changed]
    definition: Any = {"file": f"{name}.asl.json"}
    definition |= {"input": given} if isinstance(given, dict) and given else {}
    definition |= {"grants": grants} if grants else {}
    pipeline = {"definition": definition if len(definition) > 1 else definition["file"]}
    return Product(domain, name, {**document, "pipeline": pipeline}, origin, files={definition["file"]: text})


def _spoken(reason: str) -> str:
    return reason if reason.startswith("the state ") else f"it {reason}"


def _opening(own: str, starters: list[Starter], settings: Settings, notes: list[Note]) -> tuple[Document, Any]:
    """The schedule and the input of the executions."""
    schedule, given = settings.schedule, settings.input or None
    for number, each in enumerate(starters):
        source = f"schedule {each.name}"
        if number or not each.enabled:
            text = "is a further schedule of the machine" if number else "is disabled"
            notes.append(Note(own, source, Kind.LEFT_OUT, f"{text}: {each.expression}"))
            continue
        given = settings.input or each.input
        try:
            schedule = schedules.from_eventbridge(each.expression, each.zone)
        except ValueError as error:
            notes.append(Note(own, source, Kind.LEFT_OUT, f"{each.expression or 'a rule without a schedule'}: {error}"))
        if "<aws." in str(given):
            notes.append(
                Note(
                    own,
                    source,
                    Kind.TO_DO,
                    "its input has <aws.scheduler...>: write {business_date} in `definition.input`",
                )
            )
    return schedule, given
