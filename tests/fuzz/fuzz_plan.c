/* A query plan: parsed, then compiled against each of the built-in datasets. */
#include "fuzz.h"

#include "dataset/registry.h"
#include "plan/plan.h"

#define AS_OF_S 1769817600 /* 2026-01-31T00:00:00Z */
#define SQL_MAX (4 * 1024 * 1024)

static void check_faults(int r, const struct plan_faults *faults, const struct error *err)
{
        fuzz_check_error(r, err);
        FUZZ_CHECK((r < 0) == (faults->n > 0));
        for (size_t i = 0; i < faults->n; i++) {
                const struct plan_fault *fault = &faults->items[i];
                FUZZ_CHECK(fault->type == ERROR_VALIDATION ||
                           fault->type == ERROR_EXFILTRATION_SUSPECTED);
                FUZZ_CHECK(fault->pointer[0] == '\0' || fault->pointer[0] == '/');
                FUZZ_CHECK(fault->message[0] != '\0');
        }
        json_t *json = plan_faults_to_json(faults);
        FUZZ_CHECK(json && json_array_size(json) == faults->n);
        json_decref(json);
}

/* The same plan gives the same text, and nothing is written when it fails. */
static void compile_twice(const struct plan *plan, const struct dataset *dataset)
{
        char *first = NULL;
        for (int i = 0; i < 2; i++) {
                struct error err = {0};
                struct plan_faults faults;
                struct buf sql;
                plan_faults_init(&faults);
                buf_init(&sql, SQL_MAX);
                int r = plan_compile(plan, dataset, AS_OF_S, &sql, &faults, &err);
                check_faults(r, &faults, &err);
                FUZZ_CHECK((r < 0) == (sql.len == 0));
                if (r == 0)
                        fuzz_check_utf8(buf_text(&sql));
                if (i == 0)
                        first = strdup(buf_text(&sql));
                else
                        FUZZ_CHECK(first && strcmp(first, buf_text(&sql)) == 0);
                buf_done(&sql);
                plan_faults_done(&faults);
        }
        free(first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static struct registry *registry;
        struct error err = {0};
        if (!registry && registry_open(NULL, &registry, &err) < 0)
                abort();

        struct plan *plan = NULL;
        struct plan_faults faults;
        plan_faults_init(&faults);
        int r = plan_parse((const char *)data, size, &plan, &faults, &err);
        check_faults(r, &faults, &err);
        plan_faults_done(&faults);
        if (r < 0) {
                FUZZ_CHECK(!plan);
                return 0;
        }
        FUZZ_CHECK(plan_dataset_id(plan) && plan_json(plan));
        for (size_t i = 0; i < registry->n_datasets; i++)
                compile_twice(plan, registry->datasets[i]);
        plan_free(plan);
        return 0;
}
