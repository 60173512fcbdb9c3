SELECT
  "priority",
  "category",
  "count"
FROM (
  SELECT
    "tickets"."priority" AS "priority",
    "tickets"."category" AS "category",
    count(*) AS "count"
  FROM "tickets"
  GROUP BY "tickets"."priority", "tickets"."category"
) AS "found"
QUALIFY row_number() OVER (PARTITION BY "priority" ORDER BY "count" DESC NULLS LAST, "category" ASC NULLS LAST) BETWEEN 1 AND 1
ORDER BY CASE "priority" WHEN 'Critical' THEN 1 WHEN 'High' THEN 2 WHEN 'Medium' THEN 3 WHEN 'Low' THEN 4 END ASC NULLS LAST, "priority" ASC NULLS LAST, "category" ASC NULLS LAST, "count" ASC NULLS LAST
LIMIT 200
