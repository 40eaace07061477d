-- The tenant's sessions, summed by day, for the days of both windows and no others; a day that lies in both windows
-- is read once.

-- ga4_daily, one range of days: compare is off, or the windows touch
SELECT
  t."date" AS day,
  SUM(CAST(t."sessions" AS DOUBLE)) AS a0
FROM "ga4_daily" AS t
WHERE t."user_id" = $tenant AND t."date" BETWEEN $start0 AND $end0
GROUP BY t."date"

-- ga4_daily, two ranges: the windows have a gap
SELECT
  t."date" AS day,
  SUM(CAST(t."sessions" AS DOUBLE)) AS a0
FROM "ga4_daily" AS t
WHERE t."user_id" = $tenant AND t."date" BETWEEN $start0 AND $end0
GROUP BY t."date"
UNION ALL
SELECT
  t."date" AS day,
  SUM(CAST(t."sessions" AS DOUBLE)) AS a0
FROM "ga4_daily" AS t
WHERE t."user_id" = $tenant AND t."date" BETWEEN $start1 AND $end1
GROUP BY t."date"
