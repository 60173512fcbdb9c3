SELECT
  "orders"."order_id" AS "order_id"
FROM "orders"
WHERE "orders"."total" > 10
  AND "orders"."total" >= 10.5
  AND "orders"."total" < 1000
  AND "orders"."total" <= 999.99
  AND "orders"."order_id" <> 1001
  AND "orders"."status" = 'completed'
ORDER BY "order_id" ASC NULLS LAST
LIMIT 200
