/* Children of warm parents, as the host sees them: spares that wait behind their walls, and those
 * that serve a call. */
#include "runner/host_private.h"

#include "runner/nursery.h"
#include "runner/worker.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS_MAX 16 /* of one query; more gain little */

#define UNBORN_MAX 64
#define REFILL_WAIT_US 3000

static bool same_limits(const struct limits *a, const struct limits *b)
{
        /* What the sandbox holds a child to; the others come with the request. */
        return a->memory_mb == b->memory_mb && a->threads == b->threads &&
               a->timeout_ms == b->timeout_ms;
}

void child_free(struct child *child)
{
        struct host *host = child->warm->host;
        if (child->call)
                child->warm->n_running--;
        else
                child->warm->n_spares--;
        for (int i = 0; i < STREAM_COUNT; i++)
                loop_remove(&host->loop, &child->streams[i]);
        pipe_close(host, &child->request);
        attempt_done(&child->attempt);
        link_remove(&child->link);
        free(child);
}

/* Its words are all there, or it is gone. */
static void finish(struct child *child, bool is_dead)
{
        struct call *call = child->call;
        struct host *host = child->warm->host;
        if (!call) {
                if (is_dead)
                        child_free(child);
                return;
        }
        if (!attempt_take_words(&child->attempt) && !is_dead &&
            child->attempt.failure.type == ERROR_NONE)
                return; /* how it ended is still to be heard */
        queue_remove(host->queue, &call->entry,
                     (double)(clock_monotonic_us() - child->started_us) / 1000);
        struct warm *warm = child->warm;
        call_answer(call, &child->attempt);
        child_free(child);
        warm->refill_us = clock_monotonic_us() + REFILL_WAIT_US;
}

static void on_stream(struct watch *watch, uint32_t events)
{
        struct child *child = watch->owner;
        struct host *host = child->warm->host;
        (void)events;
        streams_take(host, &child->attempt, child->streams, watch);
        if (!attempt_is_listening(&child->attempt) || child->attempt.failure.type != ERROR_NONE)
                finish(child, false);
}

static void on_request(struct watch *watch, uint32_t events)
{
        struct child *child = watch->owner;
        (void)events;
        if (child->call)
                (void)pipe_feed(child->warm->host, watch, child->call->request_text,
                                child->call->message.request_bytes, &child->sent);
}

/* A large table is worth all cores, when nobody else needs them. */
static int64_t threads_max(const struct warm *warm, const struct limits *limits)
{
        long cores = warm->copy ? 1 : sysconf(_SC_NPROCESSORS_ONLN);
        cores = cores < THREADS_MAX ? cores : THREADS_MAX;
        return cores > limits->threads ? cores : limits->threads;
}

static int order_with(struct warm *warm, struct child *child, int theirs[NURSERY_FDS],
                      struct error *err)
{
        struct host *host = warm->host;
        struct nursery_order order = {.id = child->id,
                                      .limits = child->limits,
                                      .exercise = queue_running(host->queue) == 0,
                                      .threads_max = threads_max(warm, &child->limits)};
        int r = pipe_open(host, &child->request, child, on_request, &theirs[NURSERY_REQUEST], err);
        if (r == 0)
                r = attempt_open_streams(&child->attempt, theirs + NURSERY_WORDS, err);
        if (r < 0)
                return r;
        streams_watch(host, &child->attempt, child->streams, child, on_stream, err);
        r = births_send(warm->control.fd, &order, sizeof(order), theirs, NURSERY_FDS, err);
        if (r == 0 && warm->n_unborn++ == 0)
                warm->unborn_us = clock_monotonic_us();
        return r;
}

/* Orders one more of the parent. */
static struct child *child_new(struct warm *warm, const struct limits *limits, struct error *err)
{
        /* What a parent does not take stays in the socket, descriptors and all. */
        if (warm->n_unborn >= UNBORN_MAX) {
                (void)error_set(err, ERROR_RUNNER_INTERNAL,
                                "the warm process of these tables does not answer; run it again");
                return NULL;
        }
        struct child *child = alloc_calloc(1, sizeof(*child));
        int theirs[NURSERY_FDS] = {-1, -1, -1, -1};
        if (!child) {
                (void)error_oom(err);
                return NULL;
        }
        child->warm = warm;
        child->id = ++warm->host->next_id;
        child->limits = *limits;
        child->request.fd = -1;
        for (int i = 0; i < STREAM_COUNT; i++)
                child->streams[i].fd = -1;
        attempt_init(&child->attempt);
        link_add(&warm->children, &child->link);
        warm->n_spares++;
        int r = order_with(warm, child, theirs, err);
        for (int i = 0; i < NURSERY_FDS; i++)
                cleanup_close(&theirs[i]);
        if (r < 0) {
                child_free(child);
                return NULL;
        }
        return child;
}

void child_refill(struct warm *warm)
{
        struct error ignored = {0};
        struct child *next;
        warm->refill_us = 0;
        if (warm->state != WARM_READY)
                return;
        for (struct child *child = (struct child *)warm->children; child; child = next) {
                next = (struct child *)child->link.next;
                if (!child->call && !same_limits(&child->limits, &warm->limits))
                        child_free(child);
        }
        while (warm->n_spares < warm->host->options->spares)
                if (!child_new(warm, &warm->limits, &ignored))
                        return;
}

void child_keep_up(struct warm *warm)
{
        struct error ignored = {0};
        size_t most = warm->host->options->queue.running;
        size_t wanted = warm->n_calls - warm->n_running;
        if (warm->state != WARM_READY || warm->host->options->spares == 0)
                return;
        if (wanted < 1)
                wanted = 1;
        while (warm->n_spares < (wanted < most ? wanted : most))
                if (!child_new(warm, &warm->limits, &ignored))
                        return;
}

/* The one that was ordered first, as it is the most likely to be ready. */
static struct child *take_spare(struct warm *warm, const struct limits *limits)
{
        struct child *found = NULL;
        for (struct link *link = warm->children; link; link = link->next) {
                struct child *child = (struct child *)link;
                if (!child->call && same_limits(&child->limits, limits))
                        found = child;
        }
        return found;
}

/* Into the empty pipe, before the request. */
static void say_threads(struct child *child)
{
        struct host *host = child->warm->host;
        char line[64];
        int64_t most = threads_max(child->warm, &child->limits);
        bool alone = queue_running(host->queue) == 1 && queue_waiting(host->queue) == 0;
        if (most <= child->limits.threads)
                return;
        (void)snprintf(line, sizeof(line), WORKER_THREADS "%lld\n",
                       (long long)(alone ? most : child->limits.threads));
        (void)!write(child->request.fd, line, strlen(line));
}

static void start(struct call *call)
{
        struct error err = {0};
        struct warm *warm = call->warm;
        struct child *child = take_spare(warm, &call->request->limits);
        if (!child)
                child = child_new(warm, &call->request->limits, &err);
        if (!child) {
                queue_remove(call->host->queue, &call->entry, -1);
                call_fail(call, &err);
                return;
        }
        warm->n_spares--;
        warm->n_running++;
        warm->limits = call->request->limits;
        child->call = call;
        child->started_us = clock_monotonic_us();
        call->child = child;
        call->state = CALL_RUNNING;
        call->host->runs++;
        attempt_set_request(&child->attempt, call->request, &call->files, call->submitted_us);
        child->attempt.described = warm->snapshot.tables;
        child->attempt.values = &warm->snapshot.values;
        say_threads(child);
        (void)pipe_feed(call->host, &child->request, call->request_text,
                        call->message.request_bytes, &child->sent);
        child_keep_up(warm);
}

void child_dispatch(struct host *host)
{
        struct queue_entry *entry;
        while ((entry = queue_take(host->queue)))
                start((struct call *)((char *)entry - offsetof(struct call, entry)));
}

static struct child *child_find(struct warm *warm, uint64_t id)
{
        for (struct link *link = warm->children; link; link = link->next)
                if (((struct child *)link)->id == id)
                        return (struct child *)link;
        return NULL;
}

static void set_dead(struct child *child, const struct birth_word *word)
{
        /* What it said before it died is in the pipes. */
        for (int i = 0; i < STREAM_COUNT; i++) {
                for (ssize_t before = -1; child->attempt.streams[i].fd >= 0 &&
                                          before != (ssize_t)child->attempt.streams[i].text.len;) {
                        before = (ssize_t)child->attempt.streams[i].text.len;
                        streams_take(child->warm->host, &child->attempt, child->streams,
                                     &child->streams[i]);
                }
        }
        attempt_set_end(&child->attempt, word->status, word->peak_kb);
        finish(child, true);
}

void child_word(struct warm *warm, const struct birth_word *word, int fd)
{
        if (word->saying != BIRTH_DEAD && warm->n_unborn > 0) {
                warm->n_unborn--;
                warm->unborn_us = clock_monotonic_us();
        }
        struct child *child = child_find(warm, word->id);
        if (!child) { /* it was let go before it was there */
                if (fd >= 0)
                        (void)syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
                cleanup_close(&fd);
                return;
        }
        if (word->saying == BIRTH_BORN && fd >= 0) {
                cleanup_close(&child->attempt.worker.pidfd);
                child->attempt.worker.pidfd = fd;
        } else if (word->saying == BIRTH_DEAD) {
                cleanup_close(&fd);
                set_dead(child, word);
        } else {
                cleanup_close(&fd);
                (void)error_set(&child->attempt.failure,
                                word->error ? word->error : ERROR_RUNNER_INTERNAL, "%s",
                                word->message);
                finish(child, true);
        }
}
