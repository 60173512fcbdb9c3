SELECT
  "inventory"."name" AS "name"
FROM "inventory"
WHERE "inventory"."name" LIKE '%100\% \_sure\\ it''s%' ESCAPE '\'
  AND "inventory"."name" ILIKE 'A%' ESCAPE '\'
  AND "inventory"."name" LIKE '%z' ESCAPE '\'
ORDER BY "name" ASC NULLS LAST
LIMIT 200
