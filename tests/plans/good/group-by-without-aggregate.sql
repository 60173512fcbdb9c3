SELECT
  "order_items"."category" AS "category"
FROM "order_items"
GROUP BY "order_items"."category"
ORDER BY "category" ASC NULLS LAST
LIMIT 200
