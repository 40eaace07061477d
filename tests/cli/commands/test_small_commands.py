from __future__ import annotations

import json
import sqlite3
import time
from pathlib import Path

import jsonschema
import jwt
import pytest

from engine.diagnostics import Diagnostics
from engine.files.document import parse_document
from runtime.file_schemas import build_file_schema, build_insights_schema, build_language_schema
from tests.cli.conftest import ALICE, SECRET, SHIPPED, Run


def test_a_token_is_signed_for_the_user(run: Run) -> None:
    result = run(
        "token", "--user", ALICE.upper(), "--days", "2", JWT_SECRET=SECRET, JWT_ISSUER="us", JWT_AUDIENCE="them"
    )
    claims = jwt.decode(result.stdout.strip(), SECRET, algorithms=["HS256"], audience="them", issuer="us")
    assert claims["sub"] == ALICE
    assert claims["exp"] - time.time() == pytest.approx(2 * 86_400, abs=60)


@pytest.mark.parametrize(
    ("environment", "problem"),
    [({}, "JWT_SECRET: is not set"), ({"JWT_SECRET": "short"}, "JWT_SECRET: has 5 bytes and needs at least 32")],
)
def test_without_a_good_secret_there_is_no_token(run: Run, environment: dict[str, str], problem: str) -> None:
    result = run("token", "--user", ALICE, **environment)
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert result.stderr.startswith(f"error: {problem}")


def test_migrations_run_once(run: Run) -> None:
    assert run("migrate").stdout.startswith("the state tables are now at revision ")
    assert run("migrate").stdout.startswith("the state tables were already at revision ")


def test_ddl_makes_the_fact_tables(run: Run) -> None:
    result = run("ddl", "--dialect", "sqlite")
    with sqlite3.connect(":memory:") as connection:
        connection.executescript(result.stdout)
        names = [
            row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        ]
    connection.close()
    assert names == [
        "ga4_channels_daily",
        "ga4_daily",
        "ga4_landing_pages_daily",
        "ig_account_daily",
        "ig_media",
        "meta_ads_daily",
        "sync_cursors",
    ]


@pytest.mark.parametrize(
    ("arguments", "statements"),
    [
        (("ga4.sessions",), 1),
        (("ga4.traffic_channels", "--compare", "previous_year", "--grain", "month"), 1),
        (("ig.content_perf", "--compare", "previous_period"), 2),
        (("corr.spend_vs_sessions",), 2),
    ],
)
def test_sql_shows_every_statement_under_its_comment(run: Run, arguments: tuple[str, ...], statements: int) -> None:
    result = run("sql", *arguments)
    assert result.exit_code == 0
    parts = result.stdout.strip().split("\n\n")
    assert len(parts) == statements
    for part in parts:
        assert part.startswith(f"-- {arguments[0]}: ")
        assert sqlite3.complete_statement(part)
        assert ":tenant" in part


def test_sql_of_two_windows_that_do_not_touch_binds_both(run: Run) -> None:
    assert ":start1" in run("sql", "ga4.sessions", "--compare", "previous_year").stdout
    assert ":start1" not in run("sql", "ga4.sessions", "--compare", "previous_period").stdout


def test_sql_of_an_unknown_key_names_the_nearest(run: Run) -> None:
    result = run("sql", "ga4.sesions")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: no widget 'ga4.sesions'; did you mean 'ga4.sessions'")


def test_the_schema_in_the_repository_is_the_one_printed(run: Run) -> None:
    assert run("schema").stdout == (SHIPPED / "schema.json").read_text()
    assert run("schema", "--insights").stdout == (SHIPPED / "insights.schema.json").read_text()
    assert run("schema", "--language").stdout == (SHIPPED / "language.schema.json").read_text()


@pytest.mark.parametrize("file", sorted(SHIPPED.glob("*.yaml")), ids=lambda file: file.stem)
def test_the_shipped_files_fit_their_schema(file: Path) -> None:
    document = parse_document(str(file), file.read_bytes(), Diagnostics())
    assert document is not None
    schemas = {"insights.yaml": build_insights_schema, "insights.de.yaml": build_language_schema}
    schema = schemas.get(file.name, build_file_schema)()
    jsonschema.validate(json.loads(json.dumps(document.data)), schema)


@pytest.mark.parametrize(
    ("file", "fits"),
    [
        ({"table": "t", "metrics": {"a.b": "sum(n)"}}, True),
        ({"metrics": {"a.b": {"value": "sum(n)", "fill": None}}}, True),
        ({"metrics": {"a.b": {"value": "sum(n)", "fill": "zero"}}}, True),
        ({"source": "ga4", "tables": {"t": {"time": "date", "columns": {"n": "bigint", "m": {"type": "text"}}}}}, True),
        ({"tables": {"t": {"time": "date", "columns": {"n": "int"}}}}, False),
        ({"tables": {"t": {"columns": {"n": "bigint"}}}}, False),
        ({"metrics": {"a.b": {"valu": "sum(n)"}}}, False),
        ({"metrics": {"a.b": {"value": "sum(n)", "fill": "none"}}}, False),
        ({"metrics": {"a.b": 1}}, False),
        ({"widgets": {}}, False),
    ],
)
def test_the_schema_knows_the_shorthands_and_no_other_keys(file: object, fits: bool) -> None:
    validator = jsonschema.Draft202012Validator(build_file_schema())
    validator.check_schema(build_file_schema())
    assert validator.is_valid(file) is fits


def test_the_schema_keeps_descriptions() -> None:
    definitions = build_file_schema()["$defs"]
    assert definitions["MetricDefinition"]["properties"]["title"]["description"].startswith("The widget's title")
