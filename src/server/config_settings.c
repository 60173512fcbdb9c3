#include "server/config.h"

#include "base/cleanup.h"

/* Name in the file, environment variable, flag. The three are one word in three spellings. */
#define NAMES(lower, upper, option)                                                                \
        .name = (lower), .environment = "ASKCSV_" upper, .flag = "--" option
#define TEXT(value) .kind = CONFIG_KIND_TEXT, .initial = (value)
#define NUMBER(value, least, most)                                                                 \
        .kind = CONFIG_KIND_NUMBER, .initial = #value, .min = (least), .max = (most)
#define BOOL(value) .kind = CONFIG_KIND_BOOL, .initial = #value
#define CHOICE(value, all) .kind = CONFIG_KIND_CHOICE, .initial = (value), .choices = (all)
#define PATH .kind = CONFIG_KIND_PATH, .initial = ""
#define URL .kind = CONFIG_KIND_URL, .initial = ""
#define SECRET(lower, upper)                                                                       \
        .name = (lower), .environment = "ASKCSV_" upper, .kind = CONFIG_KIND_SECRET, .initial = ""

#define LIVE .live = true

static const char *const levels[] = {"debug", "info", "warn", "error", NULL};
static const char *const executors[] = {"local", "docker", "kubernetes", NULL};
static const char *const request_ways[] = {"env", "secret", NULL};
static const char *const planners[] = {"auto", "builtin", "openai", "anthropic", NULL};

static const struct config_setting settings[] = {
        [CONFIG_ADDRESS] = {NAMES("address", "ADDRESS", "address"), TEXT("127.0.0.1"),
                            .help = "the numeric address to listen on"},
        [CONFIG_PORT] = {NAMES("port", "PORT", "port"), NUMBER(8080, 0, 65535),
                         .help = "the port to listen on; 0: a free one"},
        [CONFIG_THREADS] = {NAMES("threads", "THREADS", "threads"), NUMBER(2, 1, 64),
                            .help = "threads that read requests and write replies"},
        [CONFIG_CONNECTIONS_MAX] = {NAMES("connections_max", "CONNECTIONS_MAX", "connections-max"),
                                    NUMBER(2000, 1, 100000),
                                    .help = "open connections, all clients together"},
        [CONFIG_PER_ADDRESS_MAX] = {NAMES("per_address_max", "PER_ADDRESS_MAX", "per-address-max"),
                                    NUMBER(0, 0, 100000),
                                    .help = "open connections of one client address; 0: no limit"},
        [CONFIG_BODY_MAX_KB] = {NAMES("body_max_kb", "BODY_MAX_KB", "body-max-kb"),
                                NUMBER(1024, 1, 65536), .help = "a request's body, in KiB"},
        [CONFIG_HEADER_MAX_KB] = {NAMES("header_max_kb", "HEADER_MAX_KB", "header-max-kb"),
                                  NUMBER(16, 1, 1024),
                                  .help = "a request's first line and headers, in KiB"},
        [CONFIG_IDLE_TIMEOUT_S] = {NAMES("idle_timeout_s", "IDLE_TIMEOUT_S", "idle-timeout-s"),
                                   NUMBER(30, 1, 3600),
                                   .help = "seconds after which a silent client is cut off"},
        [CONFIG_TLS_CERTIFICATE] = {NAMES("tls_certificate", "TLS_CERTIFICATE", "tls-certificate"),
                                    PATH, LIVE,
                                    .help = "PEM file of the certificate; with tls_key: HTTPS"},
        [CONFIG_TLS_KEY] = {NAMES("tls_key", "TLS_KEY", "tls-key"), PATH, LIVE,
                            .help = "PEM file of the certificate's key"},
        [CONFIG_ALLOWED_HOSTS] = {NAMES("allowed_hosts", "ALLOWED_HOSTS", "allowed-hosts"),
                                  TEXT(""), LIVE,
                                  .help = "names besides the address that a request's Host may be, "
                                          "with commas"},
        [CONFIG_ALLOWED_ORIGINS] =
                {NAMES("allowed_origins", "ALLOWED_ORIGINS", "allowed-origins"), TEXT(""), LIVE,
                 .help = "other origins whose pages may call (https://app.example), with "
                         "commas"},
        [CONFIG_TRUST_USER_HEADER] =
                {NAMES("trust_user_header", "TRUST_USER_HEADER", "trust-user-header"), TEXT(""),
                 .help = "the header in which a proxy in front names the user"},
        [CONFIG_KEY_RATE] = {NAMES("key_rate", "KEY_RATE", "key-rate"), NUMBER(50, 0, 1000000),
                             LIVE,
                             .help = "requests a second of one key or user, on the long run; 0: no "
                                     "limit"},
        [CONFIG_KEY_BURST] = {NAMES("key_burst", "KEY_BURST", "key-burst"), NUMBER(100, 1, 1000000),
                              LIVE, .help = "requests that one may send at once after a pause"},
        [CONFIG_KEY_REQUESTS_MAX] = {NAMES("key_requests_max", "KEY_REQUESTS_MAX",
                                           "key-requests-max"),
                                     NUMBER(64, 0, 100000), LIVE,
                                     .help = "requests of one under way; 0: no limit"},
        [CONFIG_KEY_RUNS_MAX] = {NAMES("key_runs_max", "KEY_RUNS_MAX", "key-runs-max"),
                                 NUMBER(50, 0, 100000), LIVE,
                                 .help = "runs of one that wait or are under way; 0: no limit"},
        [CONFIG_KEY_CHATS_MAX] =
                {NAMES("key_chats_max", "KEY_CHATS_MAX", "key-chats-max"), NUMBER(4, 0, 1000), LIVE,
                 .help = "chats of one with a model at the same time; 0: no limit"},
        [CONFIG_WORKERS] = {NAMES("workers", "WORKERS", "workers"), NUMBER(0, 0, 1024),
                            .help = "runs at the same time; 0: twice the cores"},
        [CONFIG_WAITING] = {NAMES("waiting", "WAITING", "waiting"), NUMBER(200, 0, 100000),
                            .help = "runs that may wait for their turn"},
        [CONFIG_WAIT_MS_MAX] = {NAMES("wait_ms_max", "WAIT_MS_MAX", "wait-ms-max"),
                                NUMBER(60000, 0, 600000), LIVE,
                                .help = "ms that a request may wait for its run to end"},
        [CONFIG_TIMEOUT_MS_MAX] = {NAMES("timeout_ms_max", "TIMEOUT_MS_MAX", "timeout-ms-max"),
                                   NUMBER(60000, 1, 3600000), LIVE,
                                   .help = "ms that a run may ask to take"},
        [CONFIG_ROWS_MAX] = {NAMES("rows_max", "ROWS_MAX", "rows-max"), NUMBER(10000, 0, 1000000),
                             LIVE, .help = "rows that a run may ask to return"},
        [CONFIG_CACHE] = {NAMES("cache", "CACHE", "cache"), BOOL(true), LIVE,
                          .help = "answer from an earlier run of the same SQL on the same data"},
        [CONFIG_STORE] = {NAMES("store", "STORE", "store"), URL,
                          .help = "where capsules are kept, if not in a file of the home folder: "
                                  "postgresql://USER:PASSWORD@HOST/DATABASE"},
        [CONFIG_STORE_LEASE_S] = {NAMES("store_lease_s", "STORE_LEASE_S", "store-lease-s"),
                                  NUMBER(15, 2, 300),
                                  .help = "seconds of silence after which a server's open runs are "
                                          "recorded as failed by others (PostgreSQL)"},
        [CONFIG_RETENTION_DAYS] = {NAMES("retention_days", "RETENTION_DAYS", "retention-days"),
                                   NUMBER(0, 0, 36500), LIVE,
                                   .help = "days that capsules are kept; 0: for ever"},
        [CONFIG_RETENTION_COUNT] = {NAMES("retention_count", "RETENTION_COUNT", "retention-count"),
                                    NUMBER(0, 0, 1000000000), LIVE,
                                    .help = "capsules that are kept; 0: all"},
        [CONFIG_LOG_LEVEL] = {NAMES("log_level", "LOG_LEVEL", "log-level"), CHOICE("info", levels),
                              LIVE, .help = "the least that is logged"},
        [CONFIG_PLANNER] = {NAMES("planner", "PLANNER", "planner"), CHOICE("auto", planners), LIVE,
                            .help = "who plans; auto: a provider that is set up, else builtin"},
        [CONFIG_OPENAI_BASE_URL] = {NAMES("openai_base_url", "OPENAI_BASE_URL", "openai-base-url"),
                                    URL, LIVE, .help = "a server that speaks chat completions"},
        [CONFIG_OPENAI_MODEL] = {NAMES("openai_model", "OPENAI_MODEL", "openai-model"), TEXT(""),
                                 LIVE, .help = "its model"},
        [CONFIG_OPENAI_KEY] = {SECRET("openai_key", "OPENAI_KEY"), LIVE, .help = "its key"},
        [CONFIG_OPENAI_KEY_FILE] = {NAMES("openai_key_file", "OPENAI_KEY_FILE", "openai-key-file"),
                                    PATH, LIVE, .help = "or a file whose first line is its key"},
        [CONFIG_ANTHROPIC_BASE_URL] = {NAMES("anthropic_base_url", "ANTHROPIC_BASE_URL",
                                             "anthropic-base-url"),
                                       URL, LIVE, .help = "a server that speaks the messages API"},
        [CONFIG_ANTHROPIC_MODEL] = {NAMES("anthropic_model", "ANTHROPIC_MODEL", "anthropic-model"),
                                    TEXT(""), LIVE, .help = "its model"},
        [CONFIG_ANTHROPIC_KEY] = {SECRET("anthropic_key", "ANTHROPIC_KEY"), LIVE,
                                  .help = "its key"},
        [CONFIG_ANTHROPIC_KEY_FILE] = {NAMES("anthropic_key_file", "ANTHROPIC_KEY_FILE",
                                             "anthropic-key-file"),
                                       PATH, LIVE, .help = "or a file whose first line is its key"},
        [CONFIG_PROXY] = {NAMES("proxy", "PROXY", "proxy"), URL, LIVE,
                          .help = "the proxy by which providers are reached"},
        [CONFIG_CA_FILE] = {NAMES("ca_file", "CA_FILE", "ca-file"), PATH, LIVE,
                            .help = "PEM file of authorities that providers are trusted by"},
        [CONFIG_MODEL_TIMEOUT_S] =
                {NAMES("model_timeout_s", "MODEL_TIMEOUT_S", "model-timeout-s"),
                 NUMBER(60, 1, 3600), LIVE,
                 .help = "seconds of a provider's silence after which a call has failed"},
        [CONFIG_MODEL_RETRIES] = {NAMES("model_retries", "MODEL_RETRIES", "model-retries"),
                                  NUMBER(3, 0, 10), LIVE,
                                  .help = "attempts after the first one, of a call of a provider"},
        [CONFIG_MODEL_ROWS_MAX] =
                {NAMES("model_rows_max", "MODEL_ROWS_MAX", "model-rows-max"), NUMBER(50, 0, 1000),
                 LIVE,
                 .help = "rows of a result that a model is shown; 0: only how many there are"},
        [CONFIG_CONTEXT_MESSAGES] = {NAMES("context_messages", "CONTEXT_MESSAGES",
                                           "context-messages"),
                                     NUMBER(12, 0, 200), LIVE,
                                     .help = "earlier messages of a thread that a model is shown"},
        [CONFIG_CHATS_MAX] = {NAMES("chats_max", "CHATS_MAX", "chats-max"), NUMBER(16, 1, 1000),
                              .help = "chats with a model at the same time"},
        [CONFIG_ANSWER_STEPS_MAX] = {NAMES("answer_steps_max", "ANSWER_STEPS_MAX",
                                           "answer-steps-max"),
                                     NUMBER(12, 1, 100), LIVE,
                                     .help = "calls of a model for one answer"},
        [CONFIG_ANSWER_TOKENS_MAX] =
                {NAMES("answer_tokens_max", "ANSWER_TOKENS_MAX", "answer-tokens-max"),
                 NUMBER(200000, 0, 100000000), LIVE,
                 .help = "tokens of one answer, read and written; 0: no limit"},
        [CONFIG_ANSWER_SECONDS_MAX] = {NAMES("answer_seconds_max", "ANSWER_SECONDS_MAX",
                                             "answer-seconds-max"),
                                       NUMBER(120, 1, 3600), LIVE,
                                       .help = "seconds that one answer of a model may take"},
        [CONFIG_ANSWER_CENTS_MAX] =
                {NAMES("answer_cents_max", "ANSWER_CENTS_MAX", "answer-cents-max"),
                 NUMBER(0, 0, 1000000), LIVE,
                 .help = "cents that one answer may cost, by the prices; 0: no limit"},
        [CONFIG_PRICE_IN_CENTS] = {NAMES("price_in_cents", "PRICE_IN_CENTS", "price-in-cents"),
                                   NUMBER(0, 0, 10000000), LIVE,
                                   .help = "cents for a million tokens that a model reads"},
        [CONFIG_PRICE_OUT_CENTS] = {NAMES("price_out_cents", "PRICE_OUT_CENTS", "price-out-cents"),
                                    NUMBER(0, 0, 10000000), LIVE,
                                    .help = "cents for a million tokens that a model writes"},
        [CONFIG_EXECUTOR] = {NAMES("executor", "EXECUTOR", "executor"), CHOICE("local", executors),
                             .help = "where runs run: here, or each in a container of its own"},
        [CONFIG_DOCKER_SOCKET] =
                {NAMES("docker_socket", "DOCKER_SOCKET", "docker-socket"),
                 TEXT(EXECUTOR_DOCKER_SOCKET),
                 .help = "the socket of the Docker daemon, or of Podman's service"},
        [CONFIG_DOCKER_IMAGE] = {NAMES("docker_image", "DOCKER_IMAGE", "docker-image"),
                                 TEXT(EXECUTOR_DOCKER_IMAGE),
                                 .help = "the runner's image, which the daemon must have"},
        [CONFIG_DOCKER_USER] = {NAMES("docker_user", "DOCKER_USER", "docker-user"), TEXT(""),
                                .help = "UID:GID in a run's container; unset: the image's, or this "
                                        "process's for files that others may not read"},
        [CONFIG_DOCKER_RUNTIME] = {NAMES("docker_runtime", "DOCKER_RUNTIME", "docker-runtime"),
                                   TEXT(""),
                                   .help = "the container runtime (runsc, kata); unset: the "
                                           "daemon's own"},
        [CONFIG_DOCKER_HOME] = {NAMES("docker_home", "DOCKER_HOME", "docker-home"), TEXT(""),
                                .help = "the path under which the daemon has $ASKCSV_HOME; unset: "
                                        "the same"},
        [CONFIG_DOCKER_TIMEOUT_S] =
                {NAMES("docker_timeout_s", "DOCKER_TIMEOUT_S", "docker-timeout-s"),
                 NUMBER(60, 1, 3600),
                 .help = "seconds that the daemon may take to make, start or "
                         "remove a container"},
        [CONFIG_KUBERNETES_CONFIG] =
                {NAMES("kubernetes_config", "KUBERNETES_CONFIG", "kubernetes-config"), TEXT(""),
                 .help = "a kubeconfig; unset: the pod's service account, or kubectl's own"},
        [CONFIG_KUBERNETES_CONTEXT] = {NAMES("kubernetes_context", "KUBERNETES_CONTEXT",
                                             "kubernetes-context"),
                                       TEXT(""),
                                       .help = "the context in it; unset: its current one"},
        [CONFIG_KUBERNETES_NAMESPACE] =
                {NAMES("kubernetes_namespace", "KUBERNETES_NAMESPACE", "kubernetes-namespace"),
                 TEXT(""), .help = "where Jobs are made; unset: the context's, or the pod's own"},
        [CONFIG_KUBERNETES_IMAGE] =
                {NAMES("kubernetes_image", "KUBERNETES_IMAGE", "kubernetes-image"),
                 TEXT(EXECUTOR_KUBERNETES_IMAGE),
                 .help = "the runner's image, which the nodes must have or get"},
        [CONFIG_KUBERNETES_TEMPLATE] =
                {NAMES("kubernetes_template", "KUBERNETES_TEMPLATE", "kubernetes-template"),
                 TEXT(""),
                 .help = "a file with what runs' pods get besides: volumes, nodes, resources"},
        [CONFIG_KUBERNETES_REQUEST] =
                {NAMES("kubernetes_request", "KUBERNETES_REQUEST", "kubernetes-request"),
                 CHOICE("env", request_ways),
                 .help = "how a run's SQL gets to it: in the Job (large ones by Secret), or "
                         "always by Secret"},
        [CONFIG_KUBERNETES_START_S] = {NAMES("kubernetes_start_s", "KUBERNETES_START_S",
                                             "kubernetes-start-s"),
                                       NUMBER(120, 1, 3600),
                                       .help = "seconds that a run's pod may take to start"},
        [CONFIG_KUBERNETES_TTL_S] = {NAMES("kubernetes_ttl_s", "KUBERNETES_TTL_S",
                                           "kubernetes-ttl-s"),
                                     NUMBER(300, 0, 86400),
                                     .help = "seconds that an ended Job stays when nobody removes "
                                             "it"},
};

_Static_assert(ARRAY_SIZE(settings) == CONFIG_COUNT, "every setting is in the table");

const struct config_setting *config_setting(enum config_id id)
{
        return &settings[id];
}
