SELECT
  "order_items"."category" AS "category",
  CAST(round(100 * sum("order_items"."quantity") / nullif(sum(sum("order_items"."quantity")) OVER (), 0), 2) AS DECIMAL(38,2)) AS "share",
  min(min("order_items"."price")) OVER () AS "cheapest",
  max(max("order_items"."price") FILTER (WHERE "order_items"."discount" = 0)) OVER () AS "dearest"
FROM "order_items"
GROUP BY "order_items"."category"
ORDER BY "category" ASC NULLS LAST, "share" ASC NULLS LAST, "cheapest" ASC NULLS LAST, "dearest" ASC NULLS LAST
LIMIT 200
