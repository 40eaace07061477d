-- Conversion value and spend, summed by day and never divided here, with the least and greatest currency of the day.

-- meta_ads_daily, one range of days: compare is off, or the windows touch
SELECT
  t."date" AS day,
  SUM(toFloat64(t."conversion_value")) AS a0,
  SUM(toFloat64(t."spend")) AS a1,
  MIN(t."currency") AS a2,
  MAX(t."currency") AS a3
FROM "meta_ads_daily" AS t
WHERE t."user_id" = {tenant:UUID} AND t."date" BETWEEN {start0:Date32} AND {end0:Date32}
GROUP BY t."date"

-- meta_ads_daily, two ranges: the windows have a gap
SELECT
  t."date" AS day,
  SUM(toFloat64(t."conversion_value")) AS a0,
  SUM(toFloat64(t."spend")) AS a1,
  MIN(t."currency") AS a2,
  MAX(t."currency") AS a3
FROM "meta_ads_daily" AS t
WHERE t."user_id" = {tenant:UUID} AND t."date" BETWEEN {start0:Date32} AND {end0:Date32}
GROUP BY t."date"
UNION ALL
SELECT
  t."date" AS day,
  SUM(toFloat64(t."conversion_value")) AS a0,
  SUM(toFloat64(t."spend")) AS a1,
  MIN(t."currency") AS a2,
  MAX(t."currency") AS a3
FROM "meta_ads_daily" AS t
WHERE t."user_id" = {tenant:UUID} AND t."date" BETWEEN {start1:Date32} AND {end1:Date32}
GROUP BY t."date"
