SELECT
  CASE WHEN "inventory"."stock" < 20 THEN 'low' ELSE 'ok' END AS "level",
  count(*) AS "count"
FROM "inventory"
GROUP BY CASE WHEN "inventory"."stock" < 20 THEN 'low' ELSE 'ok' END
ORDER BY CASE CASE WHEN "inventory"."stock" < 20 THEN 'low' ELSE 'ok' END WHEN 'ok' THEN 1 WHEN 'low' THEN 2 END DESC NULLS FIRST, "level" ASC NULLS LAST, "count" ASC NULLS LAST
LIMIT 200
