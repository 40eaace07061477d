"""How far a widget's data is known within a request's windows, and what is to be known of these days."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

from engine.answer.extent import AccountReads, Extent, iter_ended_accounts
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


class Freshness(NamedTuple):
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
    found = find_window_freshness(metric, period, active, tuple([get_extent(table) for table in tables]))
    window, to_date = period.current.window, found.through
    if to_date is not None and reads:
        ended = iter_ended_accounts(tables, reads, window, "late")
        to_date = min((to_date, *(day for *_, day in ended if day >= window.start)))
    is_unfinished = to_date is not None and to_date < window.end and period.compare is not Compare.OFF
    return found._replace(to_date=to_date) if is_unfinished else found


@lru_cache(maxsize=1_024)
def find_window_freshness(
    metric: Metric, period: Period, active: frozenset[str], extents: tuple[Extent | None, ...]
) -> Freshness:
    """Find what the extents of a metric's tables, in their order, tell of both windows, whatever accounts are late."""
    tables = metric.list_tables(active)
    get_extent = dict(zip(tables, extents, strict=True)).__getitem__
    throughs = [
        find_common_through(list_counted_extents(metric, each, active, get_extent, extents), each)
        for each in period.windows
    ]
    provisional = [
        day
        for table, extent in zip(tables, extents, strict=True)
        if (day := find_provisional_day(table.restates, extent, period.current.window)) is not None
    ]
    return Freshness(
        through=throughs[0],
        compared_through=throughs[1] if len(throughs) > 1 else None,
        provisional=min(provisional, default=None),
    )


def list_counted_extents(
    metric: Metric,
    window: Window,
    active: frozenset[str],
    get_extent: GetExtent,
    extents: Sequence[Extent | None],
) -> Sequence[Extent | None]:
    """List those of a metric's extents that decide how far a window is known."""
    if not metric.has_optional_parts:
        return extents
    return [get_extent(table) for table in metric.list_counted_tables(active, make_known_test(get_extent, window))]


def make_known_test(get_extent: GetExtent, window: Window) -> Callable[[Table], bool]:
    """Return a test whether some days of a window are known of a table."""

    def is_known(table: Table) -> bool:
        extent = get_extent(table)
        return extent is not None and extent.find_last_day(window) is not None

    return is_known


def find_common_through(extents: Sequence[Extent | None], window: Window) -> date | None:
    """Return the last day of the window that all extents know; None where one of them knows none."""
    days = [day for each in extents if each is not None and (day := each.find_last_day(window)) is not None]
    return min(days) if days and len(days) == len(extents) else None


def find_provisional_day(restates: int | None, extent: Extent | None, window: Window) -> date | None:
    """Return the first day of the window that the table's source may still restate; None without one."""
    if restates is None or extent is None or (last := extent.find_last_day(window)) is None:
        return None
    day = max(window.start, extent.through - timedelta(days=restates - 1))
    return day if day <= last else None


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
    found += [note for note in notes if note.table in names and any(map(note.days.overlaps, period.windows))]
    return sorted(found, key=lambda note: (note.source, note.account, note.days.start, note.code))
