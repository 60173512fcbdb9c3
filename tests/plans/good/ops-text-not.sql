SELECT
  "inventory"."name" AS "name"
FROM "inventory"
WHERE NOT ("inventory"."name" LIKE '%lamp%' ESCAPE '\')
ORDER BY "name" ASC NULLS LAST
LIMIT 200
