SELECT
  "order_items"."price" - (CAST("order_items"."discount" AS BIGINT) - (CAST("order_items"."quantity" AS BIGINT) + 1 + -2)) AS "a",
  CAST("order_items"."price" + 0.1 AS DECIMAL(38,2)) * -(-(-5)) * -"order_items"."price" AS "b",
  "order_items"."price" / nullif("order_items"."quantity", 0) / nullif(CAST("order_items"."quantity" AS BIGINT) * 2, 0) AS "c",
  CAST("order_items"."quantity" AS BIGINT) * CAST("order_items"."discount" AS BIGINT) AS "d",
  CAST(2147483647 AS BIGINT) + 1 AS "e",
  abs(-(abs("order_items"."price"))) AS "f"
FROM "order_items"
ORDER BY "a" ASC NULLS LAST, "b" ASC NULLS LAST, "c" ASC NULLS LAST, "d" ASC NULLS LAST, "e" ASC NULLS LAST, "f" ASC NULLS LAST
LIMIT 5
