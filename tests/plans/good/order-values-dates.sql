SELECT
  "orders"."order_id" AS "order_id"
FROM "orders"
ORDER BY CASE "orders"."order_date" WHEN DATE '2026-01-30' THEN 1 WHEN DATE '2026-01-29' THEN 2 END ASC NULLS LAST, "order_id" ASC NULLS LAST
LIMIT 3
