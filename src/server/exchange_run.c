#include "server/exchange_parts.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "planner/builtin.h"

#include <string.h>
#include <strings.h>

static void end_run(struct exchange *exchange, const struct ticket_view *view, const json_t *body)
{
        const json_t *result = json_object_get(body, "result");
        if (view->error.type != ERROR_NONE || !body) {
                exchange_fail(exchange, &view->error);
                return;
        }
        if (json_is_object(result)) {
                (void)pthread_mutex_lock(&exchange->lock);
                exchange_tell_result(exchange, result);
                (void)pthread_mutex_unlock(&exchange->lock);
        }
        struct exchange_message message = {.words = exchange_words(body), .run = body};
        exchange_end(exchange, &message);
}

/* Whoever comes back to the stream needs its events alone, and a ticket has descriptors. */
static void drop_ticket(struct exchange *exchange)
{
        (void)pthread_mutex_lock(&exchange->lock);
        struct ticket *ticket = steal_ptr(&exchange->ticket);
        (void)pthread_mutex_unlock(&exchange->lock);
        ticket_release(ticket);
}

static void on_change(struct ticket *ticket, void *data)
{
        struct exchange *exchange = data;
        struct ticket_view view;
        _cleanup_json_ json_t *body = ticket_body(ticket);
        ticket_look(ticket, &view);
        (void)pthread_mutex_lock(&exchange->lock);
        exchange_tell_progress(exchange, &view, body);
        if (!view.has_ended)
                exchange_pump(exchange);
        (void)pthread_mutex_unlock(&exchange->lock);
        if (!view.has_ended)
                return;
        end_run(exchange, &view, body);
        drop_ticket(exchange);
        exchange_release(exchange); /* the ticket's */
}

/* What stands behind "SQL:", or NULL. */
static const char *behind(const char *message, const char *word)
{
        size_t n = strlen(word);
        message += strspn(message, " \t\r\n");
        if (strncasecmp(message, word, n) != 0)
                return NULL;
        return message + n + strspn(message + n, " \t\r\n");
}

bool exchange_is_direct(const char *message)
{
        return behind(message, "SQL:") || behind(message, "PLAN:");
}

static void fill_order(struct order *order, const struct exchange_input *input)
{
        const char *sql = behind(input->message, "SQL:");
        const char *plan = behind(input->message, "PLAN:");
        order->setup = input->setup;
        order->dataset = input->dataset;
        order->owner = input->owner;
        order->limits = LIMITS_DEFAULT;
        if (sql) {
                order->sql = sql;
                order->sql_bytes = input->message_bytes - (size_t)(sql - input->message);
                order->planner_name = "user";
        } else if (plan) {
                order->plan_text = plan;
                order->plan_bytes = input->message_bytes - (size_t)(plan - input->message);
                order->planner_name = "user";
        } else {
                order->question = input->message;
                order->question_bytes = input->message_bytes;
                order->planner = &planner_builtin;
        }
}

int exchange_submit(struct exchange *exchange, const struct order *order,
                    void (*changed)(struct ticket *ticket, void *data), struct error *err)
{
        struct ticket *ticket = NULL;
        struct ticket *before = NULL;
        int r = runs_submit(exchange->api->runs, order, changed, exchange_hold(exchange), &ticket,
                            err);
        if (r < 0) {
                exchange_release(exchange);
                return r;
        }
        (void)pthread_mutex_lock(&exchange->lock);
        bool late = exchange->has_ended; /* before it came here */
        if (!late) {
                before = exchange->ticket;
                exchange->ticket = ticket;
        }
        (void)pthread_mutex_unlock(&exchange->lock);
        ticket_release(late ? ticket : before);
        return 0;
}

int exchange_order(struct exchange *exchange, const struct exchange_input *input,
                   const json_t *previous, struct error *err)
{
        struct order order = {.previous = previous};
        fill_order(&order, input);
        api_cap_limits(input->setup, &order.limits);
        return exchange_submit(exchange, &order, on_change, err);
}
