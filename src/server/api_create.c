/* POST /v1/runs: a plan or SQL becomes an order, once or, with an Idempotency-Key, at most once. */
#include "server/api.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "plan/plan.h"

#include <stdio.h>
#include <string.h>

#define WAIT_MS_DEFAULT 10000
#define KEY_BYTES_MAX 255

static int bad(struct error *err, const char *pointer, const char *message)
{
        int r = error_set(err, ERROR_INVALID_REQUEST, "%s", message);
        (void)snprintf(err->pointer, sizeof(err->pointer), "%s", pointer);
        return r;
}

/* A member that is a whole number within its bounds. */
static int read_limit(const json_t *limits, const char *name, int64_t max, int64_t *ret,
                      struct error *err)
{
        const json_t *value = json_object_get(limits, name);
        if (!value)
                return 0;
        if (!json_is_integer(value) || json_integer_value(value) < 0 ||
            (max > 0 && json_integer_value(value) > max)) {
                int r = error_set(err, ERROR_INVALID_REQUEST,
                                  "%s must be a whole number from 0 to %lld", name,
                                  (long long)(max > 0 ? max : INT64_MAX));
                (void)snprintf(err->pointer, sizeof(err->pointer), "/limits/%s", name);
                return r;
        }
        *ret = json_integer_value(value);
        return 0;
}

static int read_limits(const struct setup *setup, const json_t *body, struct limits *ret,
                       struct error *err)
{
        static const char *const names[] = {"timeout_ms", "max_rows", "max_output_bytes",
                                            "memory_mb"};
        const json_t *limits = json_object_get(body, "limits");
        const int64_t max[] = {setup->limits_max.timeout_ms, setup->limits_max.max_rows,
                               setup->limits_max.max_output_bytes, setup->limits_max.memory_mb};
        int64_t *to[] = {&ret->timeout_ms, &ret->max_rows, &ret->max_output_bytes, &ret->memory_mb};
        const char *key;
        json_t *value;
        int r = 0;
        if (limits && !json_is_object(limits))
                return bad(err, "/limits", "limits must be an object");
        json_object_foreach((json_t *)limits, key, value)
        {
                bool known = false;
                for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                        known = known || strcmp(names[i], key) == 0;
                if (!known)
                        return bad(err, "/limits",
                                   "limits may have timeout_ms, max_rows, max_output_bytes and "
                                   "memory_mb, nothing else");
        }
        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(names); i++)
                r = read_limit(limits, names[i], max[i], to[i], err);
        api_cap_limits(setup, ret);
        return r < 0 ? r : limits_check(ret, err);
}

static void cap(int64_t *limit, int64_t max)
{
        if (max > 0 && *limit > max)
                *limit = max;
}

void api_cap_limits(const struct setup *setup, struct limits *limits)
{
        cap(&limits->timeout_ms, setup->limits_max.timeout_ms);
        cap(&limits->max_rows, setup->limits_max.max_rows);
        cap(&limits->max_output_bytes, setup->limits_max.max_output_bytes);
        cap(&limits->memory_mb, setup->limits_max.memory_mb);
}

static int read_wait(const struct setup *setup, const json_t *body, int64_t *ret, struct error *err)
{
        const json_t *wait = json_object_get(body, "wait_ms");
        *ret = WAIT_MS_DEFAULT < setup->wait_ms_max ? WAIT_MS_DEFAULT : setup->wait_ms_max;
        if (!wait)
                return 0;
        if (!json_is_integer(wait) || json_integer_value(wait) < 0)
                return bad(err, "/wait_ms", "wait_ms must be a whole number from 0");
        *ret = json_integer_value(wait) < setup->wait_ms_max ? json_integer_value(wait)
                                                             : setup->wait_ms_max;
        return 0;
}

/* {"query_type":"plan","plan":{...}} or {"query_type":"sql","sql":"..."}; the plan's text goes into
 * text. */
static int read_query(const json_t *body, struct order *order, struct buf *text, struct error *err)
{
        const char *type = json_get_string(body, "query_type");
        const json_t *plan = json_object_get(body, "plan");
        const json_t *sql = json_object_get(body, "sql");
        if (!type || (strcmp(type, "plan") != 0 && strcmp(type, "sql") != 0))
                return bad(err, "/query_type", "query_type must be \"plan\" or \"sql\"");
        if (strcmp(type, "plan") == 0) {
                if (!json_is_object(plan) || sql)
                        return bad(err, "/plan",
                                   "a run of a plan has a plan, an object, and no sql");
                int r = json_put(plan, text, err);
                if (r == 0)
                        r = buf_error(text, err, "the plan");
                order->plan_text = buf_text(text);
                order->plan_bytes = text->len;
                return r;
        }
        if (!json_is_string(sql) || plan)
                return bad(err, "/sql", "a run of SQL has sql, a string, and no plan");
        order->sql = json_string_value(sql);
        order->sql_bytes = json_string_length(sql);
        return 0;
}

static int read_cache(const json_t *body, struct order *order, struct error *err)
{
        const json_t *cache = json_object_get(body, "cache");
        if (cache && !json_is_boolean(cache))
                return bad(err, "/cache", "cache must be true or false");
        order->must_run = json_is_false(cache);
        return 0;
}

static int read_as_of(const json_t *body, struct order *order, struct error *err)
{
        const json_t *as_of = json_object_get(body, "as_of");
        int64_t moment;
        if (!as_of)
                return 0;
        if (!json_is_string(as_of) || !clock_parse(json_string_value(as_of), &moment))
                return bad(err, "/as_of", "as_of must be a moment such as 2026-01-31T00:00:00Z");
        order->as_of = json_string_value(as_of);
        return 0;
}

/* A request that is to be done once only: draft-ietf-httpapi-idempotency-key-header-07. */
struct once {
        char key[HASH_HEX_SIZE];  /* of the asker and the header; "": there is none */
        char hash[HASH_HEX_SIZE]; /* of the body */
};

static bool is_key(const char *text)
{
        size_t n = strlen(text);
        for (size_t i = 0; i < n; i++)
                if (text[i] < ' ' || text[i] > '~')
                        return false;
        return n >= 1 && n <= KEY_BYTES_MAX;
}

/* Two askers may use the same key; they do not know of each other. */
static int hash_key(const char *owner, const char *key, char out[HASH_HEX_SIZE], struct error *err)
{
        struct hash *hash = hash_new();
        if (!hash)
                return error_oom(err);
        hash_update(hash, owner, strlen(owner) + 1);
        hash_update(hash, key, strlen(key));
        hash_final_hex(hash, out);
        hash_free(hash);
        return 0;
}

static int read_once(const struct call *call, struct once *once, struct order *order,
                     struct error *err)
{
        const char *key = http_header(call->request, "Idempotency-Key");
        size_t n;
        const char *body = http_body(call->request, &n);
        *once = (struct once){0};
        if (!key)
                return 0;
        if (!is_key(key))
                return error_set(err, ERROR_INVALID_REQUEST,
                                 "the header Idempotency-Key must be 1 to %d characters of ASCII",
                                 KEY_BYTES_MAX);
        int r = hash_key(call->owner, key, once->key, err);
        if (r == 0)
                r = hash_bytes_hex(body, n, once->hash, err);
        order->request_key = once->key;
        order->request_hash = once->hash;
        return r;
}

struct earlier {
        json_t *body; /* of its capsule, as far as it is known; NULL: there is none */
        char hash[HASH_HEX_SIZE];
};

static int take_earlier(const struct capsule *capsule, void *data)
{
        struct earlier *earlier = data;
        earlier->body = json_deep_copy(capsule->body);
        (void)snprintf(earlier->hash, sizeof(earlier->hash), "%s", capsule->request_hash);
        return earlier->body ? 0 : error_oom(NULL);
}

/* Answers with the run that the same request made before; false: there is none. */
static bool answer_again(struct call *call, const struct once *once)
{
        struct error err = {0};
        struct earlier earlier = {0};
        const struct capsule_filter filter = {.request_key = once->key, .limit = 1};
        if (!once->key[0])
                return false;
        int r = capsule_store_list(call->api->store, &filter, take_earlier, &earlier, &err);
        _cleanup_json_ json_t *body = earlier.body;
        if (r < 0) {
                reply_error(call->request, &err, NULL);
                return true;
        }
        if (!body)
                return false;
        if (strcmp(earlier.hash, once->hash) != 0) {
                reply_own(call->request, PROBLEM_IDEMPOTENCY_MISMATCH,
                          "this Idempotency-Key came before with another body; a new request needs "
                          "a new key");
                return true;
        }
        http_set(call->request, "Idempotency-Replayed", "true");
        reply_run(call, body);
        return true;
}

void api_runs_create(struct call *call)
{
        static const char *const names[] = {"dataset_id", "query_type", "plan",  "sql", "limits",
                                            "wait_ms",    "as_of",      "cache", NULL};
        _cleanup_json_ json_t *body = NULL;
        _cleanup_buf_ struct buf text = {0};
        struct order order = {.setup = call->setup, .limits = LIMITS_DEFAULT, .owner = call->owner};
        struct once once;
        struct error err = {0};
        int64_t wait_ms = 0;
        if (!call_body(call, names, &body))
                return;
        buf_init(&text, PLAN_BYTES_MAX);
        int r = json_get_string(body, "dataset_id")
                        ? read_query(body, &order, &text, &err)
                        : bad(&err, "/dataset_id", "dataset_id must name a dataset");
        if (r == 0)
                r = read_limits(call->setup, body, &order.limits, &err);
        if (r == 0)
                r = read_wait(call->setup, body, &wait_ms, &err);
        if (r == 0)
                r = read_as_of(body, &order, &err);
        if (r == 0)
                r = read_cache(body, &order, &err);
        if (r == 0)
                r = read_once(call, &once, &order, &err);
        if (r < 0)
                reply_error(call->request, &err, NULL);
        else if (call_dataset(call, json_get_string(body, "dataset_id"), &order.dataset) &&
                 !answer_again(call, &once))
                api_submit(call, &order, wait_ms, NULL);
}
