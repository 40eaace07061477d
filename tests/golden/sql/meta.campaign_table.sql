-- Every sum of a campaign, by its id and not its name; its currencies go with it, and its latest label is read apart.

-- meta_ads_daily, one range of days: compare is off, or the windows touch
SELECT
  t."date" AS day,
  SUM(CAST(t."spend" AS REAL)) AS a0,
  SUM(CAST(t."clicks" AS REAL)) AS a1,
  SUM(CAST(t."conversions" AS REAL)) AS a2,
  SUM(CAST(t."conversion_value" AS REAL)) AS a3,
  MIN(t."currency") AS a4,
  MAX(t."currency") AS a5
FROM "meta_ads_daily" AS t
WHERE t."user_id" = :tenant AND t."date" BETWEEN :start0 AND :end0
GROUP BY t."date"

-- meta_ads_daily, two ranges: the windows have a gap
SELECT
  t."date" AS day,
  SUM(CAST(t."spend" AS REAL)) AS a0,
  SUM(CAST(t."clicks" AS REAL)) AS a1,
  SUM(CAST(t."conversions" AS REAL)) AS a2,
  SUM(CAST(t."conversion_value" AS REAL)) AS a3,
  MIN(t."currency") AS a4,
  MAX(t."currency") AS a5
FROM "meta_ads_daily" AS t
WHERE t."user_id" = :tenant AND t."date" BETWEEN :start0 AND :end0
GROUP BY t."date"
UNION ALL
SELECT
  t."date" AS day,
  SUM(CAST(t."spend" AS REAL)) AS a0,
  SUM(CAST(t."clicks" AS REAL)) AS a1,
  SUM(CAST(t."conversions" AS REAL)) AS a2,
  SUM(CAST(t."conversion_value" AS REAL)) AS a3,
  MIN(t."currency") AS a4,
  MAX(t."currency") AS a5
FROM "meta_ads_daily" AS t
WHERE t."user_id" = :tenant AND t."date" BETWEEN :start1 AND :end1
GROUP BY t."date"

-- meta_ads_daily, the asked window
SELECT
  0 AS slot,
  COALESCE(NULLIF(CAST(t."campaign_id" AS TEXT), ''), '(not set)') AS member,
  SUM(CAST(t."spend" AS REAL)) AS a0,
  SUM(CAST(t."clicks" AS REAL)) AS a1,
  SUM(CAST(t."conversions" AS REAL)) AS a2,
  SUM(CAST(t."conversion_value" AS REAL)) AS a3,
  MIN(t."currency") AS a4,
  MAX(t."currency") AS a5,
  MAX((CAST(t."date" AS TEXT) || CAST(NULLIF(t."campaign_name", '') AS TEXT))) AS a6
FROM "meta_ads_daily" AS t
WHERE t."user_id" = :tenant AND t."date" BETWEEN :start0 AND :end0
GROUP BY COALESCE(NULLIF(CAST(t."campaign_id" AS TEXT), ''), '(not set)')

-- meta_ads_daily, both windows
SELECT
  0 AS slot,
  COALESCE(NULLIF(CAST(t."campaign_id" AS TEXT), ''), '(not set)') AS member,
  SUM(CAST(t."spend" AS REAL)) AS a0,
  SUM(CAST(t."clicks" AS REAL)) AS a1,
  SUM(CAST(t."conversions" AS REAL)) AS a2,
  SUM(CAST(t."conversion_value" AS REAL)) AS a3,
  MIN(t."currency") AS a4,
  MAX(t."currency") AS a5,
  MAX((CAST(t."date" AS TEXT) || CAST(NULLIF(t."campaign_name", '') AS TEXT))) AS a6
FROM "meta_ads_daily" AS t
WHERE t."user_id" = :tenant AND t."date" BETWEEN :start0 AND :end0
GROUP BY COALESCE(NULLIF(CAST(t."campaign_id" AS TEXT), ''), '(not set)')
UNION ALL
SELECT
  1 AS slot,
  COALESCE(NULLIF(CAST(t."campaign_id" AS TEXT), ''), '(not set)') AS member,
  SUM(CAST(t."spend" AS REAL)) AS a0,
  SUM(CAST(t."clicks" AS REAL)) AS a1,
  SUM(CAST(t."conversions" AS REAL)) AS a2,
  SUM(CAST(t."conversion_value" AS REAL)) AS a3,
  MIN(t."currency") AS a4,
  MAX(t."currency") AS a5,
  NULL AS a6
FROM "meta_ads_daily" AS t
WHERE t."user_id" = :tenant AND t."date" BETWEEN :start1 AND :end1
GROUP BY COALESCE(NULLIF(CAST(t."campaign_id" AS TEXT), ''), '(not set)')

-- meta_ads_daily, both windows, and each up to the last known day of an unfinished one
SELECT
  0 AS slot,
  COALESCE(NULLIF(CAST(t."campaign_id" AS TEXT), ''), '(not set)') AS member,
  SUM(CAST(t."spend" AS REAL)) AS a0,
  SUM(CAST(t."clicks" AS REAL)) AS a1,
  SUM(CAST(t."conversions" AS REAL)) AS a2,
  SUM(CAST(t."conversion_value" AS REAL)) AS a3,
  MIN(t."currency") AS a4,
  MAX(t."currency") AS a5,
  MAX((CAST(t."date" AS TEXT) || CAST(NULLIF(t."campaign_name", '') AS TEXT))) AS a6
FROM "meta_ads_daily" AS t
WHERE t."user_id" = :tenant AND t."date" BETWEEN :start0 AND :end0
GROUP BY COALESCE(NULLIF(CAST(t."campaign_id" AS TEXT), ''), '(not set)')
UNION ALL
SELECT
  1 AS slot,
  COALESCE(NULLIF(CAST(t."campaign_id" AS TEXT), ''), '(not set)') AS member,
  SUM(CAST(t."spend" AS REAL)) AS a0,
  SUM(CAST(t."clicks" AS REAL)) AS a1,
  SUM(CAST(t."conversions" AS REAL)) AS a2,
  SUM(CAST(t."conversion_value" AS REAL)) AS a3,
  MIN(t."currency") AS a4,
  MAX(t."currency") AS a5,
  NULL AS a6
FROM "meta_ads_daily" AS t
WHERE t."user_id" = :tenant AND t."date" BETWEEN :start1 AND :end1
GROUP BY COALESCE(NULLIF(CAST(t."campaign_id" AS TEXT), ''), '(not set)')
UNION ALL
SELECT
  2 AS slot,
  COALESCE(NULLIF(CAST(t."campaign_id" AS TEXT), ''), '(not set)') AS member,
  SUM(CAST(t."spend" AS REAL)) AS a0,
  SUM(CAST(t."clicks" AS REAL)) AS a1,
  SUM(CAST(t."conversions" AS REAL)) AS a2,
  SUM(CAST(t."conversion_value" AS REAL)) AS a3,
  MIN(t."currency") AS a4,
  MAX(t."currency") AS a5,
  NULL AS a6
FROM "meta_ads_daily" AS t
WHERE t."user_id" = :tenant AND t."date" BETWEEN :start2 AND :end2
GROUP BY COALESCE(NULLIF(CAST(t."campaign_id" AS TEXT), ''), '(not set)')
UNION ALL
SELECT
  3 AS slot,
  COALESCE(NULLIF(CAST(t."campaign_id" AS TEXT), ''), '(not set)') AS member,
  SUM(CAST(t."spend" AS REAL)) AS a0,
  SUM(CAST(t."clicks" AS REAL)) AS a1,
  SUM(CAST(t."conversions" AS REAL)) AS a2,
  SUM(CAST(t."conversion_value" AS REAL)) AS a3,
  MIN(t."currency") AS a4,
  MAX(t."currency") AS a5,
  NULL AS a6
FROM "meta_ads_daily" AS t
WHERE t."user_id" = :tenant AND t."date" BETWEEN :start3 AND :end3
GROUP BY COALESCE(NULLIF(CAST(t."campaign_id" AS TEXT), ''), '(not set)')
