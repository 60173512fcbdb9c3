SELECT
  "people"."full name" AS "full name",
  "people"."say ""hi""" AS """; DROP TABLE people; --",
  "people"."größe" AS "größe",
  "people"."a.b" AS "a.b",
  "people"."a.b" AS "again",
  "people"."select" AS "select",
  "people"."tags" AS "tags",
  "people"."wakes" AS "wakes"
FROM "people"
WHERE "people"."full name" = 'O''Brien \ "x"; --'
  AND "people"."say ""hi""" <> '日本語 🙂'
  AND "people"."tags" IS NOT NULL
  AND "people"."wakes" BETWEEN TIME '07:30:00' AND TIME '08:00:00.5'
  AND "people"."active" = true
ORDER BY "größe" ASC NULLS LAST, "full name" ASC NULLS LAST, """; DROP TABLE people; --" ASC NULLS LAST, "a.b" ASC NULLS LAST, "again" ASC NULLS LAST, "select" ASC NULLS LAST, "tags" ASC NULLS LAST, "wakes" ASC NULLS LAST
LIMIT 200
