-- Every sum of a channel, by day or window: a row of the table is a channel, and its total is over all of them.

-- ga4_channels_daily, one range of days: compare is off, or the windows touch
SELECT
  t."date" AS day,
  SUM(CAST(t."sessions" AS REAL)) AS a0,
  SUM(CAST(t."engaged_sessions" AS REAL)) AS a1,
  SUM(CAST(t."conversions" AS REAL)) AS a2,
  SUM(CAST(t."revenue" AS REAL)) AS a3,
  MIN(t."currency") AS a4,
  MAX(t."currency") AS a5
FROM "ga4_channels_daily" AS t
WHERE t."user_id" = :tenant AND t."date" BETWEEN :start0 AND :end0
GROUP BY t."date"

-- ga4_channels_daily, two ranges: the windows have a gap
SELECT
  t."date" AS day,
  SUM(CAST(t."sessions" AS REAL)) AS a0,
  SUM(CAST(t."engaged_sessions" AS REAL)) AS a1,
  SUM(CAST(t."conversions" AS REAL)) AS a2,
  SUM(CAST(t."revenue" AS REAL)) AS a3,
  MIN(t."currency") AS a4,
  MAX(t."currency") AS a5
FROM "ga4_channels_daily" AS t
WHERE t."user_id" = :tenant AND t."date" BETWEEN :start0 AND :end0
GROUP BY t."date"
UNION ALL
SELECT
  t."date" AS day,
  SUM(CAST(t."sessions" AS REAL)) AS a0,
  SUM(CAST(t."engaged_sessions" AS REAL)) AS a1,
  SUM(CAST(t."conversions" AS REAL)) AS a2,
  SUM(CAST(t."revenue" AS REAL)) AS a3,
  MIN(t."currency") AS a4,
  MAX(t."currency") AS a5
FROM "ga4_channels_daily" AS t
WHERE t."user_id" = :tenant AND t."date" BETWEEN :start1 AND :end1
GROUP BY t."date"

-- ga4_channels_daily, the asked window
SELECT
  0 AS slot,
  COALESCE(NULLIF(CAST(t."channel" AS TEXT), ''), '(not set)') AS member,
  SUM(CAST(t."sessions" AS REAL)) AS a0,
  SUM(CAST(t."engaged_sessions" AS REAL)) AS a1,
  SUM(CAST(t."conversions" AS REAL)) AS a2,
  SUM(CAST(t."revenue" AS REAL)) AS a3,
  MIN(t."currency") AS a4,
  MAX(t."currency") AS a5
FROM "ga4_channels_daily" AS t
WHERE t."user_id" = :tenant AND t."date" BETWEEN :start0 AND :end0
GROUP BY COALESCE(NULLIF(CAST(t."channel" AS TEXT), ''), '(not set)')

-- ga4_channels_daily, both windows
SELECT
  0 AS slot,
  COALESCE(NULLIF(CAST(t."channel" AS TEXT), ''), '(not set)') AS member,
  SUM(CAST(t."sessions" AS REAL)) AS a0,
  SUM(CAST(t."engaged_sessions" AS REAL)) AS a1,
  SUM(CAST(t."conversions" AS REAL)) AS a2,
  SUM(CAST(t."revenue" AS REAL)) AS a3,
  MIN(t."currency") AS a4,
  MAX(t."currency") AS a5
FROM "ga4_channels_daily" AS t
WHERE t."user_id" = :tenant AND t."date" BETWEEN :start0 AND :end0
GROUP BY COALESCE(NULLIF(CAST(t."channel" AS TEXT), ''), '(not set)')
UNION ALL
SELECT
  1 AS slot,
  COALESCE(NULLIF(CAST(t."channel" AS TEXT), ''), '(not set)') AS member,
  SUM(CAST(t."sessions" AS REAL)) AS a0,
  SUM(CAST(t."engaged_sessions" AS REAL)) AS a1,
  SUM(CAST(t."conversions" AS REAL)) AS a2,
  SUM(CAST(t."revenue" AS REAL)) AS a3,
  MIN(t."currency") AS a4,
  MAX(t."currency") AS a5
FROM "ga4_channels_daily" AS t
WHERE t."user_id" = :tenant AND t."date" BETWEEN :start1 AND :end1
GROUP BY COALESCE(NULLIF(CAST(t."channel" AS TEXT), ''), '(not set)')

-- ga4_channels_daily, both windows, and each up to the last known day of an unfinished one
SELECT
  0 AS slot,
  COALESCE(NULLIF(CAST(t."channel" AS TEXT), ''), '(not set)') AS member,
  SUM(CAST(t."sessions" AS REAL)) AS a0,
  SUM(CAST(t."engaged_sessions" AS REAL)) AS a1,
  SUM(CAST(t."conversions" AS REAL)) AS a2,
  SUM(CAST(t."revenue" AS REAL)) AS a3,
  MIN(t."currency") AS a4,
  MAX(t."currency") AS a5
FROM "ga4_channels_daily" AS t
WHERE t."user_id" = :tenant AND t."date" BETWEEN :start0 AND :end0
GROUP BY COALESCE(NULLIF(CAST(t."channel" AS TEXT), ''), '(not set)')
UNION ALL
SELECT
  1 AS slot,
  COALESCE(NULLIF(CAST(t."channel" AS TEXT), ''), '(not set)') AS member,
  SUM(CAST(t."sessions" AS REAL)) AS a0,
  SUM(CAST(t."engaged_sessions" AS REAL)) AS a1,
  SUM(CAST(t."conversions" AS REAL)) AS a2,
  SUM(CAST(t."revenue" AS REAL)) AS a3,
  MIN(t."currency") AS a4,
  MAX(t."currency") AS a5
FROM "ga4_channels_daily" AS t
WHERE t."user_id" = :tenant AND t."date" BETWEEN :start1 AND :end1
GROUP BY COALESCE(NULLIF(CAST(t."channel" AS TEXT), ''), '(not set)')
UNION ALL
SELECT
  2 AS slot,
  COALESCE(NULLIF(CAST(t."channel" AS TEXT), ''), '(not set)') AS member,
  SUM(CAST(t."sessions" AS REAL)) AS a0,
  SUM(CAST(t."engaged_sessions" AS REAL)) AS a1,
  SUM(CAST(t."conversions" AS REAL)) AS a2,
  SUM(CAST(t."revenue" AS REAL)) AS a3,
  MIN(t."currency") AS a4,
  MAX(t."currency") AS a5
FROM "ga4_channels_daily" AS t
WHERE t."user_id" = :tenant AND t."date" BETWEEN :start2 AND :end2
GROUP BY COALESCE(NULLIF(CAST(t."channel" AS TEXT), ''), '(not set)')
UNION ALL
SELECT
  3 AS slot,
  COALESCE(NULLIF(CAST(t."channel" AS TEXT), ''), '(not set)') AS member,
  SUM(CAST(t."sessions" AS REAL)) AS a0,
  SUM(CAST(t."engaged_sessions" AS REAL)) AS a1,
  SUM(CAST(t."conversions" AS REAL)) AS a2,
  SUM(CAST(t."revenue" AS REAL)) AS a3,
  MIN(t."currency") AS a4,
  MAX(t."currency") AS a5
FROM "ga4_channels_daily" AS t
WHERE t."user_id" = :tenant AND t."date" BETWEEN :start3 AND :end3
GROUP BY COALESCE(NULLIF(CAST(t."channel" AS TEXT), ''), '(not set)')
