"""Difficult worlds and random queries of them, reproducible by seed.

Every value is a whole number or a quarter, and sums stay below 2**53. So they are exact in double precision in any
order, and answers may be compared within 1e-9.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from functools import lru_cache
from random import Random
from typing import Any
from uuid import UUID

import yaml

from tests.support.oracle.definitions import Definitions, OracleCatalog, merge_files
from tests.support.oracle.differences import find_differences
from tests.support.oracle.extents import Reads
from tests.support.oracle.features import ALL_FEATURES, ANSWERED, QuestionFeatures
from tests.support.oracle.metrics import make_documents
from tests.support.oracle.oracle import Rows, compute_answer
from tests.support.oracle.queries import fill_query_tables
from tests.support.oracle.world_rows import (
    LEAP_DAY,
    LIVES,
    SOURCES,
    STARTS,
    Document,
    Row,
    make_reads,
    make_tenant_rows,
)

__all__ = [
    "ALL_FEATURES",
    "ANSWERED",
    "OracleRequest",
    "OracleWorld",
    "QuestionFeatures",
    "answer_request",
    "dump_files",
    "find_differences",
    "get_world",
    "iter_questions",
]


@dataclass(frozen=True, slots=True)
class OracleWorld:
    """Metric files with rows of several tenants.

    `files` is a folder of metric files as plain data, `definitions` the same merged into one. The tenants are, in
    order: one with many rows, with several currencies, with few rows, with a single day, with two sources of different
    currencies, and without rows.
    """

    files: dict[str, Document]
    definitions: Definitions
    rows: dict[str, list[Row]]
    # The rows with those of the query tables.
    held: Rows
    tenants: tuple[str, ...]
    # By tenant: how far the accounts were read that a sync reads.
    reads: Mapping[str, Reads]


@dataclass(frozen=True, slots=True)
class OracleRequest:
    """The parameters of one request; `sources` None means that the parameter is missing."""

    key: str
    tenant: str
    start: date
    end: date
    compare: str
    compare_start: date | None
    grain: str
    sources: tuple[str, ...] | None
    connected: tuple[str, ...]
    filters: Mapping[str, Mapping[str, tuple[str, ...]]]
    by: str | None
    top: int | None
    sort: str | None
    limit: int | None
    offset: int | None


@lru_cache(maxsize=4)
def get_world(seed: int, features: QuestionFeatures = ANSWERED) -> OracleWorld:
    """Return the world of a seed; it is made once and must not be changed."""
    return make_world(seed, features)


def make_world(seed: int, features: QuestionFeatures = ANSWERED) -> OracleWorld:
    rng = Random(seed)
    files = make_documents(rng, features)
    tenants = tuple(str(UUID(int=rng.getrandbits(128), version=4)) for _ in LIVES)
    definitions = merge_files(files.values())
    rows: dict[str, list[Row]] = {name: [] for name, table in definitions["tables"].items() if "sql" not in table}
    reads: dict[str, Reads] = {}
    for tenant, life in zip(tenants, LIVES, strict=True):
        starts = sorted(rng.sample(STARTS, life.spells))
        own = {
            name: make_tenant_rows(rng, name, definitions["tables"][name], tenant, life, starts, features)
            for name in rows
        }
        for name, table_rows in own.items():
            rows[name] += table_rows
        reads[tenant] = make_reads(rng, definitions, own) if features.extents else {}
    for table_rows in rows.values():
        rng.shuffle(table_rows)
    return OracleWorld(files, definitions, rows, fill_query_tables(definitions, rows), tenants, reads)


COMPARES = ("off", "previous_period", "previous_period", "previous_year", "previous_year")
MORE_COMPARES = ("previous_month", "previous_year_weekday", "custom")
GRAINS = ("day", "day", "day", "week", "month")


def iter_questions(seed: int, n: int, features: QuestionFeatures = ANSWERED) -> Iterator[OracleRequest]:
    """Yield `n` requests to `get_world(seed, features)`; every served key comes before any is repeated."""
    rng = Random(f"questions {seed}")
    world = get_world(seed, features)
    catalog = OracleCatalog(world.definitions)
    keys = [key for key, metric in world.definitions["metrics"].items() if not metric.get("hidden")]
    for i in range(n):
        if i % len(keys) == 0:
            rng.shuffle(keys)
        tenant = rng.choices(world.tenants, weights=(10, 6, 2, 1, 5, 1))[0]
        key = keys[i % len(keys)]
        start, end = choose_window(rng, catalog, world.held, key, tenant)
        grain = rng.choice(GRAINS + features.calendar * ("quarter", "year"))
        if catalog.metrics[key].get("stat") and rng.random() < 0.6:
            # A correlation needs three points at which both of its parts have a value.
            start, end, grain = start - timedelta(days=15), min(end, start + timedelta(days=45)), "day"
        compare = rng.choice(COMPARES + features.calendar * MORE_COMPARES)
        yield OracleRequest(
            key=key,
            tenant=tenant,
            start=start,
            end=end,
            compare=compare,
            compare_start=start + timedelta(days=rng.randint(-40, 9)) if compare == "custom" else None,
            grain=grain,
            sources=rng.choice([*6 * [None], choose_sources(rng), choose_sources(rng)]),
            connected=rng.choice([*6 * [SOURCES], choose_sources(rng)]),
            filters=choose_filters(rng, world, catalog, key, tenant) if features.filters else {},
            **choose_breakdown(rng, catalog, key, features),
            **choose_rows(rng, catalog, key),
        )


def choose_filters(
    rng: Random, world: OracleWorld, catalog: OracleCatalog, key: str, tenant: str
) -> dict[str, dict[str, tuple[str, ...]]]:
    """Choose filters of the widget's dimensions, and now and then of one that it lacks."""
    leaves = [catalog.get_table(leaf) for leaf in catalog.list_leaves(key, frozenset(SOURCES))]
    own = {name: (table, dimension) for table in leaves for name, dimension in table.dimensions.items()}
    every = {name for table in world.definitions["tables"].values() for name in table.get("dimensions", {})}
    names = sorted(own if rng.random() < 0.5 else every)
    filters: dict[str, dict[str, tuple[str, ...]]] = {}
    for name in rng.sample(names, min(len(names), rng.choice([0, 0, 1, 1, 2]))):
        members = {"(not set)", "Other", "nobody's"}
        if name in own:
            table, dimension = own[name]
            members |= {str(row[dimension.column] or "(not set)") for row in world.held[table.name]}
        values = rng.sample(sorted(members), min(len(members), rng.randint(1, 4)))
        cut = rng.choice([0, len(values), len(values), rng.randint(0, len(values))])
        filters[name] = {"filter": tuple(values[:cut]), "exclude": tuple(values[cut:])}
    return filters


def choose_breakdown(rng: Random, catalog: OracleCatalog, key: str, features: QuestionFeatures) -> dict[str, Any]:
    """Choose `by` and `top` of a request, for a widget that takes them."""
    metric = catalog.metrics[key]
    by = top = None
    if features.filters and "table" in metric and "value" in metric:
        dimensions = sorted(catalog.get_table(key).dimensions)
        if dimensions and rng.random() < 0.25:
            by = rng.choice(dimensions)
        if (by or "by" in metric) and rng.random() < 0.4:
            top = rng.randint(1, 5)
    return {"by": by, "top": top}


def choose_rows(rng: Random, catalog: OracleCatalog, key: str) -> dict[str, Any]:
    """Choose the order and the part of a table that a request wants."""
    columns = list(catalog.metrics[key].get("columns", ()))
    return {
        "sort": rng.choice(["", "-"]) + rng.choice(columns) if columns and rng.random() < 0.4 else None,
        "limit": rng.randint(1, 4) if columns and rng.random() < 0.4 else None,
        "offset": rng.randint(0, 3) if columns and rng.random() < 0.3 else None,
    }


def choose_sources(rng: Random) -> tuple[str, ...]:
    return tuple(source for source in SOURCES if rng.random() < 0.6)


def choose_window(rng: Random, catalog: OracleCatalog, rows: Rows, key: str, tenant: str) -> tuple[date, date]:
    """Choose a window: near the tenant's rows, at a corner of the calendar, or years long."""
    leaf = rng.choice(catalog.list_leaves(key, frozenset(SOURCES)))
    table = catalog.get_table(leaf)
    days = sorted(row[table.time] for row in rows[table.name] if row[table.tenant] == tenant) or [LEAP_DAY]
    day, one = rng.choice(days), timedelta(days=1)
    month = day.replace(day=1)
    near = [
        (day, day),
        (day, day + rng.randint(1, 6) * one),
        (day - rng.randint(0, 9) * one, day + rng.randint(4, 15) * one),
        (day - rng.randint(0, 20) * one, day + rng.randint(0, 20) * one),
        (day - rng.randint(0, 70) * one, day + rng.randint(0, 70) * one),
        (month, (month + 31 * one).replace(day=1) - one),
    ]
    far = [
        (day - rng.randint(150, 400) * one, day + rng.randint(0, 400) * one),
        (day, day + rng.randint(100, 365) * one),
        (days[0], min(days[-1], days[0] + 1099 * one)),
        (days[0] - 30 * one, days[0] - rng.randint(0, 1) * one),
        (days[-1] + one, days[-1] + 29 * one),
    ]
    corners = [
        (LEAP_DAY, LEAP_DAY + rng.choice([0, 1, 13, 400]) * one),
        (LEAP_DAY - rng.choice([0, 1, 13, 300]) * one, LEAP_DAY),
        (date(2025, 2, 1), date(2025, 2, 28)),
        (date(2024, 3, 1), date(2024, 3, 31)),
    ]
    return rng.choice(rng.choice([near, near, far, corners]))


def answer_request(world: OracleWorld, request: OracleRequest) -> dict[str, Any]:
    """Return the oracle's answer."""
    return compute_answer(world.definitions, rows=world.held, reads=world.reads[request.tenant], **asdict(request))


def dump_files(world: OracleWorld) -> dict[str, str]:
    """Dump the world's metric files as YAML by name, for the engine to read."""
    return {
        name: yaml.safe_dump(document, allow_unicode=True, sort_keys=False) for name, document in world.files.items()
    }
