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

int stop_begin(struct stop *stop, struct error *err)
{
        sigset_t set;
        fill(&set);
        stop->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        if (stop->fd < 0)
                return error_errno(err, errno, "preparing for signals");
        (void)sigprocmask(SIG_BLOCK, &set, &stop->before);
        return 0;
}

bool stop_end(struct stop *stop)
{
        static const struct timespec now = {0};
        sigset_t set;
        bool came = false;
        fill(&set);
        while (sigtimedwait(&set, NULL, &now) > 0)
                came = true;
        (void)sigprocmask(SIG_SETMASK, &stop->before, NULL);
        (void)close(stop->fd);
        stop->fd = -1;
        return came;
}
