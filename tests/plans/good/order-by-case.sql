SELECT
  "orders"."status" AS "State",
  count(*) AS "N"
FROM "orders"
GROUP BY "orders"."status"
ORDER BY "N" DESC NULLS LAST, "State" ASC NULLS LAST
LIMIT 200
