SELECT
  "orders"."order_id" AS "order_id",
  "orders"."customer_id" AS "customer_id",
  "orders"."order_date" AS "order_date",
  "orders"."total" AS "total",
  "orders"."status" AS "status",
  "orders"."returned" AS "returned"
FROM "orders"
ORDER BY "order_id" ASC NULLS LAST, "customer_id" ASC NULLS LAST, "order_date" ASC NULLS LAST, "total" ASC NULLS LAST, "status" ASC NULLS LAST, "returned" ASC NULLS LAST
LIMIT 200
