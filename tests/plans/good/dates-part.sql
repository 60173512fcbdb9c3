SELECT
  date_part('year', "tickets"."created_at") AS "year",
  date_part('quarter', "tickets"."created_at") AS "quarter",
  date_part('month', "tickets"."created_at") AS "month",
  date_part('week', "tickets"."created_at") AS "week",
  date_part('day', "tickets"."created_at") AS "day",
  date_part('hour', "tickets"."created_at") AS "hour",
  date_part('minute', "tickets"."created_at") AS "minute",
  date_part('isodow', "tickets"."created_at") AS "day_of_week",
  date_part('doy', "tickets"."created_at") AS "day_of_year"
FROM "tickets"
ORDER BY "year" ASC NULLS LAST, "quarter" ASC NULLS LAST, "month" ASC NULLS LAST, "week" ASC NULLS LAST, "day" ASC NULLS LAST, "hour" ASC NULLS LAST, "minute" ASC NULLS LAST, "day_of_week" ASC NULLS LAST, "day_of_year" ASC NULLS LAST
LIMIT 3
