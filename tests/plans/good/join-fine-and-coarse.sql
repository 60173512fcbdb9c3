SELECT
  avg(date_sub('day', "people"."seen", "calls"."at")) AS "days"
FROM "calls"
LEFT JOIN "people" ON "calls"."person_id" = "people"."id"
ORDER BY "days" ASC NULLS LAST
LIMIT 200
