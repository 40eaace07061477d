"""From an unknown export to a widget: `new source`, `new table`, `load`, `new KEY`, `query`."""

from __future__ import annotations

import csv
import io
import json
import shlex
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cli.new_files import load_changed_catalog
from engine import InvalidRows, TableDraft
from engine.catalog.catalog import load_catalog
from tests.cli.conftest import ALICE, Run
from tests.support.examples import try_examples

EXPORT = """\
Campaign report
Day,Customer ID,Campaign ID,Campaign,Clicks,Impr.,Cost (EUR),Avg. CPC,Conv. value,Sampled
2025-01-01,555-123-1,1001,Brand,"1,200",30000,310.50,0.26,900.00,false
2025-01-01,555-123-1,1002,Shoes,80,4000,50.00,0.62,,false
2025-01-02,555-123-1,1001,Brand,900,29000,300.00,0.33,850.00,false
Total,,,,2180,63000,660.5,,1750,
"""
TABLE = """\
source: google_ads
table: google_ads_daily

tables:
  # Drafted from 3 rows of export.csv: read every line before the first load.
  google_ads_daily:
    time: day
    currency: currency
    # No two of the 3 rows are equal in these; whatever else tells rows apart belongs here, too.
    key: [user_id, day, customer_id, campaign_id]
    account: customer_id
    dimensions:
      customer: customer_id
      campaign_id: {column: campaign_id, label: campaign}
    columns:
      user_id: uuid
      day: date  # Day: 2025-01-01, 2025-01-02
      customer_id: text  # Customer ID: 555-123-1
      campaign_id: text  # Campaign ID: "1001", "1002"
      campaign: text  # Campaign: Brand, Shoes
      clicks: bigint  # Clicks: 1,200, "80"
      impr: bigint  # Impr.: "30000", "4000"
      cost: {type: numeric, money: true}  # Cost (EUR): "310.50", "50.00"
      avg_cpc: {type: double, additive: false}  # Avg. CPC: "0.26", "0.62"
      conv_value: {type: numeric, money: true}  # Conv. value: "900.00", "850.00", or none
      sampled: boolean  # Sampled: "false"
      currency: text
"""


@pytest.fixture
def metrics(run: Run, tmp_path: Path) -> Path:
    """A folder in which google_ads is declared."""
    folder = tmp_path / "mine"
    folder.mkdir()
    result = run("new", "source", "google_ads", "--title", "Google Ads", "--metrics", "mine")
    assert result.exit_code == 0, result.stderr
    return folder


def test_a_stranger_goes_from_an_export_to_a_widget(run: Run, metrics: Path) -> None:
    assert (metrics / "google_ads.yaml").read_text() == "sources:\n  google_ads:\n    title: Google Ads\n"
    Path("export.csv").write_text(EXPORT)
    drafted = run("new", "table", "google_ads_daily", "export.csv", "--source", "google_ads", "--metrics", "mine")
    assert drafted.exit_code == 0, drafted.stderr
    assert (metrics / "google_ads_daily.yaml").read_text() == TABLE
    assert TABLE in drafted.stdout
    load, new = (shlex.split(line)[1:] for line in drafted.stdout.splitlines()[-2:])
    loaded = run(*[ALICE if word == "UUID" else word for word in load])
    assert (loaded.exit_code, loaded.stdout) == (0, "3 rows loaded into google_ads_daily\n"), loaded.stderr
    assert run(*new).exit_code == 0
    options = ("--start", "2025-01-01", "--end", "2025-01-02", "--format", "json", "--metrics", "mine")
    assert json.loads(run("query", "google_ads.clicks", "--user", ALICE, *options).stdout)["stats"]["value"] == 2180
    cost = ("new", "google_ads.cost", "--table", "google_ads_daily", "--value", "sum(cost)", "--format", "currency")
    assert run(*cost, "--metrics", "mine").exit_code == 0
    answer = json.loads(run("query", "google_ads.cost", "--user", ALICE, *options).stdout)
    assert (answer["stats"]["value"], answer["meta"]["currency"]) == (660.5, "EUR")


GOOGLE_ADS = """\
Campaign report
"January 1, 2025 - January 2, 2025"
Day,Customer ID,Campaign ID,Campaign,Currency code,Cost,Impr.,CTR,Cost / conv.,Search impr. share
2025-01-01,555-123-1,1001,Brand,USD,"1,310.50",30000,2.94%,0.26, --
2025-01-01,555-123-1,1002,Shoes,USD,50.00,4000,2.44%,--,< 10%
2025-01-02,555-123-1,1001,Brand,USD,300.00,29000,3.00%,0.33,45.2%
Total: Account,,,,USD,"1,660.50",63000,2.9%,,--
"""
SHOPIFY = """\
Name,Email,Currency,Total,Created at,Lineitem name,Lineitem quantity
#1001,a@example.org,USD,60.00,2025-01-01 23:50:07 -0500,Shirt,2
#1001,a@example.org,,,2025-01-01 23:50:07 -0500,Stool,1
#1001,a@example.org,,,2025-01-01 23:50:07 -0500,Stool,1
#1002,b@example.org,USD,40.00,2025-01-02 02:03:07 -0500,Shirt,1
"""
LINKEDIN = """\
Campaign Performance Report (in UTC)
Report Start: January 1, 2025, 12:00 AM
Report End: January 31, 2025, 11:59 PM

Start Date (in UTC)\tCurrency\tCampaign ID\tCampaign Name\tTotal Spent\tLeads
01/02/2025\tUSD\t900\tABM, Nordics\t170.3\t2
01/31/2025\tUSD\t900\tABM, Nordics\t29.7\t1
"""
TIKTOK = """\
By Day,Campaign ID,Cost,Cost per conversion,Conversion rate (CVR),Currency
2025-01-01,179,30.91,6.18,13.51%,USD
2025-01-02,179,9.09,-,0.00%,USD
Total of 2 results,-,40.00,8.00,6.8%,-
"""
MAILCHIMP = """\
Title,Send Date,Total Recipients,Open Rate,Total Revenue,Unique Id
Hello,"Jan 01, 2025 10:00 am","5,292",29.35%,"$1,074.95",a1
Again,"Jan 02, 2025 10:00 am",300,40.00%,$0.05,b2
"""
MICROSOFT = """\
"Report Name: Campaigns"
"Report Time: 1/1/2025,1/31/2025"

"Gregorian date","Account number","Campaign ID","Spend","Average CPC"
"1/2/2025","F1","501","50.00","1"
"1/31/2025","F1","501","10.00","2"

"©2025 Somebody. All rights reserved. "
"""
EURO = """\
Tag;Kampagne;Kosten (EUR);Klickrate;Klicks
01.01.2025;Marke;1.310,50;2,94 %;1.200
31.01.2025;Marke;0,50;3 %;7
Gesamt: Konto;;1.311,00;2,9 %;1.207
"""


@pytest.mark.parametrize(
    ("text", "options", "key", "measure", "total"),
    [
        (GOOGLE_ADS, "--thousands --skip-totals", "day, customer_id, campaign_id", "cost", 1660.5),
        (SHOPIFY, "--dates ymd --number line", "created_at, name, lineitem_name, line", "total", 100),
        (LINKEDIN, "--dates mdy", "start_date_in_utc, campaign_id", "total_spent", 200),
        (TIKTOK, "--skip-totals", "by_day, campaign_id", "cost", 40),
        (MAILCHIMP, "--thousands --dates mdy", "send_date, unique_id", "total_revenue", 1075),
        (
            MICROSOFT,
            "--set currency=CODE --dates mdy --skip-totals",
            "gregorian_date, account_number, campaign_id",
            "spend",
            60,
        ),
        (EURO, "--decimal comma --dates dmy --skip-totals", "tag, kampagne", "kosten", 1311),
    ],
    ids=["google-ads", "shopify", "linkedin", "tiktok", "mailchimp", "microsoft", "semicolons"],
)
def test_exports_as_they_come_are_loaded_by_the_drafted_command(
    run: Run, metrics: Path, text: str, options: str, key: str, measure: str, total: float
) -> None:
    Path("export.csv").write_text(text, encoding="utf-16" if "\t" in text else "utf-8-sig")
    drafted = run("new", "table", "rows", "export.csv", "--source", "google_ads", "--metrics", "mine")
    assert drafted.exit_code == 0, drafted.stderr
    assert f"    key: [user_id, {key}]\n" in drafted.stdout
    load = drafted.stdout.splitlines()[-2]
    assert f" {options} --metrics" in load
    loaded = run(*shlex.split(load.replace("UUID", ALICE).replace("=CODE", "=USD"))[1:])
    assert loaded.exit_code == 0, loaded.stderr
    new = ("new", "google_ads.money", "--table", "rows", "--value", f"sum({measure})", "--format", "currency")
    assert run(*new, "--metrics", "mine").exit_code == 0
    window = ("--start", "2025-01-01", "--end", "2025-01-31", "--format", "json", "--metrics", "mine")
    answer = json.loads(run("query", "google_ads.money", "--user", ALICE, *window).stdout)
    assert answer["stats"]["value"] == pytest.approx(total)


@pytest.mark.parametrize(
    ("text", "dimensions"),
    [
        (GOOGLE_ADS, {"customer", "campaign_id"}),
        (SHOPIFY, {"name", "lineitem_name"}),
        (LINKEDIN, {"campaign"}),
    ],
)
def test_persons_bounds_and_measures_are_no_dimensions(tmp_path: Path, text: str, dimensions: set[str]) -> None:
    (tmp_path / "a.csv").write_text(text)
    assert TableDraft("a", tmp_path / "a.csv").list_dimensions().keys() == dimensions


def test_dates_that_may_begin_with_the_month_or_the_day_are_asked_for(run: Run, metrics: Path) -> None:
    Path("export.csv").write_text("day,visits\n01/02/2025,1\n03/02/2025,1\n")
    words = ("new", "table", "visits", "export.csv", "--source", "google_ads", "--metrics", "mine")
    refused = run(*words)
    assert refused.exit_code == 1
    assert (
        "day: '01/02/2025' may begin with the month or with the day; of --dates mdy and --dates dmy" in refused.stderr
    )
    assert " --dates dmy --metrics mine" in run(*words, "--dates", "dmy").stdout


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("day,sessions\n2025-01-01,007\n", {"sessions": "text"}),
        ("day,total_opens,total_value\n2025-01-01,7,8\n", {"total_opens": "bigint", "total_value": "numeric"}),
        (
            "day,bounce_rate,views_per_visit\n2025-01-01,12,2.0\n",
            {"bounce_rate": "double", "views_per_visit": "double"},
        ),
        ("day,rate\n2025-01-01,12 %\n2025-01-02,--\n", {"rate": "double"}),
        ("day,paid_at\n2025-01-01,2025-01-01 08:30:00 -0500\n", {"paid_at": "timestamptz"}),
        ("day,paid_at\n2025-01-01,2025-01-01 08:30:00 UTC\n", {"paid_at": "timestamptz"}),
        ("day,visits\n2025-01-01,1\n2025-01-02,\n", {"visits": "bigint"}),
        ('day,size,price\n2025-01-01,"38,5",49.00\n', {"size": "text", "price": "numeric"}),
        ("day;size;price\n2025-01-01;38,5;1.049,00\n", {"size": "double", "price": "numeric"}),
        ("day,visits\n2025-01-01,1\n2025-01-02,1.5\n", {"visits": "double"}),
        ("day,phone\n2025-01-01,123\n", {"phone": "text"}),
        ("day,at\n2025-01-01,2025-01-01T08:30:00+01:00\n", {"at": "timestamptz"}),
        ("day,at\n2025-01-01,2025-01-01T08:30:00\n", {"at": "timestamp"}),
        ("day,empty\n2025-01-01,\n", {"empty": "text"}),
        ("date,n\n20250101,20250101\n", {"n": "bigint"}),
        ("day,Größe,true,9 lives\n2025-01-01,1,2,3\n", {"grosse": "bigint", "column_true": "bigint"}),
        ("day,Cost,cost\n2025-01-01,1.00,2.00\n", {"cost": "numeric", "cost_2": "numeric"}),
    ],
)
def test_types_are_guessed(tmp_path: Path, text: str, expected: dict[str, str]) -> None:
    (tmp_path / "a.csv").write_text(text)
    found = {each.name: each.type for each in TableDraft("a", tmp_path / "a.csv").columns}
    assert expected.items() <= found.items()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("day,visits\n2025-01-01,1\n2025-01-02,1\nSoon,1\n", "day: 'Soon' is no date, as the others are"),
        ("day,visits\nsoon,1\n", "no column with a date in each row"),
        ("day,user_id\n2025-01-31,1\n", "a file cannot say whose its rows are"),
        ("day,visits\n", "has no rows below its header"),
        ('day,visits\n2025-01-31,"1\n', "is not CSV"),
    ],
)
def test_what_is_no_table_is_refused(run: Run, metrics: Path, text: str, problem: str) -> None:
    Path("export.csv").write_text(text)
    result = run("new", "table", "visits", "export.csv", "--source", "google_ads", "--metrics", "mine")
    assert result.exit_code == 1
    assert problem in result.stderr
    assert not (metrics / "visits.yaml").exists()


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("source", "google_ads"), "exists already"),
        (("source", "meta"), "'meta' is a built-in source"),
        (("source", "Google"), "use small letters"),
        (("table", "a-b", "export.csv", "--source", "google_ads"), "use letters, digits and _"),
        (("table", "visits", "export.csv", "--source", "google"), "did you mean 'google_ads'?"),
    ],
)
def test_wrong_names_are_refused(run: Run, metrics: Path, words: tuple[str, ...], problem: str) -> None:
    Path("export.csv").write_text(EXPORT)
    before = sorted(metrics.iterdir())
    result = run("new", *words, "--metrics", "mine")
    assert result.exit_code != 0
    assert problem in result.stderr
    assert sorted(metrics.iterdir()) == before


VALUES = st.text(max_size=12) | st.sampled_from(["", "1", "1.50", "1,200", "true", "2025-01-01", "a", "b"])


@try_examples(60)
@example(headers=["NULL"], rows=[["", "", "", "", "", ""]])
@given(
    headers=st.lists(st.text(max_size=12) | st.sampled_from(["date", "cost", "campaign_id", "campaign"]), max_size=6),
    rows=st.lists(st.lists(VALUES, min_size=6, max_size=6), min_size=1, max_size=4),
)
def test_every_draft_is_a_sound_file(headers: list[str], rows: list[list[str]]) -> None:
    output = io.StringIO()
    writer = csv.writer(output)
    writer.writerow(["day", *headers])
    writer.writerows([f"2025-01-0{index + 1}", *row[: len(headers)]] for index, row in enumerate(rows))
    with TemporaryDirectory() as name:
        path = Path(name, "export.csv")
        path.write_text(output.getvalue().replace("\0", ""), encoding="utf-8", errors="replace", newline="")
        try:
            text = TableDraft("mine", path).render("meta")
        except InvalidRows:
            return
        Path(name, "other.yaml").write_text("metrics: {}\n")
        assert load_changed_catalog(Path(name), {"mine.yaml": text.encode()}).tables["mine"].time
        assert load_catalog(Path(name)).tables == {}
