SELECT
  count(*) AS "count"
FROM "orders"
WHERE "orders"."total" <> 0.1
  AND "orders"."total" <> 0
  AND "orders"."total" <> 1e-7
  AND "orders"."total" <> 123456789012345.67
  AND "orders"."total" <> 1e+21
  AND "orders"."order_id" <> 9223372036854775807
  AND "orders"."order_id" <> -9223372036854775808
  AND "orders"."order_id" <> 1.5
  AND "orders"."total" <> 100
ORDER BY "count" ASC NULLS LAST
LIMIT 200
