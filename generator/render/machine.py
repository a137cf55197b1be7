"""Renders state machines: each shape once, then filled in with the names and texts of each product."""

from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Any

import jinja2
import orjson

from headgate.generator.plan import grants
from headgate.generator.plan.machine import MachinePlan, deadline_words
from headgate.generator.render.canonical import canonical
from headgate.generator.render.environment import environment
from headgate.generator.render.fill import Parts, cut, fill
from headgate.generator.steps import step_types

# What a person reads in the console.
STATES = SimpleNamespace(
    wait="Wait for everything upstream",
    deadline="Decide what the missed deadline means",
    choose="Did everything arrive after all?",
    read="Read the pipeline configuration",
    completed="Record that the run completed",
    publish="Publish the refresh event",
    unpublished="The refresh event was not published",
    tell_completed="Tell that the run completed",
    end="The run completed",
    failed="Record that the run failed",
    publish_failure="Publish the failure event",
    tell_failed="Tell that the run failed",
    whose="Is it a failure of its own?",
    incident="Open an incident",
    end_failed="The run failed",
    skipped="Record that the run was skipped",
    tell_skipped="Tell that the run was skipped",
    end_skipped="The run was skipped",
)


@cache
def _template() -> tuple[jinja2.Template, dict[str, Any]]:
    made = environment()
    work = {name: made.get_template(kind.template).module.states for name, kind in step_types().items()}  # type: ignore[attr-defined]
    return made.get_template("machine.asl.j2"), work


def render_machine(plan: MachinePlan) -> dict[str, Any]:
    """The machine's definition as ASL (https://states-language.net), placeholders unresolved."""
    template, work = _template()
    text = template.render(plan=plan, names=STATES, work=work, deadline_words=deadline_words(plan))
    definition: dict[str, Any] = orjson.loads(text)
    return definition


@dataclass(frozen=True, slots=True)
class Shape:
    """What the machines of one prototype have in common."""

    key: bytes
    parts: Parts
    placeholders: tuple[str, ...]
    calls: grants.Calls

    def text(self, plan: MachinePlan) -> bytes:
        """The machine of one of the plans of this shape, as it is written."""
        return fill(self.parts, plan.texts()).encode()


_shapes: dict[bytes, Shape] = {}


def shape_of(plan: MachinePlan) -> Shape:
    """The shape of the plan's machine. A mesh has many machines of few shapes, and each shape is rendered once."""
    prototype = plan.prototype()
    key = orjson.dumps(prototype)
    shape = _shapes.get(key)
    if shape is None:
        definition = render_machine(prototype)
        text = canonical(definition).decode()
        placeholders = tuple(sorted(set(grants.PLACEHOLDER.findall(text))))
        shape = _shapes[key] = Shape(key, cut(text), placeholders, grants.calls(definition))
    return shape
