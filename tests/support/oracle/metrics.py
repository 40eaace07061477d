"""The metric files of a generated world: every kind of metric, and some at random."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.support.oracle.conditions import make_condition, make_number
from tests.support.oracle.feature_metrics import Document, add_defaults, add_features
from tests.support.oracle.features import QuestionFeatures
from tests.support.oracle.query_tables import make_query_file

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
    add_features(rng, files, features)
    return files


def make_table(time: str, key: str, columns: dict[str, Any], **more: Any) -> Document:
    """Make a table; `line` makes rows of a day unique, so that any other column may be NULL."""
    head = {"user_id": "uuid", time: "date", "line": "bigint"}
    return {"time": time, "key": ["user_id", time, key], "columns": {**head, **columns}, **more}


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
