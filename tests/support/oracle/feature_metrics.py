"""The metrics of a generated world that ask for a feature: accounts, dimensions, tables, rolling windows."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.support.oracle.features import QuestionFeatures

Document = dict[str, Any]


def add_features(rng: Random, files: dict[str, Document], features: QuestionFeatures) -> None:
    """Add the metrics of these features to the world's files."""
    if features.to_date:
        add_accounts(files)
    if features.filters:
        add_dimensions(rng, files)
    if features.tables:
        add_tables(rng, files)
        add_shares(rng, files)
        add_ranks(rng, files)
    if features.windows:
        add_windows(rng, files)


def add_defaults(entry: Document) -> Document:
    return {"format": "decimal", "better": "up", **entry}


def add_metrics(files: dict[str, Document], metrics: dict[str, Document]) -> None:
    for name, entries in metrics.items():
        files[name]["metrics"] |= {key: add_defaults(entry) for key, entry in entries.items()}


def add_accounts(files: dict[str, Document]) -> None:
    """Name the accounts of tables, and add totals of their first day."""
    for name, table, account in (
        ("ga4.yaml", "ga4_daily", "property_id"),
        ("meta.yaml", "ads_daily", "account_id"),
        ("ig.yaml", "ig_days", "ig_user_id"),
    ):
        files[name]["tables"][table]["account"] = account
        files[name]["tables"][table]["key"].insert(2, account)
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
    add_metrics(files, metrics)


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
    add_metrics(files, metrics)


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
    add_metrics(files, metrics)
    if "dimensions" in files["meta.yaml"]["tables"]["ads_daily"]:
        files["meta.yaml"]["metrics"]["meta.ad_table"]["rows"] = "ad"


def add_shares(rng: Random, files: dict[str, Document]) -> None:
    """Add shares of all members' values: of breakdowns and of tables, of money and of what may be below 0."""
    by: Document = {"by": "channel", "top": rng.randint(1, 5), "share": True}
    columns: Document = {
        "Share": {"value": "sum(spend)", "share": True},
        "Clicks": {"value": "sum(clicks)", "share": True, "format": "decimal"},
        "Value": {"value": "sum(conversion_value)", "share": True},
        "CPC": "sum(spend) / sum(clicks)",
    }
    metrics: dict[str, Document] = {
        "channels.yaml": {
            "ga4.channel_share": {"value": "sum(sessions)", **by},
            "ga4.busy_share": {"value": "count(*)", **by, "where": "engaged > 3", "other": False},
            "ga4.revenue_share": {"value": "sum(revenue)", **by, "order": "sum(sessions)"},
        },
        "meta.yaml": {
            "meta.spend_share": {"value": "sum(spend)", "by": "campaign", "share": True, "top": 3},
            "meta.shares": {"rows": "ad_id", "columns": columns, "order": {rng.choice(list(columns)): "desc"}},
            "meta.click_shares": {
                "rows": "campaign",
                "columns": {"Clicks": {"value": "sum(clicks)", "share": True}, "Rows": "count(*)"},
                "having": "sum(clicks) > 20",
                "limit": 4,
            },
        },
    }
    add_metrics(files, metrics)


def add_ranks(rng: Random, files: dict[str, Document]) -> None:
    """Add medians and percentiles, which are of all rows at once."""
    part = rng.choice(["0", "0.1", "0.25", "0.9", "1"])
    metrics: dict[str, Document] = {
        "ga4.yaml": {
            "ga4.sessions_median": {"value": "median(sessions)", "where": "engaged > 2", "target": {"value": 20}},
            "ga4.revenue_high": {"value": f"percentile(revenue, {part}) - min(revenue)", "delta": "absolute"},
        },
        "channels.yaml": {
            "ga4.channels_high": {"value": f"percentile(sessions, {part})", "by": "channel", "top": 3, "order": "name"},
        },
        "meta.yaml": {
            "meta.spend_medians": {
                "rows": "campaign",
                "columns": {"Median": "median(spend)", "High": f"quantile(clicks, {part})", "Rows": "count(*)"},
                "having": "median(clicks) > 5",
                "order": {"Median": "asc"},
            },
        },
    }
    add_metrics(files, metrics)


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
    add_metrics(files, metrics)
