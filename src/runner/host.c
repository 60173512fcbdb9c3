#include "runner/host.h"

#include "runner/engine.h"
#include "runner/host_private.h"
#include "runner/signals.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEFAULT_LINGER_MS 60000
#define FIRST_CLIENT_MS 2000 /* whoever started the host has still to connect */
#define DEFAULT_WAITING 256
#define DEFAULT_PARENTS 8
#define DEFAULT_PARENT_MEMORY_MB 512
#define DEFAULT_COPY_BYTES ((int64_t)32 * 1024 * 1024)
#define TIDY_EVERY_US (3600 * INT64_C(1000000))
#define ACCEPT_AGAIN_US 100000
#define MEMO_FILE "hashes.json"

void link_add(struct link **list, struct link *link)
{
        link->next = *list;
        link->back = list;
        if (*list)
                (*list)->back = &link->next;
        *list = link;
}

void link_remove(struct link *link)
{
        *link->back = link->next;
        if (link->next)
                link->next->back = link->back;
}

void host_options_default(struct host_options *options)
{
        int64_t cores = sysconf(_SC_NPROCESSORS_ONLN);
        int64_t memory_mb = sysconf(_SC_PHYS_PAGES) / 1024 * sysconf(_SC_PAGESIZE) / 1024;
        *options = (struct host_options){
                .linger_ms = DEFAULT_LINGER_MS,
                .spares = (size_t)cores,
                .parents = DEFAULT_PARENTS,
                .parent_memory_mb = DEFAULT_PARENT_MEMORY_MB,
                .copy_bytes = DEFAULT_COPY_BYTES,
                .snapshot_bytes = SNAPSHOT_BYTES_KEPT,
                .queue = {.waiting = DEFAULT_WAITING,
                          .running = (size_t)(2 * cores),
                          .memory_mb = memory_mb * 3 / 4},
                .walls = RUNNER_ALL_WALLS,
        };
}

static void host_done(struct host *host)
{
        while (host->calls)
                call_free((struct call *)host->calls);
        while (host->warms)
                warm_free((struct warm *)host->warms);
        int fds[] = {host->listener.fd, host->seed.fd, host->lock_fd, host->folder_fd};
        for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
                cleanup_close(&fds[i]);
        loop_done(&host->loop);
        queue_free(host->queue);
        file_memo_free(host->memo);
        free(host->snapshots);
        if (host->seed_pid > 0) {
                (void)kill(host->seed_pid, SIGKILL);
                while (waitpid(host->seed_pid, NULL, 0) < 0 && errno == EINTR)
                        ;
        }
}

static int open_folders(struct host *host, struct error *err)
{
        _cleanup_free_ char *folder = NULL;
        const char *home = host->options->home;
        if (asprintf(&folder, "%s/" HOST_FOLDER, home) < 0) {
                folder = NULL;
                return error_oom(err);
        }
        if (asprintf(&host->snapshots, "%s/" SNAPSHOT_FOLDER, home) < 0) {
                host->snapshots = NULL;
                return error_oom(err);
        }
        int r = fd_make_dirs(folder, err);
        if (r == 0)
                r = fd_make_dirs(host->snapshots, err);
        if (r < 0)
                return r;
        host->folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (host->folder_fd < 0)
                return error_errno(err, errno, "opening %s", folder);
        /* Whoever may connect may have the files read that we may read. */
        (void)fchmod(host->folder_fd, 0700);
        return 0;
}

/* 1: the place is ours; 0: another host has it. */
static int take_place(struct host *host, struct error *err)
{
        char name[HOST_SOCKET_NAME_SIZE + 8];
        (void)snprintf(name, sizeof(name), "%s.lock", host->options->socket_name);
        host->lock_fd =
                openat(host->folder_fd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (host->lock_fd < 0)
                return error_errno(err, errno, "creating the lock of the host");
        if (flock(host->lock_fd, LOCK_EX | LOCK_NB) == 0)
                return 1;
        return errno == EWOULDBLOCK ? 0 : error_errno(err, errno, "locking the host's place");
}

static void on_listener(struct watch *watch, uint32_t events)
{
        struct host *host = watch->owner;
        int fd;
        (void)events;
        while ((fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0)
                call_accept(host, fd);
        if (errno == EMFILE || errno == ENFILE) { /* who waits can wait until somebody went */
                loop_change(&host->loop, watch, 0);
                host->accept_again_us = clock_monotonic_us() + ACCEPT_AGAIN_US;
        }
}

static void accept_again(struct host *host, int64_t now_us)
{
        if (host->accept_again_us == 0 || now_us < host->accept_again_us)
                return;
        host->accept_again_us = 0;
        if (host->listener.fd >= 0)
                loop_change(&host->loop, &host->listener, EPOLLIN);
}

static int listen_there(struct host *host, struct error *err)
{
        const char *name = host->options->socket_name;
        (void)unlinkat(host->folder_fd, name, 0); /* of one that was killed: the lock is ours */
        int fd = host_listen(host->folder_fd, name);
        if (fd < 0)
                return error_errno(err, -fd, "listening on %s/" HOST_FOLDER "/%s",
                                   host->options->home, name);
        host->listener = (struct watch){.fd = -1, .on_event = on_listener, .owner = host};
        int r = loop_add(&host->loop, &host->listener, fd, EPOLLIN, err);
        if (r < 0)
                (void)close(fd);
        return r;
}

/* Nobody finds us any more; who was quick enough is still served. */
static void stop_listening(struct host *host)
{
        int fd = host->listener.fd;
        if (fd < 0)
                return;
        (void)unlinkat(host->folder_fd, host->options->socket_name, 0);
        on_listener(&host->listener, EPOLLIN);
        loop_remove(&host->loop, &host->listener);
        cleanup_close(&fd);
        cleanup_close(&host->lock_fd);
        host->lock_fd = -1;
}

static void on_seed(struct watch *watch, uint32_t events)
{
        struct host *host = watch->owner;
        struct birth_word word;
        int fd = -1;
        int r = births_hear(watch->fd, &word, &fd);
        (void)events;
        if (r == 0)
                return;
        if (r > 0 && word.saying != BIRTH_READY && word.saying != BIRTH_FAILED) {
                warm_seed_word(host, &word, fd);
                return;
        }
        cleanup_close(&fd);
        if (r > 0 && word.saying == BIRTH_READY)
                return;
        /* Without it nothing can be started: whoever waits hears of it, and the next call starts
         * another host. */
        struct error why = {0};
        if (r > 0)
                (void)error_set(&why, ERROR_RUNNER_INTERNAL, "the engine could not be started: %s",
                                word.message);
        else
                (void)error_set(&why, ERROR_RUNNER_INTERNAL,
                                "the process that warm processes come from ended; run it again");
        loop_remove(&host->loop, watch);
        warm_fail_all(host, &why);
        stop_listening(host);
}

/* Before anything is known of anybody. */
static int start_seed(struct host *host, struct error *err)
{
        int control[2];
        pid_t parent = getpid();
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) < 0)
                return error_errno(err, errno, "making a socket pair");
        pid_t pid = fork();
        if (pid == 0) {
                (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
                if (getppid() != parent)
                        _exit(0);
                /* Nothing of the host's: a copy of its lock would hold its place after it. */
                int fd = dup2(control[1], STDERR_FILENO + 1);
                if (fd < 0 || syscall(SYS_close_range, fd + 1, ~0U, 0) < 0)
                        _exit(0);
                seed_main(&host->options->walls, fd);
        }
        (void)close(control[1]);
        if (pid < 0) {
                (void)close(control[0]);
                return error_errno(err, errno, "starting the seed of the warm processes");
        }
        host->seed_pid = pid;
        host->seed.fd = control[0];
        return 0;
}

/* However short it lingers later on. */
static void await_first_client(struct host *host)
{
        int64_t more_ms = FIRST_CLIENT_MS - host->options->linger_ms;
        host->idle_since_us = clock_monotonic_us() + (more_ms > 0 ? more_ms * 1000 : 0);
}

static int host_init(struct host *host, struct error *err)
{
        _cleanup_free_ char *memo = NULL;
        int fd = host->seed.fd;
        if (asprintf(&memo, "%s/" SNAPSHOT_FOLDER "/" MEMO_FILE, host->options->home) < 0) {
                memo = NULL;
                return error_oom(err);
        }
        host->engine_version = engine_version();
        await_first_client(host);
        host->seed = (struct watch){.fd = fd, .on_event = on_seed, .owner = host};
        int r = loop_init(&host->loop, err);
        if (r == 0)
                r = loop_add(&host->loop, &host->seed, fd, EPOLLIN, err);
        if (r == 0)
                r = queue_new(&host->options->queue, &host->queue, err);
        if (r == 0)
                r = file_memo_open(memo, &host->memo, err);
        return r == 0 ? listen_there(host, err) : r;
}

static bool is_building(const struct host *host)
{
        for (struct link *link = host->warms; link; link = link->next)
                if (((struct warm *)link)->state != WARM_READY)
                        return true;
        return false;
}

/* A piece of the work that is done between events: hashing. */
static bool work_some(struct host *host)
{
        struct call *oldest = NULL;
        for (struct link *link = host->calls; link; link = link->next)
                if (((struct call *)link)->state == CALL_HASHING)
                        oldest = (struct call *)link;
        if (oldest)
                return call_hash_some(oldest);
        for (struct link *link = host->warms; link; link = link->next)
                if (warm_check_some((struct warm *)link))
                        return true;
        return false;
}

static int64_t sooner(int64_t a, int64_t b)
{
        return a < 0 || (b >= 0 && b < a) ? b : a;
}

static int64_t wait_ms(const struct host *host, int64_t now_us)
{
        int64_t wait = -1;
        for (struct link *link = host->calls; link; link = link->next)
                wait = sooner(wait, call_wait_ms((struct call *)link, now_us));
        for (struct link *link = host->warms; link; link = link->next)
                wait = sooner(wait, warm_wait_ms((struct warm *)link));
        if (host->accept_again_us)
                wait = sooner(wait, ACCEPT_AGAIN_US / 1000);
        if (host->n_calls == 0 && !is_building(host)) {
                int64_t left_us = host->idle_since_us + host->options->linger_ms * 1000 - now_us;
                wait = sooner(wait, left_us <= 0 ? 0 : (left_us + 999) / 1000);
        }
        return wait;
}

static void keep_time(struct host *host, int64_t now_us)
{
        struct link *next;
        for (struct link *link = host->calls; link; link = next) {
                next = link->next;
                call_keep_time((struct call *)link, now_us);
        }
        for (struct link *link = host->warms; link; link = next) {
                next = link->next;
                warm_keep_time((struct warm *)link, now_us);
        }
        accept_again(host, now_us);
        child_dispatch(host); /* whoever went in this round may have made room */
}

static bool is_over(struct host *host, int64_t now_us)
{
        if (host->n_calls > 0 || is_building(host))
                return false;
        if (host->listener.fd < 0)
                return true;
        if (now_us - host->idle_since_us < host->options->linger_ms * 1000)
                return false;
        stop_listening(host);
        return host->n_calls == 0;
}

/* Now and then: what is in use counts as used, and what the rule takes goes. */
static void tidy(struct host *host, int64_t now_us)
{
        struct error ignored = {0};
        if (host->tidied_us && now_us - host->tidied_us < TIDY_EVERY_US)
                return;
        host->tidied_us = now_us;
        for (struct link *link = host->warms; link; link = link->next) {
                const struct warm *warm = (struct warm *)link;
                struct snapshot used = SNAPSHOT_NONE;
                if (warm->state == WARM_READY && warm->key[0])
                        (void)snapshot_open(host->snapshots, warm->key, host->engine_version, &used,
                                            &ignored);
                snapshot_close(&used);
        }
        (void)snapshot_tidy(host->snapshots, NULL, host->options->snapshot_bytes, NULL, &ignored);
}

static void serve(struct host *host)
{
        sigset_t while_waiting;
        signals_while_waiting(&while_waiting);
        for (;;) {
                bool busy = work_some(host);
                int64_t now_us = clock_monotonic_us();
                if (signals_ending() || is_over(host, now_us))
                        return;
                loop_run(&host->loop, busy ? 0 : (int)wait_ms(host, now_us), &while_waiting);
                keep_time(host, clock_monotonic_us());
                tidy(host, now_us);
        }
}

static void say_ready(int ready_fd)
{
        static const char word[] = "ready\n";
        if (ready_fd < 0)
                return;
        (void)!write(ready_fd, word, sizeof(word) - 1);
        (void)close(ready_fd);
}

/* Two or more for each client; 1,024 is what most systems give, and many times that on request. */
static void raise_descriptor_limit(void)
{
        struct rlimit limit;
        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return;
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
}

int host_serve(const struct host_options *options, int ready_fd, struct error *err)
{
        _cleanup_(host_done) struct host host = {.options = options,
                                                 .folder_fd = -1,
                                                 .lock_fd = -1,
                                                 .loop.epoll_fd = -1,
                                                 .listener.fd = -1,
                                                 .seed.fd = -1};
        signals_catch();
        raise_descriptor_limit();
        int r = open_folders(&host, err);
        if (r == 0)
                r = take_place(&host, err);
        if (r == 0)
                say_ready(ready_fd); /* by another's hand */
        if (r > 0)
                r = start_seed(&host, err) < 0 ? -(int)err->type : 1;
        if (r > 0)
                r = host_init(&host, err) < 0 ? -(int)err->type : 1;
        if (r <= 0)
                return r;
        say_ready(ready_fd);
        serve(&host);
        stop_listening(&host);
        return 0;
}
