"""dbt semantic manifests as metric files: the numbers by hand, and everything that is not carried over named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.authoring.exchange.import_dbt import import_dbt_manifest
from engine.authoring.exchange.imported_files import ImportedFiles
from engine.authoring.test_runner import answer_test, make_tenant, open_test_engine
from engine.catalog.catalog import Catalog, load_catalog
from engine.errors import InvalidImport
from engine.files.metric_tests import TestDefinition
from tests.support.manifests import (
    make_category,
    make_manifest,
    make_measure,
    make_metric,
    make_model,
    make_time,
    use_measure,
    use_metric,
)

ORDERS = make_model(
    "orders",
    [
        make_measure("orders", "sum", "1"),
        make_measure("revenue", "sum", "amount - discount"),
        make_measure("customers", "count_distinct", "customer_id"),
        make_measure("average_amount", "average", "amount"),
        make_measure("largest", "max", "amount"),
        make_measure("gifts", "sum_boolean", "is_gift"),
        make_measure("coupons", "count", "coupon"),
        make_measure("shipped", "sum", "1", agg_time_dimension="shipped_on"),
        make_measure("median_amount", "median", "amount"),
        make_measure("top_amount", "percentile", "amount"),
        make_measure(
            "stock",
            "sum",
            "stock",
            non_additive_dimension={"name": "ordered_on", "window_choice": "max", "window_groupings": ["customer"]},
        ),
        make_measure("unused", "sum", "amount"),
        make_measure("boxes", "sum", "2", create_metric=True, description="Two an order."),
    ],
    make_time("shipped_on"),
    make_category("is_gift"),
    make_category("country", "ship_country"),
    make_category("size", "upper(size_code)"),
)
VISITS = make_model(
    "visits", [make_measure("visits", "sum", "1")], {**make_category("country"), "label": "Country of the visitor"}
)
SIMPLE = [
    make_metric(name, "simple", measure=use_measure(name))
    for name in ("orders", "revenue", "customers", "average_amount", "largest", "gifts", "coupons", "shipped", "stock")
]
GIFT = "{{ Dimension('order__is_gift') }}"
FILTERED = [
    make_metric("gift_revenue", "simple", condition=GIFT, measure=use_measure("revenue")),
    make_metric(
        "dutch_orders",
        "simple",
        condition="{{ Dimension('order__country') }} = 'NL' OR {{ Entity('customer') }} IS NULL",
        measure=use_measure("orders", condition="NOT {{ Dimension('order__is_gift') }}", fills_with=0),
    ),
    {**make_metric("visits", "simple", measure=use_measure("visits")), "label": "Visits of the shop"},
    make_metric(
        "since_february",
        "simple",
        condition="{{ TimeDimension('metric_time', 'day') }} >= '2025-01-03'",
        measure=use_measure("orders"),
    ),
]
MADE_OF_OTHERS = [
    make_metric("per_customer", "ratio", numerator=use_metric("revenue"), denominator=use_metric("customers")),
    make_metric("conversion", "ratio", numerator=use_metric("orders"), denominator=use_metric("visits")),
    make_metric(
        "gift_share",
        "ratio",
        numerator=use_metric("revenue", condition=GIFT, alias="of_gifts"),
        denominator=use_metric("revenue"),
    ),
    make_metric(
        "without_gifts",
        "derived",
        expr="(revenue - g) * 1.0 / NULLIF(orders - 1, 0)",
        metrics=[use_metric("revenue"), use_metric("gift_revenue", alias="g"), use_metric("orders")],
    ),
    make_metric("nested", "derived", condition=GIFT, expr="2 * per_customer", metrics=[use_metric("per_customer")]),
    make_metric(
        "orders_3d",
        "cumulative",
        measure=use_measure("orders"),
        cumulative_type_params={"window": {"count": 3, "granularity": "day"}, "period_agg": "last"},
    ),
    make_metric(
        "revenue_mtd",
        "cumulative",
        cumulative_type_params={"grain_to_date": "month", "period_agg": "last", "metric": use_metric("gift_revenue")},
    ),
]
QUESTION = {"name": "", "rows": {}, "start": "2025-01-01", "end": "2025-01-03", "expect": {}}
TENANT_COLUMN = "shop_id"


def import_files(content: bytes) -> ImportedFiles:
    return import_dbt_manifest("manifest.json", content, source="shop", tenant=TENANT_COLUMN)


def write_catalog(imported: ImportedFiles, folder: Path) -> Catalog:
    for name, text in imported.texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return load_catalog(folder)


@pytest.fixture(scope="module")
def imported() -> ImportedFiles:
    return import_files(make_manifest([ORDERS, VISITS], [*SIMPLE, *FILTERED, *MADE_OF_OTHERS]))


def make_order(day: int, customer: str | None, amount: float, **given: Any) -> dict[str, Any]:
    values = {"discount": 1, "is_gift": False, "ship_country": "NL", "stock": 5}
    return {"ordered_on": f"2025-01-0{day}", "customer_id": customer, "amount": amount, **values, **given}


ROWS = {
    "orders": [
        make_order(1, "a", 11, is_gift=True, coupon="x"),
        make_order(1, "b", 21, ship_country="DE"),
        make_order(3, "a", 31, stock=7),
        make_order(3, None, 41, ship_country="DE", coupon="y"),
    ],
    "orders_by_shipped_on": [{"shipped_on": "2025-01-02"}, {"shipped_on": "2025-01-03"}],
    "orders_per_customer_id": [make_order(1, "a", 1), make_order(1, "b", 1, stock=3), make_order(3, "a", 1, stock=7)],
    "visits": [{"ordered_on": "2025-01-01"}] * 3 + [{"ordered_on": "2025-01-03"}],
}
# By hand: a metric's total over three days, and its points.
ANSWERS: dict[str, tuple[float | None, list[float | None]]] = {
    "orders": (4, [2, None, 2]),
    "revenue": (100, [30, None, 70]),
    "customers": (2, [2, None, 1]),
    "average_amount": (26, [16, None, 36]),
    "largest": (41, [21, None, 41]),
    "gifts": (1, [1, None, 0]),
    "coupons": (2, [1, None, 1]),
    "boxes": (8, [4, None, 4]),
    "shipped": (2, [None, 1, 1]),
    "stock": (10, [8, None, 7]),
    "gift_revenue": (10, [10, None, None]),
    "dutch_orders": (2, [0, 0, 2]),
    "since_february": (2, [None, None, 2]),
    "visits": (4, [3, None, 1]),
    "per_customer": (50, [15, None, 70]),
    "conversion": (1, [2 / 3, None, 2]),
    "gift_share": (0.1, [1 / 3, None, None]),
    "without_gifts": (30, [20, None, None]),
    "nested": (20, [20, None, None]),
    "orders_3d": (4, [None, None, 4]),
    "revenue_mtd": (10, [10, 10, 10]),
}


def test_what_is_imported_answers_as_the_manifest_means_it(imported: ImportedFiles, tmp_path: Path) -> None:
    catalog = write_catalog(imported, tmp_path)
    assert {key.removeprefix("shop.") for key in catalog.widgets} == set(ANSWERS)
    test = TestDefinition.model_validate(QUESTION)
    rows = {
        name: [
            {column: value for column, value in row.items() if column in catalog.tables[name].columns} for row in given
        ]
        for name, given in ROWS.items()
    }
    with open_test_engine(catalog) as engine:
        for number, (name, (value, points)) in enumerate(ANSWERS.items()):
            body = answer_test(engine, f"shop.{name}", test, rows, make_tenant(number))
            found = [point["v"] for point in body["series"][0]["points"]]
            assert found == pytest.approx(points), name
            assert body["stats"]["value"] == pytest.approx(value), name


def test_a_file_is_written_as_by_hand(imported: ImportedFiles) -> None:
    assert sorted(imported.texts) == ["derived.yaml", "orders.yaml", "sources.yaml", "visits.yaml"]
    assert imported.texts["visits.yaml"].split("\n", 2)[2] == (
        "source: shop\n"
        "table: visits\n"
        "\n"
        "tables:\n"
        "  visits:\n"
        "    name: analytics.visits\n"
        "    time: ordered_on\n"
        "    tenant: shop_id\n"
        # Two models have a country, which need not be the same thing; a customer is one customer.
        "    dimensions:\n"
        "      visit: id\n"
        "      customer: customer_id\n"
        "      visit__country: {column: country, title: Country of the visitor}\n"
        "    columns: {shop_id: uuid, ordered_on: date, id: text, customer_id: text, country: text}\n"
        "\n"
        "metrics:\n"
        "  shop.visits:\n"
        "    title: Visits of the shop\n"
        "    value: count(*)\n"
        "    fill: null\n"
        "    format: integer\n"
    )


def test_columns_have_the_types_that_their_uses_have(imported: ImportedFiles, tmp_path: Path) -> None:
    columns = write_catalog(imported, tmp_path).tables["orders"].columns
    types = {name: column.type for name, column in columns.items()}
    assert types["is_gift"] == "boolean"
    assert types["amount"] == types["discount"] == "double"
    assert types["customer_id"] == types["ship_country"] == types["coupon"] == "text"
    assert "size_code" not in types


def test_a_metric_that_states_its_own_aggregation(tmp_path: Path) -> None:
    params = {"semantic_model": "orders", "agg": "sum", "agg_params": None, "agg_time_dimension": None}
    metric = make_metric("net", "simple", metric_aggregation_params=params, expr="amount - discount", is_private=True)
    other = make_metric("twice", "derived", expr="net * 2", metrics=[use_metric("net")])
    imported = import_files(make_manifest([{**ORDERS, "measures": []}], [metric, other]))
    catalog = write_catalog(imported, tmp_path)
    assert catalog.metrics["shop.net"].hidden
    assert list(catalog.widgets) == ["shop.twice"]


OMISSIONS: list[tuple[dict[str, Any], str, str]] = [
    (
        make_metric("m", "simple", measure=use_measure("top_amount")),
        "metrics[1]",
        "a percentile is not carried over",
    ),
    (
        make_metric("m", "conversion", conversion_type_params={"base_measure": {"name": "visits"}, "entity": "user"}),
        "metrics[1].type_params",
        "a conversion metric",
    ),
    (
        make_metric("m", "derived", expr="a - b", metrics=[use_metric("orders", offset_window="1 week")]),
        "metrics[1].type_params.metrics[0].offset_window",
        "an offset",
    ),
    (
        make_metric("m", "derived", expr="orders", metrics=[use_metric("orders", offset_to_grain="month")]),
        "metrics[1].type_params.metrics[0].offset_to_grain",
        "an offset",
    ),
    (
        make_metric("m", "derived", expr="sqrt(orders)", metrics=[use_metric("orders")]),
        "metrics[1]",
        "derive is arithmetic",
    ),
    (
        make_metric("m", "derived", expr="orders + others", metrics=[use_metric("orders")]),
        "metrics[1].type_params.expr",
        "'others' is none of its metrics",
    ),
    (
        make_metric("m", "cumulative", measure=use_measure("orders")),
        "metrics[1].type_params",
        "adds up all that ever was",
    ),
    (
        make_metric("m", "cumulative", measure=use_measure("orders"), window={"count": 2, "granularity": "month"}),
        "metrics[1].type_params",
        "a window of 2 month",
    ),
    (
        make_metric("m", "cumulative", measure=use_measure("customers"), window="3 days"),
        "metrics[1]",
        "does not add up over days",
    ),
    (
        make_metric(
            "m", "simple", measure=use_measure("orders"), condition="{{ Dimension('customer__country') }} = 'NL'"
        ),
        "metrics[1].filter",
        "reached by a join",
    ),
    (
        make_metric("m", "simple", measure=use_measure("orders"), condition="{{ Dimension('order__contry') }} = 'NL'"),
        "metrics[1].filter",
        "did you mean 'order__country'?",
    ),
    (
        make_metric("m", "simple", measure=use_measure("orders"), condition="{{ Metric('orders', ['customer']) }} > 2"),
        "metrics[1].filter",
        "the metric 'orders' of each entity",
    ),
    (
        make_metric(
            "m",
            "simple",
            measure=use_measure("orders"),
            condition="{{ TimeDimension('metric_time', 'month') }} = '2025-01-01'",
        ),
        "metrics[1].filter",
        "only days can be compared",
    ),
    (
        make_metric("m", "simple", measure=use_measure("orders"), condition="regexp_like(coupon, 'a')"),
        "metrics[1].filter",
        "is not allowed",
    ),
    (make_metric("m", "forecast"), "metrics[1].type", "there is no type 'forecast'"),
    (
        {**make_metric("m", "simple", measure=use_measure("orders")), "config": {"meta": {"owner": "me"}}},
        "metrics[1].config",
        "this key is not carried over",
    ),
    (
        {**make_metric("m", "simple", measure=use_measure("orders")), "time_granularity": "month"},
        "metrics[1].time_granularity",
        "a request says its grain",
    ),
    (
        make_metric("m", "simple", measure=use_measure("orders", fills_with=7)),
        "metrics[1].type_params",
        "fill_nulls_with 7",
    ),
]


@pytest.mark.parametrize(("metric", "place", "message"), OMISSIONS)
def test_what_is_not_carried_over_is_named_with_its_place(metric: dict[str, Any], place: str, message: str) -> None:
    imported = import_files(make_manifest([ORDERS], [SIMPLE[0], metric]))
    (found,) = [each for each in imported.omissions if f"{place}: " in each.message and message in each.message]
    assert found.code == "not-carried"
    assert found.metric in ("m", None)


def test_other_constructs_are_named_too() -> None:
    hourly = make_model("clicks", [make_measure("clicks", "sum", "1")], defaults={"agg_time_dimension": "at"})
    hourly["dimensions"].append(make_time("at", "hour"))
    spine = {"node_relation": {}, "primary_column": {}, "custom_granularities": [{"name": "fiscal_year"}]}
    project = {"time_spines": [spine], "dsi_package_version": {"major_version": "0"}}
    history = make_model("prices", [], {**make_time("valid_from"), "type_params": {"time_granularity": "day"}})
    history["dimensions"][0] |= {"is_partition": True, "description": "The day."}
    history |= {"description": "Prices over time."}
    history["entities"][1]["role"] = "buyer"
    history["dimensions"][1]["type_params"]["validity_params"] = {"is_start": True, "is_end": False}
    metrics = [SIMPLE[0], make_metric("clicks", "simple", measure=use_measure("clicks"))]
    queries = [{"name": "weekly", "query_params": {"metrics": ["orders"]}, "exports": []}]
    manifest = make_manifest(
        [ORDERS, hourly, history], metrics, project_configuration=project, saved_queries=queries, semantics="new"
    )
    messages = [each.message for each in import_files(manifest).omissions]
    for expected in (
        "project_configuration.time_spines[0].custom_granularities[0]: a granularity of one's own",
        "saved_queries[0]: the saved query 'weekly' is not carried over",
        "semantics: this key is not carried over",
        "semantic_models[2].dimensions[1].type_params.validity_params: validity serves joins",
        "semantic_models[2]: no metric here reads 'prices'",
        "semantic_models[2].description: only metrics have a description here",
        "semantic_models[2].dimensions[0].description: only metrics have a description here",
        "semantic_models[2].dimensions[0].is_partition: a partition serves joins",
        "semantic_models[2].entities[1].role: a role serves joins",
        "metrics[1]: the time 'at' is by hour",
        "semantic_models[0].measures[11]: no metric is made of the measure 'unused'",
        "semantic_models[0].dimensions[4]: the dimension 'size' is the expression 'upper(size_code)'",
    ):
        assert [each for each in messages if each.startswith(expected)], expected


def test_of_many_metrics_each_is_written_or_named() -> None:
    derived = [
        make_metric(f"d{number}", "derived", expr="orders", metrics=[use_metric("orders")]) for number in range(301)
    ]
    median = [make_metric(f"m{number}", "simple", measure=use_measure("top_amount")) for number in range(250)]
    imported = import_files(make_manifest([{**ORDERS, "name": "derived"}], [SIMPLE[0], *derived, *median]))
    assert sorted(imported.texts) == ["derived.yaml", "derived_2.yaml", "derived_model.yaml", "sources.yaml"]
    named = {each.metric for each in imported.omissions if "a percentile is not carried over" in each.message}
    assert named == {each["name"] for each in median}


def test_a_median_is_a_median() -> None:
    metric = make_metric("middle", "simple", measure=use_measure("median_amount"))
    (written,) = [text for text in import_files(make_manifest([ORDERS], [metric])).texts.values() if "middle" in text]
    assert "value: median(amount)" in written


def test_a_metric_goes_with_the_one_that_it_needs() -> None:
    metrics = [
        SIMPLE[0],
        make_metric("median", "simple", measure=use_measure("top_amount")),
        make_metric("twice", "derived", expr="median * 2", metrics=[use_metric("median")]),
        make_metric("first", "derived", expr="second", metrics=[use_metric("second")]),
        make_metric("second", "derived", expr="first", metrics=[use_metric("first")]),
    ]
    imported = import_files(make_manifest([ORDERS], metrics))
    assert imported.metric_count == 2
    by_metric = {each.metric: each.message for each in imported.omissions}
    assert "needs median: a percentile is not carried over" in by_metric["twice"]
    assert "metrics made of each other" in by_metric["first"]


def replace_name(found: str, other: str) -> bytes:
    return make_manifest([ORDERS], SIMPLE).replace(f'"{found}"'.encode(), f'"{other}"'.encode(), 1)


REFUSED: list[tuple[bytes, str, str]] = [
    (b'{"semantic_models": [', "json-syntax", "this is not JSON"),
    (b'{"a": 1}\n]', "json-syntax", "nothing may follow the value"),
    (b'{"a": "\\ud800"}', "json-syntax", "half of a character"),
    (b'{"a": NaN}', "json-syntax", "no number"),
    (b"[" * 200, "json-syntax", "nested more than 100 deep"),
    (b'{"a": "\xff"}', "json-syntax", "not UTF-8"),
    (b"[]", "wrong-type", "no JSON object"),
    (b'{"nodes": {}, "semantic_models": {}}', "wrong-version", "semantic_manifest.json"),
    (b'{"data_sources": []}', "wrong-version", "before dbt 1.6"),
    (
        make_manifest([], [], project_configuration={"dsi_package_version": {"major_version": "1"}}),
        "wrong-version",
        "project_configuration.dsi_package_version.major_version: a manifest of version 1",
    ),
    (b'{"metrics": []}', "missing-key", "the key 'semantic_models' is missing"),
    (b'{"metrics": [3], "semantic_models": []}', "wrong-type", "metrics[0]"),
    (
        make_manifest([ORDERS], [make_metric("m", "simple", measure=use_measure("revenu"))]),
        "unknown-measure",
        "metrics[0].type_params.measure: no semantic model has the measure 'revenu'; did you mean 'revenue'?",
    ),
    (
        make_manifest([ORDERS], [make_metric("m", "derived", expr="x", metrics=[use_metric("x")])]),
        "unknown-metric",
        "metrics[0].type_params.metrics[0]: there is no metric 'x'",
    ),
    (make_manifest([ORDERS], [SIMPLE[0], SIMPLE[0]]), "duplicate-metric", "metrics[1].name: a second metric"),
    (make_manifest([ORDERS, ORDERS], SIMPLE), "duplicate-measure", "semantic_models[1].measures[0].name"),
    (make_manifest([ORDERS], []), "nothing-carried", "no metric"),
]


@pytest.mark.parametrize(("content", "code", "message"), REFUSED)
def test_a_manifest_with_errors_is_refused_at_the_place(content: bytes, code: str, message: str) -> None:
    if code == "nothing-carried":
        content = content.replace(b'"create_metric": true', b'"create_metric": false')
    with pytest.raises(InvalidImport) as refused:
        import_files(content)
    (found,) = [each for each in refused.value.diagnostics if each.code == code][:1]
    assert message in found.message


def test_a_place_is_that_of_the_value_in_the_text() -> None:
    text = json.dumps(json.loads(make_manifest([ORDERS], [make_metric("m", "simple", measure="no such")])), indent=2)
    with pytest.raises(InvalidImport) as refused:
        import_files(text.encode())
    (found,) = refused.value.diagnostics
    line = text.split("\n")[found.line - 1]
    assert line[found.column - 1 :].startswith('"no such"')
