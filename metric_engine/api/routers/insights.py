"""The insights: what happened, in a few sentences."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from metric_engine.api.answers import answer
from metric_engine.api.guard import tenant
from metric_engine.api.openapi import NOT_MODIFIED
from metric_engine.api.openapi import parameters as documented
from metric_engine.api.routers.widgets import query
from metric_engine.api.schemas import InsightList
from metric_engine.api.serving import serving_of
from metric_engine.api.tellers import budget
from metric_engine.engine.periods import Compare
from metric_engine.insights.gathering import gather
from metric_engine.insights.telling import Teller, body

PARAMETERS = ("start", "end", "compare", "sources")
DEFAULTS = {"compare": Compare.PREVIOUS_PERIOD.value}


def shown_parameters() -> list[dict[str, Any]]:
    """What of a widget's parameters insights take, with their own defaults."""
    found = [dict(each) for each in documented() if each["name"] in PARAMETERS]
    for each in found:
        if each["name"] in DEFAULTS:
            each["schema"] = each["schema"] | {"default": DEFAULTS[each["name"]]}
    return found


router = APIRouter(tags=["insights"])


@router.get(
    "/insights",
    summary="What happened, in a few sentences",
    responses={200: {"model": InsightList}, 304: {"description": NOT_MODIFIED}},
    openapi_extra={"parameters": shown_parameters()},
)
def insights(request: Request, user: Annotated[str, Depends(tenant)]) -> Response:
    serving = serving_of(request)
    question = query(request, today=serving.today(), parameters=PARAMETERS, defaults=DEFAULTS)
    gathered = serving.asked(user, lambda engine, asker: gather(engine, question, asker))
    teller: Teller = request.app.state.teller
    told = teller.tell(gathered, spend=budget(serving.state, serving.settings, user, serving.today()))
    return answer(
        request,
        body(gathered, told),
        origin="hit" if gathered.cached and told.cached else "miss",
        stale_seconds=gathered.stale_seconds,
    )
