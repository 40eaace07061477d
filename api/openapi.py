"""The OpenAPI document: the API's routes, and a path for every widget of the catalog."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
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
from api.problems import MEDIA_TYPE
from api.request_state import get_services
from api.responses import FORM_TYPES, JSON, STALE, Origin
from api.schemas import ONE_SOURCE, SOURCE_LIST, Explanation, MemberList
from api.widget_query import MAX_MEMBER_LIMIT, MEMBER_LIMIT
from engine import (
    EXCLUDE_PREFIX,
    FILTER_PREFIX,
    MAX_DAYS,
    MAX_FILTER_LENGTH,
    MAX_FILTER_VALUES,
    MAX_OFFSET,
    MAX_ROWS,
    MAX_TOP,
    NOT_SET,
    Catalog,
    Compare,
    Dimension,
    Grain,
    Metric,
    TableMetric,
)

# The page of /docs is ours; Swagger UI's own files come in a package.
DOCS_FOLDER = Path(__file__).with_name("docs")
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
EXAMPLE_RECEIPT = "r1q83vASNFZ4mrze8AC1"
EXAMPLE_DAYS = ("2024-12-30", "2024-12-31", "2025-01-01", "2025-01-02")
# A value and the compared period's.
EXAMPLES: Mapping[str, tuple[float, float]] = {
    "integer": (123, 110),
    "decimal": (3.2, 2.9),
    "percent": (0.034, 0.031),
    "currency": (1234.5, 1180.0),
    "duration": (95.0, 90.0),
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


def describe_parameters() -> list[dict[str, Any]]:
    """Describe the parameters that every widget takes."""
    day = {"type": "string", "format": "date"}
    sources = {"type": "string", "pattern": SOURCE_LIST}
    return [
        describe_parameter("start", day, "The first day; with `end`, or neither for the last 28 complete days."),
        describe_parameter("end", day, f"The last day, at most {MAX_DAYS:,} days with the first."),
        describe_parameter("compare", describe_choice(Compare, Compare.OFF), "What the period is compared with."),
        describe_parameter(
            "compare_start", day, "The first day of the comparison; with `compare=custom`, and only then."
        ),
        describe_parameter("grain", describe_choice(Grain, Grain.DAY), "The width of a bucket; weeks begin on Monday."),
        describe_parameter(
            "sources", sources, "The sources that are switched on, by commas; every connected one by default."
        ),
    ]


def describe_breakdown(metric: Metric) -> list[dict[str, Any]]:
    """Describe the parameters that break a widget of one series down."""
    is_broken_down = isinstance(metric, TableMetric) and metric.by is not None
    return describe_by(sorted(metric.breakdowns), is_broken_down=is_broken_down)


def describe_rows(metric: Metric) -> list[dict[str, Any]]:
    """Describe the parameters of a table's rows."""
    if not isinstance(metric, TableMetric) or metric.rows is None:
        return []
    columns = [f"{sign}{series.name}" for series in metric.series for sign in ("", "-")]
    limit = {"type": "integer", "minimum": 1, "maximum": MAX_ROWS, "default": metric.rows.limit}
    offset = {"type": "integer", "minimum": 0, "maximum": MAX_OFFSET, "default": 0}
    return [
        describe_parameter("sort", {"type": "string", "enum": columns}, "A column; `-` before it for descending."),
        describe_parameter("limit", limit, "How many rows there are at the most."),
        describe_parameter("offset", offset, "How many rows are left out before the first."),
    ]


def describe_by(dimensions: Sequence[str], *, is_broken_down: bool) -> list[dict[str, Any]]:
    """Describe `by`, where there is a dimension to name, and `top`, where there are members."""
    by = {"type": "string", "enum": list(dimensions)}
    top = {"type": "integer", "minimum": 1, "maximum": MAX_TOP}
    parameters = []
    if dimensions:
        parameters.append(describe_parameter("by", by, "The dimension to break down by, of a widget of one series."))
    if dimensions or is_broken_down:
        parameters.append(describe_parameter("top", top, "How many members are shown; the others are `Other`."))
    return parameters


def describe_filters(dimensions: Mapping[str, Dimension]) -> list[dict[str, Any]]:
    """Describe the parameters that name members of each dimension."""
    members = {
        "type": "array",
        "items": {"type": "string", "maxLength": MAX_FILTER_LENGTH},
        "maxItems": MAX_FILTER_VALUES,
    }
    if not dimensions:
        return []
    words = {FILTER_PREFIX: "any of these", EXCLUDE_PREFIX: "none of these"}
    return [
        describe_parameter(f"{prefix}{name}", members, f"{dimension.title}: {text} members; `{NOT_SET}` is NULL.")
        for name, dimension in sorted(dimensions.items())
        for prefix, text in words.items()
    ]


def describe_parameter(name: str, schema: Mapping[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": description, "schema": dict(schema)}


def describe_choice(choices: type[StrEnum], default: StrEnum) -> dict[str, Any]:
    return {"type": "string", "enum": [member.value for member in choices], "default": default.value}


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


def build_example(metric: Metric) -> dict[str, Any]:
    """Build an example answer over two days, in the metric's own format."""
    value, previous = EXAMPLES[metric.format]
    change = value - previous
    stats = {
        "value": value,
        "previous": previous,
        "delta": round(change if metric.delta == "absolute" else change / previous, 4),
        "to_date": None,
    }
    currency = "USD" if metric.format == "currency" else None
    series = {
        "name": metric.title,
        "key": metric.key,
        "format": metric.format,
        "decimals": metric.decimals,
        "better": metric.better,
        "currency": currency,
        "points": build_points(EXAMPLE_DAYS[2:], value),
        "stats": stats,
    }
    table = build_example_table(metric, stats) if isinstance(metric, TableMetric) and metric.rows else {}
    return {
        "series": [series],
        "stats": stats,
        "comparison": {
            "start": EXAMPLE_DAYS[0],
            "end": EXAMPLE_DAYS[1],
            "series": [{"name": metric.title, "points": build_points(EXAMPLE_DAYS[:2], previous)}],
        },
        "items": [],
        **table,
        "meta": {
            "key": metric.key,
            "title": metric.title,
            "format": metric.format,
            "decimals": metric.decimals,
            "better": metric.better,
            "delta": metric.delta,
            "grain": Grain.DAY,
            "start": EXAMPLE_DAYS[2],
            "end": EXAMPLE_DAYS[3],
            "compare": Compare.PREVIOUS_PERIOD,
            "total": "period",
            "currency": currency,
            "sources": list(metric.sources),
            "missing_sources": [],
            "data_through": EXAMPLE_DAYS[3],
            "comparison_through": EXAMPLE_DAYS[1],
            "provisional_from": None,
            "filters": {"applied": [], "ignored": []},
            "notes": [],
            "receipt": EXAMPLE_RECEIPT,
        },
    }


def build_example_table(metric: TableMetric, stats: Mapping[str, Any]) -> dict[str, Any]:
    columns = [
        {
            "name": each.name,
            "format": each.format or metric.format,
            "decimals": metric.get_decimals(each),
            "better": each.better or metric.better,
            "currency": "USD" if each.is_money else None,
        }
        for each in metric.series
    ]
    cells = {each.name: stats for each in metric.series}
    currency = next((column["currency"] for column in columns if column["currency"]), None)
    rows = [{"id": "42", "label": "Spring", "currency": currency, "values": cells}]
    return {"table": {"columns": columns, "rows": rows, "total": cells, "count": 1}}


def build_points(days: Sequence[str], value: float) -> list[dict[str, Any]]:
    return [{"t": day, "v": value} for day in days]
