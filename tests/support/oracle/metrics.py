"""The metric files of a generated world: every kind of metric, and some at random."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.support.oracle.conditions import make_condition, make_number
from tests.support.oracle.features import QuestionFeatures
from tests.support.oracle.query_tables import make_query_file

Document = dict[str, Any]

UNSUMMABLE = {"type": "bigint", "additive": False}
MONEY = {"type": "numeric", "money": True}


def make_documents(rng: Random, features: QuestionFeatures) -> dict[str, Document]:
    """Make the world's files by name, as `yaml.safe_load` would return them."""
    files = {
        "ga4.yaml": make_ga4_file(rng),
        "channels.yaml": make_channels_file(rng),
        "meta.yaml": make_meta_file(rng),
        "ig.yaml": make_instagram_file(rng),
        "corr.yaml": {"metrics": make_combined_metrics()},
        "queries.yaml": make_query_file(rng),
    }
    if features.to_date:
        add_accounts(files)
    if features.filters:
        add_dimensions(rng, files)
    if features.tables:
        add_tables(rng, files)
    if features.windows:
        add_windows(rng, files)
    return files


def add_accounts(files: dict[str, Document]) -> None:
    """Name the accounts of tables, and add totals of their first day."""
    for name, table, account in (
        ("ga4.yaml", "ga4_daily", "property_id"),
        ("meta.yaml", "ads_daily", "account_id"),
        ("ig.yaml", "ig_days", "ig_user_id"),
    ):
        files[name]["tables"][table]["account"] = account
    metrics: dict[str, Document] = {
        "ga4.yaml": {
            "ga4.users_first": {"value": "sum(users)", "total": "first"},
            "ga4.users_first_share": {"value": "sum(users) / sum(sessions)", "total": "first", "where": "engaged > 4"},
        },
        "channels.yaml": {"ga4.channel_users_first": {"value": "sum(users)", "by": "channel", "total": "first"}},
        "meta.yaml": {"meta.reach_last": {"value": "sum(reach)", "total": "last"}},
        "ig.yaml": {
            "ig.followers_first": {
                "table": "ig_days",
                "value": "sum(followers)",
                "total": "first",
                "delta": "absolute",
            },
            "ig.followers_by": {"table": "ig_days", "value": "sum(followers)", "total": "last", "by": "ig_user_id"},
        },
    }
    for name, entries in metrics.items():
        files[name]["metrics"] |= {key: add_defaults(entry) for key, entry in entries.items()}


def make_table(time: str, key: str, columns: dict[str, Any], **more: Any) -> Document:
    """Make a table; `line` makes rows of a day unique, so that any other column may be NULL."""
    head = {"user_id": "uuid", time: "date", "line": "bigint"}
    return {"time": time, "key": ["user_id", time, key], "columns": {**head, **columns}, **more}


def add_defaults(entry: Document) -> Document:
    return {"format": "decimal", "better": "up", **entry}


# By file and table: the dimensions, of which `account` is one of several tables.
DIMENSIONS: dict[tuple[str, str], Document] = {
    ("ga4.yaml", "ga4_daily"): {"account": {"column": "property_id", "title": "Property"}},
    ("channels.yaml", "channel_days"): {"channel": {"column": "channel"}},
    ("meta.yaml", "ads_daily"): {
        "account": {"column": "account_id"},
        "campaign": {"column": "campaign", "title": "Campaign"},
        "ad": {"column": "ad_id", "label": "ad_name"},
    },
    ("ig.yaml", "ig_days"): {"account": {"column": "ig_user_id"}},
    ("ig.yaml", "posts"): {"kind": {"column": "media_type"}},
}


def add_dimensions(rng: Random, files: dict[str, Document]) -> None:
    """Name the dimensions of tables, and add breakdowns in an order of their own, by label, and over money."""
    for (name, table), dimensions in DIMENSIONS.items():
        files[name]["tables"][table]["dimensions"] = dimensions
    by: Document = {"by": "channel", "top": rng.randint(1, 6)}
    metrics: dict[str, Document] = {
        "ga4.yaml": {
            "ga4.revenue_by": {"value": "sum(revenue)", "by": "account", "top": 2, "format": "currency"},
            "ga4.parts": {
                "series": {
                    "Revenue": {"value": "sum(revenue)", "format": "currency", "better": "neutral"},
                    "Users": {"value": "sum(users)", "total": "average", "format": "integer"},
                    "Users at the end": {"value": "sum(users)", "total": "last"},
                },
                "headline": "Users",
            },
        },
        "channels.yaml": {
            "ga4.channels_busy": {"value": "sum(engaged) / sum(sessions)", **by, "order": "sum(sessions)"},
            "ga4.channels_named": {"value": "sum(engaged)", **by, "order": "name"},
            "ga4.channels_first": {
                "value": "max(engaged)",
                **by,
                "order": "name",
                "other": False,
                "where": "engaged > 1",
            },
        },
        "meta.yaml": {
            "meta.ads": {"value": "sum(spend)", "by": "ad", "top": rng.randint(1, 5), "format": "currency"},
            "meta.ads_named": {"value": "sum(clicks)", "by": "ad", "order": "name", "top": 3},
            "meta.ads_costly": {"value": "sum(clicks) / sum(impressions)", "by": "ad", "order": "sum(spend)", "top": 3},
            "meta.campaign_roas": {
                "value": "sum(conversion_value) / sum(spend)",
                "by": "campaign",
                "order": "sum(clicks)",
                "where": "clicks > 3",
                "delta": "absolute",
            },
        },
        "ig.yaml": {},
        "corr.yaml": {
            "corr.accounts": {"combine": ["meta.clicks", "ga4.unpaid", "ig.views", "corr.clicks_per_session"]},
            "corr.per_view": {"derive": "meta.clicks / ig.views"},
        },
    }
    for name, entries in metrics.items():
        files[name]["metrics"] |= {key: add_defaults(entry) for key, entry in entries.items()}


def add_tables(rng: Random, files: dict[str, Document]) -> None:
    """Add tables: of money and of what does not add up, with every kind of order and of condition."""
    spend: Document = {"value": "sum(spend)", "format": "currency", "better": "neutral"}
    columns: Document = {
        "Spend": spend,
        "CPA": {"value": "sum(spend) / sum(conversions)", "format": "currency", "better": "down"},
        "ROAS": "sum(conversion_value) / sum(spend)",
        "Clicks": "sum(clicks)",
    }
    reach: Document = {"value": "sum(reach)", "total": rng.choice(["average", "last"]), "format": "integer"}
    ads: Document = {"rows": "ad_id", "columns": columns}
    metrics: dict[str, Document] = {
        "ga4.yaml": {
            "ga4.property_table": {
                "rows": "property_id",
                "columns": {"Users": "sum(users)", "Days": "count(distinct sessions)", "Revenue": "sum(revenue)"},
                "total": "average",
                "delta": "absolute",
                "where": "engaged > 5",
                "order": {"Days": "asc"},
            },
        },
        "channels.yaml": {
            "ga4.channel_table": {
                "rows": "channel",
                "columns": {"Rate": {"value": "sum(engaged) / sum(sessions)", "format": "percent"}, "Rows": "count(*)"},
                "having": rng.choice(["count(*) > 2", "sum(sessions) >= 10", "max(engaged) is not null"]),
                "limit": rng.randint(1, 6),
            },
        },
        "meta.yaml": {
            "meta.ad_table": {**ads, "order": rng.choice([{"CPA": "asc"}, {"ROAS": "desc"}, "Clicks", "Spend"])},
            "meta.campaign_table": {
                "rows": "campaign",
                "columns": {"Clicks": "sum(clicks)", "Spend": spend, "Reach": reach},
                "having": "sum(spend) >= 50",
                "order": {rng.choice(["Clicks", "Reach"]): rng.choice(["asc", "desc"])},
            },
            "meta.reach_table": {"rows": "account_id", "columns": {"Reach": reach}, "having": "sum(spend) < 5000"},
        },
    }
    for name, entries in metrics.items():
        files[name]["metrics"] |= {key: add_defaults(entry) for key, entry in entries.items()}
    if "dimensions" in files["meta.yaml"]["tables"]["ads_daily"]:
        files["meta.yaml"]["metrics"]["meta.ad_table"]["rows"] = "ad"


def add_windows(rng: Random, files: dict[str, Document]) -> None:
    """Add rolling and to-date metrics, targets, and operands that may be missing."""
    period, other = rng.sample(["week", "month", "quarter", "year"], 2)
    by: Document = {"by": "channel", "top": rng.randint(1, 5)}
    metrics: dict[str, Document] = {
        "ga4.yaml": {
            "ga4.sessions_rolling": {"value": "sum(sessions)", "rolling": f"{rng.choice([2, 7, 28])} days"},
            "ga4.rate_rolling": {"value": "sum(engaged) / sum(sessions)", "rolling": "7 days", "where": "engaged > 3"},
            "ga4.users_moving": {"value": "sum(users)", "rolling": "5 days", "total": "average"},
            "ga4.rows_moving": {"value": "count(*)", "rolling": "3 days", "total": "average", "delta": "absolute"},
            "ga4.users_lately": {"value": "sum(users)", "rolling": "4 days", "total": rng.choice(["last", "first"])},
            "ga4.sessions_so_far": {"value": "sum(sessions)", "to_date": period, "target": {"day": 40}},
            "ga4.conv_so_far": {"value": "sum(conversions) / sum(sessions)", "to_date": other},
            "ga4.revenue_so_far": {"value": "sum(revenue)", "to_date": "month", "format": "currency"},
            "ga4.users_so_far": {"value": "sum(users)", "to_date": "week", "total": "average"},
            "ga4.sessions_goal": {"value": "sum(sessions)", "target": {"day": 25}},
            "ga4.users_goal": {"value": "sum(users)", "total": "average", "target": {"value": 250}},
            "ga4.rate_goal": {"value": "sum(engaged) / sum(sessions)", "target": {"metric": "meta.ctr"}},
            "ga4.revenue_goal": {"value": "sum(revenue)", "target": {"metric": "meta.spend"}, "where": "engaged > 2"},
        },
        "channels.yaml": {
            "ga4.channels_rolling": {"value": "sum(sessions)", **by, "rolling": f"{rng.choice([3, 10, 366])} days"},
            "ga4.channels_so_far": {"value": "sum(engaged) / sum(sessions)", **by, "to_date": period},
            "ga4.channels_goal": {"value": "sum(sessions)", **by, "target": {"metric": "ga4.sessions"}},
        },
        "meta.yaml": {
            "meta.spend_mtd": {"value": "sum(spend)", "to_date": "month", "target": {"metric": "ga4.revenue"}},
            "meta.spend_rolling": {"value": "sum(spend)", "by": "campaign", "top": 3, "rolling": "14 days"},
            "meta.clicks_goal": {"value": "sum(clicks)", "rolling": "7 days", "target": {"metric": "ga4.sessions"}},
            "meta.clicks_all": {"value": "sum(clicks)", "target": {"metric": "corr.index"}},
        },
        "ig.yaml": {},
        "corr.yaml": {
            "corr.anyway": {"derive": "coalesce(meta.clicks, 0) + coalesce(ig.views, 0) + ga4.unpaid"},
            "corr.either": {"derive": "coalesce(meta.clicks, 0) + coalesce(ga4.sessions, 0)"},
            "corr.share": {"derive": "ga4.sessions / (ga4.sessions + coalesce(corr.clicks_per_session, 0))"},
            "corr.rolling_ratio": {"derive": "meta.clicks / ga4.sessions_rolling"},
            "corr.both_rolling": {"combine": ["ga4.sessions_rolling", "meta.spend_mtd", "corr.either"]},
            "corr.rolling_vs": {"combine": ["ga4.sessions_rolling", "ga4.rows"], "stat": "correlation"},
            "corr.margin_goal": {"derive": "ga4.revenue - meta.spend", "target": {"value": 100}},
        },
    }
    for name, entries in metrics.items():
        files[name]["metrics"] |= {key: add_defaults(entry) for key, entry in entries.items()}


def make_ga4_file(rng: Random) -> Document:
    columns = {
        "property_id": "text",
        "users": UNSUMMABLE,
        "sessions": "bigint",
        "engaged": "bigint",
        "big": "bigint",
        "conversions": "double",
        "revenue": MONEY,
        "currency": "text",
    }
    metrics: Document = {
        "ga4.users": {"title": "Daily users", "value": "sum(users)", "total": "average", "format": "integer"},
        "ga4.users_last": {"value": "sum(users)", "total": "last"},
        "ga4.users_period": {"value": "sum(users)", "total": "period"},
        "ga4.users_most": {"value": "max(users)", "total": "average", "where": "users < 400"},
        "ga4.users_share": {"value": "sum(users) / sum(sessions)", "total": "last", "fill": "zero"},
        "ga4.conv_rate": {
            "value": "sum(conversions) / sum(sessions)",
            "format": "percent",
            "delta": "absolute",
        },
        "ga4.bounces": {
            "title": "Bounce rate",
            "value": "1 - sum(engaged) / sum(sessions)",
            "better": "down",
        },
        "ga4.revenue": {"value": "sum(revenue)", "format": "currency"},
        "ga4.revenue_per_session": {"value": "sum(revenue) / sum(sessions)", "format": "currency"},
        "ga4.money": {
            "series": {"Revenue": "sum(revenue)", "Sessions": "sum(sessions)"},
            "headline": "Sessions",
        },
        "ga4.big": {"value": "sum(big)", "better": "neutral"},
        "ga4.big_change": {"value": "2 * sum(big) - sum(sessions) / 4 + count(*)"},
        "ga4.big_average": {"value": "sum(big)", "total": "average"},
        "ga4.days_last": {"value": "sum(sessions)", "total": "last"},
        "ga4.sessions_average": {"value": "sum(sessions)", "total": "average"},
        "ga4.rows": {"value": "count(*)"},
        "ga4.rows_average": {"value": "count(*)", "total": "average", "where": "engaged > 10"},
        "ga4.known": {"value": "count(conversions)"},
        "ga4.properties": {"value": "count(distinct property_id)"},
        "ga4.properties_average": {"value": "count(distinct property_id)", "total": "average"},
        "ga4.engaged_distinct": {"value": "sum(distinct engaged)", "fill": "zero"},
        "ga4.sessions_unfilled": {"value": "sum(sessions)", "fill": None},
        "ga4.rate_filled": {"value": "sum(engaged) / sum(sessions)", "fill": "zero"},
        "ga4.row_average": {"value": "avg(conversions)"},
        "ga4.extremes": {
            "series": {"Least": "min(big)", "Most": "max(big)", "Middle": "avg(sessions)"},
            "headline": "Most",
        },
        "ga4.first_headline": {"series": {"A, 'quoted' name": "sum(engaged)", "😀": "count(*)"}},
        "ga4.busy": {"value": "sum(sessions)", "where": "engaged > 5 and property_id <> 'p-2'"},
        "ga4.or": {
            "value": "count(*)",
            "where": "engaged > 30 or not sessions <= 20 or conversions is null",
        },
        "ga4.rate_where": {"value": "sum(engaged) / sum(sessions)", "where": "conversions is not null"},
        "ga4.never": {"value": "sum(sessions)", "where": "sessions < -1000000"},
        "ga4.never_rate": {"value": "sum(engaged) / sum(sessions)", "where": "sessions < -1000000"},
        "ga4.banded": {"value": "sum(case when sessions between 1 and 20 then sessions else 0 end)"},
        "ga4.by_property": {"value": "sum(case property_id when 'p-1' then sessions when 'p-2' then -engaged end)"},
        "ga4.rounded": {"value": "round(sum(engaged) / sum(sessions))"},
        "ga4.stepped": {"value": "floor(100 * sum(engaged) / sum(sessions)) - ceil(sum(conversions))"},
        "ga4.patched": {"value": "coalesce(sum(engaged), 0) + abs(coalesce(min(engaged), -7))"},
        "ga4.spread": {"value": "greatest(sum(sessions), sum(engaged), 3) - least(sum(engaged), 9)"},
        "ga4.flag": {
            "value": "case when sum(sessions) > 100 and sum(engaged) is not null then 1 "
            "when sum(sessions) is null then null else 0 end"
        },
        "ga4.row_ratio": {"value": "sum(engaged / nullif(sessions, 0))", "where": "sessions > 0"},
        "ga4.row_zero": {"value": "sum(engaged / sessions)"},
        "ga4.row_product": {"value": "sum(sessions * (engaged - 2))"},
        "ga4.row_defaults": {"value": "sum(coalesce(sessions, 0) - coalesce(engaged, 1))"},
        "ga4.hidden_sessions": {"value": "sum(sessions)", "hidden": True},
    }
    metrics |= {f"ga4.random_{i}": make_random_metric(rng) for i in range(8)}
    return {
        "source": "ga4",
        "table": "ga4_daily",
        "tables": {"ga4_daily": make_table("date", "line", columns, restates=rng.choice([1, 3]), currency="currency")},
        "metrics": {
            "ga4.sessions": "sum(sessions)",
            **{key: add_defaults(entry) for key, entry in metrics.items()},
        },
    }


def make_random_metric(rng: Random) -> Document:
    """Make sums and counts that are exact in any order: of quarters, or of huge numbers only."""
    columns = ["sessions", "engaged", rng.choice(["big", "conversions"])]

    texts = ("property_id", ("p-1", "p-3"))

    def term() -> str:
        column = rng.choice(columns)
        return rng.choice(
            [
                f"sum({column})",
                f"count({column})",
                "count(*)",
                f"sum({make_number(rng, columns, *texts)})",
                f"sum({make_number(rng, columns, *texts)})",
                f"2 * sum({column})",
                f"sum({column}) / 2",
                f"sum({column} + {rng.choice(columns)})",
                f"-sum({column})",
            ]
        )

    text = term()
    for _ in range(rng.randint(0, 2)):
        text += f" {rng.choice(['+', '-'])} {term()}"
    entry: Document = {"value": text, "total": rng.choice(["period", "period", "average", "last"])}
    if rng.random() < 0.5:
        entry["where"] = make_condition(rng, columns, *texts)
    if rng.random() < 0.25:
        entry["fill"] = rng.choice(["zero", None])
    return entry


def make_channels_file(rng: Random) -> Document:
    columns = {
        "channel": "text",
        "users": UNSUMMABLE,
        "sessions": "bigint",
        "engaged": "bigint",
        "revenue": "numeric",
    }
    by: Document = {"by": "channel", "top": rng.randint(1, 5)}
    metrics: Document = {
        "ga4.channels": {"value": "sum(sessions)", **by},
        "ga4.channels_ten": {"value": "sum(sessions)", "by": "channel"},
        "ga4.channels_all": {"value": "sum(engaged) - sum(sessions)", "by": "channel", "top": 50},
        "ga4.channels_alone": {"value": "sum(sessions)", **by, "other": False},
        "ga4.channel_rate": {"value": "sum(engaged) / sum(sessions)", **by, "format": "percent"},
        "ga4.channel_rows": {"value": "count(*)", **by},
        "ga4.channel_users": {"value": "sum(users)", **by, "total": "average"},
        "ga4.channel_users_last": {"value": "sum(users)", **by, "total": "last"},
        "ga4.channel_average": {"value": "avg(revenue)", **by, "fill": "zero"},
        "ga4.channel_distinct": {"value": "count(distinct sessions)", **by},
        "ga4.channel_unfilled": {"value": "sum(revenue)", **by, "fill": None, "delta": "absolute"},
        "ga4.paid": {"value": "sum(sessions)", **by, "where": "channel like 'Paid%' or channel is null"},
        "ga4.unpaid": {"value": "sum(sessions)", "where": "channel not like '%aid S_____'"},
        "ga4.direct": {"value": "sum(sessions)", "where": "lower(trim(channel)) = 'direct'"},
        "ga4.upper": {"value": "count(*)", "where": "upper(channel) = 'DIRECT'"},
        "ga4.some": {
            "value": "sum(engaged)",
            **by,
            "where": "channel in ('Direct', 'Other', 'O''Brien')",
        },
        "ga4.rest": {"value": "sum(engaged)", **by, "where": "channel not in ('Direct', 'Paid Search')"},
        "ga4.long": {"value": "count(*)", "where": "length(channel) > 6"},
        "ga4.named": {"value": "count(*)", "where": "concat(coalesce(channel, '?'), '!') <> '!'"},
    }
    return {
        "source": "ga4",
        "table": "channel_days",
        "tables": {"channel_days": make_table("day", "line", columns)},
        "metrics": {key: add_defaults(entry) for key, entry in metrics.items()},
    }


def make_meta_file(rng: Random) -> Document:
    columns = {
        "account_id": "text",
        "campaign": "text",
        "ad_id": "text",
        "ad_name": "text",
        "spend": MONEY,
        "impressions": "bigint",
        "clicks": "bigint",
        "reach": UNSUMMABLE,
        "conversions": "double",
        "conversion_value": MONEY,
        "currency": "text",
    }
    by: Document = {"by": "campaign", "top": rng.randint(1, 4)}
    metrics: Document = {
        "meta.spend": {"value": "sum(spend)", "format": "currency", "better": "neutral"},
        "meta.roas": {"title": "ROAS", "value": "sum(conversion_value) / sum(spend)"},
        "meta.cost_metrics": {
            "series": {
                "CPC": "sum(spend) / sum(clicks)",
                "CPM": "1000 * sum(spend) / sum(impressions)",
                "CPA": "sum(spend) / sum(conversions)",
                "CTR": "sum(clicks) / sum(impressions)",
            },
            "headline": "CPC",
            "better": "down",
        },
        "meta.clicks": {"value": "sum(clicks)", "format": "integer"},
        "meta.ctr": {"value": "sum(clicks) / sum(impressions)", "format": "percent"},
        "meta.clicks_paid": {"value": "sum(clicks)", "where": "campaign <> 'Brand'"},
        "meta.accounts": {"value": "count(distinct account_id)"},
        "meta.reach": {"value": "sum(reach)", "total": "average"},
        "meta.campaigns": {"value": "sum(clicks)", **by},
        "meta.campaign_ctr": {"value": "sum(clicks) / sum(impressions)", **by},
        "meta.campaign_spend": {"value": "sum(spend)", **by, "format": "currency"},
        "meta.campaign_reach": {"value": "sum(reach)", **by, "total": "last", "other": False},
        "meta.hidden_value": {"value": "sum(conversion_value)", "hidden": True},
    }
    ads = make_table("date", "line", columns, restates=rng.choice([2, 28]), currency="currency")
    return {
        "source": "meta",
        "table": "ads_daily",
        "tables": {"ads_daily": ads},
        "metrics": {key: add_defaults(entry) for key, entry in metrics.items()},
    }


def make_instagram_file(rng: Random) -> Document:
    accounts = {
        "ig_user_id": "text",
        "reach": UNSUMMABLE,
        "views": "bigint",
        "interactions": "bigint",
        "followers": UNSUMMABLE,
    }
    posts = {
        "media_id": "text",
        "media_type": "text",
        "caption": "text",
        "permalink": "text",
        "interactions": "bigint",
        "likes": "bigint",
        "reach": "bigint",
    }
    limit = rng.randint(1, 4)
    show = ["caption", "permalink", "media_type"]
    likes = {"likes": "sum(likes)", "interactions": "sum(interactions)"}
    metrics: Document = {
        "ig.followers": {"table": "ig_days", "value": "sum(followers)", "total": "last"},
        "ig.engagement_rate": {
            "table": "ig_days",
            "value": "sum(interactions) / sum(reach)",
            "total": "period",
            "format": "percent",
        },
        "ig.views": {"table": "ig_days", "value": "sum(views)"},
        "ig.content_perf": {
            "table": "posts",
            "series": {"Interactions": "sum(interactions)", "Reach": "sum(reach)"},
            "items": {
                "by": "media_id",
                "show": show,
                "values": {"interactions": "sum(interactions)"},
                "order": "interactions",
                "limit": limit,
            },
        },
        "ig.liked": {
            "table": "posts",
            "value": "sum(likes)",
            "where": "media_type <> 'REEL'",
            "items": {"by": "media_id", "show": ["caption"], "values": likes, "order": "likes", "limit": 3},
        },
        "ig.rated": {
            "table": "posts",
            "value": "sum(interactions) / sum(reach)",
            "items": {
                "by": "media_id",
                "show": ["permalink"],
                "values": {"rate": "sum(interactions) / sum(reach)", "posts": "count(*)"},
                "order": "posts",
                "limit": limit + 3,
            },
        },
        "ig.types": {"table": "posts", "value": "sum(interactions)", "by": "media_type", "top": 2},
    }
    return {
        "source": "instagram",
        "tables": {
            "ig_days": make_table("date", "line", accounts),
            "posts": make_table("posted_on", "line", posts, restates=3),
        },
        "metrics": {key: add_defaults(entry) for key, entry in metrics.items()},
    }


def make_combined_metrics() -> Document:
    """Make metrics of metrics, most of them over several sources."""
    metrics: Document = {
        "corr.spend_and_sessions": {"combine": ["meta.spend", "ga4.sessions"]},
        "corr.moneys": {"combine": ["ga4.revenue", "meta.spend"]},
        "corr.return": {"derive": "meta.hidden_value / ga4.revenue"},
        "corr.three": {"combine": ["ig.followers", "ga4.conv_rate", "meta.clicks"]},
        "corr.with_derived": {"combine": ["corr.clicks_per_session", "ga4.users"]},
        "corr.spend_vs_sessions": {"combine": ["meta.spend", "ga4.sessions"], "stat": "correlation"},
        "corr.clicks_vs_sessions": {"combine": ["meta.clicks", "ga4.sessions"], "stat": "correlation"},
        "corr.users_vs_followers": {"combine": ["ga4.users", "ig.followers"], "stat": "correlation"},
        "corr.rate_vs_rate": {"combine": ["ga4.conv_rate", "meta.ctr"], "stat": "correlation"},
        "corr.properties_vs_rows": {"combine": ["ga4.properties", "ga4.rows"], "stat": "correlation"},
        "corr.with_never": {"combine": ["ga4.sessions", "ga4.never"], "stat": "correlation"},
        "corr.cost_per_session": {"derive": "meta.spend / ga4.sessions", "format": "currency"},
        "corr.clicks_per_session": {"derive": "meta.clicks / ga4.hidden_sessions"},
        "corr.margin": {"derive": "meta.hidden_value - meta.spend", "delta": "absolute"},
        "corr.index": {"derive": "100 * (ga4.sessions + 2 * meta.clicks) / 4 - -ig.views"},
        "corr.average_gap": {"derive": "ga4.users - ga4.users_last"},
        "corr.chain": {"derive": "corr.index / 8 + ga4.sessions_average"},
        "corr.over_nothing": {"derive": "ga4.sessions / ga4.never"},
        "corr.unfilled": {"derive": "ga4.sessions_unfilled + ga4.rows"},
    }
    return {key: add_defaults(entry) for key, entry in metrics.items()}
