SELECT
  lower("order_items"."category") AS "low",
  count(*) AS "count"
FROM "order_items"
GROUP BY "order_items"."category"
ORDER BY "low" ASC NULLS LAST, "count" ASC NULLS LAST
LIMIT 200
