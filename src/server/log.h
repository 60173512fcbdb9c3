/* The server's log: one JSON object a line, written with one write(2).
 *
 *   log_info(log, "run.ended", log_text("run_id", id), log_number("took_ms", ms));
 *   {"time":"2026-01-31T00:00:00.000Z","level":"info","event":"run.ended","run_id":"...","took_ms":7}
 *
 * Never give it keys, SQL results, or headers that carry a key. */
#ifndef ASKCSV_SERVER_LOG_H
#define ASKCSV_SERVER_LOG_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_LINE_MAX 8192 /* bytes with the line end */
#define LOG_TEXT_MAX 2048 /* bytes of a text as it was given; the rest is cut, "..." says so */

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

/* "debug", "info", "warn", "error"; false for another word. */
bool log_level_parse(const char *name, enum log_level *ret);

struct log; /* opaque; any thread */

/* Lines of at least that level go to fd, which is not closed. The caller frees *ret. */
int log_new(int fd, enum log_level least, struct log **ret, struct error *err);
void log_free(struct log *log); /* NULL is fine */
void log_set_level(struct log *log, enum log_level least);

/* For members that are dear to make. */
bool log_is_on(const struct log *log, enum log_level level);

/* Lines that could not be written, because the disk or the pipe is full, say. */
uint64_t log_lost(const struct log *log);

struct log_member {
        const char *name;
        enum log_member_kind {
                LOG_MEMBER_NONE,
                LOG_MEMBER_TEXT,
                LOG_MEMBER_NUMBER,
                LOG_MEMBER_BOOL
        } kind;
        const char *text;
        int64_t number;
};

/* One member. name is an identifier of ours, and none of time, level, event and cut. */
static inline struct log_member log_text(const char *name, const char *text) /* NULL: null */
{
        return (struct log_member){.name = name, .kind = LOG_MEMBER_TEXT, .text = text};
}

static inline struct log_member log_number(const char *name, int64_t number)
{
        return (struct log_member){.name = name, .kind = LOG_MEMBER_NUMBER, .number = number};
}

static inline struct log_member log_bool(const char *name, bool value)
{
        return (struct log_member){.name = name, .kind = LOG_MEMBER_BOOL, .number = value};
}

/* What is not UTF-8 becomes U+FFFD. Members that do not fit into a line are left out, and
 * "cut":true says so. A line that cannot be written is counted and dropped. Allocates nothing. log
 * NULL: nothing happens. Used by the macros below, which count the members: there may be none. */
void log_write(struct log *log, enum log_level level, const char *event,
               const struct log_member *members, size_t n);

#define log_at(log, level, event, ...)                                                             \
        log_write((log), (level), (event), (const struct log_member[]){{0}, ##__VA_ARGS__},        \
                  sizeof((const struct log_member[]){{0}, ##__VA_ARGS__}) /                        \
                          sizeof(struct log_member))
#define log_debug(log, event, ...) log_at(log, LOG_LEVEL_DEBUG, event, ##__VA_ARGS__)
#define log_info(log, event, ...) log_at(log, LOG_LEVEL_INFO, event, ##__VA_ARGS__)
#define log_warn(log, event, ...) log_at(log, LOG_LEVEL_WARN, event, ##__VA_ARGS__)
#define log_error(log, event, ...) log_at(log, LOG_LEVEL_ERROR, event, ##__VA_ARGS__)

#endif
