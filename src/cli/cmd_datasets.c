#include "base/cleanup.h"
#include "base/fd.h"
#include "base/json.h"
#include "cli/command.h"
#include "cli/datasets_show.h"
#include "cli/options.h"
#include "cli/report.h"
#include "cli/session.h"
#include "cli/snapshots.h"
#include "cli/stop.h"
#include "cli/table.h"
#include "cli/validate.h"
#include "dataset/generate.h"
#include "run/describe.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char generate_help[] =
        "askcsv datasets generate [ID...]\n"
        "\n"
        "Makes the files of the datasets that ship with askcsv (all, or those named) in\n"
        "$ASKCSV_HOME/datasets/ID, the same bytes on every machine. Files that are there are\n"
        "replaced.\n"
        "\n"
        "  askcsv datasets generate\n"
        "  askcsv datasets generate ecommerce support\n";

static const char validate_help[] =
        "askcsv datasets validate [ID...]\n"
        "\n"
        "Checks every rule of the datasets that are there (all, or those named): hashes, keys,\n"
        "ranges, enumerations, NULLs, sums, times, counts; also that the registry's measures and\n"
        "segments are parts of plans. Names file, line and rule of the first ten faults of each.\n"
        "\n"
        "  askcsv datasets validate ecommerce\n"
        "\n"
        "Exit status: 0 valid, 1 not. The checks are runs like any other and leave capsules\n"
        "(planner \"validate\").\n";

static const char list_help[] =
        "askcsv datasets list [--format table|json]\n"
        "\n"
        "The datasets that can be asked by id, and the snapshots: what files became when they\n"
        "were read the first time, so that the next run need not read them again. askcsv doctor\n"
        "says which of them go when.\n";

static const char forget_help[] =
        "askcsv datasets forget SOURCE...\n"
        "askcsv datasets forget --all\n"
        "\n"
        "Removes the snapshots of a dataset, of a file, or of several files together (commas\n"
        "between them), and says what was freed. The files themselves stay; the next run reads\n"
        "them again. A run that is under way keeps its snapshot to its end.\n"
        "\n"
        "  askcsv datasets forget ecommerce\n"
        "  askcsv datasets forget sales.csv customers.csv,orders.csv\n";

static const char show_help[] =
        "askcsv datasets show ID [--format text|json]\n"
        "\n"
        "A dataset's tables, columns, relationships, and example questions.\n"
        "\n"
        "  askcsv datasets show ecommerce\n";

static const char help[] = "askcsv datasets generate [ID...]   make the files\n"
                           "askcsv datasets validate [ID...]   check every rule about them\n"
                           "askcsv datasets list               what there is, with snapshots\n"
                           "askcsv datasets show ID            tables, columns, example questions\n"
                           "askcsv datasets forget SOURCE...   remove snapshots\n"
                           "\n"
                           "  askcsv datasets generate && askcsv datasets validate\n"
                           "  askcsv datasets show ecommerce\n";

static bool is_json(const char *format)
{
        return format && strcmp(format, "json") == 0;
}

static int find(const struct registry *registry, const char *id, const struct dataset **ret,
                struct error *err)
{
        *ret = registry_find(registry, id);
        if (*ret)
                return 0;
        const char *nearest = registry_nearest(registry, id);
        return error_set(err, ERROR_DATASET_NOT_FOUND,
                         "there is no dataset %.100s%s%s%s (askcsv datasets list shows them)", id,
                         nearest ? "; did you mean " : "", nearest ? nearest : "",
                         nearest ? "?" : "");
}

/* Rows of a file that was just made: its generators put no line ends into fields. */
static int measure(const char *path, long long *rows, char sha256[HASH_HEX_SIZE], struct error *err)
{
        char chunk[65536];
        _cleanup_close_ int fd = -1;
        long long lines = 0;
        int r = fd_open_regular(path, &fd, err);
        if (r == 0)
                r = hash_fd_hex(fd, sha256, NULL, err);
        if (r < 0)
                return r;
        if (lseek(fd, 0, SEEK_SET) < 0)
                return error_errno(err, errno, "reading %s", path);
        ssize_t n;
        while ((n = read(fd, chunk, sizeof(chunk))) > 0)
                for (ssize_t i = 0; i < n; i++)
                        lines += chunk[i] == '\n';
        if (n < 0)
                return error_errno(err, errno, "reading %s", path);
        *rows = lines - 1; /* the header */
        return 0;
}

static int tell_table(const struct session *session, const struct dataset *dataset, size_t i,
                      struct buf *out, struct error *err)
{
        const struct table *table = &dataset->tables[i];
        _cleanup_free_ char *path = NULL;
        char sha256[HASH_HEX_SIZE];
        long long rows = 0;
        if (asprintf(&path, "%s/%s/%s", session->datasets_folder, dataset->id, table->path) < 0) {
                path = NULL;
                return error_oom(err);
        }
        int r = measure(path, &rows, sha256, err);
        if (r < 0)
                return r;
        if (table->sha256[0] && strcmp(table->sha256, sha256) != 0)
                return error_set(err, ERROR_DATASET_CHANGED,
                                 "%s was made with the hash %.16s..., but the registry says "
                                 "%.16s...; askcsv and its registry are not of one version",
                                 path, sha256, table->sha256);
        buf_printf(out, "%s: %lld rows\n", path, rows);
        return 0;
}

static int generate(const struct session *session, const struct dataset *dataset, struct error *err)
{
        _cleanup_buf_ struct buf out = {0};
        char version[HASH_HEX_SIZE];
        buf_init(&out, OUTPUT_BYTES_MAX);
        int r = dataset_generate(dataset, session->datasets_folder, err);
        for (size_t i = 0; r == 0 && i < dataset->n_tables; i++)
                r = tell_table(session, dataset, i, &out, err);
        if (r == 0 && dataset_is_described(dataset)) {
                r = dataset_version(dataset, version, err);
                buf_printf(&out, "%s: version %s\n", dataset->id, version);
        }
        return r < 0 ? r : output_write(&out, 0);
}

static int generate_named(const struct arguments *arguments, struct error *err)
{
        _cleanup_session_ struct session session = {0};
        int r = session_open(SESSION_READ, &session, err);
        if (r == 0)
                r = fd_make_dirs(session.home, err);
        for (size_t i = 0; r == 0 && i < arguments->n; i++) {
                const struct dataset *dataset = NULL;
                r = find(session.registry, arguments->items[i], &dataset, err);
                if (r == 0 && !dataset_is_generated(dataset->id))
                        r = error_set(err, ERROR_USAGE,
                                      "the dataset %s does not ship with askcsv, so its files "
                                      "cannot be made; put them into %s/%s",
                                      dataset->id, session.datasets_folder, dataset->id);
                if (r == 0)
                        r = generate(&session, dataset, err);
        }
        for (size_t i = 0; r == 0 && arguments->n == 0 && i < session.registry->n_datasets; i++)
                if (dataset_is_generated(session.registry->datasets[i]->id))
                        r = generate(&session, session.registry->datasets[i], err);
        return r;
}

static int run_generate(const struct surface *surface, int argc, char **argv);
static int run_validate(const struct surface *surface, int argc, char **argv);
static int run_list(const struct surface *surface, int argc, char **argv);
static int run_show(const struct surface *surface, int argc, char **argv);
static int run_forget(const struct surface *surface, int argc, char **argv);

static const struct command parts[] = {
        {.name = "generate", .help = generate_help, .run = run_generate},
        {.name = "validate", .help = validate_help, .run = run_validate},
        {.name = "list", .help = list_help, .run = run_list},
        {.name = "show", .help = show_help, .run = run_show},
        {.name = "forget", .help = forget_help, .run = run_forget},
};

static int run_generate(const struct surface *surface, int argc, char **argv)
{
        struct arguments arguments;
        struct error err = {0};
        (void)surface;
        int r = options_parse(NULL, 0, ARGUMENTS_MAX, argc, argv, &arguments, &err);
        if (r < 0)
                return report_usage(&err, "datasets generate");
        if (arguments.help)
                return command_help(&parts[0]);
        r = generate_named(&arguments, &err);
        return r < 0 ? report_error(&err, NULL) : r;
}

/* The worst of what each dataset gives. Without names, those whose files are there. */
static int validate_all(struct session *session, int cancel_fd, struct error *err)
{
        const struct registry *registry = session->registry;
        size_t n_found = 0;
        int status = 0;
        for (size_t i = 0; i < registry->n_datasets; i++) {
                const struct dataset *dataset = registry->datasets[i];
                if (!dataset_is_generated_in(session->datasets_folder, dataset))
                        continue;
                n_found++;
                int r = validate_dataset(session, dataset, cancel_fd, err);
                if (r < 0)
                        return r;
                status = r > status ? r : status;
        }
        if (n_found == 0)
                return error_set(err, ERROR_DATASET_NOT_FOUND,
                                 "no dataset is there yet; make them: askcsv datasets generate");
        return status;
}

static int validate_named(const struct arguments *arguments, int cancel_fd, struct error *err)
{
        _cleanup_session_ struct session session = {0};
        int status = 0;
        int r = session_open(SESSION_STORE, &session, err);
        if (r == 0 && arguments->n == 0)
                return validate_all(&session, cancel_fd, err);
        for (size_t i = 0; r >= 0 && i < arguments->n; i++) {
                const struct dataset *dataset = NULL;
                r = find(session.registry, arguments->items[i], &dataset, err);
                if (r >= 0)
                        r = validate_dataset(&session, dataset, cancel_fd, err);
                status = r > status ? r : status;
        }
        return r < 0 ? r : status;
}

static int run_validate(const struct surface *surface, int argc, char **argv)
{
        struct arguments arguments;
        struct error err = {0};
        struct stop stop = {.fd = -1};
        (void)surface;
        int r = options_parse(NULL, 0, ARGUMENTS_MAX, argc, argv, &arguments, &err);
        if (r < 0)
                return report_usage(&err, "datasets validate");
        if (arguments.help)
                return command_help(&parts[1]);
        r = stop_begin(&stop, &err);
        if (r < 0)
                return report_error(&err, NULL);
        r = validate_named(&arguments, stop.fd, &err);
        if (stop_end(&stop) && r >= 0)
                r = error_set(&err, ERROR_CANCELLED, "the validation was stopped");
        return r < 0 ? report_error(&err, NULL) : r;
}

static json_t *list_row(const json_t *head)
{
        _cleanup_buf_ struct buf names = {0};
        size_t i;
        json_t *name;
        buf_init(&names, 65536);
        json_array_foreach(json_object_get(head, "tables"), i, name)
        {
                buf_printf(&names, "%s%s", i ? ", " : "", json_string_value(name));
        }
        _cleanup_json_ json_t *row =
                json_pack("[O,O,s,s]", json_object_get(head, "id"), json_object_get(head, "name"),
                          buf_text(&names),
                          json_get_bool(head, "generated", false) ? "there" : "not made yet");
        _cleanup_json_ json_t *cells = snapshots_cells(head);
        return row && cells && json_array_extend(row, cells) == 0 ? steal_ptr(&row) : NULL;
}

static int put_list(const json_t *list, const struct surface *surface, struct buf *out,
                    struct error *err)
{
        _cleanup_json_ json_t *columns = json_pack("[s,s,s,s,s,s,s]", "id", "name", "tables",
                                                   "files", "snapshot", "rows", "used last");
        _cleanup_json_ json_t *types = json_pack("[s,s,s,s,s,s,s]", "VARCHAR", "VARCHAR", "VARCHAR",
                                                 "VARCHAR", "VARCHAR", "BIGINT", "VARCHAR");
        _cleanup_json_ json_t *rows = json_array();
        size_t i;
        json_t *head;
        int r = columns && types && rows ? 0 : -1;
        json_array_foreach(list, i, head)
        {
                if (r == 0 && !snapshots_are_of_files(head))
                        r = json_array_append_new(rows, list_row(head));
        }
        if (r < 0)
                return error_oom(err);
        table_draw(out, columns, types, rows, &surface->out);
        return 0;
}

static int put_json(const json_t *json, struct buf *out, struct error *err)
{
        int r = json ? json_put(json, out, err) : error_oom(err);
        buf_putc(out, '\n');
        return r;
}

static int list(const char *format, const struct surface *surface, struct error *err)
{
        _cleanup_session_ struct session session = {0};
        _cleanup_(snapshot_list_done) struct snapshot_list snapshots = {0};
        _cleanup_json_ json_t *json = NULL;
        _cleanup_buf_ struct buf out = {0};
        buf_init(&out, OUTPUT_BYTES_MAX);
        int r = session_open(SESSION_READ, &session, err);
        if (r == 0)
                r = snapshots_read(session.home, &snapshots, err);
        if (r < 0)
                return r;
        json = datasets_list_json(session.registry, session.datasets_folder);
        r = json ? snapshots_add(json, &snapshots, err) : error_oom(err);
        if (r == 0 && is_json(format))
                r = put_json(json, &out, err);
        else if (r == 0)
                r = put_list(json, surface, &out, err);
        if (r == 0 && !is_json(format))
                r = snapshots_put(&out, json, &snapshots, &surface->out, err);
        return r < 0 ? r : output_write(&out, 0);
}

static int run_list(const struct surface *surface, int argc, char **argv)
{
        static const char *const formats[] = {"table", "json", NULL};
        struct arguments arguments;
        struct error err = {0};
        const char *format = NULL;
        const struct option_spec specs[] = {
                {.name = "--format", .text = &format, .choices = formats},
        };
        int r = options_parse(specs, ARRAY_SIZE(specs), 0, argc, argv, &arguments, &err);
        if (r < 0)
                return report_usage(&err, "datasets list");
        if (arguments.help)
                return command_help(&parts[2]);
        r = list(format, surface, &err);
        return r < 0 ? report_error(&err, NULL) : r;
}

static int show(const char *id, bool json, struct error *err)
{
        _cleanup_session_ struct session session = {0};
        _cleanup_json_ json_t *whole = NULL;
        _cleanup_buf_ struct buf out = {0};
        const struct dataset *dataset = NULL;
        buf_init(&out, OUTPUT_BYTES_MAX);
        int r = session_open(SESSION_READ, &session, err);
        if (r == 0)
                r = find(session.registry, id, &dataset, err);
        if (r < 0)
                return r;
        if (json) {
                whole = dataset_show_json(dataset, session.datasets_folder);
                r = put_json(whole, &out, err);
        } else {
                dataset_put(&out, dataset, session.datasets_folder);
        }
        return r < 0 ? r : output_write(&out, 0);
}

static int run_show(const struct surface *surface, int argc, char **argv)
{
        static const char *const formats[] = {"text", "json", NULL};
        struct arguments arguments;
        struct error err = {0};
        const char *format = NULL;
        const struct option_spec specs[] = {
                {.name = "--format", .text = &format, .choices = formats},
        };
        (void)surface;
        int r = options_parse(specs, ARRAY_SIZE(specs), 1, argc, argv, &arguments, &err);
        if (r == 0 && !arguments.help && arguments.n == 0)
                r = error_set(&err, ERROR_USAGE, "datasets show needs an ID");
        if (r < 0)
                return report_usage(&err, "datasets show");
        if (arguments.help)
                return command_help(&parts[3]);
        r = show(arguments.items[0], is_json(format), &err);
        return r < 0 ? report_error(&err, NULL) : r;
}

static int forget(const struct arguments *arguments, bool all, struct error *err)
{
        _cleanup_session_ struct session session = {0};
        _cleanup_buf_ struct buf out = {0};
        buf_init(&out, OUTPUT_BYTES_MAX);
        int r = session_open(SESSION_READ, &session, err);
        if (r == 0 && all)
                r = snapshots_forget_all(session.home, &out, err);
        for (size_t i = 0; r == 0 && i < arguments->n; i++)
                r = snapshots_forget(session.home, session.registry, arguments->items[i], &out,
                                     err);
        int status = output_write(&out, 0); /* also what went before an error */
        return r < 0 ? r : status;
}

static int run_forget(const struct surface *surface, int argc, char **argv)
{
        struct arguments arguments;
        struct error err = {0};
        bool all = false;
        const struct option_spec specs[] = {{.name = "--all", .flag = &all}};
        (void)surface;
        int r = options_parse(specs, ARRAY_SIZE(specs), ARGUMENTS_MAX, argc, argv, &arguments,
                              &err);
        if (r == 0 && !arguments.help && all == (arguments.n > 0))
                r = error_set(&err, ERROR_USAGE, "datasets forget needs either SOURCE or --all");
        if (r < 0)
                return report_usage(&err, "datasets forget");
        if (arguments.help)
                return command_help(&parts[4]);
        r = forget(&arguments, all, &err);
        return r < 0 ? report_error(&err, NULL) : r;
}

const struct command cmd_datasets = {
        .name = "datasets",
        .summary = "generate, validate, list, show the datasets that ship; forget snapshots",
        .help = help,
        .parts = parts,
        .n_parts = ARRAY_SIZE(parts),
};
