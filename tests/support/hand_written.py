"""The shipped metrics as SQL written by hand, independent of the engine.

Every query returns the value of the days from :start to :end for :tenant. It computes one bucket or one period, so that
it needs no buckets or comparisons, and leaves a gap NULL.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

TABLES = """
CREATE TABLE ga4_daily (
  user_id TEXT, date TEXT, property_id TEXT, users INTEGER, new_users INTEGER, sessions INTEGER,
  engaged_sessions INTEGER, conversions REAL, converting_sessions REAL, revenue NUMERIC, currency TEXT,
  PRIMARY KEY (user_id, date, property_id)
);
CREATE TABLE ga4_channels_daily (
  user_id TEXT, date TEXT, property_id TEXT, channel TEXT, users INTEGER, sessions INTEGER,
  engaged_sessions INTEGER, conversions REAL, revenue NUMERIC, currency TEXT,
  PRIMARY KEY (user_id, date, property_id, channel)
);
CREATE TABLE ga4_landing_pages_daily (
  user_id TEXT, date TEXT, property_id TEXT, landing_page TEXT, users INTEGER, sessions INTEGER,
  engaged_sessions INTEGER, conversions REAL,
  PRIMARY KEY (user_id, date, property_id, landing_page)
);
CREATE TABLE meta_ads_daily (
  user_id TEXT, date TEXT, account_id TEXT, campaign_id TEXT, campaign_name TEXT, spend NUMERIC,
  impressions INTEGER, clicks INTEGER, reach INTEGER, conversions REAL, conversion_value NUMERIC, currency TEXT,
  PRIMARY KEY (user_id, date, account_id, campaign_id)
);
CREATE TABLE ig_account_daily (
  user_id TEXT, date TEXT, ig_user_id TEXT, reach INTEGER, views INTEGER, interactions INTEGER, followers INTEGER,
  PRIMARY KEY (user_id, date, ig_user_id)
);
CREATE TABLE ig_media (
  user_id TEXT, posted_on TEXT, ig_user_id TEXT, media_id TEXT, posted_at TEXT, media_type TEXT, caption TEXT,
  permalink TEXT, likes INTEGER, comments INTEGER, saves INTEGER, shares INTEGER, reach INTEGER, views INTEGER,
  interactions INTEGER,
  PRIMARY KEY (user_id, posted_on, ig_user_id, media_id)
);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandWrittenMetric:
    """A metric over one table.

    `sql` has a column for each of `series`. `additive` means that a missing value within the table's extent is 0,
    `money` that there is no value if the rows hold several currencies. The last `restates` days of the extent may still
    change.
    """

    source: str
    table: str
    sql: str
    series: tuple[str, ...]
    day: str = "date"
    additive: bool = False
    money: bool = False
    # Whether another column of its table is an amount, so that the widget has a currency all the same.
    beside_money: bool = False
    restates: int | None = 3
    items: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HandWrittenBreakdown(HandWrittenMetric):
    """A metric with a breakdown.

    `sql` is the value of all members; `member_sql` has a row (member, value) for each. `ranked` lists the members of
    both periods, largest first; those after the first `top` are Other. Of money, `currencies` has each (member,
    currency) of both periods: a member of one currency has its values where all together have none. `names` has
    (member, name) of both periods, the newest last.
    """

    member_sql: str
    ranked: str
    top: int
    currencies: str | None = None
    names: str | None = None


# The mean of the days, because a visitor may be counted on several of them.
USERS = """
SELECT AVG(users_of_day) FROM (
  SELECT SUM(users) AS users_of_day FROM ga4_daily
  WHERE user_id = :tenant AND date BETWEEN :start AND :end
  GROUP BY date
)
"""

SESSIONS = """
SELECT SUM(sessions) FROM ga4_daily
WHERE user_id = :tenant AND date BETWEEN :start AND :end
"""

CONV_RATE = """
SELECT SUM(converting_sessions) / NULLIF(SUM(sessions), 0) FROM ga4_daily
WHERE user_id = :tenant AND date BETWEEN :start AND :end
"""

REVENUE = """
SELECT SUM(revenue) FROM ga4_daily
WHERE user_id = :tenant AND date BETWEEN :start AND :end
"""

CHANNEL_SESSIONS = """
SELECT SUM(sessions) FROM ga4_channels_daily
WHERE user_id = :tenant AND date BETWEEN :start AND :end
"""

SESSIONS_BY_CHANNEL = """
SELECT channel, SUM(sessions) FROM ga4_channels_daily
WHERE user_id = :tenant AND date BETWEEN :start AND :end
GROUP BY channel
"""

CHANNELS = """
SELECT channel FROM ga4_channels_daily
WHERE user_id = :tenant AND (date BETWEEN :start AND :end OR date BETWEEN :prior_start AND :prior_end)
GROUP BY channel
ORDER BY SUM(sessions) DESC, channel
"""

LANDING_PAGE_SESSIONS = """
SELECT SUM(sessions) FROM ga4_landing_pages_daily
WHERE user_id = :tenant AND date BETWEEN :start AND :end
"""

SESSIONS_BY_LANDING_PAGE = """
SELECT landing_page, SUM(sessions) FROM ga4_landing_pages_daily
WHERE user_id = :tenant AND date BETWEEN :start AND :end
GROUP BY landing_page
"""

LANDING_PAGES = """
SELECT landing_page FROM ga4_landing_pages_daily
WHERE user_id = :tenant AND (date BETWEEN :start AND :end OR date BETWEEN :prior_start AND :prior_end)
GROUP BY landing_page
ORDER BY SUM(sessions) DESC, landing_page
"""

SPEND = """
SELECT SUM(spend) FROM meta_ads_daily
WHERE user_id = :tenant AND date BETWEEN :start AND :end
"""

ROAS = """
SELECT 1.0 * SUM(conversion_value) / NULLIF(SUM(spend), 0) FROM meta_ads_daily
WHERE user_id = :tenant AND date BETWEEN :start AND :end
"""

COST_METRICS = """
SELECT
  1.0 * SUM(spend) / NULLIF(SUM(clicks), 0),
  1000.0 * SUM(spend) / NULLIF(SUM(impressions), 0),
  1.0 * SUM(spend) / NULLIF(SUM(conversions), 0)
FROM meta_ads_daily
WHERE user_id = :tenant AND date BETWEEN :start AND :end
"""

CTR = """
SELECT 1.0 * SUM(clicks) / NULLIF(SUM(impressions), 0) FROM meta_ads_daily
WHERE user_id = :tenant AND date BETWEEN :start AND :end
"""

SPEND_BY_CAMPAIGN = """
SELECT campaign_id, SUM(spend) FROM meta_ads_daily
WHERE user_id = :tenant AND date BETWEEN :start AND :end
GROUP BY campaign_id
"""

# Amounts in several currencies cannot be ranked, so members are then sorted by their ids.
CAMPAIGNS = """
WITH both AS (
  SELECT campaign_id, spend, currency FROM meta_ads_daily
  WHERE user_id = :tenant AND (date BETWEEN :start AND :end OR date BETWEEN :prior_start AND :prior_end)
)
SELECT campaign_id FROM both
GROUP BY campaign_id
ORDER BY CASE WHEN (SELECT COUNT(DISTINCT currency) FROM both) = 1 THEN SUM(spend) END DESC, campaign_id
"""

# A campaign is called as in the newest row of both periods.
CAMPAIGN_NAMES = """
SELECT campaign_id, campaign_name FROM meta_ads_daily
WHERE user_id = :tenant AND (date BETWEEN :start AND :end OR date BETWEEN :prior_start AND :prior_end)
  AND campaign_name IS NOT NULL
ORDER BY date
"""

CAMPAIGN_CURRENCIES = """
SELECT DISTINCT campaign_id, currency FROM meta_ads_daily
WHERE user_id = :tenant AND (date BETWEEN :start AND :end OR date BETWEEN :prior_start AND :prior_end)
  AND currency IS NOT NULL
"""

# The sum of the daily reach: an account that was reached on two days counts twice, as in Instagram's own reports.
ENGAGEMENT_RATE = """
SELECT 1.0 * SUM(interactions) / NULLIF(SUM(reach), 0) FROM ig_account_daily
WHERE user_id = :tenant AND date BETWEEN :start AND :end
"""

# The value of the last day that has one, because followers are a level.
FOLLOWERS = """
SELECT SUM(followers) FROM ig_account_daily
WHERE user_id = :tenant AND date = (
  SELECT MAX(date) FROM ig_account_daily
  WHERE user_id = :tenant AND date BETWEEN :start AND :end AND followers IS NOT NULL
)
"""

CONTENT = """
SELECT SUM(interactions), SUM(reach) FROM ig_media
WHERE user_id = :tenant AND posted_on BETWEEN :start AND :end
"""

# A post has one row, that of the day on which it was posted.
BEST_CONTENT = """
SELECT media_id AS id, caption, permalink, media_type, posted_on, interactions, reach FROM ig_media
WHERE user_id = :tenant AND posted_on BETWEEN :start AND :end
ORDER BY interactions DESC, media_id
LIMIT 10
"""

WRITTEN: Mapping[str, HandWrittenMetric] = {
    "ga4.users": HandWrittenMetric(source="ga4", table="ga4_daily", sql=USERS, series=("Daily users",)),
    "ga4.sessions": HandWrittenMetric(
        source="ga4", table="ga4_daily", sql=SESSIONS, series=("Sessions",), additive=True
    ),
    "ga4.conv_rate": HandWrittenMetric(source="ga4", table="ga4_daily", sql=CONV_RATE, series=("Conversion rate",)),
    "ga4.revenue": HandWrittenMetric(
        source="ga4", table="ga4_daily", sql=REVENUE, series=("Revenue",), additive=True, money=True
    ),
    "ga4.traffic_channels": HandWrittenBreakdown(
        source="ga4",
        table="ga4_channels_daily",
        sql=CHANNEL_SESSIONS,
        series=("Sessions by channel",),
        additive=True,
        member_sql=SESSIONS_BY_CHANNEL,
        ranked=CHANNELS,
        top=6,
    ),
    "ga4.landing_pages": HandWrittenBreakdown(
        source="ga4",
        table="ga4_landing_pages_daily",
        sql=LANDING_PAGE_SESSIONS,
        series=("Sessions by landing page",),
        additive=True,
        member_sql=SESSIONS_BY_LANDING_PAGE,
        ranked=LANDING_PAGES,
        top=8,
    ),
    # Of tables of members the total of the first column.
    "ga4.channel_table": HandWrittenMetric(
        source="ga4",
        table="ga4_channels_daily",
        sql=CHANNEL_SESSIONS,
        series=("Sessions",),
        additive=True,
        beside_money=True,
    ),
    "ga4.landing_page_table": HandWrittenMetric(
        source="ga4", table="ga4_landing_pages_daily", sql=LANDING_PAGE_SESSIONS, series=("Sessions",), additive=True
    ),
    "meta.campaign_table": HandWrittenMetric(
        source="meta",
        table="meta_ads_daily",
        sql=SPEND,
        series=("Spend",),
        additive=True,
        money=True,
        restates=28,
    ),
    "meta.spend": HandWrittenMetric(
        source="meta",
        table="meta_ads_daily",
        sql=SPEND,
        series=("Ad spend",),
        additive=True,
        money=True,
        restates=28,
    ),
    "meta.roas": HandWrittenMetric(
        source="meta", table="meta_ads_daily", sql=ROAS, series=("Return on ad spend",), money=True, restates=28
    ),
    "meta.cost_metrics": HandWrittenMetric(
        source="meta", table="meta_ads_daily", sql=COST_METRICS, series=("CPC", "CPM", "CPA"), money=True, restates=28
    ),
    "meta.ctr": HandWrittenMetric(
        source="meta", table="meta_ads_daily", sql=CTR, series=("Click-through rate",), restates=28
    ),
    "meta.campaigns": HandWrittenBreakdown(
        source="meta",
        table="meta_ads_daily",
        sql=SPEND,
        series=("Spend by campaign",),
        additive=True,
        money=True,
        restates=28,
        member_sql=SPEND_BY_CAMPAIGN,
        ranked=CAMPAIGNS,
        top=6,
        currencies=CAMPAIGN_CURRENCIES,
        names=CAMPAIGN_NAMES,
    ),
    "ig.engagement_rate": HandWrittenMetric(
        source="instagram", table="ig_account_daily", sql=ENGAGEMENT_RATE, series=("Organic engagement rate",)
    ),
    "ig.followers": HandWrittenMetric(
        source="instagram", table="ig_account_daily", sql=FOLLOWERS, series=("Followers",)
    ),
    "ig.content_perf": HandWrittenMetric(
        source="instagram",
        table="ig_media",
        day="posted_on",
        sql=CONTENT,
        series=("Interactions", "Reach"),
        additive=True,
        restates=None,
        items=BEST_CONTENT,
    ),
}

# The parts of the metrics over two others, which are computed from these by arithmetic.
COMBINED: Mapping[str, tuple[str, str]] = {
    "corr.spend_vs_sessions": ("meta.spend", "ga4.sessions"),
    "corr.cost_per_session": ("meta.spend", "ga4.sessions"),
}
