#include "runner/worker.h"

#include "runner/exercise.h"
#include "runner/policy.h"
#include "runner/warm_memory.h"
#include "runner/worker_private.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/json.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The one global: a signal handler has nothing else to go by. */
static struct engine *volatile engine_to_stop;

static void stop_engine(int signal)
{
        (void)signal;
        if (engine_to_stop)
                engine_interrupt(engine_to_stop);
}

int64_t worker_cpu_s(const struct limits *limits, int64_t threads)
{
        return (limits->timeout_ms / 1000 + 2) * threads;
}

static double ms_since(int64_t start_us)
{
        return (double)(clock_monotonic_us() - start_us) / 1000; /* three decimals */
}

/* A builder's tables go into the snapshot instead of the memory. */
static int begin_loading(struct work *work, struct error *err)
{
        char path[PATH_MAX];
        if (work->spec->role != SANDBOX_BUILDER)
                return 0;
        (void)snprintf(path, sizeof(path), "%s/" WORKER_SNAPSHOT, work->spec->out_inside);
        return engine_snapshot_begin(work->engine, path, err);
}

static int end_loading(struct work *work, struct error *err)
{
        char path[PATH_MAX];
        if (work->spec->role != SANDBOX_BUILDER)
                return 0;
        (void)snprintf(path, sizeof(path), "%s/" WORKER_VALUES, work->spec->out_inside);
        int r = engine_values(work->engine, work->tables, &work->values, err);
        if (r < 0)
                return r;
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0)
                return error_errno(err, errno, "making the value index");
        r = fd_write_all(fd, buf_text(&work->values), work->values.len, err);
        buf_done(&work->values); /* whoever asks for it gets it out of the file */
        return r < 0 ? r : engine_snapshot_end(work->engine, err);
}

static int load_tables(struct work *work, struct error *err)
{
        int64_t start = clock_monotonic_us();
        struct limits limits = work->request->limits;
        /* What the engine does not count while it reads and writes files at once (its readers'
         * buffers, its code, the allocator's reserve) has to fit, too. */
        if (work->spec->role == SANDBOX_BUILDER)
                limits.memory_mb = limits.memory_mb / 2;
        int r = engine_set_limits(work->engine, &limits, err);
        if (r < 0 || work->request->op == REQUEST_CHECK)
                return r;
        r = begin_loading(work, err);
        for (size_t i = 0; r == 0 && i < work->request->n_tables; i++)
                r = engine_load(work->engine, &work->request->tables[i],
                                work->spec->files[i].inside, work->tables, err);
        if (r == 0)
                r = end_loading(work, err);
        work->load_ms = ms_since(start);
        return r;
}

static int raise_remaining_walls(struct work *work, struct error *err)
{
        /* Its one file has yet to be opened, so files stay to the sandbox, which has no other. */
        if (work->request->op == REQUEST_EXPORT)
                return work->wanted->engine_lock
                               ? engine_lock_but(work->engine, work->spec->out_file, err)
                               : 0;
        int r = work->wanted->engine_lock ? engine_lock(work->engine, err) : 0;
        if (r == 0 && work->wanted->os_sandbox)
                r = sandbox_seal(err);
        return r;
}

/* What most queries do without is made only for those that use it: each statement to the engine
 * costs some of the time that a whole run takes. */
static int provide(struct work *work, const struct policy_verdict *verdict, struct error *err)
{
        if (work->request->op != REQUEST_RUN)
                return 0;
        int r = verdict->names_dataset ? engine_add_schema(work->engine, work->request, err) : 0;
        if (r == 0 && verdict->asks_time)
                r = engine_set_clock(work->engine, work->request->as_of, err);
        return r;
}

static int check_tree(struct work *work, const json_t *tree, struct error *err)
{
        const struct request *request = work->request;
        const char *tables[REQUEST_TABLES_MAX];
        struct policy_verdict verdict = {0};
        struct policy_scope scope = {.dataset_id = request->dataset_id,
                                     .tables = tables,
                                     .n_tables = request->n_tables,
                                     .typed = work->typed,
                                     .n_typed = work->n_typed};
        for (size_t i = 0; i < request->n_tables; i++)
                tables[i] = request->tables[i].name;
        int r = policy_check(tree, request->sql, &scope, &verdict, err);
        work->answer.ordered = verdict.total_order;
        work->order_free = verdict.order_free;
        return r < 0 ? r : provide(work, &verdict, err);
}

static int check_sql(struct work *work, struct error *err)
{
        const char *sql = work->request->sql;
        _cleanup_json_ json_t *tree = NULL;
        int64_t start = clock_monotonic_us();
        int r = policy_check_text(sql, strlen(sql), err);
        if (r == 0)
                r = engine_parse(work->engine, sql, &tree, err);
        if (r == 0)
                r = check_tree(work, tree, err);
        work->check_ms = ms_since(start);
        return r;
}

static int run_query(struct work *work, struct error *err)
{
        int64_t start = clock_monotonic_us();
        int r = engine_query(work->engine, work->request->sql, &work->request->limits,
                             &work->answer, err);
        work->query_ms = ms_since(start);
        return r;
}

/* The SQL was parsed by now and never bound, and files are shut since the parent. Without the
 * policy nothing is known of it, and it gets no more threads than it asked for. */
static int lock_at_last(struct work *work, struct error *err)
{
        int r = 0;
        if (!work->is_unlocked)
                return 0;
        if (work->order_free && work->idle_threads > work->request->limits.threads)
                r = engine_set_threads(work->engine, work->idle_threads, err);
        if (r == 0 && work->wanted->engine_lock)
                r = engine_lock_shut(work->engine, err);
        return r;
}

/* All that comes after the tables are loaded and the walls stand. */
static int answer(struct work *work, struct error *err)
{
        int r = 0;
        if (!request_op_has_sql(work->request->op))
                return 0;
        static const struct policy_verdict unknown = {.asks_time = true, .names_dataset = true};
        r = work->wanted->policy ? check_sql(work, err) : provide(work, &unknown, err);
        if (r < 0 || work->request->op == REQUEST_CHECK)
                return r;
        r = lock_at_last(work, err);
        return r < 0 ? r : run_query(work, err);
}

static void catch_stop_signal(void)
{
        struct sigaction action = {.sa_handler = stop_engine, .sa_flags = SA_RESTART};
        sigset_t wanted;
        (void)sigaction(WORKER_STOP_SIGNAL, &action, NULL);
        (void)signal(SIGPIPE, SIG_IGN);
        (void)signal(SIGINT, SIG_IGN);
        (void)signal(SIGTERM, SIG_DFL);
        (void)sigemptyset(&wanted);
        (void)sigprocmask(SIG_SETMASK, &wanted, NULL);
}

static int count_values(struct work *work, struct error *err)
{
        int64_t start = clock_monotonic_us();
        int r = engine_values(work->engine, work->tables, &work->values, err);
        work->query_ms = ms_since(start);
        return r;
}

static int export(struct work *work, struct error *err)
{
        int64_t start = clock_monotonic_us();
        (void)signal(SIGXFSZ, SIG_IGN); /* a file that gets too large is an error of the engine's */
        int r = engine_export(work->engine, work->request, work->spec->out_file, &work->answer,
                              err);
        work->query_ms = ms_since(start);
        return r;
}

/* Takes the line before the request away, if there is one. */
static const char *take_threads(const char *text, int64_t most, int64_t *ret)
{
        char *end;
        if (strncmp(text, WORKER_THREADS, strlen(WORKER_THREADS)) != 0)
                return text;
        int64_t threads = strtoll(text + strlen(WORKER_THREADS), &end, 10);
        *ret = threads > most ? most : threads;
        return *end == '\n' ? end + 1 : end;
}

/* The request comes when somebody has one; until then the process waits here, behind its walls. */
static int await_request(int request_fd, int64_t threads_max, struct work *work,
                         struct arena *arena, struct request **ret, struct error *err)
{
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, REQUEST_BYTES_MAX);
        int r = fd_read_all(request_fd, &text, "the request", err);
        if (r == 0 && text.len == 0)
                _exit(WORKER_EXIT_OK); /* there will be none */
        (void)close(request_fd);
        if (r < 0)
                return r;
        const char *request = take_threads(buf_text(&text), threads_max, &work->idle_threads);
        size_t n = text.len - (size_t)(request - buf_text(&text));
        return request_parse(request, n, arena, ret, err);
}

/* The tables are loaded and every wall stands, as before any query; what comes is the query. Our
 * own statements first make what the engine makes at its first use, which a run need not wait for.
 */
static int stand_by(struct work *work, struct error *err)
{
        struct request *request = NULL;
        struct arena *arena = arena_new(REQUEST_ARENA_MAX); /* ends with the process */
        if (!arena)
                return error_oom(err);
        exercise_thoroughly(work->engine);
        int r = fd_write_all(work->words_fd, WORKER_READY, strlen(WORKER_READY), err);
        if (r == 0)
                r = await_request(work->request_fd, 0, work, arena, &request, err);
        if (r < 0)
                return r;
        work->request = request;
        work->load_ms = 0; /* nobody waited for it */
        engine_answer_init(&work->answer, &request->limits);
        return 0;
}

static int do_work(struct work *work, struct error *err)
{
        int r = load_tables(work, err);
        if (r == 0)
                r = raise_remaining_walls(work, err);
        if (r == 0 && work->request_fd >= 0)
                r = stand_by(work, err);
        if (r == 0 && work->request->op == REQUEST_VALUES)
                r = count_values(work, err);
        if (r == 0 && work->request->op == REQUEST_EXPORT)
                r = export(work, err);
        return r < 0 ? r : answer(work, err);
}

/* The supervisor goes on at once; to give the memory back takes the kernel a while. */
_Noreturn static void end_quietly(int words_fd)
{
        (void)close(words_fd);
        (void)close(STDOUT_FILENO);
        (void)close(STDERR_FILENO);
        _exit(WORKER_EXIT_OK); /* nothing to tidy: the process is the sandbox */
}

_Noreturn void worker_main(const struct request *request, const struct runner_walls *wanted,
                           struct engine *engine, struct sandbox_spec *spec,
                           struct sandbox_walls *walls, int out_fd, int request_fd)
{
        struct error err = {0};
        struct error pipe_error = {0};
        struct work work = {.request = request,
                            .wanted = wanted,
                            .spec = spec,
                            .engine = engine,
                            .words_fd = out_fd,
                            .request_fd = request_fd,
                            .tables = json_array()};
        engine_answer_init(&work.answer, &request->limits);
        engine_to_stop = engine;
        catch_stop_signal();
        int r = wanted->os_sandbox ? sandbox_enter(spec, walls, &err)
                                   : sandbox_stay_out(spec, walls, &err);
        if (!work.tables || words_say_walls(out_fd, walls, &pipe_error) < 0)
                _exit(WORKER_EXIT_MUTE);
        if (r == 0)
                (void)do_work(&work, &err);
        if (words_say_outcome(out_fd, &work, &err, &pipe_error) < 0)
                _exit(WORKER_EXIT_MUTE);
        end_quietly(out_fd);
}

/* The parent shut the engine; its limits are this child's own. */
static int make_ready(struct work *work, const struct limits *limits, struct error *err)
{
        int r = engine_set_limits(work->engine, limits, err);
        if (r == 0 && work->wanted->engine_lock && !work->is_unlocked)
                r = engine_lock_shut(work->engine, err);
        return r;
}

_Noreturn void worker_main_warm(const struct worker_start *start)
{
        struct error err = {0};
        struct error pipe_error = {0};
        struct request *request = NULL;
        warm_memory_touch();
        struct work work = {.wanted = start->wanted,
                            .spec = start->spec,
                            .engine = start->engine,
                            .words_fd = start->words_fd,
                            .request_fd = -1,
                            .tables = json_array(), /* the host knows them */
                            .typed = start->typed,
                            .n_typed = start->n_typed,
                            .is_unlocked = start->threads_max > start->limits.threads};
        struct arena *arena = arena_new(REQUEST_ARENA_MAX);
        engine_to_stop = start->engine;
        catch_stop_signal();
        int r = start->wanted->os_sandbox ? sandbox_enter_child(start->spec, start->walls, &err)
                                          : 0;
        if (!arena || !work.tables ||
            words_say_walls(start->words_fd, start->walls, &pipe_error) < 0)
                _exit(WORKER_EXIT_MUTE);
        if (r == 0)
                r = make_ready(&work, &start->limits, &err);
        warm_memory_own();
        if (r == 0 && start->exercise)
                exercise_shortly(start->engine);
        if (r == 0)
                r = await_request(start->request_fd, start->threads_max, &work, arena, &request,
                                  &err);
        work.request = request;
        engine_answer_init(&work.answer, request ? &request->limits : &start->limits);
        if (r == 0)
                (void)answer(&work, &err);
        if (words_say_outcome(start->words_fd, &work, &err, &pipe_error) < 0)
                _exit(WORKER_EXIT_MUTE);
        end_quietly(start->words_fd);
}
