SELECT
  "tickets"."ticket_id" AS "ticket_id"
FROM "tickets"
WHERE "tickets"."resolved_at" IS NULL
  AND "tickets"."created_at" IS NOT NULL
ORDER BY "ticket_id" ASC NULLS LAST
LIMIT 200
