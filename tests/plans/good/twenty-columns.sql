SELECT
  "wide"."c01" AS "c01",
  "wide"."c02" AS "c02",
  "wide"."c03" AS "c03",
  "wide"."c04" AS "c04",
  "wide"."c05" AS "c05",
  "wide"."c06" AS "c06",
  "wide"."c07" AS "c07",
  "wide"."c08" AS "c08",
  "wide"."c09" AS "c09",
  "wide"."c10" AS "c10",
  "wide"."c11" AS "c11",
  "wide"."c12" AS "c12",
  "wide"."c13" AS "c13",
  "wide"."c14" AS "c14",
  "wide"."c15" AS "c15",
  "wide"."c16" AS "c16",
  "wide"."c17" AS "c17",
  "wide"."c18" AS "c18",
  "wide"."c19" AS "c19",
  "wide"."c20" AS "c20"
FROM "wide"
ORDER BY "c01" ASC NULLS LAST, "c02" ASC NULLS LAST, "c03" ASC NULLS LAST, "c04" ASC NULLS LAST, "c05" ASC NULLS LAST, "c06" ASC NULLS LAST, "c07" ASC NULLS LAST, "c08" ASC NULLS LAST, "c09" ASC NULLS LAST, "c10" ASC NULLS LAST, "c11" ASC NULLS LAST, "c12" ASC NULLS LAST, "c13" ASC NULLS LAST, "c14" ASC NULLS LAST, "c15" ASC NULLS LAST, "c16" ASC NULLS LAST, "c17" ASC NULLS LAST, "c18" ASC NULLS LAST, "c19" ASC NULLS LAST, "c20" ASC NULLS LAST
LIMIT 200
