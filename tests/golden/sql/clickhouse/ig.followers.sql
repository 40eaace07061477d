-- Followers summed over the tenant's accounts for each day of both windows; which day is the last one is decided
-- outside.

-- ig_account_daily, one range of days: compare is off, or the windows touch
SELECT
  t."date" AS day,
  t."ig_user_id" AS account,
  SUM(toFloat64(t."followers")) AS a0
FROM "ig_account_daily" AS t
WHERE t."user_id" = {tenant:UUID} AND t."date" BETWEEN {start0:Date32} AND {end0:Date32}
GROUP BY t."date", t."ig_user_id"

-- ig_account_daily, two ranges: the windows have a gap
SELECT
  t."date" AS day,
  t."ig_user_id" AS account,
  SUM(toFloat64(t."followers")) AS a0
FROM "ig_account_daily" AS t
WHERE t."user_id" = {tenant:UUID} AND t."date" BETWEEN {start0:Date32} AND {end0:Date32}
GROUP BY t."date", t."ig_user_id"
UNION ALL
SELECT
  t."date" AS day,
  t."ig_user_id" AS account,
  SUM(toFloat64(t."followers")) AS a0
FROM "ig_account_daily" AS t
WHERE t."user_id" = {tenant:UUID} AND t."date" BETWEEN {start1:Date32} AND {end1:Date32}
GROUP BY t."date", t."ig_user_id"
