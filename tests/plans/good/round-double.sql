SELECT
  round("people"."größe", 2) AS "g",
  round("people"."größe" * 2, 2) AS "g2"
FROM "people"
ORDER BY "g" ASC NULLS LAST, "g2" ASC NULLS LAST
LIMIT 200
