SELECT
  "inventory"."category" AS "shelf",
  count(DISTINCT "orders"."order_id") AS "count_distinct_order_id"
FROM "order_items"
LEFT JOIN "orders" ON "order_items"."order_id" = "orders"."order_id"
LEFT JOIN "inventory" ON "order_items"."product_id" = "inventory"."product_id"
WHERE "orders"."returned" = false
GROUP BY "inventory"."category"
ORDER BY "shelf" ASC NULLS LAST, "count_distinct_order_id" ASC NULLS LAST
LIMIT 200
