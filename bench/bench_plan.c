/* bench_plan FILE...: plans parsed and compiled against the built-in datasets, per second. */
#include "base/cleanup.h"
#include "base/fd.h"
#include "dataset/registry.h"
#include "plan/plan.h"
#include "rate.h"

#include <stdio.h>
#include <stdlib.h>

#define AS_OF_S 1769817600 /* 2026-01-31T00:00:00Z */
#define SQL_MAX ((size_t)1024 * 1024)

struct plans {
        const struct registry *registry;
        struct buf *texts;
        size_t n;
        struct buf sql;
};

_Noreturn static void die(const struct error *err)
{
        (void)fprintf(stderr, "bench_plan: %s %s\n", err->message, err->pointer);
        exit(1);
}

static void compile_one(struct plans *plans, const struct buf *text)
{
        struct error err = {0};
        struct plan *plan = NULL;
        struct plan_faults faults;
        plan_faults_init(&faults);
        buf_clear(&plans->sql);
        if (plan_parse(text->data, text->len, &plan, &faults, &err) < 0)
                die(&err);
        const struct dataset *dataset = registry_find(plans->registry, plan_dataset_id(plan));
        if (!dataset || plan_compile(plan, dataset, AS_OF_S, &plans->sql, &faults, &err) < 0)
                die(&err);
        plan_faults_done(&faults);
        plan_free(plan);
}

static void compile_all(void *data)
{
        struct plans *plans = data;
        for (size_t i = 0; i < plans->n; i++)
                compile_one(plans, &plans->texts[i]);
}

int main(int argc, char **argv)
{
        struct error err = {0};
        struct registry *registry = NULL;
        if (argc < 2) {
                (void)fprintf(stderr, "usage: bench_plan FILE...\n");
                return 2;
        }
        if (registry_open(NULL, &registry, &err) < 0)
                die(&err);
        size_t n = (size_t)argc - 1;
        _cleanup_free_ struct buf *texts = calloc(n, sizeof(*texts));
        if (!texts)
                return 1;
        struct plans plans = {.registry = registry, .texts = texts, .n = n};
        buf_init(&plans.sql, SQL_MAX);
        for (size_t i = 0; i < n; i++) {
                buf_init(&texts[i], PLAN_BYTES_MAX);
                if (fd_read_file(argv[i + 1], &texts[i], &err) < 0)
                        die(&err);
        }
        rate_print("plan parse and compile", n, compile_all, &plans);
        for (size_t i = 0; i < n; i++)
                buf_done(&texts[i]);
        buf_done(&plans.sql);
        registry_free(registry);
        return 0;
}
