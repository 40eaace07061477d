"""Every widget of docs/cookbook.md answers over HTTP what the page shows, and what SQL written by hand computes."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.docs.cookbook import ANSWERED, PAGE, open_kitchen, serve_recipe

TEXT = PAGE.read_text(encoding="utf-8")
RECIPES = ANSWERED.findall(TEXT)
MIN_WIDGETS = 30

# The values of an answer, in the order of the page, by what its request begins with. Dates are ISO texts in SQLite.
HAND_WRITTEN = {
    "ads.spend_mtd": """
        SELECT spend, budget, spend / budget FROM
          (SELECT sum(spend) AS spend FROM meta_ads_daily WHERE date BETWEEN '2026-11-01' AND '2026-11-22'),
          (SELECT sum(amount) AS budget FROM budgets WHERE day BETWEEN '2026-11-01' AND '2026-11-22')""",
    "ads.pacing": """
        SELECT spend, budget, due, spend / budget, spend * budget / due, '2026-11-22' FROM
          (SELECT sum(spend) AS spend FROM meta_ads_daily WHERE date BETWEEN '2026-11-01' AND '2026-11-22'),
          (SELECT sum(amount) AS budget FROM budgets WHERE day LIKE '2026-11-%'),
          (SELECT sum(amount) AS due FROM budgets WHERE day BETWEEN '2026-11-01' AND '2026-11-22')""",
    "site.sessions_7d": """
        SELECT asked.date, avg(seven.sessions) FROM ga4_daily AS asked
        JOIN ga4_daily AS seven ON seven.date BETWEEN date(asked.date, '-6 days') AND asked.date
        WHERE asked.date BETWEEN '2026-11-20' AND '2026-11-22' GROUP BY asked.date
        UNION ALL SELECT NULL, avg(sessions) FROM ga4_daily WHERE date BETWEEN '2026-11-16' AND '2026-11-22'""",
    "ads.roas_28d": """
        SELECT now, before, now / before - 1 FROM
          (SELECT sum(conversion_value) / sum(spend) AS now FROM meta_ads_daily
           WHERE date BETWEEN '2026-10-26' AND '2026-11-22'),
          (SELECT sum(conversion_value) / sum(spend) AS before FROM meta_ads_daily
           WHERE date BETWEEN '2026-10-24' AND '2026-11-20')""",
    "site.revenue_ytd": """
        SELECT month, (SELECT sum(revenue) FROM ga4_daily WHERE date BETWEEN '2026-01-01' AND last) FROM
          (SELECT '2026-09-01' AS month, '2026-09-30' AS last UNION ALL SELECT '2026-10-01', '2026-10-31'
           UNION ALL SELECT '2026-11-01', '2026-11-22')""",
    "site.channel_share": """
        WITH windows AS (
          SELECT CASE WHEN channel IN ('Organic Search', 'Direct', 'Paid Social') THEN channel ELSE 'Other' END AS name,
            sum(CASE WHEN date >= '2026-11-09' THEN sessions END) AS now,
            sum(CASE WHEN date < '2026-11-09' THEN sessions END) AS before
          FROM ga4_channels_daily WHERE date BETWEEN '2026-10-26' AND '2026-11-22' GROUP BY 1)
        SELECT name, 1.0 * now / (SELECT sum(now) FROM windows), 1.0 * before / (SELECT sum(before) FROM windows)
        FROM windows ORDER BY name = 'Other', now + before DESC""",
    "site.new_and_returning": """
        SELECT 'New', avg(new_users), 'Returning', avg(users - new_users) FROM ga4_daily
        WHERE date BETWEEN '2026-11-16' AND '2026-11-22'""",
    "ads.campaigns": """
        WITH campaigns AS (
          SELECT campaign_id, campaign_name,
            sum(CASE WHEN date >= '2026-11-16' THEN spend END) AS spend,
            sum(CASE WHEN date < '2026-11-16' THEN spend END) AS spend_before,
            sum(CASE WHEN date >= '2026-11-16' THEN conversions END) AS conversions,
            sum(CASE WHEN date < '2026-11-16' THEN conversions END) AS conversions_before,
            sum(CASE WHEN date >= '2026-11-16' THEN conversion_value END) AS worth,
            sum(CASE WHEN date < '2026-11-16' THEN conversion_value END) AS worth_before
          FROM meta_ads_daily WHERE date BETWEEN '2026-11-09' AND '2026-11-22' GROUP BY 1, 2),
        whole AS (SELECT sum(spend) AS spend, sum(conversions) AS conversions, count(spend) AS rows FROM campaigns)
        SELECT * FROM (
          SELECT c.campaign_name, c.spend, c.spend / c.spend_before - 1, c.spend / whole.spend, c.spend / c.conversions,
            (c.spend / c.conversions) / (c.spend_before / c.conversions_before) - 1, c.worth / c.spend,
            (c.worth / c.spend) / (c.worth_before / c.spend_before) - 1
          FROM campaigns AS c, whole ORDER BY c.spend DESC LIMIT 2)
        UNION ALL SELECT NULL, spend, spend / conversions, rows, NULL, NULL, NULL, NULL FROM whole""",
    "ads.cheapest": """
        SELECT campaign_name, sum(spend) / sum(conversions), sum(conversions) FROM meta_ads_daily
        WHERE date BETWEEN '2026-10-24' AND '2026-11-22'
        GROUP BY campaign_id, campaign_name HAVING sum(spend) >= 500 ORDER BY 2 LIMIT 3""",
    "site.page_rates": """
        WITH pages AS (
          SELECT landing_page, sum(conversions) / sum(sessions) AS rate, sum(sessions) AS sessions
          FROM ga4_landing_pages_daily WHERE date = '2026-11-22' GROUP BY 1 HAVING sum(sessions) >= 100)
        SELECT * FROM (SELECT * FROM pages ORDER BY rate DESC LIMIT 2)
        UNION ALL SELECT NULL, NULL, count(*) FROM pages""",
    "ig.engagement_by_type": """
        SELECT media_type, 1.0 * sum(interactions) / sum(reach) FROM ig_media
        WHERE posted_on BETWEEN '2026-10-01' AND '2026-11-22' GROUP BY 1 ORDER BY 2 DESC""",
    "ig.weekdays": """
        SELECT substr('7 Sun1 Mon2 Tue3 Wed4 Thu5 Fri6 Sat', 1 + 5 * strftime('%w', posted_on), 5), avg(interactions)
        FROM ig_media WHERE posted_on BETWEEN '2026-09-01' AND '2026-11-22' GROUP BY 1 ORDER BY 1""",
    "ig.hours": """
        SELECT hour || '', average FROM (
          SELECT cast(strftime('%H', posted_at) AS integer) AS hour, avg(interactions) AS average FROM ig_media
          WHERE posted_on BETWEEN '2026-09-01' AND '2026-11-22' GROUP BY 1 ORDER BY 1 LIMIT 3)""",
    "ig.follower_growth": """
        SELECT now, before, now - before FROM
          (SELECT followers AS now FROM ig_account_daily WHERE date <= '2026-11-21' ORDER BY date DESC LIMIT 1),
          (SELECT followers AS before FROM ig_account_daily WHERE date <= '2026-10-24' ORDER BY date DESC LIMIT 1)""",
    "ads.platforms": """
        SELECT 'Meta', sum(spend), sum(conversion_value) / sum(spend) FROM meta_ads_daily WHERE date >= '2026-11-16'
        UNION ALL SELECT 'Google', sum(cost), sum(conversions_value) / sum(cost) FROM google_ads_daily""",
    "cross.mer": """
        WITH days AS (
          SELECT date, revenue,
            (SELECT sum(spend) FROM meta_ads_daily AS meta WHERE meta.date = days.date)
            + coalesce((SELECT sum(cost) FROM google_ads_daily AS google WHERE google.date = days.date), 0) AS spend
          FROM ga4_daily AS days WHERE date BETWEEN '2026-11-09' AND '2026-11-22')
        SELECT '2026-11-09', sum(revenue) / sum(spend) FROM days WHERE date < '2026-11-16'
        UNION ALL SELECT '2026-11-16', sum(revenue) / sum(spend) FROM days WHERE date >= '2026-11-16'
        UNION ALL SELECT NULL, sum(revenue) / sum(spend) FROM days""",
    "cross.cac": """
        SELECT now, before, now / before - 1 FROM
          (SELECT (SELECT sum(spend) FROM meta_ads_daily WHERE date BETWEEN '2026-11-01' AND '2026-11-22')
             / sum(new_users) AS now FROM ga4_daily WHERE date BETWEEN '2026-11-01' AND '2026-11-22'),
          (SELECT (SELECT sum(spend) FROM meta_ads_daily WHERE date BETWEEN '2026-10-01' AND '2026-10-22')
             / sum(new_users) AS before FROM ga4_daily WHERE date BETWEEN '2026-10-01' AND '2026-10-22')""",
    "site.revenue": """
        SELECT now, before, now / before - 1, '2025-11-17', '2025-11-23' FROM
          (SELECT sum(revenue) AS now FROM ga4_daily WHERE date BETWEEN '2026-11-16' AND '2026-11-22'),
          (SELECT sum(revenue) AS before FROM ga4_daily WHERE date BETWEEN '2025-11-17' AND '2025-11-23')""",
    "ads.spend_in_euros": """
        SELECT sum(spend * CASE date WHEN '2026-11-21' THEN 0.86 ELSE 0.87 END), 'EUR' FROM meta_ads_daily
        WHERE date BETWEEN '2026-11-21' AND '2026-11-22'""",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kitchen")


@pytest.fixture(scope="module")
def answers(folder: Path) -> Iterator[dict[str, str]]:
    """Every part of the page that shows an answer, as it is made now, by its request."""
    with open_kitchen(TEXT, folder) as client:
        yield {request: serve_recipe(client, request, shown) for request, shown in RECIPES}


def get_key(request: str) -> str:
    return re.split(r"[/?]", request)[3]


def iter_values(shown: Any) -> Iterator[Any]:
    """Yield the values of an answer in the order in which they stand on the page."""
    if isinstance(shown, (dict, list)):
        for member in shown.values() if isinstance(shown, dict) else shown:
            yield from iter_values(member)
    else:
        yield shown


@pytest.mark.slow
def test_every_answer_is_a_true_one(answers: dict[str, str]) -> None:
    parts = [match[0] for match in ANSWERED.finditer(TEXT)]
    assert parts == list(answers.values()), "docs/cookbook.md is out of step; run `make golden`"


@pytest.mark.usefixtures("answers")
def test_the_numbers_are_those_of_sql_written_by_hand(folder: Path) -> None:
    shown = {get_key(request): list(iter_values(json.loads(text))) for request, text in RECIPES}
    database = sqlite3.connect(folder / "cookbook.db")
    for key, sql in HAND_WRITTEN.items():
        values = [value for row in database.execute(sql) for value in row if value is not None]
        expected = [value if isinstance(value, str) else pytest.approx(value, rel=1e-5) for value in values]
        assert shown[key] == expected, key
    database.close()


def test_each_recipe_is_numbered_and_answered() -> None:
    sections = re.split(r"^### ", TEXT, flags=re.MULTILINE)[1:]
    assert [int(section.partition(".")[0]) for section in sections] == list(range(1, len(sections) + 1))
    assert all("```yaml" in section and ANSWERED.search(section) for section in sections)
    assert len({get_key(request) for request, _ in RECIPES}) >= MIN_WIDGETS
