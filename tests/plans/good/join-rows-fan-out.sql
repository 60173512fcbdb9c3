SELECT
  "orders"."order_id" AS "order_id",
  "order_items"."price" AS "price"
FROM "orders"
LEFT JOIN "order_items" ON "order_items"."order_id" = "orders"."order_id"
ORDER BY "order_id" ASC NULLS LAST, "price" ASC NULLS LAST
LIMIT 5
