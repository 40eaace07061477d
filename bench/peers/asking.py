"""What every peer does alike: it takes rounds of questions as lines of JSON, times them, and answers with lines.

It runs in the peers' own environments, so that it imports nothing but the standard library.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

# The sessions of a tenant by day, from the first day to the last.
ReadDays = Callable[[str, date, date], Iterable[tuple[date, Any]]]


@dataclass(frozen=True, slots=True)
class AskedWindow:
    """The window that is asked for; it is compared with the one before it."""

    start: date
    end: date

    @property
    def before(self) -> date:
        return self.start - (self.end - self.start) - timedelta(days=1)


@dataclass(frozen=True, slots=True)
class PeriodAnswer:
    """A widget's answer: the points of both windows, their totals, and the change between these."""

    points: list[int]
    compared: list[int]
    value: int
    previous: int
    delta: float | None


Answer = Callable[[str, AskedWindow], PeriodAnswer]


def answer_by_days(read_days: ReadDays) -> Answer:
    """Answer from one query by day over both windows, which is the least that any of the peers needs."""

    def answer(tenant: str, window: AskedWindow) -> PeriodAnswer:
        found = dict(read_days(tenant, window.before, window.end))
        points = [int(found.get(day, 0)) for day in iter_days(window.start, window.end)]
        compared = [int(found.get(day, 0)) for day in iter_days(window.before, window.start - timedelta(days=1))]
        value, previous = sum(points), sum(compared)
        return PeriodAnswer(points, compared, value, previous, (value - previous) / previous if previous else None)

    return answer


def iter_days(first: date, last: date) -> Iterable[date]:
    return (first + timedelta(days=offset) for offset in range((last - first).days + 1))


def answer_rounds(answer: Answer) -> None:
    """Answer the rounds of standard input until it ends: the seconds of each question, and the answers."""
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        window = AskedWindow(*map(date.fromisoformat, asked["window"]))
        seconds, answers = [], []
        for tenant in asked["tenants"]:
            began = time.perf_counter()
            found = answer(tenant, window)
            seconds.append(time.perf_counter() - began)
            answers.append(asdict(found))
        print(json.dumps({"seconds": seconds, "answers": answers}), flush=True)
