#include "server/serve_private.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "capsule/servers.h"
#include "server/exchange.h"
#include "server/sweep.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define CHORE_THREADS 2
#define CHORES_WAITING 64
#define CHATS_WAITING 64
#define SECRET_FILE_MAX ((size_t)1024 * 1024)
#define POLL_US 10000
#define ANSWERS_US (2 * INT64_C(1000000)) /* that answers have in any case */

/* What is counted and logged. */
static int start_watch(struct serve *serve, const struct config *config, struct error *err)
{
        enum log_level level = LOG_LEVEL_INFO;
        (void)log_level_parse(config_text(config, CONFIG_LOG_LEVEL), &level);
        int r = log_new(STDERR_FILENO, level, &serve->api.log, err);
        return r < 0 ? r : api_metrics_new(&serve->api, err);
}

static int open_store(struct serve *serve, const struct serve_options *options,
                      size_t *ret_recovered, struct error *err)
{
        int64_t lease_s = config_number(options->config, CONFIG_STORE_LEASE_S);
        int r = config_store_url(options->config, options->home, &serve->store_url, err);
        if (r == 0)
                r = capsule_store_open_shared(serve->store_url, &serve->store, err);
        if (r < 0)
                return r;
        capsule_store_set_lease(serve->store, (int)lease_s * 1000);
        return capsule_store_recover(serve->store, ret_recovered, err);
}

struct retention_rule serve_retention_rule(const struct config *config)
{
        return (struct retention_rule){.days = config_number(config, CONFIG_RETENTION_DAYS),
                                       .count = config_number(config, CONFIG_RETENTION_COUNT)};
}

static int start_sweep(struct serve *serve, const struct serve_options *options, struct error *err)
{
        struct sweep_options sweep = {
                .store_url = serve->store_url,
                .rule = serve_retention_rule(options->config),
                .interval_ms = SWEEP_INTERVAL_MS,
                .metrics = serve->api.metrics,
                .log = serve->api.log,
        };
        return sweep_start(&sweep, &serve->sweep, err);
}

static int start_neighbours(struct serve *serve, struct error *err)
{
        const struct neighbours_options options = {
                .store_url = serve->store_url,
                .store = serve->store,
                .setup = &serve->api.setup,
                .runs = serve->api.runs,
                .keys = serve->api.keys,
                .limits = serve->api.client_limits,
                .log = serve->api.log,
        };
        return store_is_shared(serve->store) ? neighbours_start(&options, &serve->neighbours, err)
                                             : 0;
}

static size_t workers_of(const struct config *config)
{
        int64_t workers = config_number(config, CONFIG_WORKERS);
        long cores = sysconf(_SC_NPROCESSORS_ONLN);
        return workers > 0 ? (size_t)workers : (size_t)(cores > 0 ? cores : 1) * 2;
}

/* A daemon that is slow or not there yet is no reason not to start: /readyz says so, and runs. */
static void recover_executor(void *data)
{
        struct serve *serve = data;
        struct error err = {0};
        size_t removed = 0;
        if (executor_recover(&serve->api.executor, &removed, &err) < 0)
                log_warn(serve->api.log, "executor.recover", log_text("error", err.message));
        else if (removed > 0)
                log_info(serve->api.log, "executor.recover",
                         log_number("removed", (int64_t)removed));
}

static int start_work(struct serve *serve, const struct serve_options *options, struct error *err)
{
        const struct config *config = options->config;
        if (run_cache_new(&serve->cache, err) < 0) /* whether it is used, a run's setup says */
                return -(int)ERROR_INTERNAL;
        struct runs_options runs = {
                .store = serve->store,
                .datasets_folder = options->datasets_folder,
                .executor = config_executor(config, &options->host),
                .cache = serve->cache,
                .workers = workers_of(config),
                .waiting_max = (size_t)config_number(config, CONFIG_WAITING),
                .owner_max = (size_t)config_number(config, CONFIG_KEY_RUNS_MAX),
                .ended = api_run_ended,
                .data = &serve->api,
        };
        /* Its workers are the queue; what they bring to the host of warm tables never waits long.
         */
        struct executor_host *host = &runs.executor.host;
        if (host->waiting < 0)
                host->waiting = (int64_t)runs.workers * 4 + CHORES_WAITING;
        const struct executor_listener listener = {.hear = api_hear_executor, .data = &serve->api};
        int r = executor_shared_open(&runs.executor, &listener, &runs.executor.shared, err);
        serve->api.executor = runs.executor;
        if (r == 0)
                r = timer_start(&serve->api.timer, err);
        if (r == 0)
                r = samples_new(REGISTRY_DATASETS_MAX, &serve->api.samples, err);
        if (r == 0)
                r = exchanges_new(&serve->api.exchanges, err);
        if (r == 0)
                r = chores_start(CHORE_THREADS, CHORES_WAITING, &serve->api.chores, err);
        if (r == 0)
                r = chores_add(serve->api.chores, recover_executor, serve, err);
        if (r == 0)
                r = chores_start((size_t)config_number(config, CONFIG_CHATS_MAX), CHATS_WAITING,
                                 &serve->api.chats, err);
        return r < 0 ? r : runs_start(&runs, &serve->api.runs, err);
}

int serve_read_setting(const struct config *config, enum config_id id, struct buf *text,
                       const char **ret, struct error *err)
{
        const char *path = config_text(config, id);
        *ret = NULL;
        if (!*path)
                return 0;
        buf_init(text, SECRET_FILE_MAX);
        int r = fd_read_file(path, text, err);
        *ret = buf_text(text);
        return r;
}

static int start_http(struct serve *serve, const struct serve_options *options, struct error *err)
{
        const struct config *config = options->config;
        _cleanup_buf_ struct buf certificate = {0};
        _cleanup_buf_ struct buf key = {0};
        struct http_options http = {
                .address = config_text(config, CONFIG_ADDRESS),
                .port = (uint16_t)config_number(config, CONFIG_PORT),
                .threads = (unsigned)config_number(config, CONFIG_THREADS),
                .connections_max = (unsigned)config_number(config, CONFIG_CONNECTIONS_MAX),
                .per_address_max = (unsigned)config_number(config, CONFIG_PER_ADDRESS_MAX),
                .body_max = (size_t)config_number(config, CONFIG_BODY_MAX_KB) * 1024,
                .header_max = (size_t)config_number(config, CONFIG_HEADER_MAX_KB) * 1024,
                .idle_timeout_s = (unsigned)config_number(config, CONFIG_IDLE_TIMEOUT_S),
                .handle = api_handle,
                .refuse = api_refuse,
                .ended = api_ended,
                .data = &serve->api,
        };
        int r = serve_read_setting(config, CONFIG_TLS_CERTIFICATE, &certificate,
                                   &http.tls_certificate, err);
        if (r == 0)
                r = serve_read_setting(config, CONFIG_TLS_KEY, &key, &http.tls_key, err);
        return r < 0 ? r : http_start(&http, &serve->http, err);
}

static int start_limits(struct serve *serve, const struct config *config, struct error *err)
{
        int r = limits_new((double)config_number(config, CONFIG_KEY_RATE),
                           (unsigned)config_number(config, CONFIG_KEY_BURST),
                           (unsigned)config_number(config, CONFIG_KEY_REQUESTS_MAX),
                           &serve->api.client_limits, err);
        return r < 0 ? r
                     : limits_new(0, 1, (unsigned)config_number(config, CONFIG_KEY_CHATS_MAX),
                                  &serve->api.chat_limits, err);
}

/* Beyond this machine nobody is served without a key, or a proxy that says who asks. */
static int open_keys(struct serve *serve, const struct serve_options *options, struct error *err)
{
        const struct config *config = options->config;
        serve->api.user_header = config_text(config, CONFIG_TRUST_USER_HEADER);
        serve->api.keys_needed = !config_is_loopback(config);
        int r = keys_open_configured(config, options->home, &serve->api.keys, err);
        if (r < 0 || !serve->api.keys_needed || *serve->api.user_header)
                return r;
        r = keys_any(serve->api.keys, err);
        if (r != 0)
                return r < 0 ? r : 0;
        return error_set(err, ERROR_USAGE,
                         "the address %s is not this machine's own, and there is no key yet: make "
                         "one with \"askcsv keys add NAME\", or name the header in which a proxy "
                         "says who asks (trust_user_header)",
                         config_text(config, CONFIG_ADDRESS));
}

int serve_start(const struct serve_options *options, struct serve **ret, size_t *ret_recovered,
                struct error *err)
{
        struct setup *setup = NULL;
        if (setup_new(options->config, options->registry, &setup, err) < 0)
                return -(int)err->type;
        struct serve *serve = alloc_calloc(1, sizeof(*serve));
        if (!serve) {
                setup_release(setup);
                return error_oom(err);
        }
        serve->first = setup_hold(setup);
        setup_place_init(&serve->api.setup, setup);
        serve->api.datasets_folder = options->datasets_folder;
        serve->api.home = options->home;
        serve->api.stop_fd = eventfd(0, EFD_CLOEXEC);
        serve->api.chats_stop_fd = eventfd(0, EFD_CLOEXEC);
        int r = serve->api.stop_fd < 0 || serve->api.chats_stop_fd < 0
                        ? error_errno(err, errno, "making an eventfd")
                        : 0;
        if (r == 0)
                r = open_keys(serve, options, err);
        if (r == 0)
                r = start_limits(serve, options->config, err);
        if (r == 0)
                r = start_watch(serve, options->config, err);
        if (r == 0)
                r = api_openapi_make(&serve->api.openapi, err);
        if (r == 0)
                r = open_store(serve, options, ret_recovered, err);
        serve->api.store = serve->store;
        if (r == 0)
                r = start_sweep(serve, options, err);
        if (r == 0)
                r = start_work(serve, options, err);
        if (r == 0)
                r = start_neighbours(serve, err);
        if (r == 0)
                r = start_http(serve, options, err);
        if (r < 0)
                serve_stop(serve, 0);
        else
                *ret = serve;
        return r;
}

uint16_t serve_port(const struct serve *serve)
{
        return http_port(serve->http);
}

const struct config *serve_config(const struct serve *serve)
{
        return serve->first->config;
}

/* Answers that are being written get there, if they do so in time: also those that the end itself
 * has brought about. */
static void await_answers(const struct http_server *http, int64_t until_us)
{
        const struct timespec pause = {.tv_nsec = POLL_US * 1000L};
        int64_t least_us = clock_monotonic_us() + ANSWERS_US;
        until_us = until_us > least_us ? until_us : least_us;
        while (http_open(http) > 0 && clock_monotonic_us() < until_us)
                (void)nanosleep(&pause, NULL);
}

void serve_stop(struct serve *serve, int64_t patience_ms)
{
        if (!serve)
                return;
        int64_t until_us = clock_monotonic_us() + patience_ms * 1000;
        atomic_store(&serve->api.draining, true);
        if (serve->http)
                http_quiesce(serve->http);
        sweep_stop(serve->sweep);
        neighbours_stop(serve->neighbours);
        chores_stop(serve->api.chats, patience_ms, serve->api.chats_stop_fd);
        runs_stop(serve->api.runs, (until_us - clock_monotonic_us()) / 1000);
        chores_stop(serve->api.chores, (until_us - clock_monotonic_us()) / 1000,
                    serve->api.stop_fd);
        if (serve->http)
                await_answers(serve->http, until_us);
        timer_stop(serve->api.timer);
        http_stop(serve->http);
        exchanges_free(serve->api.exchanges);
        runs_free(serve->api.runs);
        chores_free(serve->api.chores);
        chores_free(serve->api.chats);
        samples_free(serve->api.samples);
        executor_shared_free(serve->api.executor.shared);
        if (serve->api.stop_fd >= 0)
                (void)close(serve->api.stop_fd);
        if (serve->api.chats_stop_fd >= 0)
                (void)close(serve->api.chats_stop_fd);
        capsule_store_free(serve->store);
        run_cache_free(serve->cache);
        keys_free(serve->api.keys);
        limits_free(serve->api.client_limits);
        limits_free(serve->api.chat_limits);
        metrics_free(serve->api.metrics);
        log_free(serve->api.log);
        if (serve->store_url)
                explicit_bzero(serve->store_url, strlen(serve->store_url));
        free(serve->store_url);
        free(serve->api.openapi);
        setup_release(serve->first);
        setup_place_done(&serve->api.setup);
        free(serve);
}
