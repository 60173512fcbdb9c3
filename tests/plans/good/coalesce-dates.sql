SELECT
  "tickets"."ticket_id" AS "ticket_id",
  coalesce("tickets"."resolved_at", TIMESTAMP '2026-01-31 00:00:00') AS "ended",
  coalesce("tickets"."resolved_at", TIMESTAMP '2026-01-31 00:00:00') AS "ended2"
FROM "tickets"
ORDER BY "ticket_id" ASC NULLS LAST, "ended" ASC NULLS LAST, "ended2" ASC NULLS LAST
LIMIT 3
