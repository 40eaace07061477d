"""The cost of a filter, of a table of members and of a rolling window, as ratios on SQLite, without a cache."""

from __future__ import annotations

import sqlite3
import tempfile
from datetime import date, timedelta
from pathlib import Path
from random import Random

from bench.timing import Subject, measure_ratio
from engine import Catalog, Compare, Engine, MetricQuery, Warehouse, load_catalog, parse_metric_query
from runtime.shipped import get_shipped_folder

TENANT = "00000000-0000-4000-8000-000000000001"
LAST = date(2025, 12, 31)
DAYS, HISTORY = 28, 120
CAMPAIGNS, ROWS = 200, 50
CHANNELS = 10
SOURCES = frozenset(("ga4", "meta"))
# Four columns, as the table below has them.
METRICS = """\
metrics:
  ga4.plain: {table: ga4_channels_daily, value: sum(sessions)}
  ga4.rolling: {table: ga4_channels_daily, value: sum(sessions), rolling: 7 days}
  ga4.ratio: {table: ga4_channels_daily, value: sum(conversions) / sum(sessions)}
  ga4.rolling_ratio: {table: ga4_channels_daily, value: sum(conversions) / sum(sessions), rolling: 28 days}
  meta.bench_table:
    table: meta_ads_daily
    rows: campaign
    columns:
      Spend: {value: sum(spend), format: currency}
      Clicks: sum(clicks)
      CPA: {value: sum(spend) / sum(conversions), format: currency}
      ROAS: sum(conversion_value) / sum(spend)
    limit: 50
"""
# The rows, their labels, both windows, the totals, the number of rows and the first column's line, as an expert would
# write it.
HAND_WRITTEN = """
WITH members AS MATERIALIZED (
  SELECT campaign_id, MAX(currency) AS currency,
    SUM(CASE WHEN date >= :start THEN spend END) AS spend, SUM(CASE WHEN date < :start THEN spend END) AS spend0,
    SUM(CASE WHEN date >= :start THEN clicks END) AS clicks, SUM(CASE WHEN date < :start THEN clicks END) AS clicks0,
    SUM(CASE WHEN date >= :start THEN conversions END) AS conversions,
    SUM(CASE WHEN date < :start THEN conversions END) AS conversions0,
    SUM(CASE WHEN date >= :start THEN conversion_value END) AS worth,
    SUM(CASE WHEN date < :start THEN conversion_value END) AS worth0
  FROM meta_ads_daily WHERE user_id = :tenant AND date BETWEEN :before AND :end GROUP BY campaign_id
), labels AS (
  SELECT campaign_id, campaign_name, MAX(date) FROM meta_ads_daily
  WHERE user_id = :tenant AND date BETWEEN :start AND :end GROUP BY campaign_id
), shown AS (SELECT * FROM members WHERE spend IS NOT NULL ORDER BY spend DESC, campaign_id LIMIT 50)
SELECT s.campaign_id, l.campaign_name, s.currency, s.spend, s.spend0, s.clicks, s.clicks0,
  s.spend / NULLIF(s.conversions, 0), s.spend0 / NULLIF(s.conversions0, 0),
  s.worth / NULLIF(s.spend, 0), s.worth0 / NULLIF(s.spend0, 0)
FROM shown AS s JOIN labels AS l ON l.campaign_id = s.campaign_id
UNION ALL SELECT 'total', COUNT(spend), MAX(currency), SUM(spend), SUM(spend0), SUM(clicks), SUM(clicks0),
  SUM(spend) / NULLIF(SUM(conversions), 0), SUM(spend0) / NULLIF(SUM(conversions0), 0),
  SUM(worth) / NULLIF(SUM(spend), 0), SUM(worth0) / NULLIF(SUM(spend0), 0)
FROM members
UNION ALL SELECT date, NULL, MAX(currency), SUM(spend), NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM meta_ads_daily
WHERE user_id = :tenant AND date BETWEEN :before AND :end GROUP BY date
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        warehouse = Warehouse(f"sqlite:///{folder / 'facts.db'}")
        engine = Engine(write_catalog(folder), warehouse)
        fill_tables(warehouse, engine.catalog)
        bare = sqlite3.connect(folder / "facts.db")
        print(
            f"\n{DAYS} days with comparison, one tenant, SQLite without a cache: the ratio (least and most of 7 rounds)"
        )
        for key in ("ga4.plain", "ga4.ratio"):
            print_ratio(f"{key}, one channel of {CHANNELS}, to all", ask(engine, key, "Channel 3"), ask(engine, key))
        print_ratio("ga4.rolling (7 days) to ga4.plain", ask(engine, "ga4.rolling"), ask(engine, "ga4.plain"))
        print_ratio(
            "ga4.rolling_ratio (28 days) to ga4.ratio", ask(engine, "ga4.rolling_ratio"), ask(engine, "ga4.ratio")
        )
        title = f"a table of {ROWS} rows and 4 columns of {CAMPAIGNS} campaigns, to SQL by hand"
        print_ratio(title, ask(engine, "meta.bench_table"), ask_by_hand(bare))
        bare.close()
        warehouse.close()


def print_ratio(title: str, subject: Subject, base: Subject) -> None:
    before, after, ratio = measure_ratio(subject, base, calls=100)
    print(f"{title:75} {ratio}  {after.median * 1e3:6.2f} ms to {before.median * 1e3:.2f} ms")


def ask(engine: Engine, key: str, channel: str | None = None) -> Subject:
    include = {} if channel is None else {"channel": [channel]}
    query = make_query(include)
    return lambda call: engine.query_body(key, query, tenant=TENANT, connected=SOURCES)


def make_query(include: dict[str, list[str]]) -> MetricQuery:
    return parse_metric_query(
        today=LAST,
        start=str(LAST - timedelta(days=DAYS - 1)),
        end=str(LAST),
        compare=Compare.PREVIOUS_PERIOD.value,
        include=include,
    )


def ask_by_hand(bare: sqlite3.Connection) -> Subject:
    start = LAST - timedelta(days=DAYS - 1)
    bound = {"tenant": TENANT, "start": str(start), "before": str(start - timedelta(days=DAYS)), "end": str(LAST)}
    assert len(bare.execute(HAND_WRITTEN, bound).fetchall()) == ROWS + 1 + 2 * DAYS
    return lambda call: bare.execute(HAND_WRITTEN, bound).fetchall()


def write_catalog(folder: Path) -> Catalog:
    metrics = folder / "metrics"
    metrics.mkdir()
    for file in get_shipped_folder().glob("*.yaml"):
        (metrics / file.name).write_bytes(file.read_bytes())
    (metrics / "bench.yaml").write_text(METRICS, encoding="utf-8")
    return load_catalog(metrics)


def fill_tables(warehouse: Warehouse, catalog: Catalog) -> None:
    warehouse.create_tables(catalog.tables.values())
    chance = Random(1)
    days = [LAST - timedelta(days=offset) for offset in range(HISTORY)]
    warehouse.upsert(
        catalog.tables["ga4_channels_daily"],
        [
            {
                "user_id": TENANT,
                "date": day,
                "property_id": "1",
                "channel": f"Channel {number}",
                "users": chance.randrange(1, 900),
                "sessions": chance.randrange(1, 1_000),
                "engaged_sessions": chance.randrange(1, 500),
                "conversions": float(chance.randrange(0, 40)),
                "revenue": chance.randrange(0, 90_000) / 100,
                "currency": "USD",
            }
            for day in days
            for number in range(CHANNELS)
        ],
    )
    warehouse.upsert(
        catalog.tables["meta_ads_daily"],
        [
            {
                "user_id": TENANT,
                "date": day,
                "account_id": "act_1",
                "campaign_id": f"1202{number:06}",
                "campaign_name": f"Campaign {number}",
                "spend": chance.randrange(100, 90_000) / 100,
                "impressions": chance.randrange(1_000, 90_000),
                "clicks": chance.randrange(1, 900),
                "reach": chance.randrange(1, 900),
                "conversions": float(chance.randrange(0, 40)),
                "conversion_value": chance.randrange(0, 90_000) / 100,
                "currency": "USD",
            }
            for day in days
            for number in range(CAMPAIGNS)
        ],
    )


if __name__ == "__main__":
    main()
