/* A value index as a client takes it apart: each member that is believed is tried with a value that
 * must not be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "dataset/schema.h"
#include "dataset/values.h"

#include <stdio.h>
#include <string.h>

static const struct column columns_of_sales[] = {
        {.name = "id", .type = "BIGINT", .kind = COLUMN_INTEGER},
        {.name = "state", .type = "VARCHAR", .kind = COLUMN_TEXT},
};
static const struct column columns_of_days[] = {
        {.name = "day", .type = "DATE", .kind = COLUMN_DATE},
};
static struct table tables[] = {
        {.name = "sales", .columns = columns_of_sales, .n_columns = 2},
        {.name = "days", .columns = columns_of_days, .n_columns = 1},
};
static const struct dataset dataset = {.id = "shop", .tables = tables, .n_tables = 2};

/* Single quotes stand for double ones. */
static const char good[] =
        "{'tables':[{'name':'sales','rows':10,'columns':["
        "{'name':'id','nulls':0,'distinct':10,'min':'1','max':'10'},"
        "{'name':'state','nulls':2,'distinct':3,'min':'new','max':'z\xc3\xbc','values':['new','old'"
        ","
        "'z\xc3\xbc'],'complete':true}]},"
        "{'name':'days','rows':0,'columns':[{'name':'day','nulls':0,'distinct':0}]}]}";

/* good with its first `from` (NULL: nothing) replaced by `to`. */
static json_t *changed(const char *from, const char *to)
{
        char text[4096];
        const char *at = from ? strstr(good, from) : good;
        assert_non_null(at);
        int n = snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - good), good, to,
                         at + (from ? strlen(from) : 0));
        assert_true(n > 0 && (size_t)n < sizeof(text));
        for (char *p = text; *p; p++)
                if (*p == '\'')
                        *p = '"';
        json_error_t said;
        json_t *json = json_loads(text, JSON_ALLOW_NUL, &said);
        if (!json)
                fail_msg("%s: %s", text, said.text);
        return json;
}

static void test_good(void **state)
{
        (void)state;
        struct error err = {0};
        struct value_index *index = NULL;
        json_t *json = changed(NULL, "");
        assert_int_equal(value_index_from_json(json, &dataset, &index, &err), 0);
        json_decref(json); /* the index stands on its own */
        assert_int_equal(index->n_tables, 2);
        assert_int_equal(index->tables[0].n_rows, 10);
        assert_int_equal(index->tables[0].n_columns, 2);
        const struct column_values *id = &index->tables[0].columns[0];
        assert_int_equal(id->n_nulls, 0);
        assert_int_equal(id->n_distinct, 10);
        assert_string_equal(id->min, "1");
        assert_string_equal(id->max, "10");
        assert_int_equal(id->n_values, 0);
        assert_false(id->complete);
        const struct column_values *text = &index->tables[0].columns[1];
        assert_int_equal(text->n_nulls, 2);
        assert_int_equal(text->n_values, 3);
        assert_string_equal(text->values[2], "z\xc3\xbc");
        assert_true(text->complete);
        const struct column_values *day = &index->tables[1].columns[0];
        assert_null(day->min);
        assert_null(day->max);
        assert_int_equal(day->n_distinct, 0);
        value_index_free(index);
        value_index_free(NULL);
}

#define TEXT_50 "12345678901234567890123456789012345678901234567890"
#define TEXT_200 TEXT_50 TEXT_50 TEXT_50 TEXT_50

static const struct {
        const char *from;
        const char *to;
} fine[] = {
        {"'complete':true", "'complete':true,'later':1"},
        {"'distinct':10", "'distinct':-1"},
        {"'distinct':3,", "'distinct':4,"}, /* checked below: complete no more */
        {"['new',", "['',"},
        {"['new',", "['\\u0001',"},
        {"'z\xc3\xbc'],", "'z" TEXT_50 TEXT_50 TEXT_50 "1234567890123456789012345678901234567890"
                          "123456789'],"},
        {",'min':'1'", ",'min':null"},
        {",'min':'1','max':'10'", ",'max':'10'"},
        {",'values':['new','old','z\xc3\xbc'],'complete':true", ""},
        {"'rows':10", "'rows':9007199254740993"},
};

static void test_fine(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(fine); i++) {
                struct error err = {0};
                struct value_index *index = NULL;
                _cleanup_json_ json_t *json = changed(fine[i].from, fine[i].to);
                if (strstr(fine[i].to, "'distinct':4"))
                        json_object_set_new(
                                json_array_get(
                                        json_object_get(
                                                json_array_get(json_object_get(json, "tables"), 0),
                                                "columns"),
                                        1),
                                "complete", json_false());
                if (value_index_from_json(json, &dataset, &index, &err) < 0)
                        fail_msg("%s: %s", fine[i].to, err.message);
                value_index_free(index);
        }
}

static const struct {
        const char *from;
        const char *to;
        const char *said; /* part of the message */
} bad[] = {
        {"{'tables':[", "{'table':[", "tables"},
        {"{'tables':[", "{'tables':[{},", "tables"},
        {"'name':'sales'", "'name':'Sales'", "another table"},
        {"'name':'sales',", "", "another table"},
        {"'rows':10", "'rows':-1", "sales"},
        {"'rows':10", "'rows':1.5", "count"},
        {"'rows':10", "'rows':'10'", "count"},
        {"'rows':10,", "", "count"},
        {"'rows':10", "'rows':9", "column id"},
        {"'columns':[", "'columns':[{'name':'x','nulls':0,'distinct':0},", "as many"},
        {"'columns':[{'name':'day','nulls':0,'distinct':0}]", "'columns':{}", "days"},
        {"'columns':[{'name':'day','nulls':0,'distinct':0}]", "'columns':[]", "as many"},
        {"'name':'id'", "'name':'ID'", "another column"},
        {"'name':'id'", "'name':7", "another column"},
        {"{'name':'day'", "7,{'name':'day'", "as many"},
        {"'nulls':0,", "", "count"},
        {"'nulls':2", "'nulls':-1", "column state"},
        {"'nulls':2", "'nulls':11", "count"},
        {"'nulls':2", "'nulls':8", "count"}, /* 3 distinct values in 2 rows */
        {"'distinct':10,", "", "count"},
        {"'distinct':10", "'distinct':-2", "count"},
        {"'distinct':10", "'distinct':11", "count"},
        {"'min':'1'", "'min':1", "no text"},
        {"'max':'10'", "'max':['10']", "no text"},
        {"'max':'10'", "'max':'" TEXT_200 "1'", "too long"},
        {"'max':'10'", "'max':'1\\u00000'", "no text"},
        {"'max':'10'", "'max':'10','values':['1'],'complete':false", "should not be there"},
        {"'values':['new','old','z\xc3\xbc'],", "", "should not be there"},
        {",'complete':true", "", "should not be there"},
        {"'complete':true", "'complete':1", "should not be there"},
        {"'values':['new','old','z\xc3\xbc']", "'values':'new'", "should not be there"},
        {"['new',", "[7,", "no text"},
        {"['new',", "[null,", "no text"},
        {"['new',", "['n\\u0000ew',", "no text"},
        {"['new',", "['" TEXT_200 "1',", "too long"},
        {"['new','old',", "['old','new',", "byte order"},
        {"['new','old',", "['old','old',", "byte order"},
        {"['new','old',", "['\xc3\xa4','old',", "byte order"},
        {"['new',", "['a','new',", "more values"},
        {"['new',", "[", "not all there"},
        {"'distinct':3", "'distinct':-1", "not all there"},
};

static void test_bad(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                struct error err = {0};
                struct value_index *index = NULL;
                _cleanup_json_ json_t *json = changed(bad[i].from, bad[i].to);
                if (value_index_from_json(json, &dataset, &index, &err) >= 0)
                        fail_msg("%s passed", bad[i].to);
                assert_null(index);
                assert_int_equal(err.type, ERROR_RUNNER_INTERNAL);
                if (!strstr(err.message, bad[i].said))
                        fail_msg("%s: %s", bad[i].to, err.message);
        }
}

static void test_no_object(void **state)
{
        (void)state;
        struct value_index *index = NULL;
        _cleanup_json_ json_t *json = json_array();
        assert_true(value_index_from_json(NULL, &dataset, &index, NULL) < 0);
        assert_true(value_index_from_json(json, &dataset, &index, NULL) < 0);
        assert_null(index);
}

/* n texts "000000", "000001", ... */
static json_t *texts(size_t n)
{
        json_t *array = json_array();
        for (size_t i = 0; i < n; i++) {
                char text[16];
                (void)snprintf(text, sizeof(text), "%06zu", i);
                assert_int_equal(json_array_append_new(array, json_string(text)), 0);
        }
        return array;
}

static int read_large(size_t n_columns, size_t n_values, struct error *err)
{
        struct column *columns = calloc(n_columns, sizeof(*columns));
        json_t *list = json_array();
        assert_non_null(columns);
        for (size_t i = 0; i < n_columns; i++) {
                columns[i] = columns_of_sales[1];
                json_array_append_new(list, json_pack("{s:s,s:i,s:i,s:o,s:b}", "name", "state",
                                                      "nulls", 0, "distinct", -1, "values",
                                                      texts(n_values), "complete", 0));
        }
        struct table table = {.name = "t", .columns = columns, .n_columns = n_columns};
        const struct dataset large = {.id = "large", .tables = &table, .n_tables = 1};
        _cleanup_json_ json_t *json = json_pack("{s:[{s:s,s:i,s:o}]}", "tables", "name", "t",
                                                "rows", 1000000, "columns", list);
        struct value_index *index = NULL;
        int r = value_index_from_json(json, &large, &index, err);
        value_index_free(index);
        free(columns);
        return r;
}

static void test_ceilings(void **state)
{
        (void)state;
        struct error err = {0};
        assert_int_equal(read_large(1, VALUES_COLUMN_MAX, &err), 0);
        assert_true(read_large(1, VALUES_COLUMN_MAX + 1, &err) < 0);
        assert_non_null(strstr(err.message, "too many"));
        assert_int_equal(read_large(4, VALUES_DATASET_MAX / 4, &err), 0);
        assert_true(read_large(5, VALUES_DATASET_MAX / 5 + 1, &err) < 0);
        assert_non_null(strstr(err.message, "too many"));
}

static void test_out_of_memory(void **state)
{
        (void)state;
        _cleanup_json_ json_t *json = changed(NULL, "");
        unsigned long n = 1;
        for (int r = -1; r < 0; n++) {
                struct error err = {0};
                struct value_index *index = NULL;
                alloc_fail_after(n);
                r = value_index_from_json(json, &dataset, &index, &err);
                alloc_fail_after(0);
                if (r < 0) {
                        assert_null(index);
                        assert_int_equal(err.type, ERROR_INTERNAL);
                        assert_true(n < 1000);
                }
                value_index_free(index);
        }
        assert_true(n > 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_good),     cmocka_unit_test(test_fine),
                cmocka_unit_test(test_bad),      cmocka_unit_test(test_no_object),
                cmocka_unit_test(test_ceilings), cmocka_unit_test(test_out_of_memory),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
