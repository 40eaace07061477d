"""The engine's answers against the oracle's: plain Python that knows neither SQL nor the engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from metric_engine.engine.catalog import load_catalog
from metric_engine.engine.engine import Engine
from metric_engine.engine.periods import Compare, Grain
from metric_engine.engine.question import Question
from metric_engine.engine.warehouse import Warehouse
from tests.oracle.oracle import answer
from tests.oracle.questions import World, questions, same, texts, world

WORLDS = range(8)
QUESTIONS = 300


@pytest.fixture(params=WORLDS, ids="world{}".format)
def asked_world(request: pytest.FixtureRequest) -> World:
    return world(request.param)


@pytest.fixture
def engine(asked_world: World, tmp_path: Path) -> Iterator[Engine]:
    for name, text in texts(asked_world).items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    catalog = load_catalog(tmp_path)
    warehouse = Warehouse("sqlite://")
    warehouse.create_tables(catalog.tables.values())
    for name, rows in asked_world.rows.items():
        warehouse.upsert(catalog.tables[name], rows)
    yield Engine(catalog, warehouse)
    warehouse.close()


def test_every_answer_is_the_oracles(asked_world: World, engine: Engine, request: pytest.FixtureRequest) -> None:
    differing = []
    for question in questions(request.node.callspec.params["asked_world"], QUESTIONS):
        expected = answer(asked_world.definitions, rows=asked_world.rows, **asdict(question))
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
        differing += [f"{question}: {path}" for path in same(expected, actual)]
    assert not differing, "\n".join(differing[:12])
