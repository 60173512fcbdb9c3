#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
        const char *name;
        int exit_status;
} error_types[ERROR_TYPE_COUNT_] = {
        [ERROR_NONE] = {"NONE", 0},
        [ERROR_INVALID_REQUEST] = {"INVALID_REQUEST", 2},
        [ERROR_VALIDATION] = {"VALIDATION_ERROR", 3},
        [ERROR_SQL_POLICY_VIOLATION] = {"SQL_POLICY_VIOLATION", 3},
        [ERROR_EXFILTRATION_SUSPECTED] = {"EXFILTRATION_SUSPECTED", 3},
        [ERROR_SQL_EXECUTION] = {"SQL_EXECUTION_ERROR", 1},
        [ERROR_RUNNER_TIMEOUT] = {"RUNNER_TIMEOUT", 4},
        [ERROR_RUNNER_RESOURCE_EXCEEDED] = {"RUNNER_RESOURCE_EXCEEDED", 6},
        [ERROR_RUNNER_OUTPUT_EXCEEDED] = {"RUNNER_OUTPUT_EXCEEDED", 6},
        [ERROR_RUNNER_INTERNAL] = {"RUNNER_INTERNAL_ERROR", 1},
        [ERROR_DATASET_CHANGED] = {"DATASET_CHANGED", 1},
        [ERROR_DATASET_INVALID] = {"DATASET_INVALID", 1},
        [ERROR_SANDBOX_UNAVAILABLE] = {"SANDBOX_UNAVAILABLE", 1},
        [ERROR_DATASET_NOT_FOUND] = {"DATASET_NOT_FOUND", 1},
        [ERROR_RUN_NOT_FOUND] = {"RUN_NOT_FOUND", 1},
        [ERROR_STORE] = {"STORE_ERROR", 1},
        [ERROR_CANCELLED] = {"CANCELLED", 130},
        [ERROR_USAGE] = {"USAGE_ERROR", 2},
        [ERROR_IO] = {"IO_ERROR", 1},
        [ERROR_INTERNAL] = {"INTERNAL_ERROR", 1},
};

/* Puts ": text" at offset n of the message, as much as fits. */
static void message_append(struct error *err, size_t n, const char *text)
{
        size_t room = sizeof(err->message) - 1 - n;
        size_t colon = room < 2 ? room : 2;
        memcpy(err->message + n, ": ", colon);
        n += colon;
        room -= colon;
        size_t length = strnlen(text, room);
        memcpy(err->message + n, text, length);
        err->message[n + length] = '\0';
}

int error_set(struct error *err, enum error_type type, const char *format, ...)
{
        if (err) {
                va_list args;
                va_start(args, format);
                err->type = type;
                err->pointer[0] = '\0';
                err->position = 0;
                (void)vsnprintf(err->message, sizeof(err->message), format, args);
                va_end(args);
        }
        return -(int)type;
}

int error_prefix(struct error *err, int r, const char *format, ...)
{
        if (err) {
                char said[ERROR_MESSAGE_MAX];
                memcpy(said, err->message, sizeof(said));
                va_list args;
                va_start(args, format);
                int n = vsnprintf(err->message, sizeof(err->message), format, args);
                va_end(args);
                if (n >= 0 && (size_t)n < sizeof(err->message))
                        message_append(err, (size_t)n, said);
        }
        return r;
}

int error_oom(struct error *err)
{
        return error_set(err, ERROR_INTERNAL, "out of memory");
}

int error_errno(struct error *err, int errnum, const char *format, ...)
{
        if (err) {
                va_list args;
                va_start(args, format);
                err->type = ERROR_IO;
                err->pointer[0] = '\0';
                err->position = 0;
                int n = vsnprintf(err->message, sizeof(err->message), format, args);
                va_end(args);
                if (n >= 0 && (size_t)n < sizeof(err->message))
                        message_append(err, (size_t)n, strerror(errnum));
        }
        return -(int)ERROR_IO;
}

const char *error_type_name(enum error_type type)
{
        if ((int)type < 0 || type >= ERROR_TYPE_COUNT_)
                return "INTERNAL_ERROR";
        return error_types[type].name;
}

enum error_type error_type_from_name(const char *name)
{
        for (int i = 1; i < (int)ERROR_TYPE_COUNT_; i++)
                if (strcmp(error_types[i].name, name) == 0)
                        return (enum error_type)i;
        return ERROR_NONE;
}

int error_exit_status(enum error_type type)
{
        if ((int)type < 0 || type >= ERROR_TYPE_COUNT_)
                return 1;
        return error_types[type].exit_status;
}
