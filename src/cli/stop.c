#include "cli/stop.h"

#include "base/cleanup.h"

#include <errno.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

/* Those that are ignored (nohup, a shell's background job) stay so. */
static void fill(sigset_t *set)
{
        static const int stopping[] = {SIGINT, SIGTERM, SIGHUP};
        (void)sigemptyset(set);
        for (size_t i = 0; i < ARRAY_SIZE(stopping); i++) {
                struct sigaction action;
                if (sigaction(stopping[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
                        (void)sigaddset(set, stopping[i]);
        }
}

static int begin(struct stop *stop, struct error *err)
{
        stop->fd = signalfd(-1, &stop->set, SFD_CLOEXEC | SFD_NONBLOCK);
        if (stop->fd < 0)
                return error_errno(err, errno, "preparing for signals");
        (void)sigprocmask(SIG_BLOCK, &stop->set, &stop->before);
        return 0;
}

int stop_begin(struct stop *stop, struct error *err)
{
        fill(&stop->set);
        return begin(stop, err);
}

int stop_begin_server(struct stop *stop, struct error *err)
{
        fill(&stop->set);
        (void)sigaddset(&stop->set, SIGHUP);
        return begin(stop, err);
}

int stop_next(const struct stop *stop)
{
        struct signalfd_siginfo info;
        return read(stop->fd, &info, sizeof(info)) == (ssize_t)sizeof(info) ? (int)info.ssi_signo
                                                                            : 0;
}

bool stop_end(struct stop *stop)
{
        static const struct timespec now = {0};
        bool came = false;
        while (sigtimedwait(&stop->set, NULL, &now) > 0)
                came = true;
        (void)sigprocmask(SIG_SETMASK, &stop->before, NULL);
        (void)close(stop->fd);
        stop->fd = -1;
        return came;
}
