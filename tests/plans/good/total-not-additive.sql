SELECT
  "order_items"."category" AS "category",
  avg("order_items"."price") - (
    SELECT avg("order_items"."price")
    FROM "order_items"
    LEFT JOIN "orders" ON "order_items"."order_id" = "orders"."order_id"
    WHERE "orders"."status" = 'completed'
  ) AS "above_average",
  (
    SELECT count(DISTINCT "orders"."customer_id")
    FROM "order_items"
    LEFT JOIN "orders" ON "order_items"."order_id" = "orders"."order_id"
    WHERE "orders"."status" = 'completed'
  ) AS "customers",
  (
    SELECT median(CAST("order_items"."price" AS DOUBLE))
    FROM "order_items"
    LEFT JOIN "orders" ON "order_items"."order_id" = "orders"."order_id"
    WHERE "orders"."status" = 'completed'
  ) AS "middle"
FROM "order_items"
LEFT JOIN "orders" ON "order_items"."order_id" = "orders"."order_id"
WHERE "orders"."status" = 'completed'
GROUP BY "order_items"."category"
ORDER BY "category" ASC NULLS LAST, "above_average" ASC NULLS LAST, "customers" ASC NULLS LAST, "middle" ASC NULLS LAST
LIMIT 200
