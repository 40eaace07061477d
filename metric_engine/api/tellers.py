"""Who tells the insights: the rules, or the language model that the settings name, within each user's budget."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import date

from metric_engine.api.settings import Settings
from metric_engine.engine.cache import Cache
from metric_engine.engine.errors import StateUnavailable
from metric_engine.insights.model import LanguageModel
from metric_engine.insights.telling import Teller
from metric_engine.state import State
from metric_engine.state.model_calls import ModelCalls

logger = logging.getLogger(__name__)


def open_teller(settings: Settings, cache: Cache | None = None) -> Teller:
    """The teller that LLM_MODEL names. Raises InvalidSetting where litellm is not installed."""
    model = None if settings.llm_model is None else LanguageModel(settings.llm_model)
    return Teller(model, cache)


def budget(state: State, settings: Settings, user: str, day: date) -> Callable[[], bool]:
    """Whether one more call for the user is within the day's budget; each call that is, is counted."""
    calls = ModelCalls(state.database)

    def spend() -> bool:
        try:
            return calls.spend(user, day, most=settings.llm_daily_budget)
        except StateUnavailable as away:
            # What cannot be counted is not spent.
            logger.error("%s", away)
            return False

    return spend
