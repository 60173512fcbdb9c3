SELECT
  "priority"
FROM (
  SELECT DISTINCT
    "tickets"."priority" AS "priority"
  FROM "tickets"
) AS "found"
ORDER BY CASE "priority" WHEN 'Critical' THEN 1 WHEN 'High' THEN 2 END ASC NULLS LAST, "priority" ASC NULLS LAST
LIMIT 200
