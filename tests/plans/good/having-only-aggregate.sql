SELECT
  count(*) AS "count"
FROM "orders"
HAVING count(*) > 10
ORDER BY "count" ASC NULLS LAST
LIMIT 200
