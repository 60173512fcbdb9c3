SELECT
  "order_items"."category" AS "category",
  count(*) / nullif((
    SELECT count(*)
    FROM "order_items"
  ), 0) AS "share"
FROM "order_items"
GROUP BY "order_items"."category"
HAVING count(*) > (
    SELECT count(*)
    FROM "order_items"
  ) / 10
ORDER BY "category" ASC NULLS LAST, "share" ASC NULLS LAST
LIMIT 200
