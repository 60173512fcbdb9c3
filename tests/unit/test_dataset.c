#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/json.h"
#include "dataset/registry.h"
#include "dataset/rules.h"

#include <string.h>

#define SHA_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define SHA_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/* The version of the dataset below, from sha256sum(1) over the text that schema.h describes. */
#define GOOD_VERSION "a95a92e2959b08488bada2445d23b8966fcea4056fa42028cca6081dcd4dc73d"

/* Single quotes stand for double ones, so that the texts can be read. */
static const char good[] =
        "{'id':'shop','name':'Shop','description':'A shop.','as_of':'2026-01-31T00:00:00Z',"
        "'tables':["
        "{'name':'sales','file':'2026/sales.csv','format':'csv','sha256':'" SHA_A "',"
        "'description':'All sales.','columns':["
        "{'name':'id','type':'BIGINT','nullable':false},"
        "{'name':'Product Id','type':'INTEGER','nullable':true,'description':'What.'},"
        "{'name':'price','type':'DECIMAL(10,2)','nullable':false,'unit':'USD'},"
        "{'name':'state','type':'VARCHAR','nullable':false,'values':['new','old']}]},"
        "{'name':'products','file':'products.parquet','format':'parquet','sha256':'" SHA_B "',"
        "'columns':[{'name':'id','type':'INTEGER','nullable':false}]}],"
        "'relationships':[{'from':'sales.Product Id','to':'products.id'}],"
        "'prompts':[{'id':'shop-1','text':'What sells?'}]}";

/* text with its first `from` (NULL: nothing) replaced by `to`, in double quotes; free(3) it. */
static char *quoted(const char *text, const char *from, const char *to)
{
        const char *at = from ? strstr(text, from) : NULL;
        assert_true(!from || at);
        _cleanup_buf_ struct buf out = {0};
        buf_init(&out, 200000);
        buf_append(&out, text, at ? (size_t)(at - text) : strlen(text));
        if (at) {
                buf_puts(&out, to);
                buf_puts(&out, at + strlen(from));
        }
        for (size_t i = 0; i < out.len; i++)
                if (out.data[i] == '\'')
                        out.data[i] = '"';
        char *changed = buf_steal(&out);
        assert_non_null(changed);
        return changed;
}

/* The good entry with the first `from` replaced by `to`. */
static int read_changed(const char *from, const char *to, struct dataset **ret, struct error *err)
{
        static const struct json_limits limits = {.max_bytes = 100000, .max_depth = 16};
        _cleanup_free_ char *text = quoted(good, from, to);
        _cleanup_json_ json_t *json = NULL;
        if (json_parse(text, strlen(text), &limits, ERROR_VALIDATION, &json, err) < 0)
                fail_msg("%s in %s", err->message, text);
        return dataset_from_json(json, ret, err);
}

static void test_good(void **state)
{
        (void)state;
        struct error err = {0};
        struct dataset *d = NULL;
        assert_int_equal(read_changed(NULL, "", &d, &err), 0);
        assert_string_equal(d->id, "shop");
        assert_string_equal(d->as_of, "2026-01-31T00:00:00Z");
        assert_int_equal(d->n_tables, 2);
        assert_string_equal(d->tables[0].path, "2026/sales.csv");
        assert_string_equal(d->tables[0].sha256, SHA_A);
        assert_string_equal(d->tables[0].description, "All sales.");
        assert_null(d->tables[1].description);
        assert_string_equal(d->tables[1].format, "parquet");
        assert_int_equal(d->tables[0].n_columns, 4);
        const struct column *columns = d->tables[0].columns;
        assert_string_equal(columns[2].type, "DECIMAL(10,2)");
        assert_int_equal(columns[2].kind, COLUMN_DECIMAL);
        assert_string_equal(columns[2].unit, "USD");
        assert_true(columns[1].nullable && !columns[0].nullable);
        assert_int_equal(columns[3].n_values, 2);
        assert_string_equal(columns[3].values[1], "old");
        assert_null(columns[0].values);
        assert_int_equal(d->n_relationships, 1);
        assert_int_equal(d->relationships[0].from_table, 0);
        assert_int_equal(d->relationships[0].from_column, 1);
        assert_int_equal(d->relationships[0].to_table, 1);
        assert_int_equal(d->relationships[0].to_column, 0);
        assert_string_equal(d->prompts[0].id, "shop-1");
        assert_string_equal(d->prompts[0].text, "What sells?");
        dataset_free(d);
        dataset_free(NULL);
}

static void test_least(void **state)
{
        (void)state;
        static const char text[] =
                "{\"id\":\"a\",\"name\":\"b\",\"description\":\"c\",\"tables\":[{"
                "\"name\":\"t\",\"file\":\"t.csv\",\"format\":\"csv\",\"columns\""
                ":[{\"name\":\"x\",\"type\":\"date\",\"nullable\":true}]}]}";
        struct error err = {0};
        struct dataset *d = NULL;
        _cleanup_json_ json_t *json = json_loads(text, 0, NULL);
        assert_int_equal(dataset_from_json(json, &d, &err), 0);
        assert_null(d->as_of);
        assert_string_equal(d->tables[0].sha256, "");
        assert_int_equal(d->tables[0].columns[0].kind, COLUMN_DATE);
        assert_int_equal(d->n_relationships + d->n_prompts, 0);
        char version[HASH_HEX_SIZE];
        assert_true(dataset_version(d, version, &err) < 0);
        assert_non_null(strstr(err.message, "hash"));
        dataset_free(d);
}

static const struct {
        const char *from;
        const char *to;
        const char *pointer;
        const char *said; /* part of the message */
} bad[] = {
        {"'id':'shop',", "", "/id", "missing"},
        {"'id':'shop'", "'id':7", "/id", "text"},
        {"'id':'shop'", "'id':''", "/id", "text"},
        {"'id':'shop'", "'id':'1shop'", "/id", "letter"},
        {"'id':'shop'", "'id':'a/b'", "/id", "letter"},
        {"'id':'shop'", "'id':'-a'", "/id", "letter"},
        {"'name':'Shop',", "", "/name", "missing"},
        {"'description':'A shop.',", "", "/description", "missing"},
        {"'id':'shop'", "'id':'shop','a/b~c':1", "/a~1b~0c", "not known"},
        {"T00:00:00Z", "T25:00:00Z", "/as_of", "2026-01-31T00:00:00Z"},
        {"'tables':[", "'tables':1,'x':[", "/x", "not known"},
        {"{'name':'sales'", "7,{'name':'sales'", "/tables/0", "object"},
        {"'name':'sales'", "'name':'sa les'", "/tables/0/name", "underscore"},
        {"'name':'sales'", "'name':'Products'", "/tables/1", "twice"},
        {"'name':'sales'", "'color':'red','name':'sales'", "/tables/0/color", "not known"},
        {"2026/sales.csv", "/sales.csv", "/tables/0/file", "below"},
        {"2026/sales.csv", "../sales.csv", "/tables/0/file", "below"},
        {"2026/sales.csv", "a/../sales.csv", "/tables/0/file", "below"},
        {"2026/sales.csv", "a/.", "/tables/0/file", "below"},
        {"2026/sales.csv", "a//b", "/tables/0/file", "below"},
        {"2026/sales.csv", "a/", "/tables/0/file", "below"},
        {"'format':'csv'", "'format':'xlsx'", "/tables/0/format", "parquet"},
        {SHA_A, "aaaa", "/tables/0/sha256", "64"},
        {"'sha256':'a", "'sha256':'A", "/tables/0/sha256", "64"},
        {"'columns':[{'name':'id','type':'INTEGER','nullable':false}]", "'columns':[]",
         "/tables/1/columns", "1 to 4096"},
        {",'columns':[{'name':'id','type':'INTEGER','nullable':false}]", "", "/tables/1/columns",
         "missing"},
        {"'name':'price'", "'name':'ID'", "/tables/0/columns/2", "twice"},
        {"'name':'price',", "", "/tables/0/columns/2/name", "missing"},
        {"DECIMAL(10,2)", "DECIMAL(10,2)[]", "/tables/0/columns/2/type", "INTEGER"},
        {"DECIMAL(10,2)", "MONEY", "/tables/0/columns/2/type", "MONEY"},
        {"DECIMAL(10,2)", "INTEGER; DROP TABLE x", "/tables/0/columns/2/type", "DROP"},
        {"'nullable':true", "'nullable':1", "/tables/0/columns/1/nullable", "true or false"},
        {"'nullable':true,", "", "/tables/0/columns/1/nullable", "true or false"},
        {"'unit':'USD'", "'unit':''", "/tables/0/columns/2/unit", "text"},
        {"'unit':'USD'", "'units':'USD'", "/tables/0/columns/2/units", "not known"},
        {"['new','old']", "[]", "/tables/0/columns/3/values", "empty"},
        {"['new','old']", "'new'", "/tables/0/columns/3/values", "array"},
        {"['new','old']", "['new',1]", "/tables/0/columns/3/values/1", "text"},
        {"['new','old']", "['new','new']", "/tables/0/columns/3/values/1", "twice"},
        {"'relationships':[", "'relationships':{},'prompt':[", "/prompt", "not known"},
        {"{'from'", "null,{'from'", "/relationships/0", "object"},
        {"sales.Product Id", "sales", "/relationships/0/from", "table.column"},
        {"sales.Product Id", "sales.nothing", "/relationships/0/from", "sales.nothing"},
        {"'to':'products.id'", "'to':'nothing.id'", "/relationships/0/to", "nothing.id"},
        {"'to':'products.id'", "'to':'sales.id'", "/relationships/0", "one table to another"},
        {"sales.Product Id", "sales.state", "/relationships/0", "VARCHAR"},
        {",'to':'products.id'}", "}", "/relationships/0/to", "missing"},
        {"'to':'products.id'}",
         "'to':'products.id'},{'from':'SALES.product id','to':'products.ID'}", "/relationships/1",
         "twice"},
        {"'id':'shop-1'", "'id':'shop 1'", "/prompts/0/id", "letters"},
        {"'text':'What sells?'", "'text':''", "/prompts/0/text", "text"},
        {"'What sells?'}", "'What sells?'},{'id':'shop-1','text':'Why?'}", "/prompts/1", "twice"},
        {"'id':'shop'", "'id':'shop','version':'x'", "/version", "64"},
        {"'id':'shop'", "'id':'shop','version':'" SHA_A "'", "/version", "is " GOOD_VERSION},
        {"'tables':[{'name':'sales','file':'2026/sales.csv','format':'csv','sha256':'" SHA_A "',",
         "'version':'" SHA_A "','tables':[{'name':'sales','file':'a.csv','format':'csv',",
         "/version", "sales has no sha256"},
};

static void test_bad(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                struct error err = {0};
                struct dataset *d = NULL;
                if (read_changed(bad[i].from, bad[i].to, &d, &err) >= 0)
                        fail_msg("%s passed", bad[i].to);
                assert_null(d);
                assert_int_equal(err.type, ERROR_DATASET_INVALID);
                if (strcmp(err.pointer, bad[i].pointer) != 0 || !strstr(err.message, bad[i].said))
                        fail_msg("\"%s\": %s: %s", bad[i].to, err.pointer, err.message);
        }
}

static void test_bad_without_an_error(void **state)
{
        (void)state;
        struct dataset *d = NULL;
        _cleanup_json_ json_t *json = json_array();
        assert_true(dataset_from_json(json, &d, NULL) < 0);
        assert_true(dataset_from_json(NULL, &d, NULL) < 0);
        assert_null(d);
}

/* A key of any length is named in a pointer that is cut, not overrun. */
static void test_long_pointer(void **state)
{
        (void)state;
        struct error err = {0};
        struct dataset *d = NULL;
        char key[2000];
        memset(key, '/', sizeof(key) - 1);
        key[sizeof(key) - 1] = '\0';
        _cleanup_json_ json_t *json = json_pack("{s:i}", key, 1);
        assert_true(dataset_from_json(json, &d, &err) < 0);
        assert_true(strlen(err.pointer) < sizeof(err.pointer));
        assert_string_equal(err.message,
                            "the key \"////////////////////////////////////////////////"
                            "////////////////////////////////////////////////////\" is "
                            "not known here; remove it");
}

static void test_out_of_memory(void **state)
{
        (void)state;
        static const struct json_limits limits = {.max_bytes = 100000, .max_depth = 16};
        struct error err = {0};
        _cleanup_free_ char *plain = quoted(good, "'id':'shop'",
                                            "'id':'shop','version':'"
                                            "" GOOD_VERSION "'");
        _cleanup_json_ json_t *json = NULL;
        assert_int_equal(json_parse(plain, strlen(plain), &limits, ERROR_VALIDATION, &json, &err),
                         0);
        json_set_alloc_funcs(alloc_malloc, free);
        unsigned long n = 1;
        for (int r = -1; r < 0; n++) {
                struct dataset *d = NULL;
                err = (struct error){0};
                alloc_fail_after(n);
                r = dataset_from_json(json, &d, &err);
                alloc_fail_after(0);
                if (r < 0) {
                        assert_null(d);
                        if (err.type != ERROR_INTERNAL)
                                fail_msg("%lu: %s %s", n, err.pointer, err.message);
                        assert_true(n < 1000);
                }
                dataset_free(d);
        }
        json_set_alloc_funcs(malloc, free);
        assert_true(n > 10);
}

static void test_kinds(void **state)
{
        (void)state;
        static const struct {
                const char *type;
                enum column_kind kind;
        } cases[] = {
                {"TINYINT", COLUMN_INTEGER},
                {"UHUGEINT", COLUMN_INTEGER},
                {"bigint", COLUMN_INTEGER},
                {"DECIMAL(10,2)", COLUMN_DECIMAL},
                {"DECIMAL (18, 3)", COLUMN_DECIMAL},
                {"decimal", COLUMN_DECIMAL},
                {"DOUBLE", COLUMN_FLOAT},
                {"VARCHAR", COLUMN_TEXT},
                {"VARCHAR(20)", COLUMN_TEXT},
                {"BOOLEAN", COLUMN_BOOLEAN},
                {"DATE", COLUMN_DATE},
                {"TIMESTAMP", COLUMN_TIMESTAMP},
                {"TIMESTAMP_NS", COLUMN_TIMESTAMP},
                {"TIMESTAMP WITH TIME ZONE", COLUMN_TIMESTAMP},
                {"TIME", COLUMN_TIME},
                {"TIME WITH TIME ZONE", COLUMN_OTHER},
                {"INTEGER[]", COLUMN_OTHER},
                {"DECIMAL(10,2)[]", COLUMN_OTHER},
                {"DECIMAL(10,2)[3]", COLUMN_OTHER},
                {"STRUCT(a INTEGER)", COLUMN_OTHER},
                {"MAP(VARCHAR, INTEGER)", COLUMN_OTHER},
                {"ENUM('DATE')", COLUMN_OTHER},
                {"BLOB", COLUMN_OTHER},
                {"INTERVAL", COLUMN_OTHER},
                {"UUID", COLUMN_OTHER},
                {"", COLUMN_OTHER},
                {"(", COLUMN_OTHER},
                {")", COLUMN_OTHER},
                {"INTEGERS", COLUMN_OTHER},
        };
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                if (column_kind_of(cases[i].type) != cases[i].kind)
                        fail_msg("%s", cases[i].type);
}

static void test_find(void **state)
{
        (void)state;
        struct error err = {0};
        struct dataset *d = NULL;
        assert_int_equal(read_changed(NULL, "", &d, &err), 0);
        assert_int_equal(dataset_find_table(d, "PRODUCTS"), 1);
        assert_int_equal(dataset_find_table(d, "product"), -1);
        assert_int_equal(dataset_find_table(d, ""), -1);
        assert_int_equal(table_find_column(&d->tables[0], "product iD"), 1);
        assert_int_equal(table_find_column(&d->tables[0], "product id "), -1);
        dataset_free(d);
}

static void test_version(void **state)
{
        (void)state;
        struct error err = {0};
        char expected[HASH_HEX_SIZE];
        char version[HASH_HEX_SIZE];
        struct dataset *d = NULL;
        assert_int_equal(read_changed(NULL, "", &d, &err), 0);
        assert_int_equal(dataset_version(d, version, &err), 0);
        assert_string_equal(version, GOOD_VERSION);

        struct table swapped = d->tables[0]; /* the order of the tables does not matter */
        d->tables[0] = d->tables[1];
        d->tables[1] = swapped;
        d->n_relationships = 0;
        struct dataset *without = NULL;
        assert_int_equal(
                read_changed("{'from':'sales.Product Id','to':'products.id'}", "", &without, &err),
                0);
        assert_int_equal(dataset_version(d, version, &err), 0);
        assert_int_equal(dataset_version(without, expected, &err), 0);
        assert_string_equal(version, expected);
        dataset_free(without);
        d->tables[0].sha256[0] = 'c';
        assert_int_equal(dataset_version(d, version, &err), 0);
        assert_string_not_equal(version, expected);
        dataset_free(d);
}

static void test_registry_built_in(void **state)
{
        (void)state;
        static const char *const ids[] = {"ecommerce", "support", "sensors"};
        static const size_t tables[] = {3, 1, 1};
        struct error err = {0};
        struct registry *registry = NULL;
        if (registry_open(NULL, &registry, &err) < 0)
                fail_msg("%s: %s", err.pointer, err.message);
        assert_int_equal(registry->n_datasets, 3);
        for (size_t i = 0; i < 3; i++) {
                const struct dataset *d = registry_find(registry, ids[i]);
                assert_ptr_equal(d, registry->datasets[i]);
                assert_int_equal(d->n_tables, tables[i]);
                assert_int_equal(d->n_prompts, 6);
                assert_string_equal(d->as_of, "2026-01-31T00:00:00Z");
        }
        assert_null(registry_find(registry, "Support"));
        assert_string_equal(registry_nearest(registry, "suport"), "support");
        assert_string_equal(registry_nearest(registry, "e-commerce"), "ecommerce");
        assert_string_equal(registry_nearest(registry, "sensor"), "sensors");
        assert_null(registry_nearest(registry, "weather"));
        assert_null(registry_nearest(registry, ""));
        char endless[5000];
        memset(endless, 's', sizeof(endless) - 1);
        endless[sizeof(endless) - 1] = '\0';
        assert_null(registry_nearest(registry, endless));
        registry_free(registry);
        registry_free(NULL);

        struct registry *same = NULL; /* the file that it was made of */
        assert_int_equal(registry_open("datasets/registry.json", &same, &err), 0);
        assert_int_equal(same->n_datasets, 3);
        registry_free(same);
}

static void check_registry(const char *before, const char *entry, const char *after,
                           const char *pointer, const char *said)
{
        struct error err = {0};
        struct registry *registry = NULL;
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, 100000);
        buf_printf(&text, "%s%s%s", before, entry, after);
        _cleanup_free_ char *plain = quoted(buf_text(&text), NULL, "");
        int r = registry_parse(plain, strlen(plain), &registry, &err);
        if (!said) {
                assert_int_equal(r, 0);
                registry_free(registry);
                return;
        }
        assert_true(r < 0);
        assert_null(registry);
        assert_int_equal(err.type, ERROR_DATASET_INVALID);
        if (strcmp(err.pointer, pointer) != 0 || !strstr(err.message, said))
                fail_msg("%s: %s", err.pointer, err.message);
}

static void test_registry_bad(void **state)
{
        (void)state;
        check_registry("{'version':1,'datasets':[", good, "]}", "", NULL);
        check_registry("{'version':1,'datasets':[", "", "]}", "", NULL);
        check_registry("", "", "", "", "empty");
        check_registry("[", "", "]", "", "object");
        check_registry("{'version':1,'datasets':[", good, "", "", "not JSON");
        check_registry("{'version':2,'datasets':[", good, "]}", "/version", "1");
        check_registry("{'datasets':[", good, "]}", "/version", "1");
        check_registry("{'version':1,'dataset':[", good, "]}", "", "only");
        check_registry("{'version':1", "", "}", "/datasets", "array");
        check_registry("{'version':1,'datasets':[7,", good, "]}", "/datasets/0", "object");
        check_registry("{'version':1,'datasets':[", good, ",{'id':'b'}]}", "/datasets/1/name",
                       "missing");
        _cleanup_buf_ struct buf twice = {0};
        buf_init(&twice, 100000);
        buf_printf(&twice, "%s,%s", good, good);
        check_registry("{'version':1,'datasets':[", buf_text(&twice), "]}", "/datasets/1/id",
                       "this id");
}

static void test_registry_files(void **state)
{
        (void)state;
        struct error err = {0};
        struct registry *registry = NULL;
        assert_true(registry_open("/nowhere/registry.json", &registry, &err) < 0);
        assert_non_null(strstr(err.message, "/nowhere/registry.json"));
        assert_true(registry_open("datasets", &registry, &err) < 0);
        assert_true(registry_open("README.md", &registry, &err) < 0);
        assert_int_equal(err.type, ERROR_DATASET_INVALID);
        assert_null(registry);
}

static void test_registry_out_of_memory(void **state)
{
        (void)state;
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, 100000);
        buf_printf(&text, "{'version':1,'datasets':[%s]}", good);
        _cleanup_free_ char *plain = quoted(buf_text(&text), NULL, "");
        json_set_alloc_funcs(alloc_malloc, free);
        unsigned long n = 1;
        for (int r = -1; r < 0; n++) {
                struct registry *registry = NULL;
                struct error err = {0};
                alloc_fail_after(n);
                r = registry_parse(plain, strlen(plain), &registry, &err);
                alloc_fail_after(0);
                assert_true(r == 0 || (!registry && err.message[0]));
                assert_true(n < 5000);
                registry_free(registry);
        }
        json_set_alloc_funcs(malloc, free);
        assert_true(n > 50);
}

static void test_rules(void **state)
{
        (void)state;
        static const char *const ids[] = {"ecommerce", "support", "sensors"};
        struct registry *registry = NULL;
        struct error err = {0};
        assert_int_equal(registry_open(NULL, &registry, &err), 0);
        for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
                struct dataset_rules *rules = NULL;
                assert_int_equal(dataset_rules_open(ids[i], &rules, &err), 0);
                assert_true(rules->n >= 30);
                for (size_t k = 0; k < rules->n; k++) {
                        const struct dataset_rule *rule = &rules->rules[k];
                        assert_true(dataset_find_table(registry->datasets[i], rule->table) >= 0);
                        assert_int_equal(strncmp(rule->id, rule->table, strlen(rule->table)), 0);
                        assert_non_null(strstr(rule->sql, "SELECT"));
                        assert_true(strlen(rule->text) > 10);
                        for (size_t m = 0; m < k; m++)
                                assert_string_not_equal(rules->rules[m].id, rule->id);
                }
                dataset_rules_free(rules);
        }
        struct dataset_rules *none = NULL;
        assert_int_equal(dataset_rules_open("shop", &none, &err), 0);
        assert_int_equal(none->n, 0);
        dataset_rules_free(none);
        dataset_rules_free(NULL);
        registry_free(registry);
}

static int rules_text_parse(const char *text, struct dataset_rules **ret, struct error *err)
{
        _cleanup_free_ char *plain = quoted(text, NULL, "");
        return dataset_rules_parse(plain, strlen(plain), "a", ret, err);
}

static void test_rules_bad(void **state)
{
        (void)state;
        static const char *const texts[] = {
                "",
                "[]",
                "{'datasets':{}}",
                "{'datasets':[{'id':'a','rules':[7]}]}",
                "{'datasets':[{'id':'a','rules':[{'table':'b','rule':'c','sql':['d']}]}]}",
                "{'datasets':[{'id':'a','rules':[{'id':'a','table':'','rule':'c','sql':['d']}]}]}",
                "{'datasets':[{'id':'a','rules':[{'id':'a','table':'b','rule':1,'sql':['d']}]}]}",
                "{'datasets':[{'id':'a','rules':[{'id':'a','table':'b','rule':'c','sql':'d'}]}]}",
                "{'datasets':[{'id':'a','rules':[{'id':'a','table':'b','rule':'c','sql':[]}]}]}",
                "{'datasets':[{'id':'a','rules':[{'id':'a','table':'b','rule':'c','sql':[1]}]}]}",
        };
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                struct error err = {0};
                struct dataset_rules *rules = NULL;
                assert_true(rules_text_parse(texts[i], &rules, &err) < 0);
                assert_int_equal(err.type, ERROR_DATASET_INVALID);
                assert_null(rules);
        }
}

static void test_rules_out_of_memory(void **state)
{
        (void)state;
        static const char text[] =
                "{\"datasets\":[{\"id\":\"a\",\"rules\":[{\"id\":\"i\",\"table\":"
                "\"t\",\"rule\":\"r\",\"sql\":[\"SELECT 1\",\"AS x\"]}]}]}";
        json_set_alloc_funcs(alloc_malloc, free);
        unsigned long n = 1;
        for (int r = -1; r < 0; n++) {
                struct error err = {0};
                struct dataset_rules *rules = NULL;
                alloc_fail_after(n);
                r = dataset_rules_parse(text, strlen(text), "a", &rules, &err);
                alloc_fail_after(0);
                assert_true(r == 0 || (!rules && err.message[0]));
                if (r == 0)
                        assert_string_equal(rules->rules[0].sql, "SELECT 1\nAS x");
                dataset_rules_free(rules);
                assert_true(n < 1000);
        }
        json_set_alloc_funcs(malloc, free);
        assert_true(n > 10);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_good),
                cmocka_unit_test(test_least),
                cmocka_unit_test(test_bad),
                cmocka_unit_test(test_bad_without_an_error),
                cmocka_unit_test(test_long_pointer),
                cmocka_unit_test(test_out_of_memory),
                cmocka_unit_test(test_kinds),
                cmocka_unit_test(test_find),
                cmocka_unit_test(test_version),
                cmocka_unit_test(test_registry_built_in),
                cmocka_unit_test(test_registry_bad),
                cmocka_unit_test(test_registry_files),
                cmocka_unit_test(test_registry_out_of_memory),
                cmocka_unit_test(test_rules),
                cmocka_unit_test(test_rules_bad),
                cmocka_unit_test(test_rules_out_of_memory),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
