#include "cli/answer.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "cli/abstention.h"
#include "cli/pretty.h"
#include "cli/report.h"
#include "cli/table.h"
#include "cli/text.h"
#include "run/csv.h"
#include "run/run.h"

#include <stdio.h>
#include <string.h>

#define PLAN_WIDTH 100 /* columns, where there is no terminal */

const char *const answer_format_names[] = {"table", "json", "csv", NULL};

enum answer_format answer_format_of(const char *name)
{
        if (name && strcmp(name, "json") == 0)
                return ANSWER_JSON;
        return name && strcmp(name, "csv") == 0 ? ANSWER_CSV : ANSWER_TABLE;
}

static const char *text_of(const struct capsule *capsule, const char *member)
{
        return json_get_string(capsule->body, member);
}

void answer_put_table(struct buf *out, const json_t *result, const struct style *style)
{
        table_draw(out, json_object_get(result, "columns"), json_object_get(result, "types"),
                   json_object_get(result, "rows"), style);
}

static void error_from_json(const json_t *json, struct error *err)
{
        const char *type = json_get_string(json, "type");
        const char *message = json_get_string(json, "message");
        const char *pointer = json_get_string(json, "pointer");
        enum error_type known = type ? error_type_from_name(type) : ERROR_NONE;
        (void)error_set(err, known == ERROR_NONE ? ERROR_INTERNAL : known, "%s",
                        message ? message : "the run failed without saying why");
        (void)snprintf(err->pointer, sizeof(err->pointer), "%s", pointer ? pointer : "");
        err->position = json_get_int(json, "position", 0);
}

void answer_report_error(const struct capsule *capsule)
{
        const json_t *json = json_object_get(capsule->body, "error");
        const json_t *faults = json_object_get(json, "faults");
        struct error err = {0};
        if (!json_is_object(json))
                return;
        error_from_json(json, &err);
        if (json_array_size(faults) > 1)
                err.pointer[0] = '\0'; /* each has its own below */
        (void)report_error(&err, text_of(capsule, "sql"));
        if (json_array_size(faults) > 1)
                report_faults(faults);
}

static const json_t *member_of(const struct capsule *capsule, const char *member)
{
        return json_object_get(capsule->body, member);
}

/* The sentence, and a line for each assumption. */
static void put_reading(struct buf *out, const json_t *reading)
{
        const char *sentence = json_get_string(reading, "sentence");
        size_t i;
        json_t *assumption;
        if (sentence) {
                text_put_safe(out, sentence, strlen(sentence), TEXT_LINE);
                buf_putc(out, '\n');
        }
        json_array_foreach(json_object_get(reading, "assumptions"), i, assumption)
        {
                const char *text = json_string_value(assumption);
                buf_puts(out, "Assumed: ");
                text_put_safe(out, text ? text : "", text ? strlen(text) : 0, TEXT_LINE);
                buf_putc(out, '\n');
        }
}

/* A plan that was made for a question; one that was given is known to who gave it. */
static int put_plan(struct buf *out, const json_t *plan, const struct style *style,
                    struct error *err)
{
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, OUTPUT_BYTES_MAX);
        int r = pretty_put(&text, plan, style->terminal ? style->width : PLAN_WIDTH, err);
        buf_printf(out, "\n%s", style_dim(style));
        text_put_safe(out, buf_text(&text), text.len, TEXT_JSON);
        buf_printf(out, "%s\n\n", style_reset(style));
        return r;
}

static void put_sql(struct buf *out, const char *sql, const struct style *style)
{
        buf_puts(out, style_dim(style));
        text_put_safe(out, sql, strlen(sql), TEXT_LINES);
        buf_printf(out, "%s%s", style_reset(style),
                   sql[0] && strchr(sql, '\0')[-1] == '\n' ? "" : "\n");
}

static void put_footer(struct buf *out, const struct capsule *capsule, const struct style *style)
{
        const json_t *result = json_object_get(capsule->body, "result");
        const json_t *timings = json_object_get(capsule->body, "timings");
        long long rows = json_get_int(result, "row_count", 0);
        buf_printf(out, "%s%lld row%s", style_dim(style), rows, rows == 1 ? "" : "s");
        if (json_get_bool(result, "truncated", false))
                buf_puts(out, " (there are more; --max-rows N shows them)");
        buf_printf(out, ", %.0f ms; to repeat and compare: askcsv verify %s%s\n",
                   json_number_value(json_object_get(timings, "total")), capsule_run_id(capsule),
                   style_reset(style));
}

static void show_table(const struct capsule *capsule, const struct surface *surface,
                       struct buf *out, struct buf *aside)
{
        if (json_is_object(member_of(capsule, "reading")))
                buf_putc(out, '\n');
        answer_put_table(out, member_of(capsule, "result"), &surface->out);
        if (surface->out.terminal)
                put_footer(out, capsule, &surface->out);
        else
                put_footer(aside, capsule, &surface->err);
}

static void show_csv(const struct capsule *capsule, struct buf *out, struct buf *aside)
{
        const json_t *result = json_object_get(capsule->body, "result");
        csv_write(out, json_object_get(result, "columns"), json_object_get(result, "rows"));
        if (json_get_bool(result, "truncated", false))
                buf_printf(aside,
                           "askcsv: only the first %zu rows are here; --max-rows N gives more\n",
                           json_array_size(json_object_get(result, "rows")));
}

static int show_json(const struct capsule *capsule, struct buf *out, struct error *err)
{
        int r = capsule_write(capsule, out, err);
        buf_putc(out, '\n');
        return r;
}

/* What stands before the answer: how the question was read; with --explain the plan and the SQL. */
static int put_head(struct buf *out, const struct capsule *capsule, bool explain,
                    const struct style *style, struct error *err)
{
        const json_t *reading = member_of(capsule, "reading");
        const char *sql = text_of(capsule, "sql");
        int r = 0;
        if (json_is_object(reading))
                put_reading(out, reading);
        if (json_is_object(reading) && explain)
                r = put_plan(out, member_of(capsule, "plan"), style, err);
        if (explain && sql)
                put_sql(out, sql, style);
        return r;
}

/* What programs read is written as it is; only a terminal is spared what could harm it. */
static int write_answer(const struct buf *out, enum answer_format format,
                        const struct surface *surface, int status)
{
        if (!surface->out.terminal || format == ANSWER_TABLE)
                return output_write(out, status);
        _cleanup_buf_ struct buf safe = {0};
        buf_init(&safe, OUTPUT_BYTES_MAX);
        text_put_safe(&safe, buf_text(out), out->len,
                      format == ANSWER_JSON ? TEXT_JSON : TEXT_LINES);
        return output_write(out->state == BUF_OK ? &safe : out, status);
}

int answer_show_words(const char *text, enum answer_format format)
{
        _cleanup_buf_ struct buf out = {0};
        buf_init(&out, OUTPUT_BYTES_MAX);
        text_put_safe(&out, text, strlen(text), TEXT_LINES);
        buf_puts(&out, "\n\n");
        if (format == ANSWER_TABLE)
                return output_write(&out, 0);
        report_text(&out);
        return 0;
}

int answer_show(const struct capsule *capsule, enum answer_format format, bool explain,
                const struct surface *surface)
{
        _cleanup_buf_ struct buf out = {0};
        _cleanup_buf_ struct buf aside = {0};
        struct error err = {0};
        bool is_table = format == ANSWER_TABLE;
        struct buf *people = is_table ? &out : &aside; /* what is not for programs */
        const struct style *style = is_table ? &surface->out : &surface->err;
        int r = 0;
        buf_init(&out, OUTPUT_BYTES_MAX);
        buf_init(&aside, OUTPUT_BYTES_MAX);
        if (format == ANSWER_JSON)
                r = show_json(capsule, &out, &err);
        else
                r = put_head(people, capsule, explain, style, &err);
        if (r < 0)
                return report_error(&err, NULL);
        if (is_table && capsule->state == RUN_SUCCEEDED)
                show_table(capsule, surface, &out, &aside);
        if (format == ANSWER_CSV && capsule->state == RUN_SUCCEEDED)
                show_csv(capsule, &out, &aside);
        if (format != ANSWER_JSON && capsule->state == RUN_ABSTAINED)
                abstention_put(people, member_of(capsule, "abstention"), style);
        int status = write_answer(&out, format, surface, run_exit_status(capsule));
        answer_report_error(capsule);
        report_text(&aside);
        if (capsule->state != RUN_SUCCEEDED && format != ANSWER_JSON)
                report_note("the run is kept as %s: askcsv capsules show %s",
                            run_state_name(capsule->state), capsule_run_id(capsule));
        return status;
}
