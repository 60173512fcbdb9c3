/* The queue and its threads. Workers run; keepers put runs that have to wait onto the disk, so that
 * an asker can be told of them while every worker is busy. */
#include "server/runs.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/cond.h"
#include "base/json.h"
#include "server/late.h"
#include "server/ticket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEEPERS 2
#define LATE_MAX 200
#define RETRY_MS_MIN 1000
#define RETRY_MS_MAX 60000

struct runs {
        struct runs_options options;
        pthread_mutex_t lock;
        pthread_cond_t work;  /* for workers: something waits, or all ends */
        pthread_cond_t keep;  /* for keepers */
        pthread_cond_t empty; /* for runs_stop: one has ended */
        struct ticket *first, *last;
        size_t n_waiting, n_running, n_idle;
        size_t n_timed;     /* keepers that look again by themselves */
        size_t n_cancelled; /* that wait, or waited when they were cancelled */
        int64_t run_us;     /* how long a run takes of late, for retry_after_ms */
        struct late *late;
        bool closed;   /* no orders are taken */
        bool stopping; /* the threads end when nothing waits */
        pthread_t *threads;
        size_t n_threads;
};

static bool waits(const struct ticket *ticket)
{
        return ticket->place == PLACE_QUEUE || ticket->place == PLACE_KEEPING;
}

/* With the lock held. */
static void append(struct runs *runs, struct ticket *ticket)
{
        ticket->before = runs->last;
        if (runs->last)
                runs->last->next = ticket;
        else
                runs->first = ticket;
        runs->last = ticket;
        runs->n_waiting++;
}

static void take_out(struct runs *runs, struct ticket *ticket)
{
        if (ticket->before)
                ticket->before->next = ticket->next;
        else
                runs->first = ticket->next;
        if (ticket->next)
                ticket->next->before = ticket->before;
        else
                runs->last = ticket->before;
        ticket->place = PLACE_OUT;
        runs->n_cancelled -= ticket->cancelled;
}

static struct ticket *next_to_work(const struct runs *runs)
{
        for (struct ticket *ticket = runs->first; ticket; ticket = ticket->next)
                if (ticket->place == PLACE_QUEUE)
                        return ticket;
        return NULL;
}

/* *ret_until_us: when there will be one, of those that are patient; INT64_MAX: not without news. */
static struct ticket *next_to_keep(const struct runs *runs, int64_t *ret_until_us)
{
        int64_t now_us = clock_monotonic_us();
        *ret_until_us = INT64_MAX;
        for (struct ticket *ticket = runs->first; ticket && runs->n_cancelled > 0;
             ticket = ticket->next)
                if (ticket->place == PLACE_QUEUE && ticket->cancelled)
                        return ticket;
        if (runs->n_idle > 0)
                return NULL; /* a worker does it on its way */
        for (struct ticket *ticket = runs->first; ticket; ticket = ticket->next) {
                if (ticket->place != PLACE_QUEUE || ticket->run)
                        continue;
                int64_t until_us = ticket->submitted_us + RUNS_PATIENCE_MS * 1000;
                if (!ticket->is_patient || until_us <= now_us)
                        return ticket;
                if (until_us < *ret_until_us)
                        *ret_until_us = until_us;
        }
        return NULL;
}

/* Waits for one; NULL: there will be none. With the lock held. */
static struct ticket *await_keep(struct runs *runs)
{
        struct ticket *ticket;
        int64_t until_us;
        while (!(ticket = next_to_keep(runs, &until_us)) && !runs->stopping) {
                if (until_us == INT64_MAX) {
                        (void)pthread_cond_wait(&runs->keep, &runs->lock);
                } else {
                        runs->n_timed++;
                        (void)cond_wait_until(&runs->keep, &runs->lock, until_us);
                        runs->n_timed--;
                }
        }
        return ticket;
}

/* With the lock held: a keeper looks, if there is something for it and none does so soon. */
static void wake_keeper(struct runs *runs)
{
        int64_t until_us;
        if (next_to_keep(runs, &until_us) || (until_us != INT64_MAX && runs->n_timed == 0))
                (void)pthread_cond_signal(&runs->keep);
}

/* The run is over: out of the list, and whoever asked is told. */
static void finish(struct runs *runs, struct ticket *ticket, bool was_running)
{
        (void)pthread_mutex_lock(&runs->lock);
        take_out(runs, ticket);
        if (was_running) {
                int64_t took_us = clock_monotonic_us() - ticket->started_us;
                runs->n_running--;
                if (ticket->started_us > 0)
                        runs->run_us += (took_us - runs->run_us) / 8;
        } else {
                runs->n_waiting--;
        }
        (void)pthread_cond_broadcast(&runs->empty);
        (void)pthread_mutex_unlock(&runs->lock);
        const struct capsule capsule = {.body = ticket->body, .state = ticket->state};
        if (runs->options.ended)
                runs->options.ended(ticket, capsule.body ? &capsule : NULL, runs->options.data);
        if (ticket->changed)
                ticket->changed(ticket, ticket->data);
        ticket_release(ticket);
}

static void *work(void *data)
{
        struct runs *runs = data;
        (void)pthread_mutex_lock(&runs->lock);
        for (;;) {
                struct ticket *ticket;
                runs->n_idle++;
                while (!(ticket = next_to_work(runs)) && !(runs->stopping && !runs->n_waiting))
                        (void)pthread_cond_wait(&runs->work, &runs->lock);
                runs->n_idle--;
                if (!ticket)
                        break;
                ticket->place = PLACE_WORK;
                runs->n_waiting--;
                runs->n_running++;
                if (runs->n_idle == 0 && runs->n_waiting > 0)
                        wake_keeper(runs);
                (void)pthread_mutex_unlock(&runs->lock);
                if (ticket->run || ticket_keep(ticket, &runs->options, true) == 0)
                        late_add(runs->late, ticket_work(ticket));
                finish(runs, ticket, true);
                (void)pthread_mutex_lock(&runs->lock);
        }
        (void)pthread_cond_broadcast(&runs->work);
        (void)pthread_mutex_unlock(&runs->lock);
        return NULL;
}

static void *keep(void *data)
{
        struct runs *runs = data;
        (void)pthread_mutex_lock(&runs->lock);
        for (;;) {
                struct ticket *ticket = await_keep(runs);
                if (!ticket)
                        break;
                ticket->place = PLACE_KEEPING;
                bool cancelled = ticket->cancelled;
                (void)pthread_mutex_unlock(&runs->lock);
                bool kept = ticket->run || ticket_keep(ticket, &runs->options, cancelled) == 0;
                if (kept && cancelled)
                        /* only to its end, as it is to stop already */
                        late_add(runs->late, ticket_work(ticket));
                if (!kept || cancelled)
                        finish(runs, ticket, false);
                (void)pthread_mutex_lock(&runs->lock);
                if (kept && !cancelled)
                        ticket->place = PLACE_QUEUE;
                (void)pthread_cond_signal(&runs->work);
        }
        (void)pthread_mutex_unlock(&runs->lock);
        return NULL;
}

static int start_thread(struct runs *runs, void *(*fn)(void *), struct error *err)
{
        int r = pthread_create(&runs->threads[runs->n_threads], NULL, fn, runs);
        if (r != 0)
                return error_errno(err, r, "starting a thread");
        runs->n_threads++;
        return 0;
}

int runs_start(const struct runs_options *options, struct runs **ret, struct error *err)
{
        struct runs *runs = alloc_calloc(1, sizeof(*runs));
        if (!runs)
                return error_oom(err);
        runs->options = *options;
        runs->run_us = 100000;
        (void)pthread_mutex_init(&runs->lock, NULL);
        (void)pthread_cond_init(&runs->work, NULL);
        cond_init(&runs->keep);
        cond_init(&runs->empty);
        runs->threads = alloc_calloc(options->workers + KEEPERS, sizeof(*runs->threads));
        int r = runs->threads ? late_start(options->store, &runs->late, err) : error_oom(err);
        for (size_t i = 0; r == 0 && i < options->workers; i++)
                r = start_thread(runs, work, err);
        for (size_t i = 0; r == 0 && i < KEEPERS; i++)
                r = start_thread(runs, keep, err);
        if (r < 0)
                runs_free(runs);
        else
                *ret = runs;
        return r;
}

/* With the lock held: until nothing waits or runs, or the time is over. */
static void await_empty(struct runs *runs, int64_t patience_ms)
{
        int64_t until_us = clock_monotonic_us() + patience_ms * 1000;
        while (runs->first && cond_wait_until(&runs->empty, &runs->lock, until_us))
                ;
}

/* With the lock held. One that waits is ended by a keeper, at once. */
static void cancel_locked(struct runs *runs, struct ticket *ticket)
{
        const uint64_t one = 1;
        (void)!write(ticket->cancel_fd, &one, sizeof(one));
        if (ticket->cancelled || !waits(ticket))
                return;
        ticket->cancelled = true;
        runs->n_cancelled++;
        (void)pthread_cond_signal(&runs->keep);
}

void runs_stop(struct runs *runs, int64_t patience_ms)
{
        if (!runs)
                return;
        (void)pthread_mutex_lock(&runs->lock);
        runs->closed = true;
        await_empty(runs, patience_ms);
        for (struct ticket *ticket = runs->first; ticket; ticket = ticket->next)
                cancel_locked(runs, ticket);
        runs->stopping = true;
        (void)pthread_cond_broadcast(&runs->work);
        (void)pthread_cond_broadcast(&runs->keep);
        (void)pthread_mutex_unlock(&runs->lock);
        for (size_t i = 0; i < runs->n_threads; i++)
                (void)pthread_join(runs->threads[i], NULL);
        runs->n_threads = 0;
}

void runs_free(struct runs *runs)
{
        if (!runs)
                return;
        runs_stop(runs, 0);
        late_free(runs->late);
        (void)pthread_cond_destroy(&runs->work);
        (void)pthread_cond_destroy(&runs->keep);
        (void)pthread_cond_destroy(&runs->empty);
        (void)pthread_mutex_destroy(&runs->lock);
        free(runs->threads);
        free(runs);
}

void runs_set_owner_max(struct runs *runs, size_t owner_max)
{
        (void)pthread_mutex_lock(&runs->lock);
        runs->options.owner_max = owner_max;
        (void)pthread_mutex_unlock(&runs->lock);
}

/* When there is room again, as far as can be told. */
static long long retry_after(const struct runs *runs)
{
        int64_t ms = runs->run_us / 1000 * (int64_t)(runs->n_waiting + 1) /
                     (int64_t)(runs->options.workers ? runs->options.workers : 1) / 2;
        return ms < RETRY_MS_MIN ? RETRY_MS_MIN : ms > RETRY_MS_MAX ? RETRY_MS_MAX : ms;
}

static int refuse(const struct runs *runs, struct error *err)
{
        if (runs->closed)
                return error_set(err, ERROR_QUEUE_FULL, "the server is ending; ask again later");
        int r = error_set(err, ERROR_QUEUE_FULL,
                          "%zu runs wait already, which is as many as may; ask again later",
                          runs->n_waiting);
        err->retry_after_ms = retry_after(runs);
        return r;
}

/* One key alone must not fill the queue. With the lock. */
static int check_owner(const struct runs *runs, const char *owner, struct error *err)
{
        size_t n = 0;
        if (!*owner || runs->options.owner_max == 0)
                return 0;
        for (const struct ticket *ticket = runs->first; ticket; ticket = ticket->next)
                n += strcmp(ticket->owner, owner) == 0;
        if (n < runs->options.owner_max)
                return 0;
        int r = error_set(
                err, ERROR_QUEUE_FULL,
                "%zu runs of this key wait or are under way, which is as many as may (the "
                "setting key_runs_max); ask again later",
                n);
        err->retry_after_ms = retry_after(runs);
        return r;
}

/* What has ended and could not be kept is in memory, which is not for long and not for many. */
static int check_late(const struct runs *runs, struct error *err)
{
        size_t n = late_waiting(runs->late);
        if (n < LATE_MAX)
                return 0;
        return error_set(err, ERROR_STORE,
                         "%zu runs and answers have ended and cannot be recorded, as the capsule "
                         "store cannot be "
                         "written; GET /readyz says why and when it is over",
                         n);
}

void runs_seal_late(struct runs *runs, struct capsule *capsule)
{
        late_add(runs->late, capsule);
}

/* With the lock held. */
static int check_room(const struct runs *runs, const char *owner, struct error *err)
{
        /* A worker that is about to tell of its run's end is as good as an idle one: who has just
         * been told may ask again. */
        size_t room = runs->options.waiting_max + runs->options.workers - runs->n_running;
        return runs->closed || runs->n_waiting >= room ? refuse(runs, err)
                                                       : check_owner(runs, owner, err);
}

int runs_check_room(struct runs *runs, const char *owner, struct error *err)
{
        int r = check_late(runs, err);
        if (r < 0)
                return r;
        (void)pthread_mutex_lock(&runs->lock);
        r = check_room(runs, owner, err);
        (void)pthread_mutex_unlock(&runs->lock);
        return r;
}

int runs_submit(struct runs *runs, const struct order *order,
                void (*changed)(struct ticket *ticket, void *data), void *data, struct ticket **ret,
                struct error *err)
{
        struct ticket *ticket = NULL;
        int r = check_late(runs, err);
        if (r < 0)
                return r;
        r = ticket_new(runs, order, &ticket, err);
        if (r < 0)
                return r;
        ticket->changed = changed;
        ticket->data = data;
        if (ticket->adopted) /* to be found from now on */
                ticket_show(ticket, ticket->adopted);
        *ret = ticket_hold(ticket); /* one for the caller, one for the list */
        (void)pthread_mutex_lock(&runs->lock);
        r = ticket->adopted && !runs->closed ? 0 : check_room(runs, ticket->owner, err);
        if (r == 0) {
                append(runs, ticket);
                if (runs->n_idle > 0)
                        (void)pthread_cond_signal(&runs->work);
                else
                        wake_keeper(runs);
        }
        (void)pthread_mutex_unlock(&runs->lock);
        if (r < 0) {
                ticket_release(ticket);
                ticket_release(ticket);
                *ret = NULL;
        }
        return r;
}

void ticket_cancel(struct ticket *ticket)
{
        struct ticket_view view;
        ticket_look(ticket, &view);
        if (view.has_ended)
                return; /* its service may be gone */
        (void)pthread_mutex_lock(&ticket->runs->lock);
        cancel_locked(ticket->runs, ticket);
        (void)pthread_mutex_unlock(&ticket->runs->lock);
}

struct ticket *runs_find(struct runs *runs, const char *run_id)
{
        struct ticket *found = NULL;
        (void)pthread_mutex_lock(&runs->lock);
        for (struct ticket *ticket = runs->first; ticket && !found; ticket = ticket->next) {
                (void)pthread_mutex_lock(&ticket->lock);
                const char *id = ticket->body ? json_get_string(ticket->body, "run_id") : NULL;
                if (id && strcmp(id, run_id) == 0)
                        found = ticket_hold(ticket);
                (void)pthread_mutex_unlock(&ticket->lock);
        }
        (void)pthread_mutex_unlock(&runs->lock);
        return found;
}

size_t runs_waiting(struct runs *runs)
{
        (void)pthread_mutex_lock(&runs->lock);
        size_t n = runs->n_waiting;
        (void)pthread_mutex_unlock(&runs->lock);
        return n;
}

size_t runs_running(struct runs *runs)
{
        (void)pthread_mutex_lock(&runs->lock);
        size_t n = runs->n_running;
        (void)pthread_mutex_unlock(&runs->lock);
        return n;
}

/* How many wait before it, and itself. */
static size_t position_of(const struct ticket *ticket)
{
        struct runs *runs = ticket->runs;
        size_t position = 0;
        (void)pthread_mutex_lock(&runs->lock);
        if (waits(ticket))
                for (const struct ticket *at = ticket; at; at = at->before)
                        position += waits(at);
        (void)pthread_mutex_unlock(&runs->lock);
        return position;
}

void ticket_look(const struct ticket *ticket, struct ticket_view *ret)
{
        pthread_mutex_t *lock = (pthread_mutex_t *)&ticket->lock;
        (void)pthread_mutex_lock(lock);
        bool has_ended = ticket->has_ended;
        (void)pthread_mutex_unlock(lock);
        /* What has ended may be looked at longer than there is a queue. */
        *ret = (struct ticket_view){.position = has_ended ? 0 : position_of(ticket)};
        (void)pthread_mutex_lock(lock);
        const char *id = ticket->body ? json_get_string(ticket->body, "run_id") : NULL;
        if (id)
                (void)strncpy(ret->run_id, id, sizeof(ret->run_id) - 1);
        int64_t until_us = ticket->started_us ? ticket->started_us : clock_monotonic_us();
        ret->state = ticket->state;
        ret->waited_ms = (until_us - ticket->submitted_us) / 1000;
        ret->has_ended = ticket->has_ended;
        ret->error = ticket->error;
        (void)pthread_mutex_unlock(lock);
}
