#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "capsule/capsule.h"
#include "planner/planner.h"
#include "server/metrics_table.h"
#include "server/problem.h"

#include <ctype.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define THREADS 8
#define COUNTS_EACH 20000
#define SAMPLES_MAX 4096

static const char *const routes[] = {"/v1/runs", "/v1/runs/{id}", "odd \\ \"\n"};

static void metrics_freep(struct metrics **metrics)
{
        metrics_free(*metrics);
}

#define _cleanup_metrics_ _cleanup_(metrics_freep)

static struct metrics *new_metrics(void)
{
        struct error err = {0};
        struct metrics *metrics = NULL;
        assert_int_equal(metrics_new(routes, ARRAY_SIZE(routes), &metrics, &err), 0);
        return metrics;
}

/* ---- a strict reader of the text format 0.0.4, as far as we write it ---- */

struct sample {
        char series[256]; /* name{labels} without le, as it stands there */
        char name[64];
        char le[16]; /* or "" */
        double value;
};

struct scrape {
        char text[METRICS_BYTES_MAX / 8];
        struct sample samples[SAMPLES_MAX];
        size_t n;
        char families[64][64];
        size_t n_families;
        const char *kind; /* of the present family */
};

static size_t name_length(const char *at)
{
        size_t n = 0;
        while (isalnum((unsigned char)at[n]) || at[n] == '_')
                n++;
        assert_true(n > 0 && !isdigit((unsigned char)at[0]));
        return n;
}

/* A quoted label value with its escapes; returns what is behind it. */
static const char *skip_value(const char *at)
{
        assert_int_equal(*at, '"');
        for (at++; *at != '"'; at++) {
                assert_true(*at && *at != '\n');
                if (*at == '\\') {
                        at++;
                        assert_true(*at == '\\' || *at == '"' || *at == 'n');
                }
        }
        return at + 1;
}

/* {a="b",le="1"}; le goes to its own place. */
static const char *read_labels(const char *at, struct sample *sample)
{
        size_t n = strlen(sample->series);
        char separator = '{';
        do {
                const char *name = ++at;
                size_t length = name_length(name);
                at = name + length;
                assert_int_equal(*at, '=');
                const char *value = at + 1;
                at = skip_value(value);
                if (length == 2 && memcmp(name, "le", 2) == 0) {
                        (void)snprintf(sample->le, sizeof(sample->le), "%.*s",
                                       (int)(at - value) - 2, value + 1);
                        continue;
                }
                n += (size_t)snprintf(sample->series + n, sizeof(sample->series) - n, "%c%.*s",
                                      separator, (int)(at - name), name);
                separator = ',';
                assert_true(n + 1 < sizeof(sample->series));
        } while (*at == ',');
        assert_int_equal(*at, '}');
        if (separator == ',')
                sample->series[n] = '}';
        return at + 1;
}

/* The present family's name, or for a histogram one of its three. */
static void check_name(const struct scrape *scrape, const struct sample *sample)
{
        const char *family = scrape->families[scrape->n_families - 1];
        size_t n = strlen(family);
        assert_memory_equal(sample->name, family, n);
        const char *ending = sample->name + n;
        if (strcmp(scrape->kind, "histogram") == 0)
                assert_true(strcmp(ending, "_sum") == 0 || strcmp(ending, "_count") == 0 ||
                            strcmp(ending, "_bucket") == 0);
        else
                assert_string_equal(ending, "");
        assert_int_equal(strcmp(ending, "_bucket") == 0, sample->le[0] != '\0');
}

static void read_sample(struct scrape *scrape, const char *line)
{
        assert_true(scrape->n < SAMPLES_MAX);
        struct sample *sample = &scrape->samples[scrape->n];
        *sample = (struct sample){0};
        size_t n = name_length(line);
        assert_true(n < sizeof(sample->name));
        memcpy(sample->name, line, n);
        memcpy(sample->series, line, n);
        const char *at = line[n] == '{' ? read_labels(line + n, sample) : line + n;
        assert_int_equal(*at, ' ');
        char *end;
        sample->value = strtod(at + 1, &end);
        assert_true(end > at + 1 && !isspace((unsigned char)at[1]));
        assert_string_equal(end, ""); /* no time */
        check_name(scrape, sample);
        for (size_t i = 0; i < scrape->n; i++)
                assert_false(strcmp(scrape->samples[i].series, sample->series) == 0 &&
                             strcmp(scrape->samples[i].le, sample->le) == 0);
        scrape->n++;
}

/* HELP opens a family, which was not there before; TYPE is the next line. */
static char *read_comment(struct scrape *scrape, char *line, char *rest)
{
        assert_memory_equal(line, "# HELP ", 7);
        size_t n = name_length(line + 7);
        assert_int_equal(line[7 + n], ' ');
        assert_true(line[8 + n] && !strchr(line, '\\'));
        assert_true(n < 64 && scrape->n_families < 64);
        char *family = scrape->families[scrape->n_families];
        (void)snprintf(family, 64, "%.*s", (int)n, line + 7);
        for (size_t i = 0; i < scrape->n_families; i++)
                assert_string_not_equal(scrape->families[i], family);
        scrape->n_families++;
        char *type = strsep(&rest, "\n");
        assert_memory_equal(type, "# TYPE ", 7);
        assert_memory_equal(type + 7, family, n);
        assert_int_equal(type[7 + n], ' ');
        scrape->kind = type + 8 + n;
        assert_true(strcmp(scrape->kind, "counter") == 0 || strcmp(scrape->kind, "gauge") == 0 ||
                    strcmp(scrape->kind, "histogram") == 0);
        /* Every counter is called _total, and nothing else is. */
        assert_int_equal(strcmp(scrape->kind, "counter") == 0,
                         n > 6 && strcmp(family + n - 6, "_total") == 0);
        return rest;
}

/* Buckets ascend in both ways, end with +Inf, and that is the count. */
static void check_histograms(const struct scrape *scrape)
{
        double le = -1;
        double count = 0;
        for (size_t i = 0; i < scrape->n; i++) {
                const struct sample *sample = &scrape->samples[i];
                const char *ending = strrchr(sample->name, '_');
                if (*sample->le) {
                        double next = strtod(sample->le, NULL);
                        assert_true(next > le && sample->value >= count);
                        le = next;
                        count = sample->value;
                } else if (ending && strcmp(ending, "_count") == 0) {
                        assert_true(isinf(le) && sample->value == count);
                        le = -1;
                        count = 0;
                }
        }
}

static struct scrape *scrape_new(const struct metrics *metrics)
{
        _cleanup_buf_ struct buf out = {0};
        buf_init(&out, METRICS_BYTES_MAX);
        metrics_render(metrics, &out);
        struct scrape *scrape = calloc(1, sizeof(*scrape));
        assert_non_null(scrape);
        assert_int_equal(out.state, BUF_OK);
        assert_true(out.len < sizeof(scrape->text));
        memcpy(scrape->text, out.data, out.len + 1);
        assert_int_equal(scrape->text[out.len - 1], '\n');
        scrape->text[out.len - 1] = '\0';
        char *rest = scrape->text;
        while (rest) {
                char *line = strsep(&rest, "\n");
                if (*line == '#')
                        rest = read_comment(scrape, line, rest);
                else
                        read_sample(scrape, line);
        }
        check_histograms(scrape);
        return scrape;
}

/* The value of that series, or -1 when it is not there. */
static double value_of(const struct scrape *scrape, const char *series, const char *le)
{
        for (size_t i = 0; i < scrape->n; i++)
                if (strcmp(scrape->samples[i].series, series) == 0 &&
                    strcmp(scrape->samples[i].le, le) == 0)
                        return scrape->samples[i].value;
        return -1;
}

static double scraped(const struct metrics *metrics, const char *series, const char *le)
{
        struct scrape *scrape = scrape_new(metrics);
        double value = value_of(scrape, series, le);
        free(scrape);
        return value;
}

/* ---- the tests ---- */

static void test_new(void **state)
{
        (void)state;
        _cleanup_metrics_ struct metrics *metrics = new_metrics();
        struct scrape *scrape = scrape_new(metrics);
        assert_int_equal(scrape->n_families, METRIC_COUNT_);
        for (size_t i = 0; i < METRIC_COUNT_; i++)
                assert_string_equal(scrape->families[i], metric_rows[i].name);
        assert_true(value_of(scrape, "askcsv_cache_hits_total", "") == 0);
        assert_true(value_of(scrape, "askcsv_queue_wait_seconds_count", "") == 0);
        assert_true(value_of(scrape, "askcsv_build_info{version=\"" ASKCSV_VERSION "\"}", "") == 1);
        double age_s =
                (double)clock_utc_ms() / 1e3 - value_of(scrape, "process_start_time_seconds", "");
        assert_true(age_s > -1 && age_s < 3600);
        assert_true(value_of(scrape, "process_resident_memory_bytes", "") > 100000);
        free(scrape);
}

static void test_open_fds(void **state)
{
        (void)state;
        _cleanup_metrics_ struct metrics *metrics = new_metrics();
        double before = scraped(metrics, "process_open_fds", "");
        int fd = dup(0);
        assert_true(fd >= 0);
        assert_true(before >= 1);
        assert_true(scraped(metrics, "process_open_fds", "") == before + 1);
        assert_int_equal(close(fd), 0);
}

static void test_counters(void **state)
{
        (void)state;
        _cleanup_metrics_ struct metrics *metrics = new_metrics();
        metrics_http(metrics, "/v1/runs", "POST", 201, 2000);
        metrics_http(metrics, "/v1/runs", "POST", 201, 2600);
        metrics_http(metrics, "/v1/runs/{id}", "GET", 0, -5);
        metrics_http(metrics, routes[2], "GET", 200, 1);
        metrics_count(metrics, METRIC_PLANNER_TOKENS, METRIC_LABELS("openai", "input"), 1234);
        metrics_count(metrics, METRIC_CACHE_HITS, NULL, 3);
        metrics_count(metrics, METRIC_SSE_CLIENTS, NULL, 3); /* a gauge */
        struct scrape *scrape = scrape_new(metrics);
        static const struct {
                const char *series;
                const char *le;
                double value;
        } expected[] = {
                {"askcsv_http_requests_total{route=\"/v1/runs\",method=\"POST\",status=\"201\"}",
                 "", 2},
                {"askcsv_http_requests_total{route=\"/v1/runs/{id}\",method=\"GET\","
                 "status=\"gone\"}",
                 "", 1},
                {"askcsv_http_requests_total{route=\"odd \\\\ \\\"\\n\",method=\"GET\","
                 "status=\"200\"}",
                 "", 1},
                {"askcsv_http_request_seconds_bucket{route=\"/v1/runs\"}", "0.001", 0},
                {"askcsv_http_request_seconds_bucket{route=\"/v1/runs\"}", "0.0025", 1},
                {"askcsv_http_request_seconds_bucket{route=\"/v1/runs\"}", "0.005", 2},
                {"askcsv_http_request_seconds_bucket{route=\"/v1/runs\"}", "+Inf", 2},
                {"askcsv_http_request_seconds_sum{route=\"/v1/runs\"}", "", 0.0046},
                {"askcsv_http_request_seconds_sum{route=\"/v1/runs/{id}\"}", "", 0},
                {"askcsv_planner_tokens_total{provider=\"openai\",kind=\"input\"}", "", 1234},
                {"askcsv_cache_hits_total", "", 3},
                {"askcsv_sse_clients", "", 0},
        };
        for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
                if (value_of(scrape, expected[i].series, expected[i].le) != expected[i].value)
                        fail_msg("%s", expected[i].series);
        free(scrape);
}

/* A bound belongs to its bucket; what is beyond all bounds is counted too. */
static void test_bounds(void **state)
{
        (void)state;
        _cleanup_metrics_ struct metrics *metrics = new_metrics();
        for (size_t i = 0; i < METRIC_BOUNDS; i++) {
                assert_true(strtod(metric_bounds[i].seconds, NULL) * 1e6 ==
                            (double)metric_bounds[i].us);
                metrics_observe(metrics, METRIC_QUEUE_SECONDS, NULL, metric_bounds[i].us);
        }
        metrics_observe(metrics, METRIC_QUEUE_SECONDS, NULL, INT64_MAX / 4);
        struct scrape *scrape = scrape_new(metrics);
        for (size_t i = 0; i < METRIC_BOUNDS; i++)
                assert_true(value_of(scrape, "askcsv_queue_wait_seconds_bucket",
                                     metric_bounds[i].seconds) == (double)(i + 1));
        assert_true(value_of(scrape, "askcsv_queue_wait_seconds_count", "") == METRIC_BOUNDS + 1);
        free(scrape);
}

/* Whatever is asked for, there are no more series than the table allows. */
static void test_unknown_values(void **state)
{
        (void)state;
        _cleanup_metrics_ struct metrics *metrics = new_metrics();
        struct scrape *before = scrape_new(metrics);
        for (int i = 0; i < 1000; i++) {
                char text[32];
                (void)snprintf(text, sizeof(text), "/\"\n%d", i);
                metrics_http(metrics, text, text, 1000 + i, i);
                metrics_count(metrics, METRIC_ABSTENTIONS, METRIC_LABELS(text), 1);
        }
        metrics_count(metrics, METRIC_ABSTENTIONS, METRIC_LABELS(NULL), 1);
        metrics_count(metrics, METRIC_ABSTENTIONS, NULL, 1);
        struct scrape *after = scrape_new(metrics);
        assert_int_equal(after->n - before->n, 1 + (METRIC_BOUNDS + 3) + 1);
        assert_true(value_of(after,
                             "askcsv_http_requests_total{route=\"other\",method=\"other\","
                             "status=\"other\"}",
                             "") == 1000);
        assert_true(value_of(after, "askcsv_abstentions_total{reason=\"other\"}", "") == 1002);
        free(before);
        free(after);
}

/* Nothing of ours is an "other". */
static void test_known_values(void **state)
{
        (void)state;
        _cleanup_metrics_ struct metrics *metrics = new_metrics();
        for (int i = 0; i < RUN_STATE_COUNT_; i++)
                metrics_count(metrics, METRIC_RUNS,
                              METRIC_LABELS(run_state_name((enum run_state)i), "local"), 1);
        for (int i = ABSTAIN_NOT_UNDERSTOOD; i <= ABSTAIN_NOT_A_QUESTION; i++)
                metrics_count(metrics, METRIC_ABSTENTIONS,
                              METRIC_LABELS(abstention_reason_word((enum abstention_reason)i)), 1);
        const struct problem_type *problem;
        for (size_t i = 0; (problem = problem_at(i)); i++)
                metrics_http(metrics, routes[0], "GET", problem->status, 0);
        struct scrape *scrape = scrape_new(metrics);
        for (size_t i = 0; i < scrape->n; i++)
                assert_null(strstr(scrape->samples[i].series, "\"other\""));
        free(scrape);
}

static double read_double(void *data)
{
        return *(const double *)data;
}

static void test_gauges(void **state)
{
        (void)state;
        _cleanup_metrics_ struct metrics *metrics = new_metrics();
        double value = 2.5;
        metrics_gauge_add(metrics, METRIC_HTTP_IN_FLIGHT, 5);
        metrics_gauge_add(metrics, METRIC_HTTP_IN_FLIGHT, -2);
        metrics_gauge_add(metrics, METRIC_SSE_CLIENTS, -2);
        metrics_gauge_add(metrics, METRIC_BUILD_INFO, 5); /* has a label */
        metrics_gauge_add(metrics, METRIC_CACHE_HITS, 5); /* a counter */
        metrics_gauge_from(metrics, METRIC_QUEUE_WAITING, read_double, &value);
        metrics_gauge_from(metrics, METRIC_CACHE_HITS, read_double, &value);
        assert_true(scraped(metrics, "askcsv_http_in_flight", "") == 3);
        assert_true(scraped(metrics, "askcsv_sse_clients", "") == -2);
        assert_true(scraped(metrics, "askcsv_cache_hits_total", "") == 0);
        assert_true(scraped(metrics, "askcsv_build_info{version=\"" ASKCSV_VERSION "\"}", "") == 1);
        assert_true(scraped(metrics, "askcsv_queue_waiting", "") == 2.5);
        value = INFINITY;
        assert_true(isinf(scraped(metrics, "askcsv_queue_waiting", "")));
        value = NAN;
        assert_true(scraped(metrics, "askcsv_queue_waiting", "") == -1);
}

static void *hammer(void *data)
{
        struct metrics *metrics = data;
        for (int i = 0; i < COUNTS_EACH; i++) {
                metrics_http(metrics, routes[i % 2], "GET", 200, i);
                metrics_gauge_add(metrics, METRIC_HTTP_IN_FLIGHT, i % 2 ? -1 : 1);
                metrics_count(metrics, METRIC_REPAIRS, NULL, 2);
        }
        return NULL;
}

static void test_threads(void **state)
{
        (void)state;
        _cleanup_metrics_ struct metrics *metrics = new_metrics();
        pthread_t threads[THREADS];
        for (size_t i = 0; i < THREADS; i++)
                assert_int_equal(pthread_create(&threads[i], NULL, hammer, metrics), 0);
        for (int i = 0; i < 20; i++)
                free(scrape_new(metrics)); /* sound at every moment */
        for (size_t i = 0; i < THREADS; i++)
                assert_int_equal(pthread_join(threads[i], NULL), 0);
        struct scrape *scrape = scrape_new(metrics);
        const double each = THREADS * COUNTS_EACH;
        assert_true(value_of(scrape, "askcsv_repairs_total", "") == 2 * each);
        assert_true(value_of(scrape, "askcsv_http_in_flight", "") == 0);
        assert_true(value_of(scrape,
                             "askcsv_http_requests_total{route=\"/v1/runs\",method=\"GET\","
                             "status=\"200\"}",
                             "") == each / 2);
        assert_true(value_of(scrape, "askcsv_http_request_seconds_count{route=\"/v1/runs\"}", "") ==
                    each / 2);
        free(scrape);
}

static void test_limits(void **state)
{
        (void)state;
        struct error err = {0};
        struct metrics *metrics = NULL;
        static const char *const many[METRICS_ROUTES_MAX + 1] = {0};
        assert_int_equal(metrics_new(many, ARRAY_SIZE(many), &metrics, &err), -(int)ERROR_INTERNAL);
        assert_int_equal(metrics_new(NULL, 0, &metrics, &err), 0);
        metrics_http(metrics, "/v1/runs", "GET", 200, 1);
        _cleanup_buf_ struct buf small = {0};
        buf_init(&small, 100);
        metrics_render(metrics, &small);
        assert_int_equal(small.state, BUF_TOO_LARGE);
        metrics_free(metrics);
        metrics_free(NULL);
        int r = -1;
        unsigned long n = 1;
        for (; r < 0 && n < 100; n++) {
                alloc_fail_after(n);
                r = metrics_new(routes, ARRAY_SIZE(routes), &metrics, &err);
                alloc_fail_after(0);
        }
        assert_int_equal(r, 0);
        assert_int_equal(n, METRIC_COUNT_ + 3);
        metrics_free(metrics);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_new),
                cmocka_unit_test(test_open_fds),
                cmocka_unit_test(test_counters),
                cmocka_unit_test(test_bounds),
                cmocka_unit_test(test_unknown_values),
                cmocka_unit_test(test_known_values),
                cmocka_unit_test(test_gauges),
                cmocka_unit_test(test_threads),
                cmocka_unit_test(test_limits),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
