SELECT
  "order_items"."category" AS "category",
  sum("order_items"."price" * "order_items"."quantity") AS "revenue",
  count(DISTINCT "orders"."customer_id") AS "buyers"
FROM "order_items"
LEFT JOIN "orders" ON "order_items"."order_id" = "orders"."order_id"
WHERE "orders"."status" = 'completed'
  AND "orders"."order_date" BETWEEN DATE '2026-01-01' AND DATE '2026-01-31'
GROUP BY "order_items"."category"
ORDER BY "revenue" DESC NULLS LAST, "category" ASC NULLS LAST, "buyers" ASC NULLS LAST
LIMIT 10
