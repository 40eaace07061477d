"""TypeScript types for the schemas of the OpenAPI document."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

REFERENCE = "#/components/schemas/"
NAMES = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}


def render_declarations(document: Mapping[str, Any]) -> str:
    """Render a declaration for each schema, by name."""
    schemas = document["components"]["schemas"]
    return "\n\n".join(render_declaration(name, schemas[name]) for name in sorted(schemas))


def render_declaration(name: str, schema: Mapping[str, Any]) -> str:
    comment = f"/** {schema['description']} */\n" if "description" in schema else ""
    if "properties" not in schema:
        return f"{comment}export type {name} = {render_type(schema)};"
    lines = "\n".join(f"  {line};" for line in iter_members(schema))
    return f"{comment}export interface {name} {{\n{lines}\n}}"


def iter_members(schema: Mapping[str, Any]) -> Iterator[str]:
    required = schema.get("required", ())
    for name, member in schema["properties"].items():
        yield f"{name}{'' if name in required else '?'}: {render_type(member)}"
    if schema.get("additionalProperties") is True:
        yield "[property: string]: unknown"


def render_type(schema: Mapping[str, Any]) -> str:
    """Render the type of a value. Raises ValueError for an unknown keyword."""
    if "$ref" in schema:
        return str(schema["$ref"]).removeprefix(REFERENCE)
    if "anyOf" in schema:
        return " | ".join(render_type(each) for each in schema["anyOf"])
    if "const" in schema or "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema.get("enum", [schema.get("const")]))
    kind = schema.get("type")
    if isinstance(kind, list):
        return " | ".join(NAMES[each] for each in kind)
    if kind == "array":
        item = render_type(schema["items"])
        return f"({item})[]" if " | " in item else f"{item}[]"
    if kind == "object":
        return render_mapping(schema)
    if kind not in NAMES:
        raise ValueError(f"there is no type for {schema}")
    return NAMES[kind]


def render_mapping(schema: Mapping[str, Any]) -> str:
    values = schema["additionalProperties"]
    keys = render_type(schema["propertyNames"]) if "propertyNames" in schema else "string"
    return f"Record<{keys}, {'unknown' if values is True else render_type(values)}>"
