SELECT
  count(*) AS "count"
FROM "tickets"
WHERE "tickets"."resolved_at" BETWEEN "tickets"."created_at" AND TIMESTAMP '2026-01-31 00:00:00'
  AND "tickets"."resolved_at" BETWEEN "tickets"."created_at" AND TIMESTAMP '2026-01-31 00:00:00'
ORDER BY "count" ASC NULLS LAST
LIMIT 200
