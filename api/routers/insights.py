"""The insights: what happened, in a few sentences."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from time import monotonic
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from api.middleware.authentication import tenant
from api.openapi import NOT_MODIFIED
from api.openapi import parameters as documented
from api.request_state import get_services
from api.responses import answer
from api.routers.widgets import query
from api.schemas import InsightList
from engine.calendar import Compare
from insights.gathering import Gathered, gather
from insights.telling import MOST_WAITING, Teller, body
from runtime.narrator import budget

PARAMETERS = ("start", "end", "compare", "sources")
# Seconds. After them the model is not asked: the answer must be there within thirty.
MOST_GATHERING = 5.0
DEFAULTS = {"compare": Compare.PREVIOUS_PERIOD.value}


Found = TypeVar("Found")


class Rooms:
    """Threads of the insights' own: however many wait for a model, or for the warehouse, the widgets need not.

    There are a few more for telling than may wait for the model, so that the rules are never kept waiting.
    """

    def __init__(self) -> None:
        self.gathering = ThreadPoolExecutor(3, "insights-gathering")
        self.telling = ThreadPoolExecutor(MOST_WAITING + 2, "insights-telling")

    def close(self) -> None:
        for pool in (self.gathering, self.telling):
            pool.shutdown(wait=False, cancel_futures=True)


async def within(pool: ThreadPoolExecutor, work: Callable[[], Found]) -> Found:
    """What the work brings, done in one of the pool's threads."""
    return await asyncio.get_running_loop().run_in_executor(pool, copy_context().run, work)


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
async def insights(request: Request, user: Annotated[str, Depends(tenant)]) -> Response:
    began = monotonic()
    rooms: Rooms = request.app.state.insight_rooms
    gathered = await within(rooms.gathering, lambda: gathered_for(request, user))
    late = monotonic() - began > MOST_GATHERING
    return await within(rooms.telling, lambda: told_of(request, user, gathered, late))


def gathered_for(request: Request, user: str) -> Gathered:
    services = get_services(request)
    today = services.today()
    question = query(request, today=today, parameters=PARAMETERS, defaults=DEFAULTS)
    return services.asked(user, lambda engine, asker: gather(engine, question, asker, today=today))


def told_of(request: Request, user: str, gathered: Gathered, late: bool) -> Response:
    """`late` tells whether the model's time would be too much."""
    services = get_services(request)
    teller: Teller = services.teller
    spend = budget(services.state, services.settings, user, services.today())
    told = teller.tell(gathered, spend=spend, late=late)
    return answer(
        request,
        body(gathered, told),
        origin="hit" if gathered.cached and told.cached else "miss",
        stale_seconds=gathered.stale_seconds,
    )
