-- The two sums that the rate is made of, by day and never divided here, so that any bucket and both totals are a
-- ratio of sums.

-- ga4_daily, one range of days: compare is off, or the windows touch
SELECT
  t."date" AS day,
  SUM(CAST(t."converting_sessions" AS DOUBLE PRECISION)) AS a0,
  SUM(CAST(t."sessions" AS DOUBLE PRECISION)) AS a1
FROM "ga4_daily" AS t
WHERE t."user_id" = CAST(%(tenant)s AS UUID) AND t."date" BETWEEN %(start0)s AND %(end0)s
GROUP BY t."date"

-- ga4_daily, two ranges: the windows have a gap
SELECT
  t."date" AS day,
  SUM(CAST(t."converting_sessions" AS DOUBLE PRECISION)) AS a0,
  SUM(CAST(t."sessions" AS DOUBLE PRECISION)) AS a1
FROM "ga4_daily" AS t
WHERE t."user_id" = CAST(%(tenant)s AS UUID) AND t."date" BETWEEN %(start0)s AND %(end0)s
GROUP BY t."date"
UNION ALL
SELECT
  t."date" AS day,
  SUM(CAST(t."converting_sessions" AS DOUBLE PRECISION)) AS a0,
  SUM(CAST(t."sessions" AS DOUBLE PRECISION)) AS a1
FROM "ga4_daily" AS t
WHERE t."user_id" = CAST(%(tenant)s AS UUID) AND t."date" BETWEEN %(start1)s AND %(end1)s
GROUP BY t."date"
