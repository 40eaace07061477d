-- Spend, CPA and ROAS by campaign id, a row for each campaign and window, over the days of each window alone; the totals
-- by day for all campaigns together, whatever `having` says.

-- meta_ads_daily, one range of days: compare is off, or the windows touch
SELECT
  t."date" AS day,
  SUM(CAST(t."spend" AS DOUBLE PRECISION)) AS a0,
  SUM(CAST(t."clicks" AS DOUBLE PRECISION)) AS a1,
  SUM(CAST(t."conversions" AS DOUBLE PRECISION)) AS a2,
  SUM(CAST(t."conversion_value" AS DOUBLE PRECISION)) AS a3,
  MIN(t."currency" COLLATE "C") AS a4,
  MAX(t."currency" COLLATE "C") AS a5
FROM "meta_ads_daily" AS t
WHERE t."user_id" = CAST(%(tenant)s AS UUID) AND t."date" BETWEEN %(start0)s AND %(end0)s
GROUP BY t."date"

-- meta_ads_daily, two ranges: the windows have a gap
SELECT
  t."date" AS day,
  SUM(CAST(t."spend" AS DOUBLE PRECISION)) AS a0,
  SUM(CAST(t."clicks" AS DOUBLE PRECISION)) AS a1,
  SUM(CAST(t."conversions" AS DOUBLE PRECISION)) AS a2,
  SUM(CAST(t."conversion_value" AS DOUBLE PRECISION)) AS a3,
  MIN(t."currency" COLLATE "C") AS a4,
  MAX(t."currency" COLLATE "C") AS a5
FROM "meta_ads_daily" AS t
WHERE t."user_id" = CAST(%(tenant)s AS UUID) AND t."date" BETWEEN %(start0)s AND %(end0)s
GROUP BY t."date"
UNION ALL
SELECT
  t."date" AS day,
  SUM(CAST(t."spend" AS DOUBLE PRECISION)) AS a0,
  SUM(CAST(t."clicks" AS DOUBLE PRECISION)) AS a1,
  SUM(CAST(t."conversions" AS DOUBLE PRECISION)) AS a2,
  SUM(CAST(t."conversion_value" AS DOUBLE PRECISION)) AS a3,
  MIN(t."currency" COLLATE "C") AS a4,
  MAX(t."currency" COLLATE "C") AS a5
FROM "meta_ads_daily" AS t
WHERE t."user_id" = CAST(%(tenant)s AS UUID) AND t."date" BETWEEN %(start1)s AND %(end1)s
GROUP BY t."date"

-- meta_ads_daily, one range of days: compare is off, or the windows touch
SELECT
  0 AS slot,
  COALESCE(NULLIF(CAST(t."campaign_id" COLLATE "C" AS TEXT) COLLATE "C", ''), '(not set)') AS member,
  SUM(CAST(t."spend" AS DOUBLE PRECISION)) AS a0,
  SUM(CAST(t."clicks" AS DOUBLE PRECISION)) AS a1,
  SUM(CAST(t."conversions" AS DOUBLE PRECISION)) AS a2,
  SUM(CAST(t."conversion_value" AS DOUBLE PRECISION)) AS a3,
  MIN(t."currency" COLLATE "C") AS a4,
  MAX(t."currency" COLLATE "C") AS a5
FROM "meta_ads_daily" AS t
WHERE t."user_id" = CAST(%(tenant)s AS UUID) AND t."date" BETWEEN %(start0)s AND %(end0)s
GROUP BY COALESCE(NULLIF(CAST(t."campaign_id" COLLATE "C" AS TEXT) COLLATE "C", ''), '(not set)')

-- meta_ads_daily, two ranges: the windows have a gap
SELECT
  0 AS slot,
  COALESCE(NULLIF(CAST(t."campaign_id" COLLATE "C" AS TEXT) COLLATE "C", ''), '(not set)') AS member,
  SUM(CAST(t."spend" AS DOUBLE PRECISION)) AS a0,
  SUM(CAST(t."clicks" AS DOUBLE PRECISION)) AS a1,
  SUM(CAST(t."conversions" AS DOUBLE PRECISION)) AS a2,
  SUM(CAST(t."conversion_value" AS DOUBLE PRECISION)) AS a3,
  MIN(t."currency" COLLATE "C") AS a4,
  MAX(t."currency" COLLATE "C") AS a5
FROM "meta_ads_daily" AS t
WHERE t."user_id" = CAST(%(tenant)s AS UUID) AND t."date" BETWEEN %(start0)s AND %(end0)s
GROUP BY COALESCE(NULLIF(CAST(t."campaign_id" COLLATE "C" AS TEXT) COLLATE "C", ''), '(not set)')
UNION ALL
SELECT
  1 AS slot,
  COALESCE(NULLIF(CAST(t."campaign_id" COLLATE "C" AS TEXT) COLLATE "C", ''), '(not set)') AS member,
  SUM(CAST(t."spend" AS DOUBLE PRECISION)) AS a0,
  SUM(CAST(t."clicks" AS DOUBLE PRECISION)) AS a1,
  SUM(CAST(t."conversions" AS DOUBLE PRECISION)) AS a2,
  SUM(CAST(t."conversion_value" AS DOUBLE PRECISION)) AS a3,
  MIN(t."currency" COLLATE "C") AS a4,
  MAX(t."currency" COLLATE "C") AS a5
FROM "meta_ads_daily" AS t
WHERE t."user_id" = CAST(%(tenant)s AS UUID) AND t."date" BETWEEN %(start1)s AND %(end1)s
GROUP BY COALESCE(NULLIF(CAST(t."campaign_id" COLLATE "C" AS TEXT) COLLATE "C", ''), '(not set)')
