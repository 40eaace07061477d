"""Filters of a dbt manifest as conditions over the columns of one table."""

from __future__ import annotations

import re
from collections.abc import Mapping

from engine.authoring.exchange.imported_files import NotCarried
from engine.authoring.exchange.manifest import SemanticModel
from engine.files.document import KeyPath
from engine.suggestions import suggest_name

CALL = re.compile(r"\{\{\s*(Dimension|TimeDimension|Entity|Metric)\s*\((.*?)\)\s*(\.[^}]*?)?\s*\}\}", re.DOTALL)
ARGUMENT = re.compile(r"""\s*(?:\w+\s*=\s*)?(?:'([^']*)'|"([^"]*)")\s*""")
DAY = "day"
SIMPLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


class FilterReader:
    """Reader of the filters over one semantic model: names become its own columns or expressions."""

    def __init__(self, model: SemanticModel, time: str) -> None:
        self.model = model
        self.time = time
        self.dimensions: Mapping[str, str] = {each.name: each.expr or each.name for each in model.dimensions}
        self.entities: Mapping[str, str] = {each.name: each.expr or each.name for each in model.entities}

    def read_filter(self, template: str, path: KeyPath) -> str:
        """Return the condition. Raises NotCarried."""

        def replace_call(found: re.Match[str]) -> str:
            return parenthesize(self.resolve_call(found[1], found[2], found[3] or "", path))

        condition = CALL.sub(replace_call, template).strip()
        if "{{" in condition or "{%" in condition:
            raise NotCarried(path, f"the filter {template.strip()!r} has a template that is no Dimension, Entity, …")
        return condition

    def resolve_call(self, kind: str, arguments: str, methods: str, path: KeyPath) -> str:
        """Return the expression that a call of the filter names. Raises NotCarried."""
        found = ARGUMENT.match(arguments)
        name = (found[1] or found[2] or "") if found else ""
        if kind == "Metric":
            raise NotCarried(path, f"the filter asks for the metric {name!r} of each entity")
        rest = arguments[found.end() :].lstrip(", ") if found else ""
        grain = ARGUMENT.match(rest) if kind == "TimeDimension" else None
        wanted = (grain[1] or grain[2] or DAY).lower() if grain else DAY
        if "entity_path" in rest:
            raise NotCarried(path, f"the filter's {name!r} is reached by a join; make it a column of {self.model.name}")
        if methods or wanted != DAY or (rest.strip(" []") and grain is None):
            raise NotCarried(path, f"the filter asks for {kind}({arguments}){methods}; only days can be compared")
        if name == "metric_time":
            return self.dimensions[self.time]
        *prefix, last = name.lower().split("__")
        if len(prefix) == 1 and prefix[0] == self.model.primary and last in self.dimensions and kind != "Entity":
            return self.dimensions[last]
        if not prefix and kind == "Entity" and last in self.entities:
            return self.entities[last]
        known = [f"{self.model.primary}__{each}" for each in self.dimensions] if kind != "Entity" else self.entities
        if len(prefix) == 1 and prefix[0] == self.model.primary:
            raise NotCarried(path, f"{self.model.name} has no {kind.lower()} {name!r}{suggest_name(name, known)}")
        raise NotCarried(path, f"the filter's {name!r} is reached by a join; make it a column of {self.model.name}")


def parenthesize(expression: str) -> str:
    return expression if SIMPLE_NAME.fullmatch(expression) else f"({expression})"
