SELECT
  count(*) AS "count"
FROM "orders"
WHERE ("orders"."status" = 'returned' OR ("orders"."total" > 100 AND NOT ("orders"."returned" = true)) OR NOT (("orders"."total" < 5 OR "orders"."total" > 500)))
  AND "orders"."order_id" > 1500
ORDER BY "count" ASC NULLS LAST
LIMIT 200
