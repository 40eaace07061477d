-- Spend by day and campaign name, ranked over both windows together, by name alone where they hold several
-- currencies; campaigns after the sixth are folded into a NULL member.

-- meta_ads_daily, one range of days: compare is off, or the windows touch
WITH scoped AS (
  SELECT t."date" AS __day, COALESCE(NULLIF(CAST(t."campaign_id" AS Nullable(String)), ''), '(not set)') AS __member, toFloat64(t."spend") AS "spend", t."currency" AS "currency"
  FROM "meta_ads_daily" AS t
  WHERE t."user_id" = {tenant:UUID} AND t."date" BETWEEN {start0:Date32} AND {end0:Date32}
), ranked AS (
  SELECT s.__member AS member, ROW_NUMBER() OVER (ORDER BY CASE WHEN (SELECT MIN(s."currency") < MAX(s."currency") FROM scoped AS s) THEN 0 ELSE COALESCE(toFloat64(SUM(toFloat64(s."spend"))), 0) END DESC, s.__member) AS place
  FROM scoped AS s
  WHERE s.__member <> 'Other'
  GROUP BY s.__member
  ORDER BY place LIMIT 6
)
SELECT
  s.__day AS day,
  r.place AS place,
  MIN(r.member) AS member,
  SUM(toFloat64(s."spend")) AS a0,
  MIN(s."currency") AS a1,
  MAX(s."currency") AS a2
FROM scoped AS s
LEFT JOIN ranked AS r ON r.member = s.__member
GROUP BY s.__day, r.place

-- meta_ads_daily, two ranges: the windows have a gap
WITH scoped AS (
  SELECT t."date" AS __day, COALESCE(NULLIF(CAST(t."campaign_id" AS Nullable(String)), ''), '(not set)') AS __member, toFloat64(t."spend") AS "spend", t."currency" AS "currency"
  FROM "meta_ads_daily" AS t
  WHERE t."user_id" = {tenant:UUID} AND t."date" BETWEEN {start0:Date32} AND {end0:Date32}
  UNION ALL
  SELECT t."date" AS __day, COALESCE(NULLIF(CAST(t."campaign_id" AS Nullable(String)), ''), '(not set)') AS __member, toFloat64(t."spend") AS "spend", t."currency" AS "currency"
  FROM "meta_ads_daily" AS t
  WHERE t."user_id" = {tenant:UUID} AND t."date" BETWEEN {start1:Date32} AND {end1:Date32}
), ranked AS (
  SELECT s.__member AS member, ROW_NUMBER() OVER (ORDER BY CASE WHEN (SELECT MIN(s."currency") < MAX(s."currency") FROM scoped AS s) THEN 0 ELSE COALESCE(toFloat64(SUM(toFloat64(s."spend"))), 0) END DESC, s.__member) AS place
  FROM scoped AS s
  WHERE s.__member <> 'Other'
  GROUP BY s.__member
  ORDER BY place LIMIT 6
)
SELECT
  s.__day AS day,
  r.place AS place,
  MIN(r.member) AS member,
  SUM(toFloat64(s."spend")) AS a0,
  MIN(s."currency") AS a1,
  MAX(s."currency") AS a2
FROM scoped AS s
LEFT JOIN ranked AS r ON r.member = s.__member
GROUP BY s.__day, r.place
