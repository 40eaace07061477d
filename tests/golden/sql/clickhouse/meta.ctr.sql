-- Clicks and impressions, summed by day as floating-point numbers, so that the division outside is never one of
-- integers.

-- meta_ads_daily, one range of days: compare is off, or the windows touch
SELECT
  t."date" AS day,
  SUM(toFloat64(t."clicks")) AS a0,
  SUM(toFloat64(t."impressions")) AS a1
FROM "meta_ads_daily" AS t
WHERE t."user_id" = {tenant:UUID} AND t."date" BETWEEN {start0:Date32} AND {end0:Date32}
GROUP BY t."date"

-- meta_ads_daily, two ranges: the windows have a gap
SELECT
  t."date" AS day,
  SUM(toFloat64(t."clicks")) AS a0,
  SUM(toFloat64(t."impressions")) AS a1
FROM "meta_ads_daily" AS t
WHERE t."user_id" = {tenant:UUID} AND t."date" BETWEEN {start0:Date32} AND {end0:Date32}
GROUP BY t."date"
UNION ALL
SELECT
  t."date" AS day,
  SUM(toFloat64(t."clicks")) AS a0,
  SUM(toFloat64(t."impressions")) AS a1
FROM "meta_ads_daily" AS t
WHERE t."user_id" = {tenant:UUID} AND t."date" BETWEEN {start1:Date32} AND {end1:Date32}
GROUP BY t."date"
