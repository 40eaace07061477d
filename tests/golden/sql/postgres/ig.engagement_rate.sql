-- Interactions and daily reach, summed by day and never divided here, so that a period's rate is the ratio of its
-- sums.

-- ig_account_daily, one range of days: compare is off, or the windows touch
SELECT
  t."date" AS day,
  SUM(CAST(t."interactions" AS DOUBLE PRECISION)) AS a0,
  SUM(CAST(t."reach" AS DOUBLE PRECISION)) AS a1
FROM "ig_account_daily" AS t
WHERE t."user_id" = CAST(%(tenant)s AS UUID) AND t."date" BETWEEN %(start0)s AND %(end0)s
GROUP BY t."date"

-- ig_account_daily, two ranges: the windows have a gap
SELECT
  t."date" AS day,
  SUM(CAST(t."interactions" AS DOUBLE PRECISION)) AS a0,
  SUM(CAST(t."reach" AS DOUBLE PRECISION)) AS a1
FROM "ig_account_daily" AS t
WHERE t."user_id" = CAST(%(tenant)s AS UUID) AND t."date" BETWEEN %(start0)s AND %(end0)s
GROUP BY t."date"
UNION ALL
SELECT
  t."date" AS day,
  SUM(CAST(t."interactions" AS DOUBLE PRECISION)) AS a0,
  SUM(CAST(t."reach" AS DOUBLE PRECISION)) AS a1
FROM "ig_account_daily" AS t
WHERE t."user_id" = CAST(%(tenant)s AS UUID) AND t."date" BETWEEN %(start1)s AND %(end1)s
GROUP BY t."date"
