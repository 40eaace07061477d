from __future__ import annotations

import re
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.support.published import (
    BEGIN,
    END,
    FRONTEND,
    OPENAPI,
    build_shipped_document,
    format_frontend,
    format_openapi,
)
from tests.support.typescript import render_declarations, render_type

REMEDY = "has drifted: run `python -m tests.support.published` and read the difference"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return build_shipped_document()


def test_the_committed_document_is_what_is_served(document: dict[str, Any]) -> None:
    assert OPENAPI.read_text(encoding="utf-8") == format_openapi(document), f"openapi.json {REMEDY}"


def test_the_types_of_the_frontends_page_are_the_documents(document: dict[str, Any]) -> None:
    page = FRONTEND.read_text(encoding="utf-8")
    assert page.count(BEGIN) == page.count(END) == 1
    assert page == format_frontend(document, page), f"docs/frontend.md {REMEDY}"


def test_names_and_optionality_are_the_schemas(document: dict[str, Any]) -> None:
    """The generator's own test: every interface is read back from its text."""
    written = render_declarations(document)
    schemas = document["components"]["schemas"]
    interfaces = dict(re.findall(r"export interface (\w+) \{\n(.*?)\n\}", written, re.DOTALL))
    assert interfaces.keys() == {name for name, schema in schemas.items() if "properties" in schema}
    assert len(interfaces) >= 18
    for name, body in interfaces.items():
        found = dict(re.findall(r"^  (\w+)(\??):", body, re.MULTILINE))
        required = schemas[name].get("required", [])
        assert found == {member: "" if member in required else "?" for member in schemas[name]["properties"]}
        assert ("[property: string]: unknown;" in body) == (schemas[name].get("additionalProperties") is True)


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "integer"}, "number"),
        ({"type": ["string", "null"], "format": "date"}, "string | null"),
        ({"enum": ["day", None]}, '"day" | null'),
        ({"const": True, "type": "boolean"}, "true"),
        ({"type": "array", "items": {"enum": ["a", "b"]}}, '("a" | "b")[]'),
        ({"anyOf": [{"$ref": "#/components/schemas/Point"}, {"type": "null"}]}, "Point | null"),
        ({"type": "object", "additionalProperties": {"type": "number"}}, "Record<string, number>"),
        (
            {"type": "object", "additionalProperties": {"type": "boolean"}, "propertyNames": {"enum": ["a"]}},
            'Record<"a", boolean>',
        ),
    ],
)
def test_each_kind_of_schema_has_its_type(schema: dict[str, Any], expected: str) -> None:
    assert render_type(schema) == expected


def test_a_schema_without_a_type_is_an_error() -> None:
    with pytest.raises(ValueError, match="no type"):
        render_type({"not": {}})


def test_what_is_left_out_is_never_null(client: TestClient, document: dict[str, Any]) -> None:
    """A member that the types mark with `?` is absent or has its type."""
    answer = client.get("/v1/widgets/ga4.sessions").json()
    for name, part in {
        "Widget": answer,
        "Meta": answer["meta"],
        "Layout": client.get("/v1/dashboard/layout").json(),
    }.items():
        schema = document["components"]["schemas"][name]
        optional = schema["properties"].keys() - set(schema["required"])
        assert optional
        assert not [member for member in optional if part.get(member, "absent") is None]
