SELECT
  "order_items"."category" AS "category",
  sum("order_items"."quantity") AS "pieces",
  avg("order_items"."price") AS "price"
FROM "order_items"
GROUP BY "order_items"."category"
HAVING sum("order_items"."quantity") > 100
  AND ("order_items"."category" <> 'Toys' OR max("order_items"."discount") = 30)
  AND avg("order_items"."price") < sum("order_items"."quantity") / 2
ORDER BY "category" ASC NULLS LAST, "pieces" ASC NULLS LAST, "price" ASC NULLS LAST
LIMIT 200
