"""The generated parts of docs/metrics.md: tables of keys, and the functions.

A part is between a comment that names it and `<!-- end -->`; everything else is written by hand.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from engine.authoring.edit import render_flow
from engine.language.function_entry import SqlFunction
from engine.language.functions import AGGREGATE_NAMES, FUNCTION_NAMES, SQL_FUNCTIONS
from runtime.file_schemas import build_file_schema
from tests.support.paths import DOCS

PAGE = DOCS / "metrics.md"
PART = re.compile(r"(<!-- (keys|functions):? ?([^>]*?) ?-->\n).*?(<!-- end -->)", re.DOTALL)
HEAD = "| key | what it takes | unless said | what it is | example |\n|---|---|---|---|---|\n"
SCHEMA = build_file_schema()


def regenerate_page(page: str) -> str:
    """Return the page with every generated part regenerated."""
    return PART.sub(lambda part: f"{part[1]}\n{generate_part(part[2], part[3].split())}\n{part[4]}", page)


def generate_part(kind: str, words: Sequence[str]) -> str:
    if kind == "keys":
        return build_key_table(words[0], words[1:])
    return build_function_table() if words[0] == "meanings" else list_functions(words[0])


def list_functions(kind: str) -> str:
    names = AGGREGATE_NAMES if kind == "aggregate" else [name for name in FUNCTION_NAMES if name not in AGGREGATE_NAMES]
    return " ".join(f"`{name}`" for name in names) + "\n"


def build_function_table() -> str:
    rows = (format_row(format_usage(function), function.documentation) for function in SQL_FUNCTIONS)
    return "| function | what it means |\n|---|---|\n" + "".join(rows)


def format_usage(function: SqlFunction) -> str:
    return ", ".join(map(format_code, (function.usage, *function.other_names)))


def format_row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def build_key_table(definition: str, chosen: Sequence[str]) -> str:
    """Build a table of a definition's keys: the chosen ones, or all of them."""
    owner = get_properties(definition)
    required = (SCHEMA if definition == "FileDefinition" else SCHEMA["$defs"][definition]).get("required", ())
    return HEAD + "".join(format_key_row(name, owner[name], needed=name in required) for name in chosen or owner)


def get_properties(definition: str) -> Mapping[str, Any]:
    schema: Mapping[str, Any] = SCHEMA if definition == "FileDefinition" else SCHEMA["$defs"][definition]
    properties: Mapping[str, Any] = schema["properties"]
    return properties


def format_key_row(name: str, schema: Mapping[str, Any], *, needed: bool) -> str:
    default = schema.get("default")
    unless = "**required**" if needed else "–" if default is None else format_code(json.dumps(default).strip('"'))
    example = "".join(
        format_code(each if isinstance(each, str) else render_flow(each)) for each in schema.get("examples", ())[:1]
    )
    description = schema["description"].removesuffix(".")
    return format_row(format_code(name), describe_value(schema), unless, description, example)


def describe_value(schema: Mapping[str, Any]) -> str:
    """Describe the allowed values in a few words."""
    options = [each for each in schema.get("anyOf", schema.get("oneOf", [schema])) if each.get("type") != "null"]
    return " or ".join(dict.fromkeys(map(describe_schema, options)))


def describe_schema(schema: Mapping[str, Any]) -> str:
    if "enum" in schema or "const" in schema:
        return " ".join(format_code(each) for each in schema.get("enum", [schema.get("const")]))
    if "$ref" in schema:
        return "any value" if schema["$ref"].endswith("/JsonValue") else "a mapping"
    match schema.get("type"):
        case "string":
            return "a date" if schema.get("format") == "date" else "text"
        case "boolean":
            return "`true` `false`"
        case "integer":
            most = schema.get("maximum")
            return f"{schema['minimum']} or more" if most is None else f"{schema['minimum']} to {most}"
        case "number":
            return "a number"
        case "array":
            return f"a list of {describe_plural(schema['items'])}"
        case "object":
            return f"{describe_plural(schema['additionalProperties'])} by name"
    return "rows"


def describe_plural(schema: Mapping[str, Any]) -> str:
    """Describe several values of a schema.

    A member of `tables` or `metrics` may also be a text; the page explains this beside the table.
    """
    kinds = {"text": "texts", "a number": "numbers", "any value": "values", "any value by name": "mappings"}
    return kinds.get(describe_value(schema), "mappings")


def format_code(text: object) -> str:
    return f"`{text}`"
