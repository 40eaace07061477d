"""The narrator of insights: the rules, or the language model that the settings name.

A model is called within each user's daily budget.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import date

from engine.answer.cache import Cache
from engine.errors import StateUnavailable
from insights.model import LanguageModel
from insights.telling import Teller
from runtime.settings import Settings
from state import State
from state.model_calls import ModelCalls

logger = logging.getLogger("metric_engine.runtime.narrator")


def open_teller(settings: Settings, cache: Cache | None = None) -> Teller:
    """The teller that LLM_MODEL names. Raises InvalidSetting where litellm is not installed."""
    model = None if settings.llm_model is None else LanguageModel(settings.llm_model)
    return Teller(model, cache)


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
