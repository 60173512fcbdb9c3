#include "runner/host_main.h"

#include "runner/host.h"

#include "base/cleanup.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] =
        "usage: askcsv-runner host --home DIR --socket NAME [OPTION...]\n"
        "\n"
        "Keeps the tables of dataset versions in memory and runs each query in a sandboxed child\n"
        "process of its own. askcsv starts it and talks to it (docs/ARCHITECTURE.md).\n"
        "\n"
        "  --home DIR             where snapshots are kept ($ASKCSV_HOME)\n"
        "  --socket NAME          of its socket, in DIR/host\n"
        "  --linger-ms N          without a client it ends after so long (60000)\n"
        "  --runs N               queries at once (twice the number of cores)\n"
        "  --waiting N            queries that may wait for their turn (256)\n"
        "  --memory-mb N          that the queries at once may ask for (3/4 of the machine's)\n"
        "  --spares N             processes that wait ready, per dataset version (one per core)\n"
        "  --parents N            dataset versions that are kept warm while idle (8)\n"
        "  --parent-memory-mb N   that the tables of one of them may take (512)\n"
        "  --copy-mb N            snapshots up to this size are held in memory, not read (32)\n"
        "  --snapshot-mb N        that all snapshots together may take (20480)\n"
        "  --foreground           does not detach\n";

enum { OPTION_FOREGROUND = 256 };

static int take_number(const char *name, const char *text, long long min, long long max,
                       long long *ret)
{
        char *end;
        errno = 0;
        long long value = strtoll(text, &end, 10);
        if (errno || *end || end == text || value < min || value > max) {
                (void)fprintf(stderr, "askcsv-runner: --%s wants a number from %lld to %lld\n",
                              name, min, max);
                return -1;
        }
        *ret = value;
        return 0;
}

static int parse(int argc, char **argv, struct host_options *options, bool *foreground)
{
        long long v[9] = {options->linger_ms,
                          (long long)options->queue.running,
                          (long long)options->queue.waiting,
                          options->queue.memory_mb,
                          (long long)options->spares,
                          (long long)options->parents,
                          options->parent_memory_mb,
                          options->snapshot_bytes / 1048576,
                          options->copy_bytes / 1048576};
        static const struct {
                const char *name;
                long long min, max;
        } numbers[9] = {{"linger-ms", 0, 86400000LL},
                        {"runs", 1, 1024},
                        {"waiting", 1, 100000},
                        {"memory-mb", 64, 1LL << 30},
                        {"spares", 0, 64},
                        {"parents", 1, 64},
                        {"parent-memory-mb", 64, 1LL << 30},
                        {"snapshot-mb", 0, 1000000000},
                        {"copy-mb", 0, 1 << 20}};
        struct option list[13] = {{"home", required_argument, NULL, 'h'},
                                  {"socket", required_argument, NULL, 's'},
                                  {"foreground", no_argument, NULL, OPTION_FOREGROUND}};
        for (int i = 0; i < 9; i++)
                list[3 + i] = (struct option){numbers[i].name, required_argument, NULL, i};
        optind = 1;
        int option;
        while ((option = getopt_long(argc, argv, "", list, NULL)) != -1) {
                if (option == 'h')
                        options->home = optarg;
                else if (option == 's')
                        options->socket_name = optarg;
                else if (option == OPTION_FOREGROUND)
                        *foreground = true;
                else if (option < 9 &&
                         take_number(numbers[option].name, optarg, numbers[option].min,
                                     numbers[option].max, &v[option]) == 0)
                        continue;
                else
                        return -1;
        }
        options->linger_ms = v[0];
        options->queue = (struct queue_limits){
                .running = (size_t)v[1], .waiting = (size_t)v[2], .memory_mb = v[3]};
        options->spares = (size_t)v[4];
        options->parents = (size_t)v[5];
        options->parent_memory_mb = v[6];
        options->snapshot_bytes = v[7] * 1048576;
        options->copy_bytes = v[8] * 1048576;
        return optind == argc && options->home && options->home[0] == '/' && options->socket_name &&
                               !strchr(options->socket_name, '/')
                       ? 0
                       : -1;
}

/* The caller waits for this process until the host is ready, and for nothing more: the host is its
 * child, in a session of its own, and holds none of the caller's descriptors. Gives what to write
 * "ready" to, in the child; in the caller's process it does not return. */
static int detach(void)
{
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) < 0)
                return -1;
        pid_t pid = fork();
        if (pid < 0)
                return -1;
        if (pid > 0) {
                char text[1024];
                (void)close(ends[1]);
                ssize_t n = read(ends[0], text, sizeof(text));
                if (n > 0)
                        (void)!write(STDOUT_FILENO, text, (size_t)n);
                _exit(n > 0 ? 0 : 1);
        }
        (void)setsid();
        (void)close(ends[0]);
        return ends[1];
}

static void let_go(void)
{
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (null >= 0) {
                (void)dup2(null, STDIN_FILENO);
                (void)dup2(null, STDOUT_FILENO);
                (void)dup2(null, STDERR_FILENO);
                if (null > STDERR_FILENO)
                        (void)close(null);
        }
        (void)!chdir("/");
        (void)umask(077);
}

int host_main_with(int argc, char **argv, const struct runner_walls *walls)
{
        struct error err = {0};
        struct host_options options;
        bool foreground = false;
        host_options_default(&options);
        options.walls = *walls;
        if (parse(argc, argv, &options, &foreground) < 0) {
                (void)fputs(usage, stderr);
                return 2;
        }
        int ready_fd = foreground ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3) : detach();
        if (ready_fd < 0)
                return 1;
        let_go();
        if (host_serve(&options, ready_fd, &err) == 0)
                return 0;
        /* The reader of ready_fd takes whatever is not "ready" for the reason. */
        (void)fd_write_all(ready_fd, err.message, strlen(err.message), &err);
        return 1;
}

int host_main(int argc, char **argv)
{
        return host_main_with(argc, argv, &RUNNER_ALL_WALLS);
}
