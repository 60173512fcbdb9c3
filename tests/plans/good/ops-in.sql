SELECT
  "orders"."order_id" AS "order_id"
FROM "orders"
WHERE "orders"."status" IN ('completed', 'returned')
  AND "orders"."customer_id" NOT IN (501, 502)
  AND "orders"."total" IN (1, 2.5)
  AND "orders"."returned" IN (true)
ORDER BY "order_id" ASC NULLS LAST
LIMIT 200
