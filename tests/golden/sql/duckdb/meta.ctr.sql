-- Clicks and impressions, summed by day as floating-point numbers, so that the division outside is never one of
-- integers.

-- meta_ads_daily, one range of days: compare is off, or the windows touch
SELECT
  t."date" AS day,
  SUM(CAST(t."clicks" AS DOUBLE)) AS a0,
  SUM(CAST(t."impressions" AS DOUBLE)) AS a1
FROM "meta_ads_daily" AS t
WHERE t."user_id" = $tenant AND t."date" BETWEEN $start0 AND $end0
GROUP BY t."date"

-- meta_ads_daily, two ranges: the windows have a gap
SELECT
  t."date" AS day,
  SUM(CAST(t."clicks" AS DOUBLE)) AS a0,
  SUM(CAST(t."impressions" AS DOUBLE)) AS a1
FROM "meta_ads_daily" AS t
WHERE t."user_id" = $tenant AND t."date" BETWEEN $start0 AND $end0
GROUP BY t."date"
UNION ALL
SELECT
  t."date" AS day,
  SUM(CAST(t."clicks" AS DOUBLE)) AS a0,
  SUM(CAST(t."impressions" AS DOUBLE)) AS a1
FROM "meta_ads_daily" AS t
WHERE t."user_id" = $tenant AND t."date" BETWEEN $start1 AND $end1
GROUP BY t."date"
