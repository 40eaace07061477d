-- Every sum of a channel, by day or window: a row of the table is a channel, and its total is over all of them.

-- ga4_channels_daily, one range of days: compare is off, or the windows touch
SELECT
  t."date" AS day,
  SUM(toFloat64(t."sessions")) AS a0,
  SUM(toFloat64(t."engaged_sessions")) AS a1,
  SUM(toFloat64(t."conversions")) AS a2,
  SUM(toFloat64(t."revenue")) AS a3,
  MIN(t."currency") AS a4,
  MAX(t."currency") AS a5
FROM "ga4_channels_daily" AS t
WHERE t."user_id" = {tenant:UUID} AND t."date" BETWEEN {start0:Date32} AND {end0:Date32}
GROUP BY t."date"

-- ga4_channels_daily, two ranges: the windows have a gap
SELECT
  t."date" AS day,
  SUM(toFloat64(t."sessions")) AS a0,
  SUM(toFloat64(t."engaged_sessions")) AS a1,
  SUM(toFloat64(t."conversions")) AS a2,
  SUM(toFloat64(t."revenue")) AS a3,
  MIN(t."currency") AS a4,
  MAX(t."currency") AS a5
FROM "ga4_channels_daily" AS t
WHERE t."user_id" = {tenant:UUID} AND t."date" BETWEEN {start0:Date32} AND {end0:Date32}
GROUP BY t."date"
UNION ALL
SELECT
  t."date" AS day,
  SUM(toFloat64(t."sessions")) AS a0,
  SUM(toFloat64(t."engaged_sessions")) AS a1,
  SUM(toFloat64(t."conversions")) AS a2,
  SUM(toFloat64(t."revenue")) AS a3,
  MIN(t."currency") AS a4,
  MAX(t."currency") AS a5
FROM "ga4_channels_daily" AS t
WHERE t."user_id" = {tenant:UUID} AND t."date" BETWEEN {start1:Date32} AND {end1:Date32}
GROUP BY t."date"

-- ga4_channels_daily, the asked window
SELECT
  0 AS slot,
  COALESCE(NULLIF(CAST(t."channel" AS Nullable(String)), ''), '(not set)') AS member,
  SUM(toFloat64(t."sessions")) AS a0,
  SUM(toFloat64(t."engaged_sessions")) AS a1,
  SUM(toFloat64(t."conversions")) AS a2,
  SUM(toFloat64(t."revenue")) AS a3,
  MIN(t."currency") AS a4,
  MAX(t."currency") AS a5
FROM "ga4_channels_daily" AS t
WHERE t."user_id" = {tenant:UUID} AND t."date" BETWEEN {start0:Date32} AND {end0:Date32}
GROUP BY COALESCE(NULLIF(CAST(t."channel" AS Nullable(String)), ''), '(not set)')

-- ga4_channels_daily, both windows
SELECT
  0 AS slot,
  COALESCE(NULLIF(CAST(t."channel" AS Nullable(String)), ''), '(not set)') AS member,
  SUM(toFloat64(t."sessions")) AS a0,
  SUM(toFloat64(t."engaged_sessions")) AS a1,
  SUM(toFloat64(t."conversions")) AS a2,
  SUM(toFloat64(t."revenue")) AS a3,
  MIN(t."currency") AS a4,
  MAX(t."currency") AS a5
FROM "ga4_channels_daily" AS t
WHERE t."user_id" = {tenant:UUID} AND t."date" BETWEEN {start0:Date32} AND {end0:Date32}
GROUP BY COALESCE(NULLIF(CAST(t."channel" AS Nullable(String)), ''), '(not set)')
UNION ALL
SELECT
  1 AS slot,
  COALESCE(NULLIF(CAST(t."channel" AS Nullable(String)), ''), '(not set)') AS member,
  SUM(toFloat64(t."sessions")) AS a0,
  SUM(toFloat64(t."engaged_sessions")) AS a1,
  SUM(toFloat64(t."conversions")) AS a2,
  SUM(toFloat64(t."revenue")) AS a3,
  MIN(t."currency") AS a4,
  MAX(t."currency") AS a5
FROM "ga4_channels_daily" AS t
WHERE t."user_id" = {tenant:UUID} AND t."date" BETWEEN {start1:Date32} AND {end1:Date32}
GROUP BY COALESCE(NULLIF(CAST(t."channel" AS Nullable(String)), ''), '(not set)')

-- ga4_channels_daily, both windows, and each up to the last known day of an unfinished one
SELECT
  0 AS slot,
  COALESCE(NULLIF(CAST(t."channel" AS Nullable(String)), ''), '(not set)') AS member,
  SUM(toFloat64(t."sessions")) AS a0,
  SUM(toFloat64(t."engaged_sessions")) AS a1,
  SUM(toFloat64(t."conversions")) AS a2,
  SUM(toFloat64(t."revenue")) AS a3,
  MIN(t."currency") AS a4,
  MAX(t."currency") AS a5
FROM "ga4_channels_daily" AS t
WHERE t."user_id" = {tenant:UUID} AND t."date" BETWEEN {start0:Date32} AND {end0:Date32}
GROUP BY COALESCE(NULLIF(CAST(t."channel" AS Nullable(String)), ''), '(not set)')
UNION ALL
SELECT
  1 AS slot,
  COALESCE(NULLIF(CAST(t."channel" AS Nullable(String)), ''), '(not set)') AS member,
  SUM(toFloat64(t."sessions")) AS a0,
  SUM(toFloat64(t."engaged_sessions")) AS a1,
  SUM(toFloat64(t."conversions")) AS a2,
  SUM(toFloat64(t."revenue")) AS a3,
  MIN(t."currency") AS a4,
  MAX(t."currency") AS a5
FROM "ga4_channels_daily" AS t
WHERE t."user_id" = {tenant:UUID} AND t."date" BETWEEN {start1:Date32} AND {end1:Date32}
GROUP BY COALESCE(NULLIF(CAST(t."channel" AS Nullable(String)), ''), '(not set)')
UNION ALL
SELECT
  2 AS slot,
  COALESCE(NULLIF(CAST(t."channel" AS Nullable(String)), ''), '(not set)') AS member,
  SUM(toFloat64(t."sessions")) AS a0,
  SUM(toFloat64(t."engaged_sessions")) AS a1,
  SUM(toFloat64(t."conversions")) AS a2,
  SUM(toFloat64(t."revenue")) AS a3,
  MIN(t."currency") AS a4,
  MAX(t."currency") AS a5
FROM "ga4_channels_daily" AS t
WHERE t."user_id" = {tenant:UUID} AND t."date" BETWEEN {start2:Date32} AND {end2:Date32}
GROUP BY COALESCE(NULLIF(CAST(t."channel" AS Nullable(String)), ''), '(not set)')
UNION ALL
SELECT
  3 AS slot,
  COALESCE(NULLIF(CAST(t."channel" AS Nullable(String)), ''), '(not set)') AS member,
  SUM(toFloat64(t."sessions")) AS a0,
  SUM(toFloat64(t."engaged_sessions")) AS a1,
  SUM(toFloat64(t."conversions")) AS a2,
  SUM(toFloat64(t."revenue")) AS a3,
  MIN(t."currency") AS a4,
  MAX(t."currency") AS a5
FROM "ga4_channels_daily" AS t
WHERE t."user_id" = {tenant:UUID} AND t."date" BETWEEN {start3:Date32} AND {end3:Date32}
GROUP BY COALESCE(NULLIF(CAST(t."channel" AS Nullable(String)), ''), '(not set)')
