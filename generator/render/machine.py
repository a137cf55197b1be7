"""Renders the state machine of one product."""

from functools import cache
from types import SimpleNamespace
from typing import Any

import jinja2
import orjson

from generator.plan.machine import MachinePlan, deadline_words
from generator.render.environment import environment
from generator.steps import step_types

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
