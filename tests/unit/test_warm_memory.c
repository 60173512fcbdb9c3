/* The measures change how memory lies, never what is computed: children of a process that has
 * taken them compute what others do, whatever they need, however often and in which order the calls
 * come; and the process itself does not grow by them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "runner/engine.h"
#include "runner/warm_memory.h"
#include "runner/warm_memory_parts.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* Little, text, a sort, more than is laid by for a child (400,000 groups), and much in vain. */
static const char *const questions[] = {
        "SELECT 42 AS a",
        "SELECT range % 7 AS g, count(*) AS n, sum(range) AS s, min('text ' || range) AS t "
        "FROM range(20000) GROUP BY g ORDER BY g",
        "SELECT range AS i FROM range(300000) ORDER BY hash(range), i LIMIT 5",
        "SELECT count(*) AS n, sum(c) AS s, max(t) AS t FROM (SELECT range % 400000 AS g, "
        "count(*) AS c, max('some longer text ' || range) AS t FROM range(500000) GROUP BY g)",
        "SELECT length(string_agg(repeat('x', 5000), ',')) AS n FROM range(8000)",
};

#define QUESTIONS ARRAY_SIZE(questions)

struct answers {
        char hashes[QUESTIONS][65];
};

static struct engine *engine;
static struct answers expected; /* by an engine without any of this */

static bool ask_one(const char *sql, char hash[65])
{
        struct error err = {0};
        struct engine_answer answer;
        const struct limits limits = LIMITS_DEFAULT;
        engine_answer_init(&answer, &limits);
        answer.ordered = true;
        bool is_good = engine_query(engine, sql, &limits, &answer, &err) == 0;
        if (is_good)
                memcpy(hash, answer.result_hash, sizeof(answer.result_hash));
        engine_answer_done(&answer);
        return is_good;
}

static bool ask_all(struct answers *answers)
{
        memset(answers, 0, sizeof(*answers));
        for (size_t i = 0; i < QUESTIONS; i++)
                if (!ask_one(questions[i], answers->hashes[i]))
                        return false;
        return true;
}

static int open_engine(void **state)
{
        (void)state;
        struct error err = {0};
        const struct limits limits = LIMITS_DEFAULT;
        if (engine_open(&engine, &err) < 0 || engine_set_limits(engine, &limits, &err) < 0)
                return -1;
        return ask_all(&expected) ? 0 : -1;
}

static int close_engine(void **state)
{
        (void)state;
        engine_free(engine);
        return 0;
}

/* libc's own heap, with every size in turn, in both directions. */
static bool allocate(void)
{
        enum { BLOCKS = 400 };
        unsigned char *blocks[BLOCKS];
        for (size_t i = 0; i < BLOCKS; i++) {
                size_t n = (size_t)1 << i % 22;
                blocks[i] = malloc(n);
                if (!blocks[i])
                        return false;
                memset(blocks[i], (int)i, n);
        }
        bool is_good = true;
        for (size_t i = 0; i < BLOCKS; i++) {
                size_t last = ((size_t)1 << i % 22) - 1;
                is_good &= blocks[i][0] == (i & 0xFF) && blocks[i][last] == (i & 0xFF);
                free(blocks[i]);
        }
        char *zeros = calloc(3, HUGE_PAGE);
        for (size_t i = 0; zeros && i < 3 * HUGE_PAGE; i++)
                is_good &= zeros[i] == 0;
        is_good &= zeros != NULL;
        free(zeros);
        return is_good;
}

enum touches { TOUCH_NEVER, TOUCH_FIRST, TOUCH_OFTEN, TOUCH_AND_OWN };

/* 0 when the child allocated, computed and got the same answers. */
static int run_child(enum touches touches)
{
        pid_t pid = fork();
        if (pid == 0) {
                struct answers answers;
                if (touches != TOUCH_NEVER)
                        warm_memory_touch();
                if (touches == TOUCH_OFTEN)
                        warm_memory_touch();
                if (touches == TOUCH_AND_OWN)
                        warm_memory_own();
                if (!allocate() || !ask_all(&answers))
                        _exit(2);
                if (touches == TOUCH_OFTEN)
                        warm_memory_touch();
                if (!ask_all(&answers) || !allocate())
                        _exit(3);
                _exit(memcmp(&answers, &expected, sizeof(answers)) == 0 ? 0 : 4);
        }
        int status = -1;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return status;
}

static void test_before_anything(void **state)
{
        (void)state;
        assert_int_equal(run_child(TOUCH_FIRST), 0); /* there is nothing to turn to */
}

static void test_text(void **state)
{
        (void)state;
        struct answers answers;
        for (int i = 0; i < 3; i++) {
                warm_memory_text();
                assert_true(ask_all(&answers));
                assert_memory_equal(&answers, &expected, sizeof(answers));
        }
        assert_int_equal(run_child(TOUCH_NEVER), 0);
}

static void test_children(void **state)
{
        (void)state;
        struct answers answers;
        warm_memory_settle(false);
        assert_int_equal(run_child(TOUCH_NEVER), 0);
        assert_int_equal(run_child(TOUCH_FIRST), 0);
        assert_int_equal(run_child(TOUCH_OFTEN), 0);
        /* The parent is none the worse either, and may settle once more. */
        assert_true(ask_all(&answers));
        assert_memory_equal(&answers, &expected, sizeof(answers));
        assert_true(allocate());
        warm_memory_settle(false);
        warm_memory_settle(false);
        warm_memory_unsettle();
        warm_memory_unsettle();
        assert_int_equal(run_child(TOUCH_FIRST), 0);
        warm_memory_settle(false);
        assert_int_equal(run_child(TOUCH_FIRST), 0);
}

/* A second child finds nothing of what the first one wrote. */
static void test_children_are_apart(void **state)
{
        (void)state;
        for (int i = 0; i < 5; i++)
                assert_int_equal(run_child(TOUCH_FIRST), 0);
}

static long process_kb(size_t field)
{
        long pages[2] = {0};
        FILE *f = fopen("/proc/self/statm", "re");
        assert_non_null(f);
        assert_int_equal(fscanf(f, "%ld %ld", &pages[0], &pages[1]), 2);
        (void)fclose(f);
        return pages[field] * (sysconf(_SC_PAGESIZE) / 1024);
}

static void test_no_growth(void **state)
{
        (void)state;
        if (!WARM_MEMORY)
                skip(); /* a sanitizer keeps what was freed for a while */
        char hash[65];
        for (int i = 0; i < 20; i++) {
                warm_memory_unsettle();
                assert_true(ask_one(questions[1], hash));
                warm_memory_settle(false);
        }
        long space_kb = process_kb(0), used_kb = process_kb(1);
        for (int i = 0; i < 200; i++) {
                warm_memory_unsettle();
                assert_true(ask_one(questions[1], hash));
                warm_memory_settle(false);
        }
        assert_true(process_kb(0) - space_kb <= 4 * 1024);
        assert_true(process_kb(1) - used_kb <= 4 * 1024);
        assert_int_equal(run_child(TOUCH_FIRST), 0);
}

/* What a child measures; less than nothing: it failed. */
static long measure_in_child(long (*measure)(int64_t threads, void (*get_ready)(void)),
                             int64_t threads, void (*get_ready)(void))
{
        int ends[2];
        long measured = -1;
        assert_int_equal(pipe(ends), 0);
        if (fork() == 0) {
                long n = measure(threads, get_ready);
                _exit(write(ends[1], &n, sizeof(n)) == sizeof(n) ? 0 : 1);
        }
        (void)close(ends[1]);
        assert_int_equal(read(ends[0], &measured, sizeof(measured)), sizeof(measured));
        (void)close(ends[0]);
        (void)wait(NULL);
        return measured;
}

static long faults_of_query(int64_t threads, void (*get_ready)(void))
{
        char hash[65];
        struct error err = {0};
        struct rusage before, after;
        if (get_ready)
                get_ready();
        (void)getrusage(RUSAGE_SELF, &before);
        bool is_good =
                engine_set_threads(engine, threads, &err) == 0 && ask_one(questions[1], hash);
        (void)getrusage(RUSAGE_SELF, &after);
        return is_good ? after.ru_minflt - before.ru_minflt : 0;
}

/* Of a child's first query. */
static long count_faults(void (*get_ready)(void), int64_t threads)
{
        long faults = measure_in_child(faults_of_query, threads, get_ready);
        assert_true(faults > 0);
        return faults;
}

/* What the measures are for, where they exist: a child's first query copies and takes few pages. By
 * how much fewer depends on the kernel: some have no huge pages at all. */
static void test_fewer_faults(void **state)
{
        (void)state;
        if (!WARM_MEMORY)
                skip();
        warm_memory_settle(false);
        assert_true(count_faults(warm_memory_touch, 1) <= count_faults(NULL, 1));
}

static void touch_and_own(void)
{
        warm_memory_touch();
        warm_memory_own();
}

/* Where the parent settled for threads, a child can copy in advance. */
static void test_own_pages(void **state)
{
        (void)state;
        if (!WARM_MEMORY)
                skip();
        warm_memory_settle(true);
        long without = count_faults(warm_memory_touch, 2);
        assert_true(count_faults(touch_and_own, 2) < without * 9 / 10);
        assert_int_equal(run_child(TOUCH_AND_OWN), 0);
}

static long kept_by_query(int64_t threads, void (*get_ready)(void))
{
        char hash[65];
        (void)threads;
        if (get_ready)
                get_ready();
        long before_kb = process_kb(1);
        bool is_good = ask_one(questions[3], hash) && strcmp(hash, expected.hashes[3]) == 0;
        return is_good ? process_kb(1) - before_kb : -1;
}

/* By how much a child has grown after a query that needs much and frees it. */
static long count_kept_kb(void (*get_ready)(void))
{
        long kept_kb = measure_in_child(kept_by_query, 1, get_ready);
        assert_true(kept_kb >= 0);
        return kept_kb;
}

static void test_spare(void **state)
{
        (void)state;
        if (!WARM_MEMORY)
                skip();
        assert_true(count_kept_kb(warm_memory_spare) < count_kept_kb(NULL) / 2);
}

/* Somebody else moves the end of the heap: then glibc goes on elsewhere. The last test, as there
 * is no way back. */
static void test_foreign_break(void **state)
{
        (void)state;
        void *foreign = sbrk(1 << 20);
        assert_ptr_not_equal(foreign, (void *)-1);
        memset(foreign, 7, 1 << 20);
        assert_true(allocate());
        for (int i = 0; i < 3; i++) {
                warm_memory_settle(false);
                assert_int_equal(run_child(TOUCH_FIRST), 0);
        }
        for (size_t i = 0; i < 1 << 20; i++)
                assert_int_equal(((unsigned char *)foreign)[i], 7);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_before_anything), cmocka_unit_test(test_text),
                cmocka_unit_test(test_children),        cmocka_unit_test(test_children_are_apart),
                cmocka_unit_test(test_no_growth),       cmocka_unit_test(test_fewer_faults),
                cmocka_unit_test(test_own_pages),       cmocka_unit_test(test_spare),
                cmocka_unit_test(test_foreign_break),
        };
        return cmocka_run_group_tests(tests, open_engine, close_engine);
}
