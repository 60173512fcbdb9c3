SELECT
  "orders"."order_date" AS "order_date",
  "order_items"."item_id" AS "item_id"
FROM "order_items"
LEFT JOIN "orders" ON "order_items"."order_id" = "orders"."order_id"
ORDER BY "order_date" DESC NULLS LAST, "orders"."total" ASC NULLS LAST, "item_id" ASC NULLS LAST
LIMIT 5
