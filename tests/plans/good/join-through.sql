SELECT
  "inventory"."name" AS "name",
  count(DISTINCT "orders"."customer_id") AS "buyers"
FROM "inventory"
LEFT JOIN "order_items" ON "order_items"."product_id" = "inventory"."product_id"
LEFT JOIN "orders" ON "order_items"."order_id" = "orders"."order_id"
GROUP BY "inventory"."name"
ORDER BY "buyers" DESC NULLS LAST, "name" ASC NULLS LAST
LIMIT 5
