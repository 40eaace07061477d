"""Every shipped metric against SQL written by hand, on the demo's history, for every compare and grain."""

from __future__ import annotations

import sqlite3
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from demo.history import generate_history
from demo.tenants import EVERYTHING, GA4_ONLY, INSTAGRAM_ONLY, NO_DATA, TENANTS, TWO_CURRENCIES, DemoTenant
from engine.answer.engine import Engine
from engine.catalog.catalog import load_catalog
from engine.files.definitions import META_NAMES
from engine.warehouse.warehouse import Warehouse
from tests.support.hand_written import COMBINED, TABLES, WRITTEN, HandWrittenBreakdown, HandWrittenMetric
from tests.support.oracle.differences import collect_differences as differences
from tests.support.oracle.windows import OracleWindow, get_compared_window, list_buckets, list_compared_buckets
from tests.support.worlds import EVERY_SOURCE, SHIPPED, Body, query_engine

UNTIL = date(2024, 4, 24)
# The year before the longer window begins before the data does.
DAYS = 440
# Four weeks, from a Thursday; and a quarter with a leap day, from a Friday inside a month.
WINDOWS = (OracleWindow(date(2024, 3, 28), UNTIL), OracleWindow(date(2024, 1, 26), UNTIL))
COMPARES = ("off", "previous_period", "previous_year")
GRAINS = ("day", "week", "month")
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
    yield Engine(load_catalog(SHIPPED), warehouse)
    warehouse.close()


@dataclass(slots=True)
class ExpectedLine:
    name: str
    points: list[float | None]
    compared: list[float | None]
    value: float | None
    previous: float | None


@dataclass(slots=True)
class ExpectedWidget:
    """What a widget must show; without lines where nothing of it is connected."""

    lines: list[ExpectedLine] = field(default_factory=list)
    value: float | None = None
    previous: float | None = None
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
        if key in COMBINED:
            return self.compute_combined(key)
        written = WRITTEN[key]
        if written.source not in self.connected:
            return ExpectedWidget()
        return self.compute_measured(written)

    def compute_measured(self, written: HandWrittenMetric) -> ExpectedWidget:
        prior = self.prior
        spans = [self.find_span(written, window) for window in (self.window, prior) if window is not None]
        currencies = self.list_currencies(written) if written.money else set()
        mixed = len(currencies) > 1
        whole = [self.build_line(written, index, name, mixed) for index, name in enumerate(written.series)]
        through = [span.end if span else None for span in spans]
        return ExpectedWidget(
            lines=self.build_member_lines(written, mixed) if isinstance(written, HandWrittenBreakdown) else whole,
            value=whole[0].value,
            previous=whole[0].previous,
            currency="mixed" if mixed else next(iter(currencies), None),
            through=through[0],
            compared_through=through[1] if prior is not None else None,
            provisional=(
                through[0] - timedelta(days=written.restates - 1) if written.restates and through[0] else None
            ),
            items=self.list_items(written),
        )

    def find_span(self, written: HandWrittenMetric, window: OracleWindow) -> OracleWindow | None:
        """From the first to the last day with rows."""
        sql = (
            f"SELECT MIN({written.day}), MAX({written.day}) FROM {written.table} "
            f"WHERE user_id = :tenant AND {written.day} BETWEEN :start AND :end"
        )
        ((first, last),) = self.run_sql(sql, window)
        return OracleWindow(date.fromisoformat(first), date.fromisoformat(last)) if first else None

    def list_currencies(self, written: HandWrittenMetric) -> set[str]:
        sql = (
            f"SELECT DISTINCT currency FROM {written.table} "
            f"WHERE user_id = :tenant AND {written.day} BETWEEN :start AND :end AND currency IS NOT NULL"
        )
        windows = [window for window in (self.window, self.prior) if window is not None]
        return {currency for window in windows for (currency,) in self.run_sql(sql, window)}

    def build_line(self, written: HandWrittenMetric, index: int, name: str, mixed: bool) -> ExpectedLine:
        return self.build_line_of(written, name, mixed, lambda window: self.run_sql(written.sql, window)[0][index])

    def build_line_of(self, written: HandWrittenMetric, name: str, mixed: bool, value_of: Any) -> ExpectedLine:
        def fill_gap(window: OracleWindow, whole: OracleWindow) -> float | None:
            if mixed or not window.days:
                return None
            value: float | None = value_of(window)
            span = self.find_span(written, whole) if value is None and written.additive else None
            return 0 if span is not None and span.overlaps(window) else value

        prior = self.prior
        return ExpectedLine(
            name,
            [fill_gap(bucket.window, self.window) for bucket in list_buckets(self.window, self.grain)],
            [
                fill_gap(each.window, prior)
                for each in list_compared_buckets(self.window, self.grain, self.compare)
                if prior
            ],
            fill_gap(self.window, self.window),
            fill_gap(prior, prior) if prior is not None else None,
        )

    def build_member_lines(self, written: HandWrittenBreakdown, mixed: bool) -> list[ExpectedLine]:
        prior = self.prior or self.window
        ranked = [
            member
            for (member,) in self.run_sql(
                written.ranked, self.window, prior_start=str(prior.start), prior_end=str(prior.end)
            )
        ]
        named, rest = ranked[: written.top], ranked[written.top :]
        groups = [(member, [member]) for member in named] + ([("Other", rest)] if rest else [])

        def of(members: Sequence[str], window: OracleWindow) -> float | None:
            values = [value for member, value in self.run_sql(written.member_sql, window) if member in members]
            return sum(values) if values else None

        return [
            self.build_line_of(written, name, mixed, lambda window, members=members: of(members, window))
            for name, members in groups
        ]

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

    def compute_combined(self, key: str) -> ExpectedWidget:
        found = [self.compute_expected(part) for part in COMBINED[key]]
        parts = [each for each in found if each.lines]
        if not parts or (key == "corr.cost_per_session" and len(parts) < 2):
            return ExpectedWidget()
        throughs, priors = [each.through for each in parts], [each.compared_through for each in parts]
        provisional = [each.provisional for each in parts if each.provisional]
        lines = [line for each in parts for line in each.lines]
        value = previous = None
        if key == "corr.cost_per_session":
            lines = [divide_lines("Cost per session", *lines)]
            value, previous = lines[0].value, lines[0].previous
        elif len(lines) == 2:
            value = correlate_lines(lines[0].points, lines[1].points)
            previous = correlate_lines(lines[0].compared, lines[1].compared)
        return ExpectedWidget(
            lines=lines,
            value=value,
            previous=previous,
            currency=next((each.currency for each in parts if each.currency), None),
            through=None if None in throughs else min(day for day in throughs if day),
            compared_through=None if None in priors else min(day for day in priors if day),
            provisional=min(provisional, default=None),
        )


def divide_lines(name: str, top: ExpectedLine, bottom: ExpectedLine) -> ExpectedLine:
    def divide_or_none(a: float | None, b: float | None) -> float | None:
        return None if a is None or not b else a / b

    return ExpectedLine(
        name,
        list(map(divide_or_none, top.points, bottom.points)),
        list(map(divide_or_none, top.compared, bottom.compared)),
        divide_or_none(top.value, bottom.value),
        divide_or_none(top.previous, bottom.previous),
    )


def correlate_lines(first: Sequence[float | None], second: Sequence[float | None]) -> float | None:
    pairs = [(a, b) for a, b in zip(first, second, strict=True) if a is not None and b is not None]
    if len(pairs) < 3 or any(len(set(each)) == 1 for each in zip(*pairs, strict=True)):
        return None
    return statistics.correlation(*zip(*pairs, strict=True))


def build_stats(value: float | None, previous: float | None, *, absolute: bool = False) -> Body:
    delta = None
    if value is not None and previous is not None:
        delta = value - previous if absolute else (value - previous) / abs(previous) if previous else None
    return {"value": value, "previous": previous, "delta": delta}


def build_body(key: str, asked: HandWrittenQuery, expected: ExpectedWidget) -> Body:
    """The parts of the answer that come from the rows, as the API gives them."""

    def line(each: ExpectedLine, listed: Sequence[Any], values: Sequence[float | None]) -> Body:
        points = [{"t": str(bucket.t), "v": value} for bucket, value in zip(listed, values, strict=True)]
        return {"name": each.name, "points": points}

    def iso(day: date | None) -> str | None:
        return str(day) if day else None

    asked_buckets = list_buckets(asked.window, asked.grain)
    body: Body = {
        "series": [
            {**line(each, asked_buckets, each.points), "stats": build_stats(each.value, each.previous)}
            for each in expected.lines
        ],
        "stats": build_stats(expected.value, expected.previous, absolute=key == "corr.spend_vs_sessions"),
        "items": expected.items,
        "meta": {
            "currency": expected.currency,
            "data_through": iso(expected.through),
            "comparison_through": iso(expected.compared_through),
            "provisional_from": iso(expected.provisional),
        },
    }
    if (prior := asked.prior) is not None:
        listed = list_compared_buckets(asked.window, asked.grain, asked.compare)
        body["comparison"] = {
            "start": str(prior.start),
            "end": str(prior.end),
            "series": [line(each, listed, each.compared) for each in expected.lines],
        }
    return body


def list_differences(expected: Body, actual: Body) -> list[str]:
    found: list[str] = []
    cut = {name: actual[name] for name in actual if name != "meta"}
    cut["meta"] = {name: actual["meta"][name] for name in expected["meta"]}
    for name in sorted({*expected, *cut}):
        differences(f"answer.{name}", expected.get(name), cut.get(name), found)
    return found


def test_every_served_metric_is_written_by_hand(engine: Engine) -> None:
    assert list(engine.catalog.widgets) == KEYS


@pytest.mark.parametrize("tenant", TENANTS, ids=lambda tenant: tenant.name.replace(" ", "-"))
@pytest.mark.parametrize("key", KEYS)
def test_a_shipped_metric_is_what_its_hand_written_sql_says(
    key: str, tenant: DemoTenant, engine: Engine, database: sqlite3.Connection
) -> None:
    # A tenant without data has its sources connected, and so is shown that there is nothing.
    connected = frozenset(tenant.sources) or EVERY_SOURCE
    for window in WINDOWS:
        for compare in COMPARES:
            for grain in GRAINS:
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

    late, long = WINDOWS
    assert make_query(TWO_CURRENCIES, late).compute_expected("meta.spend").currency == "mixed"
    assert make_query(EVERYTHING, late).compute_expected("meta.spend").currency == "USD"
    # Days missing at the end, and at the beginning of the year before.
    assert make_query(INSTAGRAM_ONLY, late).compute_expected("ig.followers").through != UNTIL
    assert None in make_query(EVERYTHING, long, "previous_year").compute_expected("ga4.sessions").lines[0].compared
    # Other, a member of only one period, and a full list of items.
    assert make_query(EVERYTHING, long).compute_expected("ga4.landing_pages").lines[-1].name == "Other"
    campaigns = make_query(EVERYTHING, long, "previous_year").compute_expected("meta.campaigns").lines
    assert any(each.value == 0 and each.previous for each in campaigns)
    assert any(each.previous == 0 and each.value for each in campaigns)
    assert len(make_query(EVERYTHING, long).compute_expected("ig.content_perf").items) == 10
    # Nothing at all; and a source that is not connected.
    assert make_query(NO_DATA, late).compute_expected("ga4.sessions").lines[0].points == [None] * 28
    assert "meta" not in GA4_ONLY.sources


def test_a_test_may_expect_whatever_meta_has(engine: Engine) -> None:
    for key in KEYS:
        body = query_engine(engine, key, UNTIL, compare="previous_period", tenant=EVERYTHING.user_id)
        assert body["meta"].keys() <= set(META_NAMES)
