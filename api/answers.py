"""A question → its answer, in one place for the routes and for the tools of assistants."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from time import monotonic
from typing import Any, TypeVar

from starlette.concurrency import run_in_threadpool

from api.middleware.admission import MAX_PLACES, Places
from engine import (
    Body,
    Compare,
    MetricQuery,
    Receipt,
    WidgetAnswer,
    parse_receipt,
)
from insights.collect_facts import CollectedFacts, collect_facts
from insights.narrate import MOST_WAITING
from runtime.narrator import budget, describe_narration
from runtime.services import Services

INSIGHT_PARAMETERS = ("start", "end", "compare", "compare_start", "sources")
INSIGHT_DEFAULTS: Mapping[str, str] = {"compare": Compare.PREVIOUS_PERIOD.value}
MEMBER_PARAMETERS = ("start", "end", "sources")
# Seconds. Later than that the model is not called: the answer must be there within thirty.
MAX_COLLECT_SECONDS = 5.0

WorkResult = TypeVar("WorkResult")


@dataclass(frozen=True, slots=True)
class InsightAnswer:
    """The body of GET /v1/insights, and where it came from."""

    body: Body
    is_cached: bool
    stale_seconds: float | None


def answer_members(
    services: Services, user: str, key: str, dimension: str, query: MetricQuery, *, search: str, limit: int
) -> tuple[list[Body], WidgetAnswer | None]:
    """Answer the largest members of a widget's dimension, and the answer that tells them, if its source is on."""
    return services.run_for_user(
        user,
        lambda engine, context: engine.query_members(key, dimension, query, context, search=search, limit=limit),
    )


def answer_explanation(
    services: Services,
    user: str,
    key: str,
    build: Callable[[Mapping[str, str]], MetricQuery],
    *,
    receipt: str | None,
    given: Mapping[str, Any],
) -> tuple[Body, WidgetAnswer]:
    """Answer what a widget's answer rests on; without dates, a receipt's own days are explained.

    `build` makes the query, with these texts where the request has none; `given` are the parameters that it has.
    """
    services.engine.catalog.get_widget(key)
    before: Receipt | None = None if receipt is None else parse_receipt(receipt, tenant=user, key=key)
    days = {} if before is None else dict(zip(("start", "end"), map(str, before.window), strict=True))
    query = build({} if days.keys() & given.keys() else days)
    return services.run_for_user(user, lambda engine, context: engine.explain(key, query, context, before))


def open_narrate_pool() -> ThreadPoolExecutor:
    """Open threads for narrating alone, so that widgets never wait behind a model.

    There are a few more than may wait for the model, so that the rules never wait.
    """
    return ThreadPoolExecutor(MOST_WAITING + 2, "insights-telling")


def open_answer_pool() -> ThreadPoolExecutor:
    """Open a thread for each place of the warehouse: whoever has a place never waits for a thread.

    It takes half the time that Starlette's pool takes to hand work over.
    """
    return ThreadPoolExecutor(MAX_PLACES, "answers")


async def run_in_pool(pool: ThreadPoolExecutor, work: Callable[[], WorkResult]) -> WorkResult:
    """Return the result of work that runs in one of the pool's threads."""
    return await asyncio.get_running_loop().run_in_executor(pool, copy_context().run, work)


async def answer_insights(
    services: Services, user: str, query: MetricQuery, *, places: Places, pool: ThreadPoolExecutor
) -> InsightAnswer:
    """Answer what happened: the facts are collected in a place of the warehouse, and told in the pool."""
    began = monotonic()
    async with places.hold_place(user):
        facts = await run_in_threadpool(collect_user_facts, services, user, query)
    is_late = monotonic() - began > MAX_COLLECT_SECONDS
    return await run_in_pool(pool, lambda: narrate_facts(services, user, facts, is_late))


def collect_user_facts(services: Services, user: str, query: MetricQuery) -> CollectedFacts:
    today, language = services.get_today(), services.settings.insights_language
    return services.run_for_user(
        user, lambda engine, context: collect_facts(engine, query, context, today=today, language=language)
    )


def narrate_facts(services: Services, user: str, facts: CollectedFacts, late: bool) -> InsightAnswer:
    """Tell the facts; `late` tells that no time is left for the model."""
    spend = budget(services.state, services.settings, user, services.get_today())
    narration = services.narrator.narrate(facts, spend=spend, late=late)
    return InsightAnswer(
        describe_narration(facts, narration),
        is_cached=facts.cached and narration.cached,
        stale_seconds=facts.stale_seconds,
    )
