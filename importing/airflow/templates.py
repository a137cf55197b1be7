"""Jinja templates of Airflow as placeholders of Headgate: those that mean the same."""

import re
from typing import Any

from headgate.importing.calls import NotCarriedOver

MEANING = {
    "ds": "{business_date}",
    "data_interval_start | ds": "{business_date}",
    "logical_date | ds": "{business_date}",
    "execution_date | ds": "{business_date}",
    "run_id": "{run_id}",
    "ti.try_number": "{attempt}",
    "task_instance.try_number": "{attempt}",
    "dag.dag_id": "{product}",
}
_EXPRESSION = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}", re.DOTALL)
_BLOCK = re.compile(r"\{[%#]")
_PARAMETER = re.compile(r"params\.([A-Za-z_][A-Za-z0-9_]*)|params\[['\"]([^'\"]+)['\"]\]")


def filled(value: Any, parameters: dict[str, Any], dated: bool) -> Any:
    """The value with its templates as placeholders, and the defaults of the DAG's parameters filled in. `dated`: the business date of a run
    is what Airflow calls `ds`. Raises `NotCarriedOver`."""
    if isinstance(value, dict):
        return {key: filled(each, parameters, dated) for key, each in value.items()}
    if isinstance(value, list):
        return [filled(each, parameters, dated) for each in value]
    if not isinstance(value, str):
        return value
    if _BLOCK.search(value):
        raise NotCarriedOver(f"has a block of Jinja in {value!r:.60}")
    return _EXPRESSION.sub(lambda match: _meaning(match[1], parameters, dated), value)


def _meaning(expression: str, parameters: dict[str, Any], dated: bool) -> str:
    known = re.sub(r"\s*\|\s*", " | ", expression)
    if MEANING.get(known) == "{business_date}" and not dated:
        raise NotCarriedOver(
            f"has the template {{{{ {expression} }}}}, the beginning of an interval that is no business date here"
        )
    if known in MEANING:
        return MEANING[known]
    match = _PARAMETER.fullmatch(expression)
    name = (match[1] or match[2]) if match else None
    if name in parameters and isinstance(parameters[name], str | int | float):
        return str(parameters[name])
    raise NotCarriedOver(f"has the template {{{{ {expression} }}}}, for which there is no placeholder")
