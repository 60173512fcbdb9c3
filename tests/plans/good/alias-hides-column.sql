SELECT
  -"orders"."total" AS "total",
  "orders"."order_id" AS "order_id"
FROM "orders"
ORDER BY "total" ASC NULLS LAST, "order_id" ASC NULLS LAST
LIMIT 3
