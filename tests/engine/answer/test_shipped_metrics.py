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

from demo.history import rows
from demo.tenants import EVERYTHING, GA4_ONLY, INSTAGRAM_ONLY, NO_DATA, TENANTS, TWO_CURRENCIES, Tenant
from engine.answer.engine import Engine
from engine.catalog.catalog import load_catalog
from engine.warehouse.warehouse import Warehouse
from tests.support.hand_written import COMBINED, TABLES, WRITTEN, ByMember, Written
from tests.support.oracle.comparing import compare as differences
from tests.support.oracle.windows import Window, buckets, compared, compared_buckets
from tests.support.worlds import EVERY_SOURCE, SHIPPED, Body, ask

UNTIL = date(2024, 4, 24)
# The year before the longer window begins before the data does.
DAYS = 440
# Four weeks, from a Thursday; and a quarter with a leap day, from a Friday inside a month.
WINDOWS = (Window(date(2024, 3, 28), UNTIL), Window(date(2024, 1, 26), UNTIL))
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
        for table, listed in rows(tenant, until=UNTIL, days=DAYS).items():
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
class Line:
    name: str
    points: list[float | None]
    compared: list[float | None]
    value: float | None
    previous: float | None


@dataclass(slots=True)
class Expected:
    """What a widget must show; without lines where nothing of it is connected."""

    lines: list[Line] = field(default_factory=list)
    value: float | None = None
    previous: float | None = None
    currency: str | None = None
    through: date | None = None
    compared_through: date | None = None
    provisional: date | None = None
    items: list[Body] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Asked:
    """One question to one tenant's rows, answered with hand-written SQL."""

    database: sqlite3.Connection
    tenant: str
    connected: frozenset[str]
    window: Window
    compare: str
    grain: str

    @property
    def prior(self) -> Window | None:
        return compared(self.window, self.compare)

    def run(self, sql: str, window: Window, **more: Any) -> list[Sequence[Any]]:
        bound = {"tenant": self.tenant, "start": str(window.start), "end": str(window.end), **more}
        return self.database.execute(sql, bound).fetchall()

    def expected(self, key: str) -> Expected:
        if key in COMBINED:
            return self.combined(key)
        written = WRITTEN[key]
        if written.source not in self.connected:
            return Expected()
        return self.measured(written)

    def measured(self, written: Written) -> Expected:
        prior = self.prior
        spans = [self.span(written, window) for window in (self.window, prior) if window is not None]
        currencies = self.currencies(written) if written.money else set()
        mixed = len(currencies) > 1
        whole = [self.line(written, index, name, mixed) for index, name in enumerate(written.series)]
        through = [span.end if span else None for span in spans]
        return Expected(
            lines=self.member_lines(written, mixed) if isinstance(written, ByMember) else whole,
            value=whole[0].value,
            previous=whole[0].previous,
            currency="mixed" if mixed else next(iter(currencies), None),
            through=through[0],
            compared_through=through[1] if prior is not None else None,
            provisional=(
                through[0] - timedelta(days=written.restates - 1) if written.restates and through[0] else None
            ),
            items=self.items(written),
        )

    def span(self, written: Written, window: Window) -> Window | None:
        """From the first to the last day with rows."""
        sql = (
            f"SELECT MIN({written.day}), MAX({written.day}) FROM {written.table} "
            f"WHERE user_id = :tenant AND {written.day} BETWEEN :start AND :end"
        )
        ((first, last),) = self.run(sql, window)
        return Window(date.fromisoformat(first), date.fromisoformat(last)) if first else None

    def currencies(self, written: Written) -> set[str]:
        sql = (
            f"SELECT DISTINCT currency FROM {written.table} "
            f"WHERE user_id = :tenant AND {written.day} BETWEEN :start AND :end AND currency IS NOT NULL"
        )
        windows = [window for window in (self.window, self.prior) if window is not None]
        return {currency for window in windows for (currency,) in self.run(sql, window)}

    def line(self, written: Written, index: int, name: str, mixed: bool) -> Line:
        return self.line_of(written, name, mixed, lambda window: self.run(written.sql, window)[0][index])

    def line_of(self, written: Written, name: str, mixed: bool, value_of: Any) -> Line:
        def filled(window: Window, whole: Window) -> float | None:
            if mixed or not window.days:
                return None
            value: float | None = value_of(window)
            span = self.span(written, whole) if value is None and written.additive else None
            return 0 if span is not None and span.meets(window) else value

        prior = self.prior
        return Line(
            name,
            [filled(bucket.window, self.window) for bucket in buckets(self.window, self.grain)],
            [filled(each.window, prior) for each in compared_buckets(self.window, self.grain, self.compare) if prior],
            filled(self.window, self.window),
            filled(prior, prior) if prior is not None else None,
        )

    def member_lines(self, written: ByMember, mixed: bool) -> list[Line]:
        prior = self.prior or self.window
        ranked = [
            member
            for (member,) in self.run(
                written.ranked, self.window, prior_start=str(prior.start), prior_end=str(prior.end)
            )
        ]
        named, rest = ranked[: written.top], ranked[written.top :]
        groups = [(member, [member]) for member in named] + ([("Other", rest)] if rest else [])

        def of(members: Sequence[str], window: Window) -> float | None:
            values = [value for member, value in self.run(written.member_sql, window) if member in members]
            return sum(values) if values else None

        return [
            self.line_of(written, name, mixed, lambda window, members=members: of(members, window))
            for name, members in groups
        ]

    def items(self, written: Written) -> list[Body]:
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
            for identifier, caption, permalink, media_type, posted_on, interactions, reach in self.run(
                written.items, self.window
            )
        ]

    def combined(self, key: str) -> Expected:
        found = [self.expected(part) for part in COMBINED[key]]
        parts = [each for each in found if each.lines]
        if not parts or (key == "corr.cost_per_session" and len(parts) < 2):
            return Expected()
        throughs, priors = [each.through for each in parts], [each.compared_through for each in parts]
        provisional = [each.provisional for each in parts if each.provisional]
        lines = [line for each in parts for line in each.lines]
        value = previous = None
        if key == "corr.cost_per_session":
            lines = [quotient("Cost per session", *lines)]
            value, previous = lines[0].value, lines[0].previous
        elif len(lines) == 2:
            value = pearson(lines[0].points, lines[1].points)
            previous = pearson(lines[0].compared, lines[1].compared)
        return Expected(
            lines=lines,
            value=value,
            previous=previous,
            currency=next((each.currency for each in parts if each.currency), None),
            through=None if None in throughs else min(day for day in throughs if day),
            compared_through=None if None in priors else min(day for day in priors if day),
            provisional=min(provisional, default=None),
        )


def quotient(name: str, top: Line, bottom: Line) -> Line:
    def divided(a: float | None, b: float | None) -> float | None:
        return None if a is None or not b else a / b

    return Line(
        name,
        list(map(divided, top.points, bottom.points)),
        list(map(divided, top.compared, bottom.compared)),
        divided(top.value, bottom.value),
        divided(top.previous, bottom.previous),
    )


def pearson(first: Sequence[float | None], second: Sequence[float | None]) -> float | None:
    pairs = [(a, b) for a, b in zip(first, second, strict=True) if a is not None and b is not None]
    if len(pairs) < 3 or any(len(set(each)) == 1 for each in zip(*pairs, strict=True)):
        return None
    return statistics.correlation(*zip(*pairs, strict=True))


def stats(value: float | None, previous: float | None, *, absolute: bool = False) -> Body:
    delta = None
    if value is not None and previous is not None:
        delta = value - previous if absolute else (value - previous) / abs(previous) if previous else None
    return {"value": value, "previous": previous, "delta": delta}


def written_out(key: str, asked: Asked, expected: Expected) -> Body:
    """The parts of the answer that come from the rows, as the API gives them."""

    def line(each: Line, listed: Sequence[Any], values: Sequence[float | None]) -> Body:
        points = [{"t": str(bucket.t), "v": value} for bucket, value in zip(listed, values, strict=True)]
        return {"name": each.name, "points": points}

    def iso(day: date | None) -> str | None:
        return str(day) if day else None

    asked_buckets = buckets(asked.window, asked.grain)
    body: Body = {
        "series": [
            {**line(each, asked_buckets, each.points), "stats": stats(each.value, each.previous)}
            for each in expected.lines
        ],
        "stats": stats(expected.value, expected.previous, absolute=key == "corr.spend_vs_sessions"),
        "items": expected.items,
        "meta": {
            "currency": expected.currency,
            "data_through": iso(expected.through),
            "comparison_through": iso(expected.compared_through),
            "provisional_from": iso(expected.provisional),
        },
    }
    if (prior := asked.prior) is not None:
        listed = compared_buckets(asked.window, asked.grain, asked.compare)
        body["comparison"] = {
            "start": str(prior.start),
            "end": str(prior.end),
            "series": [line(each, listed, each.compared) for each in expected.lines],
        }
    return body


def differing(expected: Body, actual: Body) -> list[str]:
    found: list[str] = []
    cut = {name: actual[name] for name in actual if name != "meta"}
    cut["meta"] = {name: actual["meta"][name] for name in expected["meta"]}
    for name in sorted({*expected, *cut}):
        differences(f"answer.{name}", expected.get(name), cut.get(name), found)
    return found


def test_every_served_metric_is_written_by_hand(engine: Engine) -> None:
    assert list(engine.catalog.served) == KEYS


@pytest.mark.parametrize("tenant", TENANTS, ids=lambda tenant: tenant.name.replace(" ", "-"))
@pytest.mark.parametrize("key", KEYS)
def test_a_shipped_metric_is_what_its_hand_written_sql_says(
    key: str, tenant: Tenant, engine: Engine, database: sqlite3.Connection
) -> None:
    # A tenant without data has its sources connected, and so is shown that there is nothing.
    connected = frozenset(tenant.sources) or EVERY_SOURCE
    for window in WINDOWS:
        for compare in COMPARES:
            for grain in GRAINS:
                asked = Asked(database, tenant.user_id, connected, window, compare, grain)
                actual = ask(
                    engine,
                    key,
                    window.start,
                    window.end,
                    compare=compare,
                    grain=grain,
                    tenant=tenant.user_id,
                    connected=connected,
                )
                found = differing(written_out(key, asked, asked.expected(key)), actual)
                assert not found, "\n".join([f"{window} {compare} {grain}", *found[:8]])


def test_the_history_holds_what_the_comparison_is_meant_to_meet(database: sqlite3.Connection) -> None:
    """So that no case of the comparison above is left out by chance."""

    def asked(tenant: Tenant, window: Window, compare: str = "off") -> Asked:
        return Asked(database, tenant.user_id, EVERY_SOURCE, window, compare, "day")

    late, long = WINDOWS
    assert asked(TWO_CURRENCIES, late).expected("meta.spend").currency == "mixed"
    assert asked(EVERYTHING, late).expected("meta.spend").currency == "USD"
    # Days missing at the end, and at the beginning of the year before.
    assert asked(INSTAGRAM_ONLY, late).expected("ig.followers").through != UNTIL
    assert None in asked(EVERYTHING, long, "previous_year").expected("ga4.sessions").lines[0].compared
    # Other, a member of only one period, and a full list of items.
    assert asked(EVERYTHING, long).expected("ga4.landing_pages").lines[-1].name == "Other"
    campaigns = asked(EVERYTHING, long, "previous_year").expected("meta.campaigns").lines
    assert any(each.value == 0 and each.previous for each in campaigns)
    assert any(each.previous == 0 and each.value for each in campaigns)
    assert len(asked(EVERYTHING, long).expected("ig.content_perf").items) == 10
    # Nothing at all; and a source that is not connected.
    assert asked(NO_DATA, late).expected("ga4.sessions").lines[0].points == [None] * 28
    assert "meta" not in GA4_ONLY.sources
