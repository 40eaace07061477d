"""The answers of every engine against the oracle's: plain Python that knows neither SQL nor the engines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from engine.answer.engine import Engine
from engine.calendar import Compare, Grain
from engine.catalog.catalog import load_catalog
from engine.query import Question
from engine.warehouse.warehouse import Warehouse
from tests.support.conformance import record
from tests.support.oracle import questions as asking
from tests.support.oracle.oracle import answer
from tests.support.oracle.questions import questions, same, texts, world

WORLDS = range(10)
QUESTIONS = 300


@lru_cache(maxsize=len(WORLDS))
def expected(seed: int) -> list[tuple[asking.Question, Mapping[str, Any]]]:
    """The questions to a world, each with the oracle's answer: worked out once for all engines."""
    place = world(seed)
    return [
        (question, answer(place.definitions, rows=place.held, **asdict(question)))
        for question in questions(seed, QUESTIONS)
    ]


@pytest.fixture(params=WORLDS, ids="world{}".format)
def seed(request: pytest.FixtureRequest) -> int:
    number: int = request.param
    return number


@pytest.fixture
def engine(seed: int, warehouse_url: str, tmp_path: Path) -> Iterator[Engine]:
    place = world(seed)
    for name, text in texts(place).items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    catalog = load_catalog(tmp_path)
    warehouse = Warehouse(warehouse_url)
    warehouse.create_tables(catalog.tables.values())
    for name, rows in place.rows.items():
        warehouse.upsert(catalog.tables[name], rows)
    yield Engine(catalog, warehouse)
    warehouse.close()


def test_every_answer_is_the_oracles(seed: int, engine: Engine, engine_name: str) -> None:
    metrics = world(seed).definitions["metrics"]
    differing = []
    for question, wanted in expected(seed):
        actual = engine.answer(
            question.key,
            Question(
                question.start,
                question.end,
                Compare(question.compare),
                Grain(question.grain),
                None if question.sources is None else frozenset(question.sources),
            ),
            tenant=question.tenant,
            connected=frozenset(question.connected),
        )
        found = same(wanted, actual)
        record(engine_name, metrics[question.key], equal=not found)
        differing += [f"{question}: {path}" for path in found]
    assert not differing, "\n".join(differing[:12])
