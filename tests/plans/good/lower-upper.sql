SELECT
  upper("inventory"."category") AS "category",
  count(*) AS "count"
FROM "inventory"
WHERE lower("inventory"."name") LIKE 'a%' ESCAPE '\'
GROUP BY upper("inventory"."category")
ORDER BY "category" ASC NULLS LAST, "count" ASC NULLS LAST
LIMIT 200
