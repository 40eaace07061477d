"""Each node of a folder's files, replaced by a wrong one: always a diagnostic, and never a failed check."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from engine.diagnostics import UNREADABLE, Diagnostics
from engine.errors import InvalidCatalog
from engine.files.document import parse_document
from insights.config.load import load_catalog
from tests.conftest import EveryNth
from tests.support.examples import try_examples
from tests.support.paths import METRICS

KeyPath = tuple[str | int, ...]

# A small folder that has every kind of node.
METRIC_FILE: dict[str, Any] = {
    "source": "ga4",
    "table": "t",
    "vars": {"paid": "('a')", "names": ["a", {"b": 1}]},
    "tables": {
        "t": {
            "time": "date",
            "tenant": "user_id",
            "name": "analytics.t",
            "restates": 3,
            "currency": "currency",
            "key": ["user_id", "date"],
            "columns": {
                "user_id": "uuid",
                "date": {"type": "date", "column": "day"},
                "channel": "text",
                "currency": "text",
                "users": {"type": "bigint", "additive": False},
                "spend": {"type": "numeric", "money": True},
            },
        },
        "q": {
            "time": "date",
            "sql": "SELECT user_id, date, users FROM {{ table('t') }} WHERE channel IN {{ paid }}",
            "columns": {"user_id": "uuid", "date": "date", "users": {"type": "bigint", "additive": False}},
        },
    },
    "metrics": {
        "m.short": "sum(spend)",
        "m.value": {
            "title": "T",
            "description": "D",
            "table": "t",
            "value": "sum(users)",
            "where": "channel = 'a'",
            "by": "channel",
            "top": 3,
            "other": False,
            "total": "average",
            "fill": "zero",
            "delta": "absolute",
            "format": "integer",
            "better": "up",
            "chart": "line",
            "hidden": True,
        },
        "m.series": {
            "series": {"A": "sum(spend)", "B": "count(*)"},
            "headline": "A",
            "items": {"by": "channel", "show": ["date"], "values": {"n": "count(*)"}, "order": "n", "limit": 3},
            "tests": [
                {
                    "name": "n",
                    "rows": [{"date": "2025-01-01", "spend": 3}],
                    "start": "2025-01-01",
                    "end": "2025-01-02",
                    "compare": "previous_period",
                    "grain": "day",
                    "expect": {
                        "stats": {"value": 3, "previous": None},
                        "points": {"2025-01-01": 3},
                        "comparison": {"2024-12-31": None},
                        "series": {"A": {"stats": {"value": 3}, "points": {"2025-01-01": 3}}},
                        "items": [{"id": "a"}],
                        "meta": {"currency": None},
                    },
                }
            ],
        },
        "m.derive": {"derive": "m.short / m.count"},
        "m.count": "count(*)",
        "m.combine": {
            "combine": ["m.short", "m.count"],
            "stat": "correlation",
            "tests": [
                {
                    "name": "n",
                    "rows": {"t": [{"date": "2025-01-01"}]},
                    "start": "2025-01-01",
                    "end": "2025-01-02",
                    "expect": {"stats": {"value": None}},
                }
            ],
        },
    },
}
INSIGHTS_FILE: dict[str, Any] = {
    "facts": {
        "spend": {"change": "m.short"},
        "pair": {"pair": ["m.short", "m.count"]},
    },
    "advice": {"look": "Look at it."},
    "general": ["look"],
    "rules": {
        "up": {
            "group": "Traffic",
            "importance": 3,
            "about": ["spend"],
            "when": "spend.direction == 'up'",
            "say": "Spend is {{ spend.change }}",
            "advice": {"look": True},
        },
    },
}
WRONG_NODES: tuple[object, ...] = (
    *(None, True, -1.5, 10**19, "", "date", "sum(spend) * 1e", "{{ x", "a.b.c"),
    *([], {}, [[], None], [{"key": "a"}], {"a": {"b": []}}),
)


def list_paths(node: Any, path: KeyPath = ()) -> Iterator[KeyPath]:
    yield path
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in children:
        yield from list_paths(child, (*path, key))


def replace_node(node: Any, path: KeyPath, wrong: object) -> Any:
    if not path:
        return wrong
    copy = node.copy()
    copy[path[0]] = replace_node(node[path[0]], path[1:], wrong)
    return copy


def find_failed_checks(folder: Path) -> list[str]:
    """The problems of a folder that are a fault of the program."""
    try:
        load_catalog(folder)
    except InvalidCatalog as invalid:
        return [str(each) for each in invalid.diagnostics if each.code == UNREADABLE]
    return []


def write_folder(folder: Path, metrics: object, insights: object = None) -> None:
    (folder / "m.yaml").write_text(json.dumps(metrics), encoding="utf-8")
    (folder / "insights.yaml").unlink(missing_ok=True)
    if insights is not None:
        (folder / "insights.yaml").write_text(json.dumps(insights), encoding="utf-8")


def test_the_folder_itself_is_sound(tmp_path: Path) -> None:
    write_folder(tmp_path, METRIC_FILE, INSIGHTS_FILE)
    load_catalog(tmp_path)


# Insights see of a metric file which keys it has, and nothing deeper.
@pytest.mark.parametrize(("insights", "depth"), [(INSIGHTS_FILE, 2), (None, 9)], ids=("insights", "no insights"))
def test_any_wrong_node_of_a_metric_file_is_a_diagnostic(
    insights: object, depth: int, tmp_path: Path, every_nth: EveryNth
) -> None:
    paths = [path for path in list_paths(METRIC_FILE) if len(path) <= depth]
    # One or two a node; thirteen is no divisor of how many wrong nodes there are, so that the sample has each of them.
    for path, wrong in every_nth(product(paths, WRONG_NODES), 13):
        write_folder(tmp_path, replace_node(METRIC_FILE, path, wrong), insights)
        assert find_failed_checks(tmp_path) == [], (path, wrong)


def test_any_wrong_node_of_insights_is_a_diagnostic(tmp_path: Path, every_nth: EveryNth) -> None:
    for path, wrong in every_nth(product(list_paths(INSIGHTS_FILE), WRONG_NODES), 13):
        write_folder(tmp_path, METRIC_FILE, replace_node(INSIGHTS_FILE, path, wrong))
        assert find_failed_checks(tmp_path) == [], (path, wrong)


@try_examples(25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_wrong_node_of_a_shipped_file_is_a_diagnostic(tmp_path: Path, data: st.DataObject) -> None:
    names = sorted(path.name for path in METRICS.glob("*.yaml"))
    chosen = data.draw(st.sampled_from(names))
    document = parse_document(chosen, (METRICS / chosen).read_bytes(), Diagnostics())
    assert document is not None
    path = data.draw(st.sampled_from(list(list_paths(document.data))))
    wrong = data.draw(st.sampled_from(WRONG_NODES))
    with_insights = data.draw(st.booleans())
    for name in names:
        (tmp_path / name).unlink(missing_ok=True)
        if name == chosen:
            (tmp_path / name).write_text(json.dumps(replace_node(document.data, path, wrong)), encoding="utf-8")
        elif with_insights or not name.startswith("insights"):
            (tmp_path / name).write_bytes((METRICS / name).read_bytes())
    assert find_failed_checks(tmp_path) == []
