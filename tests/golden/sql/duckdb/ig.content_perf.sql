-- Interactions and reach by day of posting for both windows; and the ten posts of the asked window alone with the
-- most interactions, ties by id, each with the columns of its latest row.

-- ig_media, one range of days: compare is off, or the windows touch
SELECT
  t."posted_on" AS day,
  SUM(CAST(t."interactions" AS DOUBLE)) AS a0,
  SUM(CAST(t."reach" AS DOUBLE)) AS a1
FROM "ig_media" AS t
WHERE t."user_id" = $tenant AND t."posted_on" BETWEEN $start0 AND $end0
GROUP BY t."posted_on"

-- ig_media, two ranges: the windows have a gap
SELECT
  t."posted_on" AS day,
  SUM(CAST(t."interactions" AS DOUBLE)) AS a0,
  SUM(CAST(t."reach" AS DOUBLE)) AS a1
FROM "ig_media" AS t
WHERE t."user_id" = $tenant AND t."posted_on" BETWEEN $start0 AND $end0
GROUP BY t."posted_on"
UNION ALL
SELECT
  t."posted_on" AS day,
  SUM(CAST(t."interactions" AS DOUBLE)) AS a0,
  SUM(CAST(t."reach" AS DOUBLE)) AS a1
FROM "ig_media" AS t
WHERE t."user_id" = $tenant AND t."posted_on" BETWEEN $start1 AND $end1
GROUP BY t."posted_on"

-- ig_media, the items of the asked window
WITH scoped AS MATERIALIZED (
  SELECT t."posted_on" AS __day, CAST(t."media_id" AS TEXT) AS __id, t."interactions" AS "interactions", t."reach" AS "reach", t."caption" AS "caption", t."permalink" AS "permalink", t."media_type" AS "media_type", t."posted_on" AS "posted_on", t."user_id" AS "user_id", t."ig_user_id" AS "ig_user_id", t."media_id" AS "media_id"
  FROM "ig_media" AS t
  WHERE t."user_id" = $tenant AND t."posted_on" BETWEEN $start0 AND $end0 AND t."media_id" IS NOT NULL
), valued AS (
  SELECT s.__id AS id, SUM(CAST(s."interactions" AS DOUBLE)) AS a0, SUM(CAST(s."reach" AS DOUBLE)) AS a1
  FROM scoped AS s
  GROUP BY s.__id
), ranked AS (
  SELECT v.*, ROW_NUMBER() OVER (ORDER BY CASE WHEN COALESCE(CAST(v.a0 AS DOUBLE), 0) IS NULL THEN 1 ELSE 0 END, COALESCE(CAST(v.a0 AS DOUBLE), 0) DESC, v.id) AS place
  FROM valued AS v
), latest AS (
  SELECT s.__id AS id, s."caption" AS shown0, s."permalink" AS shown1, s."media_type" AS shown2, s."posted_on" AS shown3, ROW_NUMBER() OVER (PARTITION BY s.__id ORDER BY s.__day DESC, s."user_id", s."posted_on", s."ig_user_id", s."media_id") AS nth
  FROM scoped AS s
)
SELECT
  r.id AS id,
  r.a0 AS a0,
  r.a1 AS a1,
  l.shown0 AS shown0,
  l.shown1 AS shown1,
  l.shown2 AS shown2,
  l.shown3 AS shown3
FROM ranked AS r
JOIN latest AS l ON l.id = r.id AND l.nth = 1
WHERE r.place <= 10
ORDER BY r.place
