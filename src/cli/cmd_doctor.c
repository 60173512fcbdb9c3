#include "base/cleanup.h"
#include "base/fd.h"
#include "base/json.h"
#include "cli/command.h"
#include "cli/datasets_show.h"
#include "cli/options.h"
#include "cli/report.h"
#include "cli/server_probe.h"
#include "cli/session.h"
#include "cli/snapshots.h"
#include "cli/text.h"
#include "executor/executor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define STATUS_BYTES_MAX (4 * 1024 * 1024)
#define PROBE_BYTES_MAX 65536

static const char help[] =
        "askcsv doctor [--server URL]\n"
        "\n"
        "Says what works on this machine: the home folder, the store of capsules, the snapshots\n"
        "with the rule by which old ones go, the runner and its engine, each wall of the sandbox,\n"
        "the datasets; and for what does not, the fix.\n"
        "\n"
        "  --server URL     only whether the server there is ready, as it says itself\n"
        "\n"
        "  askcsv doctor\n"
        "  askcsv doctor --server http://127.0.0.1:8080\n"
        "\n"
        "Exit status: 0 when runs can work here, or the server is ready; else 1.\n";

enum finding { FINDING_OK, FINDING_WARNING, FINDING_FAILURE };

struct examination {
        struct buf out;
        const struct style *style;
        bool failed;
};

__attribute__((format(printf, 4, 5))) static void find(struct examination *it, enum finding finding,
                                                       const char *what, const char *format, ...)
{
        static const char *const words[] = {"ok", "warning", "FAILS"};
        char text[2 * ERROR_MESSAGE_MAX];
        va_list args;
        va_start(args, format);
        (void)vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        it->failed = it->failed || finding == FINDING_FAILURE;
        const char *emphasis = finding == FINDING_OK        ? ""
                               : finding == FINDING_WARNING ? style_bold(it->style)
                                                            : style_red(it->style);
        buf_printf(&it->out, "%s%-8s%s %-22s ", emphasis, words[finding],
                   *emphasis ? style_reset(it->style) : "", what);
        text_put_safe(&it->out, text, strlen(text), TEXT_LINE);
        buf_putc(&it->out, '\n');
}

static bool examine_home(struct examination *it, const char *home)
{
        struct error err = {0};
        if (fd_make_dirs(home, &err) < 0) {
                find(it, FINDING_FAILURE, "home",
                     "%s; set ASKCSV_HOME to a folder that can be "
                     "written",
                     err.message);
                return false;
        }
        if (faccessat(AT_FDCWD, home, W_OK | X_OK, AT_EACCESS) < 0) {
                find(it, FINDING_FAILURE, "home",
                     "%s cannot be written (%s); set ASKCSV_HOME to a folder that can", home,
                     strerror(errno));
                return false;
        }
        find(it, FINDING_OK, "home", "%s", home);
        return true;
}

static void examine_store(struct examination *it, const char *home)
{
        struct capsule_store *store = NULL;
        struct error err = {0};
        enum capsule_fault fault = CAPSULE_INTACT;
        char message[ERROR_MESSAGE_MAX] = "";
        size_t checked = 0;
        int r = session_open_store(home, &store, &err);
        if (r == 0)
                r = capsule_store_check_all(store, &fault, message, &checked, &err);
        if (r < 0)
                find(it, FINDING_FAILURE, "store", "%s", err.message);
        else if (fault != CAPSULE_INTACT)
                find(it, FINDING_WARNING, "store",
                     "runs work, but the record was altered: %s; restore the store "
                     "(%s/capsules.db, "
                     "unless the setting \"store\" names another) from a backup, or move it away "
                     "to start a new one",
                     message, home);
        else
                find(it, FINDING_OK, "store", "%zu capsules, the chain is intact", checked);
        capsule_store_free(store);
}

static void examine_snapshots(struct examination *it, const char *home)
{
        static const char what[] = "snapshots";
        _cleanup_(snapshot_list_done) struct snapshot_list list = {0};
        _cleanup_buf_ struct buf said = {0};
        struct error err = {0};
        int64_t max_bytes = 0;
        if (snapshot_max_bytes(getenv("ASKCSV_SNAPSHOT_MB"), &max_bytes, &err) < 0) {
                find(it, FINDING_FAILURE, what, "%s", err.message);
                return;
        }
        if (snapshots_read(home, &list, &err) < 0) {
                find(it, FINDING_WARNING, what, "each run reads its files anew: %s", err.message);
                return;
        }
        buf_init(&said, ERROR_MESSAGE_MAX);
        buf_printf(&said, "%zu snapshot%s, ", list.n, list.n == 1 ? "" : "s");
        put_bytes(&said, list.bytes);
        buf_puts(&said, " of at most ");
        put_bytes(&said, max_bytes);
        find(it, FINDING_OK, what, "%s (ASKCSV_SNAPSHOT_MB sets how many MiB)", buf_text(&said));
        find(it, FINDING_OK, "snapshots kept",
             "of the same files the %d used last, for %d days after their last use; beyond the "
             "total the one used longest ago goes first",
             SNAPSHOT_VERSIONS_KEPT, SNAPSHOT_DAYS_KEPT);
}

static const char *fix_of(const char *wall)
{
        static const struct {
                const char *wall;
                const char *fix;
        } fixes[] = {
                {"user_namespace", "allow them: sysctl -w kernel.unprivileged_userns_clone=1 "
                                   "user.max_user_namespaces=10000"},
                {"mount_namespace", "comes with user namespaces; see above"},
                {"pid_namespace", "comes with user namespaces; see above"},
                {"network_namespace", "comes with user namespaces; see above"},
                {"ipc_namespace", "comes with user namespaces; see above"},
                {"uts_namespace", "comes with user namespaces; see above"},
                {"landlock", "needs Linux 5.13 or newer with landlock in "
                             "/sys/kernel/security/lsm (boot with lsm=landlock,...)"},
                {"seccomp", "needs a kernel with CONFIG_SECCOMP_FILTER; in a container, a "
                            "profile that allows seccomp(2)"},
        };
        for (size_t i = 0; i < ARRAY_SIZE(fixes); i++)
                if (strcmp(fixes[i].wall, wall) == 0)
                        return fixes[i].fix;
        return "look at what confines this process (container, systemd unit)";
}

static void examine_walls(struct examination *it, const json_t *walls)
{
        const char *name;
        json_t *value;
        json_object_foreach((json_t *)walls, name, value)
        {
                char what[64];
                (void)snprintf(what, sizeof(what), "wall %.40s", name);
                for (char *p = what; *p; p++)
                        *p = *p == '_' ? ' ' : *p;
                if (json_is_integer(value) && json_integer_value(value) > 0)
                        find(it, FINDING_OK, what, "version %lld",
                             (long long)json_integer_value(value));
                else if (json_is_true(value))
                        find(it, FINDING_OK, what, "stands");
                else
                        find(it, FINDING_WARNING, what, "is missing: %s", fix_of(name));
        }
}

static void examine_probe(struct examination *it, const json_t *probe)
{
        const json_t *engine = json_object_get(probe, "engine");
        const char *name = json_get_string(engine, "name");
        const char *version = json_get_string(engine, "version");
        const char *verdict = json_get_string(probe, "verdict");
        const char *message = json_get_string(probe, "message");
        bool ok = verdict && strcmp(verdict, "ok") == 0;
        find(it, name ? FINDING_OK : FINDING_FAILURE, "engine", "%s %s", name ? name : "unknown",
             version ? version : "");
        examine_walls(it, json_object_get(probe, "walls"));
        if (ok)
                find(it, FINDING_OK, "sandbox", "enough walls stand; runs are possible");
        else
                find(it, FINDING_FAILURE, "sandbox", "too few walls stand, so nothing is run: %s",
                     message && *message ? message : "see the walls above");
}

static void examine_runner(struct examination *it)
{
        static const struct json_limits limits = {.max_bytes = PROBE_BYTES_MAX, .max_depth = 8};
        struct executor *executor = NULL;
        struct error err = {0};
        _cleanup_json_ json_t *probe = NULL;
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, PROBE_BYTES_MAX);
        int r = executor_open("local", NULL, "/", &executor, &err);
        if (r == 0)
                r = executor_ask(executor, EXECUTOR_ASK_VERSION, &text, &err);
        if (r == 0) {
                const char *version = buf_text(&text);
                bool ours = strstr(version, ASKCSV_VERSION) != NULL;
                find(it, ours ? FINDING_OK : FINDING_WARNING, "runner", "%.*s at %s%s",
                     (int)strcspn(version, "\n"), version, executor_place(executor),
                     ours ? "" : "; build both programs from one version (make build)");
                r = executor_ask(executor, EXECUTOR_ASK_PROBE, &text, &err);
        }
        if (r == 0)
                r = json_parse(buf_text(&text), text.len, &limits, ERROR_RUNNER_INTERNAL, &probe,
                               &err);
        if (r < 0)
                find(it, FINDING_FAILURE, "runner", "%s", err.message);
        else
                examine_probe(it, probe);
        executor_free(executor);
}

/* Where runs go to, if they do not run here: a container or a pod is made as for a run, and
 * tells. */
static void examine_elsewhere(struct examination *it, struct session *session)
{
        static const struct json_limits limits = {.max_bytes = PROBE_BYTES_MAX, .max_depth = 8};
        struct executor_settings settings;
        struct executor *executor = NULL;
        struct error err = {0};
        _cleanup_json_ json_t *probe = NULL;
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, PROBE_BYTES_MAX);
        int r = session_settings(session, &settings, &err);
        const char *where = r == 0 ? settings.name : "executor";
        const char *what = strcmp(where, "kubernetes") == 0 ? "pod" : "container";
        if (r == 0 && strcmp(where, "local") == 0)
                return;
        if (r == 0)
                r = executor_open_as(&settings, "/", &executor, &err);
        if (r == 0)
                r = executor_ask(executor, EXECUTOR_ASK_VERSION, &text, &err);
        if (r == 0)
                r = executor_ask(executor, EXECUTOR_ASK_PROBE, &text, &err);
        if (r == 0)
                r = json_parse(buf_text(&text), text.len, &limits, ERROR_RUNNER_INTERNAL, &probe,
                               &err);
        const char *verdict = json_get_string(probe, "verdict");
        if (r < 0)
                find(it, FINDING_FAILURE, where, "%s", err.message);
        else if (!verdict || strcmp(verdict, "ok") != 0)
                find(it, FINDING_FAILURE, where, "too few walls stand in a %s: %s", what,
                     buf_text(&text));
        else
                find(it, FINDING_OK, where,
                     "%s: a %s was made and removed; beside its own walls the runner's stand in it",
                     executor_place(executor), what);
        executor_free(executor);
}

static void tell_host(struct examination *it, const json_t *status)
{
        const json_t *warm = json_object_get(status, "warm");
        size_t children = 0;
        size_t i;
        json_t *one;
        json_array_foreach(warm, i, one)
        {
                children += json_array_size(json_object_get(one, "children"));
        }
        find(it, FINDING_OK, "warm tables",
             "process %lld keeps %zu dataset version%s in memory, %zu children, %lld runs so far",
             (long long)json_get_int(status, "pid", 0), json_array_size(warm),
             json_array_size(warm) == 1 ? "" : "s", children,
             (long long)json_get_int(status, "runs", 0));
}

/* Starts none: that is for the next run to do. */
static void examine_host(struct examination *it, struct session *session)
{
        static const struct json_limits limits = {.max_bytes = STATUS_BYTES_MAX, .max_depth = 8};
        struct executor *executor = NULL;
        struct error err = {0};
        _cleanup_json_ json_t *status = NULL;
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, STATUS_BYTES_MAX);
        int r = session_executor(session, "/", &executor, &err);
        if (r < 0 && err.type == ERROR_USAGE)
                find(it, FINDING_FAILURE, "warm tables", "%s", err.message);
        if (r == 0 && executor_ask(executor, EXECUTOR_ASK_HOST, &text, &err) == 0 &&
            json_parse(buf_text(&text), text.len, &limits, ERROR_RUNNER_INTERNAL, &status, &err) ==
                    0)
                tell_host(it, status);
        else if (r == 0)
                find(it, FINDING_OK, "warm tables",
                     "none just now; a run keeps its tables in memory for ASKCSV_LINGER seconds "
                     "(60)");
        executor_free(executor);
}

static void examine_datasets(struct examination *it)
{
        _cleanup_session_ struct session session = {0};
        struct error err = {0};
        if (session_open(SESSION_READ, &session, &err) < 0) {
                find(it, FINDING_FAILURE, "registry", "%s", err.message);
                return;
        }
        for (size_t i = 0; i < session.registry->n_datasets; i++) {
                const struct dataset *dataset = session.registry->datasets[i];
                char what[96];
                (void)snprintf(what, sizeof(what), "dataset %s", dataset->id);
                if (dataset_is_generated_in(session.datasets_folder, dataset))
                        find(it, FINDING_OK, what, "its files are there");
                else
                        find(it, FINDING_WARNING, what,
                             "its files are missing; make them: askcsv datasets generate %s",
                             dataset->id);
        }
}

static int run(const struct surface *surface, int argc, char **argv)
{
        struct arguments arguments;
        struct error err = {0};
        _cleanup_session_ struct session session = {0};
        struct examination it = {.style = &surface->out};
        const char *server = NULL;
        const struct option_spec specs[] = {{.name = "--server", .text = &server}};
        if (options_parse(specs, ARRAY_SIZE(specs), 0, argc, argv, &arguments, &err) < 0)
                return report_usage(&err, "doctor");
        if (arguments.help)
                return command_help(&cmd_doctor);
        if (server)
                return server_probe(server, &err) < 0 ? report_error(&err, NULL) : 0;
        buf_init(&it.out, OUTPUT_BYTES_MAX);
        if (home_path(&session.home, &err) < 0)
                find(&it, FINDING_FAILURE, "home", "%s", err.message);
        else if (examine_home(&it, session.home)) {
                examine_store(&it, session.home);
                examine_snapshots(&it, session.home);
                examine_host(&it, &session);
                examine_elsewhere(&it, &session);
        }
        examine_runner(&it);
        examine_datasets(&it);
        int status = output_write(&it.out, it.failed ? 1 : 0);
        buf_done(&it.out);
        return status;
}

const struct command cmd_doctor = {
        .name = "doctor",
        .summary = "what works here, with the fix for what does not",
        .help = help,
        .run = run,
};
