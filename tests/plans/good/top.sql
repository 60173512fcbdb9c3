SELECT
  "category",
  "name",
  "revenue"
FROM (
  SELECT
    "order_items"."category" AS "category",
    "inventory"."name" AS "name",
    sum("order_items"."price" * "order_items"."quantity") AS "revenue"
  FROM "order_items"
  LEFT JOIN "inventory" ON "order_items"."product_id" = "inventory"."product_id"
  GROUP BY "order_items"."category", "inventory"."name"
) AS "found"
QUALIFY row_number() OVER (PARTITION BY "category" ORDER BY "revenue" DESC NULLS LAST, "name" ASC NULLS LAST) BETWEEN 1 AND 3
ORDER BY "category" ASC NULLS LAST, "revenue" DESC NULLS LAST, "name" ASC NULLS LAST
LIMIT 200
