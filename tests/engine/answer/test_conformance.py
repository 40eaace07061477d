"""The answers of every engine against the oracle's: plain Python that knows neither SQL nor the engines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from engine.answer.engine import Engine
from engine.answer.extent import AccountRead, AccountReads
from engine.answer.fetch import RequestContext
from engine.calendar import Compare, Grain
from engine.catalog.catalog import Catalog, load_catalog
from engine.query import DimensionFilter, MetricQuery, parse_order
from engine.warehouse.warehouse import Warehouse
from tests.conftest import ALL, ENGINES
from tests.support.conformance import record_answer
from tests.support.oracle import questions as asking
from tests.support.oracle.questions import dump_files, find_differences, get_world, iter_questions

WORLDS = range(10)
# How many questions a world is asked: a sample at every run, and all of them with --all.
SAMPLE, QUESTIONS = 20, 300
# The engines that a world of the sample is on, one pair after the other: so each engine has five of ten worlds.
PAIRS = (
    *(("sqlite", "postgres"), ("duckdb", "clickhouse"), ("sqlite", "duckdb"), ("postgres", "clickhouse")),
    *(("sqlite", "clickhouse"), ("postgres", "duckdb")),
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    asks_all = metafunc.config.getoption(ALL)
    cases = [(seed, name) for seed in WORLDS for name in (ENGINES if asks_all else PAIRS[seed % len(PAIRS)])]
    metafunc.parametrize(("seed", "engine_name"), cases, ids=[f"world{seed}-{name}" for seed, name in cases])


@lru_cache(maxsize=len(WORLDS))
def compute_expected(seed: int, count: int) -> list[tuple[asking.OracleRequest, Mapping[str, Any]]]:
    """The questions to a world, each with the oracle's answer: worked out once for all engines."""
    place = get_world(seed)
    return [(question, asking.answer_request(place, question)) for question in iter_questions(seed, count)]


@lru_cache(maxsize=len(WORLDS))
def load_world(seed: int) -> Catalog:
    """Load a world's files, once for all engines."""
    with TemporaryDirectory() as folder:
        for name, text in dump_files(get_world(seed)).items():
            (Path(folder) / name).write_text(text, encoding="utf-8")
        return load_catalog(Path(folder))


@pytest.fixture
def engine(seed: int, warehouse_url: str) -> Iterator[Engine]:
    place = get_world(seed)
    catalog = load_world(seed)
    warehouse = Warehouse(warehouse_url)
    warehouse.create_tables(catalog.tables.values())
    for name, rows in place.rows.items():
        warehouse.upsert(catalog.tables[name], rows)
    yield Engine(catalog, warehouse)
    warehouse.close()


def test_every_answer_is_the_oracles(
    seed: int, engine: Engine, engine_name: str, request: pytest.FixtureRequest
) -> None:
    count = QUESTIONS if request.config.getoption(ALL) else SAMPLE
    place = get_world(seed)
    metrics = place.definitions["metrics"]
    differing = []
    for question, wanted in compute_expected(seed, count):
        actual = engine.query(
            question.key,
            MetricQuery(
                question.start,
                question.end,
                Compare(question.compare),
                Grain(question.grain),
                None if question.sources is None else frozenset(question.sources),
                compare_start=question.compare_start,
                filters=tuple(
                    DimensionFilter(name, each.get("filter", ()), each.get("exclude", ()))
                    for name, each in question.filters.items()
                ),
                by=question.by,
                top=question.top,
                sort=parse_order(question.sort),
                limit=question.limit,
                offset=question.offset,
            ),
            RequestContext(
                tenant=question.tenant,
                connected=frozenset(question.connected),
                reads=convert_reads(place.reads.get(question.tenant, {})),
            ),
        ).body
        found = find_differences(wanted, actual)
        record_answer(engine_name, metrics[question.key], equal=not found)
        differing += [f"{question}: {path}" for path in found]
    assert not differing, "\n".join(differing[:12])


def convert_reads(reads: Mapping[str, Mapping[str, Any]]) -> AccountReads:
    """Convert what the oracle's world has read to the engine's words."""
    return {
        table: {
            account: AccountRead(read.through, read.is_late, read.is_connected) for account, read in accounts.items()
        }
        for table, accounts in reads.items()
    }
