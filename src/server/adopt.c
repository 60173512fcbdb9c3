#include "server/adopt.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "capsule/servers.h"
#include "plan/plan.h"
#include "run/record.h"

#include <string.h>

/* The plan as it came, into text; or the SQL. */
static int read_query(const json_t *body, struct order *order, struct buf *text, struct error *err)
{
        const json_t *plan = json_object_get(body, "plan");
        buf_init(text, PLAN_BYTES_MAX);
        if (json_is_string(plan))
                buf_puts(text, json_string_value(plan));
        else if (json_is_object(plan) && json_put(plan, text, err) < 0)
                return -(int)ERROR_INTERNAL;
        order->plan_text = text->len > 0 ? buf_text(text) : NULL;
        order->plan_bytes = text->len;
        order->sql = order->plan_text ? NULL : json_get_string(body, "sql");
        order->sql_bytes = order->sql ? strlen(order->sql) : 0;
        if (order->plan_text || order->sql)
                return buf_error(text, err, "the plan of a run");
        return error_set(err, ERROR_RUNNER_INTERNAL,
                         "the server that had this run ended before it began, and what was to be "
                         "run cannot be read back; ask again");
}

/* The order that made it, out of what it says. */
static int read_order(struct capsule *capsule, struct setup *setup, struct order *order,
                      struct buf *text, struct error *err)
{
        const json_t *body = capsule->body;
        const json_t *reading = json_object_get(body, "reading");
        const char *id = json_get_string(body, "dataset_id");
        *order = (struct order){
                .setup = setup,
                .dataset = id ? registry_find(setup->registry, id) : NULL,
                .owner = capsule->asker,
                .planner_name = json_get_string(body, "planner"),
                .asked = json_get_string(body, "question"),
                .as_of = json_get_string(body, "as_of"),
                .reading = json_is_object(reading) ? reading : NULL,
                .limits = record_limits_read(json_object_get(body, "limits")),
                .adopted = capsule,
        };
        if (order->dataset)
                return read_query(body, order, text, err);
        return error_set(err, ERROR_DATASET_NOT_FOUND,
                         "the server that had this run ended before it began, and the one that "
                         "took it over has no dataset \"%.64s\"; ask again",
                         id ? id : "");
}

static int submit(struct capsule *capsule, struct runs *runs, struct setup_place *place,
                  struct error *err)
{
        struct order order;
        struct ticket *ticket = NULL;
        _cleanup_buf_ struct buf text = {0};
        struct setup *setup = setup_now(place);
        int r = read_order(capsule, setup, &order, &text, err);
        if (r == 0)
                r = runs_submit(runs, &order, NULL, NULL, &ticket, err);
        if (r == 0)
                ticket_release(ticket);
        setup_release(setup);
        return r;
}

int adopt_runs(struct capsule_store *store, struct runs *runs, struct setup_place *place,
               size_t *ret_n, struct error *err)
{
        struct error full = {0};
        *ret_n = 0;
        while (runs_check_room(runs, "", &full) == 0) {
                _cleanup_capsule_ struct capsule *capsule = NULL;
                struct error why = {0};
                int r = store_adopt(store, &capsule, err);
                if (r <= 0)
                        return r;
                ++*ret_n;
                r = submit(capsule, runs, place, &why);
                if (r < 0)
                        r = run_give_up(store, capsule, &why, err);
                if (r < 0)
                        return r;
        }
        return 0;
}
