#include "cli/abstention.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "cli/report.h"
#include "cli/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_SIZE 64 /* bytes of a typed line that are looked at */

static void put_safe(struct buf *out, const char *text)
{
        if (text)
                text_put_safe(out, text, strlen(text), TEXT_LINE);
}

/* The texts, with commas between them. */
static void put_list(struct buf *out, const json_t *texts)
{
        size_t i;
        json_t *text;
        json_array_foreach((json_t *)texts, i, text)
        {
                buf_puts(out, i ? ", " : "");
                put_safe(out, json_string_value(text));
        }
}

static void put_nearest(struct buf *out, const json_t *nearest)
{
        size_t i;
        json_t *item;
        json_array_foreach((json_t *)nearest, i, item)
        {
                const json_t *suggestions = json_object_get(item, "suggestions");
                if (json_array_size(suggestions) == 0)
                        continue;
                buf_puts(out, "  Nearest to \"");
                put_safe(out, json_get_string(item, "word"));
                buf_puts(out, "\": ");
                put_list(out, suggestions);
                buf_putc(out, '\n');
        }
}

static void put_choices(struct buf *out, const json_t *choices)
{
        size_t i;
        json_t *choice;
        if (json_array_size(choices) > 0)
                buf_puts(out, "\nIt could mean:\n");
        json_array_foreach((json_t *)choices, i, choice)
        {
                buf_printf(out, "  %zu. ", i + 1);
                put_safe(out, json_get_string(choice, "reading"));
                buf_putc(out, '\n');
        }
}

static void put_questions(struct buf *out, const json_t *questions)
{
        size_t i;
        json_t *question;
        if (json_array_size(questions) > 0)
                buf_puts(out, "\nIt can answer, for example:\n");
        json_array_foreach((json_t *)questions, i, question)
        {
                buf_puts(out, "  ");
                put_safe(out, json_string_value(question));
                buf_putc(out, '\n');
        }
}

void abstention_put(struct buf *out, const json_t *abstention, const struct style *style)
{
        const json_t *words = json_object_get(abstention, "words");
        buf_printf(out, "%sI don't know:%s ", style_bold(style), style_reset(style));
        put_safe(out, json_get_string(abstention, "message"));
        buf_putc(out, '\n');
        if (json_array_size(words) > 0) {
                buf_puts(out, "  Not understood: ");
                put_list(out, words);
                buf_putc(out, '\n');
        }
        put_nearest(out, json_object_get(abstention, "nearest"));
        put_choices(out, json_object_get(abstention, "choices"));
        put_questions(out, json_object_get(abstention, "questions"));
}

size_t abstention_choices(const json_t *abstention)
{
        return json_array_size(json_object_get(abstention, "choices"));
}

/* The next line of standard input, cut to fit; false at its end. */
static bool read_line(char out[ANSWER_SIZE])
{
        size_t n = 0;
        char c = '\0';
        for (;;) {
                ssize_t got = read(STDIN_FILENO, &c, 1);
                if (got < 0 && errno == EINTR)
                        continue;
                if (got <= 0 || c == '\n')
                        break;
                if (n < ANSWER_SIZE - 1)
                        out[n++] = c;
        }
        out[n] = '\0';
        return n > 0 || c == '\n';
}

/* The whole of the line as a number from 1 to n; 0 when it is none. */
static size_t number_in(const char *line, size_t n)
{
        char *end;
        if (*line < '0' || *line > '9')
                return 0;
        unsigned long number = strtoul(line, &end, 10);
        end += strspn(end, " \t\r");
        return *end == '\0' && number <= n ? number : 0;
}

/* Shows the text and reads what is typed; *ret is false at the end of standard input. */
static int prompt(const char *text, char line[ANSWER_SIZE], bool *ret, struct error *err)
{
        _cleanup_buf_ struct buf out = {0};
        buf_init(&out, ANSWER_SIZE);
        buf_puts(&out, text);
        int r = buf_error(&out, err, "the prompt");
        if (r < 0)
                return r;
        *ret = output_write(&out, 0) == 0 && read_line(line);
        buf_clear(&out);
        buf_putc(&out, '\n'); /* Enter did not end the line */
        if (!*ret)
                (void)output_write(&out, 0);
        return 0;
}

int abstention_choose(size_t n, size_t *ret, struct error *err)
{
        char text[ANSWER_SIZE];
        char line[ANSWER_SIZE];
        bool more = true;
        (void)snprintf(text, sizeof(text), "Which one? 1-%zu, or Enter for none: ", n);
        for (*ret = 0; *ret == 0; *ret = number_in(line + strspn(line, " \t"), n)) {
                int r = prompt(text, line, &more, err);
                if (r < 0 || !more || line[strspn(line, " \t\r")] == '\0')
                        return r;
        }
        return 0;
}
