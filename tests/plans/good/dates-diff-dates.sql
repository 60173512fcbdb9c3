SELECT
  max(date_sub('day', CAST("orders"."order_date" AS TIMESTAMP), TIMESTAMP '2026-01-31 00:00:00')) AS "oldest"
FROM "orders"
ORDER BY "oldest" ASC NULLS LAST
LIMIT 200
