-- Every sum of a campaign, by its id and not its name; its currencies go with it, and its latest label is read apart.

-- meta_ads_daily, one range of days: compare is off, or the windows touch
SELECT
  t."date" AS day,
  SUM(toFloat64(t."spend")) AS a0,
  SUM(toFloat64(t."clicks")) AS a1,
  SUM(toFloat64(t."conversions")) AS a2,
  SUM(toFloat64(t."conversion_value")) AS a3,
  MIN(t."currency") AS a4,
  MAX(t."currency") AS a5
FROM "meta_ads_daily" AS t
WHERE t."user_id" = {tenant:UUID} AND t."date" BETWEEN {start0:Date32} AND {end0:Date32}
GROUP BY t."date"

-- meta_ads_daily, two ranges: the windows have a gap
SELECT
  t."date" AS day,
  SUM(toFloat64(t."spend")) AS a0,
  SUM(toFloat64(t."clicks")) AS a1,
  SUM(toFloat64(t."conversions")) AS a2,
  SUM(toFloat64(t."conversion_value")) AS a3,
  MIN(t."currency") AS a4,
  MAX(t."currency") AS a5
FROM "meta_ads_daily" AS t
WHERE t."user_id" = {tenant:UUID} AND t."date" BETWEEN {start0:Date32} AND {end0:Date32}
GROUP BY t."date"
UNION ALL
SELECT
  t."date" AS day,
  SUM(toFloat64(t."spend")) AS a0,
  SUM(toFloat64(t."clicks")) AS a1,
  SUM(toFloat64(t."conversions")) AS a2,
  SUM(toFloat64(t."conversion_value")) AS a3,
  MIN(t."currency") AS a4,
  MAX(t."currency") AS a5
FROM "meta_ads_daily" AS t
WHERE t."user_id" = {tenant:UUID} AND t."date" BETWEEN {start1:Date32} AND {end1:Date32}
GROUP BY t."date"

-- meta_ads_daily, the asked window
SELECT
  0 AS slot,
  COALESCE(NULLIF(CAST(t."campaign_id" AS Nullable(String)), ''), '(not set)') AS member,
  SUM(toFloat64(t."spend")) AS a0,
  SUM(toFloat64(t."clicks")) AS a1,
  SUM(toFloat64(t."conversions")) AS a2,
  SUM(toFloat64(t."conversion_value")) AS a3,
  MIN(t."currency") AS a4,
  MAX(t."currency") AS a5,
  MAX((CAST(t."date" AS Nullable(String)) || CAST(NULLIF(t."campaign_name", '') AS Nullable(String)))) AS a6
FROM "meta_ads_daily" AS t
WHERE t."user_id" = {tenant:UUID} AND t."date" BETWEEN {start0:Date32} AND {end0:Date32}
GROUP BY COALESCE(NULLIF(CAST(t."campaign_id" AS Nullable(String)), ''), '(not set)')

-- meta_ads_daily, both windows
SELECT
  0 AS slot,
  COALESCE(NULLIF(CAST(t."campaign_id" AS Nullable(String)), ''), '(not set)') AS member,
  SUM(toFloat64(t."spend")) AS a0,
  SUM(toFloat64(t."clicks")) AS a1,
  SUM(toFloat64(t."conversions")) AS a2,
  SUM(toFloat64(t."conversion_value")) AS a3,
  MIN(t."currency") AS a4,
  MAX(t."currency") AS a5,
  MAX((CAST(t."date" AS Nullable(String)) || CAST(NULLIF(t."campaign_name", '') AS Nullable(String)))) AS a6
FROM "meta_ads_daily" AS t
WHERE t."user_id" = {tenant:UUID} AND t."date" BETWEEN {start0:Date32} AND {end0:Date32}
GROUP BY COALESCE(NULLIF(CAST(t."campaign_id" AS Nullable(String)), ''), '(not set)')
UNION ALL
SELECT
  1 AS slot,
  COALESCE(NULLIF(CAST(t."campaign_id" AS Nullable(String)), ''), '(not set)') AS member,
  SUM(toFloat64(t."spend")) AS a0,
  SUM(toFloat64(t."clicks")) AS a1,
  SUM(toFloat64(t."conversions")) AS a2,
  SUM(toFloat64(t."conversion_value")) AS a3,
  MIN(t."currency") AS a4,
  MAX(t."currency") AS a5,
  NULL AS a6
FROM "meta_ads_daily" AS t
WHERE t."user_id" = {tenant:UUID} AND t."date" BETWEEN {start1:Date32} AND {end1:Date32}
GROUP BY COALESCE(NULLIF(CAST(t."campaign_id" AS Nullable(String)), ''), '(not set)')

-- meta_ads_daily, both windows, and each up to the last known day of an unfinished one
SELECT
  0 AS slot,
  COALESCE(NULLIF(CAST(t."campaign_id" AS Nullable(String)), ''), '(not set)') AS member,
  SUM(toFloat64(t."spend")) AS a0,
  SUM(toFloat64(t."clicks")) AS a1,
  SUM(toFloat64(t."conversions")) AS a2,
  SUM(toFloat64(t."conversion_value")) AS a3,
  MIN(t."currency") AS a4,
  MAX(t."currency") AS a5,
  MAX((CAST(t."date" AS Nullable(String)) || CAST(NULLIF(t."campaign_name", '') AS Nullable(String)))) AS a6
FROM "meta_ads_daily" AS t
WHERE t."user_id" = {tenant:UUID} AND t."date" BETWEEN {start0:Date32} AND {end0:Date32}
GROUP BY COALESCE(NULLIF(CAST(t."campaign_id" AS Nullable(String)), ''), '(not set)')
UNION ALL
SELECT
  1 AS slot,
  COALESCE(NULLIF(CAST(t."campaign_id" AS Nullable(String)), ''), '(not set)') AS member,
  SUM(toFloat64(t."spend")) AS a0,
  SUM(toFloat64(t."clicks")) AS a1,
  SUM(toFloat64(t."conversions")) AS a2,
  SUM(toFloat64(t."conversion_value")) AS a3,
  MIN(t."currency") AS a4,
  MAX(t."currency") AS a5,
  NULL AS a6
FROM "meta_ads_daily" AS t
WHERE t."user_id" = {tenant:UUID} AND t."date" BETWEEN {start1:Date32} AND {end1:Date32}
GROUP BY COALESCE(NULLIF(CAST(t."campaign_id" AS Nullable(String)), ''), '(not set)')
UNION ALL
SELECT
  2 AS slot,
  COALESCE(NULLIF(CAST(t."campaign_id" AS Nullable(String)), ''), '(not set)') AS member,
  SUM(toFloat64(t."spend")) AS a0,
  SUM(toFloat64(t."clicks")) AS a1,
  SUM(toFloat64(t."conversions")) AS a2,
  SUM(toFloat64(t."conversion_value")) AS a3,
  MIN(t."currency") AS a4,
  MAX(t."currency") AS a5,
  NULL AS a6
FROM "meta_ads_daily" AS t
WHERE t."user_id" = {tenant:UUID} AND t."date" BETWEEN {start2:Date32} AND {end2:Date32}
GROUP BY COALESCE(NULLIF(CAST(t."campaign_id" AS Nullable(String)), ''), '(not set)')
UNION ALL
SELECT
  3 AS slot,
  COALESCE(NULLIF(CAST(t."campaign_id" AS Nullable(String)), ''), '(not set)') AS member,
  SUM(toFloat64(t."spend")) AS a0,
  SUM(toFloat64(t."clicks")) AS a1,
  SUM(toFloat64(t."conversions")) AS a2,
  SUM(toFloat64(t."conversion_value")) AS a3,
  MIN(t."currency") AS a4,
  MAX(t."currency") AS a5,
  NULL AS a6
FROM "meta_ads_daily" AS t
WHERE t."user_id" = {tenant:UUID} AND t."date" BETWEEN {start3:Date32} AND {end3:Date32}
GROUP BY COALESCE(NULLIF(CAST(t."campaign_id" AS Nullable(String)), ''), '(not set)')
