/* Plans in words. tests/plans/readings.json has the sentence of every golden plan and of every plan
 * in tests/plans/good; after a change that is meant
 *     test_reading write > tests/plans/readings.json
 * writes it anew. Plans with different SQL must read differently: that is tried on pairs that are
 * easily mixed up and on plans changed at random, which must not crash it either. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/json.h"
#include "dataset/registry.h"
#include "plan/plan.h"
#include "planner/reading.h"
#include "test_plan_fixture.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>

#define READING_MAX (1 << 20)
#define PLANS_MIN 80 /* the corpus does not shrink unnoticed */
#define MUTANTS 15000
#define MUTANTS_VALID_MIN 2000

struct sample {
        char name[100]; /* "ecommerce-1" */
        const struct dataset *dataset;
        json_t *plan;
};

static struct registry *registry;
static struct sample samples[300];
static size_t n_samples;

static void load_sample(const char *path, bool is_golden)
{
        assert_true(n_samples < ARRAY_SIZE(samples));
        struct sample *sample = &samples[n_samples++];
        const char *base = strrchr(path, '/') + 1;
        (void)snprintf(sample->name, sizeof(sample->name), "%.*s", (int)strcspn(base, "."), base);
        sample->plan = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(sample->plan);
        const char *id = json_get_string(sample->plan, "dataset_id");
        sample->dataset = is_golden ? registry_find(registry, id) : fixture_find(id);
        assert_non_null(sample->dataset);
}

static void load_samples(const char *pattern, bool is_golden)
{
        glob_t found;
        assert_int_equal(glob(pattern, 0, NULL, &found), 0);
        for (size_t i = 0; i < found.gl_pathc; i++)
                load_sample(found.gl_pathv[i], is_golden);
        globfree(&found);
}

static int setup(void **state)
{
        (void)state;
        struct error err = {0};
        assert_int_equal(registry_open(NULL, &registry, &err), 0);
        load_samples("datasets/golden/*.plan.json", true);
        load_samples("tests/plans/good/*.json", false);
        return 0;
}

static int teardown(void **state)
{
        (void)state;
        for (size_t i = 0; i < n_samples; i++)
                json_decref(samples[i].plan);
        registry_free(registry);
        return 0;
}

/* A sentence: one line of UTF-8 that ends in a full stop. */
static void check_sentence(const char *name, const struct buf *text)
{
        _cleanup_json_ json_t *string = json_stringn(buf_text(text), text->len);
        if (!string)
                fail_msg("%s is not UTF-8", name);
        for (size_t i = 0; i < text->len; i++)
                if ((unsigned char)text->data[i] < 0x20)
                        fail_msg("%s: a control character in \"%s\"", name, text->data);
        if (text->len < 2 || text->data[text->len - 1] != '.')
                fail_msg("%s is no sentence: \"%s\"", name, buf_text(text));
}

static void read_plan(const char *name, const json_t *plan, const struct dataset *dataset,
                      struct buf *out)
{
        struct error err = {0};
        buf_init(out, READING_MAX);
        if (reading_write(plan, dataset, out, &err) < 0)
                fail_msg("%s: %s", name, err.message);
        check_sentence(name, out);
}

/* False when the plan is not one of the dataset. */
static bool compile(const json_t *plan, const struct dataset *dataset, struct buf *sql)
{
        struct error err = {0};
        struct plan *parsed = NULL;
        struct plan_faults faults;
        _cleanup_free_ char *text = json_dumps(plan, JSON_COMPACT);
        assert_non_null(text);
        plan_faults_init(&faults);
        buf_init(sql, READING_MAX);
        bool ok = plan_parse(text, strlen(text), &parsed, &faults, &err) == 0 &&
                  plan_compile(parsed, dataset, FIXTURE_AS_OF, sql, &faults, &err) == 0;
        plan_free(parsed);
        plan_faults_done(&faults);
        return ok;
}

static void test_sentences(void **state)
{
        (void)state;
        _cleanup_json_ json_t *expected = json_load_file("tests/plans/readings.json", 0, NULL);
        assert_non_null(expected);
        for (size_t i = 0; i < n_samples; i++) {
                _cleanup_buf_ struct buf text = {0};
                const struct sample *sample = &samples[i];
                read_plan(sample->name, sample->plan, sample->dataset, &text);
                const char *wanted = json_get_string(expected, sample->name);
                if (!wanted || strcmp(wanted, buf_text(&text)) != 0)
                        fail_msg("%s reads\n%s\nand not\n%s", sample->name, buf_text(&text),
                                 wanted ? wanted : "(not in readings.json)");
        }
        assert_int_equal(json_object_size(expected), n_samples);
        assert_true(n_samples >= PLANS_MIN);
}

/* What was read, with the SQL that it stood for; fails when it stands for another now. */
static void check_new(json_t *seen, const json_t *plan, const struct dataset *dataset,
                      const struct buf *text, const struct buf *sql)
{
        char key[64];
        _cleanup_buf_ struct buf name = {0};
        buf_init(&name, READING_MAX);
        (void)snprintf(key, sizeof(key), "%.40s: ", dataset->id);
        buf_puts(&name, key);
        buf_puts(&name, buf_text(text));
        const char *before = json_get_string(json_object_get(seen, buf_text(&name)), "sql");
        if (!before) {
                json_t *entry = json_pack("{s:s, s:O}", "sql", buf_text(sql), "plan", plan);
                assert_int_equal(json_object_set_new(seen, buf_text(&name), entry), 0);
                return;
        }
        if (strcmp(before, buf_text(sql)) == 0)
                return;
        _cleanup_free_ char *this = json_dumps(plan, JSON_COMPACT);
        _cleanup_free_ char *other = json_dumps(
                json_object_get(json_object_get(seen, buf_text(&name)), "plan"), JSON_COMPACT);
        fail_msg("two plans read \"%s\":\n%s\n%s", buf_text(text), this, other);
}

static void test_distinct(void **state)
{
        (void)state;
        _cleanup_json_ json_t *seen = json_object();
        for (size_t i = 0; i < n_samples; i++) {
                _cleanup_buf_ struct buf text = {0};
                _cleanup_buf_ struct buf sql = {0};
                const struct sample *sample = &samples[i];
                read_plan(sample->name, sample->plan, sample->dataset, &text);
                assert_true(compile(sample->plan, sample->dataset, &sql));
                check_new(seen, sample->plan, sample->dataset, &text, &sql);
        }
}

/* Plans without their dataset_id, against the fixture's shop; each row with its reading. */
static const struct {
        const char *plan;
        const char *reading;
} cases[] = {
        {"{'table':'orders','select':[{'func':'count'}]}", "Number of rows in orders."},
        {"{'table':'orders','select':[{'func':'count','column':'total'}]}",
         "Number of rows with total in orders."},
        {"{'table':'orders','select':[{'func':'count_distinct','column':'customer_id'}]}",
         "Number of different customer_id in orders."},
        {"{'table':'order_items','select':[{'column':'category'},{'func':'avg','column':'discount'}"
         "],'filters':[{'column':'discount','op':'>','value':0}],'group_by':['category'],"
         "'order_by':[{'expr':'avg_discount','direction':'desc'}]}",
         "Average of discount over order_items where discount > 0, by category, highest first."},
        {"{'table':'order_items','select':[{'column':'category'},{'func':'avg','column':'discount',"
         "'alias':'average_discount'}],'group_by':['category'],"
         "'order_by':[{'expr':'average_discount'}]}",
         "Average of discount over order_items, by category, lowest first."},
        /* What a function is of, and what comes after it. */
        {"{'table':'orders','select':[{'func':'sum','expr':{'mul':[{'column':'total'},"
         "{'literal':2}]},'alias':'x'}]}",
         "Sum of total * 2 (x) over orders."},
        {"{'table':'orders','select':[{'expr':{'mul':[{'func':'sum','column':'total'},"
         "{'literal':2}]},'alias':'x'}]}",
         "(Sum of total) * 2 (x) over orders."},
        {"{'table':'orders','select':[{'expr':{'abs':{'sub':[{'column':'total'},{'literal':5}]}},"
         "'alias':'x'}]}",
         "Rows of orders: absolute value of total - 5 (x)."},
        {"{'table':'orders','select':[{'expr':{'sub':[{'abs':{'column':'total'}},{'literal':5}]},"
         "'alias':'x'}]}",
         "Rows of orders: (absolute value of total) - 5 (x)."},
        {"{'table':'orders','select':[{'expr':{'add':[{'column':'total'},{'round':{'column':"
         "'total'},'digits':1}]},'alias':'x'}]}",
         "Rows of orders: total + (total rounded to 1 decimal) (x)."},
        {"{'table':'orders','select':[{'expr':{'round':{'add':[{'column':'total'},{'column':"
         "'total'}]},'digits':1},'alias':'x'}]}",
         "Rows of orders: total + total (x, rounded to 1 decimal)."},
        {"{'table':'orders','select':[{'expr':{'sub':[{'column':'total'},{'sub':[{'column':'total'}"
         ",{'literal':-1}]}]},'alias':'x'}]}",
         "Rows of orders: total - (total - (-1)) (x)."},
        /* One filter or two, and what belongs to which. */
        {"{'table':'orders','filters':[{'column':'status','op':'in','value':['a','b']}]}",
         "Rows of orders where status is a or b: all columns."},
        {"{'table':'orders','filters':[{'column':'status','op':'=','value':'a or b'}]}",
         "Rows of orders where status is \"a or b\": all columns."},
        {"{'table':'orders','filters':[{'column':'status','op':'=','value':'empty'}]}",
         "Rows of orders where status is \"empty\": all columns."},
        {"{'table':'orders','filters':[{'column':'status','op':'is_null'}]}",
         "Rows of orders where status is empty: all columns."},
        {"{'table':'orders','filters':[{'column':'status','op':'=','value':''}]}",
         "Rows of orders where status is \"\": all columns."},
        {"{'table':'orders','filters':[{'column':'status','op':'=','value':'5'}]}",
         "Rows of orders where status is \"5\": all columns."},
        {"{'table':'orders','filters':[{'column':'status','op':'!=','value':'status'}]}",
         "Rows of orders where status is not \"status\": all columns."},
        {"{'table':'orders','filters':[{'column':'status','op':'!=','value':{'column':'status'}}]}",
         "Rows of orders where status is not status: all columns."},
        {"{'table':'orders','filters':[{'column':'status','op':'=','value':'line\\n\\u202e \\u0007'"
         "}]}",
         "Rows of orders where status is \"line\\u{a}\\u{202e} \\u{7}\": all columns."},
        {"{'table':'orders','filters':[{'column':'status','op':'contains','value':'x'}]}",
         "Rows of orders where status contains x: all columns."},
        {"{'table':'orders','filters':[{'column':'status','op':'contains','value':'x',"
         "'ignore_case':true}]}",
         "Rows of orders where status contains x in any case: all columns."},
        {"{'table':'orders','filters':[{'column':'status','op':'contains','value':'x in any case'"
         "}]}",
         "Rows of orders where status contains \"x in any case\": all columns."},
        {"{'table':'orders','filters':[{'or':[{'column':'total','op':'<','value':1},{'and':["
         "{'column':'total','op':'>','value':2},{'not':{'column':'returned','op':'=','value':true}"
         "}]}]}]}",
         "Rows of orders where total < 1 or (total > 2 and not (returned is true)): all columns."},
        {"{'table':'orders','filters':[{'or':[{'column':'total','op':'<','value':1},{'column':"
         "'total','op':'>','value':2}]},{'column':'returned','op':'=','value':false}]}",
         "Rows of orders where (total < 1 or total > 2) and returned is false: all columns."},
        {"{'table':'orders','filters':[{'column':'order_date','op':'last','value':{'n':1,'unit':"
         "'month'}},{'column':'order_date','op':'<','value':'2026-01-05'}]}",
         "Rows of orders where order_date is within the last month and order_date is before "
         "2026-01-05: all columns."},
        /* Groups that are shown, are not, or stand elsewhere. */
        {"{'table':'orders','select':[{'column':'status'},{'func':'count'}],'group_by':['status']}",
         "Number of rows in orders, by status."},
        {"{'table':'orders','select':[{'func':'count'},{'column':'status'}],'group_by':['status']}",
         "Number of rows and status over orders, by status."},
        {"{'table':'orders','select':[{'func':'count'}],'group_by':['status']}",
         "Number of rows in orders, by status (not shown)."},
        {"{'table':'orders','select':[{'column':'status','alias':'s'},{'func':'count'}],'group_by':"
         "['orders.status'],'having':[{'column':'count','op':'>','value':5}]}",
         "Number of rows in orders, by status (s), only groups where number of rows > 5."},
        {"{'table':'orders','select':[{'column':'status'},{'func':'count'}],'group_by':['status'],"
         "'distinct':true}",
         "Number of rows in orders, by status, equal rows once."},
        /* Order. */
        {"{'table':'orders','select':[{'column':'status'}],'order_by':[{'expr':'status','values':"
         "['a','b']}]}",
         "Rows of orders: status; status in the order a, b."},
        {"{'table':'orders','select':[{'column':'status'}],'order_by':[{'expr':'status','values':"
         "['a','b'],'direction':'desc','nulls':'first'}]}",
         "Rows of orders: status; status in the reverse of the order a, b (others first)."},
        {"{'table':'orders','select':[{'column':'status'}],'order_by':[{'expr':'returned',"
         "'direction':'desc'},{'expr':'order_date','nulls':'first'},{'expr':'status'}],"
         "'offset':7}",
         "Rows of orders: status; returned true first, then earliest order_date first (empty first)"
         ", then status from A to Z, after the first 7."},
        {"{'table':'orders','select':[{'column':'status'},{'func':'max','column':'total'},{'func':"
         "'max','column':'order_date'}],'group_by':['status'],'top':{'n':1,'per':['status'],'by':"
         "'max_order_date'}}",
         "Highest total and latest order_date over orders, by status, the one with the latest "
         "latest order_date for each status."},
};

/* JSON with single quotes, of the shop. */
static json_t *shop_plan(const char *text)
{
        _cleanup_free_ char *copy = strdup(text);
        assert_non_null(copy);
        for (char *p = copy; *p; p++)
                if (*p == '\'')
                        *p = '"';
        json_t *plan = json_loads(copy, 0, NULL);
        assert_non_null(plan);
        json_object_set_new(plan, "dataset_id", json_string("ecommerce"));
        return plan;
}

static void test_cases(void **state)
{
        (void)state;
        _cleanup_json_ json_t *seen = json_object();
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_buf_ struct buf text = {0};
                _cleanup_buf_ struct buf sql = {0};
                _cleanup_json_ json_t *plan = shop_plan(cases[i].plan);
                if (!compile(plan, fixture_find("ecommerce"), &sql))
                        fail_msg("%s is not valid", cases[i].plan);
                read_plan(cases[i].plan, plan, fixture_find("ecommerce"), &text);
                assert_string_equal(buf_text(&text), cases[i].reading);
                check_new(seen, plan, fixture_find("ecommerce"), &text, &sql);
        }
}

/* What the registry knows shows: units, and what a row is. */
static void test_units(void **state)
{
        (void)state;
        static const struct column columns[] = {
                {.name = "paid", .type = "DOUBLE", .kind = COLUMN_FLOAT, .unit = "USD"},
                {.name = "share", .type = "DOUBLE", .kind = COLUMN_FLOAT, .unit = "by, weight"}};
        static struct table tables[] = {{.name = "lines",
                                         .columns = columns,
                                         .n_columns = ARRAY_SIZE(columns),
                                         .row = "entry"}};
        static const struct dataset dataset = {.id = "d", .tables = tables, .n_tables = 1};
        _cleanup_buf_ struct buf text = {0};
        _cleanup_json_ json_t *plan = shop_plan(
                "{'table':'lines','select':[{'func':'count','alias':'entries'}],'filters':["
                "{'column':'paid','op':'in','value':[1,2.5]},{'column':'paid','op':'>','value':0},"
                "{'column':'share','op':'>','value':9}],"
                "'having':[{'expr':{'func':'sum','column':'paid'},'op':'>','value':7}]}");
        read_plan("units", plan, &dataset, &text);
        assert_string_equal(buf_text(&text),
                            "Number of entries in lines where paid is 1 or 2.5 USD and paid > 0 and"
                            " share > 9, only if sum of paid > 7 USD.");
        buf_clear(&text);
        tables[0].name = "entries";
        struct error err = {0};
        json_object_set_new(plan, "table", json_string("entries"));
        json_object_del(plan, "filters");
        json_object_del(plan, "having");
        assert_int_equal(reading_write(plan, &dataset, &text, &err), 0);
        assert_string_equal(buf_text(&text), "Number of entries.");
}

static void test_long_list(void **state)
{
        (void)state;
        _cleanup_buf_ struct buf text = {0};
        _cleanup_json_ json_t *list = json_array();
        for (int i = 0; i < 1000; i++)
                json_array_append_new(list, json_integer(i));
        _cleanup_json_ json_t *plan =
                json_pack("{s:s, s:s, s:[{s:s, s:s, s:O}]}", "dataset_id", "ecommerce", "table",
                          "orders", "filters", "column", "total", "op", "not_in", "value", list);
        read_plan("long", plan, fixture_find("ecommerce"), &text);
        assert_string_equal(buf_text(&text), "Rows of orders where total is none of 0, 1, 2, 3, 4, "
                                             "5, 6, 7, 8, 9 or 990 more: all columns.");
}

/* A failure leaves what stood in the buffer. */
static void check_refused(const json_t *plan, size_t max, enum error_type type)
{
        struct error err = {0};
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, max);
        buf_puts(&text, "before");
        assert_int_equal(reading_write(plan, fixture_find("ecommerce"), &text, &err), -(int)type);
        assert_int_equal(err.type, type);
        assert_string_equal(buf_text(&text), "before");
        assert_int_equal(text.len, strlen("before"));
}

static void test_ceiling(void **state)
{
        (void)state;
        _cleanup_json_ json_t *plan = shop_plan("{'table':'orders','select':[{'func':'count'}]}");
        for (size_t max = strlen("before"); max < strlen("beforeNumber of rows in orders."); max++)
                check_refused(plan, max, ERROR_INVALID_REQUEST);
}

static void test_no_plan(void **state)
{
        (void)state;
        static const char *const texts[] = {
                "[]",
                "null",
                "'orders'",
                "{}",
                "{'table':5}",
                "{'table':'orders','select':{}}",
                "{'table':'orders','select':[5]}",
                "{'table':'orders','select':[{'func':5}]}",
                "{'table':'orders','select':[{'func':'mode','column':'total'}]}",
                "{'table':'orders','select':[{'expr':{'add':[]},'alias':'x'}]}",
                "{'table':'orders','select':[{'expr':{'case':{}},'alias':'x'}]}",
                "{'table':'orders','select':[{'func':'count'}],'group_by':[5]}",
                "{'table':'orders','filters':{}}",
                "{'table':'orders','filters':[{'column':'total','op':'~','value':5}]}",
                "{'table':'orders','filters':[{'column':'total','op':'=','value':null}]}",
                "{'table':'orders','filters':[{'column':'total','op':'in','value':5}]}",
                "{'table':'orders','filters':[{'not':[]}]}",
                "{'table':'orders','order_by':[{}]}",
                "{'table':'orders','top':5}",
        };
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                _cleanup_free_ char *copy = strdup(texts[i]);
                assert_non_null(copy);
                for (char *p = copy; *p; p++)
                        if (*p == '\'')
                                *p = '"';
                _cleanup_json_ json_t *json = json_loads(copy, JSON_DECODE_ANY, NULL);
                assert_non_null(json);
                check_refused(json, READING_MAX, ERROR_INTERNAL);
        }
}

static void test_deep(void **state)
{
        (void)state;
        json_t *expr = json_pack("{s:i}", "literal", 1);
        json_t *filter = json_pack("{s:s, s:s}", "column", "total", "op", "is_null");
        for (int i = 0; i < 20000; i++) {
                expr = json_pack("{s:o}", "neg", expr);
                filter = json_pack("{s:o}", "not", filter);
        }
        _cleanup_json_ json_t *plan =
                json_pack("{s:s, s:[{s:O, s:s}], s:[O]}", "table", "orders", "select", "expr", expr,
                          "alias", "x", "filters", filter);
        check_refused(plan, READING_MAX, ERROR_INTERNAL);
        /* jansson frees by recursion: level by level it does not matter how deep this is. */
        json_object_clear(plan);
        for (json_t *next; expr; expr = next) {
                next = json_incref(json_object_get(expr, "neg"));
                json_decref(expr);
        }
        for (json_t *next; filter; filter = next) {
                next = json_incref(json_object_get(filter, "not"));
                json_decref(filter);
        }
}

static void test_memory(void **state)
{
        (void)state;
        for (size_t i = 0; i < n_samples; i++) {
                for (unsigned long failed = 0;; failed++) {
                        struct error err = {0};
                        _cleanup_buf_ struct buf text = {0};
                        buf_init(&text, READING_MAX);
                        alloc_fail_after(failed + 1);
                        int r = reading_write(samples[i].plan, samples[i].dataset, &text, &err);
                        alloc_fail_after(0);
                        if (r == 0) {
                                assert_true(failed > 0);
                                break;
                        }
                        assert_int_equal(r, -(int)ERROR_INTERNAL);
                        assert_string_equal(err.message, "out of memory");
                        assert_string_equal(buf_text(&text), "");
                        assert_true(failed < 1000);
                }
        }
}

/* xorshift64: the same numbers everywhere. */
static uint64_t random_state = 88172645463325252U;

static size_t random_below(size_t n)
{
        random_state ^= random_state << 13;
        random_state ^= random_state >> 7;
        random_state ^= random_state << 17;
        return n ? (size_t)(random_state >> 11) % n : 0;
}

/* Everything that stands under a key somewhere in the corpus: {"op": ["=", ...], "select[]": ...}.
 */
static void pool_add(json_t *pool, const char *key, json_t *json)
{
        char element[200];
        json_t *list = json_object_get(pool, key);
        if (!list)
                assert_int_equal(json_object_set_new(pool, key, list = json_array()), 0);
        json_array_append(list, json);
        (void)snprintf(element, sizeof(element), "%.190s[]", key);
        const char *name;
        json_t *value;
        size_t i;
        json_object_foreach(json, name, value)
        {
                pool_add(pool, name, value);
        }
        json_array_foreach(json, i, value)
        {
                pool_add(pool, element, value);
        }
}

/* Of the same key, or now and then of any. */
static json_t *pool_pick(const json_t *pool, const char *key)
{
        const json_t *list = json_object_get(pool, key);
        if (random_below(20) == 0) {
                size_t skip = random_below(json_object_size(pool));
                void *iter = json_object_iter((json_t *)pool);
                while (skip--)
                        iter = json_object_iter_next((json_t *)pool, iter);
                list = json_object_iter_value(iter);
        }
        if (json_array_size(list) == 0)
                return json_null();
        return json_deep_copy(json_array_get(list, random_below(json_array_size(list))));
}

static size_t count_nodes(const json_t *json)
{
        size_t n = 1;
        const char *name;
        json_t *value;
        size_t i;
        json_object_foreach((json_t *)json, name, value)
        {
                n += count_nodes(value);
        }
        json_array_foreach(json, i, value)
        {
                n += count_nodes(value);
        }
        return n;
}

static void change_member(const json_t *pool, json_t *object, const char *name)
{
        char key[200];
        (void)snprintf(key, sizeof(key), "%.190s", name);
        if (random_below(6) == 0)
                (void)json_object_del(object, key);
        else
                (void)json_object_set_new(object, key, pool_pick(pool, key));
}

static void change_element(const json_t *pool, json_t *array, const char *key, size_t i)
{
        size_t what = random_below(6);
        if (what == 0)
                (void)json_array_remove(array, i);
        else if (what == 1)
                (void)json_array_insert_new(array, i, pool_pick(pool, key));
        else
                (void)json_array_set_new(array, i, pool_pick(pool, key));
}

/* Changes node number *left of json, counted in the order of the text; false when it has fewer. */
static bool change(const json_t *pool, json_t *json, const char *key, size_t *left)
{
        char element[200];
        const char *name;
        json_t *value;
        size_t i;
        (void)snprintf(element, sizeof(element), "%.190s[]", key);
        json_object_foreach(json, name, value)
        {
                if ((*left)-- == 0) {
                        change_member(pool, json, name);
                        return true;
                }
                if (change(pool, value, name, left))
                        return true;
        }
        json_array_foreach(json, i, value)
        {
                if ((*left)-- == 0) {
                        change_element(pool, json, element, i);
                        return true;
                }
                if (change(pool, value, element, left))
                        return true;
        }
        return false;
}

/* True for what has one meaning in two forms, or is not said in full: a list of one filter or
 * value, a negated number, more values than are shown, and the names of group_by. */
static bool may_coincide(const json_t *json, const char *key)
{
        size_t n = json_array_size(json);
        bool found = (n == 1 && (strcmp(key, "and") == 0 || strcmp(key, "or") == 0)) ||
                     ((n == 1 || n > 10) && strncmp(key, "value", 5) == 0) ||
                     (strcmp(key, "neg") == 0 && json_object_get(json, "literal")) ||
                     (n > 1 && strcmp(key, "group_by") == 0);
        const char *name;
        json_t *value;
        size_t i;
        json_object_foreach((json_t *)json, name, value)
        {
                found = found || may_coincide(value, name);
        }
        json_array_foreach(json, i, value)
        {
                found = found || may_coincide(value, "");
        }
        return found;
}

/* True when the mutant is a plan still. */
static bool try_mutant(json_t *seen, const json_t *plan, const struct dataset *dataset)
{
        struct error err = {0};
        _cleanup_buf_ struct buf text = {0};
        _cleanup_buf_ struct buf sql = {0};
        buf_init(&text, READING_MAX);
        int r = reading_write(plan, dataset, &text, &err);
        if (r < 0) {
                assert_true(r == -(int)ERROR_INTERNAL || r == -(int)ERROR_INVALID_REQUEST);
                assert_true(err.message[0] != '\0');
                assert_string_equal(buf_text(&text), "");
        } else {
                check_sentence("a mutant", &text);
        }
        if (!compile(plan, dataset, &sql))
                return false;
        if (r < 0) {
                _cleanup_free_ char *dump = json_dumps(plan, JSON_COMPACT);
                fail_msg("%s: %s", dump, err.message);
        }
        if (!may_coincide(plan, ""))
                check_new(seen, plan, dataset, &text, &sql);
        return true;
}

static void test_mutants(void **state)
{
        (void)state;
        _cleanup_json_ json_t *pool = json_object();
        _cleanup_json_ json_t *seen = json_object();
        size_t n_valid = 0;
        for (size_t i = 0; i < n_samples; i++)
                pool_add(pool, "", samples[i].plan);
        for (int i = 0; i < MUTANTS; i++) {
                const struct sample *sample = &samples[random_below(n_samples)];
                _cleanup_json_ json_t *plan = json_deep_copy(sample->plan);
                for (size_t n = 1 + random_below(3); n > 0; n--) {
                        size_t left = random_below(count_nodes(plan));
                        (void)change(pool, plan, "", &left);
                }
                n_valid += try_mutant(seen, plan, sample->dataset);
        }
        if (n_valid < MUTANTS_VALID_MIN)
                fail_msg("only %zu mutants were plans", n_valid);
}

static int write_readings(void)
{
        _cleanup_json_ json_t *all = json_object();
        (void)setup(NULL);
        for (size_t i = 0; i < n_samples; i++) {
                struct error err = {0};
                _cleanup_buf_ struct buf text = {0};
                buf_init(&text, READING_MAX);
                if (reading_write(samples[i].plan, samples[i].dataset, &text, &err) < 0)
                        return 1;
                json_object_set_new(all, samples[i].name, json_string(buf_text(&text)));
        }
        int r = json_dumpf(all, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
        (void)putchar('\n');
        return teardown(NULL) || r != 0;
}

int main(int argc, char **argv)
{
        if (argc == 2 && strcmp(argv[1], "write") == 0)
                return write_readings();
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sentences), cmocka_unit_test(test_distinct),
                cmocka_unit_test(test_cases),     cmocka_unit_test(test_units),
                cmocka_unit_test(test_long_list), cmocka_unit_test(test_ceiling),
                cmocka_unit_test(test_no_plan),   cmocka_unit_test(test_deep),
                cmocka_unit_test(test_memory),    cmocka_unit_test(test_mutants),
        };
        return cmocka_run_group_tests_name("reading", tests, setup, teardown);
}
