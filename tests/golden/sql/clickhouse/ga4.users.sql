-- The sum of users over the tenant's properties for each day of both windows, once; the average over days is taken
-- outside, and no day outside the windows is read.

-- ga4_daily, one range of days: compare is off, or the windows touch
SELECT
  t."date" AS day,
  SUM(toFloat64(t."users")) AS a0
FROM "ga4_daily" AS t
WHERE t."user_id" = {tenant:UUID} AND t."date" BETWEEN {start0:Date32} AND {end0:Date32}
GROUP BY t."date"

-- ga4_daily, two ranges: the windows have a gap
SELECT
  t."date" AS day,
  SUM(toFloat64(t."users")) AS a0
FROM "ga4_daily" AS t
WHERE t."user_id" = {tenant:UUID} AND t."date" BETWEEN {start0:Date32} AND {end0:Date32}
GROUP BY t."date"
UNION ALL
SELECT
  t."date" AS day,
  SUM(toFloat64(t."users")) AS a0
FROM "ga4_daily" AS t
WHERE t."user_id" = {tenant:UUID} AND t."date" BETWEEN {start1:Date32} AND {end1:Date32}
GROUP BY t."date"
