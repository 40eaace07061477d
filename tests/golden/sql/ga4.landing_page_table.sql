-- Every sum of a landing page: pages that `having` leaves out count in the total, so no statement leaves them out.

-- ga4_landing_pages_daily, one range of days: compare is off, or the windows touch
SELECT
  t."date" AS day,
  SUM(CAST(t."sessions" AS REAL)) AS a0,
  SUM(CAST(t."engaged_sessions" AS REAL)) AS a1,
  SUM(CAST(t."conversions" AS REAL)) AS a2
FROM "ga4_landing_pages_daily" AS t
WHERE t."user_id" = :tenant AND t."date" BETWEEN :start0 AND :end0
GROUP BY t."date"

-- ga4_landing_pages_daily, two ranges: the windows have a gap
SELECT
  t."date" AS day,
  SUM(CAST(t."sessions" AS REAL)) AS a0,
  SUM(CAST(t."engaged_sessions" AS REAL)) AS a1,
  SUM(CAST(t."conversions" AS REAL)) AS a2
FROM "ga4_landing_pages_daily" AS t
WHERE t."user_id" = :tenant AND t."date" BETWEEN :start0 AND :end0
GROUP BY t."date"
UNION ALL
SELECT
  t."date" AS day,
  SUM(CAST(t."sessions" AS REAL)) AS a0,
  SUM(CAST(t."engaged_sessions" AS REAL)) AS a1,
  SUM(CAST(t."conversions" AS REAL)) AS a2
FROM "ga4_landing_pages_daily" AS t
WHERE t."user_id" = :tenant AND t."date" BETWEEN :start1 AND :end1
GROUP BY t."date"

-- ga4_landing_pages_daily, the asked window
SELECT
  0 AS slot,
  COALESCE(NULLIF(CAST(t."landing_page" AS TEXT), ''), '(not set)') AS member,
  SUM(CAST(t."sessions" AS REAL)) AS a0,
  SUM(CAST(t."engaged_sessions" AS REAL)) AS a1,
  SUM(CAST(t."conversions" AS REAL)) AS a2
FROM "ga4_landing_pages_daily" AS t
WHERE t."user_id" = :tenant AND t."date" BETWEEN :start0 AND :end0
GROUP BY COALESCE(NULLIF(CAST(t."landing_page" AS TEXT), ''), '(not set)')

-- ga4_landing_pages_daily, both windows
SELECT
  0 AS slot,
  COALESCE(NULLIF(CAST(t."landing_page" AS TEXT), ''), '(not set)') AS member,
  SUM(CAST(t."sessions" AS REAL)) AS a0,
  SUM(CAST(t."engaged_sessions" AS REAL)) AS a1,
  SUM(CAST(t."conversions" AS REAL)) AS a2
FROM "ga4_landing_pages_daily" AS t
WHERE t."user_id" = :tenant AND t."date" BETWEEN :start0 AND :end0
GROUP BY COALESCE(NULLIF(CAST(t."landing_page" AS TEXT), ''), '(not set)')
UNION ALL
SELECT
  1 AS slot,
  COALESCE(NULLIF(CAST(t."landing_page" AS TEXT), ''), '(not set)') AS member,
  SUM(CAST(t."sessions" AS REAL)) AS a0,
  SUM(CAST(t."engaged_sessions" AS REAL)) AS a1,
  SUM(CAST(t."conversions" AS REAL)) AS a2
FROM "ga4_landing_pages_daily" AS t
WHERE t."user_id" = :tenant AND t."date" BETWEEN :start1 AND :end1
GROUP BY COALESCE(NULLIF(CAST(t."landing_page" AS TEXT), ''), '(not set)')

-- ga4_landing_pages_daily, both windows, and each up to the last known day of an unfinished one
SELECT
  0 AS slot,
  COALESCE(NULLIF(CAST(t."landing_page" AS TEXT), ''), '(not set)') AS member,
  SUM(CAST(t."sessions" AS REAL)) AS a0,
  SUM(CAST(t."engaged_sessions" AS REAL)) AS a1,
  SUM(CAST(t."conversions" AS REAL)) AS a2
FROM "ga4_landing_pages_daily" AS t
WHERE t."user_id" = :tenant AND t."date" BETWEEN :start0 AND :end0
GROUP BY COALESCE(NULLIF(CAST(t."landing_page" AS TEXT), ''), '(not set)')
UNION ALL
SELECT
  1 AS slot,
  COALESCE(NULLIF(CAST(t."landing_page" AS TEXT), ''), '(not set)') AS member,
  SUM(CAST(t."sessions" AS REAL)) AS a0,
  SUM(CAST(t."engaged_sessions" AS REAL)) AS a1,
  SUM(CAST(t."conversions" AS REAL)) AS a2
FROM "ga4_landing_pages_daily" AS t
WHERE t."user_id" = :tenant AND t."date" BETWEEN :start1 AND :end1
GROUP BY COALESCE(NULLIF(CAST(t."landing_page" AS TEXT), ''), '(not set)')
UNION ALL
SELECT
  2 AS slot,
  COALESCE(NULLIF(CAST(t."landing_page" AS TEXT), ''), '(not set)') AS member,
  SUM(CAST(t."sessions" AS REAL)) AS a0,
  SUM(CAST(t."engaged_sessions" AS REAL)) AS a1,
  SUM(CAST(t."conversions" AS REAL)) AS a2
FROM "ga4_landing_pages_daily" AS t
WHERE t."user_id" = :tenant AND t."date" BETWEEN :start2 AND :end2
GROUP BY COALESCE(NULLIF(CAST(t."landing_page" AS TEXT), ''), '(not set)')
UNION ALL
SELECT
  3 AS slot,
  COALESCE(NULLIF(CAST(t."landing_page" AS TEXT), ''), '(not set)') AS member,
  SUM(CAST(t."sessions" AS REAL)) AS a0,
  SUM(CAST(t."engaged_sessions" AS REAL)) AS a1,
  SUM(CAST(t."conversions" AS REAL)) AS a2
FROM "ga4_landing_pages_daily" AS t
WHERE t."user_id" = :tenant AND t."date" BETWEEN :start3 AND :end3
GROUP BY COALESCE(NULLIF(CAST(t."landing_page" AS TEXT), ''), '(not set)')
