SELECT
  "orders"."status" AS "orders",
  count(*) AS "order_items"
FROM "orders"
GROUP BY "orders"."status"
ORDER BY "order_items" DESC NULLS LAST, "orders" ASC NULLS LAST
LIMIT 200
