#include "server/metrics_table.h"

#include "base/cleanup.h"

static const char *const methods[] = {"GET", "POST", "DELETE", "HEAD", "OPTIONS", "PUT", "PATCH"};
static const char *const http_statuses[] = {
        "200", "201", "202", "204", "206", "304", "400", "401", "403", "404",  "405",
        "406", "408", "409", "411", "412", "413", "414", "415", "416", "417",  "421",
        "422", "429", "431", "500", "501", "502", "503", "504", "505", "gone",
};
static const char *const run_statuses[] = {"pending",  "running",   "succeeded", "failed",
                                           "rejected", "timed_out", "cancelled", "abstained"};
static const char *const executors[] = {"local", "docker", "kubernetes", "cache"};
static const char *const providers[] = {"builtin", "openai", "anthropic"};
static const char *const token_kinds[] = {"input", "output", "cached"};
static const char *const outcomes[] = {"ok",        "error",        "timeout",     "rate_limited",
                                       "cancelled", "unauthorized", "unreachable", "malformed"};
static const char *const reasons[] = {"words_not_understood", "ambiguous", "unsupported",
                                      "not_a_question"};
static const char *const warm_events[] = {"taken", "missed", "failed"};
static const char *const versions[] = {ASKCSV_VERSION};

#define LABEL(name, values)                                                                        \
        {                                                                                          \
                name, values, ARRAY_SIZE(values)                                                   \
        }

static const struct metric_label label_route = {"route", NULL, 0};
static const struct metric_label label_method = LABEL("method", methods);
static const struct metric_label label_http_status = LABEL("status", http_statuses);
static const struct metric_label label_run_status = LABEL("status", run_statuses);
static const struct metric_label label_executor = LABEL("executor", executors);
static const struct metric_label label_provider = LABEL("provider", providers);
static const struct metric_label label_token_kind = LABEL("kind", token_kinds);
static const struct metric_label label_outcome = LABEL("outcome", outcomes);
static const struct metric_label label_reason = LABEL("reason", reasons);
static const struct metric_label label_warm_event = LABEL("event", warm_events);
static const struct metric_label label_version = LABEL("version", versions);

const struct metric_row metric_rows[METRIC_COUNT_] = {
        [METRIC_HTTP_REQUESTS] = {"askcsv_http_requests_total",
                                  "HTTP requests answered.",
                                  METRIC_COUNTER,
                                  {&label_route, &label_method, &label_http_status}},
        [METRIC_HTTP_SECONDS] = {"askcsv_http_request_seconds",
                                 "Time from a request's arrival to its end.",
                                 METRIC_HISTOGRAM,
                                 {&label_route}},
        [METRIC_HTTP_IN_FLIGHT] = {"askcsv_http_in_flight",
                                   "HTTP requests being answered.",
                                   METRIC_GAUGE,
                                   {NULL}},
        [METRIC_RUNS] = {"askcsv_runs_total",
                         "Runs that ended.",
                         METRIC_COUNTER,
                         {&label_run_status, &label_executor}},
        [METRIC_RUN_SECONDS] = {"askcsv_run_seconds",
                                "Time from a run's start to its end.",
                                METRIC_HISTOGRAM,
                                {&label_run_status}},
        [METRIC_QUEUE_WAITING] = {"askcsv_queue_waiting",
                                  "Runs that wait for their start.",
                                  METRIC_GAUGE,
                                  {NULL}},
        [METRIC_RUNS_RUNNING] = {"askcsv_runs_running",
                                 "Runs that are running.",
                                 METRIC_GAUGE,
                                 {NULL}},
        [METRIC_QUEUE_SECONDS] = {"askcsv_queue_wait_seconds",
                                  "Time that runs waited.",
                                  METRIC_HISTOGRAM,
                                  {NULL}},
        [METRIC_CACHE_HITS] = {"askcsv_cache_hits_total",
                               "Runs answered from the result cache.",
                               METRIC_COUNTER,
                               {NULL}},
        [METRIC_PLANNER_TOKENS] = {"askcsv_planner_tokens_total",
                                   "Tokens that language models read and wrote.",
                                   METRIC_COUNTER,
                                   {&label_provider, &label_token_kind}},
        [METRIC_PLANNER_CALLS] = {"askcsv_planner_calls_total",
                                  "Calls of a planner.",
                                  METRIC_COUNTER,
                                  {&label_provider, &label_outcome}},
        [METRIC_REPAIRS] = {"askcsv_repairs_total",
                            "Plans and SQL given back to a planner with their error.",
                            METRIC_COUNTER,
                            {NULL}},
        [METRIC_ABSTENTIONS] = {"askcsv_abstentions_total",
                                "Questions that were not answered.",
                                METRIC_COUNTER,
                                {&label_reason}},
        [METRIC_SSE_CLIENTS] = {"askcsv_sse_clients", "Open event streams.", METRIC_GAUGE, {NULL}},
        [METRIC_PARENTS] = {"askcsv_host_parents",
                            "Dataset versions that are kept warm.",
                            METRIC_GAUGE,
                            {NULL}},
        [METRIC_CHILDREN] = {"askcsv_host_children",
                             "Sandboxed processes that run a query or wait for one.",
                             METRIC_GAUGE,
                             {NULL}},
        [METRIC_CHILDREN_IDLE] = {"askcsv_host_children_idle",
                                  "Those of them that wait.",
                                  METRIC_GAUGE,
                                  {NULL}},
        [METRIC_WARM_PODS] = {"askcsv_warm_pods_ready",
                              "Kubernetes pods that are ready for a run.",
                              METRIC_GAUGE,
                              {NULL}},
        [METRIC_WARM_PODS_MAKING] = {"askcsv_warm_pods_starting",
                                     "Kubernetes pods that get ready for a run.",
                                     METRIC_GAUGE,
                                     {NULL}},
        [METRIC_WARM_EVENTS] = {"askcsv_warm_pods_total",
                                "What became of warm pods: taken by a run, lost before that; and "
                                "runs that missed one.",
                                METRIC_COUNTER,
                                {&label_warm_event}},
        [METRIC_CAPSULES_REMOVED] = {"askcsv_capsules_removed_total",
                                     "Capsules removed by retention.",
                                     METRIC_COUNTER,
                                     {NULL}},
        [METRIC_RETENTION_FAILED] = {"askcsv_retention_failures_total",
                                     "Sweeps of retention that failed; the log says why.",
                                     METRIC_COUNTER,
                                     {NULL}},
        [METRIC_PROCESS_START] = {"process_start_time_seconds",
                                  "Start of the process, in seconds since 1970 (UTC).",
                                  METRIC_GAUGE,
                                  {NULL}},
        [METRIC_PROCESS_RESIDENT] = {"process_resident_memory_bytes",
                                     "Resident memory.",
                                     METRIC_GAUGE,
                                     {NULL}},
        [METRIC_PROCESS_FDS] = {"process_open_fds", "Open file descriptors.", METRIC_GAUGE, {NULL}},
        [METRIC_BUILD_INFO] = {"askcsv_build_info",
                               "Always 1; the label is what was built.",
                               METRIC_GAUGE,
                               {&label_version}},
};

const struct metric_bound metric_bounds[METRIC_BOUNDS] = {
        {1000, "0.001"},  {2500, "0.0025"}, {5000, "0.005"},  {10000, "0.01"},
        {25000, "0.025"}, {50000, "0.05"},  {100000, "0.1"},  {250000, "0.25"},
        {500000, "0.5"},  {1000000, "1"},   {2500000, "2.5"}, {5000000, "5"},
        {10000000, "10"}, {30000000, "30"}, {60000000, "60"}, {300000000, "300"},
};
