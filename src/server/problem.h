/* Problem details for HTTP (RFC 9457): every error of ours as a status and a JSON object. One
 * table, in problem.c, says which status and title belong to which error. */
#ifndef ASKCSV_SERVER_PROBLEM_H
#define ASKCSV_SERVER_PROBLEM_H

#include "base/error.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#define PROBLEM_CONTENT_TYPE "application/problem+json"
#define PROBLEM_PATH "/problems/" /* before a problem's name; GET there describes it */

/* What only the server says; the numbers go on behind those of enum error_type. */
enum problem_own {
        PROBLEM_UNAUTHORIZED = ERROR_TYPE_COUNT_, /* no key, or none that is known */
        PROBLEM_FORBIDDEN,                        /* the key's scope, the Host or the Origin */
        PROBLEM_NOT_FOUND,                        /* no such path */
        PROBLEM_METHOD_NOT_ALLOWED,
        PROBLEM_NOT_ACCEPTABLE,
        PROBLEM_CONFLICT,
        PROBLEM_PAYLOAD_TOO_LARGE,
        PROBLEM_UNSUPPORTED_MEDIA_TYPE,
        PROBLEM_IDEMPOTENCY_MISMATCH, /* the key was used before, with another body */
        PROBLEM_TOO_MANY_REQUESTS,
        PROBLEM_HEADER_TOO_LARGE,
        PROBLEM_UNAVAILABLE, /* draining, or something the server needs is missing */
        PROBLEM_COUNT_,
};

/* A row of the table; everything is static. */
struct problem_type {
        const char *name;  /* "sql-policy-violation": the type is PROBLEM_PATH and this */
        const char *error; /* "SQL_POLICY_VIOLATION": error_type_name(), or one of the server's */
        int status;        /* of HTTP, 400 to 504 */
        const char *title; /* one line, the same for every occurrence */
        const char *about; /* what it means and what to do: for /problems/{name} and OpenAPI */
};

/* The row of an error; ERROR_NONE and what is not in the enum count as ERROR_INTERNAL. */
const struct problem_type *problem_of_error(enum error_type type);
const struct problem_type *problem_of_own(enum problem_own own);
/* The row for a request that HTTP itself refused with that status (413, 431, ...): INVALID_REQUEST
 * for another 4xx, INTERNAL for anything else. */
const struct problem_type *problem_of_status(int status);
/* The row of that name, or NULL. */
const struct problem_type *problem_find(const char *name);
/* The i-th row in the order of the enums, from 0; NULL behind the last. */
const struct problem_type *problem_at(size_t i);

/* An error's message as it may leave the machine: where the server has its files is nobody's
 * business, so of an absolute path only the last part stays ("orders.csv is missing"). Paths of the
 * API stay, and so does all of an error that is about the caller's own text. Of ERROR_INTERNAL
 * nothing is told but that it happened. The caller logs what was left out. */
void problem_detail(enum error_type type, const char *message, char out[ERROR_MESSAGE_MAX]);

/* An object with type, title, status, detail, error, and as far as they are known instance,
 * request_id, pointer, position, retry_after_ms; behind them the members of extra ("faults", ...)
 * whose names are not taken. All arguments but err may be NULL; instance is a path of ours, extra
 * is an object and stays the caller's. detail is problem_detail's. NULL when memory is short. */
json_t *problem_json(const struct error *err, const char *request_id, const char *instance,
                     json_t *extra);

/* The same for one of the server's own. detail is what happened and what to do; bytes in it that
 * are not UTF-8 become question marks, and it is cut at ERROR_MESSAGE_MAX. retry_after_ms 0: not
 * said. */
json_t *problem_own_json(enum problem_own own, const char *detail, int64_t retry_after_ms,
                         const char *request_id, const char *instance, json_t *extra);

/* Seconds for the header Retry-After (RFC 9110 10.2.3) of that status, rounded up, at least 1 for
 * 429 and 503; 0: the header is not to be sent. */
int64_t problem_retry_after_s(int status, int64_t retry_after_ms);

#endif
