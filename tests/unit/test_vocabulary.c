/* The dataset owner's vocabulary: out of the registry, into the copies that planners see, and as
 * parts of plans. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/json.h"
#include "dataset/registry.h"
#include "plan/vocabulary.h"
#include "run/describe.h"
#include "run/source.h"

#include <string.h>

/* Single quotes stand for double ones, so that the texts can be read. */
static const char good[] =
        "{'id':'shop','name':'Shop','description':'A shop.','tables':["
        "{'name':'sales','file':'sales.csv','format':'csv','row':'sale','key':'ID','label':'state',"
        "'time':'visits.day','synonyms':['deal','purchase'],'show':['id','visits.day'],"
        "'with':[{'func':'count_distinct','column':'state','alias':'states'}],'columns':["
        "{'name':'id','type':'BIGINT','nullable':false,'synonyms':['sale number']},"
        "{'name':'visit','type':'INTEGER','nullable':true,'entity':'visit',"
        "'show':['state','visits.day']},"
        "{'name':'price','type':'DECIMAL(10,2)','nullable':false,'unit':'USD'},"
        "{'name':'state','type':'VARCHAR','nullable':false,'values':['old','new','odd'],"
        "'order':['new','old']}]},"
        "{'name':'visits','file':'v.csv','format':'csv','columns':["
        "{'name':'id','type':'INTEGER','nullable':false},"
        "{'name':'day','type':'DATE','nullable':false}]}],"
        "'relationships':[{'from':'sales.visit','to':'visits.id'}],"
        "'measures':[{'name':'revenue','synonyms':['sales','turnover'],'description':'Money.',"
        "'unit':'USD','table':'sales','item':{'func':'sum','column':'price','alias':'revenue'},"
        "'filters':[{'column':'state','op':'=','value':'new'}],"
        "'with':[{'func':'count','alias':'deals'}],'direction':'asc'},"
        "{'name':'double','table':'sales','item':{'expr':{'mul':[{'column':'price'},"
        "{'literal':2}]},'alias':'twice'}}],"
        "'segments':[{'name':'fresh','synonyms':['brand new'],'description':'New ones.',"
        "'table':'SALES','filters':[{'column':'state','op':'=','value':'new'}],'time':'visits.day',"
        "'show':[{'column':'id'},{'column':'price','alias':'cost'}],"
        "'order_by':[{'expr':'cost','direction':'desc'}],"
        "'with':[{'func':'max','column':'price','alias':'dearest'}],'limit':7}]}";

/* The good entry with its first `from` (NULL: nothing) replaced by `to`, in double quotes. */
static json_t *changed(const char *from, const char *to)
{
        static const struct json_limits limits = {.max_bytes = 100000, .max_depth = 64};
        struct error err = {0};
        json_t *json = NULL;
        const char *at = from ? strstr(good, from) : NULL;
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, 100000);
        if (from && !at)
                fail_msg("there is no %s", from);
        buf_append(&text, good, at ? (size_t)(at - good) : strlen(good));
        if (at)
                buf_printf(&text, "%s%s", to, at + strlen(from));
        for (size_t i = 0; i < text.len; i++)
                if (text.data[i] == '\'')
                        text.data[i] = '"';
        if (json_parse(buf_text(&text), text.len, &limits, ERROR_VALIDATION, &json, &err) < 0)
                fail_msg("%s in %s", err.message, buf_text(&text));
        return json;
}

static struct dataset *read_good(void)
{
        struct error err = {0};
        struct dataset *dataset = NULL;
        _cleanup_json_ json_t *json = changed(NULL, NULL);
        if (dataset_from_json(json, &dataset, &err) < 0)
                fail_msg("%s: %s", err.pointer, err.message);
        return dataset;
}

static void check_words(const struct words *words, size_t n, const char *last)
{
        assert_int_equal(words->n, n);
        assert_string_equal(words->items[n - 1], last);
}

static void test_tables_and_columns(void **state)
{
        (void)state;
        struct dataset *d = read_good();
        const struct table *sales = &d->tables[0];
        const struct table *visits = &d->tables[1];
        check_words(&sales->synonyms, 2, "purchase");
        check_words(&sales->show, 2, "visits.day");
        assert_string_equal(sales->row, "sale");
        assert_string_equal(sales->key, "id"); /* as the column has it */
        assert_string_equal(sales->label, "state");
        assert_string_equal(sales->time, "visits.day");
        assert_int_equal(json_array_size(sales->with), 1);
        check_words(&sales->columns[0].synonyms, 1, "sale number");
        check_words(&sales->columns[1].show, 2, "visits.day");
        assert_string_equal(sales->columns[1].entity, "visit");
        check_words(&sales->columns[3].order, 2, "old");
        assert_int_equal(visits->synonyms.n + visits->show.n + visits->columns[1].order.n, 0);
        assert_null(visits->row);
        assert_null(visits->key);
        assert_null(visits->time);
        assert_null(visits->with);
        assert_null(visits->columns[0].entity);
        dataset_free(d);
}

static void test_measures_and_segments(void **state)
{
        (void)state;
        struct dataset *d = read_good();
        const struct measure *revenue = &d->measures[0];
        const struct measure *twice = &d->measures[1];
        const struct segment *fresh = &d->segments[0];
        assert_int_equal(d->n_measures, 2);
        assert_string_equal(revenue->name, "revenue");
        check_words(&revenue->synonyms, 2, "turnover");
        assert_string_equal(revenue->description, "Money.");
        assert_string_equal(revenue->unit, "USD");
        assert_int_equal(revenue->table, 0);
        assert_string_equal(json_get_string(revenue->item, "func"), "sum");
        assert_int_equal(json_array_size(revenue->filters), 1);
        assert_int_equal(json_array_size(revenue->with), 1);
        assert_true(revenue->ascending && !revenue->per_row);
        assert_true(twice->per_row && !twice->ascending);
        assert_null(twice->filters);
        assert_null(twice->with);
        assert_int_equal(d->n_segments, 1);
        check_words(&fresh->synonyms, 1, "brand new");
        assert_int_equal(fresh->table, 0);
        assert_int_equal(fresh->limit, 7);
        assert_string_equal(fresh->time, "visits.day");
        assert_int_equal(json_array_size(fresh->show), 2);
        assert_int_equal(json_array_size(fresh->order_by), 1);
        assert_int_equal(json_array_size(fresh->with), 1);
        dataset_free(d);
}

static void test_aggregates_are_found_inside(void **state)
{
        (void)state;
        static const char *const items[] = {
                "'item':{'expr':{'round':{'func':'avg','column':'price'}},'alias':'a'}",
                "'item':{'expr':{'div':[{'literal':1},{'total':{'func':'count'}}]},'alias':'a'}",
                ("'item':{'expr':{'case':[{'when':[{'expr':{'func':'count'},'op':'>','value':1}],"
                 "'then':{'literal':1}}]},'alias':'a'}"),
        };
        for (size_t i = 0; i < ARRAY_SIZE(items); i++) {
                struct error err = {0};
                struct dataset *d = NULL;
                _cleanup_json_ json_t *json = changed("'item':{'expr':{'mul':[{'column':'price'},{'"
                                                      "literal':2}]},'alias':'twice'}",
                                                      items[i]);
                assert_int_equal(dataset_from_json(json, &d, &err), 0);
                assert_false(d->measures[1].per_row);
                dataset_free(d);
        }
}

static const struct {
        const char *from;
        const char *to;
        const char *pointer;
        const char *said; /* part of the message */
} bad[] = {
        {"['deal','purchase']", "'deal'", "/tables/0/synonyms", "array"},
        {"['deal','purchase']", "[]", "/tables/0/synonyms", "empty"},
        {"['deal','purchase']", "['deal',1]", "/tables/0/synonyms/1", "text"},
        {"['deal','purchase']", "['deal','']", "/tables/0/synonyms/1", "text"},
        {"['deal','purchase']", "['deal','deal']", "/tables/0/synonyms/1", "twice"},
        {"'row':'sale'", "'row':1", "/tables/0/row", "text"},
        {"'key':'ID'", "'key':'visits.id'", "/tables/0/key", "not a column of the table sales"},
        {"'label':'state'", "'label':'stat'", "/tables/0/label", "stat"},
        {"'time':'visits.day'", "'time':'day'", "/tables/0/time", "not a column"},
        {"'time':'visits.day'", "'time':'price'", "/tables/0/time", "TIMESTAMP"},
        {"'show':['id','visits.day']", "'show':['id','visits.days']", "/tables/0/show/1", "days"},
        {"'format':'csv','columns':[{'name':'id','type':'INTEGER'",
         "'format':'csv','show':['sales.price'],'columns':[{'name':'id','type':'INTEGER'",
         "/tables/1/show/0", "point to"}, /* a visit has many sales */
        {"'with':[{'func':'count_distinct','column':'state','alias':'states'}]", "'with':{}",
         "/tables/0/with", "array"},
        {"'with':[{'func':'count_distinct','column':'state','alias':'states'}]", "'with':[1]",
         "/tables/0/with/0", "object"},
        {"'entity':'visit'", "'entity':''", "/tables/0/columns/1/entity", "text"},
        {"'show':['state','visits.day']", "'show':['state','where.day']",
         "/tables/0/columns/1/show/1", "where.day"},
        {"'order':['new','old']", "'order':['new','gone']", "/tables/0/columns/3/order/1",
         "\"values\""},
        {"'unit':'USD'}", "'order':['1']}", "/tables/0/columns/2/order", "DECIMAL"},
        {"'measures':[", "'measures':{},'segment':[", "/segment", "not known"},
        {"{'name':'revenue'", "7,{'name':'revenue'", "/measures/0", "object"},
        {"{'name':'revenue',", "{", "/measures/0/name", "missing"},
        {"'synonyms':['sales','turnover']", "'synonyms':['sales','REVENUE']",
         "/measures/0/synonyms/1", "earlier"},
        {"'name':'double'", "'name':'Turnover'", "/measures/1/name", "earlier"},
        {"['brand new']", "['brand new','double']", "/segments/0/synonyms/1", "earlier"},
        {"'unit':'USD','table':'sales'", "'unit':'USD','table':'sale'", "/measures/0/table",
         "no table"},
        {"'unit':'USD','table':'sales',", "", "/measures/0/table", "missing"},
        {"'item':{'func':'sum','column':'price','alias':'revenue'},", "", "/measures/0/item",
         "alias"},
        {",'alias':'revenue'}", "}", "/measures/0/item/alias", "missing"},
        {"'filters':[{'column':'state','op':'=','value':'new'}],'with'", "'filters':[],'with'",
         "/measures/0/filters", "empty"},
        {"'direction':'asc'", "'direction':'up'", "/measures/0/direction", "desc"},
        {"'direction':'asc'", "'order':'asc'", "/measures/0/order", "not known"},
        {"'table':'SALES','filters':[{'column':'state','op':'=','value':'new'}],",
         "'table':'sales',", "/segments/0/filters", "missing"},
        {"'time':'visits.day','show':[{", "'time':'state','show':[{", "/segments/0/time",
         "VARCHAR"},
        {"'show':[{'column':'id'}", "'show':['id'", "/segments/0/show/0", "object"},
        {"'order_by':[{'expr':'cost','direction':'desc'}]", "'order_by':'cost'",
         "/segments/0/order_by", "array"},
        {"'limit':7", "'limit':0", "/segments/0/limit", "1000"},
        {"'limit':7", "'limit':1001", "/segments/0/limit", "1000"},
        {"'limit':7", "'limit':'7'", "/segments/0/limit", "1000"},
        {"'limit':7", "'direction':'asc'", "/segments/0/direction", "not known"},
};

static void test_bad(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                struct error err = {0};
                struct dataset *d = NULL;
                _cleanup_json_ json_t *json = changed(bad[i].from, bad[i].to);
                if (dataset_from_json(json, &d, &err) >= 0)
                        fail_msg("%s passed", bad[i].to);
                assert_null(d);
                assert_int_equal(json->refcount, 1);
                assert_int_equal(err.type, ERROR_DATASET_INVALID);
                if (strcmp(err.pointer, bad[i].pointer) != 0 || !strstr(err.message, bad[i].said))
                        fail_msg("\"%s\": %s: %s", bad[i].to, err.pointer, err.message);
        }
}

/* Each allocation fails in turn, of ours and of jansson's. */
static void test_out_of_memory(void **state)
{
        (void)state;
        struct error err = {0};
        _cleanup_json_ json_t *json = changed(NULL, NULL);
        unsigned long n = 1;
        json_set_alloc_funcs(alloc_malloc, free);
        for (int r = -1; r < 0; n++) {
                struct dataset *d = NULL;
                err = (struct error){0};
                alloc_fail_after(n);
                r = dataset_from_json(json, &d, &err);
                alloc_fail_after(0);
                if (r < 0) {
                        assert_null(d);
                        assert_int_equal(err.type, ERROR_INTERNAL);
                        assert_true(n < 1000);
                }
                dataset_free(d);
                assert_int_equal(json->refcount, 1);
        }
        json_set_alloc_funcs(malloc, free);
        assert_true(n > 10);
}

static void test_copies_carry_it(void **state)
{
        (void)state;
        struct error err = {0};
        struct dataset *d = read_good();
        struct source *source = NULL;
        struct dataset *described = NULL;
        _cleanup_json_ json_t *said = json_pack("[{},{}]");
        assert_int_equal(source_open_registered(d, "/nowhere", true, &source, &err), 0);
        assert_ptr_equal(source->dataset->measures, d->measures);
        assert_ptr_equal(source->dataset->vocabulary, d->vocabulary);
        assert_ptr_equal(source->dataset->tables[0].with, d->tables[0].with);
        assert_int_equal(dataset_with_tables(source->dataset, said, &described, &err), 0);
        assert_int_equal(described->n_measures, 2);
        assert_ptr_equal(described->segments, d->segments);
        assert_ptr_equal(described->tables[0].columns[3].order.items,
                         d->tables[0].columns[3].order.items);
        assert_int_equal(d->vocabulary->refcount, 2);
        dataset_free(described);
        source_free(source);
        assert_int_equal(d->vocabulary->refcount, 1);
        dataset_free(d);
}

/* What vocabulary_check told. */
struct told {
        size_t n;
        struct error last;
};

static void tell(void *context, const struct error *fault)
{
        struct told *told = context;
        told->n++;
        told->last = *fault;
}

static const struct {
        const char *from;
        const char *to;
        const char *pointer;
        const char *said;
} uncompiled[] = {
        {"'column':'price','alias':'revenue'", "'column':'prise','alias':'revenue'",
         "/measures/0/item/column", "price"},
        {"{'func':'count','alias':'deals'}", "{'func':'sum','column':'state','alias':'deals'}",
         "/measures/0/with/0/column", "sum"},
        {"'value':'new'}],'with':[{'func':'count'", "'value':3}],'with':[{'func':'count'",
         "/measures/0/filters/0/value", "text"},
        {"{'column':'id'},{'column':'price','alias':'cost'}", "{'column':'ident'}",
         "/segments/0/show/0/column", "id"},
        {"'expr':'cost'", "'expr':'costs'", "/segments/0/order_by/0/expr", "cost"},
        {"{'func':'max','column':'price'", "{'func':'max','column':'prize'",
         "/segments/0/with/0/column", "price"},
        {"{'func':'count_distinct','column':'state'", "{'func':'count_distinct','column':'stat'",
         "/tables/0/with/0/column", "state"},
};

static void test_check_names_what_does_not_compile(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(uncompiled); i++) {
                struct error err = {0};
                struct dataset *d = NULL;
                struct told told = {0};
                size_t n = 0;
                _cleanup_json_ json_t *json = changed(uncompiled[i].from, uncompiled[i].to);
                assert_int_equal(dataset_from_json(json, &d, &err), 0);
                assert_int_equal(vocabulary_check(d, tell, &told, &n, &err), 0);
                assert_int_equal(n, 5); /* with, 2 measures, a segment listed and counted */
                assert_int_equal(told.n, 1);
                if (strcmp(told.last.pointer, uncompiled[i].pointer) != 0 ||
                    !strstr(told.last.message, uncompiled[i].said))
                        fail_msg("%zu: %s: %s", i, told.last.pointer, told.last.message);
                dataset_free(d);
        }
}

static void test_check_out_of_memory(void **state)
{
        (void)state;
        struct dataset *d = read_good();
        unsigned long failed = 0;
        json_set_alloc_funcs(alloc_malloc, free);
        for (int r = -1; r < 0; failed++) {
                struct error err = {0};
                struct told told = {0};
                size_t n = 0;
                alloc_fail_after(failed + 1);
                r = vocabulary_check(d, tell, &told, &n, &err);
                alloc_fail_after(0);
                assert_int_equal(told.n, 0);
                if (r < 0)
                        assert_string_equal(err.message, "out of memory");
                assert_true(failed < 20000);
        }
        json_set_alloc_funcs(malloc, free);
        assert_true(failed > 100);
        dataset_free(d);
}

static void tell_and_fail(void *context, const struct error *fault)
{
        fail_msg("%s%s: %s", (const char *)context, fault->pointer, fault->message);
}

static struct registry *open_shipped(void)
{
        struct error err = {0};
        struct registry *registry = NULL;
        if (registry_open(NULL, &registry, &err) < 0)
                fail_msg("%s: %s", err.pointer, err.message);
        return registry;
}

static void test_shipped_compiles(void **state)
{
        (void)state;
        struct registry *registry = open_shipped();
        for (size_t i = 0; i < registry->n_datasets; i++) {
                struct error err = {0};
                struct dataset *d = registry->datasets[i];
                size_t n = 0;
                assert_int_equal(vocabulary_check(d, tell_and_fail, (void *)d->id, &n, &err), 0);
                assert_true(d->n_measures > 5 && d->n_segments > 5);
                assert_true(n >= d->n_measures + d->n_segments);
        }
        registry_free(registry);
}

static json_t *golden_plan(const char *id)
{
        char path[200];
        (void)snprintf(path, sizeof(path), "datasets/golden/%s.plan.json", id);
        json_t *plan = json_load_file(path, 0, NULL);
        if (!plan)
                fail_msg("%s cannot be read", path);
        return plan;
}

static bool holds(const json_t *array, const json_t *wanted)
{
        size_t i;
        json_t *value;
        json_array_foreach(array, i, value)
        {
                if (json_equal(value, wanted))
                        return true;
        }
        return false;
}

/* Every element of part (NULL: none) is one of the plan's member. */
static void check_part(const char *name, const json_t *plan, const char *member, const json_t *part)
{
        size_t i;
        json_t *value;
        json_array_foreach(part, i, value)
        {
                if (!holds(json_object_get(plan, member), value))
                        fail_msg("%s: %s/%zu is not in the golden plan", name, member, i);
        }
}

static const struct measure *find_measure(const struct dataset *dataset, const char *name)
{
        for (size_t i = 0; i < dataset->n_measures; i++)
                if (strcmp(dataset->measures[i].name, name) == 0)
                        return &dataset->measures[i];
        fail_msg("there is no measure %s", name);
        return NULL;
}

static const struct segment *find_segment(const struct dataset *dataset, const char *name)
{
        for (size_t i = 0; i < dataset->n_segments; i++)
                if (strcmp(dataset->segments[i].name, name) == 0)
                        return &dataset->segments[i];
        fail_msg("there is no segment %s", name);
        return NULL;
}

/* The golden plans ask for these measures, and for these rows. */
static void test_shipped_measures_are_golden(void **state)
{
        (void)state;
        static const char *const cases[][3] = {
                {"ecommerce", "ecommerce-1", "revenue"},
                {"ecommerce", "ecommerce-2", "return rate"},
                {"ecommerce", "ecommerce-3", "average discount"},
                {"ecommerce", "ecommerce-5", "spend"},
                {"support", "support-1", "SLA compliance rate"},
                {"support", "support-2", "average satisfaction"},
                {"support", "support-4", "average resolution time"},
                {"sensors", "sensors-2", "average temperature"},
                {"sensors", "sensors-2", "average humidity"},
                {"sensors", "sensors-4", "lowest battery"},
        };
        struct registry *registry = open_shipped();
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                const struct dataset *d = registry_find(registry, cases[i][0]);
                const struct measure *measure = find_measure(d, cases[i][2]);
                _cleanup_json_ json_t *plan = golden_plan(cases[i][1]);
                assert_string_equal(d->tables[measure->table].name, json_get_string(plan, "table"));
                assert_true(holds(json_object_get(plan, "select"), measure->item));
                check_part(measure->name, plan, "select", measure->with);
                check_part(measure->name, plan, "filters", measure->filters);
        }
        registry_free(registry);
}

static void test_shipped_segments_are_golden(void **state)
{
        (void)state;
        static const char *const cases[][3] = {
                {"ecommerce", "ecommerce-4", "low stock"},
                {"support", "support-3", "open longest"},
                {"support", "support-5", "missed SLA"},
                {"support", "support-6", "low CSAT"},
                {"sensors", "sensors-3", "high temperature anomaly"},
                {"sensors", "sensors-6", "dangerous vibration"},
        };
        struct registry *registry = open_shipped();
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                const struct dataset *d = registry_find(registry, cases[i][0]);
                const struct segment *segment = find_segment(d, cases[i][2]);
                _cleanup_json_ json_t *plan = golden_plan(cases[i][1]);
                assert_string_equal(d->tables[segment->table].name, json_get_string(plan, "table"));
                check_part(segment->name, plan, "filters", segment->filters);
                if (!json_equal(json_object_get(plan, "select"), segment->show) ||
                    !json_equal(json_object_get(plan, "order_by"), segment->order_by))
                        fail_msg("%s is not listed as the golden plan does", segment->name);
                assert_int_equal(json_get_int(plan, "limit", 0), segment->limit);
        }
        registry_free(registry);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_tables_and_columns),
                cmocka_unit_test(test_measures_and_segments),
                cmocka_unit_test(test_aggregates_are_found_inside),
                cmocka_unit_test(test_bad),
                cmocka_unit_test(test_out_of_memory),
                cmocka_unit_test(test_copies_carry_it),
                cmocka_unit_test(test_check_names_what_does_not_compile),
                cmocka_unit_test(test_check_out_of_memory),
                cmocka_unit_test(test_shipped_compiles),
                cmocka_unit_test(test_shipped_measures_are_golden),
                cmocka_unit_test(test_shipped_segments_are_golden),
        };
        return cmocka_run_group_tests_name("vocabulary", tests, NULL, NULL);
}
