SELECT
  count(*) AS "count"
FROM "tickets"
WHERE CAST("tickets"."created_at" AS DATE) = DATE '2026-01-05'
  AND CAST("tickets"."created_at" AS DATE) <= DATE '2026-01-05'
  AND "tickets"."created_at" > TIMESTAMP '2026-01-04 12:30:00'
  AND CAST("tickets"."created_at" AS DATE) BETWEEN DATE '2026-01-01' AND DATE '2026-01-31'
  AND CAST("tickets"."created_at" AS DATE) IN (DATE '2026-01-05', DATE '2026-01-06')
  AND "tickets"."created_at" BETWEEN TIMESTAMP '2026-01-01 00:00:00' AND TIMESTAMP '2026-01-31 23:59:59.999999'
ORDER BY "count" ASC NULLS LAST
LIMIT 200
