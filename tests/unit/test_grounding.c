/* The numbers of a text are found in results, question and query, or not: what is a number, what
 * equals it, what may not, and what bad input does. tests/grounding measures how well. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "grounding/grounding.h"

#include <string.h>

#define ALLOCATIONS_MAX 5000

static const char regions[] =
        "{\"columns\":[\"region\",\"orders\",\"returned\",\"return_rate\",\"revenue\",\"since\"],"
        "\"types\":[\"VARCHAR\",\"BIGINT\",\"BIGINT\",\"DECIMAL(38,2)\",\"DECIMAL(38,2)\",\"DATE\"]"
        ","
        "\"rows\":[[\"North\",1750,604,\"34.51\",\"1234567.89\",\"2026-01-31\"],"
        "[\"South\",1559,319,\"20.46\",\"-250.50\",\"2025-11-05\"],"
        "[\"East 7\",1063,198,\"18.63\",\"98000.00\",null],"
        "[\"Far West\",270,42,\"15.56\",\"60.05\",\"2025-08-15\"],"
        "[\"Islands\",598,77,\"12.88\",\"7.00\",\"2025-07-01\"],"
        "[\"SEN-104\",31,5,\"16.13\",\"2.50\",\"2024-02-29\"]],"
        "\"row_count\":6,\"truncated\":false}";

static json_t *read_json(const char *text)
{
        json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
        assert_non_null(json);
        return json;
}

static json_t *check(const char *text, const char *question, const char *result, const char *plan,
                     const char *sql)
{
        struct error err = {0};
        json_t *ret = NULL;
        _cleanup_json_ json_t *rows = read_json(result);
        _cleanup_json_ json_t *planned = plan ? read_json(plan) : NULL;
        const struct grounding_source source = {
                .run_id = "run-1", .result = rows, .plan = planned, .sql = sql};
        const struct grounding_input input = {.text = text,
                                              .n = strlen(text),
                                              .question = question,
                                              .sources = &source,
                                              .n_sources = 1};
        if (grounding_check(&input, &ret, &err) < 0)
                fail_msg("%s", err.message);
        return ret;
}

/* "TEXT=HOW;..." of all numbers; HOW is - for those not found. */
static void show(const json_t *outcome, struct buf *out)
{
        const json_t *numbers = json_object_get(outcome, "numbers");
        for (size_t i = 0; i < json_array_size(numbers); i++) {
                const json_t *number = json_array_get(numbers, i);
                const char *how = json_string_value(json_object_get(number, "how"));
                buf_printf(out, "%s%s=%s", i ? ";" : "",
                           json_string_value(json_object_get(number, "text")), how ? how : "-");
        }
}

static void expect(json_t *outcome, const char *expected)
{
        _cleanup_json_ json_t *owned = outcome;
        _cleanup_buf_ struct buf shown = {0};
        buf_init(&shown, 1 << 20);
        show(owned, &shown);
        assert_string_equal(buf_text(&shown), expected);
}

/* Of a text about the regions, with no question and no query. */
static void told(const char *text, const char *expected)
{
        expect(check(text, NULL, regions, NULL, NULL), expected);
}

static void test_forms(void **state)
{
        (void)state;
        told("1,750 orders, 1750 orders, 1.75k, 1.75 thousand",
             "1,750=cell;1750=cell;1.75k=cell;1.75 thousand=cell");
        told("1 234 567,89 or 1\xC2\xA0"
             "234\xC2\xA0"
             "567.89 or 1'234'567.89 or 1.234.567,89",
             "1 234 567,89=cell;1\xC2\xA0"
             "234\xC2\xA0"
             "567.89=cell;1'234'567.89=cell;1.234.567,89=cell");
        told("$1.2M, \xE2\x82\xAC"
             "1.23 million, 1.234568e6, 1,235k",
             "$1.2M=rounded;\xE2\x82\xAC"
             "1.23 million=rounded;1.234568e6=rounded;1,235k=rounded");
        told("-250.50, \xE2\x88\x92"
             "250.5, -$250.50, $-250.50, (250.50)",
             "-250.50=cell;\xE2\x88\x92"
             "250.5=cell;-$250.50=cell;$-250.50=cell;250.50=-");
        told("34.51%, 34.5 percent, 35 per cent",
             "34.51%=cell;34.5 percent=rounded;35 per cent=rounded");
        told("2\xC2\xBD and \xC2\xBD", "2\xC2\xBD=cell;\xC2\xBD=-");
        told("10.0.0.1 and 123456789012345678901234567890123456789012345",
             "10.0.0.1=-;123456789012345678901234567890123456789012345=-");
        told("twelve regions; four are small; six in all; two million",
             "twelve=-;six=row_count;two million=-");
}

static void test_no_numbers(void **state)
{
        (void)state;
        told("", "");
        told("1. North\n2. South\n\n1) North, the 1st, one of the best, half of it, twice.", "");
        told("| # | region |\n|---|---|\n| 1 | North |\n| 2 | South |", "");
        told("1. North\n7. South", "7=cell"); /* not the next marker; a cell has it */
        told("42. That is it.", "42=cell");
        told("one in ten, nine out of ten", "");
}

static void test_dates(void **state)
{
        (void)state;
        told("North: 2026-01-31, 31 January 2026, January 31st, Jan 31, 2026, 31.01.2026, "
             "1/31/2026",
             "2026-01-31=date;31 January 2026=date;January 31st=date;Jan 31, "
             "2026=date;31.01.2026=date;"
             "1/31/2026=date");
        told("January 2026, Q3 2025, 2025-Q3, 2025, 2026-01",
             "January 2026=date;Q3 2025=date;2025-Q3=date;2025=date;2026-01=date");
        told("30 January 2026, February 2026, Q2 2025, 2023, 14:30",
             "30 January 2026=-;February 2026=-;Q2 2025=-;2023=-;14:30=-");
        static const char times[] =
                "{\"columns\":[\"at\"],\"types\":[\"TIMESTAMP\"],\"rows\":[[\"2026-01-31 "
                "14:30:05.25\"]],\"row_count\":1,\"truncated\":false}";
        expect(check("At 14:30, 14:30:05, 2:30 pm, 2pm, 31 January 2026 at 14:30; 14:31, 3 pm, "
                     "2:30 am",
                     NULL, times, NULL, NULL),
               "14:30=date;14:30:05=date;2:30 pm=date;2pm=date;31 January 2026 at "
               "14:30=date;14:31=-;"
               "3 pm=-;2:30 am=-");
}

static void test_words(void **state)
{
        (void)state;
        told("East 7 and SEN-104, not SEN-105", "7=text;SEN-104=text;SEN-105=-");
        static const char odd[] =
                "{\"columns\":[\"kpi_7d\",\"name\"],\"types\":[\"BIGINT\",\"VARCHAR\"],\"rows\":"
                "[[12,\"Wireless 27\\\" Monitor\"],[14,\"4K Screen\"],[15,\"A-1-B-2-C-3\"]],"
                "\"row_count\":3,\"truncated\":false}";
        expect(check("Wireless 27\" Monitor, 4K Screen, kpi_7d, kpi_8d, A-1-B-2-C-3, A-1-B-2-C-4, "
                     "8K",
                     NULL, odd, NULL, NULL),
               "27=text;4K=text;kpi_7d=text;kpi_8d=-;A-1-B-2-C-3=text;A-1-B-2-C-4=-;8K=-");
}

static void test_rows(void **state)
{
        (void)state;
        told("North had 1,750, South 1,559.", "1,750=cell;1,559=cell");
        told("North had 1,063.", "1,063=-"); /* East's */
        told("Far West had 42 of 270.", "42=cell;270=cell");
        told("the far west had 604", "604=cell"); /* no name: it has no capitals */
        told("North leads; the lowest is 31.", "31=cell");
        told("Unlike North, the lowest have 31 and 270.", "31=cell;270=-");
        told("North is followed by others with 1,063.", "1,063=cell");
}

static void test_made_of_columns(void **state)
{
        (void)state;
        told("5,271 orders in 6 regions; on average 878.5", "5,271=sum;6=row_count;878.5=mean");
        told("North has 33.2% of the orders.", "33.2%=share");
        told("North has 35.2% of the orders.", "35.2%=-");
        told("The top 2 together have 3,309.", "2=row_count;3,309=sum");
        told("Far West and Islands: 868 orders", "868=sum");
        told("23.6% of all were returned", "23.6%=percent");
        told("Besides North, the other regions make 3,521.", "3,521=sum");
}

static void test_pairs(void **state)
{
        (void)state;
        told("North has 191 more than South, 12.3% more.", "191=difference;12.3%=percent");
        told("North has 192 more than South, 13.3% more.", "192=-;13.3%=-");
        told("North has 6.5 times as many orders as Far West.", "6.5=ratio");
        told("North's rate is 14.05 points above South's.", "14.05 points=difference");
        told("42 of 270 in Far West, so 228 stayed", "42=cell;270=cell;228=difference");
        told("Orders range from 31 to 1,750, a gap of 1,719.",
             "31=cell;1,750=cell;1,719=difference");
}

static void test_hedges(void **state)
{
        (void)state;
        told("North: about 1,700 and 1,700", "1,700=rounded;1,700=-");
        told("North: over 1,700, more than 1,800", "1,700=rounded;1,800=-");
        told("North: nearly 1,800, almost 1,700", "1,800=rounded;1,700=-");
        told("North: about 1,000", "1,000=-"); /* not within 5 % */
        told("North: ~1.2M, 1.2M+", "1.2M=rounded;1.2M=rounded");
}

static void test_counts(void **state)
{
        static const char tickets[] = "{\"columns\":[\"ticket_id\",\"kind\",\"hours\"],\"types\":["
                                      "\"INTEGER\",\"VARCHAR\",\"DOUBLE\"],"
                                      "\"rows\":[[5001,\"Bug\",48.5],[5002,\"Bug\",61],[5003,"
                                      "\"Bug\",51.5],[5004,\"Wish\",0.25],"
                                      "[5005,\"Wish\",99]],\"row_count\":5,\"truncated\":false}";
        (void)state;
        expect(check("3 Bugs, 60% of them; 4 took more than 48 hours; ticket 5004 took 15 minutes; "
                     "ticket "
                     "5005 "
                     "about 4 days; ticket 5006; 2 kinds",
                     NULL, tickets, NULL, NULL),
               "3=count;60%=count;4=count;48=rounded;5004=cell;15=unit;5005=cell;4=unit;5006=-;2="
               "distinct");
}

static void test_queries(void **state)
{
        (void)state;
        static const char plan[] =
                "{\"filters\":[{\"op\":\">\",\"value\":4711},{\"value\":\"2020-03-01\"},"
                "{\"value\":\"0.2\"}],\"limit\":77,\"expr\":{\"round\":1,\"digits\":9321}}";
        static const char sql[] =
                "SELECT CAST(x AS DECIMAL(33,2)) FROM \"t\" WHERE x > 8181 AND d < "
                "TIMESTAMP '2020-05-01 00:00:00' LIMIT 200";
        static const char none[] = "{\"columns\":[],\"types\":[],\"rows\":[],\"row_count\":0}";
        static const char text[] = "99 of 4,711 in 20%, 77, 9321, 8181, 200, 33, March 2020, 29 "
                                   "February 2020, 30 April 2020, zero";
        expect(check(text, "top 99?", none, plan, sql),
               "99=question;4,711=query;20%=query;77=query;9321=-;8181=-;200=-;33=-;March "
               "2020=query;"
               "29 February 2020=query;30 April 2020=query;zero=row_count");
        expect(check("8181, 200, 33, 4,711", NULL, none, NULL, sql),
               "8181=query;200=query;33=-;4,711=-");
        expect(check("ten, $2M, Q3, SKU-7", "the 10 best above 2,000,000 in Q3 of SKU-7", none,
                     NULL, NULL),
               "ten=question;$2M=question;Q3=question;SKU-7=question");
}

/* Large ones come as strings, and no digit of theirs is lost. */
static void test_exact(void **state)
{
        (void)state;
        static const char large[] =
                "{\"columns\":[\"n\",\"d\",\"x\",\"e\"],\"types\":[\"HUGEINT\","
                "\"DECIMAL(38,2)\",\"DOUBLE\",\"DECIMAL(5,2)\"],\"rows\":"
                "[[\"170141183460469231731687303715884105727\","
                "\"123456789012345678901234567890123456.78\","
                "0.1,null],[\"9007199254740993\",null,1e300,\"2.50\"],[null,\"NaN\","
                "\"Infinity\",null]],\"row_count\":3,"
                "\"truncated\":false}";
        expect(check("9007199254740993, 9007199254740992, 123456789012345678901234567890123456, "
                     "123456789012345678901234567890123456.78, "
                     "123456789012345678901234567890123456.79, "
                     "123456789012345678901234567890123457, 0.1, 0.10, "
                     "0.11, 3, 2, 1e300, 1e9999",
                     NULL, large, NULL, NULL),
               "9007199254740993=cell;9007199254740992=-;123456789012345678901234567890123456=-;"
               "123456789012345678901234567890123456.78="
               "cell;"
               "123456789012345678901234567890123456.79=-;123456789012345678901234567890123457="
               "rounded;0.1=cell;"
               "0.10=cell;0.11=-;3=rounded;2=rounded;1e300=cell;1e9999=-");
}

static void test_outcome(void **state)
{
        (void)state;
        static const char text[] = "S\xC3\xBC"
                                   "d \xFF 7,777 7,777; North had 1,750";
        _cleanup_json_ json_t *outcome = check(text, NULL, regions, NULL, NULL);
        _cleanup_json_ json_t *wanted =
                read_json("{\"checked\":3,\"found\":1,\"unchecked\":0,\"unsupported\":[\"7,777\"],"
                          "\"numbers\":["
                          "{\"text\":\"7,777\",\"start\":6,\"end\":11,\"how\":null,\"run_id\":null,"
                          "\"column\":null,\"row\":null},"
                          "{\"text\":\"7,777\",\"start\":12,\"end\":17,\"how\":null,\"run_id\":"
                          "null,\"column\":null,\"row\":null},"
                          "{\"text\":\"1,750\",\"start\":29,\"end\":34,\"how\":\"cell\",\"run_id\":"
                          "\"run-1\",\"column\":"
                          "\"orders\",\"row\":0}]}");
        assert_true(json_equal(outcome, wanted));
}

/* Sums and counts of half a result are nobody's. */
static void test_truncated(void **state)
{
        (void)state;
        _cleanup_json_ json_t *result = read_json(regions);
        assert_int_equal(json_object_set_new(result, "truncated", json_true()), 0);
        _cleanup_free_ char *text = json_dumps(result, 0);
        expect(check("5,271 orders; North has 33.2% of them, 1,750", NULL, text, NULL, NULL),
               "5,271=-;33.2%=-;1,750=cell");
}

static void test_two_results(void **state)
{
        (void)state;
        struct error err = {0};
        json_t *ret = NULL;
        _cleanup_json_ json_t *now =
                read_json("{\"columns\":[\"n\"],\"types\":[\"BIGINT\"],\"rows\":[[1200]],"
                          "\"row_count\":1}");
        _cleanup_json_ json_t *before =
                read_json("{\"columns\":[\"n\"],\"types\":[\"BIGINT\"],\"rows\":[[1000]],"
                          "\"row_count\":1}");
        const struct grounding_source sources[] = {{.run_id = "a", .result = now},
                                                   {.run_id = "b", .result = before}};
        static const char text[] = "It rose by 200 (20%) from 1,000, not by 21%.";
        const struct grounding_input input = {
                .text = text, .n = sizeof(text) - 1, .sources = sources, .n_sources = 2};
        assert_int_equal(grounding_check(&input, &ret, &err), 0);
        expect(ret, "200=difference;20%=percent;1,000=cell;21%=-");
}

static void test_wrong_shapes(void **state)
{
        (void)state;
        static const char *const results[] = {
                "null",
                "[]",
                "{}",
                "{\"rows\":7}",
                "{\"columns\":{},\"rows\":{}}",
                "{\"columns\":[\"a\"],\"rows\":[7,null,{},[],[[[5]]],[{\"b\":5}]],\"row_count\":-"
                "9}",
                "{\"columns\":[1,2],\"types\":[3],\"rows\":[[1,2,3],[4]],\"row_count\":1e9}",
                "{\"columns\":[\"a\",\"a\"],\"types\":[\"DECIMAL(\",\"DATE\"],\"rows\":[[\"x\","
                "\"9999-99-99\"]]}"};
        for (size_t i = 0; i < ARRAY_SIZE(results); i++) {
                json_decref(check("5 of 12345678 on 2026-01-31 at SEN-1", "?", results[i],
                                  results[i], "'\"'' LIMIT"));
                json_decref(check("5", NULL, "[1]", NULL, NULL));
        }
        expect(check("5 and 6", NULL, results[5], NULL, NULL), "5=cell;6=row_count");
        /* deep: lists in lists are looked into only so far */
        _cleanup_json_ json_t *deep = json_integer(77);
        for (int i = 0; i < 1500; i++) {
                json_t *outer = json_array();
                assert_int_equal(json_array_append(outer, deep), 0);
                json_decref(deep);
                deep = outer;
        }
        const struct grounding_source source = {.result = deep, .plan = deep};
        const struct grounding_input input = {
                .text = "77", .n = 2, .sources = &source, .n_sources = 1};
        struct error err = {0};
        json_t *ret = NULL;
        assert_int_equal(grounding_check(&input, &ret, &err), 0);
        expect(ret, "77=-");
}

static void test_ceilings(void **state)
{
        (void)state;
        struct error err = {0};
        _cleanup_free_ char *text = malloc(GROUNDING_TEXT_MAX + 1);
        json_t *ret = NULL;
        assert_non_null(text);
        memset(text, '7', GROUNDING_TEXT_MAX + 1);
        struct grounding_input input = {.text = text, .n = GROUNDING_TEXT_MAX + 1};
        assert_int_equal(grounding_check(&input, &ret, &err), -ERROR_MODEL_ANSWER);
        assert_non_null(strstr(err.message, "1048576"));
        assert_null(ret);

        input.n = GROUNDING_TEXT_MAX; /* one number, of a megabyte: its text is cut */
        assert_int_equal(grounding_check(&input, &ret, &err), 0);
        const json_t *number = json_array_get(json_object_get(ret, "numbers"), 0);
        assert_int_equal(json_string_length(json_object_get(number, "text")), GROUNDING_SAID_MAX);
        assert_int_equal(json_integer_value(json_object_get(number, "end")), GROUNDING_TEXT_MAX);
        json_decref(ret);

        for (size_t i = 1; i < input.n; i += 2)
                text[i] = ' ';
        assert_int_equal(grounding_check(&input, &ret, &err), 0);
        assert_int_equal(json_integer_value(json_object_get(ret, "checked")),
                         GROUNDING_NUMBERS_MAX);
        assert_int_equal(json_integer_value(json_object_get(ret, "unchecked")),
                         GROUNDING_TEXT_MAX / 2 - GROUNDING_NUMBERS_MAX);
        json_decref(ret);

        input.n_sources = GROUNDING_SOURCES_MAX + 1;
        assert_int_equal(grounding_check(&input, &ret, &err), -ERROR_INTERNAL);
}

/* Memory runs out at each allocation in turn, of ours and of jansson's. */
static void test_memory(void **state)
{
        (void)state;
        static const char text[] =
                "North had 1,750 (34.5%) on 31 January 2026, 191 more than South; 99 and SEN-104.";
        _cleanup_json_ json_t *result = read_json(regions);
        _cleanup_json_ json_t *plan = read_json("{\"limit\":10,\"value\":\"x9\"}");
        const struct grounding_source source = {
                .run_id = "run-1", .result = result, .plan = plan, .sql = "SELECT '2026-01-01'"};
        const struct grounding_input input = {.text = text,
                                              .n = sizeof(text) - 1,
                                              .question = "top 10 of SKU-7?",
                                              .sources = &source,
                                              .n_sources = 1};
        unsigned long failed = 0;
        for (;; failed++) {
                struct error err = {0};
                json_t *ret = NULL;
                alloc_fail_after(failed + 1);
                int r = grounding_check(&input, &ret, &err);
                alloc_fail_after(0);
                if (r == 0) {
                        expect(ret,
                               "1,750=cell;34.5%=rounded;31 January 2026=date;191=difference;99=-;"
                               "SEN-104=text");
                        break;
                }
                assert_int_equal(r, -ERROR_INTERNAL);
                assert_string_equal(err.message, "out of memory");
                assert_null(ret);
                assert_true(failed < ALLOCATIONS_MAX);
        }
        assert_true(failed > 40);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_forms),        cmocka_unit_test(test_no_numbers),
                cmocka_unit_test(test_dates),        cmocka_unit_test(test_words),
                cmocka_unit_test(test_rows),         cmocka_unit_test(test_made_of_columns),
                cmocka_unit_test(test_pairs),        cmocka_unit_test(test_hedges),
                cmocka_unit_test(test_counts),       cmocka_unit_test(test_queries),
                cmocka_unit_test(test_exact),        cmocka_unit_test(test_outcome),
                cmocka_unit_test(test_truncated),    cmocka_unit_test(test_two_results),
                cmocka_unit_test(test_wrong_shapes), cmocka_unit_test(test_ceilings),
                cmocka_unit_test(test_memory),
        };
        json_set_alloc_funcs(alloc_malloc, free);
        return cmocka_run_group_tests_name("grounding", tests, NULL, NULL);
}
