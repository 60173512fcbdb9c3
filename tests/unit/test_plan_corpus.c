/* The corpus in tests/plans: every good plan gives the SQL beside it, every bad one gives exactly
 * the faults that its file says. tests/blackbox/test_plan_schema.py shows that the JSON Schema
 * judges the same files alike; for that this program also answers on its standard input:
 *     test_plan_corpus classify      one plan a line in, one line of JSON out for each */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/json.h"
#include "plan/plan.h"
#include "test_plan_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>

#define FILE_MAX (512 * 1024)
#define GOOD_MIN 60 /* the corpus does not shrink unnoticed */
#define BAD_MIN 120

/* What became of one plan. */
struct outcome {
        const char *stage; /* "parse", "compile" or "ok" */
        struct buf sql;
        struct plan_faults faults;
        struct error err;
};

static void outcome_done(struct outcome *outcome)
{
        buf_done(&outcome->sql);
        plan_faults_done(&outcome->faults);
}

static void judge(const char *text, size_t n, struct outcome *ret)
{
        struct plan *plan = NULL;
        *ret = (struct outcome){.stage = "parse"};
        buf_init(&ret->sql, 1 << 20);
        plan_faults_init(&ret->faults);
        if (plan_parse(text, n, &plan, &ret->faults, &ret->err) < 0)
                return;
        ret->stage = "compile";
        const struct dataset *dataset = fixture_find(plan_dataset_id(plan));
        if (plan_compile(plan, dataset, FIXTURE_AS_OF, &ret->sql, &ret->faults, &ret->err) == 0)
                ret->stage = "ok";
        plan_free(plan);
}

static void read_file(const char *folder, const char *name, struct buf *out)
{
        struct error err = {0};
        char path[600];
        (void)snprintf(path, sizeof(path), "tests/plans/%s/%s", folder, name);
        buf_init(out, FILE_MAX);
        if (fd_read_file(path, out, &err) < 0)
                fail_msg("%s: %s", path, err.message);
}

static bool has_ending(const char *name, const char *ending)
{
        size_t n = strlen(name);
        size_t m = strlen(ending);
        return n > m && strcmp(name + n - m, ending) == 0;
}

/* Calls check for each .json file of the folder; how many there were. */
static int each_file(const char *folder, void (*check)(const char *name))
{
        char path[200];
        (void)snprintf(path, sizeof(path), "tests/plans/%s", folder);
        DIR *dir = opendir(path);
        assert_non_null(dir);
        int n = 0;
        for (struct dirent *entry; (entry = readdir(dir));) {
                if (!has_ending(entry->d_name, ".json"))
                        continue;
                check(entry->d_name);
                n++;
        }
        (void)closedir(dir);
        return n;
}

static void check_good(const char *name)
{
        _cleanup_buf_ struct buf text = {0};
        _cleanup_buf_ struct buf expected = {0};
        char sql_name[300];
        read_file("good", name, &text);
        (void)snprintf(sql_name, sizeof(sql_name), "%.*s.sql", (int)strlen(name) - 5, name);
        read_file("good", sql_name, &expected);
        _cleanup_(outcome_done) struct outcome outcome = {0};
        judge(text.data, text.len, &outcome);
        if (strcmp(outcome.stage, "ok") != 0)
                fail_msg("%s: %s %s", name, outcome.err.pointer, outcome.err.message);
        buf_putc(&outcome.sql, '\n');
        if (strcmp(buf_text(&outcome.sql), buf_text(&expected)) != 0)
                fail_msg("%s gives other SQL than %s:\n%s", name, sql_name, buf_text(&outcome.sql));
}

static void test_good_plans(void **state)
{
        (void)state;
        assert_true(each_file("good", check_good) >= GOOD_MIN);
}

/* The plan of a bad file: its "text" as it stands, or its "plan" as JSON. */
static void bad_text(const json_t *bad, struct buf *out)
{
        struct error err = {0};
        buf_init(out, FILE_MAX);
        const char *text = json_get_string(bad, "text");
        if (text)
                buf_puts(out, text);
        else
                assert_int_equal(json_put(json_object_get(bad, "plan"), out, &err), 0);
}

static void check_fault(const char *name, const struct plan_fault *fault, const json_t *expected)
{
        const char *type = json_get_string(expected, "type");
        if (strcmp(error_type_name(fault->type), type ? type : "VALIDATION_ERROR") != 0)
                fail_msg("%s: type %s", name, error_type_name(fault->type));
        if (strcmp(fault->pointer, json_get_string(expected, "pointer")) != 0)
                fail_msg("%s: at %s: %s", name, fault->pointer, fault->message);
        const char *says = json_get_string(expected, "says");
        if (says && !strstr(fault->message, says))
                fail_msg("%s: \"%s\" does not say \"%s\"", name, fault->message, says);
        const char *suggestion = json_get_string(expected, "suggestion");
        if (strcmp(suggestion ? suggestion : "", fault->suggestion ? fault->suggestion : "") != 0)
                fail_msg("%s: suggests %s", name,
                         fault->suggestion ? fault->suggestion : "nothing");
}

static void check_bad(const char *name)
{
        struct error err = {0};
        static const struct json_limits limits = {.max_bytes = FILE_MAX, .max_depth = 200};
        _cleanup_buf_ struct buf file = {0};
        _cleanup_buf_ struct buf text = {0};
        _cleanup_json_ json_t *bad = NULL;
        read_file("bad", name, &file);
        if (json_parse(file.data, file.len, &limits, ERROR_VALIDATION, &bad, &err) < 0)
                fail_msg("%s: %s", name, err.message);
        bad_text(bad, &text);
        _cleanup_(outcome_done) struct outcome outcome = {0};
        judge(buf_text(&text), text.len, &outcome);
        const char *class = json_get_string(bad, "class");
        if (strcmp(outcome.stage, strcmp(class, "meaning") == 0 ? "compile" : "parse") != 0)
                fail_msg("%s is refused at \"%s\" but its class is %s", name, outcome.stage, class);
        assert_string_equal(buf_text(&outcome.sql), "");
        const json_t *faults = json_object_get(bad, "faults");
        for (size_t i = 0; i < outcome.faults.n && i < json_array_size(faults); i++)
                check_fault(name, &outcome.faults.items[i], json_array_get(faults, i));
        if (outcome.faults.n != json_array_size(faults))
                fail_msg("%s: %zu faults", name, outcome.faults.n);
}

static void test_bad_plans(void **state)
{
        (void)state;
        assert_true(each_file("bad", check_bad) >= BAD_MIN);
}

/* Two compilations of one parsed plan, and two parses, give the same text. */
static void check_stable(const char *name)
{
        struct error err = {0};
        _cleanup_buf_ struct buf text = {0};
        read_file("good", name, &text);
        struct plan_faults faults;
        plan_faults_init(&faults);
        struct plan *plan = NULL;
        assert_int_equal(plan_parse(text.data, text.len, &plan, &faults, &err), 0);
        _cleanup_(outcome_done) struct outcome outcome = {0};
        judge(text.data, text.len, &outcome);
        for (int i = 0; i < 2; i++) {
                _cleanup_buf_ struct buf sql = {0};
                buf_init(&sql, 1 << 20);
                assert_int_equal(plan_compile(plan, fixture_find(plan_dataset_id(plan)),
                                              FIXTURE_AS_OF, &sql, &faults, &err),
                                 0);
                assert_string_equal(buf_text(&sql), buf_text(&outcome.sql));
        }
        plan_free(plan);
        plan_faults_done(&faults);
}

static void test_stable(void **state)
{
        (void)state;
        assert_true(each_file("good", check_stable) >= GOOD_MIN);
}

static void classify_line(const char *line, size_t n)
{
        struct error err = {0};
        _cleanup_(outcome_done) struct outcome outcome = {0};
        judge(line, n, &outcome);
        _cleanup_json_ json_t *answer = json_pack(
                "{s:s, s:s, s:o, s:i}", "stage", outcome.stage, "sql", buf_text(&outcome.sql),
                "faults", plan_faults_to_json(&outcome.faults), "more", (int)outcome.faults.n_more);
        _cleanup_buf_ struct buf out = {0};
        buf_init(&out, 4 << 20);
        if (answer && json_put(answer, &out, &err) == 0)
                (void)puts(buf_text(&out));
}

static int classify(void)
{
        char *line = NULL;
        size_t capacity = 0;
        for (ssize_t n; (n = getline(&line, &capacity, stdin)) > 0;) {
                if (line[n - 1] == '\n')
                        line[--n] = '\0';
                classify_line(line, (size_t)n);
        }
        free(line);
        return 0;
}

int main(int argc, char **argv)
{
        if (argc == 2 && strcmp(argv[1], "classify") == 0)
                return classify();
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_good_plans),
                cmocka_unit_test(test_bad_plans),
                cmocka_unit_test(test_stable),
        };
        return cmocka_run_group_tests_name("plan_corpus", tests, NULL, NULL);
}
