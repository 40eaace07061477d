"""The generator: the same for a seed, valid, awkward enough, and compared fairly."""

from __future__ import annotations

from copy import deepcopy
from datetime import date
from fractions import Fraction
from typing import Any

import pytest
import yaml

from tests.conftest import ALL
from tests.support.oracle.definitions import OracleCatalog, merge_files
from tests.support.oracle.questions import (
    ALL_FEATURES,
    ANSWERED,
    OracleRequest,
    OracleWorld,
    QuestionFeatures,
    answer_request,
    dump_files,
    find_differences,
    get_world,
    iter_questions,
    make_world,
)
from tests.support.oracle.syntax import OracleAggregate, list_columns, walk_nodes
from tests.support.oracle.world_rows import HUGE


def test_a_seed_says_everything() -> None:
    assert make_world(1) == make_world(1)
    assert list(iter_questions(1, 50)) == list(iter_questions(1, 50))
    assert list(iter_questions(1, 50, QuestionFeatures())) != list(iter_questions(1, 50, ALL_FEATURES))
    assert get_world(1).rows != get_world(2).rows


def test_yaml_reads_back_as_the_definitions() -> None:
    place = get_world(3)
    assert merge_files(yaml.safe_load(text) for text in dump_files(place).values()) == place.definitions
    place = get_world(3, ALL_FEATURES)
    assert merge_files(yaml.safe_load(text) for text in dump_files(place).values()) == place.definitions


def test_every_kind_in_the_language() -> None:
    place = get_world(4, ALL_FEATURES)
    metrics = place.definitions["metrics"].values()
    assert len(metrics) >= 40
    said = {key for metric in metrics for key in metric}
    assert said >= {
        *("value", "series", "headline", "where", "by", "top", "other", "items", "combine", "derive"),
        *("stat", "total", "fill", "delta", "hidden", "title", "format", "better", "table"),
        *("order", "rows", "columns", "having", "limit", "rolling", "to_date", "target"),
    }
    assert {metric.get("total") for metric in metrics} >= {"period", "average", "last", "first"}


def test_every_metric_on_a_column_that_may_not_be_summed_states_its_total() -> None:
    for seed in range(5):
        place = get_world(seed, ALL_FEATURES)
        catalog = OracleCatalog(place.definitions)
        for key, metric in place.definitions["metrics"].items():
            if "table" not in metric:
                continue
            unsummable = catalog.get_table(key).unsummable
            for measure in (*catalog.list_measures(key), *catalog.list_item_values(key)):
                used = {
                    name
                    for part in walk_nodes(measure.node)
                    if isinstance(part, OracleAggregate)
                    for name in list_columns(part)
                }
                entry = metric.get("series", metric.get("columns", {})).get(measure.name)
                states_total = "total" in metric or (isinstance(entry, dict) and "total" in entry)
                assert states_total or used.isdisjoint(unsummable), key


@pytest.mark.parametrize("features", [ANSWERED, ALL_FEATURES], ids=["answered", "all"])
def test_rows_are_awkward_and_their_keys_unique(features: QuestionFeatures) -> None:
    place = get_world(5, features)
    for name, rows in place.rows.items():
        table = place.definitions["tables"][name]
        assert len({tuple(row[column] for column in table["key"]) for row in rows}) == len(rows)
        assert all(row.keys() == table["columns"].keys() for row in rows)
        assert {row["user_id"] for row in rows} == {*place.tenants[:-1]}
    cells = [value for rows in place.rows.values() for row in rows for value in row.values()]
    assert any(isinstance(value, int) and abs(value) >= HUGE - 9 for value in cells)
    assert {None, 0, "Other", "(not set)", "", "brand"} <= set(cells)


@pytest.mark.slow
def test_sums_are_exact_in_double_precision() -> None:
    for seed in range(5):
        place = get_world(seed, ALL_FEATURES)
        for rows in place.held.values():
            for tenant in place.tenants:
                mine = [row for row in rows if row["user_id"] == tenant]
                for column in mine[0] if mine else ():
                    numbers = [row[column] for row in mine if isinstance(row[column], int | float | Fraction)]
                    assert all(value * 4 == int(value * 4) for value in numbers)
                    assert sum(abs(value) for value in numbers) < 2**52 / 2


@pytest.mark.slow
def test_questions_cover_the_keys_and_get_telling_answers(request: pytest.FixtureRequest) -> None:
    """Those to three worlds meet every kind; with `--all` those to eight tell of every key."""
    asks_all = request.config.getoption(ALL)
    told: set[str] = set()
    kinds: set[object] = set()
    for seed in range(8 if asks_all else 3):
        place = get_world(seed, ALL_FEATURES)
        for question in iter_questions(seed, 250, ALL_FEATURES):
            assert 1 <= (question.end - question.start).days + 1 <= 1100
            found = answer_request(place, question)
            kinds |= {question.compare, question.grain, found["meta"]["currency"]}
            kinds |= {"items"} if found["items"] else set()
            kinds |= {"to date"} if found["stats"]["to_date"] else set()
            kinds |= {"late"} if found["meta"]["notes"] else set()
            kinds |= {"applied"} if found["meta"]["filters"]["applied"] and found["stats"]["value"] else set()
            kinds |= {"ignored"} if found["meta"]["filters"]["ignored"] else set()
            kinds |= {"unfiltered" for one in found["series"] if "filtered" in one}
            kinds |= (
                {*("own money" for one in found["series"] if one["stats"]["value"] and one["currency"] == "EUR")}
                if found["meta"]["currency"] == "mixed"
                else set()
            )
            kinds |= {"labels" for one in found["series"] if one.get("id", one["name"]) != one["name"]}
            rows = found.get("table", {}).get("rows", ())
            kinds |= {"row money" for row in rows if found["meta"]["currency"] == "mixed" and row["currency"] == "EUR"}
            kinds |= {"row label" for row in rows if row["id"] != row["label"]}
            kinds |= {"cut table"} if len(rows) < found.get("table", {}).get("count", 0) else set()
            target = found.get("target") or {}
            kinds |= {f"target's {part}" for part in ("due", "progress", "projected") if target.get(part)}
            kinds |= {"partly"} if found["meta"]["missing_sources"] and found["series"] else set()
            if found["stats"]["value"] is not None:
                told.add(question.key)
    # Conditions made at random may keep no row.
    assert sum(key.startswith("ga4.query") for key in told) >= 14
    # A correlation needs three whole buckets at which both parts have a value, which some never get.
    correlations = {key for key, metric in place.definitions["metrics"].items() if "stat" in metric}
    assert len(told & correlations) >= 4
    keys = {key for key in list_served_keys(place) if not key.startswith("ga4.query")}
    untold = keys - told - correlations
    assert untold >= {"ga4.never_rate", "corr.over_nothing"}
    assert len(untold) == 2 or (not asks_all and len(untold) < len(keys) / 10)
    assert kinds >= {"off", "previous_period", "previous_year", "day", "week", "month", "items", "partly"}
    assert kinds >= {"previous_month", "previous_year_weekday", "custom", "quarter", "year"}
    assert kinds >= {"to date", "late", "applied", "ignored", "unfiltered", "own money", "labels"}
    assert kinds >= {"target's due", "target's progress", "target's projected"}
    assert kinds >= {"row money", "row label", "cut table"}
    assert kinds >= {None, "USD", "EUR", "mixed"}


def list_served_keys(place: OracleWorld) -> list[str]:
    return [key for key, metric in place.definitions["metrics"].items() if not metric.get("hidden")]


def answer_telling_request() -> dict[str, Any]:
    place = get_world(6)
    question = OracleRequest(
        key="ig.content_perf",
        tenant=place.tenants[0],
        start=date(2023, 1, 1),
        end=date(2025, 3, 31),
        compare="previous_year",
        compare_start=None,
        grain="month",
        sources=None,
        connected=("instagram",),
        filters={},
        by=None,
        top=None,
        sort=None,
        limit=None,
        offset=None,
    )
    return answer_request(place, question)


def test_same_names_what_differs() -> None:
    expected = answer_telling_request()
    actual = deepcopy(expected)
    assert find_differences(expected, actual) == []
    actual["series"][1]["points"][2]["v"] = "7"
    actual["series"][0]["name"] = "Else"
    actual["comparison"]["series"][0]["points"].pop()
    actual["items"][0]["values"]["more"] = 1
    actual["items"][0]["caption"] = "changed"
    actual["stats"]["value"] *= 1.00001
    del actual["meta"]["total"]
    assert [line.partition(":")[0] for line in find_differences(expected, actual)] == [
        *("series[0].name", "series[1].points[2].v", "stats.value", "comparison.series[0].points"),
        *("items[0].caption", "items[0].values.more", "meta.total"),
    ]


def test_same_forgives_rounding_order_of_sources_and_further_fields() -> None:
    expected = answer_telling_request()
    expected["meta"]["sources"] = ["ga4", "meta"]
    actual = deepcopy(expected)
    actual["meta"] |= {"sources": ["meta", "ga4"], "stale": True}
    actual["stats"]["value"] *= 1 + 1e-12
    actual["series"][0]["color"] = "red"
    assert find_differences(expected, actual) == []


def test_same_wants_numbers_and_the_comparison() -> None:
    expected = answer_telling_request()
    actual = deepcopy(expected)
    del actual["comparison"]
    assert "comparison: only in the expected answer" in find_differences(expected, actual)
    actual = {**expected, "stats": {**expected["stats"], "value": float("nan")}}
    assert [line.partition(":")[0] for line in find_differences(expected, actual)] == ["stats.value"]
