"""The widgets: their list, one answer, several answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from api.middleware.authentication import get_tenant
from api.problems import describe_error
from api.request_state import get_services
from api.responses import build_response
from api.schemas import Batch, BatchQuestion, WidgetCatalog
from engine import (
    Grain,
    InvalidQuery,
    MetricQuery,
    ParameterProblem,
    TableMetric,
    UnknownMetric,
    WidgetAnswer,
    did_you_mean,
    find_nearest_names,
    parse_metric_query,
    quote_text,
)

PARAMETERS = ("start", "end", "compare", "compare_start", "sources", "grain")

router = APIRouter(prefix="/widgets", tags=["widgets"])


@router.get("", summary="The widgets that are served", responses={200: {"model": WidgetCatalog}})
async def widgets(request: Request) -> Response:
    catalog = get_services(request).engine.catalog
    entries = [
        {
            "key": metric.key,
            "title": metric.title,
            "description": metric.description,
            "sources": metric.sources,
            "format": metric.format,
            "better": metric.better,
            "chart": metric.chart,
            "by": metric.by if isinstance(metric, TableMetric) else None,
            "grains": [grain.value for grain in Grain],
        }
        for metric in catalog.widgets.values()
    ]
    return build_response(request, {"widgets": entries})


@router.post("/batch", summary="Several widgets at once", responses={200: {"model": Batch}})
def batch(request: Request, batch_query: BatchQuestion, user: Annotated[str, Depends(get_tenant)]) -> Response:
    services = get_services(request)
    query = build_query(
        batch_query.model_dump(include=set(PARAMETERS)), batch_query.model_extra or (), today=services.get_today()
    )
    found = services.query_many(batch_query.keys, query, user=user)
    answers = [each for each in found.values() if isinstance(each, WidgetAnswer)]
    return build_response(
        request,
        {"widgets": {key: get_body_or_problem(each) for key, each in found.items()}},
        origin="hit" if answers and all(each.is_cached for each in answers) else "miss",
        stale_seconds=max((each.stale_seconds for each in answers if each.stale_seconds is not None), default=None),
    )


def widget(request: Request) -> Response:
    """Answer one widget: a plain Starlette endpoint, because this is the hot path."""
    services = get_services(request)
    key = request.path_params["key"]
    found = services.query_many([key], read_query(request, today=services.get_today()), user=request.state.tenant)[key]
    if isinstance(found, UnknownMetric):
        raise found
    return build_response(
        request, found.body, origin="hit" if found.is_cached else "miss", stale_seconds=found.stale_seconds
    )


def get_body_or_problem(found: WidgetAnswer | UnknownMetric) -> dict[str, Any]:
    return describe_error(found) if isinstance(found, UnknownMetric) else found.body


def read_query(
    request: Request,
    *,
    today: date,
    parameters: Sequence[str] = PARAMETERS,
    defaults: Mapping[str, str] = MappingProxyType({}),
) -> MetricQuery:
    """Read the query string as a metric query; unknown and repeated parameters are problems.

    Raises InvalidQuery.
    """
    given = request.query_params.multi_items()
    names = [name for name, _ in given]
    known = {name: text for name, text in given if name in parameters}
    problems = [ParameterProblem(name, "is given more than once") for name in known if names.count(name) > 1]
    unknown = dict.fromkeys(name for name in names if name not in parameters)
    problems += [describe_unknown_parameter(name, parameters) for name in unknown]
    return build_query({**defaults, **known}, (), today=today, problems=problems)


def build_query(
    texts: Mapping[str, str | None], unknown: Iterable[str], *, today: date, problems: Iterable[ParameterProblem] = ()
) -> MetricQuery:
    """Build a metric query. Raises InvalidQuery with every problem of its parameters."""
    found = [*problems, *map(describe_unknown_parameter, dict.fromkeys(unknown))]
    try:
        query = parse_metric_query(today=today, **texts)
    except InvalidQuery as invalid:
        found += invalid.problems
    if found:
        raise InvalidQuery(found)
    return query


def describe_unknown_parameter(name: str, parameters: Sequence[str] = PARAMETERS) -> ParameterProblem:
    hint = did_you_mean(find_nearest_names(name, parameters)) or f"; there are {', '.join(parameters)}"
    return ParameterProblem(name[:40], f"{quote_text(name)} is not a parameter{hint}")
