"""Exports that can be read in two ways, in the forms of several countries: told, and never guessed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.authoring.loading.csv_header import CsvOptions
from engine.authoring.loading.csv_import import CsvRows
from engine.authoring.loading.csv_presets import PRESETS
from engine.authoring.loading.loaded_days import LoadedDays
from engine.calendar import DAY
from engine.errors import InvalidRows
from engine.slices import DayTotals
from engine.tables import Column, Table
from tests.support.shipped import load_shipped_catalog

TENANT = "6f1c1f0e-2a57-4f0b-9d53-3a4b9b7d9f10"
TABLES = load_shipped_catalog().tables
JANUARY = date(2025, 1, 1)
ADS: dict[str, Any] = {"date": "Tag", "campaign_id": "Kampagnenname", "impressions": "Impressionen"}


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def open_rows(text: str, table: str = "ga4_daily", **options: Any) -> CsvRows:
    Path("a.csv").write_text(text, encoding="utf-8")
    preset = options.pop("preset", None)
    return CsvRows(
        [Path("a.csv")], TABLES[table], TENANT, CsvOptions(account="1", preset=preset and PRESETS[preset], **options)
    )


def read_refusal(text: str, table: str = "ga4_daily", **options: Any) -> InvalidRows:
    with pytest.raises(InvalidRows) as refused:
        list(open_rows(text, table, **options))
    return refused.value


# Dates


@pytest.mark.parametrize(
    ("given", "orders"),
    [
        ("11/22/2026", {"mdy"}),
        ("22.11.2026", {"dmy"}),
        ("22.11.26", {"dmy"}),
        ("11/12/2026", {"mdy", "dmy"}),
        ("Nov 22, 2026", {"mdy"}),
        ("November 22, 2026 10:00 am", {"mdy"}),
        ("22-Nov-2026", {"dmy"}),
        ("22. Nov 2026", {"dmy"}),
        ("2026-11-22 23:50:07 -0500", {"ymd"}),
        ("2026-11-22T23:50:07.5Z", {"ymd"}),
        ("2026/11/22", {"ymd"}),
        ("11/31/2026", set()),
        ("11-22/2026", set()),
        ("22 Novembre 2026", set()),
        ("11/22/2026 or so", set()),
        ("11/22/026", set()),
    ],
)
def test_another_form_of_a_date_is_read_where_that_is_said(given: str, orders: set[str]) -> None:
    text = f'date,sessions\n"{given}",3\n'
    refusal = read_refusal(text)
    assert f"a.csv:2:1: date: {given!r} is not a date" in str(refusal)
    assert {order for order in ("ymd", "mdy", "dmy") if f"--dates {order} reads it as " in str(refusal)} == orders
    assert refusal.remedies == (tuple(("--dates", order) for order in orders) if len(orders) == 1 else ())
    for order in orders:
        (row,) = open_rows(text, dates=order)
        assert row["date"] == (
            date(2026, 12, 11)
            if given == "11/12/2026" and order == "dmy"
            else date(2026, 11, 12 if given == "11/12/2026" else 22)
        )


def test_a_row_over_several_days_is_seen_in_every_form_of_dates() -> None:
    for text in ("date,end date,sessions\n01/13/2025,01/31/2025,3\n", "date,until,sessions\n01/13/2025,01/31/2025,3\n"):
        refusal = str(read_refusal(text, dates="mdy", ignore_rest=True))
        assert "the row is over 2025-01-13 to 2025-01-31" in refusal or "is another day than the row's" in refusal


# Numbers


def test_what_stands_for_no_number_and_the_signs_of_numbers() -> None:
    rows = list(open_rows("date,sessions,revenue,conversions\n2025-01-01,--,$1.5,12.5%\n2025-01-02,N/A,-$2,-\n"))
    assert [(row["sessions"], row["revenue"], row["conversions"]) for row in rows] == [
        (None, Decimal("1.5"), 0.125),
        (None, Decimal(-2), None),
    ]
    assert "'12%' is not a whole number" in str(read_refusal("date,sessions\n2025-01-01,12%\n"))
    assert "'€5' is in another currency than an amount in $ above" in str(
        read_refusal("date,revenue\n2025-01-01,$5\n2025-01-02,€5\n")
    )


@pytest.mark.parametrize("label", ["Total: Account", "Total of 240 results", "Totals", "--", "Grand total"])
def test_a_total_in_the_place_of_a_date_is_known_by_its_beginning(label: str) -> None:
    text = f"date,sessions\n2025-01-01,3\n{label},3\n"
    assert read_refusal(text).remedies == (("--skip-totals",),)
    assert len(list(open_rows(text, skip_totals=True))) == 1


def test_rows_that_are_equal_in_their_key_are_counted_where_that_is_said() -> None:
    columns = {name: Column(name, kind, name) for name, kind in (("day", "date"), ("n", "integer"), ("x", "bigint"))}
    columns["user_id"] = Column("user_id", "uuid", "user_id")
    table = Table("lines", "ga4", "day", "user_id", "lines", columns, key=("user_id", "day", "n"))
    for name, days in (("a.csv", (1, 1, 2)), ("b.csv", (2,))):
        Path(name).write_text("day,x\n" + "".join(f"2025-01-0{day},{day}\n" for day in days))
    rows = CsvRows([Path("a.csv"), Path("b.csv")], table, TENANT, CsvOptions(number="n"))
    for _ in range(2):
        assert [(row["day"].day, row["n"]) for row in rows] == [(1, 1), (1, 2), (2, 1), (2, 2)]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize(
    ("given", "whole"), [("1.000", 1000), ("12.000", 12_000), ("1.234", 1234), ("1.200.000", 1_200_000), ("2,0", 2)]
)
def test_a_whole_number_with_points_is_never_a_small_one(separator: str, given: str, whole: int) -> None:
    text = separator.join(("date", "sessions\n2025-01-01", f'"{given}"\n'))
    refusal = read_refusal(text)
    assert f"a.csv:2:2: sessions: {given!r} " in str(refusal)
    assert "--decimal comma reads it as " in str(refusal)
    assert refusal.remedies == (("--decimal", "comma"),)
    assert [row["sessions"] for row in open_rows(text, decimal="comma")] == [whole]


@pytest.mark.parametrize(
    ("given", "amount"), [("1.234", "1234"), ("1.234,50", "1234.5"), ("12,5", "12.5"), ("-3,00", "-3"), ("7", "7")]
)
def test_amounts_between_semicolons_may_have_a_decimal_comma(given: str, amount: str) -> None:
    text = f"date;revenue\n2025-01-01;{given}\n"
    for preset in (None, "ga4"):
        assert [row["revenue"] for row in open_rows(text, decimal="comma", preset=preset)] == [Decimal(amount)]
        if given != amount:
            assert read_refusal(text, preset=preset).remedies == (("--decimal", "comma"),)


def test_what_is_certain_is_read_and_what_was_said_is_believed() -> None:
    assert [row["revenue"] for row in open_rows("date,revenue\n2025-01-01,1.234\n")] == [Decimal("1.234")]
    assert [row["revenue"] for row in open_rows("date;revenue\n2025-01-01;0.500\n")] == [Decimal("0.5")]
    point = open_rows("date;revenue;sessions\n2025-01-01;1.234;1.000\n", decimal="point")
    assert [(row["revenue"], row["sessions"]) for row in point] == [(Decimal("1.234"), 1)]
    assert "with a decimal comma" in str(read_refusal("date;revenue\n2025-01-01;12.5\n", decimal="comma"))


# Rows over several days


@pytest.mark.parametrize("end", ["Berichtsende", "Fin des rapports", "Término dos relatórios", "Fin del informe"])
@pytest.mark.parametrize("how", [{"ignore_rest": True}, {"ignored": True}])
def test_a_month_is_no_day_in_any_language(end: str, how: dict[str, Any]) -> None:
    options = {"ignored": (end,)} if "ignored" in how else how
    text = f"Tag;{end};Kampagnenname;Impressionen\n2025-01-01;2025-01-31;Spring;620\n"
    refusal = read_refusal(text, "meta_ads_daily", headers=ADS, **options)
    assert f"a.csv:2:2: {end}: the row is over 2025-01-01 to 2025-01-31" in str(refusal)


def test_a_day_that_nobody_knows_is_asked_about_and_told() -> None:
    text = "Tag,Koniec,Kampagnenname,Impressionen\n2025-01-01,2025-01-31,Spring,620\n2025-01-02,2025-01-02,Spring,6\n"
    refusal = read_refusal(text, "meta_ads_daily", headers=ADS, ignore_rest=True)
    assert "a.csv:2:2: Koniec: 2025-01-31 is another day than the row's 2025-01-01" in str(refusal)
    assert refusal.remedies == (("--ignore", "Koniec"),)
    rows = open_rows(text, "meta_ads_daily", headers=ADS, ignored=("Koniec",))
    assert len(list(rows)) == 2
    (doubt,) = rows.doubts.values()
    assert doubt.startswith("a.csv:2:2: Koniec: 2025-01-31 is another day")
    same = open_rows(text.replace("01-31", "01-01"), "meta_ads_daily", headers=ADS, ignored=("Koniec",))
    assert len(list(same)) == 2
    assert same.doubts == {}


@pytest.mark.parametrize(
    "comments",
    [
        "# Startdatum: 20250101\n# Enddatum: 20250131\n",
        "# Date de début : 20250101\n# Date de fin : 20250131\n",
        "# Free form 1\n# 20250101-20250131\n",
        '"# 2025-01-01 – 2025-01-31",,\n',
    ],
)
def test_a_report_over_a_month_cannot_be_set_on_a_day_in_any_language(comments: str) -> None:
    text = f"{comments}Session default channel group,Sessions\nEmail,3\n"
    options: dict[str, Any] = {"preset": "ga4", "fixed": {"date": "2025-01-01"}}
    assert "the report is over 2025-01-01 to 2025-01-31" in str(read_refusal(text, "ga4_channels_daily", **options))
    day = text.replace("0131", "0101").replace("01-31", "01-01")
    assert len(list(open_rows(day, "ga4_channels_daily", **options))) == 1


def test_the_days_of_a_german_report_are_counted_from_its_start() -> None:
    text = "# Startdatum: 20250130\n# Enddatum: 20250201\nNth day,Active users\n0000,3\n0002,5\n"
    assert [row["date"] for row in open_rows(text, preset="ga4")] == [date(2025, 1, 30), date(2025, 2, 1)]


@pytest.mark.parametrize("header", ["Month", "ISO week", "Year", "Day of week"])
def test_a_report_by_month_is_asked_for_by_day(header: str) -> None:
    text = f"{header},Session default channel group,Sessions\n10,Email,3\n"
    for options in ({}, {"fixed": {"date": "2025-01-01"}, "ignored": (header,)}):
        refusal = read_refusal(text, "ga4_channels_daily", preset="ga4", **options)
        assert [line.partition(" export")[0] for line in str(refusal).splitlines()[1:]] == [
            f"a.csv:1:1: {header}: each row must be of one day:"
        ]
    by_day = f"Date,{text}".replace("\n10", "\n20250101,10")
    assert len(list(open_rows(by_day, "ga4_channels_daily", preset="ga4", ignored=(header,)))) == 1


def test_a_grand_total_in_any_language_is_a_total() -> None:
    text = "Date,Channel,Sessions\n,,10,Gesamtsumme\n20250101,Email,10\n"
    refusal = read_refusal(text, "ga4_channels_daily")
    assert refusal.remedies == (("--skip-totals",),)
    assert len(list(open_rows(text, "ga4_channels_daily", skip_totals=True))) == 1
    cut = read_refusal("Date,Channel,Sessions\n20250101,Email,10,Gesamtsumme\n", "ga4_channels_daily")
    assert "the row has 4 fields, and the header 3" in str(cut)


def test_the_column_of_days_is_found_by_its_values() -> None:
    text = "Berichtsstart,Kampagnenname,Impressionen\n,,900\n2025-01-01,Spring,620\n"
    remedies = read_refusal(text, "meta_ads_daily", preset="meta").remedies
    assert ("--map", "date=Berichtsstart") in remedies
    assert not any(words[0] == "--set" for words in remedies)


# What was loaded, beside what was there

YESTERDAY = date(2025, 2, 9)


def describe_doubts(
    rows: Sequence[Mapping[str, Any]], stored: Mapping[tuple[str, date], DayTotals] | None = None
) -> str:
    loaded = LoadedDays(TABLES["meta_ads_daily"], TENANT)
    for row in rows:
        loaded.add({"account_id": "act_1", **row})
    counted = {(account, day): DayTotals(count, 0, (3.0,)) for (account, day), count in loaded.counts.items()}
    return "\n".join(loaded.describe_doubts({**counted, **(stored or {})}, YESTERDAY + DAY))


def test_rows_without_doubt_are_loaded_without_a_word() -> None:
    days = [YESTERDAY - age * DAY for age in range(9)]
    rows = [{"date": day, "campaign_id": name, "spend": 1, "currency": "USD"} for day in days for name in "ab"]
    assert describe_doubts(rows) == ""
    assert describe_doubts(rows[:1]) == ""
    other = {("act_2", day): DayTotals(2, 0, (4.0,)) for day in days}
    assert describe_doubts(rows, other) == ""
    assert describe_doubts(rows, {("act_2", days[0]): DayTotals(2, 0, (3.0,))}) == ""
    assert describe_doubts(rows, {("act_2", day): DayTotals(2, 0, (None,)) for day in days}) == ""


@pytest.mark.parametrize("age", [-1, -30])
def test_a_day_that_is_not_over_is_told(age: int) -> None:
    day = YESTERDAY - age * DAY
    assert describe_doubts([{"date": day}, {"date": YESTERDAY}]).startswith(f"{day} is not over: the numbers are not")


def test_days_that_may_stand_for_weeks_or_months_are_told() -> None:
    months = [{"date": date(2024, month, 1)} for month in (1, 2, 3)]
    assert describe_doubts(months).startswith("each day is the first of a month (3 days from 2024-01-01 to 2024-03-01)")
    weeks = [{"date": YESTERDAY - 7 * age * DAY} for age in range(4)]
    assert "each day is of one weekday" in describe_doubts(weeks)
    assert describe_doubts(weeks[:3]) == ""


def test_amounts_without_a_currency_are_told_unless_their_rows_had_one() -> None:
    rows = [{"date": YESTERDAY, "spend": 3, "currency": None}]
    key = ("act_1", YESTERDAY)
    assert "the amounts (spend) have no currency" in describe_doubts(rows, {key: DayTotals(1, 1, (3.0,))})
    assert describe_doubts(rows, {key: DayTotals(1, 0, (3.0,))}) == ""
    assert describe_doubts([{"date": YESTERDAY, "clicks": 3}], {key: DayTotals(1, 1, (3.0,))}) == ""


def test_what_was_there_before_and_what_counts_twice_is_told() -> None:
    days = [YESTERDAY - age * DAY for age in (1, 0)]
    rows = [{"date": day, "campaign_id": "Spring 2025"} for day in days]
    doubt = describe_doubts(rows, {("act_1", days[0]): DayTotals(3, 0, (3.0,))})
    assert doubt.startswith(f"account act_1 has other rows on {days[0]} (2 of earlier loads), which count")
    assert f"metric-engine purge --user {TENANT} --source meta --account act_1" in doubt
    twin = describe_doubts(rows, {("act_2", day): DayTotals(1, 0, (3.0,)) for day in days})
    assert twin.startswith(f"account act_2 has the same numbers as account act_1 on {days[0]} to {days[1]}")
    assert "--account act_2" in twin
    assert "what has no account has the same" in describe_doubts(
        rows, {("", day): DayTotals(1, 0, (3.0,)) for day in days}
    )
