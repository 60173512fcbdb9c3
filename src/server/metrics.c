#include "server/metrics.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "server/metrics_table.h"

#include <math.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* A histogram's cells: one for each bucket (not cumulated), the one without a bound, the sum. */
#define HISTOGRAM_CELLS (METRIC_BOUNDS + 2)
#define CELL_SUM (METRIC_BOUNDS + 1)

typedef _Atomic uint64_t metric_cell; /* a gauge's is an int64_t in two's complement */

/* A metric with all its series; they are numbered as digits of mixed radix, the last label's value
 * changing fastest. */
struct family {
        metric_cell *cells; /* width for each of the series */
        size_t series;
        size_t width;
        double (*read)(void *data);
        void *data;
};

struct metrics {
        const char *const *routes;
        size_t routes_count;
        double start_s; /* of the process; one value for ever, or it would look like a new start */
        struct family families[METRIC_COUNT_];
};

static const char *const other = "other";

static const char *const *label_values(const struct metrics *metrics,
                                       const struct metric_label *label, size_t *ret_n)
{
        *ret_n = label->values ? label->n : metrics->routes_count;
        return label->values ? label->values : metrics->routes;
}

/* The place of value among the label's; the one behind the last is "other". */
static size_t value_find(const struct metrics *metrics, const struct metric_label *label,
                         const char *value)
{
        size_t n;
        const char *const *values = label_values(metrics, label, &n);
        for (size_t i = 0; value && i < n; i++)
                if (strcmp(values[i], value) == 0)
                        return i;
        return n;
}

static int family_init(struct metrics *metrics, enum metric metric)
{
        const struct metric_row *row = &metric_rows[metric];
        struct family *family = &metrics->families[metric];
        family->series = 1;
        family->width = row->kind == METRIC_HISTOGRAM ? HISTOGRAM_CELLS : 1;
        for (size_t i = 0; i < METRIC_LABELS_MAX && row->labels[i]; i++) {
                size_t n;
                (void)label_values(metrics, row->labels[i], &n);
                family->series *= n + 1;
        }
        family->cells = alloc_calloc(family->series * family->width, sizeof(*family->cells));
        return family->cells ? 0 : -1;
}

static double read_start(void *data)
{
        return ((const struct metrics *)data)->start_s;
}

int metrics_new(const char *const *routes, size_t n, struct metrics **ret, struct error *err)
{
        if (n > METRICS_ROUTES_MAX)
                return error_set(err, ERROR_INTERNAL, "%zu routes are too many to be counted", n);
        struct metrics *metrics = alloc_calloc(1, sizeof(*metrics));
        if (!metrics)
                return error_oom(err);
        metrics->routes = routes;
        metrics->routes_count = n;
        for (int i = 0; i < METRIC_COUNT_; i++)
                if (family_init(metrics, (enum metric)i) < 0) {
                        metrics_free(metrics);
                        return error_oom(err);
                }
        metrics->start_s = process_start_time_s();
        metrics_gauge_from(metrics, METRIC_PROCESS_START, read_start, metrics);
        metrics_gauge_from(metrics, METRIC_PROCESS_RESIDENT, process_resident_bytes, NULL);
        metrics_gauge_from(metrics, METRIC_PROCESS_FDS, process_open_fds, NULL);
        atomic_store_explicit(metrics->families[METRIC_BUILD_INFO].cells, 1, memory_order_relaxed);
        *ret = metrics;
        return 0;
}

void metrics_free(struct metrics *metrics)
{
        for (size_t i = 0; metrics && i < METRIC_COUNT_; i++)
                free(metrics->families[i].cells);
        free(metrics);
}

/* The first cell of the series with these labels; NULL when the metric is of another kind. */
static metric_cell *series_find(struct metrics *metrics, enum metric metric, enum metric_kind kind,
                                const char *const *labels)
{
        const struct metric_row *row = &metric_rows[metric];
        struct family *family = &metrics->families[metric];
        size_t at = 0;
        if (row->kind != kind)
                return NULL;
        for (size_t i = 0; i < METRIC_LABELS_MAX && row->labels[i]; i++) {
                size_t n;
                (void)label_values(metrics, row->labels[i], &n);
                at = at * (n + 1) + value_find(metrics, row->labels[i], labels ? labels[i] : NULL);
        }
        return family->cells + at * family->width;
}

static void cell_add(metric_cell *cell, uint64_t n)
{
        atomic_fetch_add_explicit(cell, n, memory_order_relaxed);
}

static uint64_t cell_get(const metric_cell *cell)
{
        return atomic_load_explicit(cell, memory_order_relaxed);
}

void metrics_count(struct metrics *metrics, enum metric metric, const char *const *labels,
                   uint64_t n)
{
        metric_cell *cell = series_find(metrics, metric, METRIC_COUNTER, labels);
        if (cell)
                cell_add(cell, n);
}

void metrics_gauge_add(struct metrics *metrics, enum metric metric, int64_t n)
{
        metric_cell *cell = series_find(metrics, metric, METRIC_GAUGE, NULL);
        if (cell && !metric_rows[metric].labels[0])
                cell_add(cell, (uint64_t)n);
}

void metrics_gauge_set(struct metrics *metrics, enum metric metric, int64_t n)
{
        metric_cell *cell = series_find(metrics, metric, METRIC_GAUGE, NULL);
        if (cell && !metric_rows[metric].labels[0])
                atomic_store_explicit(cell, (uint64_t)n, memory_order_relaxed);
}

void metrics_observe(struct metrics *metrics, enum metric metric, const char *const *labels,
                     int64_t took_us)
{
        metric_cell *cells = series_find(metrics, metric, METRIC_HISTOGRAM, labels);
        size_t bucket = 0;
        if (!cells)
                return;
        if (took_us < 0)
                took_us = 0;
        while (bucket < METRIC_BOUNDS && took_us > metric_bounds[bucket].us)
                bucket++;
        cell_add(&cells[CELL_SUM], (uint64_t)took_us);
        cell_add(&cells[bucket], 1);
}

void metrics_gauge_from(struct metrics *metrics, enum metric metric, double (*read)(void *data),
                        void *data)
{
        if (metric_rows[metric].kind != METRIC_GAUGE || metric_rows[metric].labels[0])
                return;
        metrics->families[metric].read = read;
        metrics->families[metric].data = data;
}

void metrics_http(struct metrics *metrics, const char *route, const char *method, int status,
                  int64_t took_us)
{
        char text[16] = "gone";
        if (status != 0)
                (void)snprintf(text, sizeof(text), "%d", status);
        metrics_count(metrics, METRIC_HTTP_REQUESTS, METRIC_LABELS(route, method, text), 1);
        metrics_observe(metrics, METRIC_HTTP_SECONDS, METRIC_LABELS(route), took_us);
}

/* In quotes; the format escapes these three. */
static void put_value(struct buf *out, const char *value)
{
        buf_putc(out, '"');
        for (; *value; value++) {
                if (*value == '\n') {
                        buf_puts(out, "\\n");
                        continue;
                }
                if (*value == '\\' || *value == '"')
                        buf_putc(out, '\\');
                buf_putc(out, *value);
        }
        buf_putc(out, '"');
}

/* name, ending, and {labels}; le is a histogram's bound or NULL. */
static void put_series(const struct metrics *metrics, const struct metric_row *row, size_t at,
                       const char *ending, const char *le, struct buf *out)
{
        const char *values[METRIC_LABELS_MAX] = {NULL};
        size_t labels = 0;
        while (labels < METRIC_LABELS_MAX && row->labels[labels])
                labels++;
        for (size_t i = labels; i-- > 0;) {
                size_t n;
                const char *const *known = label_values(metrics, row->labels[i], &n);
                values[i] = at % (n + 1) < n ? known[at % (n + 1)] : other;
                at /= n + 1;
        }
        buf_printf(out, "%s%s", row->name, ending);
        for (size_t i = 0; i < labels; i++) {
                buf_printf(out, "%c%s=", i ? ',' : '{', row->labels[i]->name);
                put_value(out, values[i]);
        }
        if (le)
                buf_printf(out, "%cle=\"%s\"", labels ? ',' : '{', le);
        buf_puts(out, labels || le ? "} " : " ");
}

static void put_histogram(const struct metrics *metrics, const struct metric_row *row, size_t at,
                          const metric_cell *cells, struct buf *out)
{
        uint64_t counts[METRIC_BOUNDS + 1];
        uint64_t count = 0;
        for (size_t i = 0; i <= METRIC_BOUNDS; i++) {
                count += cell_get(&cells[i]);
                counts[i] = count;
        }
        if (count == 0 && row->labels[0])
                return;
        for (size_t i = 0; i <= METRIC_BOUNDS; i++) {
                put_series(metrics, row, at, "_bucket",
                           i < METRIC_BOUNDS ? metric_bounds[i].seconds : "+Inf", out);
                buf_printf(out, "%llu\n", (unsigned long long)counts[i]);
        }
        uint64_t us = cell_get(&cells[CELL_SUM]);
        put_series(metrics, row, at, "_sum", NULL, out);
        buf_printf(out, "%llu.%06llu\n", (unsigned long long)(us / 1000000),
                   (unsigned long long)(us % 1000000));
        put_series(metrics, row, at, "_count", NULL, out);
        buf_printf(out, "%llu\n", (unsigned long long)count);
}

static void put_number(const struct metrics *metrics, const struct metric_row *row, size_t at,
                       const metric_cell *cell, struct buf *out)
{
        uint64_t n = cell_get(cell);
        if (n == 0 && row->labels[0])
                return;
        put_series(metrics, row, at, "", NULL, out);
        if (row->kind == METRIC_GAUGE)
                buf_printf(out, "%lld\n", (long long)(int64_t)n);
        else
                buf_printf(out, "%llu\n", (unsigned long long)n);
}

static void put_read(const struct metrics *metrics, const struct metric_row *row,
                     const struct family *family, struct buf *out)
{
        double value = family->read(family->data);
        if (isnan(value))
                return;
        put_series(metrics, row, 0, "", NULL, out);
        if (isinf(value))
                buf_puts(out, value < 0 ? "-Inf" : "+Inf");
        else
                json_put_double(out, value);
        buf_putc(out, '\n');
}

void metrics_render(const struct metrics *metrics, struct buf *out)
{
        static const char *const kinds[] = {"counter", "gauge", "histogram"};
        for (size_t i = 0; i < METRIC_COUNT_; i++) {
                const struct metric_row *row = &metric_rows[i];
                const struct family *family = &metrics->families[i];
                buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->help, row->name,
                           kinds[row->kind]);
                if (family->read) {
                        put_read(metrics, row, family, out);
                        continue;
                }
                for (size_t at = 0; at < family->series; at++) {
                        const metric_cell *cells = family->cells + at * family->width;
                        if (row->kind == METRIC_HISTOGRAM)
                                put_histogram(metrics, row, at, cells, out);
                        else
                                put_number(metrics, row, at, cells, out);
                }
        }
}
