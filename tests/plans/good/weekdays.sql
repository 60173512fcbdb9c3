SELECT
  date_part('isodow', CAST("orders"."order_date" AS TIMESTAMP)) AS "weekday",
  count(*) AS "orders"
FROM "orders"
GROUP BY date_part('isodow', CAST("orders"."order_date" AS TIMESTAMP))
ORDER BY "weekday" ASC NULLS LAST, "orders" ASC NULLS LAST
LIMIT 200
