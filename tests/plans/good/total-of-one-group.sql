SELECT
  count(*) FILTER (WHERE "orders"."returned" = true) / nullif(CAST(sum(count(*)) OVER () AS BIGINT), 0) AS "share"
FROM "orders"
ORDER BY "share" ASC NULLS LAST
LIMIT 200
