#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "protocol/request.h"
#include "runner/engine.h"
#include "runner/warm_memory_parts.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <sys/prctl.h>
#include <malloc.h>

void warm_buffers_report(void);
static double now(void)
{
        struct timespec t;
        clock_gettime(getenv("WALL") ? CLOCK_MONOTONIC : CLOCK_PROCESS_CPUTIME_ID, &t);
        return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}
static long faults(void)
{
        struct rusage u;
        getrusage(RUSAGE_SELF, &u);
        return u.ru_minflt;
}
static int cmp(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;
        return x < y ? -1 : x > y;
}
static double med(double *v, int n)
{
        qsort(v, (size_t)n, sizeof *v, cmp);
        return v[n / 4];
}
static struct engine *engine;
static bool do_parse;
static void ask(const struct request *rq)
{
        struct error err = {0};
        struct engine_answer a;
        if (do_parse) {
                json_t *tree = NULL;
                engine_parse(engine, rq->sql, &tree, &err);
                json_decref(tree);
        }
        engine_answer_init(&a, &rq->limits);
        if (engine_query(engine, rq->sql, &rq->limits, &a, &err) < 0) {
                fprintf(stderr, "%s\n", err.message);
                exit(1);
        }
        engine_answer_done(&a);
}
enum { TEXT = 1, EARLY = 2, COLLAPSE = 4, BUF = 8, HEAP = 16, TURN = 32 };
struct row { double in, fork, touch, q1, q2, exit, f1, ft; };
static void trace(int on, pid_t pid)
{
        if (on) {
                FILE *f = fopen("/tmp/exp/maps.txt", "w");
                FILE *m = fopen("/proc/self/maps", "r");
                char b[512];
                while (fgets(b, 512, m)) fputs(b, f);
                fclose(f); fclose(m);
                f = fopen("/sys/kernel/tracing/trace", "w"); fclose(f);
                f = fopen("/sys/kernel/tracing/set_event_pid", "w");
                fprintf(f, "%d", pid);
                fclose(f);
        }
        int tr = open("/sys/kernel/tracing/events/exceptions/enable", 1);
        write(tr, on ? "1" : "0", 1);
        close(tr);
}
static void host(struct request **rq, int n, int mask, int out)
{
        struct error err = {0};
        json_t *d = json_array();
        if (mask & TEXT) warm_text_copy();
        if (mask & EARLY) { warm_heap_open(); warm_buffers_open(); }
        if (engine_open(&engine, &err) < 0) exit(1);
        engine_set_limits(engine, &rq[0]->limits, &err);
        for (size_t i = 0; i < rq[0]->n_tables; i++)
                if (engine_load(engine, &rq[0]->tables[i], rq[0]->tables[i].path, d, &err) < 0) { fprintf(stderr, "%s\n", err.message); exit(1); }
        engine_lock(engine, &err);
        struct row rows[32] = {0};
        enum { N = 61 };
        double v[N], w[5][N], ft[N], f1[N];
        for (int i = 0; i < n; i++) {
                for (int k = 0; k < N; k++) { double t = now(); ask(rq[i]); v[k] = now() - t; }
                rows[i].in = med(v, N);
        }
        if (mask & COLLAPSE) warm_heap_collapse();
        if (mask & BUF) warm_buffers_settle();
        if (mask & HEAP) warm_heap_settle();
        if (getenv("SMAPS")) { char c[100]; snprintf(c, 100, "cat /proc/%d/smaps > /tmp/mem/smaps.%s", getpid(), rq[0]->dataset_id); system(c); }
        for (int i = 0; i < n; i++) {
                for (int k = 0; k < N; k++) {
                        int p[2];
                        if (pipe(p) < 0) exit(1);
                        double t = now();
                        pid_t pid = fork();
                        if (!pid) {
                                double o[6];
                                o[0] = now(); prctl(15, "child");
                                long f = faults();
                                if (mask & TURN) { const char *sh = getenv("SHARED"); size_t s = sh ? (size_t)atol(sh) : 1 << 20; void *x = warm_heap_turn(s, 0); warm_buffers_turn(x, x ? s - 4096 : 0); }
                                if (mask & 64) { static struct request w; w = *rq[i]; w.sql = getenv("WQ") ? getenv("WQ") : "SELECT 1 AS a"; ask(&w); }
                                o[1] = now(); o[4] = (double)(faults() - f);
                                f = faults();
                                bool tr = getenv("TR") && k == 7 && i == n - 1;
                                if (tr) { trace(1, getpid()); }
                                struct mallinfo2 m0 = mallinfo2();
                                ask(rq[i]);
                                if (tr) trace(0, 0);
                                o[2] = now(); o[5] = (double)(faults() - f);
                                if (getenv("JR") && k == 3) { struct mallinfo2 m1 = mallinfo2(); fprintf(stderr, "top used %zd\n", m0.keepcost - m1.keepcost); warm_buffers_report(); }
                                ask(rq[i]);
                                o[3] = now();
                                write(p[1], o, sizeof o);
                                _exit(0);
                        }
                        double tf = now();
                        close(p[1]);
                        double o[6];
                        if (read(p[0], o, sizeof o) != sizeof o) { fprintf(stderr, "child died\n"); exit(1); }
                        close(p[0]);
                        struct rusage ru;
                        wait4(pid, 0, 0, &ru);
                        double e = now();
                        if (!getenv("WALL")) {
                                e = (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1e3 + (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e3;
                                t = t - tf;
                        }
                        w[0][k] = o[0] - t; w[1][k] = o[1] - o[0]; w[2][k] = o[2] - o[1]; w[3][k] = o[3] - o[2]; w[4][k] = e - o[3];
                        ft[k] = o[4]; f1[k] = o[5];
                }
                rows[i].fork = med(w[0], N); rows[i].touch = med(w[1], N); rows[i].q1 = med(w[2], N); rows[i].q2 = med(w[3], N); rows[i].exit = med(w[4], N);
                rows[i].ft = med(ft, N); rows[i].f1 = med(f1, N);
        }
        write(out, rows, sizeof rows);
        _exit(0);
}
int main(int argc, char **argv)
{
        static struct request *rq[64];
        struct error err = {0};
        static char line[1 << 20];
        int n = 0;
        do_parse = getenv("PARSE") != NULL;
        while (fgets(line, sizeof line, stdin)) {
                struct arena *a = arena_new(1 << 24);
                if (request_parse(line, strlen(line), a, &rq[n], &err) < 0) { fprintf(stderr, "%s\n", err.message); return 1; }
                n++;
        }
        for (int arg = 1; arg < argc; arg++) {
                int mask = atoi(argv[arg]);
                struct row sum = {0};
                double ratio = 0, ratio1 = 0;
                for (int i = 0; i < n;) {
                        int m = i;
                        while (m < n && !strcmp(rq[m]->dataset_id, rq[i]->dataset_id)) m++;
                        int p[2];
                        pipe(p);
                        pid_t pid = fork();
                        if (!pid) host(rq + i, m - i, mask, p[1]);
                        close(p[1]);
                        struct row rows[32];
                        if (read(p[0], rows, sizeof rows) != sizeof rows) return 1;
                        waitpid(pid, 0, 0);
                        for (int k = 0; k < m - i; k++) {
                                struct row *r = &rows[k];
                                if (getenv("ALL")) printf("   %d in %.2f fork %.2f touch %.2f(%.0f) q1 %.2f(%.0f) q2 %.2f exit %.2f\n", i + k, r->in, r->fork, r->touch, r->ft, r->q1, r->f1, r->q2, r->exit);
                                sum.in += r->in / n; sum.fork += r->fork / n; sum.touch += r->touch / n; sum.q1 += r->q1 / n; sum.q2 += r->q2 / n; sum.exit += r->exit / n; sum.f1 += r->f1 / n; sum.ft += r->ft / n;
                                ratio += (r->fork + r->touch + r->q1 + r->exit) / r->in / n; ratio1 += r->q1 / r->in / n;
                        }
                        i = m;
                }
                printf("mask %2d: in %.2f fork %.2f touch %.2f(%.0f) q1 %.2f(%.0f) q2 %.2f exit %.2f | total ratio %.2f (of sums %.2f), q1 ratio %.2f (%.2f)\n", mask, sum.in, sum.fork, sum.touch, sum.ft, sum.q1, sum.f1, sum.q2, sum.exit, ratio, (sum.fork + sum.touch + sum.q1 + sum.exit) / sum.in, ratio1, sum.q1 / sum.in);
        }
        return 0;
}
