"""Requests in random pairs: what one leaves in the cache must be exactly what the other would have read."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.answer.cache import MAX_STALE_SECONDS, Cache, CachedRows, CacheKey, MemoryStore, Rows
from engine.answer.engine import Engine
from engine.answer.extent import AccountRead, AccountReads
from engine.answer.fetch import RequestContext
from engine.answer.response import Body
from engine.calendar import Compare, Grain
from engine.catalog.catalog import load_catalog
from engine.query import DimensionFilter, MetricQuery
from engine.sources import SOURCES
from engine.warehouse.warehouse import Warehouse
from tests.support.examples import try_examples
from tests.support.oracle.questions import dump_files, get_world

WORLD = get_world(0)
VERSIONS = (0, 1)
# Items ranked by money, which the world itself has none of.
DEAREST = """\
source: meta
metrics:
  meta.dearest:
    table: ads_daily
    value: sum(spend)
    items: {by: campaign, values: {spend: sum(spend)}, order: spend, limit: 3}
"""
# Of the world's tables; a metric whose table lacks one of them is not filtered by it.
DIMENSIONS = sorted({name for table in WORLD.definitions["tables"].values() for name in table.get("dimensions", ())})
# Those whose rows depend on more than days and tenant, often enough to be met.
DEPENDENT = ("ga4.channel_distinct", "ga4.properties", "meta.accounts", "meta.dearest")


@dataclass(frozen=True, slots=True)
class CacheRequest:
    key: str | int
    tenant: str
    data_version: int
    start: date
    days: int
    compare: Compare
    grain: Grain
    sources: frozenset[str] | None
    distance: int
    filters: tuple[DimensionFilter, ...]
    reads: AccountReads

    @property
    def question(self) -> MetricQuery:
        end = self.start + timedelta(days=self.days - 1)
        compare_start = self.start - timedelta(days=self.distance) if self.compare is Compare.CUSTOM else None
        return MetricQuery(self.start, end, self.compare, self.grain, self.sources, compare_start, self.filters)

    @property
    def asker(self) -> RequestContext:
        return RequestContext(
            tenant=self.tenant, connected=frozenset(SOURCES), data_version=self.data_version, reads=self.reads
        )


class LedgerCache(Cache):
    """Keeps nothing fresh, and writes down what was read under which key."""

    def __init__(self) -> None:
        super().__init__(MemoryStore(seconds=MAX_STALE_SECONDS), ttl=0)
        self.rows: dict[CacheKey, Rows] = {}

    def get_or_fetch(self, key: CacheKey, fetch_rows: Callable[[], Rows]) -> CachedRows:
        found = super().get_or_fetch(key, fetch_rows)
        self.rows[key] = found.rows
        return found

    def put(self, key: CacheKey, rows: Rows) -> CachedRows:
        found = super().put(key, rows)
        self.rows[key] = found.rows
        return found


class CachedInstallation:
    """One catalog, and the facts as they were at each data version."""

    def __init__(self, folder: Path) -> None:
        for name, text in dump_files(WORLD).items():
            (folder / name).write_text(text, encoding="utf-8")
        (folder / "dearest.yaml").write_text(DEAREST, encoding="utf-8")
        self.catalog = load_catalog(folder)
        self.warehouses = {version: self.open_warehouse(version) for version in VERSIONS}
        self.cache = Cache(MemoryStore(seconds=MAX_STALE_SECONDS), ttl=90)
        self.ledger = LedgerCache()
        self.plain, self.cached, self.noted = map(self.make_engines, (None, self.cache, self.ledger))

    def open_warehouse(self, version: int) -> Warehouse:
        warehouse = Warehouse("sqlite://")
        warehouse.create_tables(self.catalog.tables.values())
        for name, rows in WORLD.rows.items():
            # Every third row came late.
            warehouse.upsert(self.catalog.tables[name], rows if version else rows[::3])
        return warehouse

    def make_engines(self, cache: Cache | None) -> Mapping[int, Engine]:
        return {version: Engine(self.catalog, each, cache) for version, each in self.warehouses.items()}

    def answer(self, engines: Mapping[int, Engine], request: CacheRequest) -> Body:
        return engines[request.data_version].query(str(request.key), request.question, request.asker).body

    def read_rows(self, request: CacheRequest) -> Mapping[CacheKey, Rows]:
        """What the request reads, by key."""
        self.ledger.rows = {}
        self.answer(self.noted, request)
        return self.ledger.rows


@pytest.fixture(scope="module")
def installation() -> Iterator[CachedInstallation]:
    with tempfile.TemporaryDirectory() as folder:
        made = CachedInstallation(Path(folder))
    yield made
    for warehouse in made.warehouses.values():
        warehouse.close()


MEMBERS = st.lists(
    st.sampled_from(["Email", "Direct", "p-1", "p-2", "(not set)", "Other"]), max_size=2, unique=True
).map(tuple)
# Up to which days a sync has read one account of a table: nothing, a day within the windows, and one after them.
READS: list[AccountReads] = [
    {},
    *({"ga4_daily": {"p-1": AccountRead(day)}} for day in (date(2024, 3, 5), date(2025, 6, 1))),
]


def draw_filters() -> st.SearchStrategy[DimensionFilter]:
    return st.builds(DimensionFilter, st.sampled_from(DIMENSIONS), MEMBERS, MEMBERS)


DAYS_AROUND_A_LEAP_DAY = st.dates(date(2024, 2, 20), date(2024, 3, 20)) | st.dates(date(2025, 2, 20), date(2025, 3, 5))
FIELDS: Mapping[str, st.SearchStrategy[object]] = {
    "key": st.sampled_from(DEPENDENT) | st.integers(0, 1_000),
    "tenant": st.sampled_from(WORLD.tenants),
    "data_version": st.sampled_from(VERSIONS),
    "start": DAYS_AROUND_A_LEAP_DAY,
    "days": st.integers(1, 40) | st.sampled_from([365, 366, 367]),
    "compare": st.sampled_from(Compare),
    "grain": st.sampled_from(Grain),
    "sources": st.none() | st.frozensets(st.sampled_from(sorted(SOURCES))),
    "distance": st.integers(-3, 40),
    "filters": st.lists(draw_filters(), max_size=2, unique_by=lambda each: each.dimension).map(tuple),
    "reads": st.sampled_from(READS),
}


@st.composite
def draw_request_pair(draw: st.DrawFn) -> tuple[CacheRequest, CacheRequest]:
    """Two requests that differ in a few things."""
    first = {name: draw(values) for name, values in FIELDS.items()}
    changed = draw(st.sets(st.sampled_from(sorted(FIELDS)), max_size=3))
    second = first | {name: draw(FIELDS[name]) for name in sorted(changed)}
    return CacheRequest(**first), CacheRequest(**second)  # type: ignore[arg-type]


def resolve_keys(pair: tuple[CacheRequest, CacheRequest], installation: CachedInstallation) -> list[CacheRequest]:
    """The requests, with keys of the catalog in the place of numbers."""
    keys = list(installation.catalog.widgets)
    return [
        request if isinstance(request.key, str) else replace(request, key=keys[request.key % len(keys)])
        for request in pair
    ]


@given(pair=draw_request_pair())
@try_examples(100)
def test_what_one_request_leaves_changes_no_answer_of_another(
    installation: CachedInstallation, pair: tuple[CacheRequest, CacheRequest]
) -> None:
    installation.cache.close()
    for request in resolve_keys(pair, installation):
        expected = installation.answer(installation.plain, request)
        assert installation.answer(installation.cached, request) == expected


@given(pair=draw_request_pair())
@try_examples(100)
def test_equal_keys_mean_equal_rows_and_no_two_tenants_have_one(
    installation: CachedInstallation, pair: tuple[CacheRequest, CacheRequest]
) -> None:
    one, other = resolve_keys(pair, installation)
    rows_of_one, rows_of_other = installation.read_rows(one), installation.read_rows(other)
    assert all(rows_of_one[key] == rows_of_other[key] for key in rows_of_one.keys() & rows_of_other.keys())
    if one.tenant != other.tenant:
        assert not {key.store_key for key in rows_of_one} & {key.store_key for key in rows_of_other}
    keys = {*rows_of_one, *rows_of_other}
    assert len({(key.store_key, key.data_version) for key in keys}) == len(keys)
