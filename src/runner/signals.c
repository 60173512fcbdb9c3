#include "runner/signals.h"

#include "base/cleanup.h"

#include <stddef.h>

static const int ending[] = {SIGTERM, SIGINT, SIGHUP};
static volatile sig_atomic_t ending_signal;

static void note_signal(int signal)
{
        ending_signal = signal;
}

void signals_catch(void)
{
        struct sigaction action = {.sa_handler = note_signal};
        sigset_t blocked;
        (void)sigemptyset(&blocked);
        for (size_t i = 0; i < ARRAY_SIZE(ending); i++) {
                (void)sigaction(ending[i], &action, NULL);
                (void)sigaddset(&blocked, ending[i]);
        }
        (void)sigprocmask(SIG_BLOCK, &blocked, NULL);
        (void)signal(SIGPIPE, SIG_IGN);
}

void signals_while_waiting(sigset_t *ret)
{
        (void)sigprocmask(SIG_SETMASK, NULL, ret);
        for (size_t i = 0; i < ARRAY_SIZE(ending); i++)
                (void)sigdelset(ret, ending[i]);
}

int signals_ending(void)
{
        return ending_signal;
}
