#include "base/cleanup.h"
#include "base/clock.h"
#include "base/uuid.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/query.h"
#include "cli/report.h"
#include "cli/session.h"
#include "plan/plan.h"
#include "run/describe.h"
#include "run/source.h"

#include <string.h>

static const char compile_help[] =
        "askcsv plan compile FILE|- [--source SOURCE] [--as-of T]\n"
        "\n"
        "Checks a query plan and prints its SQL; nothing is run. The plan names its dataset; a\n"
        "plan about files (dataset_id \"files\") needs --source, and the files are then opened in\n"
        "the sandbox to learn their columns.\n"
        "\n"
        "  askcsv plan compile datasets/golden/ecommerce-1.plan.json\n"
        "  echo "
        "'{\"dataset_id\":\"support\",\"table\":\"tickets\",\"select\":[{\"func\":\"count\",\n"
        "    \"alias\":\"n\"}]}' | askcsv plan compile -\n"
        "  askcsv plan compile my.json --source sales.csv\n"
        "\n"
        "  --as-of T    what \"last 7 days\" counts from; default: the dataset's own moment, or "
        "now\n"
        "\n"
        "Exit status: 0 the plan is valid, 3 it is not (every fault is listed with its place).\n";

static const char schema_help[] = "askcsv plan schema\n"
                                  "\n"
                                  "Prints the JSON Schema (2020-12) of query plans.\n"
                                  "\n"
                                  "  askcsv plan schema > query-plan.v1.json\n";

static const char help[] =
        "askcsv plan compile FILE|-    a plan's SQL\n"
        "askcsv plan schema            the JSON Schema of plans\n"
        "\n"
        "A query plan is a small JSON document: a table, what to select, filters,\n"
        "groups, an order, a limit. docs/PLAN.md teaches it.\n"
        "\n"
        "  askcsv plan compile datasets/golden/ecommerce-1.plan.json\n"
        "  askcsv help plan compile\n";

struct compile_options {
        const char *file;
        const char *source;
        const char *as_of;
};

static int parse(int argc, char **argv, struct compile_options *options, bool *help_wanted,
                 struct error *err)
{
        struct arguments arguments;
        const struct option_spec specs[] = {
                {.name = "--source", .text = &options->source},
                {.name = "--as-of", .text = &options->as_of},
        };
        int64_t moment;
        int r = options_parse(specs, ARRAY_SIZE(specs), 1, argc, argv, &arguments, err);
        *help_wanted = arguments.help;
        if (r < 0 || arguments.help)
                return r;
        options->file = arguments.n ? arguments.items[0] : NULL;
        if (!options->file)
                return error_set(err, ERROR_USAGE,
                                 "plan compile needs a FILE, or - for standard "
                                 "input");
        if (options->as_of && !clock_parse(options->as_of, &moment))
                return error_set(err, ERROR_USAGE,
                                 "--as-of takes a moment such as 2026-01-31T00:00:00Z, not "
                                 "\"%.60s\"",
                                 options->as_of);
        return 0;
}

/* What is under way, and let go of together. */
struct compilation {
        struct session session;
        struct source *source;
        struct executor *executor;
        struct dataset *described;
        struct plan *plan;
        struct plan_faults faults;
        struct buf text;
        struct buf sql;
};

static void compilation_done(struct compilation *it)
{
        plan_free(it->plan);
        plan_faults_done(&it->faults);
        dataset_free(it->described);
        executor_free(it->executor);
        source_free(it->source);
        session_done(&it->session);
        buf_done(&it->text);
        buf_done(&it->sql);
}

/* The registry knows its datasets' columns; files have to be looked at. */
static int find_dataset(struct compilation *it, const char *source, const struct dataset **ret,
                        struct error *err)
{
        const char *id = source ? source : plan_dataset_id(it->plan);
        const struct limits limits = LIMITS_DEFAULT;
        char run_id[UUID_TEXT_SIZE];
        *ret = registry_find(it->session.registry, id);
        if (*ret)
                return 0;
        if (!source && strcmp(id, SOURCE_FILES_ID) == 0)
                return error_set(err, ERROR_USAGE,
                                 "the plan is about files; name them: --source a.csv,b.csv");
        if (!source) {
                const char *nearest = registry_nearest(it->session.registry, id);
                return error_set(err, ERROR_VALIDATION, "there is no dataset \"%.64s\"%s%s%s", id,
                                 nearest ? "; did you mean " : "", nearest ? nearest : "",
                                 nearest ? "?" : "");
        }
        int r = source_open(it->session.registry, it->session.datasets_folder, source, false,
                            &it->source, err);
        if (r == 0)
                r = session_executor(&it->session, it->source->data_root, &it->executor, err);
        if (r == 0)
                r = uuid_v7(run_id, err);
        if (r == 0)
                r = dataset_describe(it->executor, it->source->dataset, run_id, &limits, -1,
                                     &it->described, err);
        *ret = it->described;
        return r;
}

static int moment_of(const struct compile_options *options, const struct dataset *dataset,
                     int64_t *ret, struct error *err)
{
        const char *text = options->as_of ? options->as_of : dataset->as_of;
        *ret = clock_utc_ms() / 1000;
        if (text && !clock_parse(text, ret))
                return error_set(err, ERROR_DATASET_INVALID, "the dataset's as_of is no moment");
        return 0;
}

static int compile(struct compilation *it, const struct compile_options *options, struct error *err)
{
        const struct dataset *dataset = NULL;
        int64_t as_of_s = 0;
        int r = session_open(SESSION_READ, &it->session, err);
        if (r == 0)
                r = query_read(options->file, &it->text, err);
        if (r == 0)
                r = plan_parse(buf_text(&it->text), it->text.len, &it->plan, &it->faults, err);
        if (r == 0)
                r = find_dataset(it, options->source, &dataset, err);
        if (r == 0)
                r = moment_of(options, dataset, &as_of_s, err);
        buf_init(&it->sql, REQUEST_SQL_MAX);
        if (r == 0)
                r = plan_compile(it->plan, dataset, as_of_s, &it->sql, &it->faults, err);
        return r;
}

static int report_refusal(const struct compilation *it, struct error *err)
{
        _cleanup_json_ json_t *faults = it->faults.n > 1 ? plan_faults_to_json(&it->faults) : NULL;
        if (faults)
                err->pointer[0] = '\0'; /* each has its own below */
        int status = report_error(err, NULL);
        report_faults(faults);
        return status;
}

static int run_compile(const struct surface *surface, int argc, char **argv);
static int run_schema(const struct surface *surface, int argc, char **argv);

static const struct command parts[] = {
        {.name = "compile", .summary = "a plan's SQL", .help = compile_help, .run = run_compile},
        {.name = "schema", .summary = "the JSON Schema", .help = schema_help, .run = run_schema},
};

static int run_compile(const struct surface *surface, int argc, char **argv)
{
        struct compile_options options = {0};
        struct error err = {0};
        bool help_wanted = false;
        (void)surface;
        int r = parse(argc, argv, &options, &help_wanted, &err);
        if (r < 0)
                return report_usage(&err, "plan compile");
        if (help_wanted)
                return command_help(&parts[0]);
        _cleanup_(compilation_done) struct compilation it = {0};
        plan_faults_init(&it.faults);
        r = compile(&it, &options, &err);
        if (r < 0)
                return report_refusal(&it, &err);
        if (it.sql.len > 0 && it.sql.data[it.sql.len - 1] != '\n')
                buf_putc(&it.sql, '\n');
        return output_write(&it.sql, 0);
}

static int run_schema(const struct surface *surface, int argc, char **argv)
{
        struct arguments arguments;
        struct error err = {0};
        (void)surface;
        if (options_parse(NULL, 0, 0, argc, argv, &arguments, &err) < 0)
                return report_usage(&err, "plan schema");
        if (arguments.help)
                return command_help(&parts[1]);
        _cleanup_buf_ struct buf out = {0};
        buf_init(&out, OUTPUT_BYTES_MAX);
        buf_puts(&out, plan_schema_text());
        return output_write(&out, 0);
}

const struct command cmd_plan = {
        .name = "plan",
        .summary = "a query plan's SQL; the plans' JSON Schema",
        .help = help,
        .parts = parts,
        .n_parts = ARRAY_SIZE(parts),
};
