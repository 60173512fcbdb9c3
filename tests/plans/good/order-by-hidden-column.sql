SELECT
  "orders"."order_id" AS "order_id"
FROM "orders"
ORDER BY "orders"."total" DESC NULLS FIRST, "orders"."order_date" ASC NULLS LAST, "order_id" ASC NULLS LAST
LIMIT 5
