"""The published API; run as a module, it writes docs/openapi.json and docs/frontend.md."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from typing import Any

from api.app import create_app
from api.openapi.document import build_document
from engine.answer.engine import Engine
from engine.catalog.catalog import load_catalog
from engine.warehouse.warehouse import Warehouse
from runtime.services import Services
from runtime.shipped import get_shipped_folder
from state import State
from tests.support.environment import read_settings
from tests.support.paths import ROOT
from tests.support.typescript import render_declarations

OPENAPI = ROOT / "docs" / "openapi.json"
FRONTEND = ROOT / "docs" / "frontend.md"
BEGIN, END = "<!-- types -->\n", "<!-- end of types -->\n"


def build_shipped_document() -> dict[str, Any]:
    """Build the OpenAPI document of the shipped metrics as JSON values."""
    catalog = load_catalog(get_shipped_folder())
    settings = read_settings({"JWT_SECRET": "no token is signed or verified with it"})
    with tempfile.TemporaryDirectory() as folder:
        engine, state = Engine(catalog, Warehouse("sqlite://")), State.open(f"sqlite:///{folder}/state.db")
        try:
            written = build_document(create_app(Services(engine, state, settings)), catalog)
        finally:
            engine.warehouse.close()
            state.close()
    found: dict[str, Any] = json.loads(json.dumps(written))
    return found


def format_openapi(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def format_frontend(document: Mapping[str, Any], current: str) -> str:
    """Return the page with the document's types between its two marks."""
    before, _, rest = current.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}```typescript\n{render_declarations(document)}\n```\n{END}{after}"


def publish_api() -> None:
    document = build_shipped_document()
    OPENAPI.write_text(format_openapi(document), encoding="utf-8")
    FRONTEND.write_text(format_frontend(document, FRONTEND.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    publish_api()
