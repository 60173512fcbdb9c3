/* The server's settings, and where each has its value from: the default, the file, the environment
 * or a flag; the later one wins. The table of them is in config_settings.c. */
#ifndef ASKCSV_SERVER_CONFIG_H
#define ASKCSV_SERVER_CONFIG_H

#include "base/error.h"
#include "executor/executor.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONFIG_FILE_NAME "config.json" /* in $ASKCSV_HOME */
#define CONFIG_FILE_FLAG "--config"    /* another file; it must be there */
#define CONFIG_FILE_ENVIRONMENT "ASKCSV_CONFIG"
#define CONFIG_FILE_MAX ((size_t)256 * 1024)
#define CONFIG_TEXT_MAX 4096 /* bytes of one value */
#define CONFIG_SECRET_FILE_MAX 65536
#define CONFIG_NAMES_MAX 64 /* of a setting that lists some: allowed_hosts, allowed_origins */

enum config_id {
        CONFIG_ADDRESS,
        CONFIG_PORT,
        CONFIG_THREADS,
        CONFIG_CONNECTIONS_MAX,
        CONFIG_PER_ADDRESS_MAX,
        CONFIG_BODY_MAX_KB,
        CONFIG_HEADER_MAX_KB,
        CONFIG_IDLE_TIMEOUT_S,
        CONFIG_TLS_CERTIFICATE,
        CONFIG_TLS_KEY,
        CONFIG_ALLOWED_HOSTS,
        CONFIG_ALLOWED_ORIGINS,
        CONFIG_TRUST_USER_HEADER,
        CONFIG_KEY_RATE,
        CONFIG_KEY_BURST,
        CONFIG_KEY_REQUESTS_MAX,
        CONFIG_KEY_RUNS_MAX,
        CONFIG_KEY_CHATS_MAX,
        CONFIG_WORKERS,
        CONFIG_WAITING,
        CONFIG_WAIT_MS_MAX,
        CONFIG_TIMEOUT_MS_MAX,
        CONFIG_ROWS_MAX,
        CONFIG_CACHE,
        CONFIG_STORE,
        CONFIG_STORE_LEASE_S,
        CONFIG_RETENTION_DAYS,
        CONFIG_RETENTION_COUNT,
        CONFIG_LOG_LEVEL,
        CONFIG_PLANNER,
        CONFIG_OPENAI_BASE_URL,
        CONFIG_OPENAI_MODEL,
        CONFIG_OPENAI_KEY,
        CONFIG_OPENAI_KEY_FILE,
        CONFIG_ANTHROPIC_BASE_URL,
        CONFIG_ANTHROPIC_MODEL,
        CONFIG_ANTHROPIC_KEY,
        CONFIG_ANTHROPIC_KEY_FILE,
        CONFIG_PROXY,
        CONFIG_CA_FILE,
        CONFIG_MODEL_TIMEOUT_S,
        CONFIG_MODEL_RETRIES,
        CONFIG_MODEL_ROWS_MAX,
        CONFIG_CONTEXT_MESSAGES,
        CONFIG_CHATS_MAX,
        CONFIG_ANSWER_STEPS_MAX,
        CONFIG_ANSWER_TOKENS_MAX,
        CONFIG_ANSWER_SECONDS_MAX,
        CONFIG_ANSWER_CENTS_MAX,
        CONFIG_PRICE_IN_CENTS,
        CONFIG_PRICE_OUT_CENTS,
        CONFIG_EXECUTOR,
        CONFIG_DOCKER_SOCKET,
        CONFIG_DOCKER_IMAGE,
        CONFIG_DOCKER_USER,
        CONFIG_DOCKER_RUNTIME,
        CONFIG_DOCKER_HOME,
        CONFIG_DOCKER_TIMEOUT_S,
        CONFIG_KUBERNETES_CONFIG,
        CONFIG_KUBERNETES_CONTEXT,
        CONFIG_KUBERNETES_NAMESPACE,
        CONFIG_KUBERNETES_IMAGE,
        CONFIG_KUBERNETES_TEMPLATE,
        CONFIG_KUBERNETES_REQUEST,
        CONFIG_KUBERNETES_START_S,
        CONFIG_KUBERNETES_TTL_S,
        CONFIG_COUNT,
};

enum config_kind {
        CONFIG_KIND_TEXT,
        CONFIG_KIND_NUMBER,
        CONFIG_KIND_BOOL,
        CONFIG_KIND_CHOICE,
        CONFIG_KIND_PATH,   /* a relative one counts from the file's folder if it is from the file,
                             * else   from the current folder */
        CONFIG_KIND_URL,    /* its user and password are never shown */
        CONFIG_KIND_SECRET, /* never shown; has no flag, as others on the machine see those */
};

struct config_setting {
        const char *name;        /* in the file: "idle_timeout_s" */
        const char *environment; /* "ASKCSV_IDLE_TIMEOUT_S"; set to "" is as good as not set */
        const char *flag;        /* "--idle-timeout-s"; NULL for secrets */
        enum config_kind kind;
        const char *initial;        /* the default, as text */
        int64_t min, max;           /* of a number */
        const char *const *choices; /* of a choice; ends with NULL */
        bool live;                  /* a reload takes a new value over; others want a restart */
        const char *help;           /* one line */
};

/* The setting, for 0 <= id < CONFIG_COUNT. */
const struct config_setting *config_setting(enum config_id id);

/* One flag of the command line: "--port" and "8080". */
struct config_flag {
        const char *name;
        const char *value;
};

struct config; /* opaque; does not change once it is loaded, so any thread may read it */

/* Reads home/config.json (or the file that the flag --config or else ASKCSV_CONFIG names; only the
 * default one may be missing), the environment and the flags. Nothing that was given is kept.
 * ERROR_USAGE, with the value's source, for what is not a setting (and the nearest one) or does not
 * fit; ERROR_IO for a file that cannot be read. The caller frees *ret with config_free. */
int config_load(const struct config_flag *flags, size_t n_flags, const char *home,
                struct config **ret, struct error *err);
void config_free(struct config *config); /* NULL is fine */

/* The values; strings live as long as config. */
const char *config_text(const struct config *config,
                        enum config_id id); /* of any kind; "" is unset */
int64_t config_number(const struct config *config, enum config_id id); /* numbers only */
bool config_bool(const struct config *config, enum config_id id);      /* bools only */

/* Where the capsules are: CONFIG_STORE, or home/capsules.db. The caller frees *ret, which may hold
 * a password. */
int config_store_url(const struct config *config, const char *home, char **ret, struct error *err);

/* "default", "file /home/ann/config.json", "environment ASKCSV_PORT", "flag --port". */
const char *config_source(const struct config *config, enum config_id id);

/* The file that was read, or NULL when there was none. */
const char *config_file(const struct config *config);

/* What no value shows alone: the address is a numeric one, certificate and key come together, a key
 * is given as text or as a file but not both, base URLs are http(s), origins are as browsers write
 * them. ERROR_USAGE otherwise. Opens
 * none of the files. */
int config_check(const struct config *config, struct error *err);

/* Whether a provider is set up: CONFIG_OPENAI_MODEL or CONFIG_ANTHROPIC_MODEL has a value, and it
 * has a key, a file with one, or (for servers that want none) a base URL. */
bool config_has_provider(const struct config *config, enum config_id model);

/* True for an address of this machine only (127.0.0.0/8, ::1). */
bool config_is_loopback(const struct config *config);

/* A provider's key: what key (CONFIG_OPENAI_KEY, ...) holds, else the first line of the file that
 * the setting behind it names; NULL in *ret when neither is set. The caller frees *ret. */
int config_key(const struct config *config, enum config_id key, char **ret, struct error *err);

/* The executor that the settings choose; host is as session_host gives it. The strings are config's
 * and host's. */
struct executor_settings config_executor(const struct config *config,
                                         const struct executor_host *host);

/* For people: {"file": path or null, "settings": [{"name", "value", "source"}, ...]}. A secret's
 * value is "set" or "not set". A new reference, or NULL for no memory. */
json_t *config_to_json(const struct config *config);

/* A file's text with every setting at its default, as an object; likewise. */
json_t *config_example(void);

#endif
