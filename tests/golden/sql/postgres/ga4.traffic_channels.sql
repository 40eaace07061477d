-- Sessions by day and channel, where channels are ranked once over both windows together, NULL is `(not set)`, and
-- all after the sixth, with one called Other, are folded into a NULL member before the days are grouped.

-- ga4_channels_daily, one range of days: compare is off, or the windows touch
WITH scoped AS MATERIALIZED (
  SELECT t."date" AS __day, COALESCE(NULLIF(CAST(t."channel" COLLATE "C" AS TEXT) COLLATE "C", ''), '(not set)') AS __member, t."sessions" AS "sessions"
  FROM "ga4_channels_daily" AS t
  WHERE t."user_id" = CAST(%(tenant)s AS UUID) AND t."date" BETWEEN %(start0)s AND %(end0)s
), ranked AS (
  SELECT s.__member AS member, ROW_NUMBER() OVER (ORDER BY COALESCE(CAST(SUM(CAST(s."sessions" AS DOUBLE PRECISION)) AS DOUBLE PRECISION), 0) DESC, s.__member) AS place
  FROM scoped AS s
  WHERE s.__member <> 'Other'
  GROUP BY s.__member
  ORDER BY place LIMIT 6
)
SELECT
  s.__day AS day,
  r.place AS place,
  MIN(r.member) AS member,
  SUM(CAST(s."sessions" AS DOUBLE PRECISION)) AS a0
FROM scoped AS s
LEFT JOIN ranked AS r ON r.member = s.__member
GROUP BY s.__day, r.place

-- ga4_channels_daily, two ranges: the windows have a gap
WITH scoped AS MATERIALIZED (
  SELECT t."date" AS __day, COALESCE(NULLIF(CAST(t."channel" COLLATE "C" AS TEXT) COLLATE "C", ''), '(not set)') AS __member, t."sessions" AS "sessions"
  FROM "ga4_channels_daily" AS t
  WHERE t."user_id" = CAST(%(tenant)s AS UUID) AND t."date" BETWEEN %(start0)s AND %(end0)s
  UNION ALL
  SELECT t."date" AS __day, COALESCE(NULLIF(CAST(t."channel" COLLATE "C" AS TEXT) COLLATE "C", ''), '(not set)') AS __member, t."sessions" AS "sessions"
  FROM "ga4_channels_daily" AS t
  WHERE t."user_id" = CAST(%(tenant)s AS UUID) AND t."date" BETWEEN %(start1)s AND %(end1)s
), ranked AS (
  SELECT s.__member AS member, ROW_NUMBER() OVER (ORDER BY COALESCE(CAST(SUM(CAST(s."sessions" AS DOUBLE PRECISION)) AS DOUBLE PRECISION), 0) DESC, s.__member) AS place
  FROM scoped AS s
  WHERE s.__member <> 'Other'
  GROUP BY s.__member
  ORDER BY place LIMIT 6
)
SELECT
  s.__day AS day,
  r.place AS place,
  MIN(r.member) AS member,
  SUM(CAST(s."sessions" AS DOUBLE PRECISION)) AS a0
FROM scoped AS s
LEFT JOIN ranked AS r ON r.member = s.__member
GROUP BY s.__day, r.place
