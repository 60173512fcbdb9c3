#include "run/record.h"

#include "run/cache.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/json.h"

#include <math.h>
#include <string.h>

json_t *record_text(const char *text)
{
        json_t *json = json_string(text);
        if (json)
                return json;
        _cleanup_free_ char *copy = alloc_strdup(text);
        if (!copy)
                return NULL;
        /* A message that was cut at its ceiling may end within a character. */
        size_t n = strlen(copy);
        for (int i = 0; i < 3 && n > 0 && !json && (copy[n - 1] & 0x80); i++) {
                copy[--n] = '\0';
                json = json_string(copy);
        }
        if (json)
                return json;
        for (char *p = copy; *p; p++)
                if (*p & 0x80)
                        *p = '?';
        return json_string(copy);
}

int record_sql(const char *sql, size_t n, json_t **ret, struct error *err)
{
        *ret = NULL;
        if (n > REQUEST_SQL_MAX)
                return error_set(err, ERROR_VALIDATION, "the SQL has %zu bytes; the limit is %d", n,
                                 REQUEST_SQL_MAX);
        if (strnlen(sql, n) != n)
                return error_set(err, ERROR_VALIDATION, "the SQL holds a NUL byte; remove it");
        if (n == strspn(sql, " \t\r\n"))
                return error_set(err, ERROR_VALIDATION, "the SQL is empty; write one SELECT");
        *ret = json_stringn(sql, n);
        if (*ret)
                return 0;
        _cleanup_json_ json_t *unchecked = json_stringn_nocheck(sql, n);
        return unchecked ? error_set(err, ERROR_VALIDATION,
                                     "the SQL is not valid UTF-8; save it as UTF-8")
                         : error_oom(err);
}

/* The member of said, or null. */
static json_t *copy_of(const json_t *said, const char *key)
{
        json_t *value = json_object_get(said, key);
        return value ? json_incref(value) : json_null();
}

static json_t *record_table(const struct table *table, const json_t *said)
{
        json_t *sha256 = copy_of(said, "sha256");
        if (json_is_null(sha256) && table->sha256[0])
                sha256 = json_string(table->sha256);
        return json_pack("{s:o,s:o,s:s,s:o,s:o,s:o}", "name", json_string(table->name), "path",
                         json_string(table->shown ? table->shown : table->path), "format",
                         table->format, "sha256", sha256, "bytes", copy_of(said, "bytes"), "rows",
                         copy_of(said, "rows"));
}

json_t *record_tables(const struct dataset *dataset, const json_t *said)
{
        _cleanup_json_ json_t *tables = json_array();
        for (size_t i = 0; tables && i < dataset->n_tables; i++) {
                const json_t *of_this = json_array_get(said, i);
                if (json_array_append_new(tables, record_table(&dataset->tables[i], of_this)) < 0)
                        return NULL;
        }
        return steal_ptr(&tables);
}

json_t *record_limits(const struct limits *limits)
{
        return json_pack("{s:I,s:I,s:I,s:I,s:I}", "timeout_ms", (json_int_t)limits->timeout_ms,
                         "max_rows", (json_int_t)limits->max_rows, "max_output_bytes",
                         (json_int_t)limits->max_output_bytes, "memory_mb",
                         (json_int_t)limits->memory_mb, "threads", (json_int_t)limits->threads);
}

struct limits record_limits_read(const json_t *json)
{
        struct limits limits = LIMITS_DEFAULT;
        limits.timeout_ms = json_get_int(json, "timeout_ms", limits.timeout_ms);
        limits.max_rows = json_get_int(json, "max_rows", limits.max_rows);
        limits.max_output_bytes = json_get_int(json, "max_output_bytes", limits.max_output_bytes);
        limits.memory_mb = json_get_int(json, "memory_mb", limits.memory_mb);
        limits.threads = json_get_int(json, "threads", limits.threads);
        return limits;
}

static json_t *result_of(const json_t *body)
{
        static const char *const members[] = {"columns",   "types",     "rows",
                                              "row_count", "truncated", "ordered"};
        _cleanup_json_ json_t *result = json_object();
        for (size_t i = 0; result && i < ARRAY_SIZE(members); i++)
                if (json_object_set_new(result, members[i], copy_of(body, members[i])) < 0)
                        return NULL;
        return steal_ptr(&result);
}

/* What is known already, the runner's, and what the whole of it took as seen from here. */
static json_t *timings_of(const json_t *known, const json_t *said, double total_ms)
{
        _cleanup_json_ json_t *timings =
                json_is_object(known) ? json_copy((json_t *)known) : json_object();
        if (!timings || (json_is_object(said) && json_object_update(timings, (json_t *)said) < 0) ||
            json_object_set_new(timings, "total", json_real(round(total_ms))) < 0)
                return NULL;
        return steal_ptr(&timings);
}

int record_timing(struct capsule *capsule, const char *phase, double ms, struct error *err)
{
        const json_t *known = json_object_get(capsule->body, "timings");
        _cleanup_json_ json_t *timings =
                json_is_object(known) ? json_copy((json_t *)known) : json_object();
        if (!timings || json_object_set_new(timings, phase, json_real(round(ms * 1000) / 1000)) < 0)
                return error_oom(err);
        return capsule_set(capsule, "timings", steal_ptr(&timings), err);
}

static json_t *sandbox_of(const json_t *body)
{
        const json_t *sandbox = json_object_get(body, "sandbox");
        json_t *walls = json_object_get(sandbox, "walls");
        if (!json_is_object(sandbox))
                return json_null();
        return json_pack("{s:O,s:o}", "walls", walls ? walls : sandbox, "peak_memory_mb",
                         copy_of(body, "peak_memory_mb"));
}

int record_response(struct capsule *capsule, const struct dataset *dataset,
                    const struct response *response, double total_ms, struct error *err)
{
        const json_t *body = response->body;
        int r = capsule_set(capsule, "timings",
                            timings_of(json_object_get(capsule->body, "timings"),
                                       json_object_get(body, "timings"), total_ms),
                            err);
        if (r == 0)
                r = capsule_set(capsule, "engine", copy_of(body, "engine"), err);
        if (r == 0)
                r = capsule_set(capsule, "sandbox", sandbox_of(body), err);
        if (r == 0)
                r = capsule_set(capsule, "tables",
                                record_tables(dataset, json_object_get(body, "tables")), err);
        if (r < 0 || response->says.type != ERROR_NONE)
                return r;
        r = capsule_set(capsule, "result", result_of(body), err);
        return r < 0 ? r : capsule_set(capsule, "result_hash", copy_of(body, "result_hash"), err);
}

int record_cached(struct capsule *capsule, const struct capsule *earlier, double total_ms,
                  struct error *err)
{
        static const char *const members[] = {"tables", "engine", "result", "result_hash"};
        int r = capsule_set(capsule, "executor", json_string(RUN_CACHE_EXECUTOR), err);
        if (r == 0)
                r = capsule_set(capsule, "cached_from", json_string(capsule_run_id(earlier)), err);
        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(members); i++)
                r = capsule_set(capsule, members[i],
                                json_incref(json_object_get(earlier->body, members[i])), err);
        return r < 0 ? r : record_timing(capsule, "total", total_ms, err);
}

static json_t *error_to_json(const struct error *why, json_t *faults)
{
        _cleanup_json_ json_t *owned = faults;
        _cleanup_json_ json_t *json = json_pack("{s:s,s:o}", "type", error_type_name(why->type),
                                                "message", record_text(why->message));
        if (json && why->pointer[0] &&
            json_object_set_new(json, "pointer", record_text(why->pointer)) < 0)
                return NULL;
        if (json && why->position > 0 &&
            json_object_set_new(json, "position", json_integer(why->position)) < 0)
                return NULL;
        if (json && owned && json_object_set(json, "faults", owned) < 0)
                return NULL;
        return steal_ptr(&json);
}

int record_error(struct capsule *capsule, const struct error *why, json_t *faults,
                 struct error *err)
{
        return capsule_set(capsule, "error", error_to_json(why, faults), err);
}
