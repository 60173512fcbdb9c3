/* An order, and an answer that comes when the run has ended or when the client has waited enough:
 * whichever is first. */
#include "server/api.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* Held by the ticket's callback and by the timer, and let go of by both. */
struct waiter {
        atomic_int references;
        atomic_bool is_answered;
        atomic_bool time_is_over;
        struct http_request *request; /* NULL once it is answered */
        pthread_mutex_t lock;
        struct ticket
                *ticket; /* guarded; NULL once it is answered, as the timer comes much later */
        json_t *(*done)(const json_t *capsule);
};

static void waiter_release(void *data)
{
        struct waiter *waiter = data;
        if (atomic_fetch_sub(&waiter->references, 1) != 1)
                return;
        ticket_release(waiter->ticket);
        http_release(waiter->request);
        (void)pthread_mutex_destroy(&waiter->lock);
        free(waiter);
}

/* A reference to its ticket, or NULL when it is answered. */
static struct ticket *hold_ticket(struct waiter *waiter)
{
        (void)pthread_mutex_lock(&waiter->lock);
        struct ticket *ticket = waiter->ticket ? ticket_hold(waiter->ticket) : NULL;
        (void)pthread_mutex_unlock(&waiter->lock);
        return ticket;
}

/* Takes the reference over; the ticket may have ended, and been answered, before it comes here. */
static void put_ticket(struct waiter *waiter, struct ticket *ticket)
{
        (void)pthread_mutex_lock(&waiter->lock);
        bool late = atomic_load(&waiter->is_answered);
        if (!late)
                waiter->ticket = ticket;
        (void)pthread_mutex_unlock(&waiter->lock);
        if (late)
                ticket_release(ticket);
}

static void drop_ticket(struct waiter *waiter)
{
        (void)pthread_mutex_lock(&waiter->lock);
        struct ticket *ticket = waiter->ticket;
        waiter->ticket = NULL;
        (void)pthread_mutex_unlock(&waiter->lock);
        ticket_release(ticket);
}

static bool answer_once(struct waiter *waiter)
{
        bool not_yet = false;
        return atomic_compare_exchange_strong(&waiter->is_answered, &not_yet, true);
}

static void set_location(struct http_request *request, const char *run_id)
{
        char path[80];
        (void)snprintf(path, sizeof(path), "/v1/runs/%s", run_id);
        http_set(request, "Location", path);
}

static void reply_open(struct http_request *request, const char *run_id,
                       const struct ticket_view *view)
{
        http_set(request, "Cache-Control", "no-store");
        reply_json(request, 202,
                   json_pack("{s:s, s:s, s:{s:I, s:I}}", "run_id", run_id, "status",
                             run_state_name(view->state), "queue", "position",
                             (json_int_t)view->position, "waited_ms", (json_int_t)view->waited_ms));
}

void reply_run(const struct call *call, const json_t *body)
{
        const char *run_id = json_get_string(body, "run_id");
        enum run_state state = run_state_from_name(json_get_string(body, "status"));
        struct ticket_view view = {.state = state};
        set_location(call->request, run_id);
        if (run_state_is_final(state)) {
                reply_capsule(call->request, 201, body);
                return;
        }
        struct ticket *ticket = runs_find(call->api->runs, run_id);
        if (ticket)
                ticket_look(ticket, &view);
        ticket_release(ticket);
        reply_open(call->request, run_id, &view);
}

static void answer_ended(struct waiter *waiter, struct ticket *ticket,
                         const struct ticket_view *view)
{
        struct http_request *request = waiter->request;
        const json_t *body = ticket_ended_body(ticket);
        if (!body) {
                /* One whose end could not be recorded can be looked at later. */
                reply_error(request, &view->error,
                            view->run_id[0] ? json_pack("{s:s}", "run_id", view->run_id) : NULL);
                return;
        }
        set_location(request, view->run_id);
        if (waiter->done)
                reply_json(request, 200, waiter->done(body));
        else
                reply_capsule(request, 201, body);
}

/* The run goes on without its asker waiting. */
static void answer_open(struct waiter *waiter, const struct ticket_view *view)
{
        set_location(waiter->request, view->run_id);
        reply_open(waiter->request, view->run_id, view);
}

/* Answers if there is something to say now. A run that is not on disk yet is not promised. */
static void look(struct waiter *waiter, struct ticket *ticket)
{
        struct ticket_view view;
        ticket_look(ticket, &view);
        bool is_over = view.run_id[0] && atomic_load(&waiter->time_is_over);
        if ((!view.has_ended && !is_over) || !answer_once(waiter))
                return;
        if (view.has_ended)
                answer_ended(waiter, ticket, &view);
        else
                answer_open(waiter, &view);
        http_release(waiter->request);
        waiter->request = NULL;
        drop_ticket(waiter);
}

static void on_change(struct ticket *ticket, void *data)
{
        struct waiter *waiter = data;
        struct ticket_view view;
        look(waiter, ticket);
        ticket_look(ticket, &view);
        if (view.has_ended)
                waiter_release(waiter); /* this was the last call */
}

static void on_time(void *data)
{
        struct waiter *waiter = data;
        atomic_store(&waiter->time_is_over, true);
        struct ticket *ticket = hold_ticket(waiter);
        if (ticket)
                look(waiter, ticket);
        ticket_release(ticket);
        waiter_release(waiter);
}

static struct waiter *waiter_new(struct http_request *request,
                                 json_t *(*done)(const json_t *capsule))
{
        struct waiter *waiter = alloc_calloc(1, sizeof(*waiter));
        if (!waiter)
                return NULL;
        atomic_init(&waiter->references, 2); /* this function's caller, and the ticket's callback */
        (void)pthread_mutex_init(&waiter->lock, NULL);
        waiter->request = http_hold(request);
        waiter->done = done;
        return waiter;
}

void api_submit(struct call *call, const struct order *order, int64_t wait_ms,
                json_t *(*done)(const json_t *capsule))
{
        struct error err = {0};
        struct ticket *ticket = NULL;
        struct waiter *waiter = waiter_new(call->request, done);
        struct order patient = *order;
        patient.is_patient = wait_ms >= 2 * RUNS_PATIENCE_MS;
        int r = waiter ? runs_submit(call->api->runs, &patient, on_change, waiter, &ticket, &err)
                       : error_oom(&err);
        if (r < 0) {
                reply_error(call->request, &err, NULL);
                if (waiter) {
                        waiter_release(waiter);
                        waiter_release(waiter);
                }
                return;
        }
        put_ticket(waiter, ticket);
        timer_at(call->api->timer, clock_monotonic_us() + wait_ms * 1000, on_time, waiter);
}
