#include "runner/worker.h"

#include "runner/policy.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/json.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* The one global: a signal handler has nothing else to go by. */
static struct engine *volatile engine_to_stop;

static void stop_engine(int signal)
{
        (void)signal;
        if (engine_to_stop)
                engine_interrupt(engine_to_stop);
}

struct work {
        const struct request *request;
        const struct runner_walls *wanted;
        struct sandbox_spec *spec;
        struct engine *engine;
        struct engine_answer answer;
        json_t *tables; /* what engine_load said of each */
        double load_ms; /* since the worker began; likewise the next two, each on its own */
        double check_ms;
        double query_ms;
};

static double ms_since(int64_t start_us)
{
        return (double)(clock_monotonic_us() - start_us) / 1000; /* three decimals */
}

static int load_tables(struct work *work, struct error *err)
{
        int64_t start = clock_monotonic_us();
        int r = engine_set_limits(work->engine, &work->request->limits, err);
        if (r < 0 || work->request->op == REQUEST_CHECK)
                return r;
        for (size_t i = 0; i < work->request->n_tables; i++) {
                r = engine_load(work->engine, &work->request->tables[i],
                                work->spec->files[i].inside, work->tables, err);
                if (r < 0)
                        return r;
        }
        work->load_ms = ms_since(start);
        return r;
}

static int raise_remaining_walls(struct work *work, struct error *err)
{
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
        struct policy_scope scope = {
                .dataset_id = request->dataset_id, .tables = tables, .n_tables = request->n_tables};
        for (size_t i = 0; i < request->n_tables; i++)
                tables[i] = request->tables[i].name;
        int r = policy_check(tree, request->sql, &scope, &verdict, err);
        work->answer.ordered = verdict.total_order;
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

static int do_work(struct work *work, struct error *err)
{
        int r = load_tables(work, err);
        if (r == 0)
                r = raise_remaining_walls(work, err);
        if (r < 0 || work->request->op == REQUEST_DESCRIBE)
                return r;
        static const struct policy_verdict unknown = {.asks_time = true, .names_dataset = true};
        r = work->wanted->policy ? check_sql(work, err) : provide(work, &unknown, err);
        if (r < 0 || work->request->op == REQUEST_CHECK)
                return r;
        return run_query(work, err);
}

static const char *status_of(enum error_type type)
{
        switch (type) {
        case ERROR_NONE:
                return "success";
        case ERROR_RUNNER_TIMEOUT:
                return "timeout";
        case ERROR_VALIDATION:
        case ERROR_SQL_POLICY_VIOLATION:
        case ERROR_EXFILTRATION_SUSPECTED:
                return "rejected";
        default:
                return "error";
        }
}

static json_t *error_to_json(const struct error *err)
{
        if (err->type == ERROR_NONE)
                return json_null();
        json_t *json =
                json_pack("{s:s,s:s}", "type", error_type_name(err->type), "message", err->message);
        if (json && err->position > 0)
                (void)json_object_set_new(json, "position", json_integer(err->position));
        return json;
}

static json_t *timings_of(const struct work *work)
{
        return json_pack("{s:f,s:f,s:f}", "load", work->load_ms, "check", work->check_ms, "query",
                         work->query_ms);
}

static long peak_memory_kb(void)
{
        struct rusage usage = {0};
        (void)getrusage(RUSAGE_SELF, &usage);
        return usage.ru_maxrss;
}

static json_t *head_of(const struct work *work, const struct error *err)
{
        bool answered = err->type == ERROR_NONE && work->answer.columns;
        json_t *head = json_pack("{s:s,s:o,s:o,s:O,s:I}", "status", status_of(err->type), "error",
                                 error_to_json(err), "timings", timings_of(work), "tables",
                                 work->tables, "peak_memory_kb", (json_int_t)peak_memory_kb());
        json_t *engine = engine_describe();
        if (!head || !engine || json_object_set_new(head, "engine", engine) < 0)
                return NULL;
        json_t *more =
                answered ? json_pack("{s:O,s:O,s:I,s:b,s:b,s:s,s:I}", "columns",
                                     work->answer.columns, "types", work->answer.types, "row_count",
                                     (json_int_t)work->answer.row_count, "truncated",
                                     work->answer.truncated, "ordered", work->answer.ordered,
                                     "result_hash", work->answer.result_hash, "rows_bytes",
                                     (json_int_t)work->answer.rows.len)
                         : json_pack("{s:b,s:i}", "ordered", work->answer.ordered, "rows_bytes", 0);
        if (!more || json_object_update(head, more) < 0)
                return NULL;
        json_decref(more);
        return head;
}

static int say_line(int fd, const json_t *json, struct error *err)
{
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, WORKER_HEAD_MAX);
        int r = json ? json_put(json, &text, err) : error_oom(err);
        buf_putc(&text, '\n');
        return r < 0 ? r : fd_write_all(fd, buf_text(&text), text.len, err);
}

static int say_outcome(int fd, const struct work *work, const struct error *outcome,
                       struct error *err)
{
        _cleanup_json_ json_t *head = head_of(work, outcome);
        int r = say_line(fd, head, err);
        if (r == 0 && outcome->type == ERROR_NONE && work->answer.columns)
                r = fd_write_all(fd, buf_text(&work->answer.rows), work->answer.rows.len, err);
        return r < 0 ? r : fd_write_all(fd, "\n", 1, err);
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

_Noreturn void worker_main(const struct request *request, const struct runner_walls *wanted,
                           struct engine *engine, struct sandbox_spec *spec,
                           struct sandbox_walls *walls, int out_fd)
{
        struct error err = {0};
        struct error pipe_error = {0};
        struct work work = {.request = request,
                            .wanted = wanted,
                            .spec = spec,
                            .engine = engine,
                            .tables = json_array()};
        engine_answer_init(&work.answer, &request->limits);
        engine_to_stop = engine;
        catch_stop_signal();
        int r = wanted->os_sandbox ? sandbox_enter(spec, walls, &err)
                                   : sandbox_stay_out(spec, walls);
        _cleanup_json_ json_t *standing = sandbox_walls_to_json(walls);
        if (!work.tables || say_line(out_fd, standing, &pipe_error) < 0)
                _exit(WORKER_EXIT_MUTE);
        if (r == 0)
                (void)do_work(&work, &err);
        if (say_outcome(out_fd, &work, &err, &pipe_error) < 0)
                _exit(WORKER_EXIT_MUTE);
        /* The supervisor goes on at once; to give the memory back takes the kernel a while. */
        (void)close(out_fd);
        (void)close(STDOUT_FILENO);
        (void)close(STDERR_FILENO);
        _exit(WORKER_EXIT_OK); /* nothing to tidy: the process is the sandbox */
}
