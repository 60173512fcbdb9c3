SELECT
  sum(CAST("order_items"."price" AS DECIMAL(38,2)) * "orders"."total" * 0.5) AS "wide",
  sum("order_items"."price") * max("order_items"."price") AS "wide_already",
  max(CAST("order_items"."price" AS DOUBLE) * 0.123456789012345 * 0.123456789012345 * 0.123456789012345) AS "many_decimals",
  max("order_items"."price" * "order_items"."quantity") AS "narrow",
  CAST(round(max("order_items"."price") * 1e-7, 3) AS DECIMAL(38,3)) AS "tiny"
FROM "order_items"
LEFT JOIN "orders" ON "order_items"."order_id" = "orders"."order_id"
ORDER BY "wide" ASC NULLS LAST, "wide_already" ASC NULLS LAST, "many_decimals" ASC NULLS LAST, "narrow" ASC NULLS LAST, "tiny" ASC NULLS LAST
LIMIT 200
