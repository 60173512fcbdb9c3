SELECT
  date_sub('second', "tickets"."created_at", TIMESTAMP '2026-01-31 00:00:00') AS "second",
  date_sub('minute', "tickets"."created_at", TIMESTAMP '2026-01-31 00:00:00') AS "minute",
  date_sub('hour', "tickets"."created_at", TIMESTAMP '2026-01-31 00:00:00') AS "hour",
  date_sub('day', "tickets"."created_at", TIMESTAMP '2026-01-31 00:00:00') AS "day",
  date_sub('week', "tickets"."created_at", TIMESTAMP '2026-01-31 00:00:00') AS "week",
  date_sub('month', "tickets"."created_at", TIMESTAMP '2026-01-31 00:00:00') AS "month",
  date_sub('quarter', "tickets"."created_at", TIMESTAMP '2026-01-31 00:00:00') AS "quarter",
  date_sub('year', "tickets"."created_at", TIMESTAMP '2026-01-31 00:00:00') AS "year",
  date_sub('day', TIMESTAMP '2026-01-01 00:00:00', "tickets"."created_at") AS "of_january"
FROM "tickets"
ORDER BY "second" ASC NULLS LAST, "minute" ASC NULLS LAST, "hour" ASC NULLS LAST, "day" ASC NULLS LAST, "week" ASC NULLS LAST, "month" ASC NULLS LAST, "quarter" ASC NULLS LAST, "year" ASC NULLS LAST, "of_january" ASC NULLS LAST
LIMIT 3
