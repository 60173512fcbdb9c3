/* One child process with three pipes, from its start to its reaping. */
#ifndef ASKCSV_EXECUTOR_PROCESS_H
#define ASKCSV_EXECUTOR_PROCESS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct process {
        pid_t pid;    /* 0 when nothing runs or it was reaped */
        int pidfd;    /* readable once it has ended; -1 where the kernel has none */
        int stdin_fd; /* our ends, non-blocking; -1 once closed */
        int stdout_fd;
        int stderr_fd;
        int status; /* of waitpid, once reaped */
};

#define PROCESS_ENV_MAX 5

/* The environment of a runner: nothing of ours is its business but, in a sanitized build, the
 * sanitizers' options. NULL-terminated; there is room for one more. How many there are. */
size_t process_environment(char *envp[PROCESS_ENV_MAX]);

/* Starts argv[0], a path, in a process group of its own, so that Ctrl-C at a terminal reaches us
 * alone; with the three pipes and no other descriptor, default signals, and this environment. */
int process_start(struct process *process, char *const argv[], char *const envp[],
                  struct error *err);

/* Waits at most timeout_ms for it to end, without reaping it. True when it has. */
bool process_wait(const struct process *process, int64_t timeout_ms);

/* SIGTERM to the process, SIGKILL to its whole group patience_ms later if it still runs. */
void process_stop(struct process *process, int64_t patience_ms);

/* Reaps it if it has ended, and else leaves it to itself; closes the pipes. What it started goes
 * on. */
void process_release(struct process *process);

/* Ends whatever of the group is left, reaps, closes the pipes. Safe twice. */
void process_done(struct process *process);

#endif
