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
from tests.support.worlds import ME, SHIPPED, YOU, Row, ask, points, series

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


def history() -> dict[str, list[Row]]:
    """Eight weeks of rows of one tenant, a few of another one's."""
    random = Random(7)
    site, channels, pages, ads, accounts, posts = lists = [list[Row]() for _ in TABLES]
    for day in DAYS:
        for index, page in enumerate(PAGES):
            row = {"property_id": "1", "landing_page": "" if page is None else page, "users": random.randint(0, 60)}
            if random.random() < 0.6 and page is not None:
                pages.append({"date": day, **row, **counts(random)})
            channel = CHANNELS[index]
            if random.random() < 0.7 and channel is not None:
                money = Decimal(random.randint(0, 99_999)) / 100
                row = {"property_id": "1", "channel": channel, "users": random.randint(0, 60), "revenue": money}
                channels.append({"date": day, **row, **counts(random)})
        for name in ("1", "2"):
            if random.random() < 0.9:
                row = {"property_id": name, "users": random.randint(1, 90), "new_users": random.randint(0, 50)}
                row |= {"converting_sessions": float(random.randint(0, 9)), "currency": "EUR"}
                row["revenue"] = Decimal(random.randint(0, 9_999)) / 100 if random.random() < 0.8 else None
                site.append({"date": day, **row, **counts(random)})
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


def counts(random: Random) -> Row:
    sessions = random.randint(0, 200)
    return {
        "sessions": sessions,
        "engaged_sessions": random.randint(0, sessions),
        "conversions": float(random.randint(0, 30)),
    }


ROWS = history()


def total(rows: Sequence[Row], *names: str) -> Any:
    """The sum of these columns over the rows in which all of them have a value; None without any."""
    values = [sum(float(row[name]) for name in names) for row in rows if all(row[name] is not None for name in names)]
    return sum(values) if values else None


def over(top: Any, bottom: Any) -> Any:
    return None if top is None or not bottom else top / bottom


def kept(rows: Sequence[Row], column: str, test: Callable[[Any], bool]) -> list[Row]:
    return [row for row in rows if row[column] is not None and test(row[column])]


def half_up(value: float | None, digits: int = 0) -> float | None:
    return None if value is None else math.floor(value * 10**digits + 0.5) / 10**digits


def group_of(channel: str) -> str:
    if channel.strip().lower() == "email":
        return "Email"
    if channel.startswith(("Paid ", "paid ")):
        return "Paid"
    return channel.strip() or "(none)"


def page_of(page: str) -> str:
    return page.lower().replace("https://www.x.com", "") or "(none)"


def section_of(page: str) -> str:
    clean = page.lower().replace("https://www.x.com", "")
    return "Blog" if clean.startswith("/blog/") else "Shop" if clean.startswith("/shop/") else "Rest"


def kind_of_campaign(name: str | None) -> str:
    low = (name or "").lower()
    return "Non-brand" if "non-brand" in low else "Brand" if "brand" in low else "Sale" if "10" in low else "Rest"


def members(column: Callable[[Row], str], value: Callable[[list[Row]], float | None]) -> Any:
    """A breakdown: the value of each member's rows."""

    def answer(rows: Sequence[Row]) -> dict[str, float | None]:
        names = sorted({column(row) for row in rows})
        return {name: value([row for row in rows if column(row) == name]) for name in names}

    return answer


def visited(answer: Any) -> Any:
    """The answer over the rows that have sessions."""
    return lambda rows: answer([row for row in rows if row["sessions"] > 0])


def sessions(rows: Sequence[Row]) -> Any:
    return total(rows, "sessions")


def rate(rows: Sequence[Row]) -> Any:
    return over(total(rows, "conversions"), total(rows, "sessions"))


def spend(rows: Sequence[Row]) -> Any:
    return total(rows, "spend")


def paid(rows: Sequence[Row]) -> Any:
    return sessions(kept(rows, "channel", lambda name: name in ("Paid Search", "Paid Social")))


def blog(rows: Sequence[Row]) -> list[Row]:
    return kept(rows, "landing_page", lambda page: page.startswith("/blog/"))


def by_days(rows: Sequence[Row]) -> list[list[Row]]:
    return [[row for row in rows if row["date"] == day] for day in sorted({row["date"] for row in rows})]


def good(rows: Sequence[Row]) -> list[list[Row]]:
    return [each for each in by_days(rows) if (sessions(each) or 0) > 500]


def mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def known(rows: Sequence[Row], column: str) -> list[Any]:
    return [row[column] for row in rows if row[column] is not None]


SITE, CHANNEL, PAGE, ADS, ACCOUNT, POST = TABLES
WEIGHTS = {"Email": 2.0, "Direct": 0.5}
# The table that a widget rests on, and its value over these rows of it.
VALUES: dict[str, tuple[str, Callable[[list[Row]], float | None]]] = {
    "site.engaged_share": (SITE, lambda r: over(total(r, "engaged_sessions"), sessions(r))),
    "site.bounce_rate": (SITE, lambda r: 1 - total(r, "engaged_sessions") / sessions(r) if sessions(r) else None),
    "site.per_thousand": (SITE, lambda r: 1000 * rate(r) if rate(r) is not None else None),
    "site.revenue_a_day": (SITE, lambda r: half_up(over(total(r, "revenue"), len(by_days(r))), 2)),
    "site.big_days": (SITE, lambda r: float(len(kept(r, "sessions", lambda n: n >= 100)))),
    "site.share_of_big": (SITE, lambda r: over(sessions(kept(r, "sessions", lambda n: n >= 100)), sessions(r))),
    "site.not_engaged": (SITE, lambda r: sessions(r) - total(r, "engaged_sessions")),
    "site.rate_if_enough": (SITE, lambda r: rate(r) if (sessions(r) or 0) >= 150 else None),
    "site.average": (SITE, lambda r: mean(known(r, "sessions"))),
    "site.spread": (SITE, lambda r: max(known(r, "sessions")) - min(known(r, "sessions"))),
    "site.properties": (SITE, lambda r: len({row["property_id"] for row in r})),
    "site.property_days": (SITE, lambda r: len({(row["property_id"], row["date"]) for row in r})),
    "site.selling_days": (SITE, lambda r: len({row["date"] for row in kept(r, "revenue", lambda n: n > 0)})),
    "site.net": (SITE, lambda r: (total(r, "revenue") or 0) * 0.81),
    "site.rows_with_revenue": (SITE, lambda r: len(kept(r, "revenue", lambda n: n >= 10))),
    "site.first_week": (SITE, lambda r: sessions(kept(r, "date", lambda day: FIRST <= day <= date(2025, 1, 7)))),
    "site.january": (SITE, lambda r: sessions(kept(r, "date", lambda day: day.month == 1))),
    "site.black_days": (SITE, lambda r: sessions(kept(r, "date", lambda day: day.day in (3, 10) and day >= FIRST))),
    "site.weekend": (SITE, lambda r: sessions(kept(r, "date", lambda day: day.isoweekday() > 5))),
    "site.weekday_rate": (SITE, lambda r: rate(kept(r, "date", lambda day: day.isoweekday() < 6))),
    "site.first_days": (SITE, lambda r: sessions(kept(r, "date", lambda day: FIRST <= day <= date(2025, 1, 3)))),
    "site.one_property": (SITE, lambda r: sessions(kept(r, "property_id", lambda name: name == "1"))),
    "site.returning": (SITE, lambda r: 1 - total(r, "new_users") / total(r, "users")),
    "site.log_sessions": (SITE, lambda r: math.log(sessions(r) + 1)),
    "site.paid_sessions": (CHANNEL, paid),
    "site.paid_share": (CHANNEL, lambda r: over(paid(r), sessions(r))),
    "site.paid_like": (CHANNEL, lambda r: sessions(kept(r, "channel", lambda name: name.lower().startswith("paid")))),
    "site.social": (CHANNEL, lambda r: sessions(kept(r, "channel", lambda name: name.endswith("Social")))),
    "site.not_direct": (CHANNEL, lambda r: sessions(kept(r, "channel", lambda name: name != "Direct"))),
    "site.clean_channels": (CHANNEL, lambda r: len({row["channel"].strip().lower() or "(none)" for row in r})),
    "site.weighted": (CHANNEL, lambda r: sum(row["conversions"] * WEIGHTS.get(row["channel"], 1) for row in r)),
    "site.paid_of_all": (SITE, lambda r: over(paid(on_days(CHANNEL, r)) or 0, sessions(r))),
    "site.good_days": (CHANNEL, lambda r: len(good(r))),
    "site.largest_share": (
        CHANNEL,
        lambda r: over(
            sum(max(known(each, "sessions")) for each in good(r)) or None,
            sum(sum(known(each, "sessions")) for each in good(r)),
        ),
    ),
    "site.channels_a_day": (CHANNEL, lambda r: mean([len({row["channel"] for row in each}) for each in good(r)])),
    "site.blog_conversions": (PAGE, lambda r: total(blog(r), "conversions")),
    "site.blog_rate": (PAGE, lambda r: rate(blog(r))),
    "site.untagged": (PAGE, lambda r: sessions(kept(r, "landing_page", lambda page: "?" not in page))),
    "site.percent_page": (PAGE, lambda r: sessions(kept(r, "landing_page", lambda page: page == "/100%"))),
    "site.by_prefix": (PAGE, lambda r: (sessions(r) or 0) - (sessions(blog(r)) or 0)),
    "site.prefixes": (PAGE, lambda r: sessions(blog(r)) or 0),
    "ads.roi": (ADS, lambda r: over(total(r, "conversion_value") - spend(r), spend(r))),
    "ads.frequency": (ADS, lambda r: over(total(r, "impressions"), total(r, "reach"))),
    "ads.wasted": (ADS, lambda r: spend(kept(r, "conversions", lambda n: n == 0))),
    "ads.active": (ADS, lambda r: len({row["campaign_id"] for row in r if row["spend"] > 0})),
    "ads.spend_a_campaign": (ADS, lambda r: over(spend(r), len({row["campaign_id"] for row in r}))),
    "ads.capped": (ADS, lambda r: sum(min(float(row["spend"]), 50) for row in r)),
    "ads.rounded": (ADS, lambda r: sum(half_up(float(row["spend"])) or 0 for row in r)),
    "ads.brand": (ADS, lambda r: spend([row for row in r if kind_of_campaign(row["campaign_name"]) == "Brand"])),
    "ads.unnamed": (ADS, lambda r: spend([row for row in r if row["campaign_name"] is None])),
    "posts.reels": (POST, lambda r: len(kept(r, "media_type", lambda name: name == "REELS"))),
    "posts.score": (
        POST,
        lambda r: over(total(r, "likes") + 2 * total(r, "comments") + 3 * total(r, "saves"), len(r)),
    ),
    "posts.reactions": (POST, lambda r: total(r, "likes", "comments", "saves", "shares")),
    "posts.tags": (POST, lambda r: mean([caption.count("#") for caption in known(r, "caption")])),
    "posts.tagged": (POST, lambda r: total(kept(r, "caption", lambda text: "#a" in text), "saves")),
    "posts.silent": (POST, lambda r: len([row for row in r if not row["caption"]])),
    "posts.since": (POST, lambda r: total(kept(r, "posted_on", lambda day: day >= date(2025, 1, 15)), "saves")),
    "posts.that_day": (POST, lambda r: len(r)),
}
BREAKDOWNS: dict[str, tuple[str, int, Any]] = {
    "site.per_channel": (CHANNEL, 4, members(lambda row: row["channel"], sessions)),
    "site.rate_per_channel": (CHANNEL, 3, members(lambda row: row["channel"], rate)),
    "site.per_property": (SITE, 10, members(lambda row: row["property_id"], sessions)),
    "site.by_day": (SITE, 3, members(lambda row: str(row["date"]), sessions)),
    "site.groups": (CHANNEL, 3, members(lambda row: group_of(row["channel"]), sessions)),
    "site.group_rate": (CHANNEL, 10, members(lambda row: group_of(row["channel"]), rate)),
    "site.pages": (PAGE, 5, visited(members(lambda row: page_of(row["landing_page"]), sessions))),
    "site.parts": (
        SITE,
        10,
        members(lambda row: "Weekend" if row["date"].isoweekday() > 5 else "Week", sessions),
    ),
    "site.weekdays": (SITE, 10, members(lambda row: str(row["date"].isoweekday()), sessions)),
    "site.sections": (PAGE, 10, visited(members(lambda row: section_of(row["landing_page"]), rate))),
    "ads.kinds": (ADS, 2, members(lambda row: kind_of_campaign(row["campaign_name"]), spend)),
    "ads.countries": (
        ADS,
        10,
        members(lambda row: (row["campaign_name"] or "??")[:2].upper(), lambda r: over(spend(r), total(r, "clicks"))),
    ),
    "ads.by_name": (ADS, 10, members(lambda row: row["campaign_name"] or "(not set)", lambda r: total(r, "clicks"))),
}


def on_days(table: str, rows: Sequence[Row]) -> list[Row]:
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


def within(table: str, first: date, last: date) -> list[Row]:
    day = "posted_on" if table == POST else "date"
    return [row for row in ROWS[table] if first <= row[day] <= last]


def unlike(key: str, found: Any, wanted: Any) -> list[str]:
    """A line where a value is another one; a sum of nothing may be 0."""
    if wanted is None or wanted == 0:
        return [] if found in (None, 0) else [f"{key}: {found} instead of {wanted}"]
    return [] if found == pytest.approx(wanted, rel=1e-9) else [f"{key}: {found} instead of {wanted}"]


def test_every_value_is_what_it_says(engine: Engine) -> None:
    wrong: list[str] = []
    for key, (table, value) in VALUES.items():
        body = ask(engine, key, FIRST, LAST, compare="previous_period")
        headline = "Rest" if key == "site.by_prefix" else None
        before = within(table, FIRST - timedelta(days=28), FIRST - timedelta(days=1))
        wrong += unlike(key, body["stats"]["value"], value(within(table, FIRST, LAST)))
        wrong += unlike(f"{key} before", body["stats"]["previous"], value(before))
        for point, day in zip(points(body, headline), DAYS[28:], strict=True):
            if rows := within(table, day, day):
                wrong += unlike(f"{key} on {day}", point, value(rows))
    assert wrong == []


def test_every_breakdown_is_what_it_says(engine: Engine) -> None:
    wrong: list[str] = []
    for key, (table, top, answer) in BREAKDOWNS.items():
        first = FIRST - timedelta(days=28)
        both, now = answer(within(table, first, LAST)), answer(within(table, FIRST, LAST))
        ranked = sorted(both, key=lambda name: (-(both[name] or 0), name))
        body = ask(engine, key, FIRST, LAST, compare="previous_period")
        shown = series(body)
        other = ["Other"] if len(ranked) > top and key != "site.rate_per_channel" else []
        if list(shown) != ranked[:top] + other:
            wrong.append(f"{key}: {list(shown)} instead of {ranked[:top] + other}")
            continue
        for name in ranked[:top]:
            wrong += unlike(f"{key} {name}", shown[name]["stats"]["value"], now.get(name))
    assert wrong == []


def test_items_are_ranked_and_shown_alike(engine: Engine) -> None:
    pages = members(lambda row: row["landing_page"], sessions)(within(PAGE, FIRST, LAST))
    best = sorted(pages, key=lambda page: (-pages[page], page))[:3]
    found = ask(engine, "site.items", FIRST, LAST)["items"]
    assert [(item["id"], item["values"]["sessions"]) for item in found] == [(page, pages[page]) for page in best]
    posts = sorted(within(POST, FIRST, LAST), key=lambda row: (-row["saves"], row["media_id"]))[:4]
    found = ask(engine, "posts.best", FIRST, LAST)["items"]
    assert [item["id"] for item in found] == [row["media_id"] for row in posts]
    for item, row in zip(found, posts, strict=True):
        assert item["caption"] == row["caption"]
        assert item["posted_on"] == str(row["posted_on"])
        assert item["posted_at"] == row["posted_at"].isoformat()
        assert item["values"]["rate"] == (pytest.approx(row["saves"] / row["reach"]) if row["reach"] else None)


def test_metrics_of_metrics_are_what_they_say(engine: Engine) -> None:
    site, ads = within(SITE, FIRST, LAST), within(ADS, FIRST, LAST)
    values = {
        "across.cost_per_session": spend(ads) / sessions(site),
        "across.mer": total(site, "revenue") / spend(ads),
        "across.scaled": 100 * (total(site, "converting_sessions") - total(site, "engaged_sessions")) / sessions(site),
        "posts.followers": max(row["followers"] for row in within(ACCOUNT, LAST, LAST)),
    }
    wrong = [
        line
        for key, wanted in values.items()
        for line in unlike(key, ask(engine, key, FIRST, LAST)["stats"]["value"], wanted)
    ]
    days = [(spend(within(ADS, day, day)), sessions(within(SITE, day, day))) for day in DAYS[28:]]
    both = [pair for pair in days if None not in pair]
    r = statistics.correlation(*zip(*both, strict=True))
    wrong += unlike("across.both", ask(engine, "across.both", FIRST, LAST)["stats"]["value"], r)
    assert wrong == []
