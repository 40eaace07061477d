"""The insights: what happened, in a few sentences."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from time import monotonic
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from api.middleware.admission import Places
from api.middleware.authentication import get_tenant
from api.openapi import NOT_MODIFIED
from api.openapi import describe_parameters as documented
from api.request_state import get_services
from api.responses import build_response
from api.schemas import InsightList
from api.widget_query import read_query
from engine import Compare
from insights.collect_facts import CollectedFacts, collect_facts
from insights.narrate import MOST_WAITING
from runtime.narrator import budget, describe_narration

PARAMETERS = ("start", "end", "compare", "compare_start", "sources")
# Seconds. Later than that the model is not called: the answer must be there within thirty.
MAX_COLLECT_SECONDS = 5.0
DEFAULTS = {"compare": Compare.PREVIOUS_PERIOD.value}


WorkResult = TypeVar("WorkResult")


def open_narrate_pool() -> ThreadPoolExecutor:
    """Open threads for narrating alone, so that widgets never wait behind a model.

    There are a few more than may wait for the model, so that the rules never wait.
    """
    return ThreadPoolExecutor(MOST_WAITING + 2, "insights-telling")


async def run_in_pool(pool: ThreadPoolExecutor, work: Callable[[], WorkResult]) -> WorkResult:
    """Return the result of work that runs in one of the pool's threads."""
    return await asyncio.get_running_loop().run_in_executor(pool, copy_context().run, work)


def select_parameters() -> list[dict[str, Any]]:
    """Select the widget parameters that insights take, with their own defaults."""
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
    openapi_extra={"parameters": select_parameters()},
)
async def insights(request: Request, user: Annotated[str, Depends(get_tenant)]) -> Response:
    began = monotonic()
    places: Places = request.app.state.places["warehouse"]
    async with places.hold_place(user):
        gathered = await run_in_threadpool(collect_insights, request, user)
    is_late = monotonic() - began > MAX_COLLECT_SECONDS
    return await run_in_pool(
        request.app.state.narrate_pool, lambda: build_insights_response(request, user, gathered, is_late)
    )


def collect_insights(request: Request, user: str) -> CollectedFacts:
    services = get_services(request)
    today = services.get_today()
    query = read_query(request, today=today, parameters=PARAMETERS, filters=(), defaults=DEFAULTS)
    language = services.settings.insights_language
    return services.run_for_user(
        user, lambda engine, context: collect_facts(engine, query, context, today=today, language=language)
    )


def build_insights_response(request: Request, user: str, gathered: CollectedFacts, late: bool) -> Response:
    """Build the response; `late` tells that no time is left for the model."""
    services = get_services(request)
    spend = budget(services.state, services.settings, user, services.get_today())
    told = services.narrator.narrate(gathered, spend=spend, late=late)
    return build_response(
        request,
        describe_narration(gathered, told),
        origin="hit" if gathered.cached and told.cached else "miss",
        stale_seconds=gathered.stale_seconds,
    )
