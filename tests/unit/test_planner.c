/* The built-in planner over a small shop. tests/plans/planner.json has questions and what they
 * give: a plan, or the reason of an abstention with the plans to choose from. After a change that
 * is meant
 *     test_planner write
 * writes the answers anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "dataset/random.h"
#include "plan/plan.h"
#include "planner/builtin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUESTIONS "tests/plans/planner.json"
#define QUESTIONS_MIN 75 /* they do not get fewer unnoticed */
#define AS_OF 1769817600 /* 2026-01-31T00:00:00Z */
#define ALLOCATIONS_MAX 20000
#define RANDOM_QUESTIONS 2000

/* Single quotes stand for double ones. */
static const char shop_text[] =
        "{'id':'shop','name':'Shop','description':'What we sold.','tables':["
        "{'name':'sales','file':'sales.csv','format':'csv','row':'sale','key':'sale_id',"
        "'time':'sold_on','show':['sale_id','product','price','sold_on'],'columns':["
        "{'name':'sale_id','type':'INTEGER','nullable':false},"
        "{'name':'customer_id','type':'INTEGER','nullable':false,'entity':'customer'},"
        "{'name':'product','type':'VARCHAR','nullable':false},"
        "{'name':'category','type':'VARCHAR','nullable':false,'synonyms':['product group'],"
        "'order':['Toys','Books','Garden']},"
        "{'name':'price','type':'DECIMAL(10,2)','nullable':false,'unit':'USD'},"
        "{'name':'quantity','type':'INTEGER','nullable':false,'unit':'pieces'},"
        "{'name':'discount','type':'INTEGER','nullable':true,'unit':'percent'},"
        "{'name':'status','type':'VARCHAR','nullable':false},"
        "{'name':'gift','type':'BOOLEAN','nullable':false},"
        "{'name':'store','type':'VARCHAR','nullable':false},"
        "{'name':'sold_on','type':'DATE','nullable':false},"
        "{'name':'note','type':'VARCHAR','nullable':true}]},"
        "{'name':'customers','file':'customers.csv','format':'csv','row':'customer',"
        "'key':'customer_id','label':'name','show':['customer_id','name','city'],'columns':["
        "{'name':'customer_id','type':'INTEGER','nullable':false},"
        "{'name':'name','type':'VARCHAR','nullable':false},"
        "{'name':'city','type':'VARCHAR','nullable':false},"
        "{'name':'joined','type':'DATE','nullable':false},"
        "{'name':'age','type':'INTEGER','nullable':true}]}],"
        "'relationships':[{'from':'sales.customer_id','to':'customers.customer_id'}],"
        "'measures':[{'name':'revenue','synonyms':['turnover'],'unit':'USD','table':'sales',"
        "'item':{'func':'sum','expr':{'mul':[{'column':'price'},{'column':'quantity'}]},"
        "'alias':'revenue'}}],"
        "'segments':[{'name':'big sale','synonyms':['large sale'],'table':'sales',"
        "'filters':[{'column':'price','op':'>=','value':500}]},"
        "{'name':'bargains','table':'sales','filters':[{'column':'price','op':'<','value':10}]}],"
        "'prompts':[{'id':'shop-1','text':'How many sales were there by category?'},"
        "{'id':'shop-2','text':'What is the revenue by store?'},"
        "{'id':'shop-3','text':'Which store has the highest revenue?'},"
        "{'id':'shop-4','text':'A fourth one'}]}";

static const char values_text[] =
        "{'tables':[{'name':'sales','rows':1200,'columns':["
        "{'name':'sale_id','nulls':0,'distinct':1200,'min':'1','max':'1200'},"
        "{'name':'customer_id','nulls':0,'distinct':80,'min':'1','max':'90'},"
        "{'name':'product','nulls':0,'distinct':6,'min':'Atlas','max':'Spade','values':['Atlas',"
        "'Cookbook','Doll','Linen Jacket','Robot 3000','Spade'],'complete':true},"
        "{'name':'category','nulls':0,'distinct':3,'min':'Books','max':'Toys',"
        "'values':['Books','Garden','Toys'],'complete':true},"
        "{'name':'price','nulls':0,'distinct':300,'min':'1.50','max':'899.00'},"
        "{'name':'quantity','nulls':0,'distinct':9,'min':'1','max':'9'},"
        "{'name':'discount','nulls':900,'distinct':4,'min':'5','max':'50'},"
        "{'name':'status','nulls':0,'distinct':3,'min':'completed','max':'returned',"
        "'values':['completed','pending','returned'],'complete':true},"
        "{'name':'gift','nulls':0,'distinct':2,'min':'false','max':'true'},"
        "{'name':'store','nulls':0,'distinct':3,'min':'Berlin','max':'Z\xc3\xbcrich',"
        "'values':['Berlin','Paris','Z\xc3\xbcrich'],'complete':true},"
        "{'name':'sold_on','nulls':0,'distinct':365,'min':'2025-01-31','max':'2026-01-30'},"
        "{'name':'note','nulls':1100,'distinct':3,'min':'broken box','max':'fragile',"
        "'values':['broken box','call first','fragile'],'complete':true}]},"
        "{'name':'customers','rows':90,'columns':["
        "{'name':'customer_id','nulls':0,'distinct':90,'min':'1','max':'90'},"
        "{'name':'name','nulls':0,'distinct':3,'min':'Ann Lee','max':'Li Wei',"
        "'values':['Ann Lee','Carla Ruiz','Li Wei'],'complete':true},"
        "{'name':'city','nulls':0,'distinct':3,'min':'Berlin','max':'Rome',"
        "'values':['Berlin','Lyon','Rome'],'complete':true},"
        "{'name':'joined','nulls':0,'distinct':88,'min':'2019-02-03','max':'2025-12-24'},"
        "{'name':'age','nulls':7,'distinct':40,'min':'18','max':'81'}]}]}";

static struct dataset *shop;
static struct dataset *bare; /* the same without anything that only its owner knows */
static struct value_index *values;
static struct value_index *bare_values;
static json_t *questions;

static json_t *parsed(const char *text)
{
        char *copy = strdup(text);
        assert_non_null(copy);
        for (char *c = copy; *c; c++)
                *c = *c == '\'' ? '"' : *c;
        json_error_t said;
        json_t *json = json_loads(copy, JSON_REJECT_DUPLICATES, &said);
        if (!json)
                fail_msg("%s near %s", said.text, copy + said.position);
        free(copy);
        return json;
}

static void load(const json_t *entry, struct dataset **dataset, struct value_index **index)
{
        struct error err = {0};
        _cleanup_json_ json_t *json = parsed(values_text);
        if (dataset_from_json(entry, dataset, &err) < 0 ||
            value_index_from_json(json, *dataset, index, &err) < 0)
                fail_msg("%s", err.message);
}

static void strip(json_t *entry)
{
        static const char *const of_dataset[] = {"measures", "segments"};
        static const char *const of_table[] = {"row", "key", "label", "time", "show"};
        static const char *const of_column[] = {"synonyms", "order", "entity", "unit"};
        size_t i;
        size_t k;
        json_t *table;
        json_t *column;
        for (i = 0; i < ARRAY_SIZE(of_dataset); i++)
                json_object_del(entry, of_dataset[i]);
        json_array_clear(json_object_get(entry, "prompts"));
        json_array_foreach(json_object_get(entry, "tables"), i, table)
        {
                for (k = 0; k < ARRAY_SIZE(of_table); k++)
                        json_object_del(table, of_table[k]);
                json_array_foreach(json_object_get(table, "columns"), k,
                                   column) for (size_t c = 0; c < ARRAY_SIZE(of_column); c++)
                        json_object_del(column, of_column[c]);
        }
}

static int setup(void **state)
{
        (void)state;
        _cleanup_json_ json_t *entry = parsed(shop_text);
        _cleanup_json_ json_t *plain = parsed(shop_text);
        strip(plain);
        load(entry, &shop, &values);
        load(plain, &bare, &bare_values);
        questions = json_load_file(QUESTIONS, JSON_REJECT_DUPLICATES, NULL);
        return json_is_array(questions) ? 0 : -1;
}

static int teardown(void **state)
{
        (void)state;
        json_decref(questions);
        value_index_free(values);
        value_index_free(bare_values);
        dataset_free(shop);
        dataset_free(bare);
        return 0;
}

static struct planner_input input_of(const char *question, const json_t *previous)
{
        return (struct planner_input){.question = question,
                                      .question_bytes = strlen(question),
                                      .dataset = shop,
                                      .values = values,
                                      .previous = previous,
                                      .as_of_s = AS_OF};
}

static bool compiles(const json_t *plan, const struct dataset *dataset)
{
        struct error err = {0};
        struct plan *checked = NULL;
        struct plan_faults faults;
        _cleanup_buf_ struct buf sql = {0};
        _cleanup_free_ char *text = json_dumps(plan, JSON_COMPACT);
        assert_non_null(text);
        plan_faults_init(&faults);
        buf_init(&sql, 1 << 20);
        bool ok = plan_parse(text, strlen(text), &checked, &faults, &err) == 0 &&
                  plan_compile(checked, dataset, AS_OF, &sql, &faults, &err) == 0;
        plan_free(checked);
        plan_faults_done(&faults);
        return ok;
}

/* What every abstention has, whatever it is about. */
static void check_abstention(const char *question, const json_t *abstention)
{
        static const char *const lists[] = {"words", "nearest", "choices", "questions"};
        _cleanup_free_ char *text = json_dumps(abstention, 0);
        if (!text)
                fail_msg("\"%s\": an abstention that is not UTF-8", question);
        if (!json_get_string(abstention, "reason") || !json_get_string(abstention, "message"))
                fail_msg("\"%s\": no reason, or no message: %s", question, text);
        for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
                if (!json_is_array(json_object_get(abstention, lists[i])))
                        fail_msg("\"%s\": no %s: %s", question, lists[i], text);
        if (json_array_size(json_object_get(abstention, "questions")) != 3)
                fail_msg("\"%s\": not three questions: %s", question, text);
}

/* Asks, and checks what holds for every answer. The caller's to release. */
static struct planner_output ask(const struct planner_input *input)
{
        struct planner_output output = {0};
        struct error err = {0};
        const char *question = input->question;
        if (planner_builtin.plan(input, &output, &err) < 0)
                fail_msg("\"%s\": %s", question, err.message);
        if (output.outcome == PLANNER_PLAN) {
                assert_null(output.abstention);
                assert_non_null(output.reading);
                assert_true(json_is_array(output.assumptions));
                if (!compiles(output.plan, input->dataset))
                        fail_msg("\"%s\": its plan does not compile", question);
        } else {
                assert_int_equal(output.outcome, PLANNER_ABSTAINED);
                assert_null(output.plan);
                assert_null(output.reading);
                check_abstention(question, output.abstention);
        }
        return output;
}

/* As planner.json has it. */
static json_t *answer_of(const json_t *entry, const json_t *plans, json_t **plan)
{
        const char *question = json_get_string(entry, "question");
        const char *after = json_get_string(entry, "after");
        json_t *answer = json_object();
        size_t i;
        json_t *choice;
        assert_non_null(question);
        json_object_set_new(answer, "question", json_string(question));
        if (after) {
                json_object_set_new(answer, "after", json_string(after));
                if (!json_object_get(plans, after))
                        fail_msg("there is no plan before \"%s\"", question);
        }
        const struct planner_input input =
                input_of(question, after ? json_object_get(plans, after) : NULL);
        _cleanup_(planner_output_done) struct planner_output output = ask(&input);
        if (output.plan) {
                *plan = json_incref(output.plan);
                json_object_set(answer, "plan", output.plan);
                return answer;
        }
        const json_t *choices = json_object_get(output.abstention, "choices");
        json_object_set(answer, "abstains", json_object_get(output.abstention, "reason"));
        if (json_array_size(choices) > 0)
                json_object_set_new(answer, "choices", json_array());
        json_array_foreach(choices, i, choice) json_array_append(json_object_get(answer, "choices"),
                                                                 json_object_get(choice, "plan"));
        return answer;
}

/* Calls each for every entry, with what the planner says now. */
static void for_all(void (*each)(const json_t *entry, const json_t *answer, size_t i))
{
        _cleanup_json_ json_t *plans = json_object();
        size_t i;
        json_t *entry;
        json_array_foreach(questions, i, entry)
        {
                json_t *plan = NULL;
                _cleanup_json_ json_t *answer = answer_of(entry, plans, &plan);
                if (plan)
                        json_object_set_new(plans, json_get_string(entry, "question"), plan);
                each(entry, answer, i);
        }
}

static void check_entry(const json_t *entry, const json_t *answer, size_t i)
{
        (void)i;
        if (json_equal(entry, answer))
                return;
        _cleanup_free_ char *said = json_dumps(answer, JSON_COMPACT);
        _cleanup_free_ char *wanted = json_dumps(entry, JSON_COMPACT);
        fail_msg("the planner says\n%s\nand not\n%s", said, wanted);
}

static void test_questions(void **state)
{
        (void)state;
        for_all(check_entry);
        assert_true(json_array_size(questions) >= QUESTIONS_MIN);
}

/* Every byte is the same the second time. */
static void test_same_again(void **state)
{
        size_t i;
        json_t *entry;
        (void)state;
        json_array_foreach(questions, i, entry)
        {
                const struct planner_input input =
                        input_of(json_get_string(entry, "question"), NULL);
                _cleanup_(planner_output_done) struct planner_output a = ask(&input);
                _cleanup_(planner_output_done) struct planner_output b = ask(&input);
                _cleanup_free_ char *x = json_dumps(a.plan ? a.plan : a.abstention, JSON_COMPACT);
                _cleanup_free_ char *y = json_dumps(b.plan ? b.plan : b.abstention, JSON_COMPACT);
                assert_string_equal(x, y);
                assert_true(json_equal(a.assumptions, b.assumptions) || !a.assumptions);
                if (a.reading)
                        assert_string_equal(a.reading, b.reading);
        }
}

/* The question's abstention; the caller's. */
static json_t *abstention_of(const struct planner_input *input, const char *reason)
{
        _cleanup_(planner_output_done) struct planner_output output = ask(input);
        if (output.plan)
                fail_msg("\"%s\" has a plan", input->question);
        if (strcmp(json_get_string(output.abstention, "reason"), reason) != 0)
                fail_msg("\"%s\": %s and not %s", input->question,
                         json_get_string(output.abstention, "reason"), reason);
        return json_incref(output.abstention);
}

static bool holds(const json_t *list, const char *text)
{
        size_t i;
        json_t *item;
        json_array_foreach(list, i,
                           item) if (strcmp(json_string_value(item), text) == 0) return true;
        return false;
}

/* Words that are not understood, and what they are like. */
static void test_nearest(void **state)
{
        static const struct {
                const char *question;
                const char *word;
                const char *like; /* or NULL: nothing is like it */
        } samples[] = {
                {"average price of Boks", "Boks", "category = Books"},
                {"revenue in Belrin", "Belrin", "store = Berlin"},
                {"average prise", "prise", "column price"},
                {"total quantitty", "quantitty", "column quantity"},
                {"revenu by catgory", "catgory", "column category"},
                {"revenue by flurbination", "flurbination", NULL},
        };
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
                const struct planner_input input = input_of(samples[i].question, NULL);
                _cleanup_json_ json_t *abstention = abstention_of(&input, "words_not_understood");
                const json_t *nearest = json_object_get(abstention, "nearest");
                if (!holds(json_object_get(abstention, "words"), samples[i].word))
                        fail_msg("\"%s\" is not among the words", samples[i].word);
                bool found = false;
                size_t k;
                json_t *near;
                json_array_foreach(nearest, k, near)
                {
                        const char *word = json_get_string(near, "word");
                        if (strcmp(word, samples[i].word) != 0)
                                continue;
                        found = true;
                        if (!samples[i].like ||
                            !holds(json_object_get(near, "suggestions"), samples[i].like))
                                fail_msg("what \"%s\" is like", word);
                }
                assert_int_equal(found, samples[i].like != NULL);
        }
}

/* Each choice is what the question would give if it said so outright. */
static void test_choices(void **state)
{
        static const char *const outright[] = {"revenue where store is Berlin",
                                               "revenue where city is Berlin"};
        (void)state;
        const struct planner_input input = input_of("revenue in Berlin", NULL);
        _cleanup_json_ json_t *abstention = abstention_of(&input, "ambiguous");
        const json_t *choices = json_object_get(abstention, "choices");
        assert_int_equal(json_array_size(choices), ARRAY_SIZE(outright));
        for (size_t i = 0; i < ARRAY_SIZE(outright); i++) {
                const struct planner_input said = input_of(outright[i], NULL);
                _cleanup_(planner_output_done) struct planner_output output = ask(&said);
                size_t k;
                json_t *choice;
                bool found = false;
                json_array_foreach(choices, k, choice)
                {
                        if (!json_equal(json_object_get(choice, "plan"), output.plan))
                                continue;
                        found = true;
                        assert_string_equal(json_get_string(choice, "reading"), output.reading);
                }
                if (!found)
                        fail_msg("\"%s\" is not among the choices", outright[i]);
        }
}

static void test_prompts(void **state)
{
        (void)state;
        const struct planner_input input = input_of("flurb", NULL);
        _cleanup_json_ json_t *abstention = abstention_of(&input, "words_not_understood");
        const json_t *list = json_object_get(abstention, "questions");
        for (size_t i = 0; i < 3; i++)
                assert_string_equal(json_string_value(json_array_get(list, i)),
                                    shop->prompts[i].text);
}

/* Without an owner's prompts there are questions all the same, and they can be answered. */
static void check_made_questions(struct planner_input input)
{
        size_t i;
        json_t *question;
        input.question = "flurb";
        input.question_bytes = strlen(input.question);
        _cleanup_json_ json_t *abstention = abstention_of(&input, "words_not_understood");
        json_array_foreach(json_object_get(abstention, "questions"), i, question)
        {
                input.question = json_string_value(question);
                input.question_bytes = strlen(input.question);
                _cleanup_(planner_output_done) struct planner_output output = ask(&input);
                if (!output.plan)
                        fail_msg("\"%s\" cannot be answered", input.question);
        }
}

static void test_bare(void **state)
{
        static const char *const plain[] = {"How many sales are there?", "average price by store",
                                            "sales in Z\xc3\xbcrich", "highest price",
                                            "number of sales by category"};
        (void)state;
        struct planner_input input = input_of("", NULL);
        input.dataset = bare;
        input.values = bare_values;
        check_made_questions(input);
        for (size_t i = 0; i < ARRAY_SIZE(plain); i++) {
                input.question = plain[i];
                input.question_bytes = strlen(plain[i]);
                _cleanup_(planner_output_done) struct planner_output output = ask(&input);
                if (!output.plan)
                        fail_msg("\"%s\" has no plan", plain[i]);
        }
}

/* Nothing is known of the values: what needs none has a plan all the same. */
static void test_no_values(void **state)
{
        static const char *const plain[] = {"How many customers are there?",
                                            "average price by store", "the highest price",
                                            "sales where store is 'Berlin'"};
        (void)state;
        struct planner_input input = input_of("", NULL);
        input.values = NULL;
        for (size_t i = 0; i < ARRAY_SIZE(plain); i++) {
                input.question = plain[i];
                input.question_bytes = strlen(plain[i]);
                _cleanup_(planner_output_done) struct planner_output output = ask(&input);
                if (!output.plan)
                        fail_msg("\"%s\" has no plan", plain[i]);
        }
        input.question = "sales in Berlin";
        input.question_bytes = strlen(input.question);
        _cleanup_json_ json_t *abstention = abstention_of(&input, "words_not_understood");
        assert_true(holds(json_object_get(abstention, "words"), "Berlin"));
}

static void test_no_question(void **state)
{
        static const char *const none[] = {"", " ", "\t\r\n  ", "\x01\x02"};
        static const char *const signs[] = {"?", "...", "?!", "( )", "- - -", "''", "%"};
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
                const struct planner_input input = input_of(none[i], NULL);
                json_decref(abstention_of(&input, "not_a_question"));
        }
        for (size_t i = 0; i < ARRAY_SIZE(signs); i++) {
                const struct planner_input input = input_of(signs[i], NULL);
                _cleanup_(planner_output_done) struct planner_output output = ask(&input);
                assert_null(output.plan);
        }
        struct planner_input nul = input_of("", NULL);
        nul.question = "number\0of\0sales";
        nul.question_bytes = 15;
        _cleanup_(planner_output_done) struct planner_output output = ask(&nul);
        assert_non_null(output.plan);
}

static void test_follow_up_of_nothing(void **state)
{
        static const char *const fragments[] = {"what about Toys?", "by month instead",
                                                "and the average?"};
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(fragments); i++) {
                const struct planner_input input = input_of(fragments[i], NULL);
                json_decref(abstention_of(&input, "not_a_question"));
        }
}

/* A date has no hours: that is no plan, and no error either. */
static void test_follow_up_that_cannot_be(void **state)
{
        static const char *const fragments[] = {"by hour", "by minutes", "only for Flurb"};
        (void)state;
        const struct planner_input first = input_of("average price by store", NULL);
        _cleanup_(planner_output_done) struct planner_output before = ask(&first);
        for (size_t i = 0; i < ARRAY_SIZE(fragments); i++) {
                const struct planner_input input = input_of(fragments[i], before.plan);
                json_decref(abstention_of(&input, "words_not_understood"));
        }
}

/* QUESTION_BYTES_MAX bytes are read, and one more is not. */
static void test_long(void **state)
{
        static const char *const filled[] = {"sales ", "a",  "\xc3\xbc", "'", "\"x", "9",
                                             " ",      "1,", "\xff",     "(", "'a "};
        _cleanup_free_ char *text = malloc(QUESTION_BYTES_MAX + 2);
        (void)state;
        assert_non_null(text);
        for (size_t i = 0; i < ARRAY_SIZE(filled); i++) {
                size_t n = strlen(filled[i]);
                struct planner_input input = input_of("", NULL);
                for (size_t b = 0; b <= QUESTION_BYTES_MAX; b++)
                        text[b] = filled[i][b % n];
                text[QUESTION_BYTES_MAX + 1] = '\0';
                input.question = text;
                input.question_bytes = QUESTION_BYTES_MAX;
                _cleanup_(planner_output_done) struct planner_output output = ask(&input);
                assert_null(output.plan);

                struct planner_output none = {0};
                struct error err = {0};
                input.question_bytes = QUESTION_BYTES_MAX + 1;
                assert_int_equal(planner_builtin.plan(&input, &none, &err), -(int)ERROR_VALIDATION);
                assert_null(none.abstention);
                assert_true(*err.message);
        }
}

static void test_not_utf8(void **state)
{
        static const char *const samples[] = {
                "\xff\xfe\x80",
                "sales in \xff",
                "sales of '\xff\xc3'",
                "customers whose name contains \"caf\xc3\"",
                "customers named caf\xc3",
                "sales where store is '\xed\xa0\x80'",
                "revenue by \xc0\xaf",
        };
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
                const struct planner_input input = input_of(samples[i], NULL);
                _cleanup_(planner_output_done) struct planner_output output = ask(&input);
                assert_null(output.plan);
        }
}

/* Words of the questions in any order, some bytes changed. */
static size_t scramble(struct random *random, char *out, size_t size)
{
        size_t n = 0;
        uint32_t words = 1 + random_below(random, 12);
        for (uint32_t w = 0; w < words; w++) {
                const json_t *entry = json_array_get(
                        questions, random_below(random, (uint32_t)json_array_size(questions)));
                const char *at = json_get_string(entry, "question");
                at += random_below(random, (uint32_t)strlen(at));
                while (*at && *at != ' ')
                        at++;
                at += strspn(at, " ");
                n += (size_t)snprintf(out + n, size - n, "%.*s ", (int)strcspn(at, " "), at);
                if (n >= size)
                        n = size - 1;
        }
        for (uint32_t b = random_below(random, 4); b > 1 && n > 0; b--)
                out[random_below(random, (uint32_t)n)] = (char)random_below(random, 256);
        return n;
}

static void test_random(void **state)
{
        struct random random;
        json_t *previous = NULL;
        size_t plans = 0;
        (void)state;
        random_init(&random, 4, 4);
        for (int i = 0; i < RANDOM_QUESTIONS; i++) {
                char text[500];
                struct planner_input input =
                        input_of("", random_chance(&random, 1, 3) ? previous : NULL);
                input.question_bytes = scramble(&random, text, sizeof(text));
                input.question = text;
                if (random_chance(&random, 1, 5))
                        input.values = NULL;
                _cleanup_(planner_output_done) struct planner_output output = ask(&input);
                if (!output.plan)
                        continue;
                plans++;
                json_decref(previous);
                previous = json_incref(output.plan);
        }
        json_decref(previous);
        assert_true(plans > RANDOM_QUESTIONS / 100);
}

/* A plan before that no planner made: whatever comes of it, it is no crash. */
static void test_odd_previous(void **state)
{
        static const char *const previous[] = {
                "{}",
                "[]",
                "{'table':7}",
                "{'dataset_id':'shop','table':'nothing','select':[]}",
                "{'dataset_id':'shop','table':'sales'}",
                "{'dataset_id':'shop','table':'sales','select':{},'filters':5,'group_by':'x'}",
                "{'dataset_id':'shop','table':'sales','select':[[],5,null,'x'],"
                "'filters':[[],5],'group_by':[null,{}],'order_by':[5],'top':[]}",
                "{'dataset_id':'shop','table':'customers','select':[{'column':'name'}],"
                "'top':{'n':3},'limit':2,'offset':1}",
        };
        static const char *const follow[] = {
                "only for Toys", "by month instead", "and the average", "top 3",
                "by minutes",    "sort by price",    "without a note",  "and the number of sales"};
        (void)state;
        for (size_t p = 0; p < ARRAY_SIZE(previous); p++)
                for (size_t f = 0; f < ARRAY_SIZE(follow); f++) {
                        _cleanup_json_ json_t *plan = parsed(previous[p]);
                        const struct planner_input input = input_of(follow[f], plan);
                        struct planner_output output = {0};
                        struct error err = {0};
                        int r = planner_builtin.plan(&input, &output, &err);
                        assert_true(r == 0 || !output.plan);
                        planner_output_done(&output);
                }
}

/* Memory ends at each allocation in turn: "out of memory", and nothing is left half done. */
static void torture(const struct planner_input *input)
{
        for (unsigned long failed = 0;; failed++) {
                struct planner_output output = {0};
                struct error err = {0};
                alloc_fail_after(failed + 1);
                int r = planner_builtin.plan(input, &output, &err);
                alloc_fail_after(0);
                if (r == 0) {
                        planner_output_done(&output);
                        assert_true(failed > 10);
                        return;
                }
                assert_int_equal(r, -(int)ERROR_INTERNAL);
                assert_string_equal(err.message, "out of memory");
                assert_null(output.plan);
                assert_null(output.reading);
                assert_null(output.assumptions);
                assert_null(output.abstention);
                assert_true(failed < ALLOCATIONS_MAX);
        }
}

static void test_memory(void **state)
{
        static const char *const samples[] = {
                "average price of returned sales by store in the last 30 days",
                "top 2 products in each category by revenue",
                "What share of sales were gifts?",
                "which customers have more than 20 sales",
                "customers whose name starts with B",
                "quantity across stores and categories", /* with an assumption */
                "revenue in Berlin",                     /* choices */
                "average prise of Boks",                 /* nearest */
                "why did sales fall",
                "",
        };
        static const char *const follow[] = {"only for Books", "by month instead",
                                             "and the median?", "sort by price"};
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
                const struct planner_input input = input_of(samples[i], NULL);
                torture(&input);
        }
        const struct planner_input first = input_of("average price by store", NULL);
        _cleanup_(planner_output_done) struct planner_output before = ask(&first);
        for (size_t i = 0; i < ARRAY_SIZE(follow); i++) {
                const struct planner_input input = input_of(follow[i], before.plan);
                torture(&input);
        }
        struct planner_input no_prompts = input_of("flurb", NULL);
        no_prompts.dataset = bare;
        no_prompts.values = bare_values;
        torture(&no_prompts);
}

/* planner.json, one entry a line. */

static FILE *out;

static void write_entry(const json_t *entry, const json_t *answer, size_t i)
{
        (void)entry;
        (void)fputs(i ? ",\n" : "[\n", out);
        (void)json_dumpf(answer, out, JSON_COMPACT);
}

static int write_questions(void)
{
        if (setup(NULL) != 0)
                return 1;
        out = fopen(QUESTIONS ".new", "w");
        if (!out)
                return 1;
        for_all(write_entry);
        (void)fputs("\n]\n", out);
        int r = fclose(out) == 0 && rename(QUESTIONS ".new", QUESTIONS) == 0 ? 0 : 1;
        return teardown(NULL) || r;
}

int main(int argc, char **argv)
{
        json_set_alloc_funcs(alloc_malloc, free);
        if (argc == 2 && strcmp(argv[1], "write") == 0)
                return write_questions();
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_questions),
                cmocka_unit_test(test_same_again),
                cmocka_unit_test(test_nearest),
                cmocka_unit_test(test_choices),
                cmocka_unit_test(test_prompts),
                cmocka_unit_test(test_bare),
                cmocka_unit_test(test_no_values),
                cmocka_unit_test(test_no_question),
                cmocka_unit_test(test_follow_up_of_nothing),
                cmocka_unit_test(test_follow_up_that_cannot_be),
                cmocka_unit_test(test_long),
                cmocka_unit_test(test_not_utf8),
                cmocka_unit_test(test_random),
                cmocka_unit_test(test_odd_previous),
                cmocka_unit_test(test_memory),
        };
        return cmocka_run_group_tests_name("planner", tests, setup, teardown);
}
