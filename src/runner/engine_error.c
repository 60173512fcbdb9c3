#include "runner/engine_error.h"

#include "base/buf.h"
#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAID_MAX (1024 * 1024)

/* What the engine's exception types mean to a caller. Others are ERROR_SQL_EXECUTION. */
static const struct {
        const char *exception;
        enum error_type type;
        const char *advice; /* said instead of the engine's message, or NULL */
} exceptions[] = {
        {"Interrupt", ERROR_RUNNER_TIMEOUT, "the query was stopped at its deadline"},
        {"Out of Memory", ERROR_RUNNER_RESOURCE_EXCEEDED,
         "the query needs more memory than it may use; raise --memory-mb or ask for less"},
        {"Permission", ERROR_SQL_POLICY_VIOLATION, NULL},
        {"INTERNAL", ERROR_RUNNER_INTERNAL,
         "the engine failed on this query with an error of its own"},
        {"Fatal", ERROR_RUNNER_INTERNAL,
         "the engine failed on this query with an error of its own"},
};

struct said {
        const char *exception;
        const char *message;
        long long position; /* 0-based byte in the SQL, -1: unknown */
        json_t *json;
};

/* "Parser Error: {json}" and "{json}" both occur; before errors_as_json "Binder Error: text". */
static void said_read(const char *text, struct said *said)
{
        *said = (struct said){.exception = "", .message = text, .position = -1};
        const char *brace = strchr(text, '{');
        struct error ignored = {0};
        const struct json_limits limits = {.max_bytes = SAID_MAX, .max_depth = 16};
        if (brace &&
            json_parse(brace, strlen(brace), &limits, ERROR_INTERNAL, &said->json, &ignored) == 0) {
                const char *exception = json_get_string(said->json, "exception_type");
                const char *message = json_get_string(said->json, "exception_message");
                const char *position = json_get_string(said->json, "position");
                said->exception = exception ? exception : "";
                said->message = message ? message : "the engine gave no message";
                said->position = position ? strtoll(position, NULL, 10) : -1;
                return;
        }
        static const char *const names[] = {"Interrupt", "Out of Memory", "Permission", "INTERNAL",
                                            "Fatal"};
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (strncasecmp(text, names[i], strlen(names[i])) == 0)
                        said->exception = names[i];
}

/* 1-based code point of the byte, as all our positions are. */
static long long position_in(const char *sql, long long byte)
{
        if (!sql || byte < 0 || (size_t)byte > strlen(sql))
                return 0;
        long long position = 1;
        for (long long i = 0; i < byte; i++)
                position += ((unsigned char)sql[i] & 0xC0) != 0x80;
        return position;
}

int engine_error(struct error *err, const char *text, const char *sql)
{
        struct said said;
        said_read(text ? text : "the engine gave no message", &said);
        enum error_type type = ERROR_SQL_EXECUTION;
        const char *message = said.message;
        for (size_t i = 0; i < ARRAY_SIZE(exceptions); i++)
                if (strcasecmp(said.exception, exceptions[i].exception) == 0) {
                        type = exceptions[i].type;
                        if (exceptions[i].advice)
                                message = exceptions[i].advice;
                }
        /* bad_alloc comes out under several names, when a limit of the process was met. */
        if (strstr(said.message, "bad_alloc") || strstr(said.message, "bad allocation") ||
            strstr(said.message, "failed to allocate") || strstr(said.message, "Out of Memory")) {
                type = ERROR_RUNNER_RESOURCE_EXCEEDED;
                message = exceptions[1].advice;
        }
        /* Only a snapshot is ever written to. */
        if (strstr(said.message, "Could not write file") &&
            strstr(said.message, "No space left on device")) {
                type = ERROR_IO;
                message = "there is no room for the snapshot of these tables: No space left on "
                          "device; make room on the disk of ASKCSV_HOME, or set that to another";
        }
        int r = error_set(err, type, "%s", message);
        err->position = position_in(sql, said.position);
        json_decref(said.json);
        return r;
}

/* The text between `before` and `after` in message, as much as fits; false when it is not there. */
static bool text_between(const char *message, const char *before, const char *after, char *out,
                         size_t size)
{
        const char *start = strstr(message, before);
        if (!start)
                return false;
        start += strlen(before);
        const char *end = strstr(start, after);
        if (!end)
                return false;
        size_t n = (size_t)(end - start);
        if (n >= size)
                n = size - 1;
        memcpy(out, start, n);
        out[n] = '\0';
        return true;
}

static int conversion_error(struct error *err, const char *message, const char *name,
                            const char *line)
{
        char column[256];
        char value[256];
        char type[128];
        if (!text_between(message, "Error when converting column \"", "\"", column, sizeof(column)))
                return 0;
        if (!text_between(message, "Could not convert string \"", "\" to", value, sizeof(value)) ||
            !text_between(message, "\" to '", "'", type, sizeof(type)))
                return error_set(err, ERROR_DATASET_INVALID,
                                 "%s, line %s, column %s: the value does not fit the column's type",
                                 name, line, column);
        return error_set(err, ERROR_DATASET_INVALID,
                         "%s, line %s, column %s: \"%s\" is not a value of type %s", name, line,
                         column, value, type);
}

/* The first line of the engine's own words, without its path and its advice about read_csv. */
static void first_words(const char *message, const char *path, const char *name, struct buf *out)
{
        size_t length = strcspn(message, "\n");
        const char *at = message;
        const char *end = message + length;
        while (at < end) {
                const char *hit = strstr(at, path);
                if (!hit || hit >= end) {
                        buf_append(out, at, (size_t)(end - at));
                        break;
                }
                buf_append(out, at, (size_t)(hit - at));
                buf_puts(out, name);
                at = hit + strlen(path);
        }
}

static int line_error(struct error *err, const char *message, const char *name, const char *line)
{
        static const struct {
                const char *sign;
                const char *meaning;
        } meanings[] = {
                {"Expected Number of Columns", "the line has another number of fields than the "
                                               "header"},
                {"Too many columns", "the line has more fields than the header"},
                {"Maximum line size", "the line is longer than 2 MB; is a quote missing?"},
                {"unterminated quote", "a quoted field is not closed"},
                {"not utf-8 encoded", "the text is not UTF-8; save the file as UTF-8"},
                {"Invalid unicode", "the text is not UTF-8; save the file as UTF-8"},
        };
        for (size_t i = 0; i < ARRAY_SIZE(meanings); i++)
                if (strcasestr(message, meanings[i].sign))
                        return error_set(err, ERROR_DATASET_INVALID, "%s, line %s: %s", name, line,
                                         meanings[i].meaning);
        return 0;
}

int engine_load_error(struct error *err, const char *text, const char *name, const char *path)
{
        struct said said;
        said_read(text ? text : "the engine gave no message", &said);
        char line[32] = "";
        int r = 0;
        if (text_between(said.message, "CSV Error on Line: ", "\n", line, sizeof(line))) {
                r = conversion_error(err, said.message, name, line);
                if (r == 0)
                        r = line_error(err, said.message, name, line);
        }
        if (r == 0) {
                r = engine_error(err, text, NULL);
                if (err->type == ERROR_SQL_EXECUTION || err->type == ERROR_SQL_POLICY_VIOLATION ||
                    err->type == ERROR_RUNNER_INTERNAL) {
                        _cleanup_buf_ struct buf words = {0};
                        buf_init(&words, ERROR_MESSAGE_MAX);
                        if (err->type == ERROR_RUNNER_INTERNAL) /* addresses of code */
                                buf_puts(&words, "the file is damaged");
                        else
                                first_words(said.message, path, name, &words);
                        r = error_set(err, ERROR_DATASET_INVALID, "%s%s%s: %s", name,
                                      line[0] ? ", line " : "", line, buf_text(&words));
                }
        }
        json_decref(said.json);
        return r;
}
