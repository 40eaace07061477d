"""The generated parts of docs/metrics.md: tables of keys from the definitions, the functions from the allow-list.

A part stands between a comment that names it and `<!-- end -->`; what is around it is written by hand.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from cli.commands.schema import file_schema
from engine.authoring.edit import braces
from engine.language.functions import AGGREGATE_NAMES, FUNCTION_NAMES
from tests.support.paths import DOCS

PAGE = DOCS / "metrics.md"
PART = re.compile(r"(<!-- (keys|functions):? ?([^>]*?) ?-->\n).*?(<!-- end -->)", re.DOTALL)
HEAD = "| key | what it takes | unless said | what it is | example |\n|---|---|---|---|---|\n"
SCHEMA = file_schema()


def generated(page: str) -> str:
    """The page with every generated part made anew."""
    return PART.sub(lambda part: f"{part[1]}\n{content(part[2], part[3].split())}\n{part[4]}", page)


def content(kind: str, words: Sequence[str]) -> str:
    return functions(words[0]) if kind == "functions" else keys(words[0], words[1:])


def functions(kind: str) -> str:
    names = AGGREGATE_NAMES if kind == "aggregate" else [name for name in FUNCTION_NAMES if name not in AGGREGATE_NAMES]
    return " ".join(f"`{name}`" for name in names) + "\n"


def keys(definition: str, chosen: Sequence[str]) -> str:
    """A table of a definition's keys: the chosen ones, or all of them."""
    owner = properties(definition)
    required = (SCHEMA if definition == "FileDefinition" else SCHEMA["$defs"][definition]).get("required", ())
    return HEAD + "".join(row(name, owner[name], needed=name in required) for name in chosen or owner)


def properties(definition: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = (SCHEMA if definition == "FileDefinition" else SCHEMA["$defs"][definition])["properties"]
    return found


def row(name: str, schema: Mapping[str, Any], *, needed: bool) -> str:
    default = schema.get("default")
    unless = "**required**" if needed else "–" if default is None else code(json.dumps(default).strip('"'))
    example = "".join(code(each if isinstance(each, str) else braces(each)) for each in schema.get("examples", ())[:1])
    cells = (code(name), takes(schema), unless, schema["description"].removesuffix("."), example)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def takes(schema: Mapping[str, Any]) -> str:
    """What may be written, in a few words."""
    options = [each for each in schema.get("anyOf", [schema]) if each.get("type") != "null"]
    return " or ".join(dict.fromkeys(map(spoken, options)))


def spoken(schema: Mapping[str, Any]) -> str:
    if "enum" in schema or "const" in schema:
        return " ".join(code(each) for each in schema.get("enum", [schema.get("const")]))
    if "$ref" in schema:
        return "any value" if schema["$ref"].endswith("/JsonValue") else "a mapping"
    match schema.get("type"):
        case "string":
            return "a date" if schema.get("format") == "date" else "text"
        case "boolean":
            return "`true` `false`"
        case "integer":
            return f"{schema['minimum']} to {schema['maximum']}"
        case "number":
            return "a number"
        case "array":
            return f"a list of {plural(schema['items'])}"
        case "object":
            return f"{plural(schema['additionalProperties'])} by name"
    return "rows"


def plural(schema: Mapping[str, Any]) -> str:
    """Several of them; a member of `tables` or `metrics` may be a text too, which the text around the table says."""
    kinds = {"text": "texts", "a number": "numbers", "any value": "values", "any value by name": "mappings"}
    return kinds.get(takes(schema), "mappings")


def code(text: object) -> str:
    return f"`{text}`"
