-- The tenant's revenue by day, and with it the least and greatest currency of the day, so that amounts in several
-- currencies can be told.

-- ga4_daily, one range of days: compare is off, or the windows touch
SELECT
  t."date" AS day,
  SUM(CAST(t."revenue" AS DOUBLE)) AS a0,
  MIN(t."currency") AS a1,
  MAX(t."currency") AS a2
FROM "ga4_daily" AS t
WHERE t."user_id" = $tenant AND t."date" BETWEEN $start0 AND $end0
GROUP BY t."date"

-- ga4_daily, two ranges: the windows have a gap
SELECT
  t."date" AS day,
  SUM(CAST(t."revenue" AS DOUBLE)) AS a0,
  MIN(t."currency") AS a1,
  MAX(t."currency") AS a2
FROM "ga4_daily" AS t
WHERE t."user_id" = $tenant AND t."date" BETWEEN $start0 AND $end0
GROUP BY t."date"
UNION ALL
SELECT
  t."date" AS day,
  SUM(CAST(t."revenue" AS DOUBLE)) AS a0,
  MIN(t."currency") AS a1,
  MAX(t."currency") AS a2
FROM "ga4_daily" AS t
WHERE t."user_id" = $tenant AND t."date" BETWEEN $start1 AND $end1
GROUP BY t."date"
