-- Two scans of two tables, each with the tenant's predicate of its own and never joined, since a join would multiply
-- rows.

-- meta_ads_daily, one range of days: compare is off, or the windows touch
SELECT
  t."date" AS day,
  SUM(CAST(t."spend" AS DOUBLE PRECISION)) AS a0,
  MIN(t."currency" COLLATE "C") AS a1,
  MAX(t."currency" COLLATE "C") AS a2
FROM "meta_ads_daily" AS t
WHERE t."user_id" = CAST(%(tenant)s AS UUID) AND t."date" BETWEEN %(start0)s AND %(end0)s
GROUP BY t."date"

-- meta_ads_daily, two ranges: the windows have a gap
SELECT
  t."date" AS day,
  SUM(CAST(t."spend" AS DOUBLE PRECISION)) AS a0,
  MIN(t."currency" COLLATE "C") AS a1,
  MAX(t."currency" COLLATE "C") AS a2
FROM "meta_ads_daily" AS t
WHERE t."user_id" = CAST(%(tenant)s AS UUID) AND t."date" BETWEEN %(start0)s AND %(end0)s
GROUP BY t."date"
UNION ALL
SELECT
  t."date" AS day,
  SUM(CAST(t."spend" AS DOUBLE PRECISION)) AS a0,
  MIN(t."currency" COLLATE "C") AS a1,
  MAX(t."currency" COLLATE "C") AS a2
FROM "meta_ads_daily" AS t
WHERE t."user_id" = CAST(%(tenant)s AS UUID) AND t."date" BETWEEN %(start1)s AND %(end1)s
GROUP BY t."date"

-- ga4_daily, one range of days: compare is off, or the windows touch
SELECT
  t."date" AS day,
  SUM(CAST(t."sessions" AS DOUBLE PRECISION)) AS a0
FROM "ga4_daily" AS t
WHERE t."user_id" = CAST(%(tenant)s AS UUID) AND t."date" BETWEEN %(start0)s AND %(end0)s
GROUP BY t."date"

-- ga4_daily, two ranges: the windows have a gap
SELECT
  t."date" AS day,
  SUM(CAST(t."sessions" AS DOUBLE PRECISION)) AS a0
FROM "ga4_daily" AS t
WHERE t."user_id" = CAST(%(tenant)s AS UUID) AND t."date" BETWEEN %(start0)s AND %(end0)s
GROUP BY t."date"
UNION ALL
SELECT
  t."date" AS day,
  SUM(CAST(t."sessions" AS DOUBLE PRECISION)) AS a0
FROM "ga4_daily" AS t
WHERE t."user_id" = CAST(%(tenant)s AS UUID) AND t."date" BETWEEN %(start1)s AND %(end1)s
GROUP BY t."date"
