SELECT
  "orders"."status" AS "status",
  sum("order_items"."quantity") AS "pieces",
  count(DISTINCT "orders"."order_id") AS "orders",
  max("orders"."total") AS "max_total"
FROM "orders"
LEFT JOIN "order_items" ON "order_items"."order_id" = "orders"."order_id"
GROUP BY "orders"."status"
ORDER BY "status" ASC NULLS LAST, "pieces" ASC NULLS LAST, "orders" ASC NULLS LAST, "max_total" ASC NULLS LAST
LIMIT 200
