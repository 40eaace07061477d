"""The door to a language model: litellm, imported on first use, on an event loop of its own.

A call is given up, and its connection closed, when its time is over, however slowly bytes still come.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Future
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import Any, Literal, get_args

from pydantic import BaseModel, Field, ValidationError

from engine import InvalidSetting, install_command
from insights.claims import Bullet
from insights.config.definitions import Group

Failure = Literal["budget", "busy", "timeout", "unavailable", "refused", "malformed", "ungrounded"]

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

MOST_READ = 20_000
FENCE = re.compile(r"\s*```(?:json)?\s*\n(.*?)\n?\s*```\s*", re.DOTALL)

logger = logging.getLogger("metric_engine.insights.llm")


class Unusable(Exception):
    """The model gave nothing usable: why, whether to try `again`, and how many bullets were `dropped`, by reason."""

    def __init__(self, failure: Failure, *, again: bool = False, dropped: Mapping[str, int] | None = None) -> None:
        self.failure, self.again, self.dropped = failure, again, dropped or {}
        super().__init__(failure)


class LanguageModel:
    """A model by litellm's name, such as `anthropic/…`; its key comes from the environment. Thread-safe."""

    def __init__(self, name: str, *, call: float = 10.0, whole: float = 22.0, pause: float = 0.5) -> None:
        """Seconds are for one call, for all that one question takes, and until a call is tried again.

        Raises InvalidSetting where litellm is not installed.
        """
        if find_spec("litellm") is None:
            raise InvalidSetting(f"LLM_MODEL is set and litellm is missing: {install_command('llm')}")
        self.name, self.call, self.whole, self.pause = name, call, whole, pause
        self.waiting: set[Future[list[Bullet]]] = set()
        self.is_closed = False

    def ask(self, context: str, *, spend: Callable[[], bool]) -> list[Bullet]:
        """The model's bullets, unchecked; `spend` allows each call. Raises Unusable, in its time and a moment."""
        if self.is_closed:
            raise Unusable("unavailable")
        answer = asyncio.wait_for(self._answer(context, spend), self.whole)
        waiting = asyncio.run_coroutine_threadsafe(answer, event_loop())
        self.waiting.add(waiting)
        try:
            return waiting.result(self.whole + 1)
        except CancelledError:
            raise Unusable("unavailable") from None
        except TimeoutError:
            waiting.cancel()
            raise Unusable("timeout") from None
        finally:
            self.waiting.discard(waiting)

    def close(self) -> None:
        """Give up every call, and make no other: a process that stops does not wait for a model."""
        self.is_closed = True
        for each in tuple(self.waiting):
            each.cancel()

    async def _answer(self, context: str, spend: Callable[[], bool]) -> list[Bullet]:
        for is_last in (False, True):
            if not await asyncio.to_thread(spend):
                raise Unusable("budget")
            try:
                return await self._call(context)
            except Unusable as unusable:
                logger.warning("the language model failed: %s", unusable.failure)
                if not unusable.again or is_last:
                    raise
            await asyncio.sleep(self.pause)
        raise Unusable("unavailable")

    async def _call(self, context: str) -> list[Bullet]:
        litellm = await asyncio.to_thread(import_litellm)
        calling = asyncio.ensure_future(
            litellm.acompletion(
                model=self.name,
                messages=[{"role": "system", "content": read_instructions()}, {"role": "user", "content": context}],
                response_format=ModelReply if litellm.supports_response_schema(self.name) else None,
                temperature=0,
                max_tokens=MOST_ANSWERED,
                timeout=self.call,
                num_retries=0,
                max_retries=0,
                drop_params=True,
            )
        )
        try:
            done, _ = await asyncio.wait((calling,), timeout=self.call)
        finally:
            calling.cancel()
        if not done:
            raise Unusable("timeout", again=True)
        # Whatever a provider's client raises is a failed call; its words may hold the request.
        if (error := calling.exception()) is not None:
            raise Unusable("unavailable", again=getattr(error, "status_code", None) not in FINAL)
        try:
            message = calling.result().choices[0].message
            content, refusal = message.content, getattr(message, "refusal", None)
        except (AttributeError, IndexError, KeyError, TypeError):
            raise Unusable("malformed", again=True) from None
        if not isinstance(content, str) or refusal:
            raise Unusable("refused", again=True)
        return read_answer(content)


@lru_cache(maxsize=1)
def event_loop() -> asyncio.AbstractEventLoop:
    """The process's loop for calls to models, in a thread that ends with the process."""
    loop = asyncio.new_event_loop()
    Thread(target=loop.run_forever, name="language-model", daemon=True).start()
    return loop


@lru_cache(maxsize=1)
def import_litellm() -> Any:
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    import litellm

    found: Any = litellm
    found.suppress_debug_info = True
    for name in LOGGERS:
        # Its messages may hold requests and keys.
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return found


@lru_cache(maxsize=1)
def read_instructions() -> str:
    return Path(__file__).with_name("instructions.txt").read_text(encoding="utf-8").strip()


class GroupReply(BaseModel):
    group: str = Field(json_schema_extra={"enum": [*get_args(Group)]})
    bullets: list[str]


class ModelReply(BaseModel):
    items: list[GroupReply]


def read_answer(answer: str) -> list[Bullet]:
    """The bullets of an answer, whatever they say. Raises Unusable where it is not what was asked for."""
    fenced = FENCE.fullmatch(answer[:MOST_READ])
    try:
        reply = ModelReply.model_validate_json(fenced[1] if fenced else answer[:MOST_READ])
    except ValidationError:
        raise Unusable("malformed", again=True) from None
    return [Bullet(item.group, bullet) for item in reply.items for bullet in item.bullets]
