SELECT
  "tickets"."ticket_id" AS "ticket_id"
FROM "tickets"
ORDER BY CASE "tickets"."priority" WHEN 'Critical' THEN 1 END ASC NULLS LAST, "tickets"."created_at" ASC NULLS LAST, "ticket_id" ASC NULLS LAST
LIMIT 3
