SELECT
  count(*) AS "count"
FROM "tickets"
WHERE "tickets"."resolved_at" > "tickets"."created_at"
  AND "tickets"."resolved_at" <= TIMESTAMP '2026-01-31 00:00:00'
  AND date_sub('hour', "tickets"."created_at", "tickets"."resolved_at") >= 1 + CAST("tickets"."agent_id" AS BIGINT)
ORDER BY "count" ASC NULLS LAST
LIMIT 200
