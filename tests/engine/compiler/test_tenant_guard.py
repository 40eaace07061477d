"""No statement without the tenant on every scan, and no way for a metric file to write one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.answer.engine import Engine
from engine.compiler.dialects.base import Dialect
from engine.compiler.dialects.registry import DIALECTS
from engine.compiler.planner import plan
from engine.compiler.statements import StatementCompiler
from engine.compiler.tenant_guard import check_tenant_predicates
from engine.errors import UncoveredScan
from tests.support.shipped import load_shipped_catalog
from tests.support.worlds import (
    COLUMNS,
    DAYS,
    ME,
    YOU,
    collect_diagnostics,
    get_stats,
    list_points,
    load_files,
    make_file,
    make_row,
    open_warehouse,
    query_engine,
)

TENANTS = {"facts": "user_id", "ads": "owner", "analytics.facts": "user_id"}

COVERED = {
    "the predicate alone": "SELECT sum(x) FROM facts AS t WHERE t.user_id = :tenant",
    "the other way round": "SELECT sum(x) FROM facts AS t WHERE :tenant = t.user_id",
    "among others": "SELECT sum(x) FROM facts AS t WHERE t.x > 1 AND t.user_id = :tenant AND (t.y < 2 OR t.y > 9)",
    "without an alias": "SELECT sum(x) FROM facts WHERE facts.user_id = :tenant",
    "quoted": 'SELECT sum(x) FROM "facts" AS t WHERE t."user_id" = :tenant',
    "cast": "SELECT sum(x) FROM facts AS t WHERE t.user_id = CAST(:tenant AS TEXT)",
    "a tenant's column of another name": "SELECT sum(x) FROM ads AS t WHERE t.owner = :tenant",
    "in a schema": "SELECT sum(x) FROM analytics.facts AS t WHERE t.user_id = :tenant",
    "both sides of an inner join": (
        "SELECT 1 FROM facts AS t JOIN ads AS a ON a.x = t.x WHERE t.user_id = :tenant AND a.owner = :tenant"
    ),
    "a LEFT JOIN of queries that are covered themselves": (
        "SELECT 1 FROM (SELECT x FROM facts AS t WHERE t.user_id = :tenant) AS a"
        " LEFT JOIN (SELECT x FROM ads AS t WHERE t.owner = :tenant) AS b ON a.x = b.x"
    ),
    "each branch of a UNION": (
        "SELECT x FROM facts AS t WHERE t.user_id = :tenant UNION ALL SELECT x FROM ads AS t WHERE t.owner = :tenant"
    ),
    "inside a WITH query": "WITH q AS (SELECT x FROM facts AS t WHERE t.user_id = :tenant) SELECT sum(x) FROM q",
    "a WITH query over another": (
        "WITH q AS (SELECT x FROM facts AS t WHERE t.user_id = :tenant), r AS (SELECT x FROM q) SELECT sum(x) FROM r"
    ),
    "rows made from a parameter": "SELECT value FROM json_each(:slots)",
}

UNCOVERED = {
    "no predicate": "SELECT sum(x) FROM facts AS t",
    "or anything": "SELECT sum(x) FROM facts AS t WHERE t.user_id = :tenant OR 1 = 1",
    "or anything, in brackets": "SELECT sum(x) FROM facts AS t WHERE (t.user_id = :tenant OR 1 = 1) AND t.x > 0",
    "not": "SELECT sum(x) FROM facts AS t WHERE NOT (t.user_id = :tenant)",
    "not, twice": "SELECT sum(x) FROM facts AS t WHERE NOT (NOT (t.user_id = :tenant OR 1 = 1))",
    "unequal": "SELECT sum(x) FROM facts AS t WHERE t.user_id <> :tenant",
    "at least": "SELECT sum(x) FROM facts AS t WHERE t.user_id >= :tenant",
    "in a list with others": "SELECT sum(x) FROM facts AS t WHERE t.user_id IN (:tenant, 'you')",
    "is true or false": "SELECT sum(x) FROM facts AS t WHERE (t.user_id = :tenant) IN (TRUE, FALSE)",
    "in HAVING": "SELECT t.user_id FROM facts AS t GROUP BY t.user_id HAVING t.user_id = :tenant",
    "in CASE": "SELECT sum(x) FROM facts AS t WHERE CASE WHEN t.user_id = :tenant THEN 1 ELSE 1 END = 1",
    "in the selection": "SELECT sum(x), t.user_id = :tenant FROM facts AS t",
    "in ON": "SELECT 1 FROM facts AS t JOIN ads AS a ON t.user_id = :tenant AND a.owner = :tenant",
    "in a subquery": (
        "SELECT sum(x) FROM facts AS t WHERE EXISTS (SELECT 1 FROM facts AS t WHERE t.user_id = :tenant)"
    ),
    "outside of a subquery": "SELECT 1 FROM (SELECT * FROM facts AS t) AS t WHERE t.user_id = :tenant",
    "of a scalar subquery": ("SELECT (SELECT sum(a.x) FROM ads AS a) FROM facts AS t WHERE t.user_id = :tenant"),
    "a scan inside IN": ("SELECT 1 FROM facts AS t WHERE t.user_id = :tenant AND t.x IN (SELECT a.x FROM ads AS a)"),
    "a wrong column": "SELECT sum(x) FROM facts AS t WHERE t.account_id = :tenant",
    "another table's column": "SELECT sum(x) FROM ads AS t WHERE t.user_id = :tenant",
    "a wrong alias": "SELECT 1 FROM facts AS t JOIN facts AS u ON t.x = u.x WHERE t.user_id = :tenant",
    "the name under an alias": "SELECT sum(x) FROM facts AS t WHERE facts.user_id = :tenant",
    "a column without its table": "SELECT 1 FROM facts AS t JOIN ads AS a ON a.x = t.x WHERE user_id = :tenant",
    "the column itself": "SELECT sum(x) FROM facts AS t WHERE t.user_id = t.user_id",
    "a literal": f"SELECT sum(x) FROM facts AS t WHERE t.user_id = '{ME}'",
    "the parameter's name as text": "SELECT sum(x) FROM facts AS t WHERE t.user_id = ':tenant'",
    "another parameter": "SELECT sum(x) FROM facts AS t WHERE t.user_id = :start0",
    "the tenant changed": "SELECT sum(x) FROM facts AS t WHERE lower(t.user_id) = :tenant",
    "the parameter changed": "SELECT sum(x) FROM facts AS t WHERE t.user_id = COALESCE(:tenant, t.user_id)",
    "a second statement": "SELECT 1 FROM facts AS t WHERE t.user_id = :tenant; SELECT * FROM facts AS t",
    "a statement that deletes": "DELETE FROM facts AS t WHERE t.user_id = :tenant",
    "a statement that makes a table": "CREATE TABLE q AS SELECT * FROM facts AS t WHERE t.user_id = :tenant",
    "nothing": "",
    "not SQL": "SELECT FROM WHERE (",
    "a table that is not declared": "SELECT * FROM secrets AS t WHERE t.user_id = :tenant",
    "another schema's table": "SELECT * FROM other.facts AS t WHERE t.user_id = :tenant",
    "the second table of a comma": "SELECT 1 FROM facts AS t, ads AS a WHERE t.user_id = :tenant",
    "the optional side of a LEFT JOIN": (
        "SELECT 1 FROM ads AS a LEFT JOIN facts AS t ON a.x = t.x WHERE a.owner = :tenant AND t.user_id = :tenant"
    ),
    "the far side of a FULL JOIN": (
        "SELECT 1 FROM ads AS a FULL JOIN facts AS t ON a.x = t.x WHERE a.owner = :tenant AND t.user_id = :tenant"
    ),
    "one branch of a UNION": "SELECT x FROM facts AS t WHERE t.user_id = :tenant UNION ALL SELECT x FROM facts AS t",
    "a UNION under a predicate": (
        "SELECT * FROM (SELECT * FROM facts AS t UNION ALL SELECT * FROM ads AS t) AS t WHERE t.user_id = :tenant"
    ),
    "a WITH query that hides a table which it reads": "WITH facts AS (SELECT * FROM facts) SELECT * FROM facts",
    "a WITH query of an inner scope": (
        "SELECT 1 FROM (WITH facts AS (SELECT 1 AS x) SELECT x FROM facts) AS q JOIN facts AS t ON t.x = q.x"
    ),
    "a WITH query named after its reader": (
        "WITH q AS (SELECT x FROM facts), facts AS (SELECT 1 AS x) SELECT q.x FROM q JOIN facts ON TRUE"
    ),
    "a WITH query's name in a schema": "WITH facts AS (SELECT 1 AS x) SELECT x FROM analytics.facts",
    "a recursive WITH query": ("WITH RECURSIVE q AS (SELECT x FROM facts UNION ALL SELECT x FROM q) SELECT x FROM q"),
    "a table function over a table": "SELECT value FROM facts AS t, json_each(t.x)",
    "an unknown table function": "SELECT * FROM pragma_table_info(:slots)",
}


@pytest.mark.parametrize("sql", COVERED.values(), ids=COVERED)
def test_a_covered_statement_passes(sql: str) -> None:
    check_tenant_predicates(sql, TENANTS, "sqlite")


@pytest.mark.parametrize("sql", UNCOVERED.values(), ids=UNCOVERED)
def test_what_cannot_be_proved_is_refused(sql: str) -> None:
    with pytest.raises(UncoveredScan):
        check_tenant_predicates(sql, TENANTS, "sqlite")


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
def test_every_statement_of_the_shipped_metrics_passes_and_none_without_its_predicates(dialect: type[Dialect]) -> None:
    catalog = load_shipped_catalog()
    statements = StatementCompiler(dialect(), catalog.tables.values())
    (predicate,) = {
        statements.builder.emit_tenant_predicate(table) for table in catalog.tables.values() if table.query is None
    }
    planned = plan(catalog.widgets.values())
    texts = [statements.compile_scan(scan, ranges) for scan in planned.scans for ranges in (1, 2)]
    texts += [statements.compile_items(each.items) for each in planned.metrics.values() if each.items is not None]
    assert len(texts) > 10
    for text in texts:
        for index in range(text.count(predicate)):
            parts = text.split(predicate)
            weakened = predicate.join(parts[: index + 1]) + "1 = 1" + predicate.join(parts[index + 1 :])
            with pytest.raises(UncoveredScan):
                check_tenant_predicates(weakened, statements.tenant_columns, dialect.name)


@pytest.mark.parametrize("physical", ["days", "DAYS", "public.days", "main.Days", "x.y.days"])
@pytest.mark.parametrize("is_last", [True, False])
def test_of_two_tenant_columns_of_a_table_none_is_believed(physical: str, is_last: bool) -> None:
    """Validation refuses such files; the guard does not rely on it."""
    catalog = load_files(make_file({"m": "sum(x)"}))
    days = catalog.tables["days"]
    again = replace(days, name="again", physical=physical, tenant="who")
    statements = StatementCompiler(DIALECTS["sqlite"](), (days, again) if is_last else (again, days))
    (scan,) = plan(catalog.widgets.values()).scans
    for table in (days, again):
        with pytest.raises(UncoveredScan):
            statements.compile_scan(replace(scan, table=table), 1)


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
def test_slots_and_awkward_expressions_are_read_back(dialect: type[Dialect]) -> None:
    texts = ("count(distinct who)", "sum(least(x, y) / 2)", "max(round(ln(y), 2))", "sum(cast(y as int))")
    metrics = {f"m{index}": {"value": text, "by": "who", "where": r"who like '%\'"} for index, text in enumerate(texts)}
    catalog = load_files(make_file(metrics))
    statements = StatementCompiler(dialect(), catalog.tables.values())
    for metric in catalog.widgets.values():
        for scan in plan([metric]).scans:
            assert statements.builder.emit_tenant_predicate(scan.table) in statements.compile_scan(scan, 2)


# As each dialect writes them: what is bound to the tenant, and what is not.
BOUND = {
    "postgres": ("t.user_id = CAST(%(tenant)s AS UUID)", "t.user_id = CAST(%(start0)s AS UUID)"),
    "duckdb": ("t.user_id = $tenant", "t.user_id = $start0"),
    "clickhouse": ("t.user_id = {tenant:UUID}", "t.user_id = {start0:UUID}"),
    "bigquery": ("t.user_id = @tenant", "t.user_id = @start0"),
}


@pytest.mark.parametrize("dialect", BOUND)
def test_the_parameter_is_known_however_it_is_written(dialect: str) -> None:
    bound, unbound = BOUND[dialect]
    check_tenant_predicates(f"SELECT sum(x) FROM facts AS t WHERE {bound}", TENANTS, dialect)
    for condition in (unbound, f"{bound} OR 1 = 1", f"NOT ({bound})"):
        with pytest.raises(UncoveredScan):
            check_tenant_predicates(f"SELECT sum(x) FROM facts AS t WHERE {condition}", TENANTS, dialect)


ROW_MAKERS = {
    "postgres": ("JSONB_ARRAY_ELEMENTS(CAST(%(slots)s AS JSONB))", "JSONB_ARRAY_ELEMENTS(t.x)"),
    "trino": ("UNNEST(CAST(JSON_PARSE(:slots) AS ARRAY(INTEGER)))", "UNNEST(t.x)"),
    "snowflake": ("TABLE(FLATTEN(INPUT => PARSE_JSON(:slots)))", "TABLE(FLATTEN(INPUT => t.x))"),
    "bigquery": ("UNNEST(@slots)", "UNNEST((SELECT ARRAY_AGG(x) FROM facts))"),
}


@pytest.mark.parametrize("dialect", ROW_MAKERS)
def test_rows_are_made_of_bound_parameters_only(dialect: str) -> None:
    allowed, refused_ = ROW_MAKERS[dialect]
    check_tenant_predicates(f"SELECT 1 FROM {allowed} AS p", TENANTS, dialect)
    with pytest.raises(UncoveredScan):
        check_tenant_predicates(f"SELECT 1 FROM {refused_} AS p", TENANTS, dialect)


# What a metric file may not say: the key of the metric, and its code.
WORDS: dict[str, tuple[dict[str, Any], str]] = {
    "another table": ({"value": "sum(ads.x)"}, "unknown-column"),
    "a subquery": ({"value": "(SELECT sum(x) FROM ads)"}, "sql-subquery"),
    "a subquery in an aggregate": ({"value": "sum((SELECT 1))"}, "sql-subquery"),
    "a subquery in where": ({"value": "sum(x)", "where": "x IN (SELECT x FROM days)"}, "sql-subquery"),
    "exists": ({"value": "sum(x)", "where": "EXISTS (SELECT 1 FROM days)"}, "sql-subquery"),
    "a whole query": ({"value": "SELECT sum(x) FROM days"}, "sql-subquery"),
    "a window function": ({"value": "sum(x) OVER ()"}, "sql-window"),
    "a forbidden function": ({"value": "sum(load_extension('x'))"}, "forbidden-function"),
    "a function that waits": ({"value": "sum(pg_sleep(10))"}, "forbidden-function"),
    "a function that reads a file": ({"value": "sum(readfile('/etc/passwd'))"}, "forbidden-function"),
    "a second statement": ({"value": "sum(x); DROP TABLE days"}, "sql-statement"),
    "a comment to the end": ({"value": "sum(x) -- AND user_id"}, "sql-comment"),
    "a comment inside": ({"value": "sum(x /* y */)"}, "sql-comment"),
    "a comment in where": ({"value": "sum(x)", "where": "x = 1 --"}, "sql-comment"),
    "a named placeholder": ({"value": "sum(:tenant)"}, "sql-forbidden"),
    "a positional placeholder": ({"value": "sum(x)", "where": "x = ?"}, "sql-forbidden"),
    "a quoted name that does not exist": ({"value": 'sum("secret")'}, "unknown-column"),
    "a quoted name with a quote in it": ({"value": 'sum("x"" FROM ads --")'}, "unknown-column"),
    "a star": ({"value": "sum(*)"}, "sql-forbidden"),
    "an alias": ({"value": "sum(x) AS y"}, "sql-forbidden"),
    "a bracket that closes too early": ({"value": "sum(x)) FROM ads WHERE (1 = 1"}, "sql-syntax"),
    "an open quote": ({"value": "sum(x)", "where": "who = 'a"}, "sql-syntax"),
    "a cast to what is not listed": ({"value": "sum(CAST(x AS JSON))"}, "sql-forbidden"),
}


@pytest.mark.parametrize(("metric", "code"), WORDS.values(), ids=WORDS)
def test_an_expression_that_reaches_out_is_refused_when_it_is_loaded(metric: dict[str, Any], code: str) -> None:
    found = collect_diagnostics(make_file({"m": metric}))
    assert [each.code for each in found] == [code], found
    assert found[0].line > 0
    assert found[0].column > 0


TEMPLATES = {
    "an object's class": "sum({{ ''.__class__ }})",
    "a class by subscript": "sum({{ ''['__class__'] }})",
    "a way to all classes": "sum({{ ().__class__.__base__.__subclasses__() }})",
    "a global": "sum({{ cycler }})",
    "a global's globals": "sum({{ cycler.__init__.__globals__ }})",
    "a macro's code": "sum({{ table.__globals__ }})",
    "the name of the template itself": "sum({{ self._TemplateReference__context }})",
    "a filter that reads attributes": "sum({{ ''|attr('__class__') }})",
    "a text of a billion": "sum({{ 'a' * 10**9 }})",
    "a huge power": "sum({{ 10 ** 10 ** 10 }})",
    "a long range": "{% for i in range(10**9) %}x{% endfor %}",
    "a format that grows": "sum({{ '%1000000000d' % 1 }})",
    "a method that grows": "sum({{ 'x'.ljust(1000000000) }})",
    "a name that is not defined": "sum({{ nothing }})",
    "an import": "{% import 'os' as os %}sum(x)",
    "an inclusion": "{% include '/etc/passwd' %}sum(x)",
    "deep recursion": "sum({{ " + "(" * 3000 + "1" + ")" * 3000 + " }})",
    "a macro that calls itself": "{% macro f() %}{{ f() }}{% endmacro %}sum({{ f() }})",
    "an open brace": "sum({{ x )",
}


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES)
def test_a_template_that_reaches_out_is_refused_when_it_is_loaded(template: str) -> None:
    (found,) = collect_diagnostics(make_file({"m": {"value": template}}))
    assert found.code.startswith(("template", "undefined")), found


@pytest.mark.parametrize("depth", [500, 4000])
def test_an_expression_that_is_nested_too_deeply_is_refused(depth: int) -> None:
    found = collect_diagnostics(make_file({"m": {"value": "(" * depth + "sum(x)" + ")" * depth}}))
    assert [each.code for each in found] == ["sql-limits"]


STATE_TABLES = (
    *("connections", "sync_jobs", "app_settings", "user_dashboard_layouts", "data_versions", "alembic_version"),
    *("CONNECTIONS", "Sync_Jobs", "public.connections", "main.connections", "PUBLIC.App_Settings", "a.b.connections"),
    *("sqlite_master", "sqlite_schema", "main.sqlite_master", "pg_catalog.pg_user", "information_schema.tables"),
)
SPELLINGS = (
    *('"connections"', "connections ", "conn\u200bections", "`connections`", "[connections]"),
    *("connections--", "connections;", ""),
)


@pytest.mark.parametrize("name", STATE_TABLES)
def test_the_installations_own_tables_cannot_be_declared(name: str) -> None:
    found = collect_diagnostics(make_file({"m": "sum(x)"}, {"days": {**DAYS, "name": name}}))
    assert [each.code for each in found] == ["reserved-table"]


@pytest.mark.parametrize("name", SPELLINGS)
def test_nor_under_another_spelling(name: str) -> None:
    found = collect_diagnostics(make_file({"m": "sum(x)"}, {"days": {**DAYS, "name": name}}))
    assert [each.code for each in found] == ["bad-name"]


@pytest.mark.parametrize("name", ["connections", "Sync_Jobs", "sqlite_master"])
def test_nor_as_the_name_of_a_table(name: str) -> None:
    assert "reserved-table" in [each.code for each in collect_diagnostics(make_file({"m": "sum(x)"}, {name: DAYS}))]


def make_query_file(sql: str) -> dict[str, Any]:
    """A file with a `sql:` table over `days`, and a metric `m` over it."""
    inner = {"time": "date", "sql": sql, "columns": {"user_id": "uuid", "date": "date", "x": "bigint"}}
    return {**make_file({"m": {"value": "sum(x)", "table": "q"}}), "tables": {"days": DAYS, "ads": DAYS, "q": inner}}


QUERIES = {
    "a table without table()": ("SELECT user_id, date, x FROM days", "undeclared-table"),
    "a state table": ("SELECT user_id, date, x FROM connections", "undeclared-table"),
    "the reference's own spelling": ('SELECT user_id, date, x FROM "table:days"', "undeclared-table"),
    "a table that is not declared": ("SELECT user_id, date, x FROM {{ table('secrets') }}", "unknown-table"),
    "a table function": ("SELECT user_id, date, x FROM json_each('[1]')", "sql-forbidden"),
    "a union": (
        "SELECT user_id, date, x FROM {{ table('days') }} UNION SELECT user_id, date, x FROM {{ table('days') }}",
        "sql-statement",
    ),
    "a subquery in the selection": (
        "SELECT user_id, date, (SELECT max(x) FROM {{ table('days') }}) AS x FROM {{ table('days') }}",
        "sql-subquery",
    ),
    "a subquery in WHERE": (
        "SELECT user_id, date, x FROM {{ table('days') }} WHERE x IN (SELECT x FROM {{ table('days') }})",
        "sql-subquery",
    ),
    "a statement": ("DELETE FROM {{ table('days') }}", "sql-statement"),
    "a star": ("SELECT * FROM {{ table('days') }}", "sql-forbidden"),
    "a comment": ("SELECT user_id, date, x FROM {{ table('days') }} --", "sql-comment"),
    "a placeholder": ("SELECT user_id, date, x FROM {{ table('days') }} WHERE user_id = :tenant", "sql-forbidden"),
    "a forbidden function": ("SELECT user_id, date, random() AS x FROM {{ table('days') }}", "forbidden-function"),
    "a lateral join": (
        "SELECT user_id, date, x FROM {{ table('days') }}, LATERAL (SELECT 1 AS y) AS l",
        "sql-forbidden",
    ),
}


@pytest.mark.parametrize(("sql", "code"), QUERIES.values(), ids=QUERIES)
def test_a_query_that_reaches_out_is_refused_when_it_is_loaded(sql: str, code: str) -> None:
    assert code in [each.code for each in collect_diagnostics(make_query_file(sql))]


SHADOWING = {
    "a WITH query called as a table": (
        "WITH days AS (SELECT user_id, date, 1000 AS x FROM {{ table('days') }}) SELECT user_id, date, x FROM days"
    ),
    "one called as a table in other letters": (
        "WITH DAYS AS (SELECT user_id, date, 1000 AS x FROM {{ table('days') }}) SELECT user_id, date, x FROM DAYS"
    ),
    "one called as a table that another one reads": (
        "WITH days AS (SELECT user_id, date, 7 AS x FROM {{ table('ads') }}),"
        " r AS (SELECT user_id, date, x + 999 AS x FROM {{ table('days') }}) SELECT user_id, date, x FROM r"
    ),
    "several SELECTs": (
        "SELECT user_id, date, x FROM {{ table('days') }} UNION ALL SELECT user_id, date, 999 FROM {{ table('days') }}"
        " UNION ALL SELECT user_id, date, x + 5 FROM {{ table('ads') }}"
    ),
    "a WITH query called as an alias of the engine": (
        "WITH t AS (SELECT user_id, date, x + 999 AS x FROM {{ table('days') }}) SELECT user_id, date, x FROM t"
    ),
}


@pytest.mark.parametrize("sql", SHADOWING.values(), ids=SHADOWING)
def test_a_query_may_reuse_names_and_still_reads_one_tenants_rows(sql: str) -> None:
    catalog = load_files(make_query_file(sql))
    rows = [
        make_row("2025-01-01", x=1),
        make_row("2025-01-01", x=1, user_id=YOU),
        make_row("2025-01-01", x=1, user_id=YOU),
    ]
    with open_warehouse(catalog, {"days": rows}) as warehouse:
        assert list_points(query_engine(Engine(catalog, warehouse), "m", "2025-01-01")) == [1000]


def test_the_tenants_own_column_cannot_be_made_constant_by_a_query() -> None:
    """A query that gives everybody's rows one name still holds only those of the tenant who asks."""
    sql = f"SELECT '{ME}' AS user_id, date, x FROM {{{{ table('days') }}}}"
    catalog = load_files(make_query_file(sql))
    with open_warehouse(catalog, {"days": [make_row("2025-01-01", x=5, user_id=YOU)]}) as warehouse:
        assert get_stats(query_engine(Engine(catalog, warehouse), "m", "2025-01-01")) == (None, None, None)


def test_the_tenant_is_bound_and_never_text() -> None:
    catalog = load_files(make_file({"m": "sum(x)"}))
    with open_warehouse(catalog, {"days": [make_row("2025-01-01", x=5)]}) as warehouse:
        answer = query_engine(Engine(catalog, warehouse), "m", "2025-01-01", tenant="' OR 1=1 --")
    assert get_stats(answer) == (None, None, None)


def test_a_column_that_is_not_there_is_never_read_as_a_text() -> None:
    """SQLite reads an unknown name in double quotes as a text: every row would pass `"user_id" = …`."""
    renamed = {**COLUMNS, "user_id": {"type": "uuid", "column": "owner"}}
    catalog = load_files(make_file({"m": "sum(x)"}, {"days": {**DAYS, "columns": renamed}}))
    with open_warehouse(catalog, {"days": [make_row("2025-01-01", x=5, user_id=YOU)]}) as warehouse:
        answer = query_engine(Engine(catalog, warehouse), "m", "2025-01-01", tenant="owner")
    assert get_stats(answer) == (None, None, None)
