"""The widgets: their list, one answer, several answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from api.answers import MEMBER_PARAMETERS, answer_explanation, answer_members, run_in_pool
from api.middleware.authentication import get_tenant
from api.problems import report_error
from api.request_state import get_services
from api.responses import FORM_TYPES, build_content_response, build_response, choose_media_type, encode_json
from api.schemas.widgets import Batch, BatchQuestion, WidgetCatalog
from api.widget_query import build_batch_query, read_member_limit, read_query
from engine import (
    AnswerOrError,
    Body,
    Grain,
    Metric,
    TableMetric,
    WidgetAnswer,
    encode_answer,
    encode_answers,
    hash_metric,
)
from state.tenants import Tenant

router = APIRouter(prefix="/widgets", tags=["widgets"])


@router.get("", summary="The widgets that are served", responses={200: {"model": WidgetCatalog}})
async def widgets(request: Request) -> Response:
    catalog = get_services(request).engine.catalog
    entries = [describe_entry(metric) for metric in catalog.widgets.values()]
    sources = [{"name": source.name, "title": source.title} for source in catalog.sources.values()]
    return build_response(request, {"widgets": entries, "sources": sources})


def describe_entry(metric: Metric) -> dict[str, Any]:
    """Describe a widget as the catalog lists it."""
    return {
        "key": metric.key,
        "title": metric.title,
        "description": metric.description,
        "sources": metric.sources,
        "format": metric.format,
        "decimals": metric.decimals,
        "better": metric.better,
        "chart": metric.chart,
        "by": metric.by.name if isinstance(metric, TableMetric) and metric.by else None,
        **describe_columns(metric),
        "grains": [grain.value for grain in Grain],
        "group": metric.group,
        "position": metric.position,
        "delta": metric.delta,
        "dimensions": [{"name": each.name, "title": each.title} for each in metric.dimensions.values()],
        "breakdowns": list(metric.breakdowns),
        "hash": hash_metric(metric),
    }


def describe_columns(metric: Metric) -> dict[str, object]:
    """Describe the columns, rows and order of a table, and what ranked items show; nothing of another widget."""
    if not isinstance(metric, TableMetric):
        return {}
    if metric.items is not None:
        return {"items": [*metric.items.show, *(value.name for value in metric.items.values)]}
    if metric.rows is None:
        return {}
    order = f"-{metric.rows.sort}" if metric.rows.is_descending else metric.rows.sort
    return {
        "columns": [series.name for series in metric.series],
        "rows": metric.rows.dimension.name,
        "sort": order,
    }


@router.post("/batch", summary="Several widgets at once", responses={200: {"model": Batch}})
def batch(request: Request, batch_query: BatchQuestion, user: Annotated[str, Depends(get_tenant)]) -> Response:
    services = get_services(request)
    today = services.get_today()
    query = build_batch_query(
        batch_query.model_dump(),
        batch_query.model_extra or (),
        today=today,
        catalog=services.engine.catalog,
    )
    found, basis = services.query_with_basis(
        batch_query.keys, query, user=user, today=today, tenant=get_seen_tenant(request)
    )
    request.state.answer_basis = basis
    answers = [each for each in found.values() if isinstance(each, WidgetAnswer)]
    media_type = choose_media_type(request)
    form = FORM_TYPES.get(media_type)
    bodies = {key: each.body if isinstance(each, WidgetAnswer) else report_error(each) for key, each in found.items()}
    return build_content_response(
        request,
        encode_json({"widgets": bodies}) if form is None else encode_batch(found, bodies, form),
        media_type,
        origin="hit" if all(each.is_cached for each in answers) else "miss",
        stale_seconds=max((each.stale_seconds for each in answers if each.stale_seconds is not None), default=None),
        vary="Accept",
    )


async def widget(request: Request) -> Response:
    """Answer one widget: a plain Starlette endpoint, because this is the hot path."""
    return await run_in_pool(request.app.state.answer_pool, lambda: answer_widget(request))


def answer_widget(request: Request) -> Response:
    services = get_services(request)
    key, today = request.path_params["key"], services.get_today()
    query = read_query(request, today=today)
    state = request.state
    answers, basis = services.query_with_basis(
        [key], query, user=state.tenant, today=today, tenant=get_seen_tenant(request)
    )
    if not isinstance(found := answers[key], WidgetAnswer):
        raise found
    state.answer_basis = basis
    media_type = choose_media_type(request)
    form = FORM_TYPES.get(media_type)
    return build_content_response(
        request,
        encode_json(found.body) if form is None else encode_answer(found, form),
        media_type,
        origin="hit" if found.is_cached else "miss",
        stale_seconds=found.stale_seconds,
        vary="Accept",
    )


def members(request: Request) -> Response:
    """Answer the members of one of a widget's dimensions, for a filter to choose from."""
    services = get_services(request)
    key, dimension = request.path_params["key"], request.path_params["dimension"]
    services.engine.catalog.get_widget(key)
    query = read_query(request, today=services.get_today(), parameters=MEMBER_PARAMETERS, others=("search", "limit"))
    found, answer = answer_members(
        services,
        request.state.tenant,
        key,
        dimension,
        query,
        search=request.query_params.get("search", ""),
        limit=read_member_limit(request.query_params.get("limit")),
    )
    return build_response(
        request,
        {"members": found},
        origin="hit" if answer is not None and answer.is_cached else "miss",
        stale_seconds=None if answer is None else answer.stale_seconds,
    )


def explain(request: Request) -> Response:
    """Answer what a widget's answer rests on; without dates, a receipt's own days are explained."""
    services, given = get_services(request), request.query_params
    explanation, answer = answer_explanation(
        services,
        request.state.tenant,
        request.path_params["key"],
        lambda days: read_query(request, today=services.get_today(), others=("receipt",), defaults=days),
        receipt=given.get("receipt"),
        given=given,
    )
    return build_response(
        request,
        explanation,
        origin="hit" if answer.is_cached else "miss",
        stale_seconds=answer.stale_seconds,
    )


def get_seen_tenant(request: Request) -> Tenant | None:
    """Return the tenant of the request's user, where a middleware has read it for this request."""
    seen: tuple[str, Tenant] | None = getattr(request.state, "seen_tenant", None)
    return seen[1] if seen is not None and seen[0] == request.state.tenant else None


def encode_batch(found: Mapping[str, AnswerOrError], bodies: Mapping[str, Body], form: str) -> bytes:
    """Write a batch in a form beside JSON; of a problem, its detail."""
    answers = {key: each if isinstance(each, WidgetAnswer) else bodies[key]["detail"] for key, each in found.items()}
    return encode_answers(answers, form)
