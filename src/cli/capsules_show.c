#include "cli/capsules_show.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "cli/abstention.h"
#include "cli/answer.h"
#include "cli/report.h"
#include "cli/table.h"
#include "cli/text.h"

#include <string.h>

static void put_field(struct buf *out, const char *label, const json_t *value)
{
        if (!value || json_is_null(value))
                return;
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, OUTPUT_BYTES_MAX);
        table_put_value(&text, value);
        buf_printf(out, "%-16s", label);
        text_put_safe(out, buf_text(&text), text.len, TEXT_LINE);
        buf_putc(out, '\n');
}

/* A capsule's reading: the sentence, and a line for each assumption. */
static void put_reading(struct buf *out, const json_t *reading)
{
        size_t i;
        json_t *assumption;
        put_field(out, "read as", json_object_get(reading, "sentence"));
        json_array_foreach(json_object_get(reading, "assumptions"), i, assumption)
        {
                put_field(out, "assumed", assumption);
        }
}

static void put_members(struct buf *out, const json_t *body, const char *const *names)
{
        for (; *names; names++) {
                const json_t *value = json_object_get(body, *names);
                if (strcmp(*names, "reading") == 0)
                        put_reading(out, value);
                else
                        put_field(out, *names, value);
        }
}

static void put_all(struct buf *out, const json_t *body)
{
        static const char *const names[] = {
                "run_id",          "kind",         "status",      "created_at",
                "finished_at",     "dataset_id",   "thread_id",   "question",
                "reading",         "planner",      "query_mode",  "as_of",
                "dataset_version", "executor",     "limits",      "runs",
                "answer",          "usage",        "rule",        "removed",
                "timings",         "engine",       "sandbox",     "result_hash",
                "prev_hash",       "capsule_hash", "cached_from", NULL};
        size_t i;
        json_t *table;
        put_members(out, body, names);
        json_array_foreach(json_object_get(body, "tables"), i, table)
        {
                put_field(out, "table", table);
        }
        put_field(out, "plan", json_object_get(body, "plan"));
}

int capsules_show_brief(const struct capsule *capsule)
{
        static const char *const names[] = {
                "run_id", "status", "dataset_id", "dataset_version", "question",     "reading",
                "plan",   "as_of",  "timings",    "result_hash",     "capsule_hash", NULL};
        _cleanup_buf_ struct buf out = {0};
        buf_init(&out, OUTPUT_BYTES_MAX);
        put_members(&out, capsule->body, names);
        return output_write(&out, 0);
}

int capsules_show(const struct capsule *capsule, const struct surface *surface)
{
        const char *sql = json_get_string(capsule->body, "sql");
        const json_t *result = json_object_get(capsule->body, "result");
        const json_t *abstention = json_object_get(capsule->body, "abstention");
        _cleanup_buf_ struct buf out = {0};
        buf_init(&out, OUTPUT_BYTES_MAX);
        put_all(&out, capsule->body);
        if (sql) {
                buf_puts(&out, "\n");
                text_put_safe(&out, sql, strlen(sql), TEXT_LINES);
                buf_puts(&out, "\n");
        }
        if (json_is_object(result)) {
                buf_puts(&out, "\n");
                answer_put_table(&out, result, &surface->out);
        }
        if (json_is_object(abstention)) {
                buf_puts(&out, "\n");
                abstention_put(&out, abstention, &surface->out);
        }
        int status = output_write(&out, 0);
        answer_report_error(capsule);
        return status;
}
