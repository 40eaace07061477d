"""What is told: bullets by group, arranged by the language model where it answers well, or else by the rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import BoundedSemaphore, Lock
from time import monotonic
from typing import Literal

from cachetools import TTLCache

from engine import Cache, CacheKey, Rows, hash_text
from insights.claims import Bullet, render_rules, write_bullets, write_clauses
from insights.collect_facts import CollectedFacts
from insights.llm import Failure, LanguageModel, Unusable, read_instructions
from insights.offer import Offer

Author = Literal["llm", "rules"]

# Of the model's bullets where others were dropped, if the rules have as many; with fewer the rules speak.
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
class Narration:
    """The bullets, who arranged them, how many of the model's were `dropped`, and why the rules speak in its place."""

    bullets: list[Bullet]
    author: Author = "rules"
    dropped: Mapping[str, int] = field(default_factory=dict)
    fallback: Failure | None = None
    cached: bool = True


class Narrator:
    """Tells what was collected. Thread-safe."""

    def __init__(
        self, model: LanguageModel | None = None, cache: Cache | None = None, *, clock: Callable[[], float] = monotonic
    ) -> None:
        """`cache` is that of the scans: answers of the model are kept beside them."""
        self.model = model
        self.failed: TTLCache[CacheKey, Unusable] = TTLCache(MOST_FAILED, ttl=FAILED, timer=clock)
        self.lock = Lock()
        self.cache = None if cache is None else Cache(cache.store, ttl=KEPT)
        self.places = BoundedSemaphore(MOST_WAITING)

    def close(self) -> None:
        if self.model is not None:
            self.model.close()

    def narrate(self, facts: CollectedFacts, *, spend: Callable[[], bool], late: bool = False) -> Narration:
        """The model's bullets, if it is not `late` and enough are well-formed, or the rules'; `spend` allows a call."""
        clauses = write_clauses(facts)
        spoken, model = render_rules(clauses, facts), self.model
        if model is None or not clauses or facts.asker.offline:
            return Narration(spoken)
        offer, fewest = Offer(facts, clauses), max(1, min(FEWEST, len(spoken)))
        try:
            return self._ask_in_turn(make_key(model, offer), lambda: ask_model(model, offer, fewest, spend), late=late)
        except Unusable as unusable:
            return Narration(spoken, dropped=unusable.dropped, fallback=unusable.failure, cached=False)

    def _ask_in_turn(self, key: CacheKey, fetch: Callable[[], Rows], *, late: bool) -> Narration:
        """What the model says, while there is a place to wait for it, or said before. Raises Unusable."""
        with self.lock:
            failed = self.failed.get(key)
        if failed is not None:
            raise failed
        if late or not self.places.acquire(blocking=False):
            kept = None if self.cache is None else self.cache.get_stale(key)
            if kept is None:
                raise Unusable("busy")
            return read_narration(kept.rows, cached=True)
        try:
            if self.cache is None:
                return read_narration(fetch(), cached=False)
            read = self.cache.get_or_fetch(key, fetch)
            return read_narration(read.rows, cached=read.is_cached)
        except Unusable as unusable:
            if unusable.failure not in PASSING:
                with self.lock:
                    self.failed[key] = unusable
            raise
        finally:
            self.places.release()


def make_key(model: LanguageModel, offer: Offer) -> CacheKey:
    """All that the model's answer depends on: whose it is, and every word."""
    span, asker = offer.facts.span, offer.facts.asker
    return CacheKey(
        tenant=asker.tenant,
        dialect="insights",
        catalog=offer.facts.catalog,
        statement=hash_text("\0".join((model.name, read_instructions(), span.compare.value, offer.text))),
        days=tuple(each for each in (span.window, span.compared) if each is not None),
        data_version=asker.data_version,
    )


def ask_model(model: LanguageModel, offer: Offer, fewest: int, spend: Callable[[], bool]) -> Rows:
    arrangements, dropped = offer.read_bullets(model.ask(offer.text, spend=spend))
    if len(arrangements) < (fewest if dropped else 1):
        raise Unusable("ungrounded", dropped=dropped)
    bullets = write_bullets(arrangements[: offer.facts.insights.most], offer.facts.span)
    return [*(("bullet", *each) for each in bullets), *(("dropped", *each) for each in dropped.items())]


def read_narration(rows: Rows, *, cached: bool) -> Narration:
    bullets = [Bullet(group, text) for kind, group, text in rows if kind == "bullet"]
    return Narration(
        bullets, "llm", {reason: count for kind, reason, count in rows if kind == "dropped"}, cached=cached
    )
