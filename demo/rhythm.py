"""The patterns of a shop's numbers: chance, week, year, growth, and spells of a few days.

Each depends only on a date and a stream key, not on the day before. So a longer history has the same rows as a shorter
one on the days that both have.
"""

import math
from datetime import date, timedelta
from functools import lru_cache
from random import Random

ANCHOR = date(2025, 1, 1)

WEEK = (1.09, 1.06, 1.04, 1.03, 0.99, 0.85, 0.94)
HOLIDAYS = {(12, 24): 0.8, (12, 25): 0.62, (12, 26): 0.85, (12, 31): 0.82, (1, 1): 0.74, (7, 4): 0.8}


def seed_random(stream: str, position: int) -> Random:
    """Return a stream's generator at a position: a day's ordinal, a block's number or a year."""
    return Random(f"{stream}/{position}")


def draw_factor(chance: Random, size: float) -> float:
    """Draw a positive factor around 1 with the relative spread `size`."""
    return math.exp(chance.gauss(0.0, size))


def compute_weekday_factor(day: date) -> float:
    """Return the weekday's factor, 1 on average; highest on Monday, lowest on Saturday."""
    return WEEK[day.weekday()]


def compute_trend(day: date, yearly: float) -> float:
    """Return the growth factor at `yearly` (0.1 is 10 %) a year, 1 on the first day of 2025."""
    return math.pow(1.0 + yearly, (day - ANCHOR).days / 365.25)


def compute_season(day: date) -> float:
    """Return the season's factor: low in summer, a peak around Black Friday, low on holidays."""
    turn = 2 * math.pi * (day.timetuple().tm_yday - 340) / 365.25
    wave = 1.0 + 0.07 * math.cos(turn) + 0.02 * math.cos(2 * turn)
    from_peak = (day - find_black_friday(day.year)).days - 1
    peak = 0.35 * math.exp(-((from_peak / 2.5) ** 2))
    return (wave + peak) * HOLIDAYS.get((day.month, day.day), 1.0)


@lru_cache(maxsize=64)
def find_black_friday(year: int) -> date:
    """Return the day after the fourth Thursday of November."""
    first = date(year, 11, 1)
    return first + timedelta(days=(3 - first.weekday()) % 7 + 22)


def compute_drift(stream: str, day: date, *, every: int, size: float) -> float:
    """Return a factor around 1 that changes smoothly, with a new direction every `every` days."""
    block, offset = divmod(day.toordinal(), every)
    ease = (1 - math.cos(math.pi * offset / every)) / 2
    return math.exp(size * (_draw_knot(stream, block) * (1 - ease) + _draw_knot(stream, block + 1) * ease))


@lru_cache(maxsize=8192)
def _draw_knot(stream: str, block: int) -> float:
    return seed_random(stream, block).gauss(0.0, 1.0)


@lru_cache(maxsize=8192)
def find_spell(stream: str, block: int, *, every: int, longest: int) -> tuple[date, date]:
    """Return the first and last day of a block's spell; it lasts 1 to `longest` of `every` days."""
    chance = seed_random(stream, block)
    length = chance.randint(1, longest)
    first = block * every + chance.randrange(every - length + 1)
    return date.fromordinal(first), date.fromordinal(first + length - 1)


def is_in_spell(stream: str, day: date, *, every: int, longest: int) -> bool:
    """Whether the day is in its block's spell."""
    first, last = find_spell(stream, day.toordinal() // every, every=every, longest=longest)
    return first <= day <= last
