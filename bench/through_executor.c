/* What askcsv's server does for each question: the request is written, the local executor carries
 * it, the response is checked. Each client has executors of its own, one for each source. The
 * setup:
 *   {"home":FOLDER, "sources":[ID or PATH...],
 *    "jobs":[{"source":I,"sql":SQL,"limits":{"memory_mb","timeout_ms","threads"}?}]}
 * What is said to it has "requests", the text of each job's request as it goes to a runner.
 * The inner time of a sample is the executor's part, without checking the response. */
#include "clients.h"
#include "expected.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/uuid.h"
#include "dataset/registry.h"
#include "run/describe.h"
#include "run/response.h"
#include "run/source.h"

#include <stdio.h>

#define SOURCES_MAX 8
#define LINGER_MS (600 * 1000) /* longer than any part in which the host is not asked */

struct asked {
        struct request request; /* all but the run_id */
        size_t source;
};

struct through {
        struct registry *registry;
        struct arena *arena;
        const char *home; /* of the host; the registered datasets are in its "datasets" */
        size_t n_clients; /* so far; each has a name of its own in the host's queue */
        struct source *sources[SOURCES_MAX];
        size_t n_sources;
        struct asked *jobs;
        struct expected expected;
};

struct handles {
        struct executor *executors[SOURCES_MAX];
};

static int set_up_sources(struct through *way, const json_t *setup, struct error *err)
{
        const json_t *sources = json_object_get(setup, "sources");
        const char *folder = arena_printf(way->arena, "%s/datasets", way->home);
        if (!folder)
                return error_oom(err);
        if (json_array_size(sources) > SOURCES_MAX)
                return error_set(err, ERROR_USAGE, "at most %d sources", SOURCES_MAX);
        int r = 0;
        size_t i;
        json_t *source;
        json_array_foreach(sources, i, source)
        {
                r = source_open(way->registry, folder, json_string_value(source), false,
                                &way->sources[i], err);
                if (r < 0)
                        break;
                way->n_sources++;
        }
        return r;
}

static const char *version_of(struct through *way, const struct dataset *dataset)
{
        struct error ignored = {0};
        char version[HASH_HEX_SIZE];
        if (!dataset_is_described(dataset) || dataset_version(dataset, version, &ignored) < 0)
                return NULL;
        return arena_strdup(way->arena, version);
}

static const char *moment_of(struct through *way, const struct dataset *dataset)
{
        char now[CLOCK_TEXT_SIZE];
        if (dataset->as_of)
                return dataset->as_of;
        clock_format_s(clock_utc_ms() / 1000, now);
        return arena_strdup(way->arena, now);
}

static int set_up_job(struct through *way, const json_t *job, struct asked *asked,
                      struct error *err)
{
        const json_t *limits = json_object_get(job, "limits");
        struct request *request = &asked->request;
        asked->source = (size_t)json_get_int(job, "source", 0);
        if (asked->source >= way->n_sources)
                return error_set(err, ERROR_USAGE, "there is no source %zu", asked->source);
        const struct dataset *dataset = way->sources[asked->source]->dataset;
        *request = (struct request){
                .op = REQUEST_RUN,
                .dataset_version = version_of(way, dataset),
                .sql = json_get_string(job, "sql"),
                .as_of = moment_of(way, dataset),
                .limits = LIMITS_DEFAULT,
        };
        request->limits.memory_mb = json_get_int(limits, "memory_mb", request->limits.memory_mb);
        request->limits.timeout_ms = json_get_int(limits, "timeout_ms", request->limits.timeout_ms);
        request->limits.threads = json_get_int(limits, "threads", request->limits.threads);
        return request_set_tables(request, dataset, NULL, way->arena, err);
}

static void through_close(void *data)
{
        struct through *way = data;
        for (size_t i = 0; i < way->n_sources; i++)
                source_free(way->sources[i]);
        registry_free(way->registry);
        arena_free(way->arena);
        free(way->jobs);
        (void)pthread_mutex_destroy(&way->expected.lock);
        free(way);
}

static int set_up(struct through *way, const json_t *setup, struct error *err)
{
        const json_t *jobs = json_object_get(setup, "jobs");
        way->home = json_get_string(setup, "home");
        if (!way->home)
                return error_set(err, ERROR_USAGE, "the setup has no home");
        way->arena = arena_new(DATASET_ARENA_MAX);
        way->jobs = alloc_calloc(json_array_size(jobs) + 1, sizeof(*way->jobs));
        if (!way->arena || !way->jobs)
                return error_oom(err);
        int r = registry_open(NULL, &way->registry, err);
        if (r == 0)
                r = set_up_sources(way, setup, err);
        size_t i;
        json_t *job;
        json_array_foreach(jobs, i, job)
        {
                if (r == 0)
                        r = set_up_job(way, job, &way->jobs[i], err);
        }
        return r;
}

/* The text of a request with a run_id of its own. */
static int write_request(const struct asked *asked, char run_id[UUID_TEXT_SIZE], struct buf *out,
                         struct error *err)
{
        struct request request = asked->request;
        request.run_id = run_id;
        int r = uuid_v7(run_id, err);
        return r < 0 ? r : request_write(&request, out, err);
}

static int say_requests(const struct through *way, size_t n, json_t *said, struct error *err)
{
        json_t *texts = json_array();
        if (json_object_set_new(said, "requests", texts) < 0)
                return error_oom(err);
        int r = 0;
        for (size_t i = 0; r == 0 && i < n; i++) {
                char run_id[UUID_TEXT_SIZE];
                _cleanup_buf_ struct buf text = {0};
                buf_init(&text, REQUEST_BYTES_MAX);
                r = write_request(&way->jobs[i], run_id, &text, err);
                if (r == 0 && json_array_append_new(texts, json_string(buf_text(&text))) < 0)
                        r = error_oom(err);
        }
        return r;
}

static int through_open(const json_t *setup, void **ret, json_t *said, struct error *err)
{
        struct through *way = alloc_calloc(1, sizeof(*way));
        if (!way)
                return error_oom(err);
        (void)pthread_mutex_init(&way->expected.lock, NULL);
        int r = set_up(way, setup, err);
        if (r == 0)
                r = say_requests(way, json_array_size(json_object_get(setup, "jobs")), said, err);
        if (r < 0)
                through_close(way);
        else
                *ret = way;
        return r;
}

static void through_leave(void *data, void *client)
{
        const struct through *way = data;
        struct handles *handles = client;
        for (size_t i = 0; i < way->n_sources; i++)
                executor_free(handles->executors[i]);
        free(handles);
}

static int through_join(void *data, void **ret_client, struct error *err)
{
        struct through *way = data;
        struct handles *handles = alloc_calloc(1, sizeof(*handles));
        if (!handles)
                return error_oom(err);
        char name[32];
        const struct executor_host host = {.home = way->home,
                                           .client = name,
                                           .linger_ms = LINGER_MS,
                                           .runs = -1,
                                           .waiting = -1,
                                           .memory_mb = -1,
                                           .snapshot_mb = -1};
        int r = 0;
        (void)snprintf(name, sizeof(name), "client-%zu", ++way->n_clients);
        for (size_t i = 0; r == 0 && i < way->n_sources; i++) {
                r = executor_open("local", NULL, way->sources[i]->data_root, &handles->executors[i],
                                  err);
                if (r == 0)
                        r = executor_use_host(handles->executors[i], &host, err);
        }
        if (r < 0)
                through_leave(way, handles);
        else
                *ret_client = handles;
        return r;
}

/* One exchange; received is the response's text, *inner_us the time without checking it. */
static int ask(struct through *way, struct handles *handles, size_t job, struct buf *received,
               struct response *response, int64_t *inner_us, struct error *err)
{
        int64_t start_us = clock_monotonic_us();
        _cleanup_buf_ struct buf sent = {0};
        char run_id[UUID_TEXT_SIZE];
        struct request request = way->jobs[job].request;
        int64_t max = request.limits.max_output_bytes + RESPONSE_SLACK_BYTES;
        buf_init(&sent, REQUEST_BYTES_MAX);
        buf_init(received, (size_t)max);
        request.run_id = run_id;
        int r = write_request(&way->jobs[job], run_id, &sent, err);
        if (r < 0)
                return r;
        const struct executor_call call = {.request = buf_text(&sent),
                                           .request_bytes = sent.len,
                                           .timeout_ms = request.limits.timeout_ms,
                                           .max_response_bytes = max,
                                           .cancel_fd = -1};
        r = executor_run(handles->executors[way->jobs[job].source], &call, received, err);
        *inner_us = clock_monotonic_us() - start_us;
        if (r == 0)
                r = response_parse(buf_text(received), received->len, &request, response, err);
        if (r == 0 && response->says.type != ERROR_NONE) {
                *err = response->says;
                r = -(int)err->type;
        }
        return r;
}

static int through_run(void *data, void *client, size_t job, int64_t *inner_us, struct error *err)
{
        struct through *way = data;
        _cleanup_buf_ struct buf received = {0};
        _cleanup_(response_done) struct response response = {0};
        int r = ask(way, client, job, &received, &response, inner_us, err);
        if (r < 0)
                return r;
        return expected_check(&way->expected, job, json_get_string(response.body, "result_hash"),
                              err);
}

static int through_show(void *data, void *client, size_t job, struct buf *out, struct error *err)
{
        int64_t inner_us = 0;
        _cleanup_buf_ struct buf received = {0};
        _cleanup_(response_done) struct response response = {0};
        int r = ask(data, client, job, &received, &response, &inner_us, err);
        return r < 0 ? r : json_put(response.body, out, err);
}

int main(void)
{
        static const struct way way = {
                .open = through_open,
                .close = through_close,
                .join = through_join,
                .leave = through_leave,
                .run = through_run,
                .show = through_show,
        };
        return clients_main(&way);
}
