-- The two sums that the rate is made of, by day and never divided here, so that any bucket and both totals are a
-- ratio of sums.

-- ga4_daily, one range of days: compare is off, or the windows touch
SELECT
  t."date" AS day,
  SUM(CAST(t."converting_sessions" AS DOUBLE)) AS a0,
  SUM(CAST(t."sessions" AS DOUBLE)) AS a1
FROM "ga4_daily" AS t
WHERE t."user_id" = $tenant AND t."date" BETWEEN $start0 AND $end0
GROUP BY t."date"

-- ga4_daily, two ranges: the windows have a gap
SELECT
  t."date" AS day,
  SUM(CAST(t."converting_sessions" AS DOUBLE)) AS a0,
  SUM(CAST(t."sessions" AS DOUBLE)) AS a1
FROM "ga4_daily" AS t
WHERE t."user_id" = $tenant AND t."date" BETWEEN $start0 AND $end0
GROUP BY t."date"
UNION ALL
SELECT
  t."date" AS day,
  SUM(CAST(t."converting_sessions" AS DOUBLE)) AS a0,
  SUM(CAST(t."sessions" AS DOUBLE)) AS a1
FROM "ga4_daily" AS t
WHERE t."user_id" = $tenant AND t."date" BETWEEN $start1 AND $end1
GROUP BY t."date"
