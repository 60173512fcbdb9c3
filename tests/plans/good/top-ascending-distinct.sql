SELECT
  "category",
  "stock"
FROM (
  SELECT DISTINCT
    "inventory"."category" AS "category",
    "inventory"."stock" AS "stock"
  FROM "inventory"
  WHERE "inventory"."stock" > 0
) AS "found"
QUALIFY row_number() OVER (PARTITION BY "category" ORDER BY "stock" ASC NULLS LAST) BETWEEN 1 AND 2
ORDER BY "category" ASC NULLS LAST, "stock" ASC NULLS LAST
LIMIT 4 OFFSET 1
