"""The door to language models: litellm, imported on first use, on an event loop of its own.

A call is given up, and its connection closed, when its time is over, however slowly bytes still come.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as GivenUp
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from threading import Thread
from typing import Any, Literal, TypeVar

from engine.errors import InvalidSetting
from engine.extras import install_command
from insights.prompt import RESPONSE_FORMAT, messages, read
from insights.speaking import Bullet

Failure = Literal["budget", "busy", "timeout", "unavailable", "refused", "malformed"]

ATTEMPTS = 2
MOST_ANSWERED = 1_500
# It fetches nothing but the model's answer, and no file of settings.
QUIET = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_LOCAL_AUTOROUTER_PRESETS": "True",
    "LITELLM_LOCAL_BLOG_POSTS": "True",
    "LITELLM_LOCAL_POLICY_TEMPLATES": "True",
    "LITELLM_MODE": "PRODUCTION",
}
LOGGERS = ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy")
# What another try does not mend: a wrong request, a wrong key, an unknown model.
FINAL = frozenset((400, 401, 403, 404, 422))

logger = logging.getLogger("metric_engine.insights.model")

Outcome = TypeVar("Outcome")


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds: for one call, for all that one question takes, and until a call is tried again."""

    call: float = 10.0
    whole: float = 22.0
    pause: float = 0.5


class Unusable(Exception):
    """The model gave nothing that can be used; `failure` says why in a word."""

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        super().__init__(failure)


class LanguageModel:
    """A model by litellm's name, such as `anthropic/…`; its key comes from the environment. Thread-safe."""

    def __init__(self, name: str, *, limits: Limits | None = None) -> None:
        """Raises InvalidSetting where litellm is not installed."""
        if find_spec("litellm") is None:
            raise InvalidSetting(f"LLM_MODEL is set and litellm is missing: {install_command('llm')}")
        self.name = name
        self.limits = limits or Limits()
        self.waiting: set[Future[list[Bullet]]] = set()

    def ask(self, context: str, *, spend: Callable[[], bool]) -> list[Bullet]:
        """The bullets that the model makes of the facts, unchecked. `spend` is asked before each call.

        Raises Unusable, never later than `limits.whole` and a moment.
        """
        whole = self.limits.whole
        waiting = asyncio.run_coroutine_threadsafe(bounded(self.answer(context, spend), whole), event_loop())
        self.waiting.add(waiting)
        try:
            return waiting.result(whole + 1)
        except CancelledError:
            raise Unusable("unavailable") from None
        except (TimeoutError, GivenUp):
            waiting.cancel()
            raise Unusable("timeout") from None
        finally:
            self.waiting.discard(waiting)

    def close(self) -> None:
        """Give up every call: a process that stops does not wait for a model."""
        for each in tuple(self.waiting):
            each.cancel()

    async def answer(self, context: str, spend: Callable[[], bool]) -> list[Bullet]:
        """Ask once, and where that fails once more."""
        failure: Failure = "unavailable"
        for attempt in range(ATTEMPTS):
            if attempt:
                await asyncio.sleep(self.limits.pause)
            if not await asyncio.to_thread(spend):
                raise Unusable("budget")
            found = await self.call((await asyncio.to_thread(library)).acompletion, context)
            if isinstance(found, list):
                return found
            failure, again = found
            logger.warning("the language model failed: %s", failure)
            if not again:
                break
        raise Unusable(failure)

    async def call(self, complete: Any, context: str) -> list[Bullet] | tuple[Failure, bool]:
        """One call: the bullets, or why there are none and whether another try may help."""
        calling = asyncio.ensure_future(
            complete(
                model=self.name,
                messages=messages(context),
                response_format=RESPONSE_FORMAT,
                temperature=0,
                max_tokens=MOST_ANSWERED,
                timeout=self.limits.call,
                num_retries=0,
                max_retries=0,
                drop_params=True,
            )
        )
        try:
            done, _ = await asyncio.wait((calling,), timeout=self.limits.call)
        finally:
            calling.cancel()
        if not done:
            return "timeout", True
        # Whatever a provider's client raises is a failed call; its words may hold the request.
        error = calling.exception()
        if error is not None:
            return "unavailable", getattr(error, "status_code", None) not in FINAL
        try:
            message = calling.result().choices[0].message
            content, refusal = message.content, getattr(message, "refusal", None)
        except (AttributeError, IndexError, KeyError, TypeError):
            # A reply of another shape than the providers': without choices, or without a message in one.
            return "malformed", True
        if not isinstance(content, str) or refusal:
            return "refused", True
        bullets = read(content)
        return ("malformed", True) if bullets is None else bullets


async def bounded(work: Coroutine[Any, Any, Outcome], seconds: float) -> Outcome:
    async with asyncio.timeout(seconds):
        return await work


@lru_cache(maxsize=1)
def event_loop() -> asyncio.AbstractEventLoop:
    """The process's loop for calls to models, in a thread that ends with the process."""
    loop = asyncio.new_event_loop()
    Thread(target=loop.run_forever, name="language-model", daemon=True).start()
    return loop


@lru_cache(maxsize=1)
def library() -> Any:
    """litellm, without what it does of its own accord: it takes seconds to import."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    import litellm

    found: Any = litellm
    found.suppress_debug_info = True
    for name in LOGGERS:
        # Its messages may hold requests and keys.
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return found
