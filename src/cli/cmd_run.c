#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/answer.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/query.h"
#include "cli/report.h"
#include "cli/session.h"
#include "cli/stop.h"
#include "run/run.h"
#include "run/source.h"

#include <string.h>

static const char help[] =
        "askcsv run SOURCE (--plan FILE|- | --sql TEXT | --sql-file FILE|-) [options]\n"
        "\n"
        "Runs a query plan or SQL in a sandbox and shows the answer. SOURCE is a dataset's id\n"
        "(askcsv datasets list) or files: each becomes a table named after it.\n"
        "\n"
        "  askcsv run ecommerce --sql 'SELECT status, count(*) FROM orders GROUP BY status'\n"
        "  askcsv run sales.csv --sql 'SELECT * FROM sales LIMIT 5'\n"
        "  askcsv run a.csv,b.parquet --sql 'SELECT * FROM a JOIN b USING (id)' --format csv\n"
        "  askcsv run ecommerce --plan datasets/golden/ecommerce-1.plan.json --explain\n"
        "  some-planner | askcsv run support --plan - --format json\n"
        "\n"
        "A plan about files names the dataset_id \"files\".\n"
        "\n"
        "  --plan FILE        a query plan (askcsv plan schema); - is standard input\n"
        "  --sql TEXT         one SELECT\n"
        "  --sql-file FILE    the same from a file; - is standard input\n"
        "  --format F         table (default), json (the whole capsule), csv\n"
        "  --explain          show the SQL as well\n"
        "  --as-of T          what now() and \"last 7 days\" count from (2026-01-31T00:00:00Z);\n"
        "                     default: the dataset's own moment; for files, now\n"
        "  --executor E       local (default), docker: in a container of its own, kubernetes: as\n"
        "                     a Job of its own; default: the setting \"executor\"\n"
        "  --timeout-ms N     stop after N milliseconds (default 30000)\n"
        "  --max-rows N       show at most N rows (default 1000)\n"
        "  --memory-mb N      let the engine use N MB (default 1024)\n"
        "\n"
        "Exit status: 0 answered, 1 failed, 2 usage, 3 rejected, 4 timed out, 6 resources\n"
        "exceeded, 130 stopped. Every run leaves a capsule (askcsv capsules show last).\n";

struct run_options {
        const char *source;
        const char *plan;
        const char *sql;
        const char *sql_file;
        const char *as_of;
        const char *format;
        const char *executor;
        bool explain;
        struct limits limits;
};

static int check_options(const struct run_options *options, struct error *err)
{
        int queries = !!options->plan + !!options->sql + !!options->sql_file;
        int64_t moment;
        if (!options->source)
                return error_set(
                        err, ERROR_USAGE,
                        "run needs a SOURCE: a dataset's id, or files such as a.csv,b.csv");
        if (queries != 1)
                return error_set(err, ERROR_USAGE, "run needs %s --plan, --sql and --sql-file",
                                 queries ? "only one of" : "one of");
        if (options->as_of && !clock_parse(options->as_of, &moment))
                return error_set(err, ERROR_USAGE,
                                 "--as-of takes a moment such as 2026-01-31T00:00:00Z, not "
                                 "\"%.60s\"",
                                 options->as_of);
        return limits_check(&options->limits, err); /* reported as usage like the others */
}

static int parse(int argc, char **argv, struct run_options *options, bool *help_wanted,
                 struct error *err)
{
        struct arguments arguments;
        const struct option_spec specs[] = {
                {.name = "--plan", .text = &options->plan},
                {.name = "--sql", .text = &options->sql},
                {.name = "--sql-file", .text = &options->sql_file},
                {.name = "--as-of", .text = &options->as_of},
                {.name = "--format", .text = &options->format, .choices = answer_format_names},
                {.name = "--executor", .text = &options->executor},
                {.name = "--explain", .flag = &options->explain},
                {.name = "--timeout-ms", .number = &options->limits.timeout_ms},
                {.name = "--max-rows", .number = &options->limits.max_rows},
                {.name = "--memory-mb", .number = &options->limits.memory_mb},
        };
        int r = options_parse(specs, ARRAY_SIZE(specs), 1, argc, argv, &arguments, err);
        *help_wanted = arguments.help;
        if (r < 0 || arguments.help)
                return r;
        options->source = arguments.n ? arguments.items[0] : NULL;
        return check_options(options, err);
}

static int read_query(const struct run_options *options, struct run_input *input, struct buf *text,
                      struct error *err)
{
        const char *path = options->plan ? options->plan : options->sql_file;
        if (options->sql) {
                input->sql = options->sql;
                input->sql_bytes = strlen(options->sql);
                return 0;
        }
        int r = query_read(path, text, err);
        if (r < 0)
                return r;
        if (options->plan) {
                input->plan_text = buf_text(text);
                input->plan_bytes = text->len;
        } else {
                input->sql = buf_text(text);
                input->sql_bytes = text->len;
        }
        return 0;
}

static void source_freep(struct source **source)
{
        source_free(*source);
}

static void executor_freep(struct executor **executor)
{
        executor_free(*executor);
}

/* From here on a signal ends the run in order. */
static int execute(struct session *session, struct executor *executor, struct run_input *input,
                   struct capsule **ret, bool *stopped, struct error *err)
{
        struct stop stop = {.fd = -1};
        int r = stop_begin(&stop, err);
        if (r < 0)
                return r;
        input->cancel_fd = stop.fd;
        r = run_execute(session->store, executor, input, ret, err);
        *stopped = stop_end(&stop);
        return r;
}

/* A signal that came too late to stop the run is obeyed all the same. */
static int stopped_late(const struct capsule *capsule)
{
        report_note("stopped; the run had %s: askcsv capsules show %s",
                    run_state_name(capsule->state), capsule_run_id(capsule));
        return error_exit_status(ERROR_CANCELLED);
}

static int run_with(const struct run_options *options, const struct surface *surface,
                    struct error *err)
{
        _cleanup_session_ struct session session = {0};
        _cleanup_(source_freep) struct source *source = NULL;
        _cleanup_(executor_freep) struct executor *executor = NULL;
        _cleanup_capsule_ struct capsule *capsule = NULL;
        _cleanup_buf_ struct buf text = {0};
        bool stopped = false;
        struct run_input input = {
                .planner = "none", .as_of = options->as_of, .limits = options->limits};
        int r = session_open(SESSION_READ, &session, err);
        session.executor = options->executor;
        if (r == 0)
                r = source_open(session.registry, session.datasets_folder, options->source, false,
                                &source, err);
        if (r == 0)
                r = read_query(options, &input, &text, err);
        if (r < 0 || !source)
                return r;
        query_tell_tables(source);
        input.dataset = source->dataset;
        r = session_executor(&session, source->data_root, &executor, err);
        if (r < 0)
                return r;
        /* It gets ready while the store opens. If it cannot, the run will say so in its capsule. */
        struct error later = {0};
        (void)executor_prepare(executor, &later);
        r = session_add_store(&session, err);
        if (r == 0)
                r = execute(&session, executor, &input, &capsule, &stopped, err);
        if (r < 0)
                return r;
        if (stopped && capsule->state != RUN_CANCELLED)
                return stopped_late(capsule);
        return answer_show(capsule, answer_format_of(options->format), options->explain, surface);
}

static int run(const struct surface *surface, int argc, char **argv)
{
        struct run_options options = {.limits = LIMITS_DEFAULT};
        struct error err = {0};
        bool help_wanted = false;
        int r = parse(argc, argv, &options, &help_wanted, &err);
        if (r < 0)
                return report_usage(&err, "run");
        if (help_wanted)
                return command_help(&cmd_run);
        r = run_with(&options, surface, &err);
        return r < 0 ? report_error(&err, NULL) : r;
}

const struct command cmd_run = {
        .name = "run",
        .summary = "run a plan or SQL on a dataset or on files",
        .help = help,
        .run = run,
};
