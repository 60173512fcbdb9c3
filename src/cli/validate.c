#include "cli/validate.h"

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/json.h"
#include "cli/report.h"
#include "cli/text.h"
#include "dataset/rules.h"
#include "plan/vocabulary.h"
#include "run/run.h"
#include "run/source.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct validation {
        struct session *session;
        struct source *source; /* hashes taken out, so that a changed file is read all the same */
        struct executor *executor;
        int cancel_fd;
        struct buf out;
        size_t n_rules;
        size_t n_faults; /* all that were seen, not only those named */
};

static void validation_done(struct validation *it)
{
        executor_free(it->executor);
        source_free(it->source);
        buf_done(&it->out);
}

__attribute__((format(printf, 2, 3))) static void fault(struct validation *it, const char *format,
                                                        ...)
{
        char text[2 * ERROR_MESSAGE_MAX];
        if (it->n_faults++ >= VALIDATE_FAULTS_MAX)
                return;
        va_list args;
        va_start(args, format);
        (void)vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        text_put_safe(&it->out, text, strlen(text), TEXT_LINE);
        buf_putc(&it->out, '\n');
}

static int check_hashes(struct validation *it, const struct dataset *dataset, struct error *err)
{
        for (size_t i = 0; i < dataset->n_tables; i++) {
                const struct table *table = &it->source->dataset->tables[i];
                const char *expected = dataset->tables[i].sha256;
                char sha256[HASH_HEX_SIZE];
                _cleanup_close_ int fd = -1;
                if (!expected[0])
                        continue;
                it->n_rules++;
                int r = fd_open_regular(table->path, &fd, err);
                if (r == 0)
                        r = hash_fd_hex(fd, sha256, NULL, err);
                if (r < 0)
                        return r;
                if (strcmp(sha256, expected) != 0)
                        fault(it,
                              "%s: hash: the file's SHA-256 is %.16s..., the registry says "
                              "%.16s...",
                              table->path, sha256, expected);
        }
        return 0;
}

/* The files as the registry describes them, but with whatever content. */
static int open_files(struct validation *it, const struct dataset *dataset, struct error *err)
{
        int r = source_open_registered(dataset, it->session->datasets_folder, false, &it->source,
                                       err);
        if (r == 0)
                r = session_executor(it->session, it->source->data_root, &it->executor, err);
        return r;
}

static const char *path_of(const struct validation *it, const char *table)
{
        int i = dataset_find_table(it->source->dataset, table);
        return i < 0 ? table : it->source->dataset->tables[i].path;
}

/* One query for all rules, as each run loads the files anew: SELECT rule's number, line, detail.
 * Of each rule a few lines are enough. */
static void put_query(const struct dataset_rules *rules, struct buf *sql)
{
        if (rules->n == 0)
                buf_puts(sql, "SELECT 0 AS rule, 0 AS line, '' AS detail WHERE false");
        for (size_t i = 0; i < rules->n; i++)
                buf_printf(sql,
                           "%sSELECT * FROM (SELECT %zu AS rule, line, detail FROM (\n%s\n) "
                           "LIMIT %d)",
                           i ? "\nUNION ALL\n" : "", i, rules->rules[i].sql,
                           VALIDATE_FAULTS_MAX + 1);
        buf_puts(sql, "\nORDER BY rule, line, detail");
}

static int take_row(struct validation *it, const struct dataset_rules *rules, const json_t *row,
                    struct error *err)
{
        json_int_t number = json_integer_value(json_array_get(row, 0));
        const json_t *line = json_array_get(row, 1);
        const char *detail = json_string_value(json_array_get(row, 2));
        if (number < 0 || (size_t)number >= rules->n)
                return error_set(err, ERROR_INTERNAL, "there is no rule %lld", (long long)number);
        const struct dataset_rule *rule = &rules->rules[number];
        const char *path = path_of(it, rule->table);
        if (json_is_integer(line))
                fault(it, "%s:%lld: %s: %s (%s)", path, (long long)json_integer_value(line),
                      rule->id, detail ? detail : "", rule->text);
        else
                fault(it, "%s: %s: %s (%s)", path, rule->id, detail ? detail : "", rule->text);
        return 0;
}

static int take_rows(struct validation *it, const struct dataset_rules *rules,
                     const struct capsule *capsule, struct error *err)
{
        const json_t *result = json_object_get(capsule->body, "result");
        size_t i;
        json_t *row;
        int r = 0;
        json_array_foreach(json_object_get(result, "rows"), i, row)
        {
                if (r == 0)
                        r = take_row(it, rules, row, err);
        }
        return r;
}

/* A file that does not load is a fault; everything else means that nothing could be checked. */
static int take_failure(struct validation *it, const struct capsule *capsule, struct error *err)
{
        const json_t *error = json_object_get(capsule->body, "error");
        const char *name = json_get_string(error, "type");
        const char *message = json_get_string(error, "message");
        enum error_type type = name ? error_type_from_name(name) : ERROR_INTERNAL;
        if (type != ERROR_DATASET_INVALID)
                return error_set(err, type, "checking the rules: %s", message ? message : "");
        fault(it, "load: %s", message ? message : "a file cannot be read");
        return 0;
}

static int run_rules(struct validation *it, const struct dataset_rules *rules, struct error *err)
{
        struct capsule *capsule = NULL;
        _cleanup_buf_ struct buf sql = {0};
        struct run_input input = {
                .dataset = it->source->dataset,
                .question = "Which lines break the rules of the dataset?",
                .planner = "validate",
                .limits = LIMITS_DEFAULT,
                .cancel_fd = it->cancel_fd,
        };
        buf_init(&sql, REQUEST_SQL_MAX);
        put_query(rules, &sql);
        int r = buf_error(&sql, err, "the query of all rules");
        if (r < 0)
                return r;
        input.sql = buf_text(&sql);
        input.sql_bytes = sql.len;
        r = run_execute(it->session->store, it->executor, &input, &capsule, err);
        if (r == 0)
                r = capsule->state == RUN_SUCCEEDED ? take_rows(it, rules, capsule, err)
                                                    : take_failure(it, capsule, err);
        capsule_free(capsule);
        return r;
}

/* The hash alone tells of a changed file; the rules tell what is wrong with it, so the file is
 * read whatever its hash is. */
static int check_rules(struct validation *it, const struct dataset *dataset, struct error *err)
{
        struct dataset_rules *rules = NULL;
        int r = dataset_rules_open(dataset->id, &rules, err);
        if (r < 0)
                return r;
        for (size_t i = 0; i < dataset->n_tables; i++)
                it->source->dataset->tables[i].sha256[0] = '\0';
        it->n_rules += rules->n;
        r = run_rules(it, rules, err);
        dataset_rules_free(rules);
        return r;
}

static void take_vocabulary_fault(void *context, const struct error *said)
{
        struct validation *it = context;
        fault(it, "the registry: %s%s: %s", it->source->dataset->id, said->pointer, said->message);
}

/* Measures and segments are parts of plans, so they must compile. */
static int check_vocabulary(struct validation *it, const struct dataset *dataset, struct error *err)
{
        size_t n = 0;
        int r = vocabulary_check(dataset, take_vocabulary_fault, it, &n, err);
        it->n_rules += n;
        return r;
}

static int validate(struct validation *it, const struct dataset *dataset, struct error *err)
{
        int r = open_files(it, dataset, err);
        if (r == 0)
                r = check_vocabulary(it, dataset, err);
        if (r == 0)
                r = check_hashes(it, dataset, err);
        return r < 0 ? r : check_rules(it, dataset, err);
}

int validate_dataset(struct session *session, const struct dataset *dataset, int cancel_fd,
                     struct error *err)
{
        _cleanup_(validation_done) struct validation it = {.session = session,
                                                           .cancel_fd = cancel_fd};
        buf_init(&it.out, OUTPUT_BYTES_MAX);
        int r = validate(&it, dataset, err);
        if (r < 0)
                return r;
        if (it.n_faults > VALIDATE_FAULTS_MAX)
                buf_printf(&it.out, "... and %zu more\n", it.n_faults - VALIDATE_FAULTS_MAX);
        buf_printf(&it.out, "%s: %zu rules, %zu fault%s\n", dataset->id, it.n_rules, it.n_faults,
                   it.n_faults == 1 ? "" : "s");
        return output_write(&it.out, it.n_faults ? 1 : 0);
}
