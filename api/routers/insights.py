"""The insights: what happened, in a few sentences."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from api.answers import INSIGHT_DEFAULTS, INSIGHT_PARAMETERS, answer_insights
from api.middleware.authentication import get_tenant
from api.openapi.document import NOT_MODIFIED
from api.openapi.parameters import describe_parameters as documented
from api.request_state import get_services
from api.responses import build_response
from api.schemas.insights import InsightList
from api.widget_query import read_query


def select_parameters() -> list[dict[str, Any]]:
    """Select the widget parameters that insights take, with their own defaults."""
    found = [dict(each) for each in documented() if each["name"] in INSIGHT_PARAMETERS]
    for each in found:
        if each["name"] in INSIGHT_DEFAULTS:
            each["schema"] = each["schema"] | {"default": INSIGHT_DEFAULTS[each["name"]]}
    return found


router = APIRouter(tags=["insights"])


@router.get(
    "/insights",
    summary="What happened, in a few sentences",
    responses={200: {"model": InsightList}, 304: {"description": NOT_MODIFIED}},
    openapi_extra={"parameters": select_parameters()},
)
async def insights(request: Request, user: Annotated[str, Depends(get_tenant)]) -> Response:
    services = get_services(request)
    query = read_query(
        request, today=services.get_today(), parameters=INSIGHT_PARAMETERS, filters=(), defaults=INSIGHT_DEFAULTS
    )
    state = request.app.state
    answer = await answer_insights(services, user, query, places=state.places["warehouse"], pool=state.narrate_pool)
    return build_response(
        request,
        answer.body,
        origin="hit" if answer.is_cached else "miss",
        stale_seconds=answer.stale_seconds,
    )
