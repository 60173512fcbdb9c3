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
        [ERROR_QUEUE_FULL] = {"QUEUE_FULL", 1},
        [ERROR_SANDBOX_UNAVAILABLE] = {"SANDBOX_UNAVAILABLE", 1},
        [ERROR_DATASET_NOT_FOUND] = {"DATASET_NOT_FOUND", 1},
        [ERROR_RUN_NOT_FOUND] = {"RUN_NOT_FOUND", 1},
        [ERROR_THREAD_NOT_FOUND] = {"THREAD_NOT_FOUND", 1},
        [ERROR_REQUEST_REPEATED] = {"REQUEST_REPEATED", 1},
        [ERROR_MODEL_UNAVAILABLE] = {"MODEL_UNAVAILABLE", 1},
        [ERROR_MODEL_REFUSED] = {"MODEL_REFUSED", 1},
        [ERROR_MODEL_ANSWER] = {"MODEL_ANSWER", 1},
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

/* Bytes of the UTF-8 character at text (RFC 3629: no overlong form, no surrogate), or 0. */
static size_t utf8_length(const unsigned char *text)
{
        size_t n = text[0] < 0x80   ? 1
                   : text[0] < 0xC2 ? 0
                   : text[0] < 0xE0 ? 2
                   : text[0] < 0xF0 ? 3
                   : text[0] < 0xF5 ? 4
                                    : 0;
        for (size_t i = 1; i < n; i++)
                if ((text[i] & 0xC0) != 0x80)
                        return 0;
        if ((text[0] == 0xE0 && text[1] < 0xA0) || (text[0] == 0xED && text[1] > 0x9F) ||
            (text[0] == 0xF0 && text[1] < 0x90) || (text[0] == 0xF4 && text[1] > 0x8F))
                return 0;
        return n;
}

/* A message may quote what came from outside, and be cut in the middle of a character. It goes
 * into JSON all the same: a byte that is not UTF-8 becomes a question mark. */
static void message_clean(struct error *err)
{
        unsigned char *p = (unsigned char *)err->message;
        while (*p) {
                size_t n = utf8_length(p);
                if (n == 0)
                        *p = '?';
                p += n ? n : 1;
        }
}

int error_set(struct error *err, enum error_type type, const char *format, ...)
{
        if (err) {
                va_list args;
                va_start(args, format);
                err->type = type;
                err->pointer[0] = '\0';
                err->position = 0;
                err->retry_after_ms = 0;
                (void)vsnprintf(err->message, sizeof(err->message), format, args);
                va_end(args);
                message_clean(err);
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
                message_clean(err);
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
                err->retry_after_ms = 0;
                int n = vsnprintf(err->message, sizeof(err->message), format, args);
                va_end(args);
                if (n >= 0 && (size_t)n < sizeof(err->message))
                        message_append(err, (size_t)n, strerror(errnum));
                message_clean(err);
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
