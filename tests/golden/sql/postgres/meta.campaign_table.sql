-- Every sum of a campaign, by its id and not its name; its currencies go with it, and its latest label is read apart.

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

-- meta_ads_daily, the asked window
SELECT
  0 AS slot,
  COALESCE(NULLIF(CAST(t."campaign_id" COLLATE "C" AS TEXT) COLLATE "C", ''), '(not set)') AS member,
  SUM(CAST(t."spend" AS DOUBLE PRECISION)) AS a0,
  SUM(CAST(t."clicks" AS DOUBLE PRECISION)) AS a1,
  SUM(CAST(t."conversions" AS DOUBLE PRECISION)) AS a2,
  SUM(CAST(t."conversion_value" AS DOUBLE PRECISION)) AS a3,
  MIN(t."currency" COLLATE "C") AS a4,
  MAX(t."currency" COLLATE "C") AS a5,
  MAX((CAST(t."date" AS TEXT) COLLATE "C" || CAST(NULLIF(t."campaign_name" COLLATE "C", '') AS TEXT) COLLATE "C")) AS a6
FROM "meta_ads_daily" AS t
WHERE t."user_id" = CAST(%(tenant)s AS UUID) AND t."date" BETWEEN %(start0)s AND %(end0)s
GROUP BY COALESCE(NULLIF(CAST(t."campaign_id" COLLATE "C" AS TEXT) COLLATE "C", ''), '(not set)')

-- meta_ads_daily, both windows
SELECT
  0 AS slot,
  COALESCE(NULLIF(CAST(t."campaign_id" COLLATE "C" AS TEXT) COLLATE "C", ''), '(not set)') AS member,
  SUM(CAST(t."spend" AS DOUBLE PRECISION)) AS a0,
  SUM(CAST(t."clicks" AS DOUBLE PRECISION)) AS a1,
  SUM(CAST(t."conversions" AS DOUBLE PRECISION)) AS a2,
  SUM(CAST(t."conversion_value" AS DOUBLE PRECISION)) AS a3,
  MIN(t."currency" COLLATE "C") AS a4,
  MAX(t."currency" COLLATE "C") AS a5,
  MAX((CAST(t."date" AS TEXT) COLLATE "C" || CAST(NULLIF(t."campaign_name" COLLATE "C", '') AS TEXT) COLLATE "C")) AS a6
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
  MAX(t."currency" COLLATE "C") AS a5,
  NULL AS a6
FROM "meta_ads_daily" AS t
WHERE t."user_id" = CAST(%(tenant)s AS UUID) AND t."date" BETWEEN %(start1)s AND %(end1)s
GROUP BY COALESCE(NULLIF(CAST(t."campaign_id" COLLATE "C" AS TEXT) COLLATE "C", ''), '(not set)')

-- meta_ads_daily, both windows, and each up to the last known day of an unfinished one
SELECT
  0 AS slot,
  COALESCE(NULLIF(CAST(t."campaign_id" COLLATE "C" AS TEXT) COLLATE "C", ''), '(not set)') AS member,
  SUM(CAST(t."spend" AS DOUBLE PRECISION)) AS a0,
  SUM(CAST(t."clicks" AS DOUBLE PRECISION)) AS a1,
  SUM(CAST(t."conversions" AS DOUBLE PRECISION)) AS a2,
  SUM(CAST(t."conversion_value" AS DOUBLE PRECISION)) AS a3,
  MIN(t."currency" COLLATE "C") AS a4,
  MAX(t."currency" COLLATE "C") AS a5,
  MAX((CAST(t."date" AS TEXT) COLLATE "C" || CAST(NULLIF(t."campaign_name" COLLATE "C", '') AS TEXT) COLLATE "C")) AS a6
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
  MAX(t."currency" COLLATE "C") AS a5,
  NULL AS a6
FROM "meta_ads_daily" AS t
WHERE t."user_id" = CAST(%(tenant)s AS UUID) AND t."date" BETWEEN %(start1)s AND %(end1)s
GROUP BY COALESCE(NULLIF(CAST(t."campaign_id" COLLATE "C" AS TEXT) COLLATE "C", ''), '(not set)')
UNION ALL
SELECT
  2 AS slot,
  COALESCE(NULLIF(CAST(t."campaign_id" COLLATE "C" AS TEXT) COLLATE "C", ''), '(not set)') AS member,
  SUM(CAST(t."spend" AS DOUBLE PRECISION)) AS a0,
  SUM(CAST(t."clicks" AS DOUBLE PRECISION)) AS a1,
  SUM(CAST(t."conversions" AS DOUBLE PRECISION)) AS a2,
  SUM(CAST(t."conversion_value" AS DOUBLE PRECISION)) AS a3,
  MIN(t."currency" COLLATE "C") AS a4,
  MAX(t."currency" COLLATE "C") AS a5,
  NULL AS a6
FROM "meta_ads_daily" AS t
WHERE t."user_id" = CAST(%(tenant)s AS UUID) AND t."date" BETWEEN %(start2)s AND %(end2)s
GROUP BY COALESCE(NULLIF(CAST(t."campaign_id" COLLATE "C" AS TEXT) COLLATE "C", ''), '(not set)')
UNION ALL
SELECT
  3 AS slot,
  COALESCE(NULLIF(CAST(t."campaign_id" COLLATE "C" AS TEXT) COLLATE "C", ''), '(not set)') AS member,
  SUM(CAST(t."spend" AS DOUBLE PRECISION)) AS a0,
  SUM(CAST(t."clicks" AS DOUBLE PRECISION)) AS a1,
  SUM(CAST(t."conversions" AS DOUBLE PRECISION)) AS a2,
  SUM(CAST(t."conversion_value" AS DOUBLE PRECISION)) AS a3,
  MIN(t."currency" COLLATE "C") AS a4,
  MAX(t."currency" COLLATE "C") AS a5,
  NULL AS a6
FROM "meta_ads_daily" AS t
WHERE t."user_id" = CAST(%(tenant)s AS UUID) AND t."date" BETWEEN %(start3)s AND %(end3)s
GROUP BY COALESCE(NULLIF(CAST(t."campaign_id" COLLATE "C" AS TEXT) COLLATE "C", ''), '(not set)')
