-- Two scans of two tables, each with the tenant's predicate of its own and never joined, since a join would multiply
-- rows.

-- meta_ads_daily, one range of days: compare is off, or the windows touch
SELECT
  t."date" AS day,
  SUM(toFloat64(t."spend")) AS a0,
  MIN(t."currency") AS a1,
  MAX(t."currency") AS a2
FROM "meta_ads_daily" AS t
WHERE t."user_id" = {tenant:UUID} AND t."date" BETWEEN {start0:Date32} AND {end0:Date32}
GROUP BY t."date"

-- meta_ads_daily, two ranges: the windows have a gap
SELECT
  t."date" AS day,
  SUM(toFloat64(t."spend")) AS a0,
  MIN(t."currency") AS a1,
  MAX(t."currency") AS a2
FROM "meta_ads_daily" AS t
WHERE t."user_id" = {tenant:UUID} AND t."date" BETWEEN {start0:Date32} AND {end0:Date32}
GROUP BY t."date"
UNION ALL
SELECT
  t."date" AS day,
  SUM(toFloat64(t."spend")) AS a0,
  MIN(t."currency") AS a1,
  MAX(t."currency") AS a2
FROM "meta_ads_daily" AS t
WHERE t."user_id" = {tenant:UUID} AND t."date" BETWEEN {start1:Date32} AND {end1:Date32}
GROUP BY t."date"

-- ga4_daily, one range of days: compare is off, or the windows touch
SELECT
  t."date" AS day,
  SUM(toFloat64(t."sessions")) AS a0
FROM "ga4_daily" AS t
WHERE t."user_id" = {tenant:UUID} AND t."date" BETWEEN {start0:Date32} AND {end0:Date32}
GROUP BY t."date"

-- ga4_daily, two ranges: the windows have a gap
SELECT
  t."date" AS day,
  SUM(toFloat64(t."sessions")) AS a0
FROM "ga4_daily" AS t
WHERE t."user_id" = {tenant:UUID} AND t."date" BETWEEN {start0:Date32} AND {end0:Date32}
GROUP BY t."date"
UNION ALL
SELECT
  t."date" AS day,
  SUM(toFloat64(t."sessions")) AS a0
FROM "ga4_daily" AS t
WHERE t."user_id" = {tenant:UUID} AND t."date" BETWEEN {start1:Date32} AND {end1:Date32}
GROUP BY t."date"
