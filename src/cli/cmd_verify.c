#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/report.h"
#include "cli/session.h"
#include "cli/stop.h"
#include "run/run.h"

static const char help[] =
        "askcsv verify RUN\n"
        "\n"
        "Checks a run's capsule (its hashes, and its place in the chain of all capsules), runs\n"
        "its SQL once more on the same data, with the same moment and limits, and says\n"
        "\n"
        "  same             the same answer came out\n"
        "  differs          another answer came out\n"
        "  data changed     the files are not those of then any more\n"
        "  tampered         the stored capsule was altered; which hash fails is said\n"
        "  not repeatable   there is nothing to repeat (the run was stopped, has not ended, or "
        "the\n"
        "                   planner abstained)\n"
        "\n"
        "RUN is a run's id, its first 8 or more characters, or \"last\".\n"
        "\n"
        "  askcsv verify last\n"
        "  askcsv capsules list && askcsv verify 019a3c51-7d20\n"
        "\n"
        "Exit status: 0 same, 1 otherwise, 130 stopped. The repetition leaves a capsule of its\n"
        "own.\n";

static int show(const struct run_verification *found)
{
        _cleanup_buf_ struct buf out = {0};
        buf_init(&out, OUTPUT_BYTES_MAX);
        buf_printf(&out, "%s\n", run_verdict_name(found->verdict));
        int status = output_write(&out, found->verdict == RUN_SAME ? 0 : 1);
        report_note("run %s: %s", found->run_id, found->message);
        return status;
}

static int verify(const char *run_id, struct error *err)
{
        _cleanup_session_ struct session session = {0};
        struct run_verification found;
        struct executor_settings executor;
        struct stop stop = {.fd = -1};
        int r = session_open(SESSION_STORE, &session, err);
        if (r == 0)
                r = session_settings(&session, &executor, err);
        if (r == 0)
                r = stop_begin(&stop, err);
        if (r < 0)
                return r;
        const struct run_surroundings around = {
                .store = session.store,
                .registry = session.registry,
                .datasets_folder = session.datasets_folder,
                .executor = &executor,
                .cancel_fd = stop.fd,
        };
        r = run_verify(&around, run_id, &found, err);
        if (stop_end(&stop) && r == 0)
                r = error_set(err, ERROR_CANCELLED, "the verification was stopped");
        return r < 0 ? r : show(&found);
}

static int run(const struct surface *surface, int argc, char **argv)
{
        struct arguments arguments;
        struct error err = {0};
        (void)surface;
        int r = options_parse(NULL, 0, 1, argc, argv, &arguments, &err);
        if (r == 0 && !arguments.help && arguments.n == 0)
                r = error_set(&err, ERROR_USAGE, "verify needs a RUN: a run's id, or \"last\"");
        if (r < 0)
                return report_usage(&err, "verify");
        if (arguments.help)
                return command_help(&cmd_verify);
        r = verify(arguments.items[0], &err);
        return r < 0 ? report_error(&err, NULL) : r;
}

const struct command cmd_verify = {
        .name = "verify",
        .summary = "check a capsule and repeat its run",
        .help = help,
        .run = run,
};
