SELECT
  CAST(date_trunc('month', CAST("orders"."order_date" AS TIMESTAMP)) AS DATE) AS "month",
  sum("orders"."total") AS "revenue"
FROM "orders"
GROUP BY CAST(date_trunc('month', CAST("orders"."order_date" AS TIMESTAMP)) AS DATE)
ORDER BY "month" ASC NULLS LAST, "revenue" ASC NULLS LAST
LIMIT 200
