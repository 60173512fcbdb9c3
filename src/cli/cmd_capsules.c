#include "base/cleanup.h"
#include "base/json.h"
#include "capsule/retention.h"
#include "cli/capsules_show.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/report.h"
#include "cli/session.h"
#include "cli/table.h"
#include "cli/text.h"

#include <stdio.h>
#include <string.h>

#define LIST_LIMIT_DEFAULT 20
#define DAYS_MAX 36500
#define ASKED_WIDTH 40
#define ASKED_SIZE 200

static const char list_help[] =
        "askcsv capsules list [--dataset ID] [--status S] [--limit N] [--format table|json]\n"
        "\n"
        "The runs that were made, newest first (20 unless --limit says otherwise; 0: all).\n"
        "\n"
        "  askcsv capsules list --dataset ecommerce --status failed\n"
        "  askcsv capsules list --limit 0 --format json\n"
        "\n"
        "S is one of pending, running, succeeded, failed, rejected, timed_out, cancelled,\n"
        "abstained. Runs on files have the dataset \"files\".\n";

static const char show_help[] =
        "askcsv capsules show RUN [--brief] [--format table|json]\n"
        "\n"
        "One run: what was asked and how it was read, the SQL, the data, how it ran, and its\n"
        "answer, or why there is none. RUN is a run's id, its first 8 or more characters, or\n"
        "\"last\".\n"
        "\n"
        "  askcsv capsules show last\n"
        "  askcsv capsules show last --brief\n"
        "\n"
        "--brief leaves out the SQL, the answer, and how it ran.\n";

static const char export_help[] =
        "askcsv capsules export RUN\n"
        "\n"
        "The whole capsule as canonical JSON (RFC 8785). SHA-256 over that text without the\n"
        "member capsule_hash is capsule_hash.\n"
        "\n"
        "  askcsv capsules export last > run.json\n";

static const char check_help[] =
        "askcsv capsules check\n"
        "\n"
        "Checks the hashes of all capsules and the chain that they form. Exit status: 0 intact,\n"
        "1 otherwise, and the first fault is named.\n";

static const char prune_help[] =
        "askcsv capsules prune [--days N] [--count N] [--dry-run]\n"
        "\n"
        "Removes the oldest capsules: those that are older than N days, and all but the newest N.\n"
        "The chain of those that are left can still be checked: what was removed is recorded by a\n"
        "capsule of its own. Runs that have not ended, and capsules that were altered, stay. The\n"
        "file keeps its size; later capsules take the room.\n"
        "\n"
        "  askcsv capsules prune --days 90\n"
        "  askcsv capsules prune --count 10000 --dry-run\n"
        "\n"
        "--dry-run says how many would be removed. \"askcsv serve\" does it by itself with the\n"
        "settings retention_days and retention_count.\n";

static const char help[] =
        "askcsv capsules list          the runs, newest first\n"
        "askcsv capsules show RUN      one run\n"
        "askcsv capsules export RUN    its capsule as canonical JSON\n"
        "askcsv capsules check         all hashes, and the chain\n"
        "askcsv capsules prune         removes the oldest ones\n"
        "\n"
        "Every run leaves a capsule: an unchangeable record of what was asked, on\n"
        "which data, how it ran, and what came out. RUN may be \"last\".\n"
        "\n"
        "  askcsv capsules show last\n"
        "  askcsv capsules list --status rejected\n";

static const char *const formats[] = {"table", "json", NULL};

static bool is_json(const char *format)
{
        return format && strcmp(format, "json") == 0;
}

/* Rows of the list, as a result that can be drawn. */
struct listing {
        json_t *rows;
        bool has_reading; /* one of them was asked in words and understood */
        struct error *err;
};

/* The first line of the text, short. */
static const char *shorten(const char *text, char out[ASKED_SIZE])
{
        size_t width;
        size_t n = text_fit(text, strcspn(text, "\n"), ASKED_WIDTH, &width);
        if (n > ASKED_SIZE - 4)
                n = 0; /* characters without a width, in heaps */
        (void)snprintf(out, ASKED_SIZE, "%.*s%s", (int)n, text, text[n] ? "..." : "");
        return out;
}

static int list_row(const struct capsule *capsule, void *data)
{
        struct listing *listing = data;
        const json_t *body = capsule->body;
        const char *dataset = json_get_string(body, "dataset_id");
        const char *question = json_get_string(body, "question");
        const char *sql = json_get_string(body, "sql");
        const char *reading = json_get_string(json_object_get(body, "reading"), "sentence");
        char asked[ASKED_SIZE];
        char read_as[ASKED_SIZE];
        json_t *what = json_string(shorten(question ? question : sql ? sql : "", asked));
        json_t *how = json_string(shorten(reading ? reading : "", read_as));
        json_t *rows = json_object_get(json_object_get(body, "result"), "row_count");
        json_t *row = json_pack("[s,s,s,s?,O?,o,o]", capsule_run_id(capsule),
                                json_get_string(body, "created_at"), run_state_name(capsule->state),
                                dataset, rows, what ? what : json_null(), how ? how : json_null());
        listing->has_reading = listing->has_reading || reading;
        return json_array_append_new(listing->rows, row) < 0 ? error_oom(listing->err) : 0;
}

/* {"run_id","created_at","status","dataset_id","question","query_mode","planner","reading",
 *  "result_hash","row_count","error"} */
static int list_object(const struct capsule *capsule, void *data)
{
        static const char *const members[] = {"run_id",     "created_at", "status",
                                              "dataset_id", "question",   "query_mode",
                                              "planner",    "reading",    "result_hash"};
        struct listing *listing = data;
        const json_t *body = capsule->body;
        _cleanup_json_ json_t *object = json_object();
        json_t *rows = json_object_get(json_object_get(body, "result"), "row_count");
        json_t *type = json_object_get(json_object_get(body, "error"), "type");
        int r = object ? 0 : -1;
        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(members); i++) {
                json_t *member = json_object_get(body, members[i]); /* an old one has no reading */
                r = json_object_set_new(object, members[i],
                                        member ? json_incref(member) : json_null());
        }
        if (r == 0)
                r = json_object_set_new(object, "row_count",
                                        rows ? json_incref(rows) : json_null());
        if (r == 0)
                r = json_object_set_new(object, "error", type ? json_incref(type) : json_null());
        if (r == 0)
                r = json_array_append(listing->rows, object);
        return r < 0 ? error_oom(listing->err) : 0;
}

static void leave_out_last(json_t *columns, json_t *types, json_t *rows)
{
        size_t last = json_array_size(columns) - 1;
        size_t i;
        json_t *row;
        (void)json_array_remove(columns, last);
        (void)json_array_remove(types, last);
        json_array_foreach(rows, i, row)
        {
                (void)json_array_remove(row, last);
        }
}

static int put_listing(const struct listing *listing, const struct surface *surface, bool json,
                       struct buf *out, struct error *err)
{
        if (json) {
                int r = json_put(listing->rows, out, err);
                buf_putc(out, '\n');
                return r;
        }
        if (json_array_size(listing->rows) == 0) {
                report_note("there are no such runs yet");
                return 0;
        }
        _cleanup_json_ json_t *columns = json_pack("[s,s,s,s,s,s,s]", "run", "created", "status",
                                                   "dataset", "rows", "asked", "read as");
        _cleanup_json_ json_t *types = json_pack("[s,s,s,s,s,s,s]", "VARCHAR", "VARCHAR", "VARCHAR",
                                                 "VARCHAR", "BIGINT", "VARCHAR", "VARCHAR");
        if (!columns || !types)
                return error_oom(err);
        if (!listing->has_reading)
                leave_out_last(columns, types, listing->rows);
        table_draw(out, columns, types, listing->rows, &surface->out);
        return 0;
}

static int list(const struct capsule_filter *filter, bool json, const struct surface *surface,
                struct error *err)
{
        _cleanup_session_ struct session session = {0};
        _cleanup_json_ json_t *rows = json_array();
        _cleanup_buf_ struct buf out = {0};
        struct listing listing = {.rows = rows, .err = err};
        buf_init(&out, OUTPUT_BYTES_MAX);
        if (!rows)
                return error_oom(err);
        int r = session_open(SESSION_STORE, &session, err);
        if (r == 0)
                r = capsule_store_list(session.store, filter, json ? list_object : list_row,
                                       &listing, err);
        if (r == 0)
                r = put_listing(&listing, surface, json, &out, err);
        return r < 0 ? r : output_write(&out, 0);
}

static int run_list(const struct surface *surface, int argc, char **argv);
static int run_show(const struct surface *surface, int argc, char **argv);
static int run_export(const struct surface *surface, int argc, char **argv);
static int run_check_all(const struct surface *surface, int argc, char **argv);
static int run_prune(const struct surface *surface, int argc, char **argv);

static const struct command parts[] = {
        {.name = "list", .summary = "the runs", .help = list_help, .run = run_list},
        {.name = "show", .summary = "one run", .help = show_help, .run = run_show},
        {.name = "export", .summary = "its capsule", .help = export_help, .run = run_export},
        {.name = "check", .summary = "the chain", .help = check_help, .run = run_check_all},
        {.name = "prune", .summary = "removes old ones", .help = prune_help, .run = run_prune},
};

static int run_list(const struct surface *surface, int argc, char **argv)
{
        struct capsule_filter filter = {.limit = LIST_LIMIT_DEFAULT};
        struct arguments arguments;
        struct error err = {0};
        const char *format = NULL;
        const struct option_spec specs[] = {
                {.name = "--dataset", .text = &filter.dataset_id},
                {.name = "--status", .text = &filter.status},
                {.name = "--limit", .number = &filter.limit},
                {.name = "--format", .text = &format, .choices = formats},
        };
        int r = options_parse(specs, ARRAY_SIZE(specs), 0, argc, argv, &arguments, &err);
        if (r < 0)
                return report_usage(&err, "capsules list");
        if (arguments.help)
                return command_help(&parts[0]);
        r = list(&filter, is_json(format), surface, &err);
        return r < 0 ? report_error(&err, NULL) : r;
}

static int get(const char *run_id, struct session *session, struct capsule **ret, struct error *err)
{
        int r = session_open(SESSION_STORE, session, err);
        return r < 0 ? r : capsule_store_get(session->store, run_id, ret, err);
}

static int write_json(const struct capsule *capsule, bool canonical, struct error *err)
{
        _cleanup_buf_ struct buf out = {0};
        buf_init(&out, OUTPUT_BYTES_MAX);
        int r = canonical ? json_canonical(capsule->body, &out, err)
                          : capsule_write(capsule, &out, err);
        buf_putc(&out, '\n');
        return r < 0 ? r : output_write(&out, 0);
}

static int take_run(const char *what, const struct arguments *arguments, struct error *err)
{
        if (arguments->help || arguments->n == 1)
                return 0;
        return error_set(err, ERROR_USAGE, "capsules %s needs a RUN: a run's id, or \"last\"",
                         what);
}

static int run_show(const struct surface *surface, int argc, char **argv)
{
        _cleanup_session_ struct session session = {0};
        _cleanup_capsule_ struct capsule *capsule = NULL;
        struct arguments arguments;
        struct error err = {0};
        const char *format = NULL;
        bool brief = false;
        const struct option_spec specs[] = {
                {.name = "--format", .text = &format, .choices = formats},
                {.name = "--brief", .flag = &brief},
        };
        int r = options_parse(specs, ARRAY_SIZE(specs), 1, argc, argv, &arguments, &err);
        if (r == 0)
                r = take_run("show", &arguments, &err);
        if (r < 0)
                return report_usage(&err, "capsules show");
        if (arguments.help)
                return command_help(&parts[1]);
        r = get(arguments.items[0], &session, &capsule, &err);
        if (r == 0 && is_json(format))
                r = write_json(capsule, false, &err);
        else if (r == 0)
                r = brief ? capsules_show_brief(capsule) : capsules_show(capsule, surface);
        return r < 0 ? report_error(&err, NULL) : r;
}

static int run_export(const struct surface *surface, int argc, char **argv)
{
        _cleanup_session_ struct session session = {0};
        _cleanup_capsule_ struct capsule *capsule = NULL;
        struct arguments arguments;
        struct error err = {0};
        (void)surface;
        int r = options_parse(NULL, 0, 1, argc, argv, &arguments, &err);
        if (r == 0)
                r = take_run("export", &arguments, &err);
        if (r < 0)
                return report_usage(&err, "capsules export");
        if (arguments.help)
                return command_help(&parts[2]);
        r = get(arguments.items[0], &session, &capsule, &err);
        if (r == 0)
                r = write_json(capsule, true, &err);
        return r < 0 ? report_error(&err, NULL) : r;
}

static int check_all(struct error *err)
{
        _cleanup_session_ struct session session = {0};
        _cleanup_buf_ struct buf out = {0};
        enum capsule_fault fault = CAPSULE_INTACT;
        char message[ERROR_MESSAGE_MAX] = "";
        size_t checked = 0;
        struct chain_head head = {0};
        buf_init(&out, OUTPUT_BYTES_MAX);
        int r = session_open(SESSION_STORE, &session, err);
        if (r == 0)
                r = capsule_store_check_all(session.store, &fault, message, &checked, err);
        if (r == 0)
                r = capsule_store_head(session.store, &head, err);
        if (r < 0)
                return r;
        if (fault == CAPSULE_INTACT && head.removed > 0)
                buf_printf(&out,
                           "intact: %zu capsules (%lld before them were removed by "
                           "retention)\n",
                           checked, (long long)head.removed);
        else if (fault == CAPSULE_INTACT)
                buf_printf(&out, "intact: %zu capsules\n", checked);
        else
                buf_printf(&out, "%s\n", capsule_fault_name(fault));
        int status = output_write(&out, fault == CAPSULE_INTACT ? 0 : 1);
        if (fault != CAPSULE_INTACT)
                report_note("%s (%zu capsules before it are sound)", message, checked);
        return status;
}

static int run_check_all(const struct surface *surface, int argc, char **argv)
{
        struct arguments arguments;
        struct error err = {0};
        (void)surface;
        int r = options_parse(NULL, 0, 0, argc, argv, &arguments, &err);
        if (r < 0)
                return report_usage(&err, "capsules check");
        if (arguments.help)
                return command_help(&parts[3]);
        r = check_all(&err);
        return r < 0 ? report_error(&err, NULL) : r;
}

/* Until nothing is left to be removed; *ret_removed is how many went, also when it fails. */
static int prune_all(struct capsule_store *store, const struct retention_rule *rule,
                     int64_t *ret_removed, struct error *err)
{
        struct retention_outcome outcome = {.more = true};
        int r = 0;
        while (r == 0 && outcome.more) {
                r = retention_prune(store, rule, &outcome, err);
                *ret_removed += outcome.removed;
        }
        return r;
}

static int prune(const struct retention_rule *rule, bool dry_run, struct error *err)
{
        _cleanup_session_ struct session session = {0};
        _cleanup_buf_ struct buf out = {0};
        int64_t removed = 0;
        buf_init(&out, OUTPUT_BYTES_MAX);
        int r = session_open(SESSION_STORE, &session, err);
        if (r == 0)
                r = dry_run ? retention_count(session.store, rule, &removed, err)
                            : prune_all(session.store, rule, &removed, err);
        if (r < 0 && removed > 0)
                report_note("removed: %lld capsules, and then:", (long long)removed);
        if (r < 0)
                return r;
        buf_printf(&out, "%s: %lld capsules\n", dry_run ? "would be removed" : "removed",
                   (long long)removed);
        return output_write(&out, 0);
}

static int check_rule(const struct retention_rule *rule, struct error *err)
{
        if (rule->days > DAYS_MAX)
                return error_set(err, ERROR_USAGE, "--days takes 1 to %d days", DAYS_MAX);
        if (rule->days > 0 || rule->count > 0)
                return 0;
        return error_set(
                err, ERROR_USAGE,
                "capsules prune needs --days N or --count N, from 1: what is older, or all "
                "but the newest, goes");
}

static int run_prune(const struct surface *surface, int argc, char **argv)
{
        struct retention_rule rule = {0};
        struct arguments arguments;
        struct error err = {0};
        bool dry_run = false;
        const struct option_spec specs[] = {
                {.name = "--days", .number = &rule.days},
                {.name = "--count", .number = &rule.count},
                {.name = "--dry-run", .flag = &dry_run},
        };
        (void)surface;
        int r = options_parse(specs, ARRAY_SIZE(specs), 0, argc, argv, &arguments, &err);
        if (r == 0 && !arguments.help)
                r = check_rule(&rule, &err);
        if (r < 0)
                return report_usage(&err, "capsules prune");
        if (arguments.help)
                return command_help(&parts[4]);
        r = prune(&rule, dry_run, &err);
        return r < 0 ? report_error(&err, NULL) : r;
}

const struct command cmd_capsules = {
        .name = "capsules",
        .summary = "the record of every run: list, show, export, check, prune",
        .help = help,
        .parts = parts,
        .n_parts = ARRAY_SIZE(parts),
};
