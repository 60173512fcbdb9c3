/* Looks like askcsv-runner from outside, one request in and one response out, but the request is
 * served by a warm child of a host: the tests of the runner are tried a second time with it. With
 * walls taken away it does for warm children what runner_walls does for a runner.
 *
 *   warm_runner --home DIR [--without policy,engine,os] [--data-root DIR] [--copy-mb N]
 *       < request > response
 *
 * The host is started when there is none, one for each set of walls (its folder is DIR/all or, say,
 * DIR/policy,engine); it goes on until it is killed or unused for long. */
#include "take_away.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "protocol/host.h"
#include "runner/host_main.h"
#include "runner/response.h"
#include "runner/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOCKET_NAME "warm.sock"
#define LINGER_MS "60000"
#define RESPONSE_MAX ((size_t)512 * 1024 * 1024)

struct options {
        struct runner_walls walls;
        const char *without; /* "all": with all walls */
        const char *home;
        const char *data_root;
        const char *copy_mb; /* of the host, when this one starts it */
};

static int usage(void)
{
        (void)fputs("usage: warm_runner --home DIR [--without policy,engine,os] "
                    "[--data-root DIR] [--copy-mb N]\n",
                    stderr);
        return 2;
}

static bool parse(int argc, char **argv, struct options *options)
{
        for (int i = 1; i < argc; i += 2) {
                if (i + 1 == argc)
                        return false;
                if (strcmp(argv[i], "--data-root") == 0)
                        options->data_root = argv[i + 1];
                else if (strcmp(argv[i], "--copy-mb") == 0)
                        options->copy_mb = argv[i + 1];
                else if (strcmp(argv[i], "--home") == 0)
                        options->home = argv[i + 1];
                else if (strcmp(argv[i], "--without") == 0)
                        options->without = argv[i + 1];
                else
                        return false;
        }
        return options->home && (strcmp(options->without, "all") == 0 ||
                                 take_away(&options->walls, options->without));
}

/* Returns when the host can be connected to, or will never be. */
static void start_host(const struct options *options, const char *home)
{
        char *argv[] = {(char *)"host",
                        (char *)"--home",
                        (char *)home,
                        (char *)"--socket",
                        (char *)SOCKET_NAME,
                        (char *)"--linger-ms",
                        (char *)LINGER_MS,
                        (char *)"--copy-mb",
                        (char *)options->copy_mb,
                        NULL};
        pid_t pid = fork();
        if (pid == 0) {
                /* "ready" is not part of a response, and a host holds nothing of its starter's. */
                int null = open("/dev/null", O_RDWR);
                if (null < 0 || dup2(null, STDOUT_FILENO) < 0)
                        _exit(1);
                _exit(host_main_with((int)ARRAY_SIZE(argv) - 1, argv, &options->walls));
        }
        while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
}

static int connect_to(const struct options *options, const char *home)
{
        char folder[PATH_MAX + sizeof("/" HOST_FOLDER)];
        int fd = -1;
        (void)snprintf(folder, sizeof(folder), "%s/" HOST_FOLDER, home);
        for (int i = 0; fd < 0 && i < 3; i++) {
                if (i > 0)
                        start_host(options, home);
                _cleanup_close_ int folder_fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
                fd = folder_fd < 0 ? -1 : host_connect(folder_fd, SOCKET_NAME);
        }
        return fd;
}

static int ask(int fd, const struct options *options, const struct buf *request, struct error *err)
{
        const struct host_message message = {.magic = HOST_MAGIC,
                                             .call = HOST_CALL_RUN,
                                             .data_root_bytes =
                                                     (uint32_t)strlen(options->data_root),
                                             .request_bytes = (uint32_t)request->len};
        int r = fd_write_all(fd, &message, sizeof(message), err);
        if (r == 0)
                r = fd_write_all(fd, options->data_root, message.data_root_bytes, err);
        return r < 0 ? r : fd_write_all(fd, buf_text(request), request->len, err);
}

static int serve(const struct options *options, struct error *err)
{
        char home[PATH_MAX];
        struct error why = {0};
        _cleanup_buf_ struct buf request = {0};
        _cleanup_buf_ struct buf response = {0};
        buf_init(&request, REQUEST_BYTES_MAX);
        (void)snprintf(home, sizeof(home), "%s/%s", options->home, options->without);
        int r = fd_read_all(STDIN_FILENO, &request, "the request", &why);
        if (r < 0) { /* what no client would send is refused as the runner does it */
                r = response_put_refusal(&why, &response, err);
        } else {
                _cleanup_close_ int fd = connect_to(options, home);
                buf_init(&response, RESPONSE_MAX);
                if (fd < 0)
                        return error_set(err, ERROR_IO, "no host of warm tables in %s", home);
                r = ask(fd, options, &request, err);
                if (r == 0)
                        r = fd_read_all(fd, &response, "the response", err);
        }
        if (r == 0 && response.len == 0)
                return error_set(err, ERROR_IO, "the host ended without a response");
        return r < 0 ? r : fd_write_all(STDOUT_FILENO, buf_text(&response), response.len, err);
}

int main(int argc, char **argv)
{
        struct error err = {0};
        struct options options = {
                .walls = RUNNER_ALL_WALLS, .without = "all", .data_root = "/", .copy_mb = "32"};
        if (!parse(argc, argv, &options))
                return usage();
        (void)signal(SIGPIPE, SIG_IGN);
        if (serve(&options, &err) == 0)
                return 0;
        (void)fprintf(stderr, "warm_runner: %s\n", err.message);
        return 1;
}
