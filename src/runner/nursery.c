#include "runner/nursery.h"

#include "runner/births.h"
#include "runner/sandbox.h"
#include "runner/warm_memory.h"
#include "runner/worker.h"

#include "base/cleanup.h"

#include <string.h>
#include <unistd.h>

#define SETTLE_WAIT_MS 20 /* the first run is let go before the parent tidies its memory */

static int load(const struct nursery_start *start, struct error *err)
{
        const struct request *request = start->request;
        const struct limits limits = {.memory_mb = start->memory_mb, .threads = 1};
        const char *names[REQUEST_TABLES_MAX];
        for (size_t i = 0; i < request->n_tables; i++)
                names[i] = request->tables[i].name;
        int r = engine_set_limits(start->engine, &limits, err);
        if (r == 0 && start->spec->n_files > 0)
                r = engine_snapshot_use(start->engine, start->spec->files[0].inside, names,
                                        request->n_tables, start->copy, err);
        if (r == 0 && start->wanted->engine_lock)
                r = engine_shut(start->engine, err);
        return r;
}

/* Everything before the first child. */
static int move_in(const struct nursery_start *start, struct error *err)
{
        if (!start->wanted->os_sandbox) {
                (void)sandbox_stay_out(start->spec, start->walls);
                return load(start, err);
        }
        int r = sandbox_enter(start->spec, start->walls, err);
        if (r == 0)
                r = load(start, err);
        if (r == 0)
                r = sandbox_prepare_children(start->walls, err);
        return r < 0 ? r : sandbox_seal_parent(err);
}

/* What makes later children quicker; the first one need not wait for it. */
static void tidy_memory(const struct nursery_start *start)
{
        struct error ignored = {0};
        for (size_t i = 0; !start->copy && i < start->request->n_tables; i++)
                (void)engine_snapshot_read_ahead(start->engine, start->request->tables[i].name,
                                                 &ignored);
        (void)engine_warm_up(start->engine, &ignored);
        warm_memory_settle();
}

_Noreturn static void become_child(const struct nursery_start *start,
                                   const struct nursery_order *order, struct sandbox_walls *walls,
                                   const int fds[NURSERY_FDS])
{
        int keep[] = {fds[NURSERY_REQUEST], fds[NURSERY_WORDS]};
        struct sandbox_spec spec = *start->spec;
        spec.role = SANDBOX_WORKER;
        spec.keep_fds = keep;
        spec.n_keep_fds = ARRAY_SIZE(keep);
        spec.n_files = 0;
        spec.memory_mb = order->limits.memory_mb;
        spec.cpu_s = worker_cpu_s(&order->limits);
        spec.threads = order->limits.threads;
        if (dup2(fds[NURSERY_STDOUT], STDOUT_FILENO) < 0 ||
            dup2(fds[NURSERY_STDERR], STDERR_FILENO) < 0)
                _exit(WORKER_EXIT_MUTE);
        struct worker_start work = {
                .wanted = start->wanted,
                .engine = start->engine,
                .spec = &spec,
                .walls = walls,
                .limits = order->limits,
                .request_fd = fds[NURSERY_REQUEST],
                .words_fd = fds[NURSERY_WORDS],
        };
        worker_main_warm(&work);
}

static void clone_child(struct births *births, const struct nursery_start *start,
                        const struct nursery_order *order, const int fds[NURSERY_FDS])
{
        struct error err = {0};
        struct sandbox_walls walls;
        int pidfd = -1;
        pid_t pid = -1;
        start->spec->parent = getpid();
        if (births_has_room(births))
                pid = sandbox_clone_child(start->walls, start->wanted->os_sandbox, &walls, &pidfd,
                                          &err);
        else
                (void)error_set(&err, ERROR_RUNNER_INTERNAL,
                                "a warm process has too many children");
        if (pid == 0)
                become_child(start, order, &walls, fds);
        if (pid < 0) {
                births_say_failure(births, BIRTH_UNBORN, order->id, &err);
                return;
        }
        births_note(births, pid, order->id, pidfd);
        (void)close(pidfd);
}

static void serve_order(struct births *births, const struct nursery_start *start)
{
        struct nursery_order order;
        int fds[BIRTHS_FDS_MAX];
        size_t n_fds;
        births_take(births, &order, sizeof(order), fds, &n_fds);
        if (n_fds == NURSERY_FDS)
                clone_child(births, start, &order, fds);
        for (size_t i = 0; i < n_fds; i++)
                (void)close(fds[i]);
}

_Noreturn void nursery_main(const struct nursery_start *start)
{
        static struct births births; /* large, and the process is for nothing else */
        struct error err = {0};
        sigset_t while_waiting;
        bool tidy = false;
        births_init(&births, start->control_fd, &while_waiting);
        if (move_in(start, &err) < 0) {
                births_say_failure(&births, BIRTH_FAILED, 0, &err);
                _exit(WORKER_EXIT_MUTE);
        }
        births_say(&births, &(struct birth_word){.saying = BIRTH_READY}, -1);
        for (;;) {
                if (births_await(&births, tidy ? -1 : SETTLE_WAIT_MS, &while_waiting)) {
                        serve_order(&births, start);
                } else if (!tidy) {
                        tidy_memory(start);
                        tidy = true;
                }
        }
}
