#include "base/cleanup.h"
#include "base/json.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/query.h"
#include "cli/report.h"
#include "cli/session.h"
#include "run/run.h"
#include "run/source.h"

#include <string.h>

static const char help[] =
        "askcsv check SOURCE (--sql TEXT | --sql-file FILE|-) [--format text|json]\n"
        "\n"
        "Says whether the policy allows the SQL. Nothing is run and no file is opened, so only\n"
        "the tables' names are known: a column that does not exist shows in askcsv run.\n"
        "\n"
        "  askcsv check ecommerce --sql 'SELECT count(*) FROM orders'\n"
        "  askcsv check sales.csv --sql-file report.sql --format json\n"
        "\n"
        "Exit status: 0 allowed, 3 refused, 1 could not be checked, 2 usage. The verdict is on\n"
        "standard output, the reason on standard error; as JSON {\"allowed\", \"error\"} both are\n"
        "on standard output.\n";

struct check_options {
        const char *source;
        const char *sql;
        const char *sql_file;
        const char *format;
};

static int parse(int argc, char **argv, struct check_options *options, bool *help_wanted,
                 struct error *err)
{
        static const char *const formats[] = {"text", "json", NULL};
        struct arguments arguments;
        const struct option_spec specs[] = {
                {.name = "--sql", .text = &options->sql},
                {.name = "--sql-file", .text = &options->sql_file},
                {.name = "--format", .text = &options->format, .choices = formats},
        };
        int r = options_parse(specs, ARRAY_SIZE(specs), 1, argc, argv, &arguments, err);
        *help_wanted = arguments.help;
        if (r < 0 || arguments.help)
                return r;
        options->source = arguments.n ? arguments.items[0] : NULL;
        if (!options->source)
                return error_set(err, ERROR_USAGE,
                                 "check needs a SOURCE: a dataset's id, or files such as "
                                 "a.csv,b.csv");
        if (!options->sql == !options->sql_file)
                return error_set(err, ERROR_USAGE, "check needs --sql or --sql-file");
        return 0;
}

static json_t *verdict_to_json(const struct error *why)
{
        json_t *error = json_null();
        if (why->type != ERROR_NONE)
                error = json_pack("{s:s,s:s}", "type", error_type_name(why->type), "message",
                                  why->message);
        if (error && why->position > 0)
                (void)json_object_set_new(error, "position", json_integer(why->position));
        return json_pack("{s:b,s:o}", "allowed", why->type == ERROR_NONE, "error", error);
}

static int show_json(const struct error *why, int status)
{
        _cleanup_json_ json_t *verdict = verdict_to_json(why);
        _cleanup_buf_ struct buf out = {0};
        struct error err = {0};
        buf_init(&out, OUTPUT_BYTES_MAX);
        if (!verdict || json_put(verdict, &out, &err) < 0) {
                (void)error_oom(&err);
                return report_error(&err, NULL);
        }
        buf_putc(&out, '\n');
        return output_write(&out, status);
}

static int show_text(const struct error *why, const char *sql, int status)
{
        _cleanup_buf_ struct buf out = {0};
        buf_init(&out, OUTPUT_BYTES_MAX);
        buf_puts(&out, why->type == ERROR_NONE ? "allowed\n" : "refused\n");
        status = output_write(&out, status);
        if (why->type != ERROR_NONE)
                (void)report_error(why, sql);
        return status;
}

static void source_freep(struct source **source)
{
        source_free(*source);
}

static void executor_freep(struct executor **executor)
{
        executor_free(*executor);
}

static int check_with(const struct check_options *options, struct error *err)
{
        _cleanup_session_ struct session session = {0};
        _cleanup_(source_freep) struct source *source = NULL;
        _cleanup_(executor_freep) struct executor *executor = NULL;
        _cleanup_buf_ struct buf text = {0};
        struct error why = {0};
        int r = session_open(SESSION_READ, &session, err);
        if (r == 0)
                r = source_open(session.registry, session.datasets_folder, options->source, true,
                                &source, err);
        if (r == 0 && options->sql_file)
                r = query_read(options->sql_file, &text, err);
        if (r == 0)
                r = executor_open("local", NULL, source->data_root, &executor, err);
        if (r < 0 || !source)
                return r;
        const char *sql = options->sql ? options->sql : buf_text(&text);
        size_t n = options->sql ? strlen(options->sql) : text.len;
        (void)run_check(executor, source->dataset, sql, n, -1, &why);
        int status = error_exit_status(why.type);
        if (why.type != ERROR_NONE && status != error_exit_status(ERROR_VALIDATION)) {
                *err = why; /* no verdict */
                return -(int)why.type;
        }
        return options->format && strcmp(options->format, "json") == 0
                       ? show_json(&why, status)
                       : show_text(&why, sql, status);
}

static int run(const struct surface *surface, int argc, char **argv)
{
        struct check_options options = {0};
        struct error err = {0};
        bool help_wanted = false;
        (void)surface;
        int r = parse(argc, argv, &options, &help_wanted, &err);
        if (r < 0)
                return report_usage(&err, "check");
        if (help_wanted)
                return command_help(&cmd_check);
        r = check_with(&options, &err);
        return r < 0 ? report_error(&err, NULL) : r;
}

const struct command cmd_check = {
        .name = "check",
        .summary = "the policy's verdict on SQL; nothing is run",
        .help = help,
        .run = run,
};
