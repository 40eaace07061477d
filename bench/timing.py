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


def time_side_by_side(
    subjects: dict[str, Subject], *, calls: int, rounds: int = 5, clock: Callable[[], float] = time.perf_counter
) -> dict[str, Timing]:
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
                began = clock()
                subject(turn * calls + number)
                samples[name].append(clock() - began)
    gc.unfreeze()
    return {
        name: Timing(statistics.median(seconds), statistics.quantiles(seconds, n=20)[-1])
        for name, seconds in samples.items()
    }


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times as long one subject takes as another: the median of the rounds, the least and the greatest."""

    median: float
    least: float
    most: float

    def __str__(self) -> str:
        return f"{self.median:5.2f} ({self.least:.2f} to {self.most:.2f})"


def measure_ratio(subject: Subject, base: Subject, *, calls: int, rounds: int = 7) -> tuple[Timing, Timing, Ratio]:
    """Time two subjects side by side, a few calls at a time; each round has a ratio of their medians."""
    names = ("base", "subject")
    subjects = dict(zip(names, (base, subject), strict=True))
    timings = [time_side_by_side(subjects, calls=5, rounds=calls // 5) for _ in range(rounds)]
    ratios = [each["subject"].median / each["base"].median for each in timings]
    middle = [
        Timing(statistics.median(each[name].median for each in timings), max(each[name].slow for each in timings))
        for name in names
    ]
    return middle[0], middle[1], Ratio(statistics.median(ratios), min(ratios), max(ratios))
