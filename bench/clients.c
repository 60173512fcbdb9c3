#include "clients.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

struct sample {
        size_t job;
        int64_t us;
        int64_t inner_us;
};

struct client {
        void *data; /* the way's */
        struct round *round;
        struct sample *samples;
        size_t n_samples;
        size_t capacity;
        size_t failed;
        struct error error; /* the first failure's */
};

struct clients {
        const struct way *way;
        void *data; /* the way's */
        struct client clients[CLIENTS_MAX];
        size_t n; /* joined */
        size_t n_jobs;
        atomic_size_t next; /* of the jobs that are taken in turn, over all rounds */
};

/* What the clients do between two lines. */
struct round {
        struct clients *all;
        pthread_barrier_t start;
        size_t *jobs;
        size_t n_jobs;
        atomic_size_t taken;
        size_t runs;         /* to take, or 0: until the deadline */
        int64_t duration_us; /* from the start */
        int64_t start_us;    /* set before the clients are let go */
        _Atomic int64_t end_us;
};

_Noreturn static void die(const char *what)
{
        (void)fprintf(stderr, "%s\n", what);
        exit(1);
}

static void client_keep(struct client *client, const struct sample *sample)
{
        if (client->n_samples == client->capacity) {
                size_t capacity = client->capacity ? 2 * client->capacity : 1024;
                void *grown = alloc_realloc(client->samples, capacity * sizeof(*sample));
                if (!grown)
                        die("out of memory");
                client->samples = grown;
                client->capacity = capacity;
        }
        client->samples[client->n_samples++] = *sample;
}

/* False when the round is over. */
static bool round_take(struct round *round, size_t *ret_job)
{
        if (round->runs == 0) {
                if (clock_monotonic_us() - round->start_us >= round->duration_us)
                        return false;
                *ret_job = round->jobs[atomic_fetch_add(&round->all->next, 1) % round->n_jobs];
                return true;
        }
        size_t i = atomic_fetch_add(&round->taken, 1);
        *ret_job = round->jobs[i % round->n_jobs];
        return i < round->runs;
}

static void client_run(struct client *client, size_t job)
{
        struct clients *all = client->round->all;
        struct sample sample = {.job = job};
        struct error err = {0};
        int64_t start_us = clock_monotonic_us();
        int r = all->way->run(all->data, client->data, job, &sample.inner_us, &err);
        sample.us = clock_monotonic_us() - start_us;
        if (r == 0)
                client_keep(client, &sample);
        else if (client->failed++ == 0)
                client->error = err;
}

static void *client_thread(void *data)
{
        struct client *client = data;
        struct round *round = client->round;
        size_t job;
        (void)pthread_barrier_wait(&round->start);
        while (round_take(round, &job))
                client_run(client, job);
        int64_t now = clock_monotonic_us();
        int64_t end = round->end_us;
        while (end < now && !atomic_compare_exchange_weak(&round->end_us, &end, now))
                ;
        return NULL;
}

static int clients_join(struct clients *all, size_t n, struct error *err)
{
        int r = 0;
        for (; r == 0 && all->n < n; all->n += r == 0)
                r = all->way->join(all->data, &all->clients[all->n].data, err);
        return r;
}

static void round_run(struct round *round, size_t n)
{
        struct clients *all = round->all;
        pthread_t threads[CLIENTS_MAX];
        if (pthread_barrier_init(&round->start, NULL, (unsigned int)n + 1) != 0)
                die("no barrier");
        for (size_t i = 0; i < n; i++) {
                all->clients[i].round = round;
                all->clients[i].n_samples = 0;
                all->clients[i].failed = 0;
                if (pthread_create(&threads[i], NULL, client_thread, &all->clients[i]) != 0)
                        die("no thread for a client");
        }
        round->start_us = clock_monotonic_us();
        (void)pthread_barrier_wait(&round->start);
        for (size_t i = 0; i < n; i++)
                (void)pthread_join(threads[i], NULL);
        (void)pthread_barrier_destroy(&round->start);
}

static void put_round(const struct round *round, size_t n, struct buf *out)
{
        const struct client *clients = round->all->clients;
        const char *why = NULL;
        size_t failed = 0;
        for (size_t i = 0; i < n; i++) {
                failed += clients[i].failed;
                if (clients[i].failed && !why)
                        why = clients[i].error.message;
        }
        buf_printf(out, "{\"wall_us\":%lld,\"failed\":%zu,\"error\":",
                   (long long)(round->end_us - round->start_us), failed);
        if (why)
                json_put_string(out, why, strlen(why));
        else
                buf_puts(out, "null");
        buf_puts(out, ",\"samples\":[");
        const char *comma = "";
        for (size_t i = 0; i < n; i++)
                for (size_t k = 0; k < clients[i].n_samples; k++) {
                        const struct sample *sample = &clients[i].samples[k];
                        buf_printf(out, "%s[%zu,%lld,%lld]", comma, sample->job,
                                   (long long)sample->us, (long long)sample->inner_us);
                        comma = ",";
                }
        buf_puts(out, "]}");
}

static int do_round(struct clients *all, const json_t *line, struct buf *out, struct error *err)
{
        const json_t *jobs = json_object_get(line, "jobs");
        size_t n = (size_t)json_get_int(line, "clients", 1);
        size_t n_jobs = json_array_size(jobs);
        if (n < 1 || n > CLIENTS_MAX || n_jobs == 0)
                return error_set(err, ERROR_USAGE, "1 to %d clients, and jobs", CLIENTS_MAX);
        _cleanup_free_ size_t *list = alloc_calloc(n_jobs, sizeof(*list));
        if (!list)
                return error_oom(err);
        for (size_t i = 0; i < n_jobs; i++) {
                list[i] = (size_t)json_integer_value(json_array_get(jobs, i));
                if (list[i] >= all->n_jobs)
                        return error_set(err, ERROR_USAGE, "there is no job %zu", list[i]);
        }
        struct round round = {
                .all = all,
                .jobs = list,
                .n_jobs = n_jobs,
                .runs = (size_t)json_get_int(line, "each", 0) * n_jobs,
                .duration_us = json_get_int(line, "ms", 0) * 1000,
        };
        int r = clients_join(all, n, err);
        if (r < 0)
                return r;
        round_run(&round, n);
        put_round(&round, n, out);
        return 0;
}

static int do_show(struct clients *all, const json_t *line, struct buf *out, struct error *err)
{
        size_t job = (size_t)json_get_int(line, "show", 0);
        if (job >= all->n_jobs)
                return error_set(err, ERROR_USAGE, "there is no job %zu", job);
        int r = clients_join(all, 1, err);
        return r < 0 ? r : all->way->show(all->data, all->clients[0].data, job, out, err);
}

/* The answer of one line on one line; a failure is {"failed":"why"}. */
static void do_line(struct clients *all, const json_t *line)
{
        struct error err = {0};
        _cleanup_buf_ struct buf out = {0};
        buf_init(&out, CLIENTS_ANSWER_MAX);
        int r = json_object_get(line, "show") ? do_show(all, line, &out, &err)
                                              : do_round(all, line, &out, &err);
        if (r == 0)
                r = buf_error(&out, &err, "the answer");
        if (r < 0) {
                buf_clear(&out);
                buf_puts(&out, "{\"failed\":");
                json_put_string(&out, err.message, strlen(err.message));
                buf_putc(&out, '}');
        }
        buf_putc(&out, '\n');
        (void)fputs(buf_text(&out), stdout);
        if (fflush(stdout) != 0)
                die("nobody reads the answers");
}

/* The next line as JSON, or NULL at the end. */
static json_t *next_line(void)
{
        _cleanup_free_ char *text = NULL;
        size_t capacity = 0;
        ssize_t n = getline(&text, &capacity, stdin);
        if (n <= 0)
                return NULL;
        json_t *line = json_loadb(text, (size_t)n, 0, NULL);
        if (!json_is_object(line))
                die("a line is not a JSON object");
        return line;
}

static void clients_done(struct clients *all)
{
        for (size_t i = 0; i < all->n; i++)
                all->way->leave(all->data, all->clients[i].data);
        for (size_t i = 0; i < CLIENTS_MAX; i++)
                free(all->clients[i].samples);
        if (all->data)
                all->way->close(all->data);
}

int clients_main(const struct way *way)
{
        struct error err = {0};
        static struct clients all;
        all.way = way;
        _cleanup_json_ json_t *setup = next_line();
        _cleanup_json_ json_t *said = json_pack("{s:b}", "ready", 1);
        if (!setup || !said)
                die("the first line is missing");
        all.n_jobs = json_array_size(json_object_get(setup, "jobs"));
        if (way->open(setup, &all.data, said, &err) < 0)
                die(err.message);
        if (json_dumpf(said, stdout, JSON_COMPACT) < 0 || puts("") < 0 || fflush(stdout) != 0)
                die("nobody reads the answers");
        for (;;) {
                _cleanup_json_ json_t *line = next_line();
                if (!line)
                        break;
                do_line(&all, line);
        }
        clients_done(&all);
        return 0;
}
