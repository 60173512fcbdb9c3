SELECT
  "orders"."order_id" AS "order_id"
FROM "orders"
ORDER BY "order_id" ASC NULLS LAST
LIMIT 10 OFFSET 20
