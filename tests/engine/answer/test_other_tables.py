"""Tables that an installation has already: what `validate --database` accepts of them gives the right numbers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.answer.engine import Engine
from engine.authoring.check_database import check_live_tables
from engine.catalog.catalog import Catalog, load_catalog
from engine.errors import InvalidCatalog
from engine.warehouse.warehouse import Warehouse
from tests.conftest import OTHER_TENANT, TENANT
from tests.support.worlds import query_engine

# tenant, day, channel, visits, spend
ROWS = (
    (TENANT, "2025-01-01", "b", 3, "1.25"),
    (TENANT, "2025-01-02", "a", 5, "2.5"),
    (TENANT, "2025-01-02", "b", 7, "0.25"),
    (OTHER_TENANT, "2025-01-01", "a", 100, "100"),
)
VALUES = ", ".join(
    f"('{tenant}', '{day}', '{channel}', {visits}, {spend})" for tenant, day, channel, visits, spend in ROWS
)
MERGE_TREE = "ENGINE = MergeTree ORDER BY (tenant, day)"
FILLED = "INSERT INTO facts VALUES {values}"
FILLED_BASE = "INSERT INTO base VALUES {values}"
SEEN = "SELECT tenant, {day} AS day, channel, visits, spend FROM base"


def create_table_sql(name: str, types: str, tail: str = "", more: str = "") -> str:
    """CREATE TABLE of the five columns with these types."""
    columns = zip(("tenant", "day", "channel", "visits", "spend"), types.split("|"), strict=True)
    return f"CREATE TABLE {name} ({', '.join(f'{column} {kind}' for column, kind in columns)}{more}) {tail}"


# The engine, the declared types, and the statements that make `facts`, filled with `VALUES` where they say `{values}`.
FITTING: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "postgres int4 real": (
        "postgres",
        "uuid date text integer double",
        (create_table_sql("facts", "uuid|date|varchar(9)|int4|real"), "CREATE INDEX ON facts (tenant)", FILLED),
    ),
    "postgres domain numeric": (
        "postgres",
        "uuid date text numeric numeric",
        (
            "CREATE DOMAIN channel AS text",
            create_table_sql("facts", "uuid|date|channel|numeric(20, 0)|numeric(20, 4)"),
            "CREATE UNIQUE INDEX ON facts (tenant, day, channel)",
            FILLED,
        ),
    ),
    "postgres partitioned": (
        "postgres",
        "uuid date text bigint numeric",
        (
            create_table_sql(
                "facts",
                "uuid|date|text|smallint|numeric",
                "PARTITION BY HASH (tenant)",
                ", PRIMARY KEY (tenant, day, channel)",
            ),
            "CREATE TABLE facts_0 PARTITION OF facts FOR VALUES WITH (MODULUS 2, REMAINDER 0)",
            "CREATE TABLE facts_1 PARTITION OF facts FOR VALUES WITH (MODULUS 2, REMAINDER 1)",
            FILLED,
        ),
    ),
    "postgres view": (
        "postgres",
        "uuid date text bigint numeric",
        (
            create_table_sql("base", "uuid|timestamp|text|bigint|numeric"),
            FILLED_BASE,
            f"CREATE VIEW facts AS {SEEN.format(day='day::date')}",
        ),
    ),
    "postgres materialized view": (
        "postgres",
        "uuid date text bigint numeric",
        (
            create_table_sql("base", "uuid|date|text|bigint|numeric"),
            FILLED_BASE,
            "CREATE MATERIALIZED VIEW facts AS SELECT * FROM base",
            "CREATE INDEX ON facts (tenant, day)",
        ),
    ),
    "duckdb hugeint": (
        "duckdb",
        "uuid date text bigint numeric",
        (create_table_sql("facts", "uuid|date|varchar|hugeint|decimal(9, 4)"), FILLED),
    ),
    "duckdb view": (
        "duckdb",
        "uuid date text bigint double",
        (
            create_table_sql("base", "uuid|timestamp|varchar|utinyint|float"),
            FILLED_BASE,
            f"CREATE VIEW facts AS {SEEN.format(day='CAST(day AS DATE)')}",
        ),
    ),
    "clickhouse of low cardinality": (
        "clickhouse",
        "uuid date text bigint numeric",
        (
            create_table_sql(
                "facts",
                "UUID|Date|LowCardinality(Nullable(String))|UInt8|Decimal(9, 4)",
                MERGE_TREE,
            ),
            FILLED,
        ),
    ),
    "clickhouse nullable": (
        "clickhouse",
        "uuid date text bigint double",
        (
            create_table_sql("facts", "UUID|Date32|Nullable(String)|Nullable(UInt64)|Nullable(Float32)", MERGE_TREE),
            FILLED,
        ),
    ),
    "clickhouse fixed strings": (
        "clickhouse",
        "uuid date text bigint numeric",
        (create_table_sql("facts", "UUID|Date|FixedString(1)|Int128|Decimal(18, 2)", MERGE_TREE), FILLED),
    ),
    "clickhouse view": (
        "clickhouse",
        "uuid date text bigint numeric",
        (
            create_table_sql("base", "UUID|DateTime|String|Int64|Decimal(9, 2)", MERGE_TREE),
            FILLED_BASE,
            f"CREATE VIEW facts AS {SEEN.format(day='toDate(day)')}",
        ),
    ),
    "clickhouse materialized view": (
        "clickhouse",
        "uuid date text bigint numeric",
        (
            create_table_sql("base", "UUID|Date|String|Int64|Decimal(9, 2)", MERGE_TREE),
            f"CREATE MATERIALIZED VIEW facts {MERGE_TREE} AS SELECT * FROM base",
            FILLED_BASE,
        ),
    ),
    "sqlite view": (
        "sqlite",
        "uuid date text bigint numeric",
        (
            create_table_sql("base", "varchar(36)|datetime|varchar|int|decimal(9, 2)"),
            FILLED_BASE,
            f"CREATE VIEW facts AS {SEEN.format(day='date(day)')}",
        ),
    ),
}
VIEW = "in a column of its own or a view, and name that"
# The engine, what is declared, one statement, and what is said of it.
REFUSED: dict[str, tuple[str, str, str, str]] = {
    "a tenant that is text": (
        "postgres",
        "uuid date text",
        "varchar(36), day date, channel text",
        f"make a uuid of it, {VIEW}",
    ),
    "a moment": ("postgres", "uuid date text", "uuid, day timestamptz, channel text", f"make a date of it, {VIEW}"),
    "money": ("postgres", "uuid date double", "uuid, day date, channel money", f"make it double, {VIEW}"),
    "an enumeration": ("postgres", "uuid date text", "uuid, day date, channel level", f"make it text, {VIEW}"),
    "a day as text": ("duckdb", "uuid date text", "uuid, day varchar, channel varchar", f"make a date of it, {VIEW}"),
    "DuckDB's enumeration": ("duckdb", "uuid date text", "uuid, day date, channel level", f"make it text, {VIEW}"),
    "DateTime": ("clickhouse", "uuid date text", "UUID, day DateTime, channel String", f"make a date of it, {VIEW}"),
    "Enum": (
        "clickhouse",
        "uuid date text",
        "UUID, day Date, channel Nullable(Enum8('a' = 1))",
        f"make it text, {VIEW}",
    ),
}


@pytest.fixture
def warehouse(warehouse_url: str) -> Iterator[Warehouse]:
    warehouse = Warehouse(warehouse_url)
    yield warehouse
    warehouse.close()


def load_declared_catalog(folder: Path, types: str, names: str, metrics: str) -> Catalog:
    columns = ", ".join(f"{name}: {kind}" for name, kind in zip(names.split(), types.split(), strict=True))
    (folder / "facts.yaml").write_text(
        f"source: ga4\ntable: facts\ntables:\n  facts: {{time: day, tenant: tenant, columns: {{{columns}}}}}\n"
        f"metrics:\n{metrics}",
        encoding="utf-8",
    )
    return load_catalog(folder)


@pytest.mark.parametrize(
    ("engine_name", "types", "statements"), list(FITTING.values()), ids=[name.replace(" ", "-") for name in FITTING]
)
def test_what_is_accepted_gives_the_right_numbers(
    warehouse: Warehouse, types: str, statements: tuple[str, ...], tmp_path: Path
) -> None:
    for statement in statements:
        warehouse.driver.run([statement.format(values=VALUES)])
    catalog = load_declared_catalog(
        tmp_path,
        types,
        "tenant day channel visits spend",
        "  ga4.spend: {value: sum(spend), by: channel}\n"
        "  ga4.ratio: sum(spend) / sum(visits)\n"
        "  ga4.members: {value: count(distinct channel), total: period}\n"
        "  ga4.some: {value: sum(visits), where: channel = 'b'}\n",
    )
    check_live_tables(tmp_path, catalog.tables, warehouse.engine)
    engine = Engine(catalog, warehouse)
    answers = {key: query_engine(engine, key, "2025-01-01", "2025-01-02", tenant=TENANT) for key in catalog.widgets}
    assert {key: answer["stats"]["value"] for key, answer in answers.items()} == {
        "ga4.spend": 4.0,
        "ga4.ratio": 4.0 / 15,
        "ga4.members": 2,
        "ga4.some": 10,
    }
    by_channel = {each["name"]: [point["v"] for point in each["points"]] for each in answers["ga4.spend"]["series"]}
    assert by_channel == {"a": [0.0, 2.5], "b": [1.25, 0.25]}


@pytest.mark.parametrize(("engine_name", "types", "columns", "remedy"), list(REFUSED.values()), ids=list(REFUSED))
def test_what_is_not_a_type_of_ours_is_refused_with_what_to_do(
    warehouse: Warehouse, types: str, columns: str, remedy: str, tmp_path: Path
) -> None:
    if "level" in columns:
        warehouse.driver.run(["CREATE TYPE level AS ENUM ('b', 'a')"])
    clickhouse = warehouse.dialect.name == "clickhouse"
    warehouse.driver.run([f"CREATE TABLE facts (tenant {columns}) {MERGE_TREE if clickhouse else ''}"])
    catalog = load_declared_catalog(tmp_path, types, "tenant day channel", "  ga4.rows: count(*)\n")
    with pytest.raises(InvalidCatalog) as caught:
        check_live_tables(tmp_path, catalog.tables, warehouse.engine)
    (fault,) = [each for each in caught.value.diagnostics if each.code == "wrong-live-type"]
    assert fault.message.endswith(f"; {remedy}")


def test_a_foreign_table_is_a_table_that_has_its_indexes_elsewhere(postgres_url: str, tmp_path: Path) -> None:
    warehouse = Warehouse(postgres_url)
    warehouse.driver.run(
        [
            "CREATE FOREIGN DATA WRAPPER elsewhere",
            "CREATE SERVER there FOREIGN DATA WRAPPER elsewhere",
            "CREATE FOREIGN TABLE facts (tenant uuid, day date, channel text) SERVER there",
        ]
    )
    catalog = load_declared_catalog(tmp_path, "uuid date text", "tenant day channel", "  ga4.rows: count(*)\n")
    check_live_tables(tmp_path, catalog.tables, warehouse.engine)
    warehouse.close()
