SELECT
  "orders"."status" AS "status",
  count(*) AS "count",
  count("orders"."total") AS "count_total",
  count(DISTINCT "orders"."customer_id") AS "count_distinct_customer_id",
  sum("orders"."total") AS "sum_total",
  avg("orders"."total") AS "avg_total",
  min("orders"."order_date") AS "min_order_date",
  max("orders"."order_date") AS "max_order_date",
  median(CAST("orders"."total" AS DOUBLE)) AS "median_total",
  stddev_samp("orders"."total") AS "stddev_total",
  sum("orders"."total" * 2) AS "sum"
FROM "orders"
GROUP BY "orders"."status"
ORDER BY "status" ASC NULLS LAST, "count" ASC NULLS LAST, "count_total" ASC NULLS LAST, "count_distinct_customer_id" ASC NULLS LAST, "sum_total" ASC NULLS LAST, "avg_total" ASC NULLS LAST, "min_order_date" ASC NULLS LAST, "max_order_date" ASC NULLS LAST, "median_total" ASC NULLS LAST, "stddev_total" ASC NULLS LAST, "sum" ASC NULLS LAST
LIMIT 200
