"""What is told: bullets by group, from the language model where it can be trusted, or else from the rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from metric_engine.insights.gathering import Gathered
from metric_engine.insights.speaking import Bullet, grouped, speak

Author = Literal["llm", "rules"]


@dataclass(frozen=True, slots=True)
class Told:
    """The bullets, the most important first, and who wrote them; `dropped` counts the model's that failed, by reason.

    `cached` where no model had to be asked for it.
    """

    bullets: list[Bullet]
    author: Author = "rules"
    dropped: Mapping[str, int] = field(default_factory=dict)
    cached: bool = True


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
    if gathered.stale_seconds is not None:
        meta["stale"] = True
    return {"items": grouped(told.bullets), "meta": meta}


def by_rules(gathered: Gathered) -> Told:
    return Told(speak(gathered.insights, gathered.findings, gathered.span))
