"""Timing side by side: subjects run in turns, so that load on the machine affects all."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

Subject = Callable[[int], object]


@dataclass(frozen=True, slots=True)
class Timing:
    """The seconds of a call: the median and the 95th percentile."""

    median: float
    slow: float

    def __str__(self) -> str:
        return f"{self.median * 1e6:8.1f} µs (p95 {self.slow * 1e6:.1f})"


def time_side_by_side(subjects: dict[str, Subject], *, calls: int, rounds: int = 5) -> dict[str, Timing]:
    """Time each subject `calls` times a round, in turns; a subject gets the number of the call."""
    samples: dict[str, list[float]] = {name: [] for name in subjects}
    for subject in subjects.values():
        for number in range(min(calls, 50)):
            subject(number)
    gc.collect()
    gc.freeze()
    for turn in range(rounds):
        for name, subject in subjects.items():
            for number in range(calls):
                began = time.perf_counter()
                subject(turn * calls + number)
                samples[name].append(time.perf_counter() - began)
    gc.unfreeze()
    return {
        name: Timing(statistics.median(seconds), statistics.quantiles(seconds, n=20)[-1])
        for name, seconds in samples.items()
    }
