SELECT
  count(*) AS "count"
FROM "orders"
ORDER BY "count" ASC NULLS LAST
LIMIT 200
