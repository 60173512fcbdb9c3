#include "cli/report.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/utf8.h"
#include "cli/style.h"
#include "cli/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MESSAGE_BYTES_MAX (1024 * 1024)
#define CARET_LINE_MAX 100 /* columns of the line that are shown */
#define UTF8_BYTES_MAX 4

/* Nobody is left to tell when standard error fails. */
static void say(const struct buf *text)
{
        size_t done = 0;
        while (done < text->len) {
                ssize_t n = write(STDERR_FILENO, text->data + done, text->len - done);
                if (n < 0 && errno != EINTR)
                        return;
                done += n > 0 ? (size_t)n : 0;
        }
}

int output_write(const struct buf *out, int status)
{
        struct error err = {0};
        if (buf_error(out, &err, "the output") < 0)
                return report_error(&err, NULL);
        size_t done = 0;
        while (done < out->len) {
                ssize_t n = write(STDOUT_FILENO, out->data + done, out->len - done);
                if (n < 0 && errno == EPIPE)
                        return status;
                if (n < 0 && errno != EINTR) {
                        (void)error_errno(&err, errno, "writing standard output");
                        return report_error(&err, NULL);
                }
                done += n > 0 ? (size_t)n : 0;
        }
        return status;
}

void report_text(const struct buf *text)
{
        say(text);
}

static void put_prefix(struct buf *out)
{
        struct style style;
        style_of_fd(STDERR_FILENO, true, &style);
        buf_printf(out, "%saskcsv:%s ", style_red(&style), style_reset(&style));
}

void report_note(const char *format, ...)
{
        _cleanup_buf_ struct buf out = {0};
        buf_init(&out, MESSAGE_BYTES_MAX);
        char text[2 * ERROR_MESSAGE_MAX];
        va_list args;
        va_start(args, format);
        (void)vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        buf_puts(&out, "askcsv: ");
        text_put_safe(&out, text, strlen(text), TEXT_LINES);
        buf_putc(&out, '\n');
        say(&out);
}

/* The bytes of sql at the 1-based character position; its end for one beyond. */
static size_t offset_of(const char *sql, size_t n, long long position)
{
        size_t i = 0;
        for (long long at = 1; at < position && i < n; at++) {
                uint32_t c;
                i += utf8_decode(sql + i, n - i, &c);
        }
        return i;
}

/* A byte that does not begin a character of UTF-8. */
static bool is_inside(char c)
{
        return ((unsigned char)c & 0xC0) == 0x80;
}

/* Bytes up to the end of the line, or about max. */
static size_t rest_of_line(const char *text, size_t max)
{
        size_t n = 0;
        while (text[n] && text[n] != '\n' && (n < max || is_inside(text[n])))
                n++;
        return n;
}

void report_caret(struct buf *out, const char *sql, long long position)
{
        size_t n = strlen(sql);
        size_t at = offset_of(sql, n, position);
        size_t start = at;
        /* A line may have a megabyte; further off than this, nothing of it can be shown. */
        size_t far = CARET_LINE_MAX * UTF8_BYTES_MAX;
        while (start > 0 && sql[start - 1] != '\n' && (at - start < far || is_inside(sql[start])))
                start--;
        const char *cut = start > 0 && sql[start - 1] != '\n' ? "..." : "";
        size_t length = at - start + rest_of_line(sql + at, far);
        _cleanup_buf_ struct buf before = {0};
        _cleanup_buf_ struct buf line = {0};
        buf_init(&before, MESSAGE_BYTES_MAX);
        buf_init(&line, MESSAGE_BYTES_MAX);
        /* Of a long line, what is around the position. */
        while (text_width(sql + start, at - start) > CARET_LINE_MAX / 2) {
                uint32_t c;
                size_t step = utf8_decode(sql + start, at - start, &c);
                start += step;
                length -= step;
                cut = "...";
        }
        text_put_safe(&before, sql + start, at - start, TEXT_LINE);
        text_put_safe(&line, sql + start, length, TEXT_LINE);
        size_t width;
        size_t shown = text_fit(buf_text(&line), line.len, CARET_LINE_MAX, &width);
        buf_printf(out, "  %s%.*s%s\n", cut, (int)shown, buf_text(&line),
                   shown < line.len ? "..." : "");
        size_t blanks = 2 + strlen(cut) + text_width(buf_text(&before), before.len);
        buf_printf(out, "%*s^\n", (int)blanks, "");
}

int report_error(const struct error *err, const char *sql)
{
        _cleanup_buf_ struct buf out = {0};
        buf_init(&out, MESSAGE_BYTES_MAX);
        put_prefix(&out);
        buf_printf(&out, "%s: ", error_type_name(err->type));
        text_put_safe(&out, err->message, strlen(err->message), TEXT_LINES);
        buf_putc(&out, '\n');
        if (err->pointer[0]) {
                buf_puts(&out, "  at ");
                text_put_safe(&out, err->pointer, strlen(err->pointer), TEXT_LINE);
                buf_putc(&out, '\n');
        }
        if (err->position > 0 && sql)
                report_caret(&out, sql, err->position);
        say(&out);
        return error_exit_status(err->type);
}

int report_usage(const struct error *err, const char *command)
{
        _cleanup_buf_ struct buf out = {0};
        buf_init(&out, MESSAGE_BYTES_MAX);
        put_prefix(&out);
        text_put_safe(&out, err->message, strlen(err->message), TEXT_LINES);
        buf_printf(&out, "\n  (askcsv help%s%s shows how)\n", *command ? " " : "", command);
        say(&out);
        return error_exit_status(ERROR_USAGE);
}

void report_faults(const json_t *faults)
{
        _cleanup_buf_ struct buf out = {0};
        buf_init(&out, MESSAGE_BYTES_MAX);
        size_t i;
        json_t *fault;
        json_array_foreach((json_t *)faults, i, fault)
        {
                const char *pointer = json_get_string(fault, "pointer");
                const char *message = json_get_string(fault, "message");
                buf_puts(&out, "  ");
                if (pointer && *pointer)
                        text_put_safe(&out, pointer, strlen(pointer), TEXT_LINE);
                else
                        buf_puts(&out, "(the plan)");
                buf_puts(&out, ": ");
                text_put_safe(&out, message ? message : "", message ? strlen(message) : 0,
                              TEXT_LINE);
                buf_putc(&out, '\n');
        }
        say(&out);
}
