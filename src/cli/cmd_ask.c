#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/json.h"
#include "cli/abstention.h"
#include "cli/answer.h"
#include "cli/ask_model.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/query.h"
#include "cli/report.h"
#include "cli/session.h"
#include "cli/stop.h"
#include "planner/builtin.h"
#include "run/ask.h"
#include "run/source.h"
#include "server/config.h"

#include <string.h>
#include <unistd.h>

static const char help[] =
        "askcsv ask SOURCE QUESTION|- [options]\n"
        "\n"
        "Answers a question in plain English. SOURCE is a dataset's id (askcsv datasets list) or\n"
        "files: each becomes a table named after it. The question is turned into a query plan,\n"
        "with no language model and no network, unless one is set up (askcsv config show); the\n"
        "plan runs in a sandbox like any other.\n"
        "\n"
        "  askcsv ask ecommerce \"What were the 3 best months by revenue?\"\n"
        "  askcsv ask ecommerce --after last \"only for Books\"\n"
        "  askcsv ask sales.csv \"average price per region\" --explain\n"
        "  askcsv ask a.csv,b.csv how many rows are in a\n"
        "  echo \"How many tickets are open?\" | askcsv ask support - --format csv\n"
        "\n"
        "The first line says how the question was read. A question that has no sure reading is\n"
        "not answered: the reply says which words were not understood, what is near them, and\n"
        "what can be asked. On a terminal, when there are several readings, pick one.\n"
        "\n"
        "  --after RUN        go on from the plan of that run (its id, or \"last\")\n"
        "  --planner P        builtin, openai, anthropic, or auto (a language model that is set\n"
        "                     up, else builtin); default: the setting \"planner\"\n"
        "  --explain          show the plan and the SQL as well\n"
        "  --format F         table (default), json (the whole capsule), csv\n"
        "  --as-of T          what \"today\" and \"last 7 days\" count from "
        "(2026-01-31T00:00:00Z);\n"
        "                     default: the dataset's own moment; for files, now\n"
        "  --executor E       local (default), or docker: in a container of its own; default:\n"
        "                     the setting \"executor\" (askcsv config show)\n"
        "  --timeout-ms N     stop after N milliseconds (default 30000)\n"
        "  --max-rows N       show at most N rows (default 1000)\n"
        "  --memory-mb N      let the engine use N MB (default 1024)\n"
        "\n"
        "Exit status: 0 answered, 1 failed, 2 usage, 3 rejected, 4 timed out, 5 not answered\n"
        "(abstained), 6 resources exceeded, 130 stopped. Every question leaves a capsule (askcsv\n"
        "capsules show last).\n";

struct ask_options {
        const char *source;
        struct arguments arguments; /* the source, and the words of the question */
        const char *after;
        const char *as_of;
        const char *format;
        const char *executor;
        const char *planner;
        bool explain;
        struct limits limits;
};

static const char *const planner_names[] = {"auto", "builtin", "openai", "anthropic", NULL};

static int check_options(struct ask_options *options, struct error *err)
{
        int64_t moment;
        if (options->arguments.n < 1)
                return error_set(
                        err, ERROR_USAGE,
                        "ask needs a SOURCE: a dataset's id, or files such as a.csv,b.csv");
        options->source = options->arguments.items[0];
        if (options->arguments.n < 2)
                return error_set(err, ERROR_USAGE, "ask needs a question, or - for standard input");
        if (options->as_of && !clock_parse(options->as_of, &moment))
                return error_set(err, ERROR_USAGE,
                                 "--as-of takes a moment such as 2026-01-31T00:00:00Z, not "
                                 "\"%.60s\"",
                                 options->as_of);
        return limits_check(&options->limits, err); /* reported as usage like the others */
}

static int parse(int argc, char **argv, struct ask_options *options, struct error *err)
{
        const struct option_spec specs[] = {
                {.name = "--after", .text = &options->after},
                {.name = "--as-of", .text = &options->as_of},
                {.name = "--format", .text = &options->format, .choices = answer_format_names},
                {.name = "--planner", .text = &options->planner, .choices = planner_names},
                {.name = "--executor", .text = &options->executor},
                {.name = "--explain", .flag = &options->explain},
                {.name = "--timeout-ms", .number = &options->limits.timeout_ms},
                {.name = "--max-rows", .number = &options->limits.max_rows},
                {.name = "--memory-mb", .number = &options->limits.memory_mb},
        };
        int r = options_parse(specs, ARRAY_SIZE(specs), ARGUMENTS_MAX, argc, argv,
                              &options->arguments, err);
        return r < 0 || options->arguments.help ? r : check_options(options, err);
}

/* The question: the arguments behind the source with blanks between them, or standard input. */
static int read_question(const struct ask_options *options, struct buf *out, struct error *err)
{
        const struct arguments *words = &options->arguments;
        int r = 0;
        buf_init(out, QUESTION_BYTES_MAX);
        if (words->n == 2 && strcmp(words->items[1], "-") == 0) {
                r = fd_read_all(STDIN_FILENO, out, "the question", err);
                while (out->len > 0 && strchr("\r\n", out->data[out->len - 1]))
                        out->data[--out->len] = '\0';
        } else {
                for (size_t i = 1; i < words->n; i++)
                        buf_printf(out, "%s%s", i > 1 ? " " : "", words->items[i]);
        }
        if (out->state == BUF_TOO_LARGE)
                return error_set(err, ERROR_USAGE, "the question is longer than %d bytes",
                                 QUESTION_BYTES_MAX);
        return r < 0 ? r : buf_error(out, err, "the question");
}

/* What is under way, and let go of together. */
struct question {
        struct session session;
        struct source *source;
        struct executor *executor;
        struct capsule *before; /* the run that is gone on from, or NULL */
        struct buf text;
        struct planners *planners;
        struct planner_choice choice;
};

static void question_done(struct question *it)
{
        buf_done(&it->text);
        planners_free(it->planners);
        capsule_free(it->before);
        executor_free(it->executor);
        source_free(it->source);
        session_done(&it->session);
}

/* Whether the tables of a run on files are these. */
static bool same_files(const struct dataset *dataset, const json_t *tables)
{
        if (json_array_size(tables) != dataset->n_tables)
                return false;
        for (size_t i = 0; i < dataset->n_tables; i++) {
                const json_t *table = json_array_get(tables, i);
                const char *name = json_get_string(table, "name");
                const char *path = json_get_string(table, "path");
                if (!name || strcmp(name, dataset->tables[i].name) != 0 || !path ||
                    strcmp(path, dataset->tables[i].path) != 0)
                        return false;
        }
        return true;
}

/* The run that --after names, if its plan can be gone on from here. */
static int find_before(struct question *it, const char *run, struct error *err)
{
        char last[UUID_TEXT_SIZE] = "";
        const struct dataset *dataset = it->source->dataset;
        int r = strcmp(run, "last") == 0 ? run_last(it->session.store, last, err) : 0;
        if (r == 0)
                r = capsule_store_get(it->session.store, last[0] ? last : run, &it->before, err);
        if (r < 0)
                return r;
        const json_t *body = it->before->body;
        const char *id = json_get_string(body, "dataset_id");
        if (!id || strcmp(id, dataset->id) != 0)
                return error_set(err, ERROR_USAGE, "--after: the run %s was about %s, not about %s",
                                 capsule_run_id(it->before), id ? id : "no dataset", dataset->id);
        if (!it->source->registered && !same_files(dataset, json_object_get(body, "tables")))
                return error_set(err, ERROR_USAGE, "--after: the run %s was about other files",
                                 capsule_run_id(it->before));
        if (it->choice.model || json_is_object(json_object_get(body, "plan")))
                return 0;
        return error_set(err, ERROR_USAGE,
                         "--after: the run %s %s, so it has no plan to go on from; name another "
                         "(askcsv capsules list)",
                         capsule_run_id(it->before),
                         it->before->state == RUN_ABSTAINED ? "abstained" : "was not of a plan");
}

static void free_config(struct config **config)
{
        config_free(*config);
}

/* By the option, else by the settings. */
static int choose_planner(struct question *it, const char *name, struct error *err)
{
        _cleanup_(free_config) struct config *config = NULL;
        it->choice = (struct planner_choice){.name = "builtin"};
        if (name && strcmp(name, "builtin") == 0)
                return 0;
        int r = config_load(NULL, 0, it->session.home, &config, err);
        if (r == 0)
                r = config_check(config, err);
        if (r == 0)
                r = planners_open(config, &it->planners, err);
        if (r == 0)
                r = planners_choose(it->planners, name, &it->choice, err);
        return r;
}

static int prepare(struct question *it, const struct ask_options *options, struct error *err)
{
        int r = session_open(SESSION_READ, &it->session, err);
        it->session.executor = options->executor;
        if (r == 0)
                r = source_open(it->session.registry, it->session.datasets_folder, options->source,
                                false, &it->source, err);
        if (r == 0)
                r = read_question(options, &it->text, err);
        if (r == 0)
                r = choose_planner(it, options->planner, err);
        if (r < 0)
                return r;
        query_tell_tables(it->source);
        r = session_executor(&it->session, it->source->data_root, &it->executor, err);
        if (r < 0)
                return r;
        /* It gets ready while the store opens. If it cannot, the run will say so in its capsule. */
        struct error later = {0};
        (void)executor_prepare(it->executor, &later);
        r = session_add_store(&it->session, err);
        return r < 0 || !options->after ? r : find_before(it, options->after, err);
}

/* A signal that came too late to stop the run is obeyed all the same. */
static int stopped_late(const struct capsule *capsule)
{
        report_note("stopped; the run had %s: askcsv capsules show %s",
                    run_state_name(capsule->state), capsule_run_id(capsule));
        return error_exit_status(ERROR_CANCELLED);
}

static int show(const struct capsule *capsule, const struct ask_options *options, bool stopped,
                const struct surface *surface)
{
        if (stopped && capsule->state != RUN_CANCELLED)
                return stopped_late(capsule);
        return answer_show(capsule, answer_format_of(options->format), options->explain, surface);
}

/* From here on a signal ends the run in order. */
static int ask(const struct question *it, const struct ask_options *options, struct capsule **ret,
               bool *stopped, struct error *err)
{
        struct stop stop = {.fd = -1};
        int r = stop_begin(&stop, err);
        if (r < 0)
                return r;
        const struct ask_input input = {
                .dataset = it->source->dataset,
                .question = buf_text(&it->text),
                .question_bytes = it->text.len,
                .planner = &planner_builtin,
                .previous = it->before ? json_object_get(it->before->body, "plan") : NULL,
                .as_of = options->as_of,
                .limits = options->limits,
                .cancel_fd = stop.fd,
        };
        r = run_ask(it->session.store, it->executor, &input, ret, err);
        *stopped = stop_end(&stop);
        return r;
}

/* Runs the reading that the user picks; *status stays when none is. */
static int offer_choices(const struct question *it, const struct capsule *abstained,
                         const struct ask_options *options, const struct surface *surface,
                         int *status, struct error *err)
{
        const json_t *abstention = json_object_get(abstained->body, "abstention");
        _cleanup_capsule_ struct capsule *capsule = NULL;
        struct stop stop = {.fd = -1};
        size_t choice = 0;
        int r = abstention_choose(abstention_choices(abstention), &choice, err);
        if (r < 0 || choice == 0)
                return r;
        r = stop_begin(&stop, err);
        if (r < 0)
                return r;
        r = run_choice(it->session.store, it->executor, it->source->dataset, abstained, choice - 1,
                       stop.fd, &capsule, err);
        bool stopped = stop_end(&stop);
        if (r == 0)
                *status = show(capsule, options, stopped, surface);
        return r;
}

static bool can_choose(const struct capsule *capsule, const struct ask_options *options,
                       const struct surface *surface)
{
        return capsule->state == RUN_ABSTAINED &&
               abstention_choices(json_object_get(capsule->body, "abstention")) > 0 &&
               answer_format_of(options->format) == ANSWER_TABLE && surface->out.terminal &&
               isatty(STDIN_FILENO) == 1;
}

/* The run that the model's words go with: the last that succeeded, else the last. */
static const char *shown_run(const struct agent_answer *answer)
{
        size_t n = json_array_size(answer->run_ids);
        size_t runs = json_array_size(answer->runs);
        if (n > 0)
                return json_string_value(json_array_get(answer->run_ids, n - 1));
        return runs > 0 ? json_get_string(json_array_get(answer->runs, runs - 1), "run_id") : NULL;
}

static int show_model(const struct question *it, const struct ask_options *options,
                      const struct agent_answer *answer, const struct capsule *record,
                      const struct surface *surface, struct error *err)
{
        enum answer_format format = answer_format_of(options->format);
        const char *run_id = shown_run(answer);
        _cleanup_capsule_ struct capsule *capsule = NULL;
        int r = run_id ? capsule_store_get(it->session.store, run_id, &capsule, err) : 0;
        if (r < 0)
                return r;
        int status = answer_show_words(answer->text, format);
        if (capsule)
                return answer_show(capsule, format, options->explain, surface);
        if (format == ANSWER_JSON)
                return answer_show(record, format, options->explain, surface);
        return status == 0 && answer->end != AGENT_ANSWERED ? 1 : status;
}

/* A language model plans; its words come before the answer. */
static int ask_by_model(const struct question *it, const struct ask_options *options,
                        const struct surface *surface, struct error *err)
{
        _cleanup_(agent_answer_done) struct agent_answer answer = {0};
        _cleanup_capsule_ struct capsule *record = NULL;
        struct stop stop = {.fd = -1};
        int r = stop_begin(&stop, err);
        if (r < 0)
                return r;
        const struct ask_model_input input = {
                .planners = it->planners,
                .choice = &it->choice,
                .store = it->session.store,
                .executor = it->executor,
                .dataset = it->source->dataset,
                .question = buf_text(&it->text),
                .previous = it->before ? it->before->body : NULL,
                .as_of = options->as_of,
                .limits = options->limits,
                .cancel_fd = stop.fd,
        };
        r = ask_model(&input, &answer, &record, err);
        (void)stop_end(&stop);
        return r < 0 ? r : show_model(it, options, &answer, record, surface, err);
}

static int ask_with(const struct ask_options *options, const struct surface *surface,
                    struct error *err)
{
        _cleanup_(question_done) struct question it = {0};
        _cleanup_capsule_ struct capsule *capsule = NULL;
        bool stopped = false;
        int r = prepare(&it, options, err);
        if (r == 0 && it.choice.model)
                return ask_by_model(&it, options, surface, err);
        if (r == 0)
                r = ask(&it, options, &capsule, &stopped, err);
        if (r < 0)
                return r;
        int status = show(capsule, options, stopped, surface);
        if (!stopped && can_choose(capsule, options, surface))
                r = offer_choices(&it, capsule, options, surface, &status, err);
        return r < 0 ? r : status;
}

static int run(const struct surface *surface, int argc, char **argv)
{
        struct ask_options options = {.limits = LIMITS_DEFAULT};
        struct error err = {0};
        int r = parse(argc, argv, &options, &err);
        if (r < 0)
                return report_usage(&err, "ask");
        if (options.arguments.help)
                return command_help(&cmd_ask);
        r = ask_with(&options, surface, &err);
        return r < 0 ? report_error(&err, NULL) : r;
}

const struct command cmd_ask = {
        .name = "ask",
        .summary = "answer a question in plain English",
        .help = help,
        .run = run,
};
