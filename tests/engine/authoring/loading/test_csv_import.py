"""The forms that exports come in, and the rows that no table may take."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.authoring.loading.csv_header import CsvOptions
from engine.authoring.loading.csv_import import CsvRows
from engine.authoring.loading.csv_presets import PRESETS
from engine.errors import InvalidRows
from engine.sources import SOURCES
from engine.tables import Column, Table
from tests.conftest import TENANT
from tests.support.shipped import load_shipped_catalog

TABLES = load_shipped_catalog().tables
JANUARY = date(2025, 1, 1)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read_files(
    *texts: str | bytes, table: str | Table = "ga4_daily", account: str | None = "1", **options: Any
) -> list[Mapping[str, Any]]:
    """Return the rows of files a.csv, b.csv and so on, without their tenant."""
    paths = [Path(f"{name}.csv") for name, _ in zip("abc", texts, strict=False)]
    for path, text in zip(paths, texts, strict=True):
        path.write_bytes(text.encode() if isinstance(text, str) else text)
    preset = options.pop("preset", None)
    target = TABLES[table] if isinstance(table, str) else table
    given = CsvOptions(account=account, preset=PRESETS[preset] if preset else None, **options)
    return [
        {name: value for name, value in row.items() if name != target.tenant}
        for row in CsvRows(paths, target, TENANT, given)
    ]


def read_refusal(*texts: str | bytes, **options: Any) -> InvalidRows:
    with pytest.raises(InvalidRows) as refused:
        read_files(*texts, **options)
    return refused.value


ONE_ROW = [{"property_id": "1", "date": JANUARY, "sessions": 3}]


@pytest.mark.parametrize(
    "content",
    [
        b"date,sessions\n2025-01-01,3\n",
        b"\xef\xbb\xbfdate,sessions\r\n20250101,3\r\n",
        b"date,sessions\r2025-01-01,3\r",
        b"date;sessions\n2025-01-01;3\n",
        b"date\tsessions\n2025-01-01\t3\n",
        b"sep=;\ndate;sessions\n2025-01-01;3\n",
        b'"sep=|"\r\ndate|sessions\r\n2025-01-01|3\r\n',
        codecs.BOM_UTF16_LE + "sep=,\ndate,sessions\n2025-01-01,3\n".encode("utf-16-le"),
        codecs.BOM_UTF16_BE + "date\tsessions\n2025-01-01\t3\n".encode("utf-16-be"),
        "date,sessions\n2025-01-01,3\n".encode("utf-16-le"),
        "date,sessions\n2025-01-01,3\n".encode("utf-16-be"),
        b"# ----\n# Start date: 20250101\n# ----\n\ndate,sessions\n2025-01-01,3\n",
        b'"# Traffic, by day"\ndate,sessions\n2025-01-01,3\n',
        b"A report\ndate,sessions\n2025-01-01,3\n,\n",
        b'A report\n"January 1, 2025 - January 2, 2025"\n\ndate,sessions\n2025-01-01,3\n',
        b"A report\nFrom: January 1, 2025, 12:00 AM\nTo: January 2, 2025, 12:00 AM\ndate\tsessions\n2025-01-01\t3\n",
        b" DATE , Sessions\n 2025-01-01 , 3 \n",
        b"Date,SESSIONS\n2025-01-01T00:00:00,3.0\n",
        b"date,sessions\n2025-01-01 00:00:00.000Z,3.\n",
        b"date,sessions,\n2025-01-01,3,\n",
    ],
)
def test_every_form_of_a_file_gives_the_same_rows(content: bytes) -> None:
    assert read_files(content) == ONE_ROW


def test_headers_are_matched_blind_to_case_and_blanks() -> None:
    text = "Date,New users,ENGAGED-SESSIONS, Converting  Sessions\n2025-01-01,1,2,3\n"
    assert read_files(text) == [
        {"property_id": "1", "date": JANUARY, "new_users": 1, "engaged_sessions": 2, "converting_sessions": 3.0}
    ]


def test_an_option_names_a_header_blind_to_case_and_blanks() -> None:
    text = "Date,Visits in all,Rest\n2025-01-01,3,x\n"
    assert read_files(text, headers={"sessions": "visits IN all"}, ignored=["rest"]) == ONE_ROW


def test_a_column_is_set_for_all_rows() -> None:
    rows = read_files("sessions,revenue\n3,1.5\n", fixed={"date": "2025-01-01", "currency": "EUR"})
    assert rows == [*({**ONE_ROW[0], "revenue": Decimal("1.5"), "currency": "EUR"},)]
    assert str(read_refusal("sessions\n3\n", fixed={"date": "soon"})) == (
        "--set date=soon: 'soon' is not a date; write it as 2025-01-31 or 20250131"
    )
    assert "--set date=: is empty" in str(read_refusal("sessions\n3\n", fixed={"date": ""}))


def test_the_rest_is_ignored_where_that_is_said() -> None:
    text = "date,sessions,colour,shape\n2025-01-01,3,red,round\n"
    assert read_files(text, ignore_rest=True) == ONE_ROW
    assert "User ID: a file cannot say" in str(read_refusal("date,sessions,User ID\n", ignore_rest=True))


def test_an_own_column_may_be_called_user_id_where_the_tenants_is_another() -> None:
    columns = {name: Column(name, kind, name) for name, kind in (("customer_id", "uuid"), ("user_id", "text"))}
    columns |= {"day": Column("day", "date", "day"), "visits": Column("visits", "bigint", "visits")}
    table = Table("visits", "ga4", "day", "customer_id", "visits", columns, key=("customer_id", "day", "user_id"))
    text = "day,user_id,visits\n2025-01-01,u,1\n"
    assert read_files(text, table=table, account=None) == [{"day": JANUARY, "user_id": "u", "visits": 1}]
    refusal = read_refusal("day,user_id,Customer ID\n", table=table, account=None)
    assert "a.csv:1:3: Customer ID: a file cannot say whose its rows are" in str(refusal)


@pytest.mark.parametrize(
    ("given", "expected"), [("1200.0", 1200), ("1200", 1200), ("1200.", 1200), ("-3.00", -3), ("+0012", 12)]
)
def test_a_whole_number_may_have_a_point_and_zeros(given: str, expected: int) -> None:
    (row,) = read_files(f"date,sessions\n2025-01-01,{given}\n")
    assert row["sessions"] == expected


@pytest.mark.parametrize("given", ["1,200", "1,234,567", "-1,200.50"])
def test_commas_in_numbers_are_read_where_that_is_said(given: str) -> None:
    text = f'date,revenue,currency\n2025-01-01,"{given}",USD\n'
    for options in ({"thousands": True}, {"preset": "ga4"}):
        (row,) = read_files(text, **options)
        assert row["revenue"] == Decimal(given.replace(",", ""))
    refusal = read_refusal(text)
    assert f"a.csv:2:2: revenue: {given!r} has commas; --thousands reads them as {given.replace(',', '')}" in str(
        refusal
    )
    assert refusal.remedies == (("--thousands",),)


@pytest.mark.parametrize("given", ["1,20", "12,3456", "1,2,3", "1,200,5", "1.200,50"])
def test_a_comma_that_groups_no_thousands_is_refused(given: str) -> None:
    assert "is not a number" in str(read_refusal(f'date,revenue\n2025-01-01,"{given}"\n', thousands=True))


def test_a_preset_reads_no_commas_where_they_may_be_the_decimal_point() -> None:
    refusal = str(read_refusal("date;revenue\n2025-01-01;1,200\n", preset="ga4"))
    assert "--decimal comma reads it as 1.200, and --thousands as 1200" in refusal


@pytest.mark.parametrize(
    "given", ["2025-01-01T06:00:00", "2025-01-01 00:00:01", "2025-01-01T", "1/1/2025", "2025-0101"]
)
def test_a_date_with_a_time_of_day_is_refused(given: str) -> None:
    assert "is not a date" in str(read_refusal(f"date,sessions\n{given},3\n"))


# Rows that sum up others

CHANNELS = "Date,Channel,Sessions\n"


@pytest.mark.parametrize(
    ("row", "place", "message"),
    [
        (",,1535", "3:1", "Date: is empty; a row without a date is a total"),
        (",Email,1535", "3:1", "Date: is empty"),
        ("2025-01-02,,1535", "3:2", "Channel: is empty; a row without it sums up the others"),
        ("2025-01-02,  ,1535", "3:2", "Channel: is empty"),
        ("2025-01-02,Total,1535", "3:2", "Channel: 'Total' sums up other rows"),
        ("2025-01-02, totals ,1535", "3:2", "Channel: 'totals' sums up other rows"),
        ("2025-01-02,GRAND TOTAL,1535", "3:2", "Channel: 'GRAND TOTAL' sums up other rows"),
        ("Total,,1535", "3:1", "Date: 'Total' sums up other rows"),
        (",,1535,Grand total", "3:4", "'Grand total' sums up other rows"),
    ],
)
def test_a_row_that_sums_up_others_is_refused_or_left_out(row: str, place: str, message: str) -> None:
    text = f"{CHANNELS}2025-01-01,Email,3\n{row}\n2025-01-02,Direct,4\n"
    refusal = read_refusal(text, table="ga4_channels_daily")
    assert f"\na.csv:{place}: {message}" in str(refusal)
    assert "--skip-totals leaves such rows out" in str(refusal)
    assert refusal.remedies == (("--skip-totals",),)
    rows = read_files(text, table="ga4_channels_daily", skip_totals=True)
    assert [(row["channel"], row["sessions"]) for row in rows] == [("Email", 3), ("Direct", 4)]


def test_a_word_such_as_total_outside_the_key_is_a_text() -> None:
    rows = read_files("date,sessions,currency\n2025-01-01,3,Total\n")
    assert rows == [{**ONE_ROW[0], "currency": "Total"}]


def test_a_short_row_is_not_taken_for_a_total() -> None:
    refusal = read_refusal(f"{CHANNELS}2025-01-01\n", table="ga4_channels_daily", skip_totals=True)
    assert "a.csv:2:2: the row has 1 fields, and the header 3" in str(refusal)


def test_texts_are_trimmed_so_that_a_member_is_one() -> None:
    text = f"{CHANNELS}2025-01-01, Direct ,3\n2025-01-01,Direct,4\n"
    assert "a.csv:3:1: the same key as line 2 (date 2025-01-01, channel Direct)" in str(
        read_refusal(text, table="ga4_channels_daily")
    )


# Rows over several days

ADS = '"Reporting starts","Reporting ends","Campaign name","Amount spent (USD)",Impressions\n'


def test_the_row_of_a_month_is_refused() -> None:
    text = f"{ADS}2025-01-01,2025-01-01,Spring,20.25,700\n2025-02-01,2025-02-28,Spring,620.25,900\n"
    refusal = str(read_refusal(text, table="meta_ads_daily", preset="meta", account="act_7"))
    assert "a.csv:3:2: Reporting ends: the row is over 2025-02-01 to 2025-02-28; each row must be of one day" in refusal
    assert "a.csv:2" not in refusal


@pytest.mark.parametrize(
    "options",
    [
        {"headers": {"date": "Reporting starts"}, "ignored": ["Reporting ends"]},
        {"headers": {"date": "Reporting ends"}, "ignored": ["Reporting starts"]},
        {"fixed": {"date": "2025-01-31"}, "ignore_rest": True},
        {"fixed": {"date": "2025-01-01"}, "ignore_rest": True},
    ],
)
def test_a_period_is_seen_however_its_columns_are_used(options: Any) -> None:
    options.setdefault("headers", {})
    headers = {"campaign_id": "Campaign name", "spend": "Amount spent (USD)", **options.pop("headers")}
    text = f"{ADS}2025-01-01,2025-01-31,Spring,620.25,700\n"
    refusal = read_refusal(text, table="meta_ads_daily", headers=headers, **options)
    assert "the row is over 2025-01-01 to 2025-01-31" in str(refusal)


def test_a_column_of_the_tables_own_may_be_called_end_date() -> None:
    columns = {name: Column(name, "date", name) for name in ("start_date", "end_date")}
    columns |= {"user_id": Column("user_id", "uuid", "user_id"), "cost": Column("cost", "double", "cost")}
    table = Table("flights", "meta", "start_date", "user_id", "flights", columns, key=("user_id", "start_date"))
    text = "Start date,End date,Cost\n2025-01-01,2025-01-31,5\n"
    (row,) = read_files(text, table=table, account=None)
    assert row == {"start_date": JANUARY, "end_date": date(2025, 1, 31), "cost": 5.0}


def test_a_report_over_several_days_cannot_be_set_on_one() -> None:
    comments = "# Start date: 20250101\n# End date: 20250128\n"
    text = f"{comments}Session default channel group,Sessions\nEmail,3\n"
    options: dict[str, Any] = {"table": "ga4_channels_daily", "preset": "ga4", "fixed": {"date": "2025-01-01"}}
    assert "a.csv:2:1: the report is over 2025-01-01 to 2025-01-28" in str(read_refusal(text, **options))
    assert len(read_files(text.replace("0128", "0101"), **options)) == 1


# Presets


def test_an_export_of_google_analytics() -> None:
    text = (
        "# ----------------------------------------\n# Traffic acquisition\n# Start date: 20250101\n"
        "# End date: 20250102\n# ----------------------------------------\n"
        "Date,Session default channel group,Active users,Sessions,Engaged sessions,Engagement rate,Key events,"
        "Total revenue\n"
        ',,"1,801","1,535",900,0.58,12,99.5,Grand total\n'
        '20250101,Organic Search,"1,500","1,300",800,0.6,10,90\n20250102,(not set),301,235,100,0.4,2,9.5\n'
    )
    rows = read_files(text, table="ga4_channels_daily", preset="ga4", skip_totals=True)
    assert [(row["date"].day, row["channel"], row["users"], row["sessions"]) for row in rows] == [
        (1, "Organic Search", 1500, 1300),
        (2, "(not set)", 301, 235),
    ]
    assert rows[0]["conversions"] == 10.0
    assert rows[0]["revenue"] == Decimal(90)


def test_days_that_are_counted_from_the_reports_start() -> None:
    text = "# Start date: 20250130\n# End date: 20250201\nNth day,Active users\n0000,3\n0001,4\n0002,5\n"
    rows = read_files(text, preset="ga4")
    assert [(row["date"], row["users"]) for row in rows] == [
        (date(2025, 1, 30), 3),
        (date(2025, 1, 31), 4),
        (date(2025, 2, 1), 5),
    ]
    assert "lacks the line '# Start date" in str(read_refusal("Nth day,Active users\n0000,3\n", preset="ga4"))


def test_an_export_of_ads_manager() -> None:
    text = (
        '"Reporting starts","Reporting ends","Campaign name","Campaign delivery",Results,"Result indicator",'
        '"Cost per results","Amount spent (USD)",Impressions,Reach,Ends,"Attribution setting"\n'
        "2025-01-01,2025-01-01,Spring,active,4,actions:lead,5.1,20.25,700,600,Ongoing,7-day click\n"
    )
    assert read_files(text, table="meta_ads_daily", preset="meta", account="7") == [
        {
            "account_id": "act_7",
            "date": JANUARY,
            "campaign_id": "Spring",
            "campaign_name": "Spring",
            "spend": Decimal("20.25"),
            "impressions": 700,
            "reach": 600,
            "currency": "USD",
        }
    ]


def test_the_id_is_preferred_to_the_name_and_the_day_to_the_start() -> None:
    text = (
        "Day,Account ID,Campaign ID,Campaign name,Clicks (all),Amount spent (EUR),Reporting starts,Reporting ends\n"
        "2025-01-01,7,52,Spring,9,20.25,2025-01-01,2025-01-01\n"
    )
    (row,) = read_files(text, table="meta_ads_daily", preset="meta", account=None)
    assert (row["campaign_id"], row["campaign_name"], row["account_id"]) == ("52", "Spring", "act_7")
    assert (row["clicks"], row["currency"]) == (9, "EUR")


def test_amounts_of_several_currencies_are_refused() -> None:
    two = "date,campaign_id,spend (USD),conversion value (EUR)\n2025-01-01,a,1,2\n"
    assert "conversion value (EUR): another amount is in USD" in str(read_refusal(two, table="meta_ads_daily"))
    text = "date,campaign_id,spend (USD)\n2025-01-01,a,1\n"
    refusal = read_refusal(text, table="meta_ads_daily", fixed={"currency": "EUR"})
    assert "a.csv:1:1: the amounts are in USD, and --set says EUR" in str(refusal)
    text = "date,campaign_id,spend (USD),currency\n2025-01-01,a,1,USD\n2025-01-02,a,1,EUR\n"
    assert "a.csv:3:1: the row is in EUR, and its header in USD" in str(read_refusal(text, table="meta_ads_daily"))


@pytest.mark.parametrize(
    ("title", "column"), [("Instagram reach", "reach"), ("Views", "views"), ("Content interactions", "interactions")]
)
def test_an_insights_file_of_instagram_has_its_metric_in_the_title(title: str, column: str) -> None:
    text = f'sep=,\n"{title}"\n"Date","Primary"\n"2025-01-01T00:00:00","1234"\n'
    content = codecs.BOM_UTF16_LE + text.encode("utf-16-le")
    assert read_files(content, table="ig_account_daily", preset="instagram", account="5") == [
        {"ig_user_id": "5", "date": JANUARY, column: 1234}
    ]


def test_a_title_that_is_unknown_is_told() -> None:
    text = "sep=,\nInstagram profile visits\nDate,Primary\n2025-01-01T00:00:00,1234\n"
    refusal = read_refusal(text, table="ig_account_daily", preset="instagram")
    assert "a.csv:3:2: Primary: of the report 'Instagram profile visits'; write --map COLUMN=Primary" in str(refusal)


def test_an_export_of_instagrams_posts() -> None:
    text = (
        "Post ID,Account ID,Account username,Account name,Description,Duration (sec),Publish time,Permalink,Post type,"
        'Data comment,Date,Views,Reach,Likes,Shares,Follows,Comments,Saves\n17,5,us,Us,"Hello, you",0,01/27/2025 06:08,'
        "https://example.com/p/1,IG image,,Lifetime,900,800,70,6,5,4,3\n"
    )
    (row,) = read_files(text, table="ig_media", preset="instagram", account=None)
    assert (row["posted_on"], row["ig_user_id"], row["media_id"]) == (date(2025, 1, 27), "5", "17")
    assert (row["caption"], row["media_type"], row["likes"], row["reach"]) == ("Hello, you", "IG image", 70, 800)


# Accounts


@pytest.mark.parametrize(
    ("table", "given", "expected"),
    [("ga4_daily", "77", "77"), ("meta_ads_daily", "77", "act_77"), ("meta_ads_daily", "act_77", "act_77")],
)
def test_accounts_are_written_as_connections_write_them(table: str, given: str, expected: str) -> None:
    keys = {"campaign_id": "a"} if table == "meta_ads_daily" else {}
    column = TABLES[table].account or ""
    value = "sessions" if table == "ga4_daily" else "clicks"
    (row,) = read_files(f"date,{value}\n2025-01-01,3\n", table=table, account=given, fixed=keys)
    assert row[column] == expected
    text = f"date,{value},{column}\n2025-01-01,3,{given}\n"
    (row,) = read_files(text, table=table, account=None, fixed=keys)
    assert row[column] == expected


def test_an_account_is_needed_and_is_one_that_a_sync_could_read() -> None:
    refusal = read_refusal("date,sessions\n2025-01-01,3\n", account=None)
    assert "a.csv:1:1: the file has no column 'property_id', which tells the account; write --account ID" in str(
        refusal
    )
    assert refusal.remedies == (("--account", "ID"),)
    assert "--account ID: 'ID' is not an account id of ga4: digits" in str(
        read_refusal("date,sessions\n", account="ID")
    )
    text = "date,sessions,property_id\n2025-01-01,3,Shop\n"
    assert "a.csv:2:3: property_id: 'Shop' is not an account id of ga4: digits" in str(read_refusal(text, account=None))
    assert read_files("date,sessions\n2025-01-01,3\n", account="")[0]["property_id"] == ""


# Several files


def test_each_key_is_there_once_over_all_files() -> None:
    header = "date,sessions\n"
    rows = read_files(f"{header}2025-01-01,1\n", f"{header}2025-01-02,2\n")
    assert [row["sessions"] for row in rows] == [1, 2]
    refusal = read_refusal(f"{header}2025-01-01,1\n2025-01-02,1\n", f"{header}20250101,2\n")
    assert str(refusal).splitlines() == [
        "nothing was loaded from any of the 2 files",
        "b.csv:2:1: the same key as a.csv:2 (date 2025-01-01); each may be there once",
    ]


def test_faults_of_all_files_are_told() -> None:
    refusal = read_refusal("date,sessions\nx,1\n", "date,sessions\n2025-01-01,x\n", b"date,sessions\n\xff\n")
    assert [line.split(" ")[0] for line in str(refusal).splitlines()[1:]] == ["c.csv:2:1:"]
    refusal = read_refusal("date,sessions\nx,1\n", "date,sessions\n2025-01-01,x\n")
    assert [line.split(" ")[0] for line in str(refusal).splitlines()[1:]] == ["a.csv:2:1:", "b.csv:2:2:"]


def test_files_of_one_call_fill_the_same_columns() -> None:
    refusal = read_refusal("date,sessions\n2025-01-01,1\n", "date,users\n2025-01-02,1\n")
    assert "b.csv:1:1: fills other columns than a.csv (sessions, users); load it in a call of its own" in str(refusal)


# Remedies


@pytest.mark.parametrize(
    ("header", "options", "remedies"),
    [
        ("Date,Visits,Session default channel group", {}, [("--preset", "ga4"), ("--ignore", "Visits")]),
        ("date,channel,sesions", {}, [("--map", "sessions=sesions")]),
        ("channel,sessions", {}, [("--set", "date=DATE")]),
        ("date,channel,sessions,b c,d", {}, [("--ignore", "b c"), ("--ignore", "d")]),
        ("date,channel,sessions,f1,f2,f3,f4", {}, [("--ignore-rest",)]),
        ("date,channel,sessions", {"account": None}, [("--account", "ID")]),
    ],
)
def test_the_options_that_mend_a_header(header: str, options: Any, remedies: list[tuple[str, ...]]) -> None:
    refusal = read_refusal(f"{header}\n", table="ga4_channels_daily", **options)
    assert refusal.remedies == tuple(remedies)


def test_a_remedy_is_quoted_for_the_shell() -> None:
    refusal = str(read_refusal("date,channel,sessions,# of $(things)\n", table="ga4_channels_daily"))
    assert "--map COLUMN='# of $(things)', or leave it out with --ignore '# of $(things)'" in refusal


@pytest.mark.parametrize("header", ["Campaign delivery", "Post ID", "Reporting ends"])
def test_a_chance_likeness_is_not_suggested(header: str) -> None:
    for table in ("meta_ads_daily", "ig_media"):
        remedies = read_refusal(f"{header}\n", table=table).remedies
        assert not any(words[0] == "--map" and not words[1].endswith("=HEADER") for words in remedies)


def test_an_id_that_a_spreadsheet_rounded_is_refused() -> None:
    text = "date,campaign_id,clicks\n2025-01-01,1.2021E+17,3\n"
    assert "a.csv:2:2: campaign_id: '1.2021E+17' is an id that a spreadsheet has rounded" in str(
        read_refusal(text, table="meta_ads_daily")
    )


def test_every_preset_fills_columns_of_its_sources_tables() -> None:
    for name, preset in PRESETS.items():
        columns = {column for each in SOURCES[name].synced_tables for column in TABLES[each].columns}
        assert {*preset.columns, *preset.titles.values(), *preset.parsers} <= columns
