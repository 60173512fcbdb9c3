SELECT
  "order_items"."discount" AS "discount",
  count(*) AS "count"
FROM "order_items"
GROUP BY "order_items"."discount"
ORDER BY CASE "order_items"."discount" WHEN 30 THEN 1 WHEN 0 THEN 2 END ASC NULLS LAST, "count" ASC NULLS LAST, "discount" ASC NULLS LAST
LIMIT 200
