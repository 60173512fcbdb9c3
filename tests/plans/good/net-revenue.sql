SELECT
  sum("order_items"."price" * "order_items"."quantity" * (1 - "order_items"."discount" / 100)) AS "net",
  CAST(round(sum("order_items"."price" * "order_items"."quantity" * (1 - "order_items"."discount" / 100)), 2) AS DECIMAL(38,2)) AS "net_rounded"
FROM "order_items"
ORDER BY "net" ASC NULLS LAST, "net_rounded" ASC NULLS LAST
LIMIT 200
