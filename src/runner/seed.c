#include "runner/seed.h"

#include "runner/births.h"
#include "runner/engine.h"
#include "runner/nursery.h"
#include "runner/warm_memory.h"
#include "runner/worker.h"

#include "base/cleanup.h"
#include "base/fd.h"

#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* To build with: what the engine's allocator keeps for later fits in, too. */
#define PLENTY_MB 1024

struct clone {
        const struct seed_order *order;
        const struct runner_walls *wanted;
        struct engine *engine;
        struct sandbox_walls walls;
        struct sandbox_spec spec;
        struct sandbox_file files[REQUEST_TABLES_MAX];
        const int *fds;
        size_t n_fds;
        pid_t seed; /* its pid and ids, as they are outside every namespace */
        uid_t uid;
        gid_t gid;
        struct request *request;
};

/* In the clone. A builder's failures are told as a worker's are; before there is a request there
 * is nothing to say but by ending. */
static void read_request(struct clone *clone)
{
        struct error ignored = {0};
        struct buf text;
        struct arena *arena = arena_new(REQUEST_ARENA_MAX);
        buf_init(&text, REQUEST_BYTES_MAX);
        if (!arena || fd_read_all(clone->fds[SEED_REQUEST], &text, "the request", &ignored) < 0 ||
            request_parse(buf_text(&text), text.len, arena, &clone->request, &ignored) < 0)
                _exit(WORKER_EXIT_MUTE);
}

_Noreturn static void become_builder(struct clone *clone)
{
        const struct limits *limits = &clone->request->limits;
        struct sandbox_spec *spec = &clone->spec;
        if (clone->n_fds != SEED_FILES + clone->request->n_tables)
                _exit(WORKER_EXIT_MUTE);
        for (size_t i = 0; i < clone->request->n_tables; i++)
                clone->files[i] = (struct sandbox_file){.path = clone->request->tables[i].path,
                                                        .fd = clone->fds[SEED_FILES + i]};
        if (limits->memory_mb < PLENTY_MB)
                warm_memory_spare();
        spec->role = SANDBOX_BUILDER;
        spec->n_files = clone->request->n_tables;
        spec->memory_mb = limits->memory_mb;
        spec->threads = limits->threads;
        spec->cpu_s = worker_cpu_s(limits, limits->threads);
        spec->out_path = clone->order->path;
        spec->out_fd = clone->fds[SEED_PATH];
        spec->out_bytes = clone->order->out_bytes;
        worker_main(clone->request, clone->wanted, clone->engine, spec, &clone->walls,
                    clone->fds[SEED_WORDS], -1);
}

_Noreturn static void become_parent(struct clone *clone)
{
        struct sandbox_spec *spec = &clone->spec;
        clone->files[0] =
                (struct sandbox_file){.path = clone->order->path, .fd = clone->fds[SEED_PATH]};
        spec->role = SANDBOX_PARENT;
        spec->n_files = clone->order->path[0] ? 1 : 0;
        const struct nursery_start start = {
                .engine = clone->engine,
                .wanted = clone->wanted,
                .spec = spec,
                .walls = &clone->walls,
                .request = clone->request,
                .copy = clone->order->copy,
                .memory_mb = clone->order->memory_mb,
                .control_fd = clone->fds[SEED_WORDS],
        };
        nursery_main(&start);
}

_Noreturn static void become(struct clone *clone)
{
        int words = clone->fds[SEED_WORDS];
        clone->spec = (struct sandbox_spec){
                .files = clone->files,
                .keep_fds = &words,
                .n_keep_fds = 1,
                .parent = clone->seed,
                .uid = clone->uid,
                .gid = clone->gid,
                .statm_fd = -1,
        };
        if (dup2(clone->fds[SEED_STDOUT], STDOUT_FILENO) < 0 ||
            dup2(clone->fds[SEED_STDERR], STDERR_FILENO) < 0)
                _exit(WORKER_EXIT_MUTE);
        read_request(clone);
        if (clone->order->kind == SEED_BUILDER)
                become_builder(clone);
        become_parent(clone);
}

static void serve_order(struct births *births, const struct runner_walls *wanted,
                        struct engine *engine)
{
        struct seed_order order;
        struct error err = {0};
        int fds[BIRTHS_FDS_MAX];
        struct clone clone = {.order = &order,
                              .wanted = wanted,
                              .engine = engine,
                              .fds = fds,
                              .seed = getpid(),
                              .uid = geteuid(),
                              .gid = getegid()};
        pid_t pid = -1;
        births_take(births, &order, sizeof(order), fds, &clone.n_fds);
        order.path[sizeof(order.path) - 1] = '\0';
        if (clone.n_fds < SEED_FILES || !births_has_room(births))
                (void)error_set(&err, ERROR_RUNNER_INTERNAL, "too many warm processes");
        else
                pid = sandbox_clone(&clone.walls, wanted->os_sandbox, &err);
        if (pid == 0)
                become(&clone);
        if (pid < 0) {
                births_say_failure(births, BIRTH_UNBORN, order.id, &err);
        } else {
                _cleanup_close_ int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
                births_note(births, pid, order.id, pidfd);
        }
        for (size_t i = 0; i < clone.n_fds; i++)
                (void)close(fds[i]);
}

_Noreturn void seed_main(const struct runner_walls *wanted, int control_fd)
{
        static struct births births; /* large, and the process is for nothing else */
        struct engine *engine = NULL;
        struct error err = {0};
        sigset_t while_waiting;
        births_init(&births, control_fd, &while_waiting);
        if (engine_open(&engine, &err) < 0) {
                births_say_failure(&births, BIRTH_FAILED, 0, &err);
                _exit(WORKER_EXIT_MUTE);
        }
        warm_memory_text();
        births_say(&births, &(struct birth_word){.saying = BIRTH_READY}, -1);
        for (;;)
                if (births_await(&births, -1, &while_waiting))
                        serve_order(&births, wanted, engine);
}
