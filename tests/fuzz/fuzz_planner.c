/* A question to the built-in planner, over a small shop: what comes out is a plan that compiles and
 * has a reading, or an abstention that says why; and the same again the second time. */
#include "fuzz.h"

#include "base/json.h"
#include "dataset/values.h"
#include "plan/plan.h"
#include "planner/builtin.h"
#include "planner/reading.h"

#define AS_OF_S 1769817600 /* 2026-01-31T00:00:00Z */
#define TEXT_MAX ((size_t)4 * 1024 * 1024)

/* In single quotes, which become double ones. */
static const char dataset_text[] =
        "{'id':'shop','name':'Shop','description':'A shop.',"
        "'as_of':'2026-01-31T00:00:00Z','tables':["
        "{'name':'orders','file':'orders.csv','format':'csv','row':'order',"
        "'synonyms':['purchase'],'key':'order_id','time':'order_date',"
        "'show':['order_id','customer_id','order_date','total'],'columns':["
        "{'name':'order_id','type':'INTEGER','nullable':false},"
        "{'name':'customer_id','type':'INTEGER','nullable':false,'entity':'customer',"
        "'synonyms':['buyer','client']},"
        "{'name':'order_date','type':'DATE','nullable':false,'synonyms':['date']},"
        "{'name':'placed_at','type':'TIMESTAMP','nullable':true},"
        "{'name':'total','type':'DECIMAL(10,2)','nullable':false,'unit':'USD',"
        "'synonyms':['order value']},"
        "{'name':'status','type':'VARCHAR','nullable':false,"
        "'values':['completed','returned','cancelled']},"
        "{'name':'returned','type':'BOOLEAN','nullable':false},"
        "{'name':'Ship Mode','type':'VARCHAR','nullable':true}]},"
        "{'name':'order_items','file':'order_items.csv','format':'csv',"
        "'row':'item','key':'item_id','time':'orders.order_date','columns':["
        "{'name':'item_id','type':'INTEGER','nullable':false},"
        "{'name':'order_id','type':'INTEGER','nullable':false,'entity':'order'},"
        "{'name':'product_id','type':'INTEGER','nullable':false,'entity':'product',"
        "'show':['products.name']},"
        "{'name':'quantity','type':'INTEGER','nullable':false,'unit':'pieces'},"
        "{'name':'price','type':'DOUBLE','nullable':false,'unit':'USD'},"
        "{'name':'discount','type':'INTEGER','nullable':true,'unit':'percent'}]},"
        "{'name':'products','file':'products.csv','format':'csv','row':'product',"
        "'key':'product_id','label':'name','show':['product_id','name','stock'],'columns':["
        "{'name':'product_id','type':'INTEGER','nullable':false},"
        "{'name':'name','type':'VARCHAR','nullable':false},"
        "{'name':'category','type':'VARCHAR','nullable':false},"
        "{'name':'size','type':'VARCHAR','nullable':true,'values':['S','M','L'],"
        "'order':['S','M','L']},"
        "{'name':'stock','type':'INTEGER','nullable':false,'unit':'pieces'},"
        "{'name':'listed at','type':'TIME','nullable':true},"
        "{'name':'2025','type':'INTEGER','nullable':true}]}],"
        "'relationships':[{'from':'order_items.order_id','to':'orders.order_id'},"
        "{'from':'order_items.product_id','to':'products.product_id'}],"
        "'measures':[{'name':'revenue','synonyms':['sales','turnover'],'unit':'USD',"
        "'table':'order_items','item':{'func':'sum','expr':{'mul':[{'column':'price'},"
        "{'column':'quantity'}]},'alias':'revenue'}},"
        "{'name':'return rate','unit':'percent','table':'orders','item':{'expr':{'round':{'div':["
        "{'mul':[{'literal':100},{'func':'count','where':[{'column':'returned','op':'=',"
        "'value':true}]}]},{'func':'count'}]},'digits':2},'alias':'return_rate'}}],"
        "'segments':[{'name':'low stock','table':'products','filters':[{'column':'stock',"
        "'op':'<','value':20}]}],'prompts':[]}";

static const char values_text[] =
        "{'tables':[{'name':'orders','rows':4000,'columns':["
        "{'name':'order_id','nulls':0,'distinct':4000,'min':'1001','max':'5000'},"
        "{'name':'customer_id','nulls':0,'distinct':900,'min':'501','max':'2500'},"
        "{'name':'order_date','nulls':0,'distinct':180,'min':'2025-08-04','max':'2026-01-30'},"
        "{'name':'placed_at','nulls':7,'distinct':3900,'min':'2025-08-04 00:00:01',"
        "'max':'2026-01-30 23:59:59'},"
        "{'name':'total','nulls':0,'distinct':3000,'min':'1.50','max':'912.00'},"
        "{'name':'status','nulls':0,'distinct':3,'min':'cancelled','max':'returned',"
        "'values':['cancelled','completed','returned'],'complete':true},"
        "{'name':'returned','nulls':0,'distinct':2,'min':'false','max':'true'},"
        "{'name':'Ship Mode','nulls':9,'distinct':3,'min':'First Class','max':'Standard',"
        "'values':['First Class','Same Day','Standard'],'complete':true}]},"
        "{'name':'order_items','rows':9000,'columns':["
        "{'name':'item_id','nulls':0,'distinct':9000,'min':'10001','max':'19000'},"
        "{'name':'order_id','nulls':0,'distinct':4000,'min':'1001','max':'5000'},"
        "{'name':'product_id','nulls':0,'distinct':500,'min':'201','max':'700'},"
        "{'name':'quantity','nulls':0,'distinct':3,'min':'1','max':'3'},"
        "{'name':'price','nulls':0,'distinct':800,'min':'1.5','max':'400.0'},"
        "{'name':'discount','nulls':5,'distinct':7,'min':'0','max':'30'}]},"
        "{'name':'products','rows':500,'columns':["
        "{'name':'product_id','nulls':0,'distinct':500,'min':'201','max':'700'},"
        "{'name':'name','nulls':0,'distinct':-1,'min':'Art of Tea','max':'Wool Hat',"
        "'values':['Art of Tea','Denim Sweater','Smart Lamp','The \\u00c9clair \\u65e5\\u672c',"
        "'Wool Hat'],'complete':false},"
        "{'name':'category','nulls':0,'distinct':5,'min':'Books','max':'Toys',"
        "'values':['Books','Clothing','Electronics','Home','Toys'],'complete':true},"
        "{'name':'size','nulls':100,'distinct':3,'min':'L','max':'S','values':['L','M','S'],"
        "'complete':true},"
        "{'name':'stock','nulls':0,'distinct':300,'min':'0','max':'500'},"
        "{'name':'listed at','nulls':0,'distinct':90,'min':'08:00:00','max':'20:00:00'},"
        "{'name':'2025','nulls':1,'distinct':40,'min':'0','max':'99'}]}]}";

/* What a follow-up changes. */
static const char previous_text[] =
        "{'dataset_id':'shop','table':'order_items','select':[{'column':'products.category'},"
        "{'func':'sum','expr':{'mul':[{'column':'price'},{'column':'quantity'}]},"
        "'alias':'revenue'}],'filters':[{'column':'orders.status','op':'=','value':'completed'}],"
        "'group_by':['products.category'],'order_by':[{'expr':'revenue','direction':'desc'}],"
        "'limit':10}";

static json_t *parse(const char *text)
{
        char *copy = strdup(text);
        FUZZ_CHECK(copy);
        for (char *p = copy; *p; p++)
                if (*p == '\'')
                        *p = '"';
        json_t *json = json_loads(copy, 0, NULL);
        FUZZ_CHECK(json);
        free(copy);
        return json;
}

static struct shop {
        struct dataset *dataset;
        struct value_index *values;
        json_t *previous;
} shop;

static void shop_open(void)
{
        struct error err = {0};
        json_t *dataset = parse(dataset_text);
        json_t *values = parse(values_text);
        FUZZ_CHECK(dataset_from_json(dataset, &shop.dataset, &err) == 0);
        FUZZ_CHECK(value_index_from_json(values, shop.dataset, &shop.values, &err) == 0);
        shop.previous = parse(previous_text);
        json_decref(dataset);
        json_decref(values);
}

/* The plan compiles. */
static void check_plan(const json_t *json)
{
        struct error err = {0};
        struct plan *plan = NULL;
        struct plan_faults faults;
        struct buf text;
        struct buf sql;
        buf_init(&text, TEXT_MAX);
        buf_init(&sql, TEXT_MAX);
        plan_faults_init(&faults);
        FUZZ_CHECK(json_put(json, &text, &err) == 0);
        FUZZ_CHECK(plan_parse(buf_text(&text), text.len, &plan, &faults, &err) == 0);
        FUZZ_CHECK(plan_compile(plan, shop.dataset, AS_OF_S, &sql, &faults, &err) == 0);
        plan_free(plan);
        plan_faults_done(&faults);
        buf_done(&sql);
        buf_done(&text);
}

/* A reading is one line of UTF-8, and that of the plan. */
static void check_reading(const json_t *plan, const char *reading)
{
        struct error err = {0};
        struct buf text;
        buf_init(&text, TEXT_MAX);
        FUZZ_CHECK(reading && reading_write(plan, shop.dataset, &text, &err) == 0);
        FUZZ_CHECK(strcmp(reading, buf_text(&text)) == 0);
        FUZZ_CHECK(text.len > 0 && !strchr(reading, '\n'));
        fuzz_check_utf8(reading);
        buf_done(&text);
}

static bool is_reason(const char *word)
{
        for (int i = ABSTAIN_NOT_UNDERSTOOD; i <= ABSTAIN_NOT_A_QUESTION; i++)
                if (strcmp(word, abstention_reason_word((enum abstention_reason)i)) == 0)
                        return true;
        return false;
}

/* Says why and what to do; what it offers can be run. */
static void check_abstention(const json_t *abstention)
{
        const char *reason = json_get_string(abstention, "reason");
        const char *message = json_get_string(abstention, "message");
        FUZZ_CHECK(reason && is_reason(reason) && message && message[0]);
        const json_t *choices = json_object_get(abstention, "choices");
        for (size_t i = 0; i < json_array_size(choices); i++) {
                const json_t *choice = json_array_get(choices, i);
                check_plan(json_object_get(choice, "plan"));
                check_reading(json_object_get(choice, "plan"), json_get_string(choice, "reading"));
        }
}

static void check_output(const struct planner_output *output)
{
        if (output->outcome == PLANNER_PLAN) {
                FUZZ_CHECK(output->plan && json_is_array(output->assumptions));
                check_plan(output->plan);
                check_reading(output->plan, output->reading);
        } else {
                FUZZ_CHECK(output->outcome == PLANNER_ABSTAINED && !output->plan);
                check_abstention(output->abstention);
        }
}

/* All that came out, as text. */
static void put_output(const struct planner_output *output, struct buf *out)
{
        struct error err = {0};
        const json_t *const parts[] = {output->plan, output->assumptions, output->abstention};
        buf_printf(out, "%d %s\n", (int)output->outcome, output->reading ? output->reading : "");
        for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
                FUZZ_CHECK(!parts[i] || json_put(parts[i], out, &err) == 0);
        FUZZ_CHECK(out->state == BUF_OK);
}

/* Asks once; the outcome goes to out as text. */
static void ask(const struct planner_input *input, struct buf *out)
{
        struct error err = {0};
        struct planner_output output = {0};
        int r = planner_builtin.plan(input, &output, &err);
        fuzz_check_error(r, &err);
        if (r == 0) {
                check_output(&output);
                put_output(&output, out);
        } else {
                FUZZ_CHECK(r == -(int)ERROR_VALIDATION);
                buf_puts(out, err.message);
        }
        planner_output_done(&output);
}

static void ask_twice(const struct planner_input *input)
{
        struct buf first;
        struct buf second;
        buf_init(&first, TEXT_MAX);
        buf_init(&second, TEXT_MAX);
        ask(input, &first);
        ask(input, &second);
        FUZZ_CHECK(first.len == second.len && strcmp(buf_text(&first), buf_text(&second)) == 0);
        buf_done(&second);
        buf_done(&first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (!shop.dataset)
                shop_open();
        struct planner_input input = {
                .question = (const char *)data,
                .question_bytes = size,
                .dataset = shop.dataset,
                .values = shop.values,
                .as_of_s = AS_OF_S,
        };
        ask_twice(&input);
        input.previous = shop.previous;
        ask_twice(&input);
        if (size % 4)
                return 0;
        input.values = NULL; /* a call takes milliseconds: now and then is enough */
        ask_twice(&input);
        return 0;
}
