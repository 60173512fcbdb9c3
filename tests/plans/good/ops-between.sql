SELECT
  "orders"."order_id" AS "order_id"
FROM "orders"
WHERE "orders"."total" BETWEEN 10 AND 20.25
  AND "orders"."order_date" BETWEEN DATE '2026-01-01' AND DATE '2026-01-31'
  AND "orders"."status" BETWEEN 'a' AND 'm'
ORDER BY "order_id" ASC NULLS LAST
LIMIT 200
