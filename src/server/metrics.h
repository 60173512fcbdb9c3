/* What the server counts, in the text format of Prometheus (version 0.0.4,
 * https://prometheus.io/docs/instrumenting/exposition_formats/). All metrics stand in one table, in
 * metrics_table.c; each has a few labels, each label a fixed set of values, and every other value
 * counts as "other": nothing that a client sends can make the output grow. Counting takes no lock
 * and no memory, and any thread may do it. */
#ifndef ASKCSV_SERVER_METRICS_H
#define ASKCSV_SERVER_METRICS_H

#include "base/buf.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define METRICS_BYTES_MAX (4 * 1024 * 1024) /* a ceiling that suits metrics_render's buffer */
#define METRICS_ROUTES_MAX 200
#define METRIC_LABELS_MAX 3

enum metric {
        METRIC_HTTP_REQUESTS,    /* counter {route, method, status} */
        METRIC_HTTP_SECONDS,     /* histogram {route} */
        METRIC_HTTP_IN_FLIGHT,   /* gauge */
        METRIC_RUNS,             /* counter {status, executor} */
        METRIC_RUN_SECONDS,      /* histogram {status} */
        METRIC_QUEUE_WAITING,    /* gauge */
        METRIC_RUNS_RUNNING,     /* gauge */
        METRIC_QUEUE_SECONDS,    /* histogram */
        METRIC_CACHE_HITS,       /* counter */
        METRIC_PLANNER_TOKENS,   /* counter {provider, kind} */
        METRIC_PLANNER_CALLS,    /* counter {provider, outcome} */
        METRIC_REPAIRS,          /* counter */
        METRIC_ABSTENTIONS,      /* counter {reason} */
        METRIC_SSE_CLIENTS,      /* gauge */
        METRIC_PARENTS,          /* gauge: this and the next two are of the host of warm tables */
        METRIC_CHILDREN,         /* gauge */
        METRIC_CHILDREN_IDLE,    /* gauge */
        METRIC_WARM_PODS,        /* gauge: ready; this and the next two are of Kubernetes */
        METRIC_WARM_PODS_MAKING, /* gauge */
        METRIC_WARM_EVENTS,      /* counter {event} */
        METRIC_CAPSULES_REMOVED, /* counter; by retention */
        METRIC_RETENTION_FAILED, /* counter */
        METRIC_PROCESS_START,    /* gauge; this and the next three are set by metrics_new */
        METRIC_PROCESS_RESIDENT, /* gauge */
        METRIC_PROCESS_FDS,      /* gauge */
        METRIC_BUILD_INFO,       /* gauge {version} */
        METRIC_COUNT_,
};

struct metrics; /* opaque */

/* The values of a metric's labels, in the order of the table: METRIC_LABELS("succeeded", "local").
 * NULL for a metric without labels. */
#define METRIC_LABELS(...) ((const char *const[METRIC_LABELS_MAX]){__VA_ARGS__})

/* routes are the values of the label route ("/v1/runs/{id}"): n strings, at most
 * METRICS_ROUTES_MAX, that must live as long as the metrics. The caller frees *ret with
 * metrics_free(). */
int metrics_new(const char *const *routes, size_t n, struct metrics **ret, struct error *err);
void metrics_free(struct metrics *metrics); /* NULL is fine */

/* Each does nothing for a metric of another kind. A label value of NULL is "other". */
void metrics_count(struct metrics *metrics, enum metric metric, const char *const *labels,
                   uint64_t n);
void metrics_gauge_add(struct metrics *metrics, enum metric metric, int64_t n); /* n may be < 0 */
void metrics_gauge_set(struct metrics *metrics, enum metric metric, int64_t n);
/* took_us: microseconds; less than 0 counts as 0. */
void metrics_observe(struct metrics *metrics, enum metric metric, const char *const *labels,
                     int64_t took_us);

/* From now on read(data) gives the gauge's value at each rendering, on that thread; NAN: the metric
 * is left out. To be called before other threads use the metrics. Gauges without labels only. */
void metrics_gauge_from(struct metrics *metrics, enum metric metric, double (*read)(void *data),
                        void *data);

/* One answered request: METRIC_HTTP_REQUESTS and METRIC_HTTP_SECONDS. status 0 (the client went
 * away) is counted as "gone". */
void metrics_http(struct metrics *metrics, const char *route, const char *method, int status,
                  int64_t took_us);

/* Appends everything to out. Any thread. Series with labels that were never counted are left out. A
 * failed buffer is the caller's to find (buf_error). */
void metrics_render(const struct metrics *metrics, struct buf *out);

#endif
