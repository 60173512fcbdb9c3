SELECT DISTINCT
  "order_items"."category" AS "category",
  "order_items"."discount" AS "discount"
FROM "order_items"
ORDER BY "discount" DESC NULLS LAST, "category" ASC NULLS LAST
LIMIT 200
