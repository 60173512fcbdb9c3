SELECT
  "orders"."status" AS "__proto__",
  count(*) AS "count"
FROM "orders"
GROUP BY "orders"."status"
ORDER BY "__proto__" ASC NULLS LAST, "count" ASC NULLS LAST
LIMIT 200
