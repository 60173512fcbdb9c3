SELECT
  "orders"."status" AS "status",
  CASE WHEN count(*) > 1000 THEN 'many' ELSE 'few' END AS "size"
FROM "orders"
GROUP BY "orders"."status"
ORDER BY "status" ASC NULLS LAST, "size" ASC NULLS LAST
LIMIT 200
