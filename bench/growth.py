"""How the cost of an answer grows with days, tenants, metrics in the catalog, and members of a breakdown.

    python -m bench.growth

On SQLite, in this process, whose own time is told; without a cache unless it says so. The steps of one axis are asked
in turns, a few calls at a time, and a round has a ratio of each to the first.
"""

from __future__ import annotations

import math
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

from bench.engine import CONNECTED, KEY, LAST, fill_table, make_tenant
from bench.http import PAGE, write_section
from bench.timing import Subject, time_side_by_side
from engine import (
    MAX_STALE_SECONDS,
    Cache,
    Compare,
    Engine,
    MemoryStore,
    MetricQuery,
    RequestContext,
    Warehouse,
    load_catalog,
)
from runtime.shipped import get_shipped_folder

SECTION = "## How the cost grows"
ROUNDS = 5
DAYS = (28, 365, 1_100)
TENANTS = (1, 100, 2_000)
METRICS = (10, 1_000)
MEMBERS = (10, 1_000, 10_000)
# The metrics of a large catalog, all of one table: sums of its columns, ratios, and conditions that no two share.
EXPRESSIONS = (
    "sum(sessions)",
    "sum(engaged_sessions) / sum(sessions)",
    "sum(revenue) / sum(conversions)",
    "sum(case when sessions > {number} then sessions end)",
    "sum(conversions) / sum(case when sessions > {number} then sessions end)",
)
# The characters of the plot's longest bar.
WIDTH = 48


@dataclass(frozen=True, slots=True)
class Step:
    """A step of an axis: its size, the seconds of an answer, and each round's ratio to the first step."""

    size: int
    seconds: float
    ratios: list[float]


Axis = dict[str, list[Step]]


def main() -> None:
    axes: Axis = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        axes["days, with as many before"] = measure_steps(make_day_subjects(folder), calls=20)
        axes["tenants of 730 days"] = measure_steps(make_tenant_subjects(folder), calls=100)
        axes["metrics of the table"] = measure_steps(make_metric_subjects(folder, has_cache=False), calls=100)
        axes["metrics of the table, a cache that misses"] = measure_steps(
            make_metric_subjects(folder, has_cache=True), calls=20
        )
        axes["members of a breakdown, the six largest shown"] = measure_steps(make_member_subjects(folder), calls=2)
    text = f"{render_table(axes)}\n\n```\n{render_plot(axes)}\n```"
    print(text)
    write_section(PAGE, SECTION, text)


def measure_steps(subjects: Mapping[int, Subject], *, calls: int) -> list[Step]:
    """Time the subjects in turns; they are the steps of one axis by size, the smallest first."""
    named = {str(size): subject for size, subject in subjects.items()}
    rounds = [time_side_by_side(named, calls=calls, rounds=1, clock=time.process_time) for _ in range(ROUNDS)]
    first = next(iter(named))
    return [
        Step(
            int(size),
            statistics.median(each[size].median for each in rounds),
            [each[size].median / each[first].median for each in rounds],
        )
        for size in named
    ]


def make_day_subjects(folder: Path) -> dict[int, Subject]:
    warehouse = open_warehouse(folder / "days.db", tenants=10, days=2 * max(DAYS))
    engine = Engine(load_catalog(get_shipped_folder()), warehouse)
    return {days: ask_widget(engine, KEY, days=days, tenants=10) for days in DAYS}


def make_tenant_subjects(folder: Path) -> dict[int, Subject]:
    catalog = load_catalog(get_shipped_folder())
    return {
        tenants: ask_widget(
            Engine(catalog, open_warehouse(folder / f"{tenants}.db", tenants=tenants)), KEY, days=28, tenants=tenants
        )
        for tenants in TENANTS
    }


def make_metric_subjects(folder: Path, *, has_cache: bool) -> dict[int, Subject]:
    """Return subjects that ask for one metric, of catalogs of many; with a cache each call finds new data."""
    subjects: dict[int, Subject] = {}
    for number in METRICS:
        metrics = folder / f"{number}-{has_cache}"
        write_catalog(metrics, number)
        cache = Cache(MemoryStore(seconds=MAX_STALE_SECONDS), ttl=90) if has_cache else None
        warehouse = open_warehouse(folder / f"{number}-{has_cache}.db", tenants=100, days=120)
        subjects[number] = ask_widget(Engine(load_catalog(metrics), warehouse, cache), KEY, days=28, tenants=100)
    return subjects


def make_member_subjects(folder: Path) -> dict[int, Subject]:
    """Return subjects that ask for a breakdown of so many channels."""
    catalog = load_catalog(get_shipped_folder())
    subjects: dict[int, Subject] = {}
    for members in MEMBERS:
        warehouse = Warehouse(f"sqlite:///{folder / f'members-{members}.db'}")
        warehouse.create_tables(catalog.tables.values())
        warehouse.upsert(catalog.tables["ga4_channels_daily"], iter_channels(members))
        subjects[members] = ask_widget(Engine(catalog, warehouse), "ga4.traffic_channels", days=28, tenants=1)
    return subjects


def iter_channels(members: int) -> Iterator[dict[str, Any]]:
    chance = Random(5)
    for offset in range(56):
        for number in range(members):
            yield {
                "user_id": make_tenant(0),
                "date": LAST - timedelta(days=offset),
                "property_id": "1",
                "channel": f"Channel {number}",
                "users": 1,
                "sessions": chance.randrange(1, 5_000),
                "engaged_sessions": 1,
                "conversions": 1.0,
                "revenue": 1.0,
                "currency": "USD",
            }


def open_warehouse(file: Path, *, tenants: int, days: int = 730) -> Warehouse:
    warehouse = Warehouse(f"sqlite:///{file}")
    fill_table(warehouse, load_catalog(get_shipped_folder()), tenants, days)
    return warehouse


def write_catalog(folder: Path, metrics: int) -> None:
    """Write the shipped files, and so many metrics more."""
    folder.mkdir()
    for file in get_shipped_folder().glob("*.yaml"):
        (folder / file.name).write_bytes(file.read_bytes())
    lines = [
        f"  ga4.grown_{number}: {EXPRESSIONS[number % len(EXPRESSIONS)].format(number=number)}"
        for number in range(metrics)
    ]
    text = "\n".join(["source: ga4", "table: ga4_daily", "metrics:", *lines])
    (folder / "grown.yaml").write_text(f"{text}\n", encoding="utf-8")


def ask_widget(engine: Engine, key: str, *, days: int, tenants: int) -> Subject:
    query = MetricQuery(LAST - timedelta(days=days - 1), LAST, Compare.PREVIOUS_PERIOD)
    order = list(range(tenants))
    Random(6).shuffle(order)
    versions = count(1)

    def ask(call: int) -> object:
        tenant = make_tenant(order[call % tenants])
        context = RequestContext(tenant=tenant, connected=CONNECTED, data_version=next(versions))
        return engine.query(key, query, context)

    return ask


def render_table(axes: Axis) -> str:
    """Render each step: its size, its milliseconds, and both as multiples of the first."""
    lines = ["| what grows | size | ms | times the size | times the cost (least to most) |", "|---|---|---|---|---|"]
    for title, steps in axes.items():
        for step in steps:
            ratio = f"{statistics.median(step.ratios):.2f} ({min(step.ratios):.2f} to {max(step.ratios):.2f})"
            times = f"{step.size / steps[0].size:,.0f}"
            lines.append(f"| {title} | {step.size:,} | {step.seconds * 1e3:.2f} | {times} | {ratio} |")
    return "\n".join(lines)


def render_plot(axes: Axis) -> str:
    """Draw the cost of each step beside its size, both as multiples of the first, by their logarithms."""
    most = max(step.size / steps[0].size for steps in axes.values() for step in steps)
    lines = []
    for title, steps in axes.items():
        lines.append(title)
        for step in steps:
            size, cost = step.size / steps[0].size, statistics.median(step.ratios)
            lines.append(f"{step.size:>8,} size {draw_bar(size, most, '░')}")
            lines.append(f"{'':8} cost {draw_bar(cost, most, '█')}")
    return "\n".join(lines)


def draw_bar(times: float, most: float, sign: str) -> str:
    length = max(1, round(WIDTH * math.log(max(times, 1)) / math.log(most)))
    return f"{sign * length} × {times:,.2f}"


if __name__ == "__main__":
    main()
