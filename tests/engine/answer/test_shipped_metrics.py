"""Every shipped metric against SQL written by hand, on the demo's history, for every compare and grain."""

from __future__ import annotations

import sqlite3
import statistics
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from demo.history import generate_history
from demo.tenants import EVERYTHING, GA4_ONLY, INSTAGRAM_ONLY, NO_DATA, TENANTS, TWO_CURRENCIES, DemoTenant
from engine.answer.engine import Engine
from engine.files.metric_tests import META_NAMES
from engine.warehouse.warehouse import Warehouse
from tests.conftest import EveryNth
from tests.support.hand_written import COMBINED, TABLES, WRITTEN, HandWrittenBreakdown, HandWrittenMetric
from tests.support.oracle.differences import collect_differences as differences
from tests.support.oracle.windows import (
    OracleBucket,
    OracleWindow,
    get_compared_window,
    get_days_opposite,
    list_buckets,
    list_compared_buckets,
)
from tests.support.shipped import load_shipped_catalog
from tests.support.worlds import EVERY_SOURCE, Body, query_engine

UNTIL = date(2024, 4, 24)
# The year before the longer window begins before the data does.
DAYS = 440
# Four weeks, from a Thursday; a quarter with a leap day, from a Friday inside a month; and a month that is not over.
WINDOWS = (
    OracleWindow(date(2024, 3, 28), UNTIL),
    OracleWindow(date(2024, 1, 26), UNTIL),
    OracleWindow(date(2024, 4, 1), date(2024, 4, 30)),
)
COMPARES = ("off", "previous_period", "previous_year", "previous_year_weekday", "previous_month")
GRAINS = ("day", "week", "month", "quarter")
KEYS = sorted((*WRITTEN, *COMBINED))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shipped") / "facts.db"


@pytest.fixture(scope="module")
def database(path: Path) -> Iterator[sqlite3.Connection]:
    """The demo's history, written with the driver alone."""
    connection = sqlite3.connect(path)
    connection.executescript(TABLES)
    for tenant in TENANTS:
        for table, listed in generate_history(tenant, until=UNTIL, days=DAYS).items():
            for row in listed:
                marks = ", ".join("?" * len(row))
                cells = [value if isinstance(value, int | float | None) else str(value) for value in row.values()]
                connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", cells)
    connection.commit()
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def engine(database: sqlite3.Connection, path: Path) -> Iterator[Engine]:
    warehouse = Warehouse(f"sqlite:///{path}")
    yield Engine(load_shipped_catalog(), warehouse)
    warehouse.close()


@dataclass(slots=True)
class ExpectedStats:
    """Totals of both windows, and of their days up to `through`, which is None where a window is finished."""

    value: float | None = None
    previous: float | None = None
    through: date | None = None
    to_date: float | None = None
    previous_to_date: float | None = None


@dataclass(slots=True)
class ExpectedLine:
    """One series; `id` is a member's, and `currency` that of its rows where it is money."""

    name: str
    key: str
    points: list[float | None]
    compared: list[float | None]
    stats: ExpectedStats
    currency: str | None = None
    id: str | None = None


@dataclass(slots=True)
class ExpectedWidget:
    """What a widget must show; without lines where nothing of it is connected."""

    lines: list[ExpectedLine] = field(default_factory=list)
    stats: ExpectedStats = field(default_factory=ExpectedStats)
    currency: str | None = None
    through: date | None = None
    compared_through: date | None = None
    provisional: date | None = None
    items: list[Body] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class HandWrittenQuery:
    """One question to one tenant's rows, answered with hand-written SQL."""

    database: sqlite3.Connection
    tenant: str
    connected: frozenset[str]
    window: OracleWindow
    compare: str
    grain: str

    @property
    def prior(self) -> OracleWindow | None:
        return get_compared_window(self.window, self.compare)

    def run_sql(self, sql: str, window: OracleWindow, **more: Any) -> list[Sequence[Any]]:
        bound = {"tenant": self.tenant, "start": str(window.start), "end": str(window.end), **more}
        return self.database.execute(sql, bound).fetchall()

    def compute_expected(self, key: str) -> ExpectedWidget:
        parts = [WRITTEN[part] for part in COMBINED.get(key, (key,)) if WRITTEN[part].source in self.connected]
        if not parts or (key == "corr.cost_per_session" and len(parts) < 2):
            return ExpectedWidget()
        through = self.find_through(parts, self.window)
        is_unfinished = self.compare != "off" and through is not None and through < self.window.end
        to_date = through if is_unfinished else None
        expected = self.combine_parts(key, [self.compute_part(written, to_date) for written in parts])
        expected.through = through
        expected.compared_through = None if self.prior is None else self.find_through(parts, self.prior)
        provisional = [day for written in parts if (day := self.find_provisional_day(written))]
        expected.provisional = min(provisional, default=None)
        return expected

    def compute_part(self, written: HandWrittenMetric, to_date: date | None) -> ExpectedWidget:
        currency = merge_currencies(self.list_currencies(written))

        def build_measure(index: int, name: str) -> ExpectedLine:
            own = currency if written.money else None
            return self.build_line(
                written, name, to_date, own, lambda window: self.run_sql(written.sql, window)[0][index]
            )

        whole = [build_measure(index, name) for index, name in enumerate(written.series)]
        return ExpectedWidget(
            lines=self.build_member_lines(written, to_date) if isinstance(written, HandWrittenBreakdown) else whole,
            stats=whole[0].stats,
            currency=currency,
            items=self.list_items(written),
        )

    def combine_parts(self, key: str, parts: Sequence[ExpectedWidget]) -> ExpectedWidget:
        if key not in COMBINED:
            return parts[0]
        lines = [line for each in parts for line in each.lines]
        currency = next((each.currency for each in parts if each.currency), None)
        if key == "corr.cost_per_session":
            lines = [divide_lines("Cost per session", key, currency, *lines)]
            return ExpectedWidget(lines, lines[0].stats, currency)
        stats = ExpectedStats(*self.correlate(key, lines)) if len(lines) == 2 else ExpectedStats()
        return ExpectedWidget(lines, stats, currency)

    def correlate(self, key: str, lines: Sequence[ExpectedLine]) -> tuple[float | None, float | None]:
        """Correlate both windows, over the buckets that neither the window nor what is known of a table cuts."""
        extents = [extent for part in COMBINED[key] if (extent := self.find_extent(WRITTEN[part]))]

        def is_whole(bucket: OracleBucket) -> bool:
            is_cut = any(each.overlaps(bucket.window) and not each.covers(bucket.window) for each in extents)
            return not bucket.is_partial and not is_cut

        first, second = lines
        return (
            correlate_points(first.points, second.points, list(map(is_whole, self.buckets))),
            correlate_points(first.compared, second.compared, list(map(is_whole, self.compared_buckets))),
        )

    @property
    def buckets(self) -> Sequence[OracleBucket]:
        return list_buckets(self.window, self.grain)

    @property
    def compared_buckets(self) -> Sequence[OracleBucket]:
        return list_compared_buckets(self.window, self.grain, self.compare)

    def find_extent(self, written: HandWrittenMetric) -> OracleWindow | None:
        """From the tenant's first row to the newest: no sync tells otherwise."""
        sql = f"SELECT MIN({written.day}), MAX({written.day}) FROM {written.table} WHERE user_id = ?"
        ((first, last),) = self.database.execute(sql, (self.tenant,)).fetchall()
        return OracleWindow(date.fromisoformat(first), date.fromisoformat(last)) if first else None

    def find_through(self, parts: Sequence[HandWrittenMetric], window: OracleWindow) -> date | None:
        """The earliest last day of the window that is known of a part; none if nothing is known of one of them."""
        known = [extent.cut(window) if (extent := self.find_extent(part)) else None for part in parts]
        days = [each.end for each in known if each is not None and each.days]
        return min(days) if len(days) == len(parts) else None

    def find_provisional_day(self, written: HandWrittenMetric) -> date | None:
        extent = self.find_extent(written)
        if extent is None or written.restates is None:
            return None
        day = max(self.window.start, extent.end - timedelta(days=written.restates - 1))
        through = self.find_through([written], self.window)
        return day if through and day <= through else None

    def list_currencies(self, written: HandWrittenMetric) -> set[str]:
        if not (written.money or written.beside_money):
            return set()
        sql = (
            f"SELECT DISTINCT currency FROM {written.table} "
            f"WHERE user_id = :tenant AND {written.day} BETWEEN :start AND :end AND currency IS NOT NULL"
        )
        windows = [window for window in (self.window, self.prior) if window is not None]
        return {currency for window in windows for (currency,) in self.run_sql(sql, window)}

    def build_line(
        self,
        written: HandWrittenMetric,
        name: str,
        to_date: date | None,
        currency: str | None,
        value_of: Callable[[OracleWindow], float | None],
        member: str | None = None,
    ) -> ExpectedLine:
        """Build a series from the value of any days; a day is known within the extent of the table."""
        extent = self.find_extent(written)

        def fill_gap(days: OracleWindow | None) -> float | None:
            if currency == "mixed" or days is None or not days.days:
                return None
            value = value_of(days)
            is_known = extent is not None and extent.overlaps(days)
            return 0 if value is None and written.additive and is_known else value

        stats = ExpectedStats(fill_gap(self.window), fill_gap(self.prior), to_date)
        if to_date is not None and self.prior is not None:
            stats.to_date = fill_gap(OracleWindow(self.window.start, to_date))
            stats.previous_to_date = fill_gap(get_days_opposite(self.window, self.prior, self.compare, to_date))
        return ExpectedLine(
            name,
            next(key for key, each in WRITTEN.items() if each is written),
            [fill_gap(bucket.window) for bucket in self.buckets],
            [fill_gap(bucket.window) for bucket in self.compared_buckets],
            stats,
            currency,
            member,
        )

    def build_member_lines(self, written: HandWrittenBreakdown, to_date: date | None) -> list[ExpectedLine]:
        prior = self.prior or self.window
        both = {"prior_start": str(prior.start), "prior_end": str(prior.end)}
        ranked = [member for (member,) in self.run_sql(written.ranked, self.window, **both)]
        named, rest = ranked[: written.top], ranked[written.top :]
        groups = [(member, [member]) for member in named] + ([("Other", rest)] if rest else [])
        pairs = self.run_sql(written.currencies, self.window, **both) if written.currencies else []
        named_as = self.run_sql(written.names, self.window, **both) if written.names else []
        names = {str(member): str(name) for member, name in named_as}

        def build_member(own: str, members: Sequence[str]) -> ExpectedLine:
            def add_members(window: OracleWindow) -> float | None:
                values = [value for member, value in self.run_sql(written.member_sql, window) if member in members]
                return sum(values) if values else None

            currency = merge_currencies({currency for member, currency in pairs if member in members})
            return self.build_line(written, names.get(own, own), to_date, currency, add_members, member=own)

        return [build_member(own, members) for own, members in groups]

    def list_items(self, written: HandWrittenMetric) -> list[Body]:
        if written.items is None:
            return []
        return [
            {
                "id": identifier,
                "caption": caption,
                "permalink": permalink,
                "media_type": media_type,
                "posted_on": posted_on,
                "values": {"interactions": interactions, "reach": reach},
            }
            for identifier, caption, permalink, media_type, posted_on, interactions, reach in self.run_sql(
                written.items, self.window
            )
        ]


def merge_currencies(currencies: Collection[str]) -> str | None:
    return "mixed" if len(currencies) > 1 else next(iter(currencies), None)


def divide_lines(name: str, key: str, currency: str | None, top: ExpectedLine, bottom: ExpectedLine) -> ExpectedLine:
    def divide_or_none(a: float | None, b: float | None) -> float | None:
        return None if a is None or not b else a / b

    a, b = top.stats, bottom.stats
    return ExpectedLine(
        name,
        key,
        list(map(divide_or_none, top.points, bottom.points)),
        list(map(divide_or_none, top.compared, bottom.compared)),
        ExpectedStats(
            divide_or_none(a.value, b.value),
            divide_or_none(a.previous, b.previous),
            a.through,
            divide_or_none(a.to_date, b.to_date),
            divide_or_none(a.previous_to_date, b.previous_to_date),
        ),
        currency,
    )


def correlate_points(
    first: Sequence[float | None], second: Sequence[float | None], is_whole: Sequence[bool]
) -> float | None:
    pairs = [
        (a, b) for a, b, whole in zip(first, second, is_whole, strict=True) if whole and a is not None and b is not None
    ]
    if len(pairs) < 3 or any(len(set(each)) == 1 for each in zip(*pairs, strict=True)):
        return None
    return statistics.correlation(*zip(*pairs, strict=True))


def compute_change(value: float | None, previous: float | None, *, absolute: bool = False) -> float | None:
    if value is None or previous is None:
        return None
    if absolute:
        return value - previous
    return (value - previous) / abs(previous) if previous else None


def build_stats(stats: ExpectedStats, *, absolute: bool = False) -> Body:
    return {
        "value": stats.value,
        "previous": stats.previous,
        "delta": compute_change(stats.value, stats.previous, absolute=absolute),
        "to_date": {
            "through": str(stats.through),
            "value": stats.to_date,
            "previous": stats.previous_to_date,
            "delta": compute_change(stats.to_date, stats.previous_to_date),
        }
        if stats.through
        else None,
    }


def build_points(buckets: Sequence[OracleBucket], values: Sequence[float | None]) -> list[Body]:
    return [
        {"t": str(bucket.t), "v": value} | ({"partial": True} if bucket.is_partial else {})
        for bucket, value in zip(buckets, values, strict=True)
    ]


def build_series(asked: HandWrittenQuery, line: ExpectedLine) -> Body:
    body = {
        "name": line.name,
        "key": line.key,
        "currency": line.currency,
        "points": build_points(asked.buckets, line.points),
        "stats": build_stats(line.stats),
    }
    return body if line.id is None else {**body, "id": line.id}


def build_body(key: str, asked: HandWrittenQuery, expected: ExpectedWidget) -> Body:
    """The parts of the answer that come from the rows, as the API gives them."""

    def iso(day: date | None) -> str | None:
        return str(day) if day else None

    is_correlation = key == "corr.spend_vs_sessions"
    body: Body = {
        "series": [build_series(asked, line) for line in expected.lines],
        "stats": build_stats(expected.stats, absolute=is_correlation),
        "items": expected.items,
        "meta": {
            "currency": expected.currency,
            "delta": "absolute" if is_correlation else "relative",
            "data_through": iso(expected.through),
            "comparison_through": iso(expected.compared_through),
            "provisional_from": iso(expected.provisional),
            "filters": {"applied": [], "ignored": []},
            "notes": [],
        },
    }
    if (prior := asked.prior) is not None:
        body["comparison"] = {
            "start": str(prior.start),
            "end": str(prior.end),
            "series": [
                {"name": line.name, "points": build_points(asked.compared_buckets, line.compared)}
                for line in expected.lines
            ],
        }
    return body


def list_differences(expected: Body, actual: Body) -> list[str]:
    found: list[str] = []
    cut = {name: actual[name] for name in actual if name not in ("meta", "series", "table")}
    # What the files say and no row can change.
    said = ("format", "decimals", "better")
    cut["series"] = [{name: each[name] for name in each if name not in said} for each in actual["series"]]
    cut["meta"] = {name: actual["meta"][name] for name in expected["meta"]}
    for name in sorted({*expected, *cut}):
        differences(f"answer.{name}", expected.get(name), cut.get(name), found)
    return found


@pytest.mark.slow
def test_every_served_metric_is_written_by_hand(engine: Engine) -> None:
    assert list(engine.catalog.widgets) == KEYS


@pytest.mark.parametrize("tenant", TENANTS, ids=lambda tenant: tenant.name.replace(" ", "-"))
@pytest.mark.parametrize("key", KEYS)
def test_a_shipped_metric_is_what_its_hand_written_sql_says(
    key: str, tenant: DemoTenant, engine: Engine, database: sqlite3.Connection, every_nth: EveryNth
) -> None:
    # A tenant without data has its sources connected, and so is shown that there is nothing.
    connected = frozenset(tenant.sources) or EVERY_SOURCE
    # Of sixty, every seventeenth: each window, and from one tenant and one metric to the next other combinations.
    first = 7 * KEYS.index(key) + TENANTS.index(tenant)
    for window, compare, grain in every_nth(product(WINDOWS, COMPARES, GRAINS), 17, first=first):
        asked = HandWrittenQuery(database, tenant.user_id, connected, window, compare, grain)
        actual = query_engine(
            engine,
            key,
            window.start,
            window.end,
            compare=compare,
            grain=grain,
            tenant=tenant.user_id,
            connected=connected,
        )
        found = list_differences(build_body(key, asked, asked.compute_expected(key)), actual)
        assert not found, "\n".join([f"{window} {compare} {grain}", *found[:8]])


def test_the_history_holds_what_the_comparison_is_meant_to_meet(database: sqlite3.Connection) -> None:
    """So that no case of the comparison above is left out by chance."""

    def make_query(tenant: DemoTenant, window: OracleWindow, compare: str = "off") -> HandWrittenQuery:
        return HandWrittenQuery(database, tenant.user_id, EVERY_SOURCE, window, compare, "day")

    late, long, month = WINDOWS
    assert make_query(TWO_CURRENCIES, late).compute_expected("meta.spend").currency == "mixed"
    assert make_query(EVERYTHING, late).compute_expected("meta.spend").currency == "USD"
    # Days missing at the end, and at the beginning of the year before.
    assert make_query(INSTAGRAM_ONLY, late).compute_expected("ig.followers").through != UNTIL
    assert None in make_query(EVERYTHING, long, "previous_year").compute_expected("ga4.sessions").lines[0].compared
    # Other, a member of only one period, and a full list of items.
    assert make_query(EVERYTHING, long).compute_expected("ga4.landing_pages").lines[-1].name == "Other"
    campaigns = make_query(EVERYTHING, long, "previous_year").compute_expected("meta.campaigns").lines
    assert any(each.stats.value == 0 and each.stats.previous for each in campaigns)
    assert any(each.stats.previous == 0 and each.stats.value for each in campaigns)
    assert len(make_query(EVERYTHING, long).compute_expected("ig.content_perf").items) == 10
    # A month known up to its 24th day.
    assert make_query(EVERYTHING, month, "previous_month").compute_expected("ga4.sessions").stats.through == UNTIL
    # Nothing at all; and a source that is not connected.
    assert make_query(NO_DATA, late).compute_expected("ga4.sessions").lines[0].points == [None] * 28
    assert "meta" not in GA4_ONLY.sources


def test_a_test_may_expect_whatever_meta_has(engine: Engine) -> None:
    for key in KEYS:
        body = query_engine(engine, key, UNTIL, compare="previous_period", tenant=EVERYTHING.user_id)
        # A receipt is made of the very rows: no file can foresee it.
        assert body["meta"].keys() - {"receipt"} <= set(META_NAMES)
