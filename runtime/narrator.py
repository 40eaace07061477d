"""The narrator of insights: the rules, or the language model that the settings name.

A model is called within each user's daily budget.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import date
from typing import Any

from engine import Cache, StateUnavailable
from insights.claims import group_bullets
from insights.collect_facts import CollectedFacts
from insights.llm import LanguageModel
from insights.narrate import Narration, Narrator
from runtime.settings import Settings
from state import State
from state.model_calls import ModelCalls

logger = logging.getLogger("metric_engine.runtime.narrator")


def open_narrator(settings: Settings, cache: Cache | None = None) -> Narrator:
    """Open the narrator with the model of LLM_MODEL, if any.

    Raises InvalidSetting where litellm is not installed.
    """
    model = None if settings.llm_model is None else LanguageModel(settings.llm_model)
    return Narrator(model, cache)


def budget(state: State, settings: Settings, user: str, day: date) -> Callable[[], bool]:
    """Return a check of the user's daily budget for model calls; it counts each allowed call."""
    calls = ModelCalls(state.database)

    def spend() -> bool:
        try:
            return calls.spend(user, day, most=settings.llm_daily_budget)
        except StateUnavailable as away:
            # A call that cannot be counted is not made.
            logger.error("%s", away)
            return False

    return spend


def describe_narration(facts: CollectedFacts, narration: Narration) -> dict[str, Any]:
    """Build the body of GET /v1/insights."""
    window = facts.span.window
    meta: dict[str, Any] = {
        "generated_by": narration.author,
        "dropped": dict(narration.dropped),
        "start": window.start.isoformat(),
        "end": window.end.isoformat(),
        "compare": facts.span.compare.value,
        "sources": sorted(facts.active),
    }
    if narration.fallback is not None:
        meta["fallback"] = narration.fallback
    if facts.stale_seconds is not None:
        meta["stale"] = True
    return {"items": group_bullets(narration.bullets), "meta": meta}
