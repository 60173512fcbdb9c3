#include "server/log.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/utf8.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct log {
        int fd;
        _Atomic int least;
        _Atomic uint64_t lost;
        pthread_mutex_t lock; /* over writing: a pipe takes long lines in pieces */
};

static const char *const level_names[] = {[LOG_LEVEL_DEBUG] = "debug",
                                          [LOG_LEVEL_INFO] = "info",
                                          [LOG_LEVEL_WARN] = "warn",
                                          [LOG_LEVEL_ERROR] = "error"};

bool log_level_parse(const char *name, enum log_level *ret)
{
        for (size_t i = 0; i < ARRAY_SIZE(level_names); i++)
                if (strcmp(level_names[i], name) == 0) {
                        *ret = (enum log_level)i;
                        return true;
                }
        return false;
}

int log_new(int fd, enum log_level least, struct log **ret, struct error *err)
{
        struct log *log = alloc_calloc(1, sizeof(*log));
        if (!log)
                return error_oom(err);
        log->fd = fd;
        log->least = (int)least;
        (void)pthread_mutex_init(&log->lock, NULL);
        *ret = log;
        return 0;
}

void log_free(struct log *log)
{
        if (!log)
                return;
        (void)pthread_mutex_destroy(&log->lock);
        free(log);
}

void log_set_level(struct log *log, enum log_level least)
{
        log->least = (int)least;
}

bool log_is_on(const struct log *log, enum log_level level)
{
        return log && (int)level >= log->least;
}

uint64_t log_lost(const struct log *log)
{
        return log->lost;
}

/* A line on the stack: the log must work when memory is short. It always has room for the end. */
#define END ",\"cut\":true}\n"
#define LINE_ROOM (LOG_LINE_MAX - (sizeof(END) - 1))

struct line {
        char data[LOG_LINE_MAX];
        size_t n;
        bool full; /* something of this member did not fit; nothing is added any more */
        bool cut;  /* a member was left out */
};

static void put(struct line *line, const char *text, size_t n)
{
        line->full = line->full || n > LINE_ROOM - line->n;
        if (line->full)
                return;
        memcpy(line->data + line->n, text, n);
        line->n += n;
}

static void put_text(struct line *line, const char *text)
{
        put(line, text, strlen(text));
}

/* Also what a terminal would obey, and what some readers take for a line end. */
static bool must_escape(uint32_t c)
{
        return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x2028 || c == 0x2029;
}

static void put_character(struct line *line, const char *text, size_t n, uint32_t c)
{
        char escape[8];
        if (c == '"' || c == '\\') {
                put(line, "\\", 1);
                put(line, text, 1);
        } else if (must_escape(c)) {
                (void)snprintf(escape, sizeof(escape), "\\u%04x", (unsigned)(c & 0xFFFF));
                put_text(line, escape);
        } else if (c == 0xFFFD) {
                put_text(line, "\xEF\xBF\xBD"); /* whether it was there or stands for a bad byte */
        } else {
                put(line, text, n);
        }
}

/* A JSON string. A cut is between characters. */
static void put_string(struct line *line, const char *text)
{
        size_t n = strnlen(text, LOG_TEXT_MAX + 4);
        size_t i = 0;
        put(line, "\"", 1);
        while (i < n) {
                uint32_t c;
                size_t step = utf8_decode(text + i, n - i, &c);
                if (i + step > LOG_TEXT_MAX)
                        break;
                put_character(line, text + i, step, c);
                i += step;
        }
        put_text(line, i < n ? "...\"" : "\"");
}

static void put_member(struct line *line, const struct log_member *member)
{
        char number[24];
        put_text(line, ",\"");
        put_text(line, member->name);
        put_text(line, "\":");
        switch (member->kind) {
        case LOG_MEMBER_NONE:
                break;
        case LOG_MEMBER_TEXT:
                if (member->text)
                        put_string(line, member->text);
                else
                        put_text(line, "null");
                break;
        case LOG_MEMBER_NUMBER:
                (void)snprintf(number, sizeof(number), "%lld", (long long)member->number);
                put_text(line, number);
                break;
        case LOG_MEMBER_BOOL:
                put_text(line, member->number ? "true" : "false");
                break;
        }
}

/* A member is there as a whole or not at all; a shorter one behind it may still fit. */
static void add_member(struct line *line, const struct log_member *member)
{
        size_t before = line->n;
        if (member->kind != LOG_MEMBER_NONE)
                put_member(line, member);
        if (line->full) {
                line->n = before;
                line->full = false;
                line->cut = true;
        }
}

static void line_begin(struct line *line, enum log_level level)
{
        char time[CLOCK_TEXT_SIZE];
        line->n = 0;
        line->full = false;
        line->cut = false;
        clock_format_ms(clock_utc_ms(), time);
        put_text(line, "{\"time\":\"");
        put_text(line, time);
        put_text(line, "\",\"level\":\"");
        put_text(line, level_names[level]);
        put_text(line, "\"");
}

/* LINE_ROOM left room for it. */
static void line_end(struct line *line)
{
        const char *end = line->cut ? END : "}\n";
        memcpy(line->data + line->n, end, strlen(end));
        line->n += strlen(end);
}

/* The rest of a line that was taken in part follows at once, or lines would run into each other. */
static bool write_line(int fd, const struct line *line)
{
        size_t done = 0;
        while (done < line->n) {
                ssize_t n = write(fd, line->data + done, line->n - done);
                if (n < 0 && errno != EINTR)
                        return false;
                done += n > 0 ? (size_t)n : 0;
        }
        return true;
}

void log_write(struct log *log, enum log_level level, const char *event,
               const struct log_member *members, size_t n)
{
        const struct log_member what = log_text("event", event);
        struct line line;   /* large: not cleared */
        int before = errno; /* an error may be logged before errno is looked at */
        if (!log_is_on(log, level))
                return;
        line_begin(&line, level);
        add_member(&line, &what);
        for (size_t i = 0; i < n; i++)
                add_member(&line, &members[i]);
        line_end(&line);
        (void)pthread_mutex_lock(&log->lock);
        if (!write_line(log->fd, &line))
                log->lost++;
        (void)pthread_mutex_unlock(&log->lock);
        errno = before;
}
