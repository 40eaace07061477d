"""How far a widget's data is known within a request's windows, and what is to be known of these days."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from engine.answer.extent import AccountReads, Extent, intersect_windows, iter_ended_accounts
from engine.calendar import DAY, Compare, Period, Window
from engine.catalog.metrics import Metric
from engine.tables import Table

GetExtent = Callable[[Table], Extent | None]


@dataclass(frozen=True, slots=True)
class DataNote:
    """What is to be known of an account's rows in one table on some days, such as `late` or `sampled`."""

    code: str
    source: str
    account: str
    table: str
    days: Window


@dataclass(frozen=True, slots=True)
class Freshness:
    """The days up to which a widget's data is known in both windows, and from which it may change.

    `to_date` is the day up to which unfinished windows are compared; None where they are finished.
    """

    through: date | None = None
    compared_through: date | None = None
    provisional: date | None = None
    to_date: date | None = None


def find_freshness(
    metric: Metric, period: Period, active: frozenset[str], get_extent: GetExtent, reads: AccountReads
) -> Freshness:
    """Find how far the data of a metric is known, by its tables whose sources are `active`."""
    tables = metric.list_tables(active)
    window = period.current.window
    counted = [tables for _ in period.windows]
    if metric.has_optional_parts:
        tests = [make_known_test(get_extent, each) for each in period.windows]
        counted = [metric.list_counted_tables(active, is_known) for is_known in tests]
    late = None
    if reads:
        ended = iter_ended_accounts(tables, reads, window, "late")
        late = min((day for *_, day in ended if day >= window.start), default=None)
    return combine_extents(
        tuple((table.restates, get_extent(table)) for table in tables),
        tuple(tuple(map(get_extent, each)) for each in counted),
        period,
        late,
    )


def make_known_test(get_extent: GetExtent, window: Window) -> Callable[[Table], bool]:
    """Return a test whether some days of a window are known of a table."""

    def is_known(table: Table) -> bool:
        extent = get_extent(table)
        return extent is not None and extent.intersect(window) is not None

    return is_known


@lru_cache(maxsize=4_096)
def combine_extents(
    extents: tuple[tuple[int | None, Extent | None], ...],
    counted: tuple[tuple[Extent | None, ...], ...],
    period: Period,
    late: date | None,
) -> Freshness:
    """Combine what is known of several tables, each with how many days its source restates.

    `counted` are the extents that decide how far each window is known. `late` is the earliest last day of an account
    that is late, if it is within the window.
    """
    window = period.current.window
    through = find_common_through(counted[0], window)
    provisional = [find_provisional_day(restates, extent, window) for restates, extent in extents]
    compared = None
    if period.comparison is not None:
        compared = find_common_through(counted[1], period.comparison.window)
    to_date = None
    if period.compare is not Compare.OFF and through is not None:
        to_date = through if late is None else min(through, late)
    return Freshness(
        through=through,
        compared_through=compared,
        provisional=min((day for day in provisional if day is not None), default=None),
        to_date=None if to_date is None or to_date >= window.end else to_date,
    )


def find_common_through(extents: Sequence[Extent | None], window: Window) -> date | None:
    """Return the last day of the window that all extents know; None where one of them knows none."""
    known = [None if extent is None else extent.intersect(window) for extent in extents]
    days = [each.end for each in known if each is not None]
    return min(days) if days and len(days) == len(known) else None


def find_provisional_day(restates: int | None, extent: Extent | None, window: Window) -> date | None:
    """Return the first day of the window that the table's source may still restate; None without one."""
    if restates is None or extent is None or (known := extent.intersect(window)) is None:
        return None
    day = max(window.start, extent.through - timedelta(days=restates - 1))
    return day if day <= known.end else None


def list_notes(
    metric: Metric, period: Period, active: frozenset[str], reads: AccountReads, notes: Sequence[DataNote]
) -> list[DataNote]:
    """List what is to be known of the days of a metric's windows, in the order of source, account and day."""
    if not reads and not notes:
        return []
    tables = metric.list_tables(active)
    window = period.current.window
    first = min(each.start for each in period.windows)
    found = [
        DataNote(code, source, account, "", Window(max(day + DAY, window.start), window.end))
        for code in ("late", "disconnected")
        for source, account, day in iter_ended_accounts(tables, reads, window, code)
        # Of a disconnected account only windows tell that have days of it: the others lack nothing.
        if code == "late" or day >= first
    ]
    names = {read.name for table in tables for read in table.list_physical_tables()}
    found += [
        note
        for note in notes
        if note.table in names and any(intersect_windows(note.days, each) is not None for each in period.windows)
    ]
    return sorted(found, key=lambda note: (note.source, note.account, note.days.start, note.code))
