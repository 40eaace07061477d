"""A folder as a marketing analyst writes it: every widget on every engine, against plain Python over the same rows."""

from __future__ import annotations

import math
import shutil
import statistics
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest

from engine.answer.engine import Engine
from engine.catalog.catalog import load_catalog
from engine.warehouse.warehouse import Warehouse
from tests.support.worlds import ME, SHIPPED, YOU, Row, index_series, list_points, query_engine

FOLDER = Path(__file__).parent / "analysts_folder"
FIRST, LAST = date(2025, 1, 1), date(2025, 1, 28)
DAYS = [FIRST + timedelta(days=index) for index in range(-28, 28)]
CHANNELS = (
    "Direct",
    "Email",
    "Paid Search",
    "Paid Social",
    "Organic Search",
    " email ",
    "",
    None,
    "paid other",
    "Bücher",
)
PAGES = ("/", "/blog/a", "/blog/b?utm=1", "/Blog/c", "/blog", "/100%", "/a_b", "https://www.x.com/shop/", "", None)
CAMPAIGNS = ("US | Brand | Search", "US | Non-Brand", "DE | Retargeting 10%", "de|brand", None)


TABLES = (
    *("ga4_daily", "ga4_channels_daily", "ga4_landing_pages_daily"),
    *("meta_ads_daily", "ig_account_daily", "ig_media"),
)


def make_history() -> dict[str, list[Row]]:
    """Eight weeks of rows of one tenant, a few of another one's."""
    random = Random(7)
    site, channels, pages, ads, accounts, posts = lists = [list[Row]() for _ in TABLES]
    for day in DAYS:
        for index, page in enumerate(PAGES):
            row = {"property_id": "1", "landing_page": "" if page is None else page, "users": random.randint(0, 60)}
            if random.random() < 0.6 and page is not None:
                pages.append({"date": day, **row, **make_counts(random)})
            channel = CHANNELS[index]
            if random.random() < 0.7 and channel is not None:
                money = Decimal(random.randint(0, 99_999)) / 100
                row = {"property_id": "1", "channel": channel, "users": random.randint(0, 60), "revenue": money}
                channels.append({"date": day, **row, **make_counts(random)})
        for name in ("1", "2"):
            if random.random() < 0.9:
                row = {"property_id": name, "users": random.randint(1, 90), "new_users": random.randint(0, 50)}
                row |= {"converting_sessions": float(random.randint(0, 9)), "currency": "EUR"}
                row["revenue"] = Decimal(random.randint(0, 9_999)) / 100 if random.random() < 0.8 else None
                site.append({"date": day, **row, **make_counts(random)})
        for number, campaign in enumerate(CAMPAIGNS):
            row = {"account_id": "act_1", "campaign_id": str(number), "campaign_name": campaign, "currency": "EUR"}
            row |= {"impressions": random.randint(0, 5_000), "clicks": random.randint(0, 40), "reach": 7}
            row |= {"spend": Decimal(random.randint(0, 9_999)) / 100, "conversions": float(random.randint(0, 4))}
            ads.append({"date": day, **row, "conversion_value": Decimal(random.randint(0, 50_000)) / 100})
        row = {"ig_user_id": "9", "reach": random.randint(1, 900), "views": random.randint(0, 999)}
        accounts.append({"date": day, **row, "interactions": random.randint(0, 90), "followers": 1000 + len(accounts)})
        if random.random() < 0.7:
            at = datetime(day.year, day.month, day.day, random.randint(0, 23), 30, tzinfo=UTC)
            names = ("likes", "comments", "saves", "shares", "reach", "views", "interactions")
            row = {name: random.randint(0, 90) for name in names}
            caption = random.choice(("Sale! #a #b", "no tags", "", None, "Ünïcode #x 😀"))
            kind = random.choice(("REELS", "IMAGE"))
            named = {"ig_user_id": "9", "media_id": f"m{len(posts)}", "media_type": kind, "permalink": "https://x"}
            posts.append({"posted_on": day, "posted_at": at, "caption": caption, **named, **row})
    return dict(zip(TABLES, lists, strict=True))


def make_counts(random: Random) -> Row:
    sessions = random.randint(0, 200)
    return {
        "sessions": sessions,
        "engaged_sessions": random.randint(0, sessions),
        "conversions": float(random.randint(0, 30)),
    }


ROWS = make_history()


def sum_columns(rows: Sequence[Row], *names: str) -> Any:
    """The sum of these columns over the rows in which all of them have a value; None without any."""
    values = [sum(float(row[name]) for name in names) for row in rows if all(row[name] is not None for name in names)]
    return sum(values) if values else None


def divide_or_none(top: Any, bottom: Any) -> Any:
    return None if top is None or not bottom else top / bottom


def filter_rows(rows: Sequence[Row], column: str, test: Callable[[Any], bool]) -> list[Row]:
    return [row for row in rows if row[column] is not None and test(row[column])]


def round_half_up(value: float | None, digits: int = 0) -> float | None:
    return None if value is None else math.floor(value * 10**digits + 0.5) / 10**digits


def get_channel_group(channel: str) -> str:
    if channel.strip().lower() == "email":
        return "Email"
    if channel.startswith(("Paid ", "paid ")):
        return "Paid"
    return channel.strip() or "(none)"


def clean_page(page: str) -> str:
    return page.lower().replace("https://www.x.com", "") or "(none)"


def get_section(page: str) -> str:
    clean = page.lower().replace("https://www.x.com", "")
    return "Blog" if clean.startswith("/blog/") else "Shop" if clean.startswith("/shop/") else "Rest"


def classify_campaign(name: str | None) -> str:
    low = (name or "").lower()
    return "Non-brand" if "non-brand" in low else "Brand" if "brand" in low else "Sale" if "10" in low else "Rest"


def break_down(column: Callable[[Row], str], value: Callable[[list[Row]], float | None]) -> Any:
    """A breakdown: the value of each member's rows."""

    def answer(rows: Sequence[Row]) -> dict[str, float | None]:
        names = sorted({column(row) for row in rows})
        return {name: value([row for row in rows if column(row) == name]) for name in names}

    return answer


def restrict_to_visited(answer: Any) -> Any:
    """The answer over the rows that have sessions."""
    return lambda rows: answer([row for row in rows if row["sessions"] > 0])


def sum_sessions(rows: Sequence[Row]) -> Any:
    return sum_columns(rows, "sessions")


def compute_rate(rows: Sequence[Row]) -> Any:
    return divide_or_none(sum_columns(rows, "conversions"), sum_columns(rows, "sessions"))


def sum_spend(rows: Sequence[Row]) -> Any:
    return sum_columns(rows, "spend")


def sum_paid_sessions(rows: Sequence[Row]) -> Any:
    return sum_sessions(filter_rows(rows, "channel", lambda name: name in ("Paid Search", "Paid Social")))


def filter_blog_rows(rows: Sequence[Row]) -> list[Row]:
    return filter_rows(rows, "landing_page", lambda page: page.startswith("/blog/"))


def group_by_days(rows: Sequence[Row]) -> list[list[Row]]:
    return [[row for row in rows if row["date"] == day] for day in sorted({row["date"] for row in rows})]


def filter_good_days(rows: Sequence[Row]) -> list[list[Row]]:
    return [each for each in group_by_days(rows) if (sum_sessions(each) or 0) > 500]


def compute_mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def list_known(rows: Sequence[Row], column: str) -> list[Any]:
    return [row[column] for row in rows if row[column] is not None]


SITE, CHANNEL, PAGE, ADS, ACCOUNT, POST = TABLES
WEIGHTS = {"Email": 2.0, "Direct": 0.5}
# The table that a widget rests on, and its value over these rows of it.
VALUES: dict[str, tuple[str, Callable[[list[Row]], float | None]]] = {
    "site.engaged_share": (SITE, lambda r: divide_or_none(sum_columns(r, "engaged_sessions"), sum_sessions(r))),
    "site.bounce_rate": (
        SITE,
        lambda r: 1 - sum_columns(r, "engaged_sessions") / sum_sessions(r) if sum_sessions(r) else None,
    ),
    "site.per_thousand": (SITE, lambda r: 1000 * compute_rate(r) if compute_rate(r) is not None else None),
    "site.revenue_a_day": (
        SITE,
        lambda r: round_half_up(divide_or_none(sum_columns(r, "revenue"), len(group_by_days(r))), 2),
    ),
    "site.big_days": (SITE, lambda r: float(len(filter_rows(r, "sessions", lambda n: n >= 100)))),
    "site.share_of_big": (
        SITE,
        lambda r: divide_or_none(sum_sessions(filter_rows(r, "sessions", lambda n: n >= 100)), sum_sessions(r)),
    ),
    "site.not_engaged": (SITE, lambda r: sum_sessions(r) - sum_columns(r, "engaged_sessions")),
    "site.rate_if_enough": (SITE, lambda r: compute_rate(r) if (sum_sessions(r) or 0) >= 150 else None),
    "site.average": (SITE, lambda r: compute_mean(list_known(r, "sessions"))),
    "site.spread": (SITE, lambda r: max(list_known(r, "sessions")) - min(list_known(r, "sessions"))),
    "site.properties": (SITE, lambda r: len({row["property_id"] for row in r})),
    "site.property_days": (SITE, lambda r: len({(row["property_id"], row["date"]) for row in r})),
    "site.selling_days": (SITE, lambda r: len({row["date"] for row in filter_rows(r, "revenue", lambda n: n > 0)})),
    "site.net": (SITE, lambda r: (sum_columns(r, "revenue") or 0) * 0.81),
    "site.rows_with_revenue": (SITE, lambda r: len(filter_rows(r, "revenue", lambda n: n >= 10))),
    "site.first_week": (
        SITE,
        lambda r: sum_sessions(filter_rows(r, "date", lambda day: FIRST <= day <= date(2025, 1, 7))),
    ),
    "site.january": (SITE, lambda r: sum_sessions(filter_rows(r, "date", lambda day: day.month == 1))),
    "site.black_days": (
        SITE,
        lambda r: sum_sessions(filter_rows(r, "date", lambda day: day.day in (3, 10) and day >= FIRST)),
    ),
    "site.weekend": (SITE, lambda r: sum_sessions(filter_rows(r, "date", lambda day: day.isoweekday() > 5))),
    "site.weekday_rate": (SITE, lambda r: compute_rate(filter_rows(r, "date", lambda day: day.isoweekday() < 6))),
    "site.first_days": (
        SITE,
        lambda r: sum_sessions(filter_rows(r, "date", lambda day: FIRST <= day <= date(2025, 1, 3))),
    ),
    "site.one_property": (SITE, lambda r: sum_sessions(filter_rows(r, "property_id", lambda name: name == "1"))),
    "site.returning": (SITE, lambda r: 1 - sum_columns(r, "new_users") / sum_columns(r, "users")),
    "site.log_sessions": (SITE, lambda r: math.log(sum_sessions(r) + 1)),
    "site.paid_sessions": (CHANNEL, sum_paid_sessions),
    "site.paid_share": (CHANNEL, lambda r: divide_or_none(sum_paid_sessions(r), sum_sessions(r))),
    "site.paid_like": (
        CHANNEL,
        lambda r: sum_sessions(filter_rows(r, "channel", lambda name: name.lower().startswith("paid"))),
    ),
    "site.social": (CHANNEL, lambda r: sum_sessions(filter_rows(r, "channel", lambda name: name.endswith("Social")))),
    "site.not_direct": (CHANNEL, lambda r: sum_sessions(filter_rows(r, "channel", lambda name: name != "Direct"))),
    "site.clean_channels": (CHANNEL, lambda r: len({row["channel"].strip().lower() or "(none)" for row in r})),
    "site.weighted": (CHANNEL, lambda r: sum(row["conversions"] * WEIGHTS.get(row["channel"], 1) for row in r)),
    "site.paid_of_all": (
        SITE,
        lambda r: divide_or_none(sum_paid_sessions(filter_days(CHANNEL, r)) or 0, sum_sessions(r)),
    ),
    "site.good_days": (CHANNEL, lambda r: len(filter_good_days(r))),
    "site.largest_share": (
        CHANNEL,
        lambda r: divide_or_none(
            sum(max(list_known(each, "sessions")) for each in filter_good_days(r)) or None,
            sum(sum(list_known(each, "sessions")) for each in filter_good_days(r)),
        ),
    ),
    "site.channels_a_day": (
        CHANNEL,
        lambda r: compute_mean([len({row["channel"] for row in each}) for each in filter_good_days(r)]),
    ),
    "site.blog_conversions": (PAGE, lambda r: sum_columns(filter_blog_rows(r), "conversions")),
    "site.blog_rate": (PAGE, lambda r: compute_rate(filter_blog_rows(r))),
    "site.untagged": (PAGE, lambda r: sum_sessions(filter_rows(r, "landing_page", lambda page: "?" not in page))),
    "site.percent_page": (PAGE, lambda r: sum_sessions(filter_rows(r, "landing_page", lambda page: page == "/100%"))),
    "site.by_prefix": (PAGE, lambda r: (sum_sessions(r) or 0) - (sum_sessions(filter_blog_rows(r)) or 0)),
    "site.prefixes": (PAGE, lambda r: sum_sessions(filter_blog_rows(r)) or 0),
    "ads.roi": (ADS, lambda r: divide_or_none(sum_columns(r, "conversion_value") - sum_spend(r), sum_spend(r))),
    "ads.frequency": (ADS, lambda r: divide_or_none(sum_columns(r, "impressions"), sum_columns(r, "reach"))),
    "ads.wasted": (ADS, lambda r: sum_spend(filter_rows(r, "conversions", lambda n: n == 0))),
    "ads.active": (ADS, lambda r: len({row["campaign_id"] for row in r if row["spend"] > 0})),
    "ads.spend_a_campaign": (ADS, lambda r: divide_or_none(sum_spend(r), len({row["campaign_id"] for row in r}))),
    "ads.capped": (ADS, lambda r: sum(min(float(row["spend"]), 50) for row in r)),
    "ads.rounded": (ADS, lambda r: sum(round_half_up(float(row["spend"])) or 0 for row in r)),
    "ads.brand": (ADS, lambda r: sum_spend([row for row in r if classify_campaign(row["campaign_name"]) == "Brand"])),
    "ads.unnamed": (ADS, lambda r: sum_spend([row for row in r if row["campaign_name"] is None])),
    "posts.reels": (POST, lambda r: len(filter_rows(r, "media_type", lambda name: name == "REELS"))),
    "posts.score": (
        POST,
        lambda r: divide_or_none(
            sum_columns(r, "likes") + 2 * sum_columns(r, "comments") + 3 * sum_columns(r, "saves"), len(r)
        ),
    ),
    "posts.reactions": (POST, lambda r: sum_columns(r, "likes", "comments", "saves", "shares")),
    "posts.tags": (POST, lambda r: compute_mean([caption.count("#") for caption in list_known(r, "caption")])),
    "posts.tagged": (POST, lambda r: sum_columns(filter_rows(r, "caption", lambda text: "#a" in text), "saves")),
    "posts.silent": (POST, lambda r: len([row for row in r if not row["caption"]])),
    "posts.since": (
        POST,
        lambda r: sum_columns(filter_rows(r, "posted_on", lambda day: day >= date(2025, 1, 15)), "saves"),
    ),
    "posts.that_day": (POST, lambda r: len(r)),
}
BREAKDOWNS: dict[str, tuple[str, int, Any]] = {
    "site.per_channel": (CHANNEL, 4, break_down(lambda row: row["channel"], sum_sessions)),
    "site.rate_per_channel": (CHANNEL, 3, break_down(lambda row: row["channel"], compute_rate)),
    "site.per_property": (SITE, 10, break_down(lambda row: row["property_id"], sum_sessions)),
    "site.by_day": (SITE, 3, break_down(lambda row: str(row["date"]), sum_sessions)),
    "site.groups": (CHANNEL, 3, break_down(lambda row: get_channel_group(row["channel"]), sum_sessions)),
    "site.group_rate": (CHANNEL, 10, break_down(lambda row: get_channel_group(row["channel"]), compute_rate)),
    "site.pages": (PAGE, 5, restrict_to_visited(break_down(lambda row: clean_page(row["landing_page"]), sum_sessions))),
    "site.parts": (
        SITE,
        10,
        break_down(lambda row: "Weekend" if row["date"].isoweekday() > 5 else "Week", sum_sessions),
    ),
    "site.weekdays": (SITE, 10, break_down(lambda row: str(row["date"].isoweekday()), sum_sessions)),
    "site.sections": (
        PAGE,
        10,
        restrict_to_visited(break_down(lambda row: get_section(row["landing_page"]), compute_rate)),
    ),
    "ads.kinds": (ADS, 2, break_down(lambda row: classify_campaign(row["campaign_name"]), sum_spend)),
    "ads.countries": (
        ADS,
        10,
        break_down(
            lambda row: (row["campaign_name"] or "??")[:2].upper(),
            lambda r: divide_or_none(sum_spend(r), sum_columns(r, "clicks")),
        ),
    ),
    "ads.by_name": (
        ADS,
        10,
        break_down(lambda row: row["campaign_name"] or "(not set)", lambda r: sum_columns(r, "clicks")),
    ),
}


def filter_days(table: str, rows: Sequence[Row]) -> list[Row]:
    """The rows of another table on the days of these."""
    days = {row["date"] for row in rows}
    return [row for row in ROWS[table] if row["date"] in days]


@pytest.fixture
def engine(warehouse_url: str, tmp_path: Path) -> Iterator[Engine]:
    """The analyst's files beside the shipped ones, with the rows of two tenants."""
    folder = tmp_path / "metrics"
    for source in (SHIPPED, FOLDER):
        shutil.copytree(source, folder, dirs_exist_ok=True)
    catalog = load_catalog(folder)
    warehouse = Warehouse(warehouse_url)
    warehouse.create_tables(catalog.tables.values())
    for name, rows in ROWS.items():
        columns = catalog.tables[name].columns
        for tenant, some in ((ME, rows), (YOU, rows[::3])):
            blank = dict.fromkeys(columns)
            warehouse.upsert(catalog.tables[name], [{**blank, **row, "user_id": tenant} for row in some])
    yield Engine(catalog, warehouse)
    warehouse.close()


def filter_window(table: str, first: date, last: date) -> list[Row]:
    day = "posted_on" if table == POST else "date"
    return [row for row in ROWS[table] if first <= row[day] <= last]


def describe_mismatch(key: str, found: Any, wanted: Any) -> list[str]:
    """A line where a value is another one; a sum of nothing may be 0."""
    if wanted is None or wanted == 0:
        return [] if found in (None, 0) else [f"{key}: {found} instead of {wanted}"]
    return [] if found == pytest.approx(wanted, rel=1e-9) else [f"{key}: {found} instead of {wanted}"]


def test_every_value_is_what_it_says(engine: Engine) -> None:
    wrong: list[str] = []
    for key, (table, value) in VALUES.items():
        body = query_engine(engine, key, FIRST, LAST, compare="previous_period")
        headline = "Rest" if key == "site.by_prefix" else None
        before = filter_window(table, FIRST - timedelta(days=28), FIRST - timedelta(days=1))
        wrong += describe_mismatch(key, body["stats"]["value"], value(filter_window(table, FIRST, LAST)))
        wrong += describe_mismatch(f"{key} before", body["stats"]["previous"], value(before))
        for point, day in zip(list_points(body, headline), DAYS[28:], strict=True):
            if rows := filter_window(table, day, day):
                wrong += describe_mismatch(f"{key} on {day}", point, value(rows))
    assert wrong == []


def test_every_breakdown_is_what_it_says(engine: Engine) -> None:
    wrong: list[str] = []
    for key, (table, top, answer) in BREAKDOWNS.items():
        first = FIRST - timedelta(days=28)
        both, now = answer(filter_window(table, first, LAST)), answer(filter_window(table, FIRST, LAST))
        ranked = sorted(both, key=lambda name: (-(both[name] or 0), name))
        body = query_engine(engine, key, FIRST, LAST, compare="previous_period")
        shown = index_series(body)
        other = ["Other"] if len(ranked) > top and key != "site.rate_per_channel" else []
        if list(shown) != ranked[:top] + other:
            wrong.append(f"{key}: {list(shown)} instead of {ranked[:top] + other}")
            continue
        for name in ranked[:top]:
            wrong += describe_mismatch(f"{key} {name}", shown[name]["stats"]["value"], now.get(name))
    assert wrong == []


def test_items_are_ranked_and_shown_alike(engine: Engine) -> None:
    pages = break_down(lambda row: row["landing_page"], sum_sessions)(filter_window(PAGE, FIRST, LAST))
    best = sorted(pages, key=lambda page: (-pages[page], page))[:3]
    found = query_engine(engine, "site.items", FIRST, LAST)["items"]
    assert [(item["id"], item["values"]["sessions"]) for item in found] == [(page, pages[page]) for page in best]
    posts = sorted(filter_window(POST, FIRST, LAST), key=lambda row: (-row["saves"], row["media_id"]))[:4]
    found = query_engine(engine, "posts.best", FIRST, LAST)["items"]
    assert [item["id"] for item in found] == [row["media_id"] for row in posts]
    for item, row in zip(found, posts, strict=True):
        assert item["caption"] == row["caption"]
        assert item["posted_on"] == str(row["posted_on"])
        assert item["posted_at"] == row["posted_at"].isoformat()
        assert item["values"]["rate"] == (pytest.approx(row["saves"] / row["reach"]) if row["reach"] else None)


def test_metrics_of_metrics_are_what_they_say(engine: Engine) -> None:
    site, ads = filter_window(SITE, FIRST, LAST), filter_window(ADS, FIRST, LAST)
    values = {
        "across.cost_per_session": sum_spend(ads) / sum_sessions(site),
        "across.mer": sum_columns(site, "revenue") / sum_spend(ads),
        "across.scaled": 100
        * (sum_columns(site, "converting_sessions") - sum_columns(site, "engaged_sessions"))
        / sum_sessions(site),
        "posts.followers": max(row["followers"] for row in filter_window(ACCOUNT, LAST, LAST)),
    }
    wrong = [
        line
        for key, wanted in values.items()
        for line in describe_mismatch(key, query_engine(engine, key, FIRST, LAST)["stats"]["value"], wanted)
    ]
    days = [(sum_spend(filter_window(ADS, day, day)), sum_sessions(filter_window(SITE, day, day))) for day in DAYS[28:]]
    both = [pair for pair in days if None not in pair]
    r = statistics.correlation(*zip(*both, strict=True))
    wrong += describe_mismatch("across.both", query_engine(engine, "across.both", FIRST, LAST)["stats"]["value"], r)
    assert wrong == []
