SELECT
  count(*) AS "count"
FROM "order_items"
GROUP BY "order_items"."category"
ORDER BY "order_items"."category" DESC NULLS LAST, "count" ASC NULLS LAST
LIMIT 200
