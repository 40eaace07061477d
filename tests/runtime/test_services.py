"""Services: opened once from the environment, asked, reloaded and closed."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from engine.answer.engine import WidgetAnswer
from engine.errors import InvalidCatalog, StateUnavailable, UnknownMetric
from engine.query import parse_metric_query
from runtime.services import Services
from tests.support.environment import read_settings
from tests.support.paths import METRICS

USER = "6f1c1f0e-2a57-4f0b-9d53-3a4b9b7d9f10"
QUESTION = parse_metric_query(today=date(2025, 2, 1), start="2025-01-01", end="2025-01-02")


def open_services(folder: Path, metrics: Path = METRICS) -> Services:
    return Services.open(read_settings({"DATABASE_URL": f"sqlite:///{folder}/all.db", "METRICS_DIR": str(metrics)}))


def load_sessions(services: Services) -> None:
    services.state.connections.mark_external(USER, "ga4", "1")
    rows = [{"user_id": USER, "property_id": "1", "date": date(2025, 1, 1), "sessions": 7}]
    services.warehouse.upsert(services.catalog.tables["ga4_daily"], rows)


def test_what_is_opened_answers(tmp_path: Path) -> None:
    with open_services(tmp_path) as services:
        load_sessions(services)
        answers = services.query_many(["ga4.sessions", "ga4.sesions"], QUESTION, user=USER)
    found = answers["ga4.sessions"]
    assert isinstance(found, WidgetAnswer)
    assert found.body["stats"]["value"] == 7
    assert isinstance(answers["ga4.sesions"], UnknownMetric)


def test_without_the_state_the_last_known_sources_are_answered_from_the_cache(tmp_path: Path) -> None:
    with open_services(tmp_path) as services:
        load_sessions(services)
        services.query_many(["ga4.sessions"], QUESTION, user=USER)
        services.state.database.close()
        (tmp_path / "all.db").rename(tmp_path / "away.db")
        (tmp_path / "all.db").mkdir()
        found = services.query_many(["ga4.sessions"], QUESTION, user=USER)["ga4.sessions"]
        assert isinstance(found, WidgetAnswer)
        assert found.body["stats"]["value"] == 7
        with pytest.raises(StateUnavailable):
            services.query_many(["ga4.sessions"], QUESTION, user=USER.replace("6", "7"))


def test_an_invalid_folder_opens_nothing(tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text("metrics: {a.b: sum(}\n")
    with pytest.raises(InvalidCatalog):
        open_services(tmp_path, tmp_path)
    assert not (tmp_path / "all.db").exists()
