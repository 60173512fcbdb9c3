/* The policy: the bytes as SQL text, and as the JSON of a parse tree. */
#include "fuzz.h"

#include "runner/policy.h"

static const char *const tables[] = {"orders", "order_items", "t"};
static const char *const columns[] = {"order_id", "user", "total"};
static const struct policy_typed typed[] = {
        {"total", POLICY_EXACT}, {"status", POLICY_PLAIN}, {"price", POLICY_FLOATING}};
static const struct policy_scope scope = {.dataset_id = "ecommerce",
                                          .tables = tables,
                                          .n_tables = 3,
                                          .columns = columns,
                                          .n_columns = 3,
                                          .typed = typed,
                                          .n_typed = 3};

static void check_verdict(int r, const struct error *err, const char *sql)
{
        fuzz_check_error(r, err);
        FUZZ_CHECK(r == 0 || err->type == ERROR_VALIDATION ||
                   err->type == ERROR_SQL_POLICY_VIOLATION);
        FUZZ_CHECK(err->position <= (long long)strlen(sql) + 1);
}

static void check_tree(const char *json, size_t n)
{
        static const char sql[] = "SELECT a FROM orders AS o -- the text that positions are in\n"
                                  "WHERE read_csv('x') AND \"o\".b > (SELECT sum(c) FROM t)";
        struct error err = {0};
        json_t *tree = NULL;
        int r = policy_tree_parse(json, n, &tree, &err);
        fuzz_check_error(r, &err);
        if (r < 0) {
                FUZZ_CHECK(!tree);
                return;
        }
        struct policy_verdict verdict = {0};
        err = (struct error){0};
        check_verdict(policy_check(tree, sql, &scope, &verdict, &err), &err, sql);
        json_decref(tree);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = malloc(size + 1); /* a block of its own, so that reading past it shows */
        FUZZ_CHECK(text);
        memcpy(text, data, size);
        text[size] = '\0';

        struct error err = {0};
        fuzz_check_error(policy_check_text(text, size, &err), &err);
        check_tree(text, size);
        free(text);
        return 0;
}
