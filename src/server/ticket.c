/* One ordered run: its copy of the order, what is seen of it, and the two steps of its work. */
#include "server/ticket.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void ticket_free(struct ticket *ticket)
{
        run_drop(ticket->run);
        executor_free(ticket->executor);
        source_free(ticket->source);
        setup_release(ticket->setup);
        capsule_free(ticket->adopted);
        json_decref(ticket->previous);
        json_decref(ticket->reading);
        json_decref(ticket->body);
        cleanup_close(&ticket->cancel_fd);
        (void)pthread_mutex_destroy(&ticket->lock);
        free(ticket->owner);
        free(ticket->text);
        free(ticket->planner_name);
        free(ticket->as_of);
        free(ticket->asked);
        free(ticket);
}

struct ticket *ticket_hold(struct ticket *ticket)
{
        atomic_fetch_add(&ticket->references, 1);
        return ticket;
}

void ticket_release(struct ticket *ticket)
{
        if (ticket && atomic_fetch_sub(&ticket->references, 1) == 1)
                ticket_free(ticket);
}

/* With a NUL behind it, which is not counted. */
static char *copy_bytes(const char *text, size_t n)
{
        char *copy = alloc_malloc(n + 1);
        if (!copy)
                return NULL;
        memcpy(copy, text, n);
        copy[n] = '\0';
        return copy;
}

static int copy_order(struct ticket *ticket, const struct order *order, struct error *err)
{
        const char *text = order->plan_text ? order->plan_text
                           : order->sql     ? order->sql
                                            : order->question;
        ticket->kind = order->plan_text ? TEXT_PLAN : order->sql ? TEXT_SQL : TEXT_QUESTION;
        ticket->text_bytes = order->plan_text ? order->plan_bytes
                             : order->sql     ? order->sql_bytes
                                              : order->question_bytes;
        ticket->setup = order->setup ? setup_hold(order->setup) : NULL;
        ticket->dataset = order->dataset;
        ticket->planner = order->planner;
        ticket->limits = order->limits;
        ticket->is_patient = order->is_patient;
        ticket->must_run = order->must_run || (order->setup && !order->setup->cache);
        if (order->request_key) {
                (void)snprintf(ticket->request_key, sizeof(ticket->request_key), "%s",
                               order->request_key);
                (void)snprintf(ticket->request_hash, sizeof(ticket->request_hash), "%s",
                               order->request_hash);
        }
        ticket->previous = order->previous ? json_deep_copy(order->previous) : NULL;
        ticket->owner = alloc_strdup(order->owner ? order->owner : "");
        ticket->planner_name = alloc_strdup(order->planner_name ? order->planner_name : "none");
        ticket->as_of = order->as_of ? alloc_strdup(order->as_of) : NULL;
        ticket->asked = order->asked ? alloc_strdup(order->asked) : NULL;
        ticket->reading = order->reading ? json_deep_copy(order->reading) : NULL;
        ticket->text = copy_bytes(text, ticket->text_bytes);
        if (!ticket->owner || !ticket->planner_name || !ticket->text ||
            (order->as_of && !ticket->as_of) || (order->previous && !ticket->previous) ||
            (order->asked && !ticket->asked) || (order->reading && !ticket->reading))
                return error_oom(err);
        if (order->adopted && capsule_new_as(order->adopted, &ticket->adopted, err) < 0)
                return -(int)ERROR_INTERNAL;
        ticket->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        return ticket->cancel_fd < 0 ? error_errno(err, errno, "making an event descriptor") : 0;
}

int ticket_new(struct runs *runs, const struct order *order, struct ticket **ret, struct error *err)
{
        struct ticket *ticket = alloc_calloc(1, sizeof(*ticket));
        if (!ticket)
                return error_oom(err);
        atomic_init(&ticket->references, 1);
        (void)pthread_mutex_init(&ticket->lock, NULL);
        ticket->runs = runs;
        ticket->cancel_fd = -1;
        ticket->submitted_us = clock_monotonic_us();
        int r = copy_order(ticket, order, err);
        if (r < 0)
                ticket_free(ticket);
        else
                *ret = ticket;
        return r;
}

void ticket_show(struct ticket *ticket, const struct capsule *capsule)
{
        /* A copy: the capsule's own object goes on to be filled by the thread that runs it. */
        json_t *body = json_copy(capsule->body);
        (void)pthread_mutex_lock(&ticket->lock);
        if (body) {
                json_decref(ticket->body);
                ticket->body = body;
        }
        ticket->state = capsule->state;
        if (capsule->state != RUN_PENDING && ticket->started_us == 0)
                ticket->started_us = clock_monotonic_us();
        (void)pthread_mutex_unlock(&ticket->lock);
}

void ticket_end(struct ticket *ticket, const struct capsule *capsule, const struct error *why)
{
        if (capsule)
                ticket_show(ticket, capsule);
        (void)pthread_mutex_lock(&ticket->lock);
        if (!capsule) {
                ticket->error = *why;
                ticket->state = RUN_FAILED;
        }
        ticket->has_ended = true;
        (void)pthread_mutex_unlock(&ticket->lock);
}

json_t *ticket_body(const struct ticket *ticket)
{
        pthread_mutex_t *lock = (pthread_mutex_t *)&ticket->lock;
        (void)pthread_mutex_lock(lock);
        json_t *body = ticket->body ? json_deep_copy(ticket->body) : NULL;
        (void)pthread_mutex_unlock(lock);
        return body;
}

const json_t *ticket_ended_body(const struct ticket *ticket)
{
        return ticket->error.type == ERROR_NONE ? ticket->body : NULL;
}

const char *ticket_owner(const struct ticket *ticket)
{
        return ticket->owner;
}

const char *ticket_dataset_id(const struct ticket *ticket)
{
        return ticket->dataset->id;
}

static void watch(const struct capsule *capsule, void *data)
{
        struct ticket *ticket = data;
        ticket_show(ticket, capsule);
        if (ticket->changed)
                ticket->changed(ticket, ticket->data);
}

static int begin(struct ticket *ticket, const struct runs_options *options, bool starts_now,
                 struct error *err)
{
        struct capsule_store *store = options->store;
        struct run_cache *cache = ticket->must_run ? NULL : options->cache;
        if (ticket->kind == TEXT_QUESTION) {
                const struct ask_input input = {.dataset = ticket->source->dataset,
                                                .question = ticket->text,
                                                .question_bytes = ticket->text_bytes,
                                                .asker = ticket->owner,
                                                .planner = ticket->planner,
                                                .previous = ticket->previous,
                                                .as_of = ticket->as_of,
                                                .limits = ticket->limits,
                                                .cache = cache,
                                                .cancel_fd = ticket->cancel_fd,
                                                .watch = watch,
                                                .watch_data = ticket};
                return run_begin_question(store, ticket->executor, &input, &ticket->run, err);
        }
        bool is_plan = ticket->kind == TEXT_PLAN;
        const struct run_input input = {.dataset = ticket->source->dataset,
                                        .question = ticket->asked,
                                        .reading = ticket->reading,
                                        .asker = ticket->owner,
                                        .request_key =
                                                ticket->request_key[0] ? ticket->request_key : NULL,
                                        .request_hash = ticket->request_hash,
                                        .planner = ticket->planner_name,
                                        .plan_text = is_plan ? ticket->text : NULL,
                                        .plan_bytes = is_plan ? ticket->text_bytes : 0,
                                        .sql = is_plan ? NULL : ticket->text,
                                        .sql_bytes = is_plan ? 0 : ticket->text_bytes,
                                        .as_of = ticket->as_of,
                                        .adopted = ticket->adopted,
                                        .limits = ticket->limits,
                                        .cache = cache,
                                        .cancel_fd = ticket->cancel_fd,
                                        .starts_now = starts_now,
                                        .watch = watch,
                                        .watch_data = ticket};
        return run_begin(store, ticket->executor, &input, &ticket->run, err);
}

int ticket_keep(struct ticket *ticket, const struct runs_options *options, bool starts_now)
{
        struct error err = {0};
        int r = source_open_registered(ticket->dataset, options->datasets_folder, false,
                                       &ticket->source, &err);
        if (r == 0)
                r = executor_open_as(&options->executor, ticket->source->data_root,
                                     &ticket->executor, &err);
        if (r == 0)
                r = begin(ticket, options, starts_now, &err);
        /* What was not kept was never promised; what another server had kept, was. */
        if (r < 0 && ticket->adopted &&
            run_give_up(options->store, ticket->adopted, &err, NULL) == 0) {
                ticket_end(ticket, ticket->adopted, NULL);
                return r;
        }
        if (r < 0) {
                ticket_end(ticket, NULL, &err);
                return r;
        }
        ticket_show(ticket, run_capsule(ticket->run));
        if (ticket->changed)
                ticket->changed(ticket, ticket->data);
        return 0;
}

struct capsule *ticket_work(struct ticket *ticket)
{
        struct capsule *capsule = NULL;
        struct error err = {0};
        int r = run_finish(steal_ptr(&ticket->run), &capsule, &err);
        /* The ticket may be looked at long after; the connection to the host is not for that. */
        executor_free(steal_ptr(&ticket->executor));
        source_free(steal_ptr(&ticket->source));
        ticket_end(ticket, r < 0 ? NULL : capsule, &err);
        if (r < 0)
                return capsule;
        capsule_free(capsule);
        return NULL;
}
