#include "runner/exercise.h"

#include "runner/policy.h"

#include "base/cleanup.h"
#include "base/json.h"

#include <string.h>

/* Strings, dates, decimals, grouping, joins, sorting, windows: what most questions need. */
static const char *const statements[] = {
        "SELECT c, count(*) AS n, sum(d) AS s, avg(x) AS a, count(DISTINCT i % 7) AS u, "
        "min(t) AS f FROM (SELECT i, 'c' || (i % 10) AS c, CAST(i AS DECIMAL(10, 2)) AS d, "
        "i / 3 AS x, DATE '2026-01-01' + CAST(i % 90 AS INTEGER) AS t FROM range(200) AS r(i)) "
        "WHERE i % 3 <> 1 AND c <> 'c5' AND t >= DATE '2026-01-02' "
        "GROUP BY c HAVING count(*) > 1 ORDER BY s DESC NULLS LAST, c ASC NULLS LAST LIMIT 5",
        "SELECT a.k AS k, b.name AS name, date_trunc('month', a.t) AS m, sum(a.v * 2) AS v, "
        "median(a.v) AS md, row_number() OVER (ORDER BY sum(a.v)) AS nr FROM (SELECT i % 50 AS k, "
        "i AS v, TIMESTAMP '2026-01-01 00:00:00' + to_hours(CAST(i AS BIGINT)) AS t FROM "
        "range(3000) AS r(i)) AS a LEFT JOIN (SELECT i AS k, 'name ' || i AS name FROM range(40) "
        "AS r(i)) AS b ON a.k = b.k GROUP BY a.k, b.name, date_trunc('month', a.t) "
        "ORDER BY v DESC NULLS LAST, k ASC NULLS LAST LIMIT 10",
        ("SELECT round(100.0 * count(*) FILTER (WHERE i % 2 = 0) / nullif(count(*), 0), 2) AS p, "
         "CASE WHEN max(i) > 3 THEN 'yes' ELSE upper('no') END AS c FROM range(100) AS r(i)"),
};

static void exercise(struct engine *engine, const char *sql)
{
        static const struct policy_scope scope = {.dataset_id = "exercise"};
        const struct limits limits = LIMITS_DEFAULT;
        struct policy_verdict verdict = {0};
        struct engine_answer answer;
        struct error ignored = {0};
        _cleanup_json_ json_t *tree = NULL;
        engine_answer_init(&answer, &limits);
        if (policy_check_text(sql, strlen(sql), &ignored) == 0 &&
            engine_parse(engine, sql, &tree, &ignored) == 0)
                (void)policy_check(tree, sql, &scope, &verdict, &ignored);
        (void)engine_query(engine, sql, &limits, &answer, &ignored);
        engine_answer_done(&answer);
}

void exercise_thoroughly(struct engine *engine)
{
        for (size_t i = 0; i < ARRAY_SIZE(statements); i++)
                exercise(engine, statements[i]);
}

void exercise_shortly(struct engine *engine)
{
        exercise(engine, statements[0]);
}
