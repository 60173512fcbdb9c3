SELECT
  "countries"."name" AS "name",
  count(*) AS "count"
FROM "places"
LEFT JOIN "countries" ON "places"."country_id" = "countries"."id"
GROUP BY "countries"."name"
ORDER BY "name" ASC NULLS LAST, "count" ASC NULLS LAST
LIMIT 200
