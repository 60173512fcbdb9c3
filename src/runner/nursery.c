#include "runner/nursery.h"

#include "runner/births.h"
#include "runner/exercise.h"
#include "runner/sandbox.h"
#include "runner/warm_memory.h"
#include "runner/worker.h"

#include "base/alloc.h"
#include "base/cleanup.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENGINE_FDS_MAX 8
#define FDS_LOOKED_AT 256
#define SETTLE_WAIT_MS 20 /* the first run is let go before the parent tidies its memory */

/* What is the children's too, by cloning. */
struct nursery {
        const struct nursery_start *start;
        struct stat snapshot;
        int engine_fds[ENGINE_FDS_MAX]; /* on the snapshot, when it stays open */
        size_t n_engine_fds;
        struct policy_typed *columns; /* of the tables, for the children's policy */
        size_t n_columns;
};

static int note_columns(struct nursery *nursery, struct error *err)
{
        json_t *list = NULL; /* kept: the names are in it */
        int r = engine_list_columns(nursery->start->engine, &list, err);
        if (r < 0)
                return r;
        size_t n = json_array_size(list);
        nursery->columns = alloc_calloc(n + 1, sizeof(*nursery->columns));
        if (!nursery->columns)
                return error_oom(err);
        for (; nursery->n_columns < n; nursery->n_columns++) {
                const json_t *pair = json_array_get(list, nursery->n_columns);
                const char *type = json_string_value(json_array_get(pair, 1));
                nursery->columns[nursery->n_columns] = (struct policy_typed){
                        json_string_value(json_array_get(pair, 0)), policy_exactness_of(type)};
        }
        return 0;
}

/* The engine does not say which descriptors it has. */
static void note_engine_fds(struct nursery *nursery)
{
        struct stat file;
        for (int fd = STDERR_FILENO + 1; fd < FDS_LOOKED_AT; fd++)
                if (fstat(fd, &file) == 0 && file.st_dev == nursery->snapshot.st_dev &&
                    file.st_ino == nursery->snapshot.st_ino &&
                    nursery->n_engine_fds < ENGINE_FDS_MAX)
                        nursery->engine_fds[nursery->n_engine_fds++] = fd;
}

static int load(struct nursery *nursery, struct error *err)
{
        const struct nursery_start *start = nursery->start;
        const struct request *request = start->request;
        const struct limits limits = {.memory_mb = start->memory_mb, .threads = 1};
        const struct limits usual = LIMITS_DEFAULT;
        const char *names[REQUEST_TABLES_MAX];
        for (size_t i = 0; i < request->n_tables; i++)
                names[i] = request->tables[i].name;
        int r = engine_set_limits(start->engine, &limits, err);
        if (r == 0 && start->spec->n_files > 0)
                r = engine_snapshot_use(start->engine, start->spec->files[0].inside, names,
                                        request->n_tables, start->copy, err);
        if (r == 0 && !start->copy)
                r = note_columns(nursery, err);
        if (r == 0 && !start->copy)
                note_engine_fds(nursery);
        if (r == 0 && start->wanted->engine_lock)
                r = engine_shut(start->engine, err);
        if (r == 0)
                r = engine_note_held(start->engine, err);
        if (r == 0 && start->copy)
                r = engine_set_limits(start->engine, &usual, err); /* so most children need not */
        return r;
}

/* Everything before the first child. */
static int move_in(struct nursery *nursery, struct error *err)
{
        const struct nursery_start *start = nursery->start;
        if (start->spec->n_files > 0 && fstat(start->spec->files[0].fd, &nursery->snapshot) < 0)
                return error_errno(err, errno, "looking at the snapshot");
        if (!start->wanted->os_sandbox) {
                int r = sandbox_stay_out(start->spec, start->walls, err);
                return r < 0 ? r : load(nursery, err);
        }
        int r = sandbox_enter(start->spec, start->walls, err);
        if (r == 0)
                r = load(nursery, err);
        if (r == 0)
                r = sandbox_prepare_children(start->walls, err);
        return r < 0 ? r : sandbox_seal_parent(err);
}

/* What makes later children quicker; the first one need not wait for it. */
static void tidy_memory(struct nursery *nursery)
{
        const struct nursery_start *start = nursery->start;
        struct error ignored = {0};
        for (size_t i = 0; !start->copy && i < start->request->n_tables; i++)
                (void)engine_snapshot_read_ahead(start->engine, start->request->tables[i].name,
                                                 &ignored);
        if (!start->copy)
                (void)engine_note_held(start->engine, &ignored);
        exercise_thoroughly(start->engine);
        warm_memory_settle(!start->copy);
}

_Noreturn static void become_child(const struct nursery *nursery, const struct nursery_order *order,
                                   struct sandbox_walls *walls, const int fds[NURSERY_FDS])
{
        const struct nursery_start *start = nursery->start;
        int keep[2 + ENGINE_FDS_MAX] = {fds[NURSERY_REQUEST], fds[NURSERY_WORDS]};
        struct sandbox_spec spec = *start->spec;
        spec.role = SANDBOX_WORKER;
        spec.keep_fds = keep;
        spec.n_keep_fds = 2 + nursery->n_engine_fds;
        memcpy(keep + 2, nursery->engine_fds, nursery->n_engine_fds * sizeof(int));
        spec.n_files = 0;
        spec.memory_mb = order->limits.memory_mb;
        spec.cpu_s = worker_cpu_s(&order->limits, order->threads_max);
        spec.threads = order->threads_max;
        if (dup2(fds[NURSERY_STDOUT], STDOUT_FILENO) < 0 ||
            dup2(fds[NURSERY_STDERR], STDERR_FILENO) < 0)
                _exit(WORKER_EXIT_MUTE);
        struct worker_start work = {
                .wanted = start->wanted,
                .engine = start->engine,
                .spec = &spec,
                .walls = walls,
                .limits = order->limits,
                .exercise = order->exercise,
                .threads_max = order->threads_max,
                .typed = nursery->columns,
                .n_typed = nursery->n_columns,
                .request_fd = fds[NURSERY_REQUEST],
                .words_fd = fds[NURSERY_WORDS],
        };
        worker_main_warm(&work);
}

static void clone_child(struct births *births, const struct nursery *nursery,
                        const struct nursery_order *order, const int fds[NURSERY_FDS])
{
        const struct nursery_start *start = nursery->start;
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
                become_child(nursery, order, &walls, fds);
        if (pid < 0) {
                births_say_failure(births, BIRTH_UNBORN, order->id, &err);
                return;
        }
        births_note(births, pid, order->id, pidfd);
        (void)close(pidfd);
}

static void serve_order(struct births *births, const struct nursery *nursery)
{
        struct nursery_order order;
        int fds[BIRTHS_FDS_MAX];
        size_t n_fds;
        births_take(births, &order, sizeof(order), fds, &n_fds);
        if (n_fds == NURSERY_FDS)
                clone_child(births, nursery, &order, fds);
        for (size_t i = 0; i < n_fds; i++)
                (void)close(fds[i]);
}

_Noreturn void nursery_main(const struct nursery_start *start)
{
        static struct births births; /* large, and the process is for nothing else */
        struct nursery nursery = {.start = start};
        struct error err = {0};
        sigset_t while_waiting;
        bool tidy = false;
        births_init(&births, start->control_fd, &while_waiting);
        if (move_in(&nursery, &err) < 0) {
                births_say_failure(&births, BIRTH_FAILED, 0, &err);
                _exit(WORKER_EXIT_MUTE);
        }
        births_say(&births, &(struct birth_word){.saying = BIRTH_READY}, -1);
        for (;;) {
                if (births_await(&births, tidy ? -1 : SETTLE_WAIT_MS, &while_waiting)) {
                        serve_order(&births, &nursery);
                } else if (!tidy) {
                        tidy_memory(&nursery);
                        tidy = true;
                }
        }
}
