SELECT
  date_trunc('hour', CAST("people"."seen_tz" AS TIMESTAMP)) AS "h",
  count("people"."tags") AS "count_tags",
  min("people"."wakes") AS "min_wakes",
  max("people"."active") AS "max_active"
FROM "people"
WHERE CAST("people"."seen_tz" AS DATE) >= DATE '2026-01-01'
  AND "people"."seen_tz" BETWEEN TIMESTAMP '2026-01-30 00:00:00' AND TIMESTAMP '2026-01-31 00:00:00'
  AND "people"."born" < "people"."seen"
GROUP BY date_trunc('hour', CAST("people"."seen_tz" AS TIMESTAMP))
ORDER BY "h" ASC NULLS LAST, "count_tags" ASC NULLS LAST, "min_wakes" ASC NULLS LAST, "max_active" ASC NULLS LAST
LIMIT 200
