"""Data gaps: since when a metric, or one of several accounts, has no rows, or has them only since it was connected."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from engine import Body
from insights.config.rules import Observation
from insights.facts import Answers, Finding, Span

# The latest days may come late: so many must be missing before it is silence.
FEWEST = 3
# How many of the days before it are looked at, and how many it takes.
BEFORE, FEWEST_BEFORE = 28, 5
# So unlikely it must be that chance left out so many days in a row, as often as it did the others.
UNLIKELY = 0.001
REST = "Other"

# Each day in order, and whether it has rows.
DaysThere = Sequence[tuple[date, bool]]


class Gap(NamedTuple):
    """The first day of a silence, or of an account's data."""

    since: date
    state: str = "silent"


def find_data_gap(observation: Observation, answers: Answers, span: Span) -> Finding | None:
    """One account among several that fell silent, or that was connected later, makes every total of its source unfair:
    of the source nothing else is told, and that only where it is known since when.
    """
    metric, accounts = observation.metrics[0], observation.accounts
    # Of what came after a window that ends sooner nobody has asked.
    is_recent = span.window.end >= span.today - timedelta(days=1)
    gap = find_end(list_days(answers[metric.key], span.is_adjacent)[-1]) if is_recent else None
    count, silences = 0, False
    if gap is None and accounts is not None:
        spans = list_accounts(answers[accounts.key], span.is_adjacent)
        count = len(spans[-1])
        gaps = [[each for track in tracks for each in (find_end(track), find_start(track)) if each] for tracks in spans]
        came_or_went = any(
            len({any(there for _, there in days) for days in own}) > 1 for own in zip(*spans, strict=True)
        )
        silences = count > 1 and (came_or_went or any(gaps))
        told = [each for each in gaps[-1] if (is_recent if each.state == "silent" else span.is_adjacent)]
        gap = max(told, default=None, key=lambda each: each.since) if count > 1 else None
    if gap is None and not silences:
        return None
    view = {"title": metric.title, "since": "", "state": "silent", "accounts": None}
    if gap is not None:
        view |= {"since": span.language.write_day(gap.since), "state": gap.state}
    if count:
        view["accounts"] = span.language.write_number(count)
    return Finding(observation=observation, view=view, notable=gap is not None, strength=1.0, silences=silences)


def find_end(days: DaysThere) -> Gap | None:
    """Since when nothing has come. Weekdays that had no rows before, such as a shop's Sundays, are not missed."""
    last = max((day for day, there in days if there), default=None)
    if last is None:
        return None
    before = [(day, there) for day, there in days if day <= last][-BEFORE:]
    weekdays = {day.weekday() for day, there in before if there}
    missed = [day for day, _ in days if day > last and day.weekday() in weekdays]
    return Gap(missed[0]) if is_unlikely(len(missed), before) else None


def find_start(days: DaysThere) -> Gap | None:
    """Since when an account has data, of which it had none in the days before."""
    first = min((day for day, there in days if there), default=None)
    if first is None:
        return None
    after = [(day, there) for day, there in days if day >= first][:BEFORE]
    weekdays = {day.weekday() for day, there in after if there}
    lacked = [day for day, _ in days if day < first and day.weekday() in weekdays]
    return Gap(first, "begun") if is_unlikely(len(lacked), after) else None


def is_unlikely(missed: int, days: DaysThere) -> bool:
    """Whether so many days in a row are missed by more than chance, judged by the other days.

    Weekdays that never had any data are not counted among these.
    """
    weekdays = {day.weekday() for day, there in days if there}
    usual = [there for day, there in days if day.weekday() in weekdays]
    if missed < FEWEST or len(usual) < FEWEST_BEFORE:
        return False
    return ((usual.count(False) + 1) / (len(usual) + 2)) ** missed <= UNLIKELY


def has_rows(value: float | None) -> bool:
    return value is not None


def list_days(
    body: Body, is_adjacent: bool, index: int = 0, is_there: Callable[[float | None], bool] = has_rows
) -> list[DaysThere]:
    """The days of a series in the compared and in the asked window, as one list where these are adjacent."""
    compared = body.get("comparison", {}).get("series") or ()
    windows = [
        [(date.fromisoformat(point["t"]), is_there(point["v"])) for each in series for point in each["points"]]
        for series in (compared[index : index + 1], body["series"][index : index + 1])
    ]
    return [[*windows[0], *windows[1]]] if is_adjacent or not windows[0] else [*windows]


def list_accounts(body: Body, is_adjacent: bool) -> list[list[DaysThere]]:
    """The days of each account; those aside on which none of them has data: these are the source's own."""
    names = [series["name"] for series in body["series"]]
    accounts = [list_days(body, is_adjacent, index, bool) for index, name in enumerate(names) if name != REST]
    found: list[list[DaysThere]] = []
    for tracks in zip(*accounts, strict=True):
        there = {day for track in tracks for day, has in track if has}
        found.append([[(day, has) for day, has in track if day in there] for track in tracks])
    return found or [[]]
