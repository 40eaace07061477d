from __future__ import annotations

from engine.authoring.compare_answers import list_values
from tests.support.shipped import load_shipped_catalog


def test_a_tables_rows_are_values_by_their_ids() -> None:
    figures = {"value": 3, "previous": None, "delta": None, "to_date": None}
    body = {
        "series": [],
        "stats": figures,
        "items": [],
        "meta": {"currency": None},
        "table": {
            "columns": [{"name": "sessions"}],
            "rows": [{"id": "Email", "label": "E-mail", "currency": None, "values": {"sessions": figures}}],
            "total": {"sessions": figures},
            "count": 1,
        },
    }
    values = list_values(load_shipped_catalog().metrics["ga4.sessions"], body, {})
    assert values["table", "rows", "Email", "sessions", "value"] == 3
    assert values["table", "total", "sessions", "value"] == 3
    assert values["table", "count"] == 1
    assert all("label" not in path for path in values)
