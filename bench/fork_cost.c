/* What a forked child costs, and what each of the measures of warm_memory.h saves of it. Standard
 * input: runner requests, one in a line, those of a dataset together. For each set of measures and
 * each dataset a process of its own opens the engine, loads the tables, asks every question a few
 * times and forks a child for each of many runs. Times are processor time (user and system) in
 * milliseconds, so that a busy machine shows less: medians of a question's runs, and their mean
 * over the questions. */
#include "base/arena.h"
#include "base/cleanup.h"
#include "runner/engine.h"
#include "runner/warm_memory_parts.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#define LINE_MAX_BYTES (1 << 20)
#define QUESTIONS_MAX 64
#define RUNS 61

enum measure {
        MEASURE_TEXT = 1,
        MEASURE_TABLES = 2,   /* in huge pages */
        MEASURE_COLLAPSE = 4, /* the heap that is in use */
        MEASURE_BUFFERS = 8,
        MEASURE_HEAP = 16,
        MEASURE_WARM_UP = 32, /* a small query in the child before its run */
};

static const struct {
        const char *name;
        unsigned measures;
} sets[] = {
        {"nothing", 0},
        {"text", 1},
        {"+ tables in huge pages", 1 | 2},
        {"+ heap collapsed", 1 | 2 | 4},
        {"+ buffers apart", 1 | 2 | 4 | 8},
        {"+ heap without holes (all)", 1 | 2 | 4 | 8 | 16},
        {"all but text", 2 | 4 | 8 | 16},
        {"all but tables", 1 | 4 | 8 | 16},
        {"all but collapse", 1 | 2 | 8 | 16},
        {"all but buffers", 1 | 2 | 4 | 16},
        {"all, and a query in the child", 1 | 2 | 4 | 8 | 16 | 32},
};

/* IN_PROCESS is measured in the parent, PEAK_MB is its memory, the rest is a child's. */
enum column { IN_PROCESS, FORK, TOUCH, FIRST, SECOND, EXIT, FAULTS, PEAK_MB, COLUMNS };

struct question {
        const struct request *request;
        double columns[COLUMNS];
};

struct reading {
        double at_ms;
        double faults;
};

static void must(bool is_good, const char *what)
{
        if (is_good)
                return;
        (void)fprintf(stderr, "fork_cost: %s\n", what);
        _exit(1);
}

static struct reading read_now(void)
{
        struct timespec now;
        struct rusage usage;
        (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
        (void)getrusage(RUSAGE_SELF, &usage);
        return (struct reading){(double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6,
                                (double)usage.ru_minflt};
}

static double usage_ms(const struct rusage *usage)
{
        return (double)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1e3 +
               (double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) / 1e3;
}

static int compare(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;
        return x < y ? -1 : x > y;
}

static double median(double *values)
{
        qsort(values, RUNS, sizeof(*values), compare);
        return values[RUNS / 2];
}

static void ask(struct engine *engine, const char *sql, const struct limits *limits)
{
        struct error err = {0};
        struct engine_answer answer;
        engine_answer_init(&answer, limits);
        must(engine_query(engine, sql, limits, &answer, &err) == 0, err.message);
        engine_answer_done(&answer);
}

static void prepare(struct engine **engine, const struct request *request, unsigned measures)
{
        struct error err = {0};
        _cleanup_json_ json_t *described = json_array();
        must(engine_open(engine, &err) == 0, err.message);
        if (measures & MEASURE_TEXT)
                warm_text_copy();
        if (measures & (MEASURE_TABLES | MEASURE_BUFFERS))
                warm_buffers_open(measures & MEASURE_TABLES);
        must(engine_set_limits(*engine, &request->limits, &err) == 0, err.message);
        for (size_t i = 0; i < request->n_tables; i++)
                must(engine_load(*engine, &request->tables[i], request->tables[i].path, described,
                                 &err) == 0,
                     err.message);
}

static void settle(unsigned measures)
{
        if (measures & MEASURE_BUFFERS)
                warm_buffers_settle(false);
        if (measures & MEASURE_COLLAPSE)
                warm_heap_collapse();
        if (measures & MEASURE_HEAP)
                warm_heap_settle();
}

static void turn(unsigned measures)
{
        void *first = measures & MEASURE_HEAP ? warm_heap_turn(WARM_SHARED_BYTES) : NULL;
        if (measures & MEASURE_BUFFERS) {
                warm_buffers_turn(first, first ? WARM_SHARED_BYTES : 0);
                warm_buffers_touch();
        }
}

static _Noreturn void be_child(struct engine *engine, const struct request *request,
                               unsigned measures, int out)
{
        struct reading readings[4];
        readings[0] = read_now();
        turn(measures);
        if (measures & MEASURE_WARM_UP)
                ask(engine, "SELECT 1 AS one", &request->limits);
        readings[1] = read_now();
        ask(engine, request->sql, &request->limits);
        readings[2] = read_now();
        ask(engine, request->sql, &request->limits);
        readings[3] = read_now();
        must(write(out, readings, sizeof(readings)) == sizeof(readings), "a pipe broke");
        _exit(0);
}

static void run_child(struct engine *engine, const struct request *request, unsigned measures,
                      double row[COLUMNS])
{
        int ends[2];
        struct reading readings[4];
        struct rusage usage;
        must(pipe(ends) == 0, "no pipe");
        double start_ms = read_now().at_ms;
        pid_t pid = fork();
        if (pid == 0)
                be_child(engine, request, measures, ends[1]);
        double forked_ms = read_now().at_ms - start_ms;
        must(pid > 0, "no child");
        (void)close(ends[1]);
        must(read(ends[0], readings, sizeof(readings)) == sizeof(readings), "a child ended");
        (void)close(ends[0]);
        must(wait4(pid, NULL, 0, &usage) == pid, "a child is lost");
        row[FORK] = forked_ms + readings[0].at_ms;
        row[TOUCH] = readings[1].at_ms - readings[0].at_ms;
        row[FIRST] = readings[2].at_ms - readings[1].at_ms;
        row[SECOND] = readings[3].at_ms - readings[2].at_ms;
        row[EXIT] = usage_ms(&usage) - readings[3].at_ms;
        row[FAULTS] = readings[2].faults - readings[0].faults;
}

/* Those of one dataset, all in this process. */
static _Noreturn void be_parent(struct question *questions, size_t n, unsigned measures, int out)
{
        static double rows[RUNS][COLUMNS];
        struct engine *engine = NULL;
        double values[RUNS];
        prepare(&engine, questions[0].request, measures);
        for (size_t i = 0; i < n; i++) {
                const struct request *request = questions[i].request;
                for (size_t run = 0; run < RUNS; run++) {
                        double start_ms = read_now().at_ms;
                        ask(engine, request->sql, &request->limits);
                        values[run] = read_now().at_ms - start_ms;
                }
                questions[i].columns[IN_PROCESS] = median(values);
        }
        settle(measures);
        for (size_t i = 0; i < n; i++) {
                for (size_t run = 0; run < RUNS; run++)
                        run_child(engine, questions[i].request, measures, rows[run]);
                for (size_t column = FORK; column <= FAULTS; column++) {
                        for (size_t run = 0; run < RUNS; run++)
                                values[run] = rows[run][column];
                        questions[i].columns[column] = median(values);
                }
                struct rusage usage;
                (void)getrusage(RUSAGE_SELF, &usage);
                questions[i].columns[PEAK_MB] = (double)usage.ru_maxrss / 1024;
        }
        size_t bytes = n * sizeof(*questions);
        must(write(out, questions, bytes) == (ssize_t)bytes, "a pipe broke");
        _exit(0);
}

static void measure_dataset(struct question *questions, size_t n, unsigned measures)
{
        int ends[2];
        must(pipe(ends) == 0, "no pipe");
        pid_t pid = fork();
        if (pid == 0)
                be_parent(questions, n, measures, ends[1]);
        must(pid > 0, "no process");
        (void)close(ends[1]);
        size_t bytes = n * sizeof(*questions);
        must(read(ends[0], questions, bytes) == (ssize_t)bytes, "a process ended");
        (void)close(ends[0]);
        (void)waitpid(pid, NULL, 0);
}

static void print_set(const char *name, const struct question *questions, size_t n)
{
        double sums[COLUMNS] = {0};
        for (size_t i = 0; i < n; i++)
                for (size_t column = 0; column < COLUMNS; column++)
                        sums[column] += questions[i].columns[column];
        double total = sums[FORK] + sums[TOUCH] + sums[FIRST] + sums[EXIT];
        double m = (double)n;
        (void)printf(
                "| %s | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f | %.0f | %.2f | %.2f | %.0f |\n",
                name, sums[IN_PROCESS] / m, sums[FORK] / m, sums[TOUCH] / m, sums[FIRST] / m,
                sums[SECOND] / m, sums[EXIT] / m, sums[FAULTS] / m, total / sums[IN_PROCESS],
                sums[FIRST] / sums[IN_PROCESS], sums[PEAK_MB] / m);
        (void)fflush(stdout);
}

static size_t read_requests(struct question questions[QUESTIONS_MAX])
{
        static char line[LINE_MAX_BYTES];
        size_t n = 0;
        while (n < QUESTIONS_MAX && fgets(line, sizeof(line), stdin)) {
                struct error err = {0};
                struct request *request = NULL;
                struct arena *arena = arena_new(4 * sizeof(line)); /* until the end */
                must(arena && request_parse(line, strlen(line), arena, &request, &err) == 0,
                     err.message);
                questions[n++].request = request;
        }
        must(n > 0, "there is no request on standard input");
        return n;
}

int main(void)
{
        static struct question questions[QUESTIONS_MAX];
        size_t n = read_requests(questions);
        (void)puts("| measures | in process | fork | touch | first | second | exit | faults | "
                   "all / in process | first / in process | parent, MB |\n"
                   "|---|---|---|---|---|---|---|---|---|---|---|");
        (void)fflush(stdout);
        for (size_t set = 0; set < ARRAY_SIZE(sets); set++) {
                for (size_t i = 0, end; i < n; i = end) {
                        const char *dataset = questions[i].request->dataset_id;
                        for (end = i + 1; end < n; end++)
                                if (strcmp(questions[end].request->dataset_id, dataset) != 0)
                                        break;
                        measure_dataset(questions + i, end - i, sets[set].measures);
                }
                print_set(sets[set].name, questions, n);
        }
        return 0;
}
