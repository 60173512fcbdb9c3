SELECT
  count(*) AS "count"
FROM "orders"
WHERE "orders"."order_date" BETWEEN DATE '2026-01-30' AND DATE '2026-01-31'
ORDER BY "count" ASC NULLS LAST
LIMIT 200
