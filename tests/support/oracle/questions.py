"""Difficult worlds and random queries of them, reproducible by seed.

Every value is a whole number or a quarter, and sums stay below 2**53. So they are exact in double precision in any
order, and answers may be compared within 1e-9.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from functools import lru_cache
from random import Random
from typing import Any
from uuid import UUID

import yaml

from tests.support.oracle.definitions import Definitions, OracleCatalog, merge_files
from tests.support.oracle.differences import find_differences
from tests.support.oracle.extents import AccountRead, Reads
from tests.support.oracle.features import ALL_FEATURES, ANSWERED, QuestionFeatures
from tests.support.oracle.metrics import Document, make_documents
from tests.support.oracle.oracle import Rows, compute_answer
from tests.support.oracle.queries import fill_query_tables

__all__ = [
    "ALL_FEATURES",
    "ANSWERED",
    "OracleRequest",
    "OracleWorld",
    "QuestionFeatures",
    "answer_request",
    "dump_files",
    "find_differences",
    "get_world",
    "iter_questions",
]

SOURCES = ("ga4", "instagram", "meta")
ACCOUNTS = {"ga4": ("p-1", "p-2", "p-3", "P-1"), "instagram": ("1784", "1785"), "meta": ("act_1", "act_2")}
CHANNELS = (
    *("Direct", "direct", "Direct ", "Paid Search", "Paid Social", "paid search", "O'Brien", '"quoted"'),
    *(
        "😀",
        "～",
        "日本語",
        "",
        "Other",
        "(not set)",
        None,
        "100%_x",
        "back\\slash",
        "a;b--c /*",
        ":name %s ?",
    ),
)
CAMPAIGNS = ("Brand", "Spring 'sale'", "😀😀", "Other", None, "(not set)", "brand", "Z", "")
ADS = ("7", "70", "8", "Other", None, "")
TYPES = ("IMAGE", "REEL", "CAROUSEL", None)
CAPTIONS = ("Hello", "it's 😀", "", None, 'two\nlines, "quoted"')
STARTS = (
    *(date(2023, 2, 20), date(2023, 12, 20), date(2024, 2, 20), date(2024, 3, 14), date(2024, 12, 25)),
    *(date(2025, 1, 28), date(2025, 2, 24)),
)
HUGE = 10**15
LEAP_DAY = date(2024, 2, 29)
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class OracleWorld:
    """Metric files with rows of several tenants.

    `files` is a folder of metric files as plain data, `definitions` the same merged into one. The tenants are, in
    order: one with many rows, with several currencies, with few rows, with a single day, with two sources of different
    currencies, and without rows.
    """

    files: dict[str, Document]
    definitions: Definitions
    rows: dict[str, list[Row]]
    # The rows with those of the query tables.
    held: Rows
    tenants: tuple[str, ...]
    # By tenant: how far the accounts were read that a sync reads.
    reads: Mapping[str, Reads]


@dataclass(frozen=True, slots=True)
class OracleRequest:
    """The parameters of one request; `sources` None means that the parameter is missing."""

    key: str
    tenant: str
    start: date
    end: date
    compare: str
    compare_start: date | None
    grain: str
    sources: tuple[str, ...] | None
    connected: tuple[str, ...]
    filters: Mapping[str, Mapping[str, tuple[str, ...]]]
    by: str | None
    top: int | None
    sort: str | None
    limit: int | None
    offset: int | None


@dataclass(frozen=True, slots=True)
class TenantShape:
    """The density of a tenant's rows, and the currencies of each source."""

    spells: int
    presence: float
    lines: int
    currencies: Mapping[str, tuple[str | None, ...]]


def share_currencies(*currencies: str | None) -> dict[str, tuple[str | None, ...]]:
    return dict.fromkeys(SOURCES, currencies)


LIVES = (
    TenantShape(6, 0.85, 4, share_currencies("USD")),
    TenantShape(5, 0.6, 3, share_currencies("USD", "EUR", None)),
    TenantShape(2, 0.3, 2, share_currencies("GBP", None)),
    TenantShape(1, 0.0, 3, share_currencies("JPY")),
    TenantShape(3, 0.7, 2, {"ga4": ("EUR",), "meta": ("USD",), "instagram": ("EUR",)}),
    TenantShape(0, 0.0, 0, share_currencies()),
)


@lru_cache(maxsize=4)
def get_world(seed: int, features: QuestionFeatures = ANSWERED) -> OracleWorld:
    """Return the world of a seed; it is made once and must not be changed."""
    return make_world(seed, features)


def make_world(seed: int, features: QuestionFeatures = ANSWERED) -> OracleWorld:
    rng = Random(seed)
    files = make_documents(rng, features)
    tenants = tuple(str(UUID(int=rng.getrandbits(128), version=4)) for _ in LIVES)
    definitions = merge_files(files.values())
    rows: dict[str, list[Row]] = {name: [] for name, table in definitions["tables"].items() if "sql" not in table}
    reads: dict[str, Reads] = {}
    for tenant, life in zip(tenants, LIVES, strict=True):
        starts = sorted(rng.sample(STARTS, life.spells))
        own = {
            name: make_tenant_rows(rng, name, definitions["tables"][name], tenant, life, starts, features)
            for name in rows
        }
        for name, table_rows in own.items():
            rows[name] += table_rows
        reads[tenant] = make_reads(rng, definitions, own) if features.extents else {}
    for table_rows in rows.values():
        rng.shuffle(table_rows)
    return OracleWorld(files, definitions, rows, fill_query_tables(definitions, rows), tenants, reads)


def make_reads(rng: Random, definitions: Definitions, rows: Rows) -> Reads:
    """Make what a sync has read: no account of a table, some, or all; paused, behind, late, or before any row."""
    reads: dict[str, dict[str, AccountRead]] = {}
    for name, table_rows in rows.items():
        table = definitions["tables"][name]
        newest = max((row[table["time"]] for row in table_rows), default=LEAP_DAY)
        days = sorted({row[table["time"]] for row in table_rows}) or [LEAP_DAY]
        accounts = [account for account in ACCOUNTS[table["source"]] if rng.random() < rng.choice([0, 0.7, 1])]
        reads[name] = {
            account: AccountRead(
                rng.choice([newest, newest + timedelta(days=rng.randint(-9, 20)), rng.choice(days)]),
                is_late=rng.random() < 0.25,
            )
            for account in accounts
        }
    return reads


def make_tenant_rows(
    rng: Random,
    name: str,
    table: Document,
    tenant: str,
    life: TenantShape,
    starts: list[date],
    features: QuestionFeatures,
) -> list[Row]:
    rows = []
    # Most members have one currency, though the tenant has several.
    currency_by_member: dict[Any, str | None] = {}
    # At most two huge values in a tenant's table, so that their sum stays exact.
    left = 2
    for start in [start for start in starts if rng.random() < 0.85] or starts[:1]:
        currencies = life.currencies[table["source"]]
        currency = rng.choice(currencies)
        members = Members(rng, features)
        length = rng.randint(9, 22) if life.presence else 1
        for offset in range(length):
            if rng.random() > (life.presence or 1.0):
                continue
            for line in range(rng.randint(1, life.lines)):
                row: Row = {"user_id": tenant, table["time"]: start + timedelta(days=offset), "line": line}
                row |= ROWS[name](rng, members, left > 0)
                left -= any(isinstance(value, int) and abs(value) > HUGE / 2 for value in row.values())
                if "ad_name" in row:
                    row["ad_name"] = name_ad(row["ad_id"], row["date"])
                if "currency" in table["columns"]:
                    member = row.get("ad_id", row.get("property_id"))
                    own = currency_by_member.setdefault(member, rng.choice(currencies))
                    row["currency"] = rng.choice([currency, own, own, own, own, rng.choice(currencies)])
                rows.append(row)
    return keep_once_a_day(rows) if name == "posts" else rows


def name_ad(ad: str | None, day: date) -> str | None:
    """Name an ad, whose name changes by the month and is missing on some days."""
    return None if not ad or day.day % 5 == 0 else f"{'Spring' if ad == '8' else 'Ad'} {9 - day.month % 3} {ad[0]}"


def keep_once_a_day(posts: list[Row]) -> list[Row]:
    """Keep one row of a post per day, so that its latest row is unambiguous."""
    return list({(row["posted_on"], row["media_id"]): row for row in posts}.values())


class Members:
    """The members of one spell of days; some appear in no other spell."""

    def __init__(self, rng: Random, features: QuestionFeatures) -> None:
        # An empty text is `(not set)` for who knows filters.
        channels, campaigns = (
            [name for name in names if features.filters or name != ""] for names in (CHANNELS, CAMPAIGNS)
        )
        self.channels = rng.sample(channels, rng.randint(2, 9))
        self.campaigns = rng.sample(campaigns, rng.randint(1, 5))
        self.ads = rng.sample(ADS, rng.randint(2, 6))
        self.media = [str(number) for number in rng.sample(range(5, 25), 6)]


def draw_whole(rng: Random, high: int, *, low: int = 0) -> int | None:
    chance = rng.random()
    if chance < 0.08:
        return None
    return 0 if chance < 0.2 else rng.randint(low, high)


def draw_quarters(rng: Random, high: int, *, low: int = 0) -> float | None:
    value = draw_whole(rng, 4 * high, low=4 * low)
    return None if value is None else value / 4


def make_ga4_row(rng: Random, members: Members, may_be_huge: bool) -> Row:
    huge = may_be_huge and rng.random() < 0.03
    return {
        "property_id": rng.choice(ACCOUNTS["ga4"]),
        "users": draw_whole(rng, 500),
        "sessions": draw_whole(rng, 60),
        "engaged": draw_whole(rng, 50),
        "big": rng.choice([HUGE, -HUGE]) + rng.randint(-9, 9) if huge else draw_whole(rng, 900, low=-900),
        "conversions": draw_quarters(rng, 20),
        "revenue": draw_quarters(rng, 300, low=-40),
    }


def make_channel_row(rng: Random, members: Members, may_be_huge: bool) -> Row:
    return {
        "channel": rng.choice(members.channels),
        "users": draw_whole(rng, 90),
        "sessions": HUGE if may_be_huge and rng.random() < 0.01 else draw_whole(rng, 12),
        "engaged": draw_whole(rng, 9),
        "revenue": draw_quarters(rng, 30, low=-4),
    }


def make_ad_row(rng: Random, members: Members, may_be_huge: bool) -> Row:
    return {
        "account_id": rng.choice(ACCOUNTS["meta"]),
        "campaign": rng.choice(members.campaigns),
        "ad_id": rng.choice(members.ads),
        "ad_name": None,
        "spend": draw_quarters(rng, 80),
        "impressions": HUGE if may_be_huge and rng.random() < 0.01 else draw_whole(rng, 5000),
        "clicks": draw_whole(rng, 70),
        "reach": draw_whole(rng, 4000),
        "conversions": draw_quarters(rng, 6),
        "conversion_value": draw_quarters(rng, 200, low=-10),
    }


def make_account_row(rng: Random, members: Members, may_be_huge: bool) -> Row:
    return {
        "ig_user_id": rng.choice(ACCOUNTS["instagram"]),
        "reach": draw_whole(rng, 3000),
        "views": HUGE if may_be_huge and rng.random() < 0.02 else draw_whole(rng, 8000),
        "interactions": draw_whole(rng, 300),
        "followers": draw_whole(rng, 20000),
    }


def make_post_row(rng: Random, members: Members, may_be_huge: bool) -> Row:
    media = rng.choice(members.media)
    return {
        "media_id": media,
        "media_type": rng.choice(TYPES),
        "caption": rng.choice(CAPTIONS),
        "permalink": f"https://example.org/p/{media}",
        "interactions": draw_whole(rng, 4),
        "likes": rng.randint(0, 3),
        "reach": draw_whole(rng, 5000),
    }


ROWS = {
    "ga4_daily": make_ga4_row,
    "channel_days": make_channel_row,
    "ads_daily": make_ad_row,
    "ig_days": make_account_row,
    "posts": make_post_row,
}


COMPARES = ("off", "previous_period", "previous_period", "previous_year", "previous_year")
MORE_COMPARES = ("previous_month", "previous_year_weekday", "custom")
GRAINS = ("day", "day", "day", "week", "month")


def iter_questions(seed: int, n: int, features: QuestionFeatures = ANSWERED) -> Iterator[OracleRequest]:
    """Yield `n` requests to `get_world(seed, features)`; every served key comes before any is repeated."""
    rng = Random(f"questions {seed}")
    world = get_world(seed, features)
    catalog = OracleCatalog(world.definitions)
    keys = [key for key, metric in world.definitions["metrics"].items() if not metric.get("hidden")]
    for i in range(n):
        if i % len(keys) == 0:
            rng.shuffle(keys)
        tenant = rng.choices(world.tenants, weights=(10, 6, 2, 1, 5, 1))[0]
        key = keys[i % len(keys)]
        start, end = choose_window(rng, catalog, world.held, key, tenant)
        grain = rng.choice(GRAINS + features.calendar * ("quarter", "year"))
        if catalog.metrics[key].get("stat") and rng.random() < 0.6:
            # A correlation needs three points at which both of its parts have a value.
            start, end, grain = start - timedelta(days=15), min(end, start + timedelta(days=45)), "day"
        compare = rng.choice(COMPARES + features.calendar * MORE_COMPARES)
        yield OracleRequest(
            key=key,
            tenant=tenant,
            start=start,
            end=end,
            compare=compare,
            compare_start=start + timedelta(days=rng.randint(-40, 9)) if compare == "custom" else None,
            grain=grain,
            sources=rng.choice([*6 * [None], choose_sources(rng), choose_sources(rng)]),
            connected=rng.choice([*6 * [SOURCES], choose_sources(rng)]),
            filters=choose_filters(rng, world, catalog, key, tenant) if features.filters else {},
            **choose_breakdown(rng, catalog, key, features),
            **choose_rows(rng, catalog, key),
        )


def choose_filters(
    rng: Random, world: OracleWorld, catalog: OracleCatalog, key: str, tenant: str
) -> dict[str, dict[str, tuple[str, ...]]]:
    """Choose filters of the widget's dimensions, and now and then of one that it lacks."""
    leaves = [catalog.get_table(leaf) for leaf in catalog.list_leaves(key, frozenset(SOURCES))]
    own = {name: (table, dimension) for table in leaves for name, dimension in table.dimensions.items()}
    every = {name for table in world.definitions["tables"].values() for name in table.get("dimensions", {})}
    names = sorted(own if rng.random() < 0.5 else every)
    filters: dict[str, dict[str, tuple[str, ...]]] = {}
    for name in rng.sample(names, min(len(names), rng.choice([0, 0, 1, 1, 2]))):
        members = {"(not set)", "Other", "nobody's"}
        if name in own:
            table, dimension = own[name]
            members |= {str(row[dimension.column] or "(not set)") for row in world.held[table.name]}
        values = rng.sample(sorted(members), min(len(members), rng.randint(1, 4)))
        cut = rng.choice([0, len(values), len(values), rng.randint(0, len(values))])
        filters[name] = {"filter": tuple(values[:cut]), "exclude": tuple(values[cut:])}
    return filters


def choose_breakdown(rng: Random, catalog: OracleCatalog, key: str, features: QuestionFeatures) -> dict[str, Any]:
    """Choose `by` and `top` of a request, for a widget that takes them."""
    metric = catalog.metrics[key]
    by = top = None
    if features.filters and "table" in metric and "value" in metric:
        dimensions = sorted(catalog.get_table(key).dimensions)
        if dimensions and rng.random() < 0.25:
            by = rng.choice(dimensions)
        if (by or "by" in metric) and rng.random() < 0.4:
            top = rng.randint(1, 5)
    return {"by": by, "top": top}


def choose_rows(rng: Random, catalog: OracleCatalog, key: str) -> dict[str, Any]:
    """Choose the order and the part of a table that a request wants."""
    columns = list(catalog.metrics[key].get("columns", ()))
    return {
        "sort": rng.choice(["", "-"]) + rng.choice(columns) if columns and rng.random() < 0.4 else None,
        "limit": rng.randint(1, 4) if columns and rng.random() < 0.4 else None,
        "offset": rng.randint(0, 3) if columns and rng.random() < 0.3 else None,
    }


def choose_sources(rng: Random) -> tuple[str, ...]:
    return tuple(source for source in SOURCES if rng.random() < 0.6)


def choose_window(rng: Random, catalog: OracleCatalog, rows: Rows, key: str, tenant: str) -> tuple[date, date]:
    """Choose a window: near the tenant's rows, at a corner of the calendar, or years long."""
    leaf = rng.choice(catalog.list_leaves(key, frozenset(SOURCES)))
    table = catalog.get_table(leaf)
    days = sorted(row[table.time] for row in rows[table.name] if row[table.tenant] == tenant) or [LEAP_DAY]
    day, one = rng.choice(days), timedelta(days=1)
    month = day.replace(day=1)
    near = [
        (day, day),
        (day, day + rng.randint(1, 6) * one),
        (day - rng.randint(0, 9) * one, day + rng.randint(4, 15) * one),
        (day - rng.randint(0, 20) * one, day + rng.randint(0, 20) * one),
        (day - rng.randint(0, 70) * one, day + rng.randint(0, 70) * one),
        (month, (month + 31 * one).replace(day=1) - one),
    ]
    far = [
        (day - rng.randint(150, 400) * one, day + rng.randint(0, 400) * one),
        (day, day + rng.randint(100, 365) * one),
        (days[0], min(days[-1], days[0] + 1099 * one)),
        (days[0] - 30 * one, days[0] - rng.randint(0, 1) * one),
        (days[-1] + one, days[-1] + 29 * one),
    ]
    corners = [
        (LEAP_DAY, LEAP_DAY + rng.choice([0, 1, 13, 400]) * one),
        (LEAP_DAY - rng.choice([0, 1, 13, 300]) * one, LEAP_DAY),
        (date(2025, 2, 1), date(2025, 2, 28)),
        (date(2024, 3, 1), date(2024, 3, 31)),
    ]
    return rng.choice(rng.choice([near, near, far, corners]))


def answer_request(world: OracleWorld, request: OracleRequest) -> dict[str, Any]:
    """Return the oracle's answer."""
    return compute_answer(world.definitions, rows=world.held, reads=world.reads[request.tenant], **asdict(request))


def dump_files(world: OracleWorld) -> dict[str, str]:
    """Dump the world's metric files as YAML by name, for the engine to read."""
    return {
        name: yaml.safe_dump(document, allow_unicode=True, sort_keys=False) for name, document in world.files.items()
    }
