#include "server/exchange_parts.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "server/sse.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EVENTS_MAX 1000
#define EVENTS_BYTES_MAX ((size_t)4 * 1024 * 1024)
#define PUMP_BYTES_MAX (EVENTS_BYTES_MAX + 65536) /* the largest event fits */
#define KEPT_US (INT64_C(60) * 1000000)           /* after its end, for clients that come back */
#define KEPT_MAX ((size_t)500)                    /* of those that have ended; each takes memory */

/* A client that follows the events. */
struct follower {
        struct http_request *request;
        uint64_t last_id;
        struct follower *next;
};

struct exchanges {
        pthread_mutex_t lock;
        struct exchange *first;
};

static void exchange_free(struct exchange *exchange)
{
        ticket_release(exchange->ticket);
        sse_log_free(exchange->log);
        cleanup_close(&exchange->cancel_fd);
        cleanup_close(&exchange->run_fd);
        json_decref(exchange->answer);
        http_release(exchange->waiting);
        (void)pthread_mutex_destroy(&exchange->lock);
        free(exchange->owner);
        free(exchange);
}

struct exchange *exchange_hold(struct exchange *exchange)
{
        atomic_fetch_add(&exchange->references, 1);
        return exchange;
}

void exchange_release(struct exchange *exchange)
{
        if (exchange && atomic_fetch_sub(&exchange->references, 1) == 1)
                exchange_free(exchange);
}

const char *exchange_owner(const struct exchange *exchange)
{
        return exchange->owner;
}

int exchanges_new(struct exchanges **ret, struct error *err)
{
        struct exchanges *exchanges = alloc_calloc(1, sizeof(*exchanges));
        if (!exchanges)
                return error_oom(err);
        (void)pthread_mutex_init(&exchanges->lock, NULL);
        *ret = exchanges;
        return 0;
}

/* With the lock held: those that ended long ago go, and the oldest of too many. */
static void sweep(struct exchanges *exchanges, int64_t now_us)
{
        size_t kept = 0;
        for (struct exchange **at = &exchanges->first; *at;) {
                struct exchange *exchange = *at;
                int64_t ended_us = exchange->ended_us;
                if (ended_us == 0 || (now_us - ended_us < KEPT_US && ++kept <= KEPT_MAX)) {
                        at = &exchange->next;
                        continue;
                }
                *at = exchange->next;
                exchange_release(exchange);
        }
}

void exchanges_add(struct exchanges *exchanges, struct exchange *exchange)
{
        (void)pthread_mutex_lock(&exchanges->lock);
        sweep(exchanges, clock_monotonic_us());
        exchange->next = exchanges->first;
        exchanges->first = exchange_hold(exchange);
        (void)pthread_mutex_unlock(&exchanges->lock);
}

struct exchange *exchanges_find(struct exchanges *exchanges, const char *id)
{
        struct exchange *found = NULL;
        (void)pthread_mutex_lock(&exchanges->lock);
        sweep(exchanges, clock_monotonic_us());
        for (struct exchange *at = exchanges->first; at && !found; at = at->next)
                if (strcmp(at->id, id) == 0)
                        found = exchange_hold(at);
        (void)pthread_mutex_unlock(&exchanges->lock);
        return found;
}

void exchanges_free(struct exchanges *exchanges)
{
        if (!exchanges)
                return;
        while (exchanges->first) {
                struct exchange *first = exchanges->first;
                exchanges->first = first->next;
                exchange_release(first);
        }
        (void)pthread_mutex_destroy(&exchanges->lock);
        free(exchanges);
}

/* With the lock held: what the follower has not got yet; false: it is done with. */
static bool pump(struct exchange *exchange, struct follower *follower)
{
        for (;;) {
                _cleanup_buf_ struct buf text = {0};
                uint64_t last = follower->last_id;
                buf_init(&text, PUMP_BYTES_MAX);
                enum sse_log_state state =
                        sse_log_read(exchange->log, follower->last_id, &text, &last);
                if (state == SSE_LOG_GONE) {
                        struct error ignored = {0};
                        _cleanup_json_ json_t *lost =
                                json_pack("{s:s}", "detail", "earlier events are gone");
                        (void)sse_event(&text, 0, "lost", lost, &ignored);
                }
                follower->last_id = last;
                if (text.state != BUF_OK)
                        return false;
                if (text.len > 0 && !http_stream_send(follower->request, buf_text(&text), text.len))
                        return false;
                if (state == SSE_LOG_ENDED) {
                        http_stream_end(follower->request);
                        return false;
                }
                if (state == SSE_LOG_OPEN)
                        return !http_is_gone(follower->request);
        }
}

/* With the lock held: nobody wants the answer any more. */
static void cancel(struct exchange *exchange)
{
        const uint64_t one = 1;
        if (exchange->cancel_fd >= 0)
                (void)!write(exchange->cancel_fd, &one, sizeof(one));
        if (exchange->ticket)
                ticket_cancel(exchange->ticket);
}

static void watch_loneliness(struct exchange *exchange);

static void stop_if_alone(void *data)
{
        struct exchange *exchange = data;
        (void)pthread_mutex_lock(&exchange->lock);
        exchange->is_timed = false;
        bool alone = exchange->alone_us > 0 && !exchange->waiting && !exchange->has_ended;
        if (alone && clock_monotonic_us() >= exchange->alone_us + EXCHANGE_PATIENCE_MS * 1000)
                cancel(exchange);
        else if (alone) /* somebody came back in between, and went again */
                watch_loneliness(exchange);
        (void)pthread_mutex_unlock(&exchange->lock);
        exchange_release(exchange);
}

/* With the lock held: one look is enough, however many events there are meanwhile. */
static void watch_loneliness(struct exchange *exchange)
{
        if (exchange->is_timed)
                return;
        exchange->is_timed = true;
        timer_at(exchange->api->timer, exchange->alone_us + EXCHANGE_PATIENCE_MS * 1000,
                 stop_if_alone, exchange_hold(exchange));
}

void exchange_pump(struct exchange *exchange)
{
        for (struct follower **at = &exchange->followers; *at;) {
                struct follower *follower = *at;
                if (pump(exchange, follower)) {
                        at = &follower->next;
                        continue;
                }
                *at = follower->next;
                metrics_gauge_add(exchange->api->metrics, METRIC_SSE_CLIENTS, -1);
                http_release(follower->request);
                free(follower);
        }
        if (!exchange->is_streamed || exchange->followers || exchange->has_ended)
                return;
        if (exchange->alone_us == 0)
                exchange->alone_us = clock_monotonic_us();
        watch_loneliness(exchange);
}

int exchange_new(struct api *api, const struct exchange_input *input, struct exchange **ret,
                 struct error *err)
{
        struct exchange *exchange = alloc_calloc(1, sizeof(*exchange));
        if (!exchange)
                return error_oom(err);
        atomic_init(&exchange->references, 1);
        (void)pthread_mutex_init(&exchange->lock, NULL);
        exchange->api = api;
        exchange->cancel_fd = -1;
        exchange->run_fd = -1;
        exchange->owner = alloc_strdup(input->owner);
        int r = exchange->owner ? uuid_v7(exchange->id, err) : error_oom(err);
        if (r == 0)
                r = sse_log_new(EVENTS_MAX, EVENTS_BYTES_MAX, &exchange->log, err);
        if (r < 0)
                exchange_free(exchange);
        else
                *ret = exchange;
        return r;
}

void exchange_answer_waiting(struct exchange *exchange)
{
        struct http_request *request = exchange->waiting;
        exchange->waiting = NULL;
        if (!request)
                return;
        http_set(request, "Cache-Control", "no-store");
        if (exchange->answer)
                reply_json(request, 200, json_incref(exchange->answer));
        else
                reply_error(request, &exchange->problem, NULL);
        http_release(request);
}

static void release_exchange(void *data)
{
        exchange_release(data);
}

/* The client that waited for the whole answer has gone: nobody else can have it. */
static void on_waiting_gone(void *data)
{
        struct exchange *exchange = data;
        (void)pthread_mutex_lock(&exchange->lock);
        struct http_request *request = exchange->waiting;
        bool alone = request && !exchange->followers && !exchange->has_ended;
        exchange->waiting = NULL;
        if (alone)
                cancel(exchange);
        (void)pthread_mutex_unlock(&exchange->lock);
        http_release(request);
}

void exchange_answer(struct exchange *exchange, struct http_request *request)
{
        (void)pthread_mutex_lock(&exchange->lock);
        exchange->waiting = http_hold(request);
        if (exchange->has_ended)
                exchange_answer_waiting(exchange);
        (void)pthread_mutex_unlock(&exchange->lock);
        http_on_gone(request, on_waiting_gone, release_exchange, exchange_hold(exchange));
}

static void on_gone(void *data)
{
        struct exchange *exchange = data;
        (void)pthread_mutex_lock(&exchange->lock);
        exchange_pump(exchange); /* finds out who has gone */
        (void)pthread_mutex_unlock(&exchange->lock);
}

void exchange_stream(struct exchange *exchange, struct http_request *request, uint64_t after_id)
{
        struct error err = {0};
        struct follower *follower = alloc_calloc(1, sizeof(*follower));
        if (!follower) {
                (void)error_oom(&err);
                reply_error(request, &err, NULL);
                return;
        }
        follower->request = http_hold(request);
        follower->last_id = after_id;
        http_set(request, "X-Stream-Id", exchange->id);
        http_stream(request);
        metrics_gauge_add(exchange->api->metrics, METRIC_SSE_CLIENTS, 1);
        (void)pthread_mutex_lock(&exchange->lock);
        exchange->is_streamed = true;
        exchange->alone_us = 0;
        follower->next = exchange->followers;
        exchange->followers = follower;
        exchange_pump(exchange);
        (void)pthread_mutex_unlock(&exchange->lock);
        http_on_gone(request, on_gone, release_exchange, exchange_hold(exchange));
}
