from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.testclient import TestClient

from api.mcp.resource_metadata import METADATA_PATH
from api.middleware.authentication import OPEN_PATHS
from api.schemas.answer import Widget
from runtime.services import Services

# The protocol of assistants describes itself.
HIDDEN = {"/docs", "/docs/{name}", "/openapi.json", "/v1/mcp", METADATA_PATH}


def get_document(client: TestClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/openapi.json").json()
    return found


def test_every_route_is_documented(app: FastAPI, anonymous: TestClient) -> None:
    documented = {
        (method.upper(), path) for path, operations in get_document(anonymous)["paths"].items() for method in operations
    }
    for route in iter_route_contexts(app.routes):
        # A page that is not built has a route that says so.
        if route.path not in HIDDEN | {"/"}:
            for method in (route.methods or set()) - {"HEAD"}:
                assert (method, route.path) in documented


def test_every_widget_has_a_path_with_its_words_and_an_example(anonymous: TestClient) -> None:
    paths = get_document(anonymous)["paths"]
    sessions = paths["/v1/widgets/ga4.sessions"]["get"]
    assert sessions["summary"] == "Sessions"
    assert sessions["description"] == "Sessions started on the day."
    parameters = {parameter["name"]: parameter for parameter in sessions["parameters"]}
    assert parameters.keys() == {
        *("start", "end", "compare", "compare_start", "sources", "grain"),
        *("by", "top", "filter.property", "exclude.property"),
    }
    assert parameters["compare"]["schema"] == {
        "type": "string",
        "enum": ["off", "previous_period", "previous_year", "previous_year_weekday", "previous_month", "custom"],
        "default": "off",
    }
    assert parameters["grain"]["schema"] == {
        "type": "string",
        "enum": ["day", "week", "month", "quarter", "year"],
        "default": "day",
    }
    example = sessions["responses"]["200"]["content"]["application/json"]["example"]
    assert Widget.model_validate(example).meta.key == "ga4.sessions"
    assert example["meta"]["format"] == "integer"
    assert "/v1/widgets/ga4.secret" not in paths


def test_operation_ids_are_unique(anonymous: TestClient) -> None:
    ids = [
        operation["operationId"]
        for operations in get_document(anonymous)["paths"].values()
        for operation in operations.values()
    ]
    assert len(ids) == len(set(ids))


def test_v1_documents_its_token_and_its_problems(anonymous: TestClient) -> None:
    for path, operations in get_document(anonymous)["paths"].items():
        for operation in operations.values():
            if not path.startswith("/v1/"):
                assert "security" not in operation
                continue
            assert operation["security"] == [{"cron" if path in OPEN_PATHS else "bearer": []}]
            assert {"401", "422", "429", "503"} <= operation["responses"].keys()
            for status, response in operation["responses"].items():
                if status >= "400":
                    assert response["content"] == {
                        "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
                    }


def test_every_reference_leads_somewhere(anonymous: TestClient) -> None:
    found = get_document(anonymous)

    def references(node: Any) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
            return own + [reference for value in node.values() for reference in references(value)]
        return [reference for value in node for reference in references(value)] if isinstance(node, list) else []

    assert references(found)
    for reference in references(found):
        assert reference.removeprefix("#/components/schemas/") in found["components"]["schemas"]


def test_real_answers_fit_the_document(anonymous: TestClient, client: TestClient) -> None:
    found = get_document(anonymous)
    answers = {
        "/v1/widgets": client.get("/v1/widgets"),
        "/v1/widgets/ga4.sessions": client.get("/v1/widgets/ga4.sessions?compare=previous_year"),
        "/v1/dashboard": client.get("/v1/dashboard"),
        "/v1/dashboard/layout": client.get("/v1/dashboard/layout"),
        "/v1/dashboard/meta": client.get("/v1/dashboard/meta"),
        "/v1/connections": client.get("/v1/connections"),
    }
    for path, answer in answers.items():
        content = found["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
        jsonschema.validate(answer.json(), content["schema"] | {"components": found["components"]})


def test_a_new_key_shows_up_after_a_reload(client: TestClient, services: Services, folder: Path) -> None:
    assert "/v1/widgets/ga4.double" not in get_document(client)["paths"]
    (folder / "more.yaml").write_text("source: ga4\ntable: ga4_daily\nmetrics:\n  ga4.double: 2 * sum(sessions)\n")
    services.reload_catalog()
    assert "/v1/widgets/ga4.double" in get_document(client)["paths"]
    found = client.get("/v1/widgets/ga4.double?start=2025-01-01&end=2025-01-10").json()
    assert found["stats"]["value"] == 110
    assert "ga4.double" in [entry["key"] for entry in client.get("/v1/widgets").json()["widgets"]]


def test_the_docs_page_and_all_that_it_loads_come_from_here(anonymous: TestClient) -> None:
    page = anonymous.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert not re.search(r"unsafe|https?:|\*", policy)
    # Neither a script nor a style stands in the page, and nothing is loaded from elsewhere.
    assert not re.search(r"<script>|<style|style=|\bon\w+=|//", page.text)
    names = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(names) == 5
    for name in names:
        found = anonymous.get(f"/{name}", headers={"Accept-Encoding": "identity"})
        assert found.status_code == 200, name
        assert int(found.headers["content-length"]) == len(found.content) > 50
        assert anonymous.get(f"/{name}", headers={"Accept-Encoding": "gzip"}).content == found.content
    assert "openapi.json" in anonymous.get("/docs/start.js").text
    assert "SwaggerUIBundle" in anonymous.get("/docs/swagger-ui-bundle.js").text


@pytest.mark.parametrize("name", ["x", "index.html", "LICENSE", "..%2fopenapi.py", "%2e%2e/openapi.py"])
def test_the_docs_page_has_no_other_files(anonymous: TestClient, name: str) -> None:
    assert anonymous.get(f"/docs/{name}").status_code == 404
