"""Apache Ossie documents: of the specification's shape, with SQL that computes the same, and back without loss."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from copy import deepcopy
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml
from hypothesis import given, reject
from hypothesis import strategies as st

from engine.authoring.definition_text import write_definition
from engine.authoring.exchange.export_ossie import export_ossie
from engine.authoring.exchange.import_ossie import import_ossie_document
from engine.authoring.exchange.imported_files import ImportedFiles
from engine.authoring.exchange.metric_text import render_yaml
from engine.authoring.exchange.ossie_document import OssieDocument
from engine.authoring.test_runner import answer_test, get_rows_by_table, make_tenant, open_test_engine
from engine.catalog.catalog import Catalog, load_catalog
from engine.catalog.metric_hash import hash_metric
from engine.catalog.metrics import TableMetric
from engine.diagnostics import Diagnostics
from engine.errors import InvalidCatalog, InvalidImport
from engine.files.folder import read_folder
from tests.support.examples import try_examples
from tests.support.paths import METRICS
from tests.support.shipped import load_shipped_catalog

SHIPPED = {Path(each.name).name: each.document.data for each in read_folder(METRICS, Diagnostics()).files}
# Everything that the shipped files do not use.
OTHERS = """\
source: shop
sources: {shop: {title: "A \\"shop\\""}}
vars: {paid: "('Ads', 'it''s')"}
tables:
  visits:
    name: analytics.visit_facts
    time: day
    tenant: account
    columns: {account: uuid, day: {type: date, column: visit_day}, channel: text, visits: integer, at: timestamp}
  paid_visits:
    time: day
    tenant: account
    sql: |
      SELECT account, day, channel, sum(visits) AS visits
      FROM {{ table('visits') }}
      WHERE channel IN {{ paid }} GROUP BY account, day, channel
    columns: {account: uuid, day: date, channel: text, visits: double}
metrics:
  shop.visits: {table: visits, value: sum(visits), where: "channel IN {{ paid }}", rolling: 7 days, position: 1.5}
  shop.paid:
    table: paid_visits
    value: sum(visits) / {{ days() }}
    target: {value: 3}
    group: "Tráfico\\u2028"
    fill: null
  shop.days: {table: visits, value: count(distinct day), title: "  yes: #1 'quoted' \\"twice\\" "}
  shop.weekday: {table: visits, value: sum(case when isodow(day) > 5 then visits end)}
  shop.least:
    derive: coalesce(shop.days, 0) - 2 / (shop.weekday + 1)
    description: "Two\\nlines, \\t and 🛒"
  shop.both: {combine: [shop.days, shop.weekday], stat: correlation, hidden: true}
  shop.total: sum(visits)
table: paid_visits
"""
MACROS = "{% macro days() %}count(*){% endmacro %}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the shipped files and one that uses the rest of the language."""
    write_folder(tmp_path / "metrics", {**SHIPPED, "shop.yaml": OTHERS})
    return tmp_path / "metrics"


def write_folder(folder: Path, files: Mapping[str, Any]) -> None:
    folder.mkdir()
    for name, data in files.items():
        text = data if isinstance(data, str) else yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "macros.j2").write_text(MACROS)


def import_document(document: Any, *, as_yaml: bool = False) -> ImportedFiles:
    text = render_yaml(document) if as_yaml else json.dumps(document)
    return import_ossie_document("model.yaml" if as_yaml else "model.json", text.encode(), source="other")


def load_imported(imported: ImportedFiles) -> Catalog:
    with TemporaryDirectory() as scratch:
        for name, text in imported.texts.items():
            Path(scratch, name).write_text(text, encoding="utf-8", newline="\n")
        return load_catalog(Path(scratch))


def assert_equal_catalogs(before: Catalog, after: Catalog) -> None:
    """Definitions, tests, titles and all else that a catalog knows, but for the files' own version."""
    assert after.sources == before.sources
    assert list(after.tables) == list(before.tables) or after.tables.keys() == before.tables.keys()
    for name, table in before.tables.items():
        assert write_definition(after.tables[name]) == write_definition(table)
    assert after.metrics.keys() == before.metrics.keys()
    for key, metric in before.metrics.items():
        assert write_definition(after.metrics[key]) == write_definition(metric)
        assert hash_metric(after.metrics[key]) == hash_metric(metric)
        assert after.metrics[key].tests == metric.tests
    places = {name: place.file for name, place in before.places.items()}
    assert {name: place.file for name, place in after.places.items()} == places


@pytest.mark.parametrize("as_yaml", [True, False])
def test_an_export_comes_back_without_loss(folder: Path, as_yaml: bool) -> None:
    document = export_ossie(folder, "all")
    imported = import_document(document, as_yaml=as_yaml)
    assert imported.omissions == ()
    assert_equal_catalogs(load_catalog(folder), load_imported(imported))


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0{}%\r"), min_size=1, max_size=20)
# Changes of a metric that leave it valid.
CHANGES: Mapping[str, st.SearchStrategy[Any]] = {
    "title": TEXTS.filter(str.strip),
    "description": TEXTS.filter(str.strip),
    "group": TEXTS.filter(str.strip),
    "position": st.floats(-1e6, 1e6),
    "hidden": st.booleans(),
    "delta": st.sampled_from(["relative", "absolute"]),
    "better": st.sampled_from(["up", "down", "neutral"]),
    "where": st.sampled_from(["1 = 1 or 'it''s' = 'x'", "date >= '2025-01-01'"]),
    "value": st.sampled_from(["count(*) + 1", "1 / 3 - count(distinct user_id) / 2", "-(2 - count(*))"]),
}


@try_examples(8)
@given(data=st.data())
@pytest.mark.slow
def test_every_variant_of_the_shipped_files_comes_back(data: st.DataObject) -> None:
    files = deepcopy(SHIPPED)
    ga4 = files["ga4.yaml"]
    # Its test names a series by the title of a metric.
    del files["corr.yaml"]["metrics"]["corr.spend_vs_sessions"]["tests"]
    keys = st.sampled_from(sorted(ga4["metrics"]))
    for key in data.draw(st.lists(keys, max_size=4, unique=True)):
        metric = ga4["metrics"][key]
        # An amount of money stays one.
        has_free_value = "value" in metric and metric.get("format") != "currency"
        allowed = [name for name in CHANGES if name != "value" or has_free_value]
        for name in data.draw(st.lists(st.sampled_from(allowed), max_size=4, unique=True)):
            metric[name] = data.draw(CHANGES[name])
    with TemporaryDirectory() as scratch:
        write_folder(Path(scratch, "metrics"), files)
        try:
            before = load_catalog(Path(scratch, "metrics"))
        except InvalidCatalog:
            reject()  # Not every change goes with every metric.
        document = export_ossie(Path(scratch, "metrics"), "variant")
    imported = import_document(document, as_yaml=data.draw(st.booleans()))
    assert_equal_catalogs(before, load_imported(imported))


def test_the_document_has_the_shape_of_the_specification(folder: Path) -> None:
    document = export_ossie(folder, "all")
    OssieDocument.model_validate(document)
    assert list(document) == ["version", "name", "datasets", "metrics", "custom_extensions"]
    assert document["version"] == "0.2.0.dev0"
    datasets = {each["name"]: each for each in document["datasets"]}
    visits, paid = datasets["visits"], datasets["paid_visits"]
    assert visits["source"] == "analytics.visit_facts"
    assert visits["fields"][1] == {
        "name": "day",
        "expression": {"dialects": [{"dialect": "ANSI_SQL", "expression": "visit_day"}]},
        "datatype": "Date",
        "dimension": {"is_time": True},
    }
    assert "FROM analytics.visit_facts AS visits" in paid["source"]
    assert datasets["ga4_daily"]["primary_key"] == ["user_id", "date", "property_id"]
    names = [each["name"] for each in document["metrics"]]
    assert len(names) == len(set(names))
    metrics = {each["name"]: each for each in document["metrics"]}
    assert get_sql(metrics["ga4__conv_rate"]) == (
        "1.0 * SUM(ga4_daily.converting_sessions) / NULLIF(SUM(ga4_daily.sessions), 0)"
    )
    assert (
        get_sql(metrics["shop__visits"]) == "SUM(CASE WHEN visits.channel IN ('Ads', 'it''s') THEN visits.visits END)"
    )
    assert (
        metrics["shop__visits"]["ai_context"]["instructions"]
        == "Each point is of the days since 7 days before its end."
    )
    # A correlation is no expression over rows, nor is a weekday one of standard SQL: they stay in the extension.
    kept = json.loads(document["custom_extensions"][0]["data"])["metrics"]
    assert sorted(kept) == ["corr.spend_vs_sessions", "shop.both", "shop.least", "shop.weekday"]


def get_sql(metric: Mapping[str, Any]) -> str:
    (expression,) = metric["expression"]["dialects"]
    return str(expression["expression"])


def test_the_sql_computes_what_the_engine_answers() -> None:
    catalog = load_shipped_catalog()
    exported: dict[str, str] = {}
    for each in export_ossie(METRICS, "shipped")["metrics"]:
        extension = json.loads(each["custom_extensions"][0]["data"])
        exported.setdefault(extension["key"], get_sql(each))
    compared = 0
    with open_test_engine(catalog) as engine:
        for number, (key, metric) in enumerate(catalog.metrics.items()):
            if not isinstance(metric, TableMetric) or metric.total != "period" or metric.rows is not None:
                continue
            for turn, test in enumerate(metric.tests):
                rows = get_rows_by_table(metric, test)
                body = answer_test(engine, key, test, rows, make_tenant(number * 100 + turn))
                if body["meta"]["currency"] == "mixed":
                    continue
                stats = body["stats"] if metric.by else body["series"][metric.headline]["stats"]
                found = compute_sql(exported[key], metric, rows[metric.table.name], test.start, test.end)
                assert found == pytest.approx(stats["value"]), key
                compared += 1
    assert compared > 15


def compute_sql(sql: str, metric: TableMetric, rows: Any, start: date, end: date) -> float | None:
    """Compute an exported expression over the rows of a window."""
    columns = list(metric.table.columns)
    with sqlite3.connect(":memory:") as database:
        database.execute(f"CREATE TABLE {metric.table.name} ({', '.join(columns)})")
        marks = ", ".join("?" * len(columns))
        values = [[row.get(name) for name in columns] for row in rows]
        database.executemany(f"INSERT INTO {metric.table.name} VALUES ({marks})", values)
        window = f"{metric.table.time} BETWEEN '{start}' AND '{end}'"
        (value,) = database.execute(f"SELECT {sql} FROM {metric.table.name} WHERE {window}").fetchone()
    return None if value is None else float(value)


def test_what_has_been_changed_since_wins(folder: Path) -> None:
    document = export_ossie(folder, "all")
    metrics = {each["name"]: each for each in document["metrics"]}
    metrics["ga4__sessions"]["description"] = "Another one."
    change_sql(metrics["ga4__sessions"], "SUM(ga4_daily.sessions) - SUM(ga4_daily.engaged_sessions)")
    change_sql(metrics["meta__cost_metrics__cpm"], "SUM(meta_ads_daily.spend)")
    document["metrics"].remove(metrics["ig__content_perf__reach"])
    fields = {each["name"]: each for each in document["datasets"][0]["fields"]}
    fields["revenue"]["datatype"] = "Float"
    change_sql(metrics["shop__visits"], "COUNT(visits.channel)")
    document["datasets"][0]["source"] = "warehouse.ga4"
    change_sql(metrics["corr__cost_per_session"], "SUM(meta_ads_daily.spend)")
    imported = import_document(document)
    (omitted,) = imported.omissions
    assert omitted.metric == "corr.cost_per_session"
    assert "change its `derive:`" in omitted.message
    catalog = load_imported(imported)
    sessions, costs = catalog.metrics["ga4.sessions"], catalog.metrics["meta.cost_metrics"]
    assert isinstance(sessions, TableMetric)
    assert isinstance(costs, TableMetric)
    assert sessions.description == "Another one."
    assert sessions.title == "Sessions"
    assert sessions.series[0].expression.text == "sum(sessions) - sum(engaged_sessions)"
    assert [each.name for each in costs.series] == ["CPC", "CPM", "CPA"]
    assert costs.series[1].expression.text == "sum(spend)"
    assert catalog.tables["ga4_daily"].physical == "warehouse.ga4"
    assert catalog.tables["ga4_daily"].columns["revenue"].type == "double"
    assert catalog.tables["ga4_daily"].columns["revenue"].money
    visits, content = catalog.metrics["shop.visits"], catalog.metrics["ig.content_perf"]
    assert isinstance(visits, TableMetric)
    assert isinstance(content, TableMetric)
    assert visits.where is None
    assert [each.name for each in content.series] == ["Interactions"]


def change_sql(metric: dict[str, Any], sql: str) -> None:
    metric["expression"]["dialects"][0]["expression"] = sql


def make_field(name: str, datatype: str | None = None, sql: str | None = None, **given: Any) -> dict[str, Any]:
    expression = {"dialects": [{"dialect": "ANSI_SQL", "expression": sql or name}]}
    return {"name": name, "expression": expression, **({"datatype": datatype} if datatype else {}), **given}


FOREIGN: dict[str, Any] = {
    "version": "0.2.0.dev0",
    "name": "Sales Model",
    "ai_context": {"instructions": "Be kind.", "tone": "warm"},
    "datasets": [
        {
            "name": "orders",
            "source": "shop.public.orders",
            "primary_key": ["order_id"],
            "unique_keys": [["order_number"]],
            "description": "Orders.",
            "fields": [
                make_field("order_id", "Integer", dimension={}),
                make_field("order_date", "Date", dimension={"is_time": True}),
                make_field("country", "String", "ship_country", dimension={"is_time": False}, label="Country"),
                make_field("amount"),
                make_field("upper_country", "String", "UPPER(ship_country)"),
                make_field("at", "Time"),
            ],
            "custom_extensions": [{"vendor_name": "DBT", "data": "{}"}],
        },
        {"name": "customers", "source": "SELECT * FROM customers", "fields": [make_field("id", "Integer")]},
    ],
    "relationships": [
        {"name": "r", "from": "orders", "to": "customers", "from_columns": ["country"], "to_columns": ["id"]}
    ],
    "metrics": [
        {
            **make_field("revenue", "Decimal", "SUM(orders.amount) / COUNT(DISTINCT orders.order_id)"),
            "description": "R.",
        },
        make_field("orders", "Integer", "COUNT(order_id)"),
        make_field("per_customer", None, "SUM(orders.amount) / COUNT(customers.id)"),
        make_field("spread", None, "STDDEV(orders.amount)"),
        {"name": "dax", "expression": {"dialects": [{"dialect": "DAX", "expression": "SUM(Orders[Amount])"}]}},
    ],
}


def test_the_document_of_another_tool() -> None:
    imported = import_document(FOREIGN)
    assert sorted(imported.texts) == ["sales_model.yaml", "sources.yaml"]
    assert imported.texts["sales_model.yaml"] == (
        "source: other\n"
        "\n"
        "tables:\n"
        "  orders:\n"
        "    time: order_date\n"
        "    dimensions: {order_id: {}, country: {title: Country}}\n"
        "    name: shop.public.orders\n"
        "    key: [user_id, order_id]\n"
        "    columns:\n"
        "      order_id: bigint\n"
        "      order_date: date\n"
        "      country: {type: text, column: ship_country}\n"
        "      amount: double\n"
        "      user_id: uuid\n"
        "\n"
        "metrics:\n"
        "  other.revenue:\n"
        "    table: orders\n"
        "    value: sum(amount) / count(DISTINCT order_id)\n"
        "    description: R.\n"
        "\n"
        "  other.orders:\n"
        "    table: orders\n"
        "    value: count(order_id)\n"
        "    format: integer\n"
    )
    assert load_imported(imported).widgets.keys() == {"other.revenue", "other.orders"}
    messages = sorted(each.message for each in imported.omissions)
    expected = [
        "ai_context: context for language models",
        "datasets[0].custom_extensions[0]: the extension of DBT",
        "datasets[0].description: only metrics have descriptions",
        "datasets[0].fields[4].expression: orders.upper_country: 'UPPER(ship_country)' is an expression",
        "datasets[0].fields[5].datatype: orders.at: a column of type Time",
        "datasets[0].unique_keys: a table has one key",
        "datasets[1].fields: customers: no field is a date",
        "metrics[2]: per_customer: 'customers.id' is of no dataset",
        "metrics[3]: spread: ",
        "metrics[4].expression: dax: its expression is in no dialect",
        "relationships[0]: the relationship 'r': joins",
    ]
    assert [message[: len(start)] for message, start in zip(messages, expected, strict=True)] == expected


def edit_document(**changes: Any) -> bytes:
    return json.dumps({**FOREIGN, **changes}).encode()


def extend_document(data: str) -> bytes:
    return edit_document(custom_extensions=[{"vendor_name": "METRIC_ENGINE", "data": data}])


REFUSED: list[tuple[bytes, str, str]] = [
    (b'{"version": ', "json-syntax", "this is not JSON"),
    (b"version: [", "yaml-syntax", ""),
    (
        b"a: [" + b"1, " * 80_000 + b"]",
        "yaml-limits",
        "80,000 values in one file; write the document as JSON",
    ),
    (b"version: 0.1.1", "wrong-version", "version: a document of version 0.1.1; 0.2.0.dev0 can be read"),
    (b"name: x", "wrong-version", "a document of version None"),
    (
        b'{"version": "0.2.0.dev0", "semantic_model": []}',
        "wrong-version",
        "put the one model's properties at the root",
    ),
    (b"version: 0.2.0.dev0\nname: x\n", "missing-key", "the key 'datasets' is missing"),
    (edit_document(datasets=[]), "wrong-type", "datasets"),
    (edit_document(dialects=["ANSI_SQL"]), "unknown-key", "dialects: the specification has no such key"),
    (edit_document(metrics=[{"name": "m", "expression": "sum(x)"}]), "wrong-type", "metrics[0].expression"),
    (extend_document("{"), "bad-extension", "custom_extensions: METRIC_ENGINE: this is not JSON"),
    (extend_document('{"files": 3}'), "bad-extension", "METRIC_ENGINE: files"),
    (extend_document('{"files": {"../../x.yaml": {}}}'), "bad-extension", "'../../x.yaml' is no name of a metric file"),
    (extend_document('{"files": {"insights.yaml": {}}}'), "bad-extension", "is no name of a metric file"),
    (extend_document('{"files": {"a.yaml": {"vars": 3}}}'), "wrong-type", "a.yaml"),
    (edit_document(metrics=FOREIGN["metrics"][:1] * 2), "duplicate-metric", "a second metric 'other.revenue'"),
    (edit_document(metrics=[]), "nothing-carried", "holds no metric"),
]


@pytest.mark.parametrize(("content", "code", "message"), REFUSED)
def test_a_document_with_errors_is_refused_at_the_place(content: bytes, code: str, message: str) -> None:
    with pytest.raises(InvalidImport) as refused:
        import_ossie_document("model", content, source="other")
    assert [each for each in refused.value.diagnostics if each.code == code and message in each.message]
    assert all(each.file == "model" for each in refused.value.diagnostics)
