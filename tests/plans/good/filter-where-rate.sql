SELECT
  count(*) AS "orders",
  count(*) FILTER (WHERE "orders"."returned" = true AND "orders"."total" > 100) AS "big_returns",
  count(*) FILTER (WHERE "orders"."returned" = true) / nullif(count(*), 0) AS "share"
FROM "orders"
ORDER BY "orders" ASC NULLS LAST, "big_returns" ASC NULLS LAST, "share" ASC NULLS LAST
LIMIT 200
