"""What some database would refuse, or read in a way of its own, is refused when the files are loaded."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.worlds import collect_diagnostics, load_files, make_file

COLUMNS = {
    "user_id": "uuid",
    "date": "date",
    "id": "text",
    "s": "text",
    "n": "bigint",
    "y": "double",
    "f": "boolean",
    "at": "timestamptz",
    "ts": "timestamp",
    "u": "uuid",
}
TABLES: dict[str, Any] = {
    "facts": {"time": "date", "columns": COLUMNS},
    "uses": {"time": "day", "columns": {"user_id": "uuid", "day": "date", "id": "text", "n": "bigint"}},
}
HEAD = "SELECT user_id, date, "
PAIR = "SELECT f.user_id, f.date, u.n FROM FACTS AS f "
# A query, the code, and the text that the fault stands at.
QUERIES: list[tuple[str, str, str]] = [
    (HEAD + "n * 2 AS k, k + 1 AS j FROM FACTS", "unknown-column", "k + 1"),
    (HEAD + "n AS k FROM FACTS WHERE k > 5", "unknown-column", "k > 5"),
    (HEAD + 'n AS k FROM FACTS WHERE "zzz" > 5', "unknown-column", '"zzz"'),
    (HEAD + "sum(n) AS k FROM FACTS GROUP BY user_id, date HAVING k > 5", "unknown-column", "k > 5"),
    (HEAD + "n FROM FACTS WHERE other.n > 5", "unknown-column", "other.n"),
    (HEAD + "sum(n) AS k FROM FACTS GROUP BY user_id, date, k", "aggregate-in-where", "k"),
    (HEAD + "sum(n) AS k FROM FACTS GROUP BY 1, 2, 9", "unknown-column", "9"),
    (HEAD + "sum(n) AS k FROM FACTS GROUP BY user_id, date, 'x'", "sql-forbidden", "'x'"),
    (HEAD + "sum(n) AS k FROM FACTS GROUP BY user_id, date HAVING y > 7", "not-aggregated", "y > 7"),
    (HEAD + "lower(s) AS low, sum(n) AS k FROM FACTS GROUP BY user_id, date", "not-aggregated", "s)"),
    (HEAD + "n FROM FACTS WHERE sum(n) > 2", "aggregate-in-where", "sum(n) > 2"),
    (HEAD + "n FROM FACTS HAVING count(*) > 2", "sql-forbidden", "count(*)"),
    (HEAD + "sum(max(n)) AS k FROM FACTS GROUP BY user_id, date", "nested-aggregate", "max(n)"),
    (HEAD + "n AS k, y AS K FROM FACTS", "ambiguous-column", "y AS K"),
    (HEAD + 'n AS "a%b" FROM FACTS', "bad-name", '"a%b"'),
    (HEAD + 'n AS ":a" FROM FACTS', "bad-name", '":a"'),
    (HEAD + "n AS ü FROM FACTS", "bad-name", "ü"),
    (HEAD + f"n AS {'x' * 51} FROM FACTS", "bad-name", "x" * 51),
    (HEAD + 'n FROM FACTS AS "a?"', "bad-name", '"a?"'),
    ('WITH "it\'s" AS (SELECT user_id, date FROM FACTS) SELECT user_id, date FROM "it\'s"', "bad-name", '"it'),
    (
        "WITH a AS (SELECT user_id, date FROM FACTS), A AS (SELECT 1 AS x) SELECT user_id, date FROM a",
        "ambiguous-column",
        "A AS (SELECT 1",
    ),
    (
        "WITH a AS (SELECT date FROM FACTS) SELECT x.date FROM (WITH a AS (SELECT date FROM a) SELECT date FROM a) x",
        "ambiguous-column",
        "a AS (SELECT date FROM a)",
    ),
    (PAIR + "LEFT JOIN USES AS u ON f.n < u.n", "sql-forbidden", "f.n <"),
    (PAIR + "FULL JOIN USES AS u ON f.id = u.id OR f.n = 1", "sql-forbidden", "f.id ="),
    (PAIR + "LEFT JOIN USES AS u", "sql-syntax", "{{ table('uses') }} AS u"),
    (PAIR + "CROSS JOIN USES AS u ON f.id = u.id", "sql-syntax", "f.id"),
    (PAIR + "SEMI JOIN USES AS u ON f.id = u.id", "sql-forbidden", "{{ table('uses') }} AS u"),
    (PAIR + "JOIN USES AS u ON f.n", "not-a-condition", "f.n"),
    (PAIR + "JOIN USES AS u ON f.id = v.id JOIN USES AS v ON v.id = u.id", "unknown-column", "v.id JOIN"),
    (PAIR + "JOIN USES AS u USING (date)", "unknown-column", "date)"),
    (PAIR + "JOIN USES AS u ON f.at = u.day", "not-comparable", "u.day"),
    ("SELECT f.user_id, f.date FROM (FACTS AS f JOIN USES AS u ON f.id = u.id)", "sql-forbidden", "{{ table('facts')"),
    ("SELECT user_id, date JOIN FACTS", "sql-syntax", "{{ table('facts')"),
    ("SELECT FROM FACTS", "sql-syntax", "{{ table('facts')"),
    (
        "SELECT f.user_id, f.date FROM FACTS AS f LEFT JOIN USES AS u JOIN USES AS v ON u.id = v.id ON f.id = u.id",
        "sql-forbidden",
        "{{ table('uses') }} AS u",
    ),
    ("SELECT user_id, date FROM (FACTS)", "sql-forbidden", "{{ table('facts')"),
    (HEAD + "NULL AS k FROM FACTS", "not-comparable", "k FROM"),
    (HEAD + "n FROM FACTS WHERE n", "not-a-condition", "n"),
    (HEAD + "n + s AS k FROM FACTS", "not-a-number", "s AS k"),
    (HEAD + "case when n > 1 then 'a' else 1 end AS k FROM FACTS", "not-comparable", "1 end"),
    (HEAD + "max(f) AS k FROM FACTS GROUP BY user_id, date", "not-a-number", "f)"),
    (HEAD + "max(u) AS k FROM FACTS GROUP BY user_id, date", "not-a-number", "u)"),
]
# A condition, the code, and the text that the fault stands at.
CONDITIONS: list[tuple[str, str, str]] = [
    ("n in ()", "sql-syntax", "in"),
    ("n is 5", "sql-forbidden", "is"),
    ("case when n > 1 2 end = 2", "sql-syntax", "when"),
    ("case when case when n > 1 then true end 2 else 3 end = 2", "sql-syntax", "when case"),
    ("abs(n, 2) = 2", "sql-forbidden", "abs"),
    ("n is true", "not-a-condition", "n"),
    ("date = 'abc'", "not-comparable", "'abc'"),
    ("date > '2025'", "not-comparable", "'2025'"),
    ("date in ('2025-01-01', '2025-02-30')", "not-comparable", "'2025-02-30'"),
    ("date = s", "not-comparable", "s"),
    ("date = at", "not-comparable", "at"),
    ("at = '2025-01-01'", "not-comparable", "'2025-01-01'"),
    ("at > ts", "not-comparable", "ts"),
    ("u = 'abc'", "not-comparable", "'abc'"),
    ("u = 'ABCDEF01-89AB-4DEF-8123-456789ABCDEF'", "not-comparable", "'ABC"),
    ("u < user_id", "not-comparable", "user_id"),
    ("u like '0%'", "not-a-text", "u"),
    ("s like n", "not-a-text", "n"),
    ("date like '2025%'", "not-a-text", "date"),
    ("length(n) > 1", "not-a-text", "n"),
    ("lower(f) = 'true'", "not-a-text", "f"),
    ("substring(n, 1) = '1'", "not-a-text", "n"),
    ("substring(s, s) = '1'", "not-a-number", "s)"),
    ("date(s) = date", "not-comparable", "s"),
    ("hour(date) = 8", "not-comparable", "date"),
    ("year(at) = 2025", "not-comparable", "at"),
    ("month('2025-01-01') = 1", "not-comparable", "'2025"),
    ("isodow(n) = 1", "not-comparable", "n"),
    ("date(n) = date", "not-comparable", "n"),
    ("cast(s as double) > 1", "not-comparable", "s"),
    ("cast('1,5' as double) > 1", "not-comparable", "'1,5'"),
    ("cast(date as int) > 1", "not-comparable", "date"),
    ("coalesce(n, s) = 1", "not-comparable", "s"),
    ("coalesce(date, '2025-01-01') = date", "not-comparable", "'2025"),
    ("nullif(n, s) = 1", "not-comparable", "s"),
    ("if(n, true, false)", "not-a-condition", "n"),
    ("case when n then true end", "not-a-condition", "n"),
    ("case n when 'a' then true end", "not-comparable", "'a'"),
    ("f = f = f", "sql-syntax", "f"),
    ("f = n between 1 and 3", "sql-syntax", "n"),
    ("n > 1e400", "sql-limits", "1e400"),
    ("n > 1e-400", "sql-limits", "1e-400"),
]
VALUES: list[tuple[str, str, str]] = [
    ("if(max(date) > min(date), 1, 0)", "not-a-number", "max(date) >"),
    ("if(max(s) is null, 1, 0)", "not-a-number", "max(s)"),
    ("sum(f)", "not-a-number", "f"),
    ("max(f)", "not-a-number", "f"),
    ("count(max(n) > 1)", "nested-aggregate", "max(n)"),
    ("sum(case when n > 1 then 1 else ceil(y, 2) end)", "sql-forbidden", "ceil"),
    ("sum(case when n > 1 then 1 else if(n, 2, 3) end)", "not-a-condition", "n, 2"),
    ("sum(abs(distinct n))", "sql-forbidden", "n)"),
    ("count(distinct s || concat(distinct s))", "sql-forbidden", "s))"),
]
# A condition that is refused, what the message ends with, and that remedy as an analyst follows it.
REMEDIED: list[tuple[str, str, str]] = [
    ("n % 7 = 1", "write a - b * floor(a / b)", "n - 7 * floor(n / 7) = 1"),
    ("mod(n, 7) = 1", "write a - b * floor(a / b)", "n - 7 * floor(n / 7) = 1"),
    ("n ^ 2 > 1", "write pow(x, 2)", "pow(n, 2) > 1"),
    ("n > 1 && n < 5", "write and", "n > 1 and n < 5"),
    ("n => 1", "write >=", "n >= 1"),
    ("s ilike 'a%'", "write lower(x) like '…%'", "lower(s) like 'a%'"),
    ("s ~ 'a'", "write x like '%…%'", "s like '%a%'"),
    ("s regexp 'a'", "write x like '%…%'", "s like '%a%'"),
    ("starts_with(s, 'a')", "write x like '…%'", "s like 'a%'"),
    ("left(s, 2) = 'ab'", "write substring(x, 1, n)", "substring(s, 1, 2) = 'ab'"),
    ("position('a' in s) > 0", "write x like '%…%'", "s like '%a%'"),
    ("ltrim(s) = 'a'", "only trim(x) is allowed, which takes blanks away at both ends", "trim(s) = 'a'"),
    ("s is distinct from 'a'", "write a <> b or a is null", "s <> 'a' or s is null"),
    ("extract(dow from date) = 6", "or isodow(date), of which 1 is Monday", "isodow(date) = 6"),
    ("dayofweek(date) = 6", "write isodow(date)", "isodow(date) = 6"),
    ("year(at) = 2025", "write date(at)", "year(date(at)) = 2025"),
    ("log10(n) > 2", "write ln(x) / ln(10)", "ln(n) / ln(10) > 2"),
    ("sign(n) = 1", "else 0 end", "case when n > 0 then 1 when n < 0 then -1 else 0 end = 1"),
    ("s = 5", "write '5'", "s = '5'"),
    ("n in ('5', '6')", "write 5", "n in (5, 6)"),
    ("n + (n > 5) > 1", "write case when … then 1 end", "n + case when n > 5 then 1 end > 1"),
    ("N > 1", "did you mean 'n'?", "n > 1"),
]
NAMES: list[dict[str, str]] = [{"N": "bigint"}, {"__day": "bigint"}, {"_version": "bigint"}, {"True": "boolean"}]


def locate_diagnostic(found: Any, text: str, wanted: str) -> tuple[str, str]:
    """The code of the first diagnostic, and what stands where it points."""
    line = text.splitlines()[found.line - 1]
    return found.code, line[found.column - 1 :][: len(wanted)]


@pytest.mark.parametrize(("sql", "code", "place"), QUERIES, ids=[query for query, *_ in QUERIES])
def test_a_query_is_refused(sql: str, code: str, place: str) -> None:
    written = sql.replace("FACTS", "{{ table('facts') }}").replace("USES", "{{ table('uses') }}")
    query = (
        "source: ga4\ntables:\n  q:\n    time: date\n    columns: {user_id: uuid, date: date}\n"
        f"    sql: |\n      {written}\n"
    )
    found = collect_diagnostics(make_file({}, TABLES), query)
    assert [locate_diagnostic(each, query, place) for each in found] == [(code, place)]


@pytest.mark.parametrize(("condition", "code", "place"), CONDITIONS, ids=[condition for condition, *_ in CONDITIONS])
def test_a_condition_is_refused(condition: str, code: str, place: str) -> None:
    text = f"source: ga4\ntable: facts\nmetrics:\n  a.m:\n    value: sum(n)\n    where: |\n      {condition}\n"
    assert locate_diagnostic(collect_diagnostics(make_file({}, TABLES), text)[0], text, place) == (code, place)


@pytest.mark.parametrize(("wrong", "remedy", "right"), REMEDIED, ids=[wrong for wrong, *_ in REMEDIED])
def test_what_is_refused_can_be_written_otherwise(wrong: str, remedy: str, right: str) -> None:
    metric = {"value": "sum(n)"}
    found = collect_diagnostics(make_file({"a.m": {**metric, "where": wrong}}, TABLES))[0]
    assert found.message.endswith(remedy)
    load_files(make_file({"a.m": {**metric, "where": right}}, TABLES))


@pytest.mark.parametrize(
    ("metric", "place"),
    [
        ("{table: facts, value: sum(n), where: n in (6, 7)}", ", 7"),
        ("{table: facts, value: 'round(sum(n), 2)', where: s in ('a', 'b')}", ", 'b'"),
        ("{table: facts, series: {A: sum(n), B: round(sum(n), 2)}}", ", 2"),
    ],
)
def test_a_comma_in_braces_wants_quotes(metric: str, place: str) -> None:
    text = f"source: ga4\nmetrics:\n  a.m: {metric}\n"
    (found,) = collect_diagnostics(make_file({}, TABLES), text)
    assert "a comma ends a text: put all of it in quotes" in found.message
    assert locate_diagnostic(found, text, place)[1] == place


def test_a_breakdown_is_by_a_column() -> None:
    (found,) = collect_diagnostics(make_file({"a.m": {"value": "sum(n)", "by": "lower(s)"}}, TABLES))
    assert found.code == "unknown-column"
    assert found.message == "by takes a column's name; give this expression a column in a `sql:` table"


@pytest.mark.parametrize(("value", "code", "place"), VALUES, ids=[value for value, *_ in VALUES])
def test_a_value_is_refused(value: str, code: str, place: str) -> None:
    text = f"source: ga4\ntable: facts\nmetrics:\n  a.m:\n    value: |\n      {value}\n"
    assert locate_diagnostic(collect_diagnostics(make_file({}, TABLES), text)[0], text, place) == (code, place)


@pytest.mark.parametrize("column", NAMES, ids=lambda column: next(iter(column)))
def test_a_columns_name_is_refused(column: dict[str, str]) -> None:
    (found,) = collect_diagnostics(make_file({}, {"facts": {"time": "date", "columns": {**COLUMNS, **column}}}))
    assert found.code == "bad-name"


@pytest.mark.parametrize(("given", "type_name"), [("at", "date"), ("s", "bigint"), ("u", "text"), ("n", "boolean")])
def test_a_query_gives_what_is_declared(given: str, type_name: str) -> None:
    sql = f"SELECT user_id, date, {given} AS k FROM {{{{ table('facts') }}}}"
    query = {"time": "date", "sql": sql, "columns": {"user_id": "uuid", "date": "date", "k": type_name}}
    (found,) = collect_diagnostics(make_file({}, {**TABLES, "q": query}))
    assert found.code == "wrong-column-type"
    assert f"'k' is {type_name} here" in found.message


@pytest.mark.parametrize("key", ["table", "where", "by", "total", "items", "format", "title"])
def test_a_key_without_a_value_is_not_left_out_silently(key: str) -> None:
    table = "fill: null" if key == "table" else "table: facts"
    text = f"source: ga4\nmetrics:\n  a.m:\n    value: sum(n)\n    {table}\n    {key}:\n"
    (found,) = collect_diagnostics(make_file({}, TABLES), text)
    assert (found.code, found.line, found.message) == ("wrong-type", 6, "needs a value, but nothing stands here")
