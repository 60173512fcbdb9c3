/* The local executor against runners that misbehave: small shell scripts, as no real runner dies,
 * floods or ignores signals on demand. What it does with the real one is tested through askcsv. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "executor/executor.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct fixture {
        char folder[64];
        char script[96];
        char note[96]; /* where a script may write, for example its pid */
        struct executor *executor;
        struct buf response;
        struct error err;
};

static int setup(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));
        (void)snprintf(f->folder, sizeof(f->folder), "/tmp/askcsv-executor-XXXXXX");
        assert_non_null(mkdtemp(f->folder));
        (void)snprintf(f->script, sizeof(f->script), "%s/runner", f->folder);
        (void)snprintf(f->note, sizeof(f->note), "%s/note", f->folder);
        buf_init(&f->response, 8 * 1024 * 1024);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;
        executor_free(f->executor);
        buf_done(&f->response);
        (void)unlink(f->script);
        (void)unlink(f->note);
        (void)rmdir(f->folder);
        free(f);
        return 0;
}

/* Makes the runner out of a script in which $NOTE stands for the note's path. */
static void runner_is(struct fixture *f, const char *script)
{
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, 4096);
        buf_printf(&text, "#!/bin/sh\nNOTE=%s\n%s\n", f->note, script);
        assert_int_equal(fd_write_file(f->script, buf_text(&text), text.len, 0700, &f->err), 0);
        assert_int_equal(executor_open("local", f->script, "/tmp", &f->executor, &f->err), 0);
}

static int call(struct fixture *f, const char *request, size_t n, int64_t timeout_ms, int cancel_fd)
{
        const struct executor_call call = {.request = request,
                                           .request_bytes = n,
                                           .timeout_ms = timeout_ms,
                                           .max_response_bytes = 1024 * 1024,
                                           .cancel_fd = cancel_fd};
        return executor_run(f->executor, &call, &f->response, &f->err);
}

/* We have no child, neither running nor unreaped. */
static void assert_no_child(void)
{
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
        assert_int_equal(errno, ECHILD);
}

static pid_t noted_pid(const struct fixture *f)
{
        _cleanup_buf_ struct buf text = {0};
        struct error err = {0};
        buf_init(&text, 64);
        assert_int_equal(fd_read_file(f->note, &text, &err), 0);
        return (pid_t)strtol(buf_text(&text), NULL, 10);
}

static void assert_said(const struct fixture *f, enum error_type type, const char *said)
{
        assert_int_equal(f->err.type, type);
        if (!strstr(f->err.message, said))
                fail_msg("\"%s\" does not say \"%s\"", f->err.message, said);
        assert_no_child();
}

static void test_carries_bytes(void **state)
{
        struct fixture *f = *state;
        runner_is(f, "cat");
        size_t n = 700 * 1024; /* more than the pipes hold, both ways at once */
        _cleanup_free_ char *request = malloc(n);
        memset(request, 'x', n);
        for (int i = 0; i < 3; i++) {
                assert_int_equal(call(f, request, n, 10000, -1), 0);
                assert_int_equal(f->response.len, n);
                assert_memory_equal(f->response.data, request, n);
        }
        assert_no_child();
}

/* Nothing of ours: neither the environment nor descriptors nor blocked signals. */
static void test_scrubs(void **state)
{
        struct fixture *f = *state;
        assert_int_equal(setenv("ASKCSV_SECRET", "hush", 1), 0);
        int leaked = dup(STDERR_FILENO); /* without CLOEXEC, as a library may leave one */
        /* The last one by exec: a shell that waits for a child blocks signals of its own. */
        runner_is(f, "echo $$ > $NOTE; echo \"args: $*\"; /usr/bin/env; ls -l /proc/$$/fd; "
                     "ps -o pgid= -p $$; exec grep SigBlk /proc/self/status");
        sigset_t set;
        (void)sigemptyset(&set);
        (void)sigaddset(&set, SIGINT);
        (void)sigprocmask(SIG_BLOCK, &set, NULL);
        assert_int_equal(call(f, "", 0, 10000, -1), 0);
        (void)sigprocmask(SIG_UNBLOCK, &set, NULL);
        const char *text = buf_text(&f->response);
        assert_non_null(strstr(text, "args: --data-root /tmp\n"));
        assert_null(strstr(text, "ASKCSV_SECRET"));
        assert_null(strstr(text, "HOME="));
        assert_non_null(strstr(text, "SigBlk:\t0000000000000000"));
        char number[16];
        (void)snprintf(number, sizeof(number), " %d -> ", leaked);
        assert_null(strstr(text, number));
        char group[16];
        (void)snprintf(group, sizeof(group), "%d\n", noted_pid(f));
        assert_non_null(strstr(text, group));
        (void)close(leaked);
}

static void test_dies(void **state)
{
        struct fixture *f = *state;
        runner_is(f, "printf 'no\\033[31m library\\n' >&2; exit 127");
        assert_true(call(f, "x", 1, 10000, -1) < 0);
        assert_said(f, ERROR_RUNNER_INTERNAL, "exit status 127: no [31m library");
        executor_free(steal_ptr(&f->executor));
        runner_is(f, "kill -SEGV $$");
        assert_true(call(f, "x", 1, 10000, -1) < 0);
        assert_said(f, ERROR_RUNNER_INTERNAL, "signal 11");
        executor_free(steal_ptr(&f->executor));
        runner_is(f, "exit 0");
        assert_true(call(f, "x", 1, 10000, -1) < 0);
        assert_said(f, ERROR_RUNNER_INTERNAL, "without a response");
        executor_free(steal_ptr(&f->executor));
        runner_is(f, "echo '{}'; exit 3");
        assert_true(call(f, "x", 1, 10000, -1) < 0);
        assert_said(f, ERROR_RUNNER_INTERNAL, "exit status 3");
}

/* It closes its input before it has all: we must live, and hear what it says. */
static void test_never_reads(void **state)
{
        struct fixture *f = *state;
        size_t n = 900 * 1024;
        _cleanup_free_ char *request = malloc(n);
        memset(request, 'x', n);
        runner_is(f, "exec 0<&-; echo answer");
        assert_int_equal(call(f, request, n, 10000, -1), 0);
        assert_string_equal(buf_text(&f->response), "answer\n");
        executor_free(steal_ptr(&f->executor));
        runner_is(f, "while :; do :; done"); /* nor closes it */
        assert_true(call(f, request, n, 1, -1) < 0);
        assert_said(f, ERROR_RUNNER_TIMEOUT, "within 1 ms");
}

static void test_floods(void **state)
{
        struct fixture *f = *state;
        runner_is(f, "while :; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; done");
        assert_true(call(f, "x", 1, 60000, -1) < 0);
        assert_said(f, ERROR_RUNNER_INTERNAL, "larger than 1048576 bytes");
        executor_free(steal_ptr(&f->executor));
        runner_is(f, "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); "
                     "echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa >&2; done; echo done");
        assert_int_equal(call(f, "x", 1, 60000, -1), 0);
        assert_string_equal(buf_text(&f->response), "done\n");
}

/* Says nothing, and does not go when asked to. */
static void test_ignores_sigterm(void **state)
{
        struct fixture *f = *state;
        runner_is(f, "trap '' TERM; echo $$ > $NOTE; while :; do :; done");
        int64_t start = clock_monotonic_us();
        assert_true(call(f, "x", 1, 1, -1) < 0);
        int64_t took_ms = (clock_monotonic_us() - start) / 1000;
        assert_said(f, ERROR_RUNNER_TIMEOUT, "--timeout-ms");
        assert_true(took_ms >= EXECUTOR_GRACE_MS + 400);
        assert_int_equal(kill(noted_pid(f), 0), -1);
}

/* Asked to stop, it may tidy up. The runner itself asks, through a named pipe, once it is ready
 * for the signal. */
static void test_cancel(void **state)
{
        struct fixture *f = *state;
        char tidy[128];
        (void)snprintf(tidy, sizeof(tidy), "%s.tidy", f->note);
        runner_is(f,
                  "trap 'echo tidy > $NOTE.tidy; exit 0' TERM; echo >$NOTE; while :; do :; done");
        assert_int_equal(mkfifo(f->note, 0600), 0);
        _cleanup_close_ int cancel_fd = open(f->note, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        assert_true(call(f, "x", 1, 60000, cancel_fd) < 0);
        assert_said(f, ERROR_CANCELLED, "stopped");
        assert_int_equal(unlink(tidy), 0);
}

/* What it started and left behind goes with it, and does not keep us waiting. */
static void test_leaves_somebody(void **state)
{
        struct fixture *f = *state;
        runner_is(f, "sleep 1000 & echo $! > $NOTE; echo answer");
        int64_t start = clock_monotonic_us();
        assert_int_equal(call(f, "x", 1, 60000, -1), 0);
        assert_string_equal(buf_text(&f->response), "answer\n");
        assert_true(clock_monotonic_us() - start < 10000000);
        assert_no_child();
        int pidfd = (int)syscall(SYS_pidfd_open, noted_pid(f), 0);
        struct pollfd ended = {.fd = pidfd, .events = POLLIN};
        if (pidfd >= 0) /* else it is gone already */
                assert_int_equal(poll(&ended, 1, 10000), 1);
        cleanup_close(&pidfd);
}

static size_t count_fds(void)
{
        size_t n = 0;
        DIR *folder = opendir("/proc/self/fd");
        while (readdir(folder))
                n++;
        (void)closedir(folder);
        return n;
}

static void test_no_descriptor_is_lost(void **state)
{
        struct fixture *f = *state;
        runner_is(f, "exit 1");
        size_t before = count_fds();
        for (int i = 0; i < 20; i++)
                assert_true(call(f, "x", 1, 10000, -1) < 0);
        assert_int_equal(count_fds(), before);
}

static void test_ask(void **state)
{
        struct fixture *f = *state;
        runner_is(f, "case $1 in --version) echo runner 1;; --probe) echo '{}'; exit 1;; esac");
        assert_int_equal(executor_ask(f->executor, EXECUTOR_ASK_VERSION, &f->response, &f->err), 0);
        assert_string_equal(buf_text(&f->response), "runner 1\n");
        assert_int_equal(executor_ask(f->executor, EXECUTOR_ASK_PROBE, &f->response, &f->err), 0);
        assert_string_equal(buf_text(&f->response), "{}\n");
        assert_string_equal(executor_place(f->executor), f->script);
}

static void test_open_refuses(void **state)
{
        struct fixture *f = *state;
        assert_true(executor_open("moon", NULL, "/", &f->executor, &f->err) < 0);
        assert_int_equal(f->err.type, ERROR_USAGE);
        /* A runner that is not there, or cannot be executed: every call says so. */
        for (int i = 0; i < 2; i++) {
                assert_int_equal(executor_open("local", f->script, "/", &f->executor, &f->err), 0);
                assert_true(executor_prepare(f->executor, &f->err) < 0);
                assert_said(f, ERROR_IO, f->script);
                assert_true(call(f, "x", 1, 10000, -1) < 0);
                assert_said(f, ERROR_IO, "ASKCSV_RUNNER");
                executor_free(f->executor);
                f->executor = NULL;
                assert_int_equal(fd_write_file(f->script, "x", 1, 0600, &f->err), 0);
        }
        assert_int_equal(unlink(f->script), 0);
}

/* A file that can be executed by its mode only. */
static void test_does_not_start(void **state)
{
        struct fixture *f = *state;
        runner_is(f, "");
        assert_int_equal(fd_write_file(f->script, "#!/no/such/shell\n", 17, 0700, &f->err), 0);
        assert_true(call(f, "x", 1, 10000, -1) < 0);
        assert_said(f, ERROR_IO, "starting");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_carries_bytes),
                TEST(test_scrubs),
                TEST(test_dies),
                TEST(test_never_reads),
                TEST(test_floods),
                TEST(test_ignores_sigterm),
                TEST(test_cancel),
                TEST(test_leaves_somebody),
                TEST(test_no_descriptor_is_lost),
                TEST(test_ask),
                TEST(test_open_refuses),
                TEST(test_does_not_start),
        };
        return cmocka_run_group_tests_name("executor", tests, NULL, NULL);
}
