SELECT
  round("order_items"."price", 0) AS "whole",
  round("order_items"."price", 1) AS "tenths",
  round("order_items"."quantity", 2) AS "q",
  CAST(round("order_items"."price" / 3, 4) AS DECIMAL(38,4)) AS "third",
  round("order_items"."price" / 3, -1) AS "tens",
  round("order_items"."price" / 3, 0) AS "zero"
FROM "order_items"
ORDER BY "whole" ASC NULLS LAST, "tenths" ASC NULLS LAST, "q" ASC NULLS LAST, "third" ASC NULLS LAST, "tens" ASC NULLS LAST, "zero" ASC NULLS LAST
LIMIT 3
