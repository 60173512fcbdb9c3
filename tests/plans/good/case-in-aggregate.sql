SELECT
  "order_items"."category" AS "category",
  sum(CASE WHEN "orders"."status" = 'completed' THEN "order_items"."price" * "order_items"."quantity" ELSE 0 END) AS "completed_revenue"
FROM "order_items"
LEFT JOIN "orders" ON "order_items"."order_id" = "orders"."order_id"
GROUP BY "order_items"."category"
ORDER BY "category" ASC NULLS LAST, "completed_revenue" ASC NULLS LAST
LIMIT 200
