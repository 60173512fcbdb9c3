/* The policy over tests/redteam/refused.sql and legitimate.sql, with the real engine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test_policy_engine.h"

#include "base/buf.h"
#include "base/fd.h"

#define CORPUS_MAX (1024 * 1024)
#define CLASS_PREFIX "-- class: "

struct statement {
        const char *class_line; /* "files [dangerous]" */
        const char *sql;
};

struct corpus {
        char *text;
        struct statement *statements;
        size_t n;
};

static void corpus_add(struct corpus *corpus, const char *class_line, char *sql)
{
        while (*sql == '\n')
                sql++;
        size_t n = strlen(sql);
        while (n > 0 && sql[n - 1] == '\n')
                sql[--n] = '\0';
        if (!class_line || n == 0)
                return;
        corpus->statements =
                realloc(corpus->statements, (corpus->n + 1) * sizeof(*corpus->statements));
        assert_non_null(corpus->statements);
        corpus->statements[corpus->n++] = (struct statement){class_line, sql};
}

/* Cuts the text at its "---" and class lines. */
static void corpus_read(struct corpus *corpus, const char *path)
{
        struct error err = {0};
        struct buf buf;
        buf_init(&buf, CORPUS_MAX);
        if (fd_read_file(path, &buf, &err) < 0)
                fail_msg("%s", err.message);
        *corpus = (struct corpus){.text = buf_steal(&buf)};
        if (!corpus->text)
                abort();
        const char *class_line = NULL;
        char *start = corpus->text;
        for (char *line = corpus->text, *next; line; line = next) {
                char *end = line + strcspn(line, "\n");
                next = *end ? end + 1 : NULL;
                bool is_class = strncmp(line, CLASS_PREFIX, strlen(CLASS_PREFIX)) == 0;
                if (!is_class && strncmp(line, "---\n", 4) != 0)
                        continue;
                if (line > corpus->text)
                        line[-1] = '\0';
                corpus_add(corpus, class_line, start);
                *end = '\0';
                if (is_class)
                        class_line = line + strlen(CLASS_PREFIX);
                start = next ? next : end;
        }
        corpus_add(corpus, class_line, start);
}

static void corpus_done(struct corpus *corpus)
{
        free(corpus->statements);
        free(corpus->text);
}

static bool has_flag(const struct statement *statement, const char *flag)
{
        const char *flags = strchr(statement->class_line, '[');
        return flags && strstr(flags, flag);
}

static void check_one_refused(struct engine *engine, const struct statement *statement)
{
        struct error err = {0};
        struct policy_verdict verdict = {0};
        int r = engine_check(engine, statement->sql, &ecommerce, &verdict, &err);
        enum error_type expected =
                has_flag(statement, "invalid") ? ERROR_VALIDATION : ERROR_SQL_POLICY_VIOLATION;
        if (r == 0)
                fail_msg("not refused (%s): %s", statement->class_line, statement->sql);
        if (err.type != expected)
                fail_msg("%s (%s): %s: %s", error_type_name(err.type), statement->class_line,
                         err.message, statement->sql);
        if (expected == ERROR_SQL_POLICY_VIOLATION && err.position < 1)
                fail_msg("no position: %s: %s", err.message, statement->sql);
        assert_true(err.position <= (long long)strlen(statement->sql) + 1);
        assert_true(strlen(err.message) > 20);
}

static void test_refused(void **state)
{
        struct corpus corpus;
        size_t dangerous = 0;
        corpus_read(&corpus, "tests/redteam/refused.sql");
        assert_true(corpus.n >= 450);
        for (size_t i = 0; i < corpus.n; i++) {
                check_one_refused(*state, &corpus.statements[i]);
                dangerous += has_flag(&corpus.statements[i], "dangerous");
        }
        assert_true(dangerous >= 100);
        corpus_done(&corpus);
}

/* What is wrong with the statement, printed; false for nothing. */
static bool legitimate_fails(struct engine *engine, const struct statement *statement)
{
        struct error err = {0};
        struct policy_verdict verdict = {0};
        bool fails = true;
        char *said = engine_run(engine, statement->sql);
        if (said)
                print_error("%s: %s\n", said, statement->sql);
        else if (engine_check(engine, statement->sql, &ecommerce, &verdict, &err) < 0)
                print_error("%s at %lld: %s\n", err.message, err.position, statement->sql);
        else if (verdict.total_order != has_flag(statement, "total"))
                print_error("total_order is %d: %s\n", verdict.total_order, statement->sql);
        else if (verdict.random_sample != has_flag(statement, "random"))
                print_error("random_sample is %d: %s\n", verdict.random_sample, statement->sql);
        else
                fails = false;
        free(said);
        return fails;
}

static void test_legitimate(void **state)
{
        struct corpus corpus;
        size_t failed = 0;
        corpus_read(&corpus, "tests/redteam/legitimate.sql");
        assert_true(corpus.n >= 200);
        for (size_t i = 0; i < corpus.n; i++)
                failed += legitimate_fails(*state, &corpus.statements[i]);
        corpus_done(&corpus);
        assert_int_equal(failed, 0);
}

/* Mutated trees. Every node of a legitimate statement's tree is changed in turn; the walk must
 * notice what it does not know, and must not fall over whatever it is given. */

static json_t *nth_node(json_t *json, size_t *n, json_type type)
{
        const char *key;
        json_t *value;
        size_t i;
        if (json_typeof(json) == type && (*n)-- == 0)
                return json;
        json_object_foreach(json, key, value)
        {
                json_t *found = nth_node(value, n, type);
                if (found)
                        return found;
        }
        json_array_foreach(json, i, value)
        {
                json_t *found = nth_node(value, n, type);
                if (found)
                        return found;
        }
        return NULL;
}

static json_t *tree_of(struct engine *engine, const char *sql)
{
        struct error err = {0};
        json_t *tree = NULL;
        char *text = engine_tree(engine, sql);
        if (policy_tree_parse(text, strlen(text), &tree, &err) < 0)
                fail_msg("%s: %s", err.message, sql);
        free(text);
        return tree;
}

static int check_tree(const json_t *tree, const char *sql)
{
        struct error err = {0};
        struct policy_verdict verdict = {0};
        int r = policy_check(tree, sql, &ecommerce, &verdict, &err);
        if (r < 0) {
                assert_true(err.type == ERROR_SQL_POLICY_VIOLATION || err.type == ERROR_VALIDATION);
                assert_true(err.message[0] && err.position >= 0);
        }
        return r;
}

/* An unknown member in any object under "node" is refused. */
static void test_unknown_member(void **state)
{
        struct corpus corpus;
        corpus_read(&corpus, "tests/redteam/legitimate.sql");
        for (size_t i = 0; i < corpus.n; i++) {
                const char *sql = corpus.statements[i].sql;
                json_t *tree = tree_of(*state, sql);
                json_t *statement = json_array_get(json_object_get(tree, "statements"), 0);
                for (size_t n = 0;; n++) {
                        size_t index = n;
                        json_t *node = nth_node(statement, &index, JSON_OBJECT);
                        if (!node)
                                break;
                        assert_int_equal(json_object_set_new(node, "new_thing", json_true()), 0);
                        if (check_tree(tree, sql) == 0)
                                fail_msg("a new member passed in %s of %s",
                                         json_dumps(node, JSON_COMPACT), sql);
                        assert_int_equal(json_object_del(node, "new_thing"), 0);
                }
                assert_int_equal(check_tree(tree, sql), 0);
                json_decref(tree);
        }
        corpus_done(&corpus);
}

/* So is a node of an unknown class or type. */
static void test_unknown_node(void **state)
{
        static const char *const keys[] = {"class", "type"};
        struct corpus corpus;
        corpus_read(&corpus, "tests/redteam/legitimate.sql");
        for (size_t i = 0; i < corpus.n; i++) {
                const char *sql = corpus.statements[i].sql;
                json_t *tree = tree_of(*state, sql);
                for (size_t n = 0;; n++) {
                        size_t index = n / 2;
                        json_t *node = nth_node(tree, &index, JSON_OBJECT);
                        const char *key = keys[n % 2];
                        if (!node)
                                break;
                        json_t *old = json_object_get(node, key);
                        if (!json_is_string(old))
                                continue;
                        json_incref(old);
                        json_object_set_new(node, key, json_string("NEW_THING"));
                        if (check_tree(tree, sql) == 0)
                                fail_msg("a new %s passed for %s in %s", key,
                                         json_string_value(old), sql);
                        json_object_set_new(node, key, old);
                }
                json_decref(tree);
        }
        corpus_done(&corpus);
}

static uint32_t next_random(uint32_t *seed)
{
        *seed ^= *seed << 13;
        *seed ^= *seed >> 17;
        *seed ^= *seed << 5;
        return *seed;
}

static json_t *random_value(uint32_t *seed, json_t *tree)
{
        switch (next_random(seed) % 8) {
        case 0:
                return json_null();
        case 1:
                return json_string("orders");
        case 2:
                return json_real(1.8446744073709552e19);
        case 3:
                return json_integer(-5);
        case 4:
                return json_array();
        case 5:
                return json_object();
        case 6:
                return json_true();
        default: {
                size_t index = next_random(seed) % 40;
                json_t *node = nth_node(tree, &index, JSON_OBJECT);
                return node ? json_deep_copy(node) : json_false();
        }
        }
}

static void mutate(json_t *tree, uint32_t *seed)
{
        size_t index = next_random(seed) % 60;
        json_t *node = nth_node(tree, &index, JSON_OBJECT);
        size_t n = node ? json_object_size(node) : 0;
        if (n == 0)
                return;
        size_t which = next_random(seed) % n;
        void *iter = json_object_iter(node);
        while (which-- > 0)
                iter = json_object_iter_next(node, iter);
        char key[64];
        (void)snprintf(key, sizeof(key), "%s", json_object_iter_key(iter));
        json_object_set_new(node, key, random_value(seed, tree));
}

static void test_mutations(void **state)
{
        uint32_t seed = 20260131;
        struct corpus corpus;
        corpus_read(&corpus, "tests/redteam/legitimate.sql");
        for (size_t i = 0; i < corpus.n; i++) {
                json_t *tree = tree_of(*state, corpus.statements[i].sql);
                for (int round = 0; round < 40; round++) {
                        json_t *copy = json_deep_copy(tree);
                        for (uint32_t n = 1 + next_random(&seed) % 3; n > 0; n--)
                                mutate(copy, &seed);
                        (void)check_tree(copy, corpus.statements[i].sql);
                        json_decref(copy);
                }
                json_decref(tree);
        }
        corpus_done(&corpus);
}

static int setup(void **state)
{
        static struct engine engine;
        engine_start(&engine);
        *state = &engine;
        return 0;
}

static int teardown(void **state)
{
        engine_end(*state);
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_refused),        cmocka_unit_test(test_legitimate),
                cmocka_unit_test(test_unknown_member), cmocka_unit_test(test_unknown_node),
                cmocka_unit_test(test_mutations),
        };
        return cmocka_run_group_tests(tests, setup, teardown);
}
