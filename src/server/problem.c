#include "server/problem.h"

#include "base/cleanup.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define INTERNAL_DETAIL                                                                            \
        "something went wrong in the server; its log says what, under this request's id"

static const struct problem_type problem_types[PROBLEM_COUNT_] = {
        [ERROR_INVALID_REQUEST] = {"invalid-request", "INVALID_REQUEST", 400,
                                   "The request is not valid",
                                   "The body, a parameter or a header is not what this path takes. "
                                   "detail says which; correct it and send it again."},
        [ERROR_VALIDATION] = {"validation-error", "VALIDATION_ERROR", 422,
                              "The plan or the SQL is not valid",
                              "The query plan or the text of the SQL breaks a rule. pointer or "
                              "position says where, and faults lists every fault of a plan."},
        [ERROR_SQL_POLICY_VIOLATION] = {"sql-policy-violation", "SQL_POLICY_VIOLATION", 422,
                                        "The SQL does something that is not allowed",
                                        "Only what is on the allow-list runs. position is the "
                                        "character in the SQL at which it leaves the list."},
        [ERROR_EXFILTRATION_SUSPECTED] =
                {"exfiltration-suspected", "EXFILTRATION_SUSPECTED", 422,
                 "The query would only copy data out",
                 "A query answers a question; this one would copy a table. "
                 "Aggregate, filter or ask for fewer rows."},
        [ERROR_SQL_EXECUTION] = {"sql-execution-error", "SQL_EXECUTION_ERROR", 422,
                                 "The engine could not run the query",
                                 "The query was allowed and failed as it ran. detail is what the "
                                 "engine said of it."},
        [ERROR_RUNNER_TIMEOUT] = {"runner-timeout", "RUNNER_TIMEOUT", 504,
                                  "The run took longer than it may",
                                  "The run was stopped at its time limit. Allow more with "
                                  "limits.timeout_ms, or ask for less."},
        [ERROR_RUNNER_RESOURCE_EXCEEDED] = {"runner-resource-exceeded", "RUNNER_RESOURCE_EXCEEDED",
                                            422, "The run needed more memory than it may",
                                            "The run was stopped at its memory limit. Allow more "
                                            "with limits.memory_mb, or ask for less."},
        [ERROR_RUNNER_OUTPUT_EXCEEDED] = {"runner-output-exceeded", "RUNNER_OUTPUT_EXCEEDED", 422,
                                          "The answer is larger than it may be",
                                          "The answer has more bytes than the limit. Ask for fewer "
                                          "rows or columns."},
        [ERROR_RUNNER_INTERNAL] = {"runner-internal-error", "RUNNER_INTERNAL_ERROR", 502,
                                   "The runner failed",
                                   "The process that runs queries ended without a usable answer. "
                                   "Send the request again; if it stays, see the server's log."},
        [ERROR_DATASET_CHANGED] = {"dataset-changed", "DATASET_CHANGED", 409,
                                   "The dataset's files changed",
                                   "The files are not those of the dataset version that the run is "
                                   "about. Run it again on the present version."},
        [ERROR_DATASET_INVALID] = {"dataset-invalid", "DATASET_INVALID", 422,
                                   "A file of the dataset cannot be read",
                                   "A file cannot be read as the table that it should be. detail "
                                   "says which file and where."},
        [ERROR_QUEUE_FULL] = {"queue-full", "QUEUE_FULL", 429, "As many runs wait as may",
                              "There is no place in the queue. Send the request again after the "
                              "seconds in Retry-After."},
        [ERROR_SANDBOX_UNAVAILABLE] = {"sandbox-unavailable", "SANDBOX_UNAVAILABLE", 503,
                                       "The sandbox cannot be set up",
                                       "The machine lacks a wall of the sandbox, and nothing runs "
                                       "without it. \"askcsv doctor\" says which."},
        [ERROR_DATASET_NOT_FOUND] = {"dataset-not-found", "DATASET_NOT_FOUND", 404,
                                     "There is no such dataset",
                                     "GET /v1/datasets lists the datasets that there are."},
        [ERROR_RUN_NOT_FOUND] = {"run-not-found", "RUN_NOT_FOUND", 404, "There is no such run",
                                 "No run has this id, or it belongs to another key. GET /v1/runs "
                                 "lists your runs."},
        [ERROR_THREAD_NOT_FOUND] = {"thread-not-found", "THREAD_NOT_FOUND", 404,
                                    "There is no such thread",
                                    "No thread has this id, or it belongs to another key. GET "
                                    "/v1/threads lists your threads."},
        [ERROR_REQUEST_REPEATED] =
                {"request-repeated", "REQUEST_REPEATED", 409, "The same request came a moment ago",
                 "A request with this Idempotency-Key is being taken just now. Send it again to "
                 "have its answer."},
        [ERROR_MODEL_UNAVAILABLE] = {"model-unavailable", "MODEL_UNAVAILABLE", 503,
                                     "The language model cannot be reached",
                                     "The language model's server did not answer, or is busy. Send "
                                     "the request again later, or ask with the planner builtin."},
        [ERROR_MODEL_REFUSED] = {"model-refused", "MODEL_REFUSED", 502,
                                 "The language model's server refused the request",
                                 "The key, the model's name or another setting of the language "
                                 "model is not right. detail says which one to look at."},
        [ERROR_MODEL_ANSWER] = {"model-answer", "MODEL_ANSWER", 502,
                                "The language model's answer cannot be read",
                                "What the language model's server sent is not what its wire format "
                                "allows, was cut off, or is too long. Send the request again."},
        [ERROR_STORE] = {"store-error", "STORE_ERROR", 503, "The capsule store cannot be used",
                         "Runs and threads cannot be read or kept at the moment. detail says why; "
                         "GET /readyz says when it is over."},
        [ERROR_CANCELLED] = {"cancelled", "CANCELLED", 409, "The run was cancelled",
                             "Somebody stopped the run before it ended."},
        [ERROR_USAGE] = {"usage-error", "USAGE_ERROR", 400, "The request is not valid",
                         "A value is not one that is possible here. detail says which."},
        [ERROR_IO] =
                {"io-error", "IO_ERROR", 503, "A file or a process could not be used",
                 "The server could not use a file, a pipe or a process. detail says which; GET "
                 "/readyz says when it is over."},
        [ERROR_INTERNAL] = {"internal-error", "INTERNAL_ERROR", 500, "The server failed",
                            "A fault of the server. Its log has the cause under the request's id."},
        [PROBLEM_UNAUTHORIZED] = {"unauthorized", "UNAUTHORIZED", 401, "A key is needed",
                                  "Send a valid API key: \"Authorization: Bearer KEY\"."},
        [PROBLEM_FORBIDDEN] = {"forbidden", "FORBIDDEN", 403, "This is not allowed",
                               "The key's scope does not cover the request, or its Host or Origin "
                               "is not one that the server takes."},
        [PROBLEM_NOT_FOUND] = {"not-found", "NOT_FOUND", 404, "There is nothing at this path",
                               "GET /openapi.json lists the paths that there are."},
        [PROBLEM_METHOD_NOT_ALLOWED] = {"method-not-allowed", "METHOD_NOT_ALLOWED", 405,
                                        "The path does not take this method",
                                        "The header Allow lists the methods that it takes."},
        [PROBLEM_NOT_ACCEPTABLE] = {"not-acceptable", "NOT_ACCEPTABLE", 406,
                                    "None of the accepted types is to be had",
                                    "The path has no representation of a type in Accept. detail "
                                    "lists those that it has."},
        [PROBLEM_CONFLICT] = {"conflict", "CONFLICT", 409, "This is not possible in this state",
                              "What the request is about is not in a state that allows it. detail "
                              "says which it is in."},
        [PROBLEM_PAYLOAD_TOO_LARGE] = {"payload-too-large", "PAYLOAD_TOO_LARGE", 413,
                                       "The body is too large",
                                       "The request's body has more bytes than the limit."},
        [PROBLEM_UNSUPPORTED_MEDIA_TYPE] = {"unsupported-media-type", "UNSUPPORTED_MEDIA_TYPE", 415,
                                            "The body is not of a type that is taken",
                                            "Send the body as application/json."},
        [PROBLEM_IDEMPOTENCY_MISMATCH] =
                {"idempotency-mismatch", "IDEMPOTENCY_MISMATCH", 422,
                 "The idempotency key was used for another request",
                 "A request with this Idempotency-Key and another body came "
                 "before. Use a new key for a new request."},
        [PROBLEM_TOO_MANY_REQUESTS] = {"too-many-requests", "TOO_MANY_REQUESTS", 429,
                                       "Too many requests",
                                       "The limit of requests of this key or address is reached. "
                                       "Send it again after the seconds in Retry-After."},
        [PROBLEM_HEADER_TOO_LARGE] = {"header-too-large", "HEADER_TOO_LARGE", 431,
                                      "The request's headers are too large",
                                      "Request line and headers have more bytes than the limit."},
        [PROBLEM_UNAVAILABLE] =
                {"unavailable", "UNAVAILABLE", 503, "The server cannot do this now",
                 "The server is starting, ending, or misses something that it needs; "
                 "GET /readyz says what. Send it again after the seconds in "
                 "Retry-After."},
};

static const struct problem_type *row(unsigned type)
{
        return &problem_types[type == 0 || type >= PROBLEM_COUNT_ ? ERROR_INTERNAL : type];
}

const struct problem_type *problem_of_error(enum error_type type)
{
        return row(type < ERROR_TYPE_COUNT_ ? type : ERROR_INTERNAL);
}

const struct problem_type *problem_of_own(enum problem_own own)
{
        return row(own);
}

const struct problem_type *problem_of_status(int status)
{
        for (unsigned i = PROBLEM_UNAUTHORIZED; i < PROBLEM_COUNT_; i++)
                if (problem_types[i].status == status && i != PROBLEM_IDEMPOTENCY_MISMATCH)
                        return &problem_types[i];
        return row(status >= 400 && status < 500 ? ERROR_INVALID_REQUEST : ERROR_INTERNAL);
}

const struct problem_type *problem_find(const char *name)
{
        const struct problem_type *type;
        for (size_t i = 0; (type = problem_at(i)); i++)
                if (strcmp(type->name, name) == 0)
                        return type;
        return NULL;
}

const struct problem_type *problem_at(size_t i)
{
        return i < PROBLEM_COUNT_ - 1 ? &problem_types[i + 1] : NULL; /* without ERROR_NONE */
}

/* Takes over value; false when memory is short. */
static bool put(json_t *object, const char *name, json_t *value)
{
        return json_object_set_new(object, name, value) == 0;
}

/* Nothing is put for NULL and "". */
static bool put_text(json_t *object, const char *name, const char *text)
{
        return !text || !*text || put(object, name, json_string(text));
}

static bool put_number(json_t *object, const char *name, json_int_t number)
{
        return number <= 0 || put(object, name, json_integer(number));
}

/* json_object_update_missing() would not say that memory was short. */
static bool put_extra(json_t *object, json_t *extra)
{
        const char *name;
        json_t *value;
        json_object_foreach(extra, name,
                            value) if (!json_object_get(object, name) &&
                                       json_object_set(object, name, value) < 0) return false;
        return true;
}

/* What messages name that is a path of ours, and no file. */
static bool is_api_path(const char *text)
{
        static const char *const known[] = {"/v1/",     "/readyz",    "/healthz",
                                            "/metrics", "/problems/", "/openapi.json"};
        for (size_t i = 0; i < ARRAY_SIZE(known); i++)
                if (strncmp(text, known[i], strlen(known[i])) == 0)
                        return true;
        return false;
}

/* "/home/ann" behind a blank, a quotation mark, "sqlite:" and the like; not the "//" of a URL. */
static bool begins_path(const char *message, const char *at)
{
        return at[0] == '/' && at[1] && !strchr("/ ", at[1]) &&
               (at == message || strchr(" \t(\"'=,;:[<", at[-1])) && !is_api_path(at);
}

/* Where it ends for sure. Folders may have blanks in their names, so a blank is no end. */
static const char *path_limit(const char *message, const char *path)
{
        const char *at = path + 1;
        while (*at && !strchr("\"')\n", *at) && !(strchr(",;:.", *at) && at[1] == ' ') &&
               !begins_path(message, at))
                at++;
        return at;
}

/* The last part of the path, whatever is behind it. */
static const char *last_part(const char *path, const char *limit)
{
        const char *part = path;
        for (const char *at = path; at + 1 < limit; at++)
                if (*at == '/' && at[1] != ' ')
                        part = at + 1;
        return part;
}

static void hide_folders(const char *message, char out[ERROR_MESSAGE_MAX])
{
        size_t n = 0;
        for (const char *at = message; *at && n < ERROR_MESSAGE_MAX - 1;) {
                if (begins_path(message, at))
                        at = last_part(at, path_limit(message, at));
                out[n++] = *at++;
        }
        out[n] = '\0';
}

/* Their messages repeat what the caller sent, which may look like a path. */
static bool is_of_caller(enum error_type type)
{
        return type == ERROR_INVALID_REQUEST || type == ERROR_VALIDATION ||
               type == ERROR_SQL_POLICY_VIOLATION || type == ERROR_EXFILTRATION_SUSPECTED ||
               type == ERROR_SQL_EXECUTION;
}

/* Which database it is, and where, is nobody's business: "the capsule store, the database x on
 * db.example, was lost" becomes "the capsule store was lost". What libpq says names addresses. */
static void hide_database(const char *message, char out[ERROR_MESSAGE_MAX])
{
        static const char store[] = "the capsule store, the database";
        const char *at = strstr(message, store);
        const char *end = at ? strpbrk(at + sizeof(store) - 1, ",:") : NULL;
        while (end && end[1] != ' ')
                end = strpbrk(end + 1, ",:");
        if (!at || !end)
                (void)snprintf(out, ERROR_MESSAGE_MAX, "%s", message);
        else if (*end == ',' && !strstr(end, "connection to server"))
                (void)snprintf(out, ERROR_MESSAGE_MAX, "%.*sthe capsule store%s",
                               (int)(at - message), message, end + 1);
        else
                (void)snprintf(out, ERROR_MESSAGE_MAX,
                               "the capsule store cannot be reached; the server's log says why");
}

void problem_detail(enum error_type type, const char *message, char out[ERROR_MESSAGE_MAX])
{
        char shown[ERROR_MESSAGE_MAX];
        if (problem_of_error(type) == row(ERROR_INTERNAL))
                (void)snprintf(out, ERROR_MESSAGE_MAX, "%s", INTERNAL_DETAIL);
        else if (is_of_caller(type))
                (void)snprintf(out, ERROR_MESSAGE_MAX, "%s", message);
        else {
                hide_database(message, shown);
                hide_folders(shown, out);
        }
}

static json_t *make(const struct problem_type *type, const struct error *err,
                    const char *request_id, const char *instance, json_t *extra)
{
        bool hidden = type == row(ERROR_INTERNAL);
        char detail[ERROR_MESSAGE_MAX];
        problem_detail(err->type, err->message, detail);
        _cleanup_json_ json_t *problem = json_pack(
                "{s:s+,s:s,s:i,s:s,s:s}", "type", PROBLEM_PATH, type->name, "title", type->title,
                "status", type->status, "detail", detail, "error", type->error);
        if (!problem || !put_text(problem, "instance", instance) ||
            !put_text(problem, "request_id", request_id))
                return NULL;
        if (hidden)
                return steal_ptr(&problem);
        if (!put_text(problem, "pointer", err->pointer) ||
            !put_number(problem, "position", err->position) ||
            !put_number(problem, "retry_after_ms", err->retry_after_ms))
                return NULL;
        return put_extra(problem, extra) ? steal_ptr(&problem) : NULL;
}

json_t *problem_json(const struct error *err, const char *request_id, const char *instance,
                     json_t *extra)
{
        return make(problem_of_error(err->type), err, request_id, instance, extra);
}

json_t *problem_own_json(enum problem_own own, const char *detail, int64_t retry_after_ms,
                         const char *request_id, const char *instance, json_t *extra)
{
        struct error err = {0};
        const struct problem_type *type = problem_of_own(own);
        /* Only the cleaned text is wanted; the type is of no matter. */
        (void)error_set(&err, ERROR_INVALID_REQUEST, "%s", detail ? detail : type->about);
        err.retry_after_ms = retry_after_ms;
        return make(type, &err, request_id, instance, extra);
}

int64_t problem_retry_after_s(int status, int64_t retry_after_ms)
{
        if (retry_after_ms > 0)
                return retry_after_ms / 1000 + (retry_after_ms % 1000 != 0);
        return status == 429 || status == 503 ? 1 : 0;
}
