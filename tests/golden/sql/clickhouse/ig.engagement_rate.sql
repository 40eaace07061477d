-- Interactions and daily reach, summed by day and never divided here, so that a period's rate is the ratio of its
-- sums.

-- ig_account_daily, one range of days: compare is off, or the windows touch
SELECT
  t."date" AS day,
  SUM(toFloat64(t."interactions")) AS a0,
  SUM(toFloat64(t."reach")) AS a1
FROM "ig_account_daily" AS t
WHERE t."user_id" = {tenant:UUID} AND t."date" BETWEEN {start0:Date32} AND {end0:Date32}
GROUP BY t."date"

-- ig_account_daily, two ranges: the windows have a gap
SELECT
  t."date" AS day,
  SUM(toFloat64(t."interactions")) AS a0,
  SUM(toFloat64(t."reach")) AS a1
FROM "ig_account_daily" AS t
WHERE t."user_id" = {tenant:UUID} AND t."date" BETWEEN {start0:Date32} AND {end0:Date32}
GROUP BY t."date"
UNION ALL
SELECT
  t."date" AS day,
  SUM(toFloat64(t."interactions")) AS a0,
  SUM(toFloat64(t."reach")) AS a1
FROM "ig_account_daily" AS t
WHERE t."user_id" = {tenant:UUID} AND t."date" BETWEEN {start1:Date32} AND {end1:Date32}
GROUP BY t."date"
