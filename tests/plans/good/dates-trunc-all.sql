SELECT
  date_trunc('minute', "tickets"."created_at") AS "minute",
  date_trunc('hour', "tickets"."created_at") AS "hour",
  CAST(date_trunc('day', "tickets"."created_at") AS DATE) AS "day",
  CAST(date_trunc('week', "tickets"."created_at") AS DATE) AS "week",
  CAST(date_trunc('month', "tickets"."created_at") AS DATE) AS "month",
  CAST(date_trunc('quarter', "tickets"."created_at") AS DATE) AS "quarter",
  CAST(date_trunc('year', "tickets"."created_at") AS DATE) AS "year"
FROM "tickets"
ORDER BY "minute" ASC NULLS LAST, "hour" ASC NULLS LAST, "day" ASC NULLS LAST, "week" ASC NULLS LAST, "month" ASC NULLS LAST, "quarter" ASC NULLS LAST, "year" ASC NULLS LAST
LIMIT 3
