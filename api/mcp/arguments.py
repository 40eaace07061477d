"""A tool's arguments → the texts that a query string has in their place, with a problem for each invalid one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from api.middleware.body_limit import find_value_fault
from api.widget_query import FILTERS, build_query, describe_unknown_parameter
from engine import InvalidQuery, MetricQuery, ParameterProblem
from runtime.services import Services

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ToolArguments:
    """Arguments by kind: single texts, lists of texts, members by dimension, and switches; and what is wrong."""

    texts: dict[str, str] = field(default_factory=dict)
    lists: dict[str, list[str]] = field(default_factory=dict)
    members: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    switches: dict[str, bool] = field(default_factory=dict)
    problems: list[ParameterProblem] = field(default_factory=list)

    @property
    def names(self) -> frozenset[str]:
        return frozenset((*self.texts, *self.lists, *self.members, *self.switches))

    def raise_if_invalid(self) -> None:
        """Raise InvalidQuery where something is wrong."""
        if self.problems:
            raise InvalidQuery(self.problems)

    def build_query(
        self, services: Services, *, others: Sequence[str] = (), defaults: Mapping[str, str] = MappingProxyType({})
    ) -> MetricQuery:
        """Build the metric query of all arguments but `others`. Raises InvalidQuery."""
        texts = {name: text for name, text in self.texts.items() if name not in others}
        if "sources" in self.lists:
            texts["sources"] = ",".join(self.lists["sources"])
        include, exclude = (self.members.get(name, {}) for name in FILTERS)
        return build_query(
            {**defaults, **texts},
            today=services.get_today(),
            known_sources=services.engine.catalog.sources,
            problems=self.problems,
            include=include,
            exclude=exclude,
        )


def read_arguments(given: Mapping[str, Any], schema: Schema) -> ToolArguments:
    """Read the arguments of a tool with this schema; null is an argument that is not given."""
    properties: Mapping[str, Schema] = schema["properties"]
    arguments = ToolArguments()
    fault = find_value_fault(dict(given))
    if fault is not None:
        arguments.problems.append(ParameterProblem("arguments", fault.removeprefix("the body ")))
        return arguments
    for name, value in given.items():
        if name not in properties:
            arguments.problems.append(describe_unknown_parameter(name, tuple(properties)))
        elif value is not None and not keep_argument(arguments, name, properties[name]["type"], value):
            form = FORMS[properties[name]["type"]]
            arguments.problems.append(ParameterProblem(name, f"must be {form}"))
    arguments.problems.extend(
        ParameterProblem(name, f"is missing: it must be {FORMS[properties[name]['type']]}")
        for name in schema.get("required", ())
        if given.get(name) is None
    )
    return arguments


FORMS: Mapping[str, str] = {
    "string": "a text",
    "integer": "a whole number",
    "boolean": "true or false",
    "array": 'a list of texts, such as ["a", "b"]',
    "object": 'an object of lists, such as {"channel": ["Email"]}',
}


def keep_argument(arguments: ToolArguments, name: str, kind: str, value: Any) -> bool:
    """Keep a value that has the form of its kind; tell whether it has.

    A number in quotes, and one text in place of a list, are plain enough to be taken.
    """
    match kind:
        case "boolean" if isinstance(value, bool):
            arguments.switches[name] = value
        case "string" if isinstance(value, str):
            arguments.texts[name] = value
        case "integer" if isinstance(value, (int, str)) and not isinstance(value, bool):
            arguments.texts[name] = str(value)
        case "array" if (texts := read_texts(value)) is not None:
            arguments.lists[name] = texts
        case "object" if isinstance(value, dict):
            members = {dimension: read_texts(each) for dimension, each in value.items()}
            arguments.members[name] = {each: texts for each, texts in members.items() if texts is not None}
            return None not in members.values()
        case _:
            return False
    return True


def read_texts(value: Any) -> list[str] | None:
    """Return a list of texts, or one text as such; None for anything else."""
    if isinstance(value, str):
        return [value]
    return value if isinstance(value, list) and all(isinstance(each, str) for each in value) else None
