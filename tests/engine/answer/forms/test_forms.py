"""An answer as CSV, Arrow and Parquet, read back by other programs."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pandas
import pytest
from pyarrow import ipc, parquet

from engine.answer.engine import Engine, WidgetAnswer
from engine.answer.fetch import RequestContext
from engine.answer.forms.columns import AnswerColumn, build_columns
from engine.answer.forms.csv_text import guard_cell, write_csv
from engine.answer.forms.forms import FORMS, encode_answer, encode_answers
from engine.catalog.catalog import load_catalog
from engine.errors import UnavailableForm
from engine.query import parse_metric_query
from engine.warehouse.warehouse import Warehouse
from tests.conftest import TENANT

FILE = """\
source: ga4
table: visits
tables:
  visits:
    time: date
    key: [user_id, date, channel]
    dimensions: {channel: {column: channel, title: Channel}}
    columns:
      {user_id: uuid, date: date, channel: text, sessions: bigint, visitors: {type: bigint, additive: false},
       paid: double}
metrics:
  ga4.sessions: {title: Sessions, value: sum(sessions)}
  ga4.twice: {title: Sessions, value: 2 * sum(sessions) + count(*)}
  ga4.visitors: {title: Visitors, value: sum(visitors), total: average}
  ga4.paid: {title: Paid, value: sum(paid)}
  ga4.paid_share: {title: Paid share, value: sum(paid) / sum(sessions), format: percent}
  ga4.by_channel: {value: sum(sessions), by: channel}
  ga4.both: {combine: [ga4.sessions, ga4.twice, ga4.paid]}
  ga4.channels:
    rows: channel
    columns: {Sessions: sum(sessions), Visitors: {value: sum(visitors), total: average}, Paid: sum(paid)}
  ga4.week: {title: Week, value: sum(sessions), rolling: 7 days}
  ga4.top:
    value: sum(sessions)
    items: {by: channel, show: [channel], values: {sessions: sum(sessions), paid: sum(paid)}, order: sessions}
"""
ROWS = [(1, "Email", 2, 4, 1.0), (2, "=1+1", 3, 5, 2.5), (2, "Email", 1, 2, 0.0)]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    (tmp_path / "visits.yaml").write_text(FILE)
    catalog = load_catalog(tmp_path)
    warehouse = Warehouse(f"sqlite:///{tmp_path}/facts.db")
    names = ("channel", "sessions", "visitors", "paid")
    warehouse.upsert(
        catalog.tables["visits"],
        [
            {"user_id": TENANT, "date": date(2025, 1, day), **dict(zip(names, values, strict=True))}
            for day, *values in ROWS
        ],
    )
    yield Engine(catalog, warehouse)
    warehouse.close()


def ask_engine(engine: Engine, key: str, grain: str = "day", start: str = "2025-01-01") -> WidgetAnswer:
    query = parse_metric_query(today=date(2025, 2, 1), start=start, end="2025-01-03", grain=grain)
    return engine.query(key, query, RequestContext(tenant=TENANT, connected=frozenset(["ga4"])))


def test_csv_has_t_and_a_column_a_series(engine: Engine) -> None:
    assert encode_answer(ask_engine(engine, "ga4.both"), "csv").decode() == (
        "t,Sessions,Sessions 2,Paid\n2025-01-01,2,5,1.0\n2025-01-02,4,10,2.5\n2025-01-03,,,\n"
    )


def test_a_member_cannot_be_a_formula(engine: Engine) -> None:
    written = encode_answer(ask_engine(engine, "ga4.by_channel"), "csv").decode()
    assert next(csv.reader(io.StringIO(written))) == ["t", "'=1+1", "Email"]


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@a", "\t=1", "\r1", " =1", "＝1"])
def test_what_a_spreadsheet_computes_gets_an_apostrophe(text: str) -> None:
    assert guard_cell(text) == f"'{text}"


def test_numbers_and_other_texts_stay() -> None:
    cells = [-1, -1.5, None, "a-b", "", "2025-01-01"]
    assert [guard_cell(cell) for cell in cells] == cells


def test_a_table_has_a_line_a_row(engine: Engine) -> None:
    cells = {"Sessions": {"value": 3}, "CPA": {"value": None}}
    answer = ask_engine(engine, "ga4.sessions")
    answer.body["table"] = {
        "columns": [{"name": "Sessions"}, {"name": "CPA"}],
        "rows": [{"id": "-7", "label": "@home", "values": cells}, {"id": "8", "label": None, "values": cells}],
    }
    assert write_csv(build_columns(answer.metric, answer.body)).decode() == (
        "id,label,Sessions,CPA\n'-7,'@home,3,\n8,,3,\n"
    )


def test_answers_of_all_shapes_share_their_columns(engine: Engine) -> None:
    keys = ("ga4.sessions", "ga4.by_channel", "ga4.channels")
    answers = {key: ask_engine(engine, key, "month") for key in keys} | {"x": "nothing"}
    assert encode_answers(answers, "csv").decode().split("\n") == [
        "key,series,id,label,t,value,problem",
        "ga4.sessions,Sessions,,,2025-01-01,6,",
        "ga4.by_channel,'=1+1,'=1+1,,2025-01-01,3,",
        "ga4.by_channel,Email,Email,,2025-01-01,3,",
        "ga4.channels,Sessions,'=1+1,'=1+1,,3,",
        "ga4.channels,Visitors,'=1+1,'=1+1,,5,",
        "ga4.channels,Paid,'=1+1,'=1+1,,2.5,",
        "ga4.channels,Sessions,Email,Email,,3,",
        "ga4.channels,Visitors,Email,Email,,3,",
        "ga4.channels,Paid,Email,Email,,1.0,",
        "x,,,,,,nothing",
        "",
    ]
    table = ipc.open_stream(io.BytesIO(encode_answers(answers, "arrow"))).read_all()
    assert str(table.schema.field("value").type) == "double"
    assert encode_answers({}, "csv") == b"key,series,id,label,t,value,problem\n"


@pytest.mark.parametrize("form", ["arrow", "parquet"])
def test_columns_are_typed_by_the_definition(engine: Engine, form: str) -> None:
    read = {"arrow": lambda content: ipc.open_stream(content).read_all(), "parquet": parquet.read_table}[form]
    table = read(io.BytesIO(encode_answer(ask_engine(engine, "ga4.both"), form)))
    assert [str(field.type) for field in table.schema] == ["date32[day]", "int64", "int64", "double"]
    assert table.to_pydict() == {
        "t": [date(2025, 1, day) for day in (1, 2, 3)],
        "Sessions": [2, 4, None],
        "Sessions 2": [5, 10, None],
        "Paid": [1.0, 2.5, None],
    }
    empty = read(io.BytesIO(encode_answer(ask_engine(engine, "ga4.both", start="2025-01-03"), form)))
    assert empty.schema == table.schema


def test_an_average_of_whole_numbers_is_a_double(engine: Engine) -> None:
    (_, column) = build_columns((answer := ask_engine(engine, "ga4.visitors", "month")).metric, answer.body)
    assert column == AnswerColumn("Visitors", "double", [5.5])


def test_a_sum_beyond_what_a_double_holds_exactly_is_a_double(engine: Engine) -> None:
    row = {"user_id": TENANT, "date": date(2025, 1, 3), "channel": "Email", "sessions": 2**60}
    engine.warehouse.upsert(engine.catalog.tables["visits"], [row])
    answer = ask_engine(engine, "ga4.sessions")
    assert build_columns(answer.metric, answer.body)[1].type == "double"
    assert answer.body["series"][0]["points"][2]["v"] == 2.0**60


def test_other_programs_read_them(engine: Engine, tmp_path: Path) -> None:
    answer = ask_engine(engine, "ga4.sessions")
    for form in FORMS:
        (tmp_path / form).write_bytes(encode_answer(answer, form))
    assert pandas.read_csv(tmp_path / "csv")["Sessions"].sum() == 6
    assert pandas.read_parquet(tmp_path / "parquet")["Sessions"].sum() == 6
    table = ipc.open_stream(tmp_path / "arrow").read_all()
    with duckdb.connect() as connection:
        connection.register("answer", table)
        assert connection.execute("SELECT sum(Sessions)::INT, max(t) FROM answer").fetchone() == (6, date(2025, 1, 3))


@pytest.mark.parametrize("form", ["arrow", "parquet"])
def test_a_missing_package_is_named(engine: Engine, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = ask_engine(engine, "ga4.sessions")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UnavailableForm, match=r"pip install pyarrow \(the extra 'arrow'\)"):
        encode_answer(answer, form)
    assert encode_answer(answer, "csv").startswith(b"t,Sessions\n")


def test_whole_numbers_are_integers_in_json_too(engine: Engine) -> None:
    def get_numbers(key: str) -> list[object]:
        body = ask_engine(engine, key).body
        return [*(point["v"] for point in body["series"][0]["points"]), body["stats"]["value"]]

    assert repr(get_numbers("ga4.sessions")) == "[2, 4, None, 6]"
    assert repr(get_numbers("ga4.twice")) == "[5, 10, None, 15]"
    assert repr(get_numbers("ga4.visitors")) == "[4, 7, None, 5.5]"
    assert repr(get_numbers("ga4.paid")) == "[1.0, 2.5, None, 3.5]"
    assert repr(get_numbers("ga4.paid_share")[0]) == "0.5"
    assert repr([each["values"] for each in ask_engine(engine, "ga4.top").body["items"]]) == (
        "[{'sessions': 3, 'paid': 2.5}, {'sessions': 3, 'paid': 1.0}]"
    )


def test_a_widget_with_columns_is_a_table_in_every_form(engine: Engine) -> None:
    answer = ask_engine(engine, "ga4.channels")
    assert encode_answer(answer, "csv").decode() == (
        "id,label,Sessions,Visitors,Paid\n'=1+1,'=1+1,3,5,2.5\nEmail,Email,3,3,1.0\n"
    )
    table = ipc.open_stream(encode_answer(answer, "arrow")).read_all()
    assert [str(field.type) for field in table.schema] == ["string", "string", "int64", "double", "double"]
    assert repr(answer.body["table"]["total"]["Sessions"]["value"]) == "6"


def test_rolling_sums_of_whole_numbers_are_integers(engine: Engine) -> None:
    answer = ask_engine(engine, "ga4.week")
    values = [point["v"] for point in answer.body["series"][0]["points"]]
    assert all(value is None or isinstance(value, int) for value in values)
    assert build_columns(answer.metric, answer.body)[1].type == "whole"
