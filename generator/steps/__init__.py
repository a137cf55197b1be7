"""The step types. Each is three files here: `<type>.schema.json`, `<type>.asl.j2` and `<type>.example.yaml`, a step with every key,
which the reference shows. Adding a service is adding its files.

The schema has a `timeout` with a `default`, and `x-` keys that the rest of the generator reads:

- `x-resource`: the property that names what is run (shown by `plan`, kept in the catalog);
- `x-arguments`: the property whose values may hold placeholders such as `{business_date}`: any JSON object. A list names several; the
  type's module then gives them the form that the launch takes;
- `x-work`: the name of the work in messages;
- `x-exclusive`: the property whose value must not run twice at the same moment, if there is one;
- `x-whole-minutes`: durations that the service takes in minutes;
- `x-limits`: bounds that no JSON Schema can state: `{property, at_least, at_most, when, why}`, durations as in metadata;
- `x-pattern`: which states the step is planned as. `launch-and-await` starts work that goes on by itself and waits for its end;
  `invoke` makes a call whose answer is the end; `batches` launches and awaits a run for each batch of the product's files, several at once;
  `cluster` is no step but the `cluster` of a pipeline, on which steps run: its launch waits until it is ready; `definition` is no step either, but the
  states of a file;
- `x-runs-on`: the type of the cluster that the steps run on. Its id is at `$.cluster.job_run_id`, and a failed end is asked about, as it may be that of
  the cluster;
- `x-retried-errors`: the errors that a step's `retry:` repeats the work for; `["States.ALL"]` is every error of the work;
- `x-launch-retry`: retriers of the call itself, by named errors of the service: `{errors, interval, attempts, backoff,
  max_delay}`, in seconds;
- `x-unanswered`: errors of the launch after which the work may have started all the same. It is looked for, by the mark that the type's module in
  `functions/step_types` gives it, before it is launched again;
- `x-client-token`: whether the launch gives the service `step.token`, by which it knows a repeated call: then every error of the call is retried;
- `x-own-timeout`: whether the service ends the work at `timeout` by itself. Where it does not, the work is stopped then, and the step fails
  when it has stopped;
- `x-refused`: how the launch is repeated that the service answers without starting anything: `{interval, attempts, backoff, max_delay}`. `run_id` is
  a list then, of one id or none, and `refused` the reasons;
- `x-slow-start`: `{when, seconds}`: with these settings the service may keep the work waiting so long before its clock starts;
- `x-handle`: whether the launch keeps a `handle` beside the `run_id`: an object by which the service finds the work again;
- `x-grants`: the IAM permissions of the machine, `{action, resource, condition, call}`. `{property}` in a resource is filled in
  from the step, a list as one resource each, none where the step has no such property; `{a.b}` is a property of a property,
  `{a:bucket}` and `{a:path}` are the bucket of an S3 URI, and the bucket with the key. `call` is the integration (`lambda:invoke`) where its name
  is not the action's, empty for a permission that the service needs besides; a condition is filled in alike;
- `x-given-grants`: the property in which a step itself lists permissions of the machine, in the form of `x-grants`;
- `x-given-launch-retry`: the property in which a step itself lists the errors of the launch after which it is repeated;
- `x-given-event`: `{property, source, detail-type}`: the property in which a step itself describes the events that report its end, and the names
  that they get from their rule, which gives them the form that the type's module reads;
- `x-form`: the argument that the template is given as `step.form`: its keys with paths into the configuration, and keys that end with `.$` as they are;
- `x-ships`: properties that name files of the product's folder, which are deployed with the product. Where the type has `<type>.resources.j2` (`resources.j2` of a project's type), a step
  with the first of them runs what that template deploys: the resources of CloudFormation, by their logical ids, which begin with `id`. It is given
  `product`, `step` (with `code`, the keys of the objects by property), `tags` and `id`;
- `x-texts`: properties that name files of the product's folder whose text is the value of another property: `{file: query}`;
- `x-documents`: properties of `x-ships` that name files of JSON, which the template finds in `step.documents`;
- `x-statement`: the property that holds one statement of SQL;
- `x-deployed`: properties that only this template reads;
- `x-python`: the minor version of Python 3 that runs the files `*.py`: `[{when, minor}]`, the first whose `when` the step has;
- `x-called-with`: the integrations that call this service, each with the parameters that give the properties of the grants: so the grants of a call that
  stands in a definition are known. Of a `.sync` call `x-watch-grants` are the machine's;
- `x-content`: the setting that holds the content of a file, of which the catalog keeps digests;
- `x-with`: other notes for steps that have a property: `{property: {note: value}}`;
- `x-event`: the pattern (`source`, `detail-type`, `detail`) of the events that report the end of the work, of ours alone: a text with
  `{property}` stands for those of all steps;
- `x-watch-grants`: the permissions of the functions that ask for the work and stop it.

A project has types of its own in a folder each, `steps/<type>/` beside the products (`metadata.own_types`).

The template writes the form of the state that calls the service: `Type`, `Resource`, `Parameters`, `ResultSelector` and
`ResultPath`. It is given `step`: `name`, `path` (where the run's configuration has the step's resource and arguments), `timeout`
in seconds, `token`, `given` (which of the arguments the step has) and `settings` (all other properties, defaults filled in). The name and the path are written as they are: the states of
a shape are rendered once and filled in for each product. A launch keeps `{run_id, handle}` at `$.job`.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import _lru_cache_wrapper, cache
from pathlib import Path
from typing import Any, TypeVar

FOLDER = Path(__file__).parent
STEPS = ("launch-and-await", "invoke", "batches")  # the patterns of what a step of a pipeline can be
T = TypeVar("T")
_own: dict[str, "StepType"] = {}
_forget: list[Callable[[], None]] = []


@dataclass(frozen=True, slots=True)
class StepType:
    """`folder` is that of a project's own type, None for one of Headgate."""

    name: str
    schema: dict[str, Any]
    folder: Path | None = None

    @property
    def template(self) -> Path:
        """The form of the state that calls the service."""
        return self.folder / "launch.asl.j2" if self.folder else FOLDER / f"{self.name}.asl.j2"

    @property
    def example(self) -> Path:
        """A step with every key."""
        return self.folder / "example.yaml" if self.folder else FOLDER / f"{self.name}.example.yaml"

    def note(self, key: str, default: Any = None) -> Any:
        """An `x-` key of the schema."""
        return self.schema.get("x-" + key, default)

    @property
    def resource(self) -> str:
        """The property that names what is run."""
        return str(self.schema["x-resource"])

    @property
    def arguments(self) -> tuple[str, ...]:
        """The properties whose values may hold placeholders."""
        noted = self.schema["x-arguments"]
        return (noted,) if isinstance(noted, str) else tuple(noted)

    def of(self, settings: Mapping[str, Any]) -> "StepType":
        """The type as it is for a step with these settings."""
        notes = [each for key, each in self.note("with", {}).items() if key in settings]
        return (
            replace(self, schema={**self.schema, **{key: value for each in notes for key, value in each.items()}})
            if notes
            else self
        )

    @property
    def ships(self) -> tuple[str, ...]:
        """The properties that name files of the product."""
        return (*self.note("ships", ()), *self.note("texts", ()))

    @property
    def resources(self) -> Path:
        """The form of what is deployed for a step that ships its code; there may be none."""
        return self.folder / "resources.j2" if self.folder else FOLDER / f"{self.name}.resources.j2"

    def given(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments that a step has."""
        return {key: settings[key] for key in self.arguments if key in settings}

    def catalogued(self, settings: Mapping[str, Any]) -> Any:
        """The arguments as the catalog keeps them: the value of the one property, or an object of several."""
        given, noted = self.given(settings), self.schema["x-arguments"]
        return given.get(noted, {}) if isinstance(noted, str) else given

    def defaults(self) -> dict[str, Any]:
        """The properties that have a default."""
        return _defaults(self.schema)

    def filled(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The settings with their defaults, also those of objects within them."""
        return _filled(self.schema, settings)


def _defaults(schema: dict[str, Any]) -> dict[str, Any]:
    return {key: part["default"] for key, part in schema["properties"].items() if "default" in part}


def _filled(schema: dict[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    parts = schema["properties"]
    given = {
        key: _filled(parts[key], value) if isinstance(value, dict) and "properties" in parts.get(key, ()) else value
        for key, value in settings.items()
    }
    return _defaults(schema) | given


def of_types(function: Callable[..., T]) -> "_lru_cache_wrapper[T]":
    """A cache for what is made from the step types: `use` empties it."""
    made = cache(function)
    _forget.append(made.cache_clear)
    return made


@of_types
def step_types() -> dict[str, StepType]:
    """Every step type by its key in metadata, in alphabetical order."""
    suffix = ".schema.json"
    built_in = {
        file.name.removesuffix(suffix): StepType(file.name.removesuffix(suffix), json.loads(file.read_text("utf-8")))
        for file in FOLDER.glob("*" + suffix)
    }
    return dict(sorted((built_in | _own).items()))


def use(own: Mapping[str, StepType]) -> None:
    """From now on a project has these types of its own."""
    if own or _own:
        _own.clear()
        _own.update(own)
        for forget in _forget:
            forget()


def own_folder(products: Path) -> Path:
    """Where a project has step types of its own, a folder each."""
    return products.parent / "steps"


def when_types_change(forget: Callable[[], None]) -> None:
    """`forget` is called when other types are used."""
    _forget.append(forget)


def in_pipelines() -> dict[str, StepType]:
    """Those that a step of a pipeline can have."""
    return {name: each for name, each in step_types().items() if each.note("pattern") in STEPS}


PLACE = re.compile(r"(?<!\$)\{([\w.]+)(?::(bucket|path))?\}")


def filled_in(text: str, properties: Mapping[str, Any]) -> Iterator[str]:
    """`{property}` replaced by the step's value: one text for each value of a list, none for a property that the step does not have.
    CloudFormation's `${...}` stays."""
    match = PLACE.search(text)
    if match is None:
        yield text
        return
    for value in _values(properties, match[1].split(".")):
        for rest in filled_in(text[match.end() :], properties):
            yield text[: match.start()] + _part(value, match[2]) + rest


def _values(properties: Any, path: list[str]) -> list[Any]:
    for name in path:
        properties = properties.get(name, {})
    if isinstance(properties, list):
        return properties
    return [properties] if properties != {} else []


def _part(value: Any, part: str | None) -> str:
    """The value, or of an S3 URI its bucket, or all behind the scheme."""
    path = str(value).removeprefix("s3://") if part else str(value)
    return path.partition("/")[0] if part == "bucket" else path


def filled_in_condition(condition: Any, properties: Mapping[str, Any]) -> Any:
    """The condition of a grant with every `{property}` replaced, each by one value."""
    if isinstance(condition, dict):
        return {key: filled_in_condition(each, properties) for key, each in condition.items()}
    return next(filled_in(condition, properties)) if isinstance(condition, str) else condition
