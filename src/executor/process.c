#include "executor/process.h"

#include "base/cleanup.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define FIRST_FREE_FD 3
#define WAIT_STEP_MS 5 /* between two looks where the kernel has no pidfd */

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#define SANITIZED __has_feature(address_sanitizer) /* as clang says it */
#else
#define SANITIZED 0
#endif

size_t process_environment(char *envp[PROCESS_ENV_MAX])
{
        size_t n = 0;
#if SANITIZED
        static const char *const kept[] = {"ASAN_OPTIONS=", "UBSAN_OPTIONS=", "LSAN_OPTIONS="};
        for (char **entry = environ; *entry; entry++)
                for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
                        if (n < PROCESS_ENV_MAX - 2 &&
                            strncmp(*entry, kept[i], strlen(kept[i])) == 0)
                                envp[n++] = *entry;
#endif
        envp[n] = NULL;
        return n;
}

/* A pipe whose ends are not among 0, 1 and 2, which the child's own will be put over. */
static int pipe_open(int ends[2], struct error *err)
{
        int low[2];
        if (pipe2(low, O_CLOEXEC) < 0)
                return error_errno(err, errno, "making a pipe to the runner");
        int r = 0;
        for (int i = 0; i < 2; i++) {
                ends[i] = r == 0 ? fcntl(low[i], F_DUPFD_CLOEXEC, FIRST_FREE_FD) : -1;
                if (ends[i] < 0 && r == 0)
                        r = error_errno(err, errno, "making a pipe to the runner");
                (void)close(low[i]);
        }
        return r;
}

static void close_pair(int ends[2])
{
        cleanup_close(&ends[0]);
        cleanup_close(&ends[1]);
        ends[0] = ends[1] = -1;
}

static int spawn_attributes(posix_spawnattr_t *attributes)
{
        sigset_t none;
        sigset_t all;
        (void)sigemptyset(&none);
        (void)sigfillset(&all);
        short flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
        int r = posix_spawnattr_setflags(attributes, flags);
        if (r == 0)
                r = posix_spawnattr_setpgroup(attributes, 0);
        if (r == 0)
                r = posix_spawnattr_setsigmask(attributes, &none);
        return r ? r : posix_spawnattr_setsigdefault(attributes, &all);
}

static int spawn_actions(posix_spawn_file_actions_t *actions, const int theirs[3])
{
        for (int fd = 0; fd < 3; fd++) {
                int r = posix_spawn_file_actions_adddup2(actions, theirs[fd], fd);
                if (r != 0)
                        return r;
        }
        return posix_spawn_file_actions_addclosefrom_np(actions, FIRST_FREE_FD);
}

static int spawn(struct process *process, char *const argv[], char *const envp[],
                 const int theirs[3])
{
        posix_spawnattr_t attributes;
        posix_spawn_file_actions_t actions;
        int r = posix_spawnattr_init(&attributes);
        if (r != 0)
                return r;
        r = posix_spawn_file_actions_init(&actions);
        if (r == 0) {
                r = spawn_attributes(&attributes);
                if (r == 0)
                        r = spawn_actions(&actions, theirs);
                if (r == 0)
                        r = posix_spawn(&process->pid, argv[0], &actions, &attributes, argv, envp);
                (void)posix_spawn_file_actions_destroy(&actions);
        }
        (void)posix_spawnattr_destroy(&attributes);
        return r;
}

int process_start(struct process *process, char *const argv[], char *const envp[],
                  struct error *err)
{
        *process = (struct process){.pidfd = -1, .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1};
        int in[2] = {-1, -1};
        int out[2] = {-1, -1};
        int said[2] = {-1, -1};
        int r = pipe_open(in, err);
        if (r == 0)
                r = pipe_open(out, err);
        if (r == 0)
                r = pipe_open(said, err);
        if (r == 0) {
                const int theirs[3] = {in[0], out[1], said[1]};
                int errnum = spawn(process, argv, envp, theirs);
                if (errnum != 0)
                        r = error_errno(err, errnum, "starting %s", argv[0]);
        }
        if (r == 0) {
                process->stdin_fd = steal_fd(&in[1]);
                process->stdout_fd = steal_fd(&out[0]);
                process->stderr_fd = steal_fd(&said[0]);
                (void)fcntl(process->stdin_fd, F_SETFL, O_NONBLOCK);
                (void)fcntl(process->stdout_fd, F_SETFL, O_NONBLOCK);
                (void)fcntl(process->stderr_fd, F_SETFL, O_NONBLOCK);
                process->pidfd = (int)syscall(SYS_pidfd_open, process->pid, 0);
        } else {
                process->pid = 0;
        }
        close_pair(in);
        close_pair(out);
        close_pair(said);
        return r;
}

static bool process_has_ended(const struct process *process)
{
        siginfo_t info = {0};
        int r = waitid(P_PID, (id_t)process->pid, &info, WEXITED | WNOHANG | WNOWAIT);
        return r < 0 ? errno == ECHILD : info.si_pid != 0;
}

bool process_wait(const struct process *process, int64_t timeout_ms)
{
        int64_t deadline_us = clock_monotonic_us() + timeout_ms * 1000;
        while (!process_has_ended(process)) {
                int64_t left_ms = (deadline_us - clock_monotonic_us() + 999) / 1000;
                if (left_ms <= 0)
                        return false;
                if (process->pidfd < 0 && left_ms > WAIT_STEP_MS)
                        left_ms = WAIT_STEP_MS;
                struct pollfd ended = {.fd = process->pidfd, .events = POLLIN};
                (void)poll(&ended, 1, (int)left_ms);
        }
        return true;
}

void process_stop(struct process *process, int64_t patience_ms)
{
        if (process->pid == 0)
                return;
        (void)kill(process->pid, SIGTERM);
        if (!process_wait(process, patience_ms))
                (void)kill(-process->pid, SIGKILL);
}

static void close_ends(struct process *process)
{
        cleanup_close(&process->pidfd);
        cleanup_close(&process->stdin_fd);
        cleanup_close(&process->stdout_fd);
        cleanup_close(&process->stderr_fd);
        process->pidfd = process->stdin_fd = process->stdout_fd = process->stderr_fd = -1;
}

void process_release(struct process *process)
{
        if (process->pid != 0)
                (void)waitpid(process->pid, &process->status, WNOHANG);
        process->pid = 0;
        close_ends(process);
}

void process_done(struct process *process)
{
        if (process->pid != 0) {
                /* Before reaping: until then the number of the group is surely ours. */
                (void)kill(-process->pid, SIGKILL);
                while (waitpid(process->pid, &process->status, 0) < 0 && errno == EINTR)
                        ;
                process->pid = 0;
        }
        close_ends(process);
}
