#include "base/cleanup.h"
#include "base/fd.h"
#include "cli/command.h"
#include "cli/report.h"
#include "cli/session.h"
#include "cli/settings.h"
#include "cli/stop.h"
#include "server/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define PATIENCE_MS 10000 /* for what is under way when the server is to end */

static const char help[] =
        "askcsv serve [options]\n"
        "\n"
        "Serves datasets, runs and questions over HTTP (JSON, /v1), on 127.0.0.1 port 8080.\n"
        "\n"
        "  askcsv serve\n"
        "  askcsv serve --port 9000 --workers 4\n"
        "  curl -s localhost:8080/v1/datasets\n"
        "  curl -s localhost:8080/v1/chat -H 'Content-Type: application/json' \\\n"
        "    -d '{\"dataset_id\":\"ecommerce\",\"message\":\"revenue by month\"}'\n"
        "\n"
        "Every setting has a flag, an environment variable and a name in config.json: see\n"
        "\"askcsv config file\" and \"askcsv config show\". SIGTERM and SIGINT end the server "
        "when\n"
        "the runs that are under way have ended, at the latest after ten seconds. SIGHUP makes it\n"
        "read config.json, the registry and the TLS certificate again; its log (config.reload)\n"
        "says which settings changed, and which of them want a restart.\n";

static void free_config(struct config **config)
{
        config_free(*config);
}

static int await_signal(const struct stop *stop)
{
        struct pollfd fd = {.fd = stop->fd, .events = POLLIN};
        while (poll(&fd, 1, -1) < 0 && errno == EINTR)
                ;
        return stop_next(stop);
}

static bool has_terminal(void)
{
        _cleanup_close_ int fd = open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY);
        return fd >= 0;
}

/* Whether a terminal that is closed is to take the server with it: not after nohup. */
static bool ends_with_terminal(void)
{
        struct sigaction action;
        return has_terminal() && sigaction(SIGHUP, NULL, &action) == 0 &&
               action.sa_handler != SIG_IGN;
}

/* The environment and the flags are those of the start. */
static void reload(struct serve *serve, const struct session *session,
                   const struct settings *settings)
{
        _cleanup_(free_config) struct config *config = NULL;
        struct registry *registry = NULL;
        struct error err = {0};
        int r = settings_load(settings, session->home, &config, &err);
        if (r == 0)
                r = config_check(config, &err);
        if (r == 0)
                r = session_registry(&registry, &err);
        if (r == 0)
                r = serve_reload(serve, steal_ptr(&config), registry, &err);
        if (r < 0)
                serve_not_reloaded(serve, &err);
}

static void serve_until_ended(struct serve *serve, const struct session *session,
                              const struct settings *settings, const struct stop *stop)
{
        bool in_terminal = ends_with_terminal();
        int number;
        while ((number = await_signal(stop)) == 0 || number == SIGHUP) {
                if (number == SIGHUP && in_terminal && !has_terminal())
                        return;
                if (number == SIGHUP)
                        reload(serve, session, settings);
        }
}

/* Where it is, in a line that a program may wait for. */
static void tell_place(const struct serve *serve)
{
        const struct config *config = serve_config(serve);
        const char *address = config_text(config, CONFIG_ADDRESS);
        const char *bracket = strchr(address, ':') ? "[" : "";
        const char *scheme = *config_text(config, CONFIG_TLS_CERTIFICATE) ? "https" : "http";
        report_note("serving on %s://%s%s%s:%u", scheme, bracket, address, *bracket ? "]" : "",
                    (unsigned)serve_port(serve));
}

/* Takes config over. */
static int serve_until_stopped(struct session *session, const struct settings *settings,
                               struct config **config, struct error *err)
{
        struct serve *serve = NULL;
        struct stop stop;
        size_t recovered = 0;
        struct serve_options options = {.home = session->home,
                                        .datasets_folder = session->datasets_folder};
        int r = session_host(session, &options.host, err);
        if (r == 0)
                r = fd_make_dirs(session->home, err);
        if (r == 0)
                r = stop_begin_server(&stop,
                                      err); /* before there are threads: none of them takes it */
        if (r < 0)
                return r;
        options.config = steal_ptr(config);
        options.registry = steal_ptr(&session->registry);
        r = serve_start(&options, &serve, &recovered, err);
        if (r == 0) {
                if (recovered > 0)
                        report_note("%zu run%s cut off earlier %s now recorded as failed",
                                    recovered, recovered == 1 ? "" : "s",
                                    recovered == 1 ? "is" : "are");
                tell_place(serve);
                serve_until_ended(serve, session, settings, &stop);
                report_note("ending");
                serve_stop(serve, PATIENCE_MS);
        }
        (void)stop_end(&stop);
        return r;
}

static int run(const struct surface *surface, int argc, char **argv)
{
        _cleanup_session_ struct session session = {0};
        _cleanup_(free_config) struct config *config = NULL;
        struct arguments arguments;
        struct settings settings;
        struct error err = {0};
        (void)surface;
        settings_options(NULL, 0, &settings);
        if (options_parse(settings.specs, settings.n_specs, 0, argc, argv, &arguments, &err) < 0)
                return report_usage(&err, "serve");
        if (arguments.help)
                return command_help(&cmd_serve);
        int r = session_open(SESSION_READ, &session, &err);
        if (r == 0)
                r = settings_load(&settings, session.home, &config, &err);
        if (r == 0)
                r = config_check(config, &err);
        if (r == 0)
                r = serve_until_stopped(&session, &settings, &config, &err);
        return r < 0 ? report_error(&err, NULL) : 0;
}

const struct command cmd_serve = {
        .name = "serve",
        .summary = "answer over HTTP",
        .help = help,
        .run = run,
};
