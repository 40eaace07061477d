-- Sessions by day and landing page, ranked once over both windows together; pages after the eighth are folded into a
-- NULL member before the days are grouped.

-- ga4_landing_pages_daily, one range of days: compare is off, or the windows touch
WITH scoped AS MATERIALIZED (
  SELECT t."date" AS __day, COALESCE(NULLIF(CAST(t."landing_page" AS TEXT), ''), '(not set)') AS __member, t."sessions" AS "sessions"
  FROM "ga4_landing_pages_daily" AS t
  WHERE t."user_id" = $tenant AND t."date" BETWEEN $start0 AND $end0
), ranked AS (
  SELECT s.__member AS member, ROW_NUMBER() OVER (ORDER BY COALESCE(CAST(SUM(CAST(s."sessions" AS DOUBLE)) AS DOUBLE), 0) DESC, s.__member) AS place
  FROM scoped AS s
  WHERE s.__member <> 'Other'
  GROUP BY s.__member
  ORDER BY place LIMIT 8
)
SELECT
  s.__day AS day,
  r.place AS place,
  MIN(r.member) AS member,
  SUM(CAST(s."sessions" AS DOUBLE)) AS a0
FROM scoped AS s
LEFT JOIN ranked AS r ON r.member = s.__member
GROUP BY s.__day, r.place

-- ga4_landing_pages_daily, two ranges: the windows have a gap
WITH scoped AS MATERIALIZED (
  SELECT t."date" AS __day, COALESCE(NULLIF(CAST(t."landing_page" AS TEXT), ''), '(not set)') AS __member, t."sessions" AS "sessions"
  FROM "ga4_landing_pages_daily" AS t
  WHERE t."user_id" = $tenant AND t."date" BETWEEN $start0 AND $end0
  UNION ALL
  SELECT t."date" AS __day, COALESCE(NULLIF(CAST(t."landing_page" AS TEXT), ''), '(not set)') AS __member, t."sessions" AS "sessions"
  FROM "ga4_landing_pages_daily" AS t
  WHERE t."user_id" = $tenant AND t."date" BETWEEN $start1 AND $end1
), ranked AS (
  SELECT s.__member AS member, ROW_NUMBER() OVER (ORDER BY COALESCE(CAST(SUM(CAST(s."sessions" AS DOUBLE)) AS DOUBLE), 0) DESC, s.__member) AS place
  FROM scoped AS s
  WHERE s.__member <> 'Other'
  GROUP BY s.__member
  ORDER BY place LIMIT 8
)
SELECT
  s.__day AS day,
  r.place AS place,
  MIN(r.member) AS member,
  SUM(CAST(s."sessions" AS DOUBLE)) AS a0
FROM scoped AS s
LEFT JOIN ranked AS r ON r.member = s.__member
GROUP BY s.__day, r.place
