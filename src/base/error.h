/* The one error shape. Every fallible function of askcsv returns 0 (or a count) on success and
 * a negative number, -(int)type, on failure, and then *err is set. A library never logs. */
#ifndef ASKCSV_BASE_ERROR_H
#define ASKCSV_BASE_ERROR_H

#include <stdbool.h>

/* One enum, one place. The names go over the wire (runner protocol, capsule, JSON output);
 * error.c holds the one table that maps them to a name, an exit status and a run's end. */
enum error_type {
        ERROR_NONE = 0,
        /* Said by the runner (the protocol's error types). */
        ERROR_INVALID_REQUEST,          /* the request is not one, or names a file it may not */
        ERROR_VALIDATION,               /* the plan or the SQL text is not valid */
        ERROR_SQL_POLICY_VIOLATION,     /* the SQL does something that is not on the allow-list */
        ERROR_EXFILTRATION_SUSPECTED,   /* the plan would only copy data out */
        ERROR_SQL_EXECUTION,            /* the engine refused or failed the query */
        ERROR_RUNNER_TIMEOUT,           /* the deadline passed */
        ERROR_RUNNER_RESOURCE_EXCEEDED, /* memory */
        ERROR_RUNNER_OUTPUT_EXCEEDED,   /* the answer is larger than max_output_bytes */
        ERROR_RUNNER_INTERNAL,          /* our fault, or the engine's */
        ERROR_DATASET_CHANGED,          /* the files are not those of the dataset version */
        ERROR_DATASET_INVALID,          /* a file cannot be read as the table it should be */
        ERROR_QUEUE_FULL,               /* as many runs wait as may; later there is room */
        ERROR_SANDBOX_UNAVAILABLE,      /* too few walls stand on this machine */
        /* Said by askcsv itself. */
        ERROR_DATASET_NOT_FOUND,
        ERROR_RUN_NOT_FOUND,
        ERROR_THREAD_NOT_FOUND,
        ERROR_REQUEST_REPEATED,
        ERROR_MODEL_UNAVAILABLE, /* the language model's server is not to be had now */
        ERROR_MODEL_REFUSED,     /* it does not take what we send: key, model, request */
        ERROR_MODEL_ANSWER,      /* it answered, and not as its wire format says */
        ERROR_STORE,             /* the capsule store cannot be read or written */
        ERROR_CANCELLED,         /* the user stopped it */
        ERROR_USAGE,             /* the command line is wrong */
        ERROR_IO,                /* a file, a pipe or a process could not be used */
        ERROR_INTERNAL,          /* out of memory, or a bug */
        ERROR_TYPE_COUNT_,
};

#define ERROR_MESSAGE_MAX 1536
#define ERROR_POINTER_MAX 256

/* Fixed size, the caller's; start from {0}. */
struct error {
        enum error_type type;
        char message[ERROR_MESSAGE_MAX]; /* UTF-8, one or more sentences, says what to do */
        char pointer[ERROR_POINTER_MAX]; /* JSON Pointer (RFC 6901) into the plan, or "" */
        long long position;              /* 1-based character (code point) in the SQL, or 0 */
        long long retry_after_ms; /* of QUEUE_FULL, MODEL_UNAVAILABLE: when to try again, or 0 */
};

/* Sets *err (over whatever it held) and returns -(int)type. err may be NULL. */
int error_set(struct error *err, enum error_type type, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* Puts "context: " before the message and returns r, which must be negative. */
int error_prefix(struct error *err, int r, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* error_set(ERROR_INTERNAL, "out of memory"). */
int error_oom(struct error *err);

/* error_set(ERROR_IO) with strerror(errnum) at the end of the message: "context: No such file". */
int error_errno(struct error *err, int errnum, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* "SQL_POLICY_VIOLATION" and so on; never NULL. */
const char *error_type_name(enum error_type type);

/* The type of that name, or ERROR_NONE when there is none. */
enum error_type error_type_from_name(const char *name);

/* Exit status of the command for that error: 1 failed, 2 usage, 3 rejected, 4 timed out,
 * 6 resources exceeded, 130 cancelled; 0 for ERROR_NONE. (5, abstained, is not an error.) */
int error_exit_status(enum error_type type);

#endif
