"""What is told: bullets by group, from the language model where it can be trusted, or else from the rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import BoundedSemaphore, Lock
from time import monotonic
from typing import Any, Literal

from cachetools import TTLCache

from engine.answer.cache import Cache, CacheKey, Rows, hash_text
from insights.context import context
from insights.gathering import Gathered
from insights.ground import Ground
from insights.grounding import grounded
from insights.model import Failure, LanguageModel, Unusable
from insights.prompt import INSTRUCTIONS
from insights.speaking import Bullet, grouped, speak

Author = Literal["llm", "rules"]

# Of the model's bullets, if the rules have as many; with fewer the rules speak.
FEWEST = 2
# Of those who wait for the model at a time: each holds a thread that requests for widgets need too.
MOST_WAITING = 8
# Seconds. An answer is kept by all that it was made from, so that age alone does not make it wrong.
KEPT = 3_600
# Seconds. So long the rules speak at once where the model has just failed at the very same.
FAILED = 60
MOST_FAILED = 1_000
# Failures that are over as soon as somebody else is done, or known without asking.
PASSING: frozenset[Failure] = frozenset(("busy", "budget"))


@dataclass(frozen=True, slots=True)
class Told:
    """The bullets, the most important first, and who wrote them.

    `dropped` counts the model's bullets that the facts do not bear out, by reason; `fallback` tells why the rules speak
    although there is a model. `cached` where no model had to be asked.
    """

    bullets: list[Bullet]
    author: Author = "rules"
    dropped: Mapping[str, int] = field(default_factory=dict)
    fallback: Failure | Literal["ungrounded"] | None = None
    cached: bool = True


class Ungrounded(Exception):
    """Too few of the model's bullets are borne out."""

    def __init__(self, dropped: Mapping[str, int]) -> None:
        self.dropped = dropped
        super().__init__(", ".join(dropped))


class Teller:
    """Tells what is gathered. Thread-safe."""

    def __init__(
        self, model: LanguageModel | None = None, cache: Cache | None = None, *, clock: Callable[[], float] = monotonic
    ) -> None:
        """`cache` is that of the scans: answers of the model are kept beside them."""
        self.model = model
        self.failed: TTLCache[CacheKey, Unusable | Ungrounded] = TTLCache(MOST_FAILED, ttl=FAILED, timer=clock)
        self.lock = Lock()
        self.cache = None if cache is None else Cache(cache.store, ttl=KEPT)
        self.places = BoundedSemaphore(MOST_WAITING)

    def close(self) -> None:
        """Whoever waits for the model is told what the rules say."""
        if self.model is not None:
            self.model.close()

    def tell(self, gathered: Gathered, *, spend: Callable[[], bool], late: bool = False) -> Told:
        """The bullets. `spend` is asked before each call to the model: it tells whether one more is within the budget.

        What the model says and the facts bear out, if that is enough; or else what the rules say. When it is `late`
        already the model is not asked.
        """
        spoken = speak(gathered.insights, gathered.findings, gathered.span)
        if self.model is None or not gathered.facts or gathered.asker.offline:
            return Told(spoken)
        fewest = max(1, min(FEWEST, len(spoken)))
        try:
            return self.in_turn(self.model, gathered, fewest, spend, late=late)
        except Unusable as unusable:
            return Told(spoken, fallback=unusable.failure, cached=False)
        except Ungrounded as ungrounded:
            return Told(spoken, dropped=ungrounded.dropped, fallback="ungrounded", cached=False)

    def in_turn(
        self, model: LanguageModel, gathered: Gathered, fewest: int, spend: Callable[[], bool], *, late: bool
    ) -> Told:
        """What the model says, while there is a place to wait for it, or said before. Raises Unusable, Ungrounded."""
        told = context(gathered)
        asked = key(model, gathered, told)
        with self.lock:
            failed = self.failed.get(asked)
        if failed is not None:
            raise failed
        if not late and self.places.acquire(blocking=False):
            try:
                return self.kept(model, gathered, told, fewest, spend)
            except (Unusable, Ungrounded) as failure:
                if not (isinstance(failure, Unusable) and failure.failure in PASSING):
                    with self.lock:
                        self.failed[asked] = failure
                raise
            finally:
                self.places.release()
        found = None if self.cache is None else self.cache.get_stale(asked)
        if found is None:
            raise Unusable("busy")
        return by_model(found.rows, cached=True)

    def kept(self, model: LanguageModel, gathered: Gathered, told: str, fewest: int, spend: Callable[[], bool]) -> Told:
        """What the model says, or said before of the very same. Raises Unusable, Ungrounded."""

        def ask() -> Rows:
            bullets, dropped = grounded(model.ask(told, spend=spend), Ground(gathered))
            if len(bullets) < fewest:
                raise Ungrounded(dropped)
            return [
                *(("bullet", each.group, each.text) for each in bullets[: gathered.insights.most]),
                *(("dropped", reason, count) for reason, count in dropped.items()),
            ]

        if self.cache is None:
            return by_model(ask(), cached=False)
        found = self.cache.get_or_fetch(key(model, gathered, told), ask)
        return by_model(found.rows, cached=found.is_cached)


def by_model(rows: Rows, *, cached: bool) -> Told:
    """What the model said, from the rows that it is kept as."""
    return Told(
        [Bullet(group, text) for kind, group, text in rows if kind == "bullet"],
        "llm",
        {reason: count for kind, reason, count in rows if kind == "dropped"},
        cached=cached,
    )


def key(model: LanguageModel, gathered: Gathered, told: str) -> CacheKey:
    """All that the model's answer depends on: whose it is, and every word that the model is told."""
    return CacheKey(
        tenant=gathered.asker.tenant,
        dialect="insights",
        catalog=gathered.catalog,
        statement=hash_text("\0".join((model.name, INSTRUCTIONS, gathered.span.compare.value, told))),
        days=(gathered.span.window,),
        data_version=gathered.asker.data_version,
    )


def body(gathered: Gathered, told: Told) -> dict[str, Any]:
    """The body of GET /v1/insights."""
    window = gathered.span.window
    meta: dict[str, Any] = {
        "generated_by": told.author,
        "dropped": dict(told.dropped),
        "start": window.start.isoformat(),
        "end": window.end.isoformat(),
        "compare": gathered.span.compare.value,
        "sources": sorted(gathered.active),
    }
    if told.fallback is not None:
        meta["fallback"] = told.fallback
    if gathered.stale_seconds is not None:
        meta["stale"] = True
    return {"items": grouped(told.bullets), "meta": meta}
