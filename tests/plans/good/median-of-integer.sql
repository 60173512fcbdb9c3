SELECT
  median("order_items"."quantity") AS "median_quantity"
FROM "order_items"
ORDER BY "median_quantity" ASC NULLS LAST
LIMIT 200
