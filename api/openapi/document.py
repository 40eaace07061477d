"""The OpenAPI document: the API's routes, and a path for every widget of the catalog."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, get_args

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from api.middleware.authentication import OPEN_PATHS
from api.openapi.examples import build_example
from api.openapi.parameters import (
    describe_breakdown,
    describe_by,
    describe_filters,
    describe_parameter,
    describe_parameters,
    describe_rows,
)
from api.problems import MEDIA_TYPE
from api.request_state import get_services
from api.responses import FORM_TYPES, JSON, STALE, Origin
from api.schemas.explanation import Explanation
from api.schemas.shared import ONE_SOURCE, SOURCE_LIST
from api.schemas.widgets import MemberList
from api.widget_query import MAX_MEMBER_LIMIT, MEMBER_LIMIT
from engine import (
    Catalog,
    Metric,
)

# The page of /docs is ours; Swagger UI's own files come in a package.
DOCS_FOLDER = Path(__file__).parents[1] / "docs"
DOCS_FILES: Mapping[str, str] = {
    "mark.svg": "image/svg+xml",
    "start.js": "text/javascript",
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
}
BEARER, CRON = "bearer", "cron"
ERROR_DESCRIPTIONS: dict[int, str] = {
    401: "no token, or one that is not valid here",
    413: "the body is too large",
    422: "a parameter or the body is wrong; `errors` names each place",
    429: "too many requests, where the installation sets a limit",
    503: "the warehouse or the state database does not answer; try again after `Retry-After` seconds",
}
OTHER_FORMS = {each: {"schema": {"type": "string", "format": "binary"}} for each in FORM_TYPES}
NOT_MODIFIED = "The client holds exactly this answer (`If-None-Match`)"
UNAVAILABLE_FORM = "only a form is accepted whose package is not installed; it is named"
UNKNOWN_KEY = "no widget of that key; the nearest are named"
router = APIRouter(include_in_schema=False)


@router.get("/openapi.json")
def openapi(request: Request) -> Response:
    services = get_services(request)
    catalog = services.engine.catalog
    # The document takes a while to build, so that the one of the current catalog is kept.
    documents: dict[str, bytes] = request.app.state.openapi_documents
    content = documents.get(catalog.version)
    if content is None:
        content = to_json(build_document(request.app, catalog))
        documents.clear()
        documents[catalog.version] = content
    return Response(content, media_type="application/json")


@router.get("/docs")
async def docs() -> FileResponse:
    return FileResponse(DOCS_FOLDER / "index.html")


@router.get("/docs/{name}")
def docs_file(name: str) -> FileResponse:
    if name not in DOCS_FILES:
        raise HTTPException(404)
    own = DOCS_FOLDER / name
    return FileResponse(own if own.is_file() else get_swagger_folder() / name, media_type=DOCS_FILES[name])


def get_swagger_folder() -> Path:
    # Imported late: nothing else needs the package.
    with as_file(files("fastapi_standalone_docs") / "static" / "swagger") as folder:
        return folder


def build_document(app: FastAPI, catalog: Catalog) -> dict[str, Any]:
    """Build the whole document from the app's routes and the current catalog."""
    schema = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
    for unused in ("HTTPValidationError", "ValidationError"):
        schema["components"]["schemas"].pop(unused, None)
    schema["components"]["securitySchemes"] = {
        BEARER: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        CRON: {"type": "apiKey", "in": "header", "name": "X-Cron-Secret"},
    }
    paths = schema["paths"]
    paths["/v1/widgets/{key}"] = {"get": describe_any_widget(catalog)}
    paths["/v1/widgets/{key}/members/{dimension}"] = {"get": describe_members(catalog, schema)}
    paths["/v1/widgets/{key}/explain"] = {"get": describe_explanation(catalog, schema)}
    paths.update({f"/v1/widgets/{key}": {"get": describe_widget(metric)} for key, metric in catalog.widgets.items()})
    batch = paths["/v1/widgets/batch"]["post"]["responses"]
    batch["200"]["content"] |= OTHER_FORMS
    batch["406"] = {"description": UNAVAILABLE_FORM}
    for path, operations in paths.items():
        if path.startswith("/v1/"):
            for operation in operations.values():
                add_errors_and_security(operation, CRON if path in OPEN_PATHS else BEARER)
    name_sources(schema, tuple(catalog.sources))
    return schema


def name_sources(part: Any, sources: Sequence[str]) -> None:
    """Put the catalog's sources in place of the patterns that stand for them, everywhere in a document."""
    if isinstance(part, dict):
        if part.get("pattern") == ONE_SOURCE:
            del part["pattern"]
            part["enum"] = list(sources)
        elif part.get("pattern") == SOURCE_LIST:
            name = f"({'|'.join(sources)})"
            part["pattern"] = f"^({name}(,{name})*)?$"
    for each in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        name_sources(each, sources)


def add_errors_and_security(operation: dict[str, Any], scheme: str) -> None:
    """Add to an operation under /v1 its security scheme and the shape of its errors."""
    operation["security"] = [{scheme: []}]
    responses = operation["responses"]
    for status, description in ERROR_DESCRIPTIONS.items():
        if status != 413 or "requestBody" in operation:
            responses.setdefault(str(status), {"description": description})
    for status, response in responses.items():
        if int(status) >= 400:
            response["content"] = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}


def describe_any_widget(catalog: Catalog) -> dict[str, Any]:
    key = {"name": "key", "in": "path", "required": True, "schema": {"type": "string"}, "example": "ga4.sessions"}
    return {
        "tags": ["widgets"],
        "summary": "The answer of a widget",
        "operationId": "widget",
        "parameters": [
            key,
            *describe_parameters(),
            *describe_by(sorted(catalog.dimensions), is_broken_down=True),
            *describe_filters(catalog.dimensions),
        ],
        "responses": {**describe_answer(), "404": {"description": UNKNOWN_KEY}},
    }


def describe_explanation(catalog: Catalog, document: dict[str, Any]) -> dict[str, Any]:
    """Describe the receipt of an answer; its shape goes into the document."""
    schema = Explanation.model_json_schema(ref_template="#/components/schemas/{model}")
    document["components"]["schemas"] |= {**schema.pop("$defs"), "Explanation": schema}
    receipt = describe_parameter(
        "receipt",
        {"type": "string"},
        "A `meta.receipt` of this widget: is the number still that? Without `start` and `end`, its own days are meant.",
    )
    content = {JSON: {"schema": {"$ref": "#/components/schemas/Explanation"}}}
    described = describe_any_widget(catalog)
    return {
        **described,
        "summary": "What the answer of a widget rests on",
        "operationId": "explain",
        "parameters": [*described["parameters"], receipt],
        "responses": {
            "200": {"description": "The receipt", "content": content},
            "304": {"description": NOT_MODIFIED},
            "404": {"description": UNKNOWN_KEY},
        },
    }


def describe_members(catalog: Catalog, document: dict[str, Any]) -> dict[str, Any]:
    """Describe the members of a widget's dimension; their shape goes into the document."""
    schema = MemberList.model_json_schema(ref_template="#/components/schemas/{model}")
    document["components"]["schemas"] |= {**schema.pop("$defs"), "MemberList": schema}
    names = ("start", "end", "sources")
    limit = {"type": "integer", "minimum": 1, "maximum": MAX_MEMBER_LIMIT, "default": MEMBER_LIMIT}
    dimension = {"name": "dimension", "in": "path", "required": True, "schema": {"type": "string"}}
    return {
        "tags": ["widgets"],
        "summary": "The members of a dimension, the largest first",
        "operationId": "members",
        "parameters": [
            {"name": "key", "in": "path", "required": True, "schema": {"type": "string"}, "example": "ga4.sessions"},
            {**dimension, "example": "property"},
            *(each for each in describe_parameters() if each["name"] in names),
            describe_parameter("search", {"type": "string"}, "A part of the id or of the label, blind to case."),
            describe_parameter("limit", limit, "How many members are listed."),
            *describe_filters(catalog.dimensions),
        ],
        "responses": {
            "200": {
                "description": "The members",
                "content": {JSON: {"schema": {"$ref": "#/components/schemas/MemberList"}}},
            },
            "304": {"description": NOT_MODIFIED},
            "404": {"description": UNKNOWN_KEY},
        },
    }


def describe_widget(metric: Metric) -> dict[str, Any]:
    return {
        "tags": ["widgets"],
        "summary": metric.title,
        "description": metric.description or metric.title,
        "operationId": f"widget_{metric.key.replace('.', '_')}",
        "parameters": [
            *describe_parameters(),
            *describe_breakdown(metric),
            *describe_rows(metric),
            *describe_filters(metric.dimensions),
        ],
        "responses": describe_answer(build_example(metric)),
    }


def describe_answer(example: Mapping[str, Any] | None = None) -> dict[str, Any]:
    media = {"schema": {"$ref": "#/components/schemas/Widget"}} | ({"example": example} if example else {})
    headers = {
        "ETag": {"schema": {"type": "string"}},
        "Vary": {"schema": {"type": "string"}, "description": "`Accept` chooses the form."},
        "X-Cache": {"schema": {"type": "string", "enum": list(get_args(Origin))}},
        "Age": {"schema": {"type": "string"}, "description": "Seconds, where the answer is stale."},
        "Warning": {"schema": {"type": "string"}, "description": f"`{STALE}`, where the answer is stale."},
    }
    return {
        "200": {"description": "The answer", "headers": headers, "content": {JSON: media, **OTHER_FORMS}},
        "304": {"description": NOT_MODIFIED},
        "406": {"description": UNAVAILABLE_FORM},
    }
