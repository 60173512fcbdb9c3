SELECT
  "inventory"."name" AS "name",
  coalesce("inventory"."stock", 0) AS "stock",
  CASE WHEN "inventory"."stock" = 0 THEN 'none' WHEN "inventory"."stock" < 20 AND "inventory"."category" <> 'Toys' THEN 'low' ELSE 'it''s fine' END AS "level",
  CASE WHEN ("inventory"."stock" = 0 OR "inventory"."stock" IS NULL) THEN TIMESTAMP '2026-01-31 00:00:00' END AS "maybe"
FROM "inventory"
ORDER BY "name" ASC NULLS LAST, "stock" ASC NULLS LAST, "level" ASC NULLS LAST, "maybe" ASC NULLS LAST
LIMIT 3
