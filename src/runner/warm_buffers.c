#include "runner/warm_memory_parts.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

/* The engine's copy of jemalloc 5 (its documentation: "extent_hooks"). Weak: a system library may
 * have another allocator. */
extern int duckdb_je_mallctl(const char *name, void *old, size_t *old_size, void *new,
                             size_t new_size) __attribute__((weak));

struct hooks {
        void *(*alloc)(struct hooks *, void *, size_t, size_t, bool *, bool *, unsigned);
        bool (*dalloc)(struct hooks *, void *, size_t, bool, unsigned);
        void (*destroy)(struct hooks *, void *, size_t, bool, unsigned);
        bool (*commit)(struct hooks *, void *, size_t, size_t, size_t, unsigned);
        bool (*decommit)(struct hooks *, void *, size_t, size_t, size_t, unsigned);
        bool (*purge_lazy)(struct hooks *, void *, size_t, size_t, size_t, unsigned);
        bool (*purge_forced)(struct hooks *, void *, size_t, size_t, size_t, unsigned);
        bool (*split)(struct hooks *, void *, size_t, size_t, size_t, bool, unsigned);
        bool (*merge)(struct hooks *, void *, size_t, void *, size_t, bool, unsigned);
};
static struct hooks *defaults, hooks0, hooks1;
static unsigned child_arena;
static char *c_at, *c_end, *r_at, *r_end;
static bool refused;
static struct { char *a; size_t n; } ext[4096];
static size_t n_ext;

static void *alloc0(struct hooks *h, void *at, size_t n, size_t align, bool *zero, bool *commit, unsigned i)
{
        if (at)
                return NULL;
        (void)h;(void)i;
        size_t want = (n + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
        if (align < HUGE_PAGE) align = HUGE_PAGE;
        char *p = mmap(NULL, n + align, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (p == MAP_FAILED) return NULL;
        char *q = (char *)(((size_t)p + align - 1) & ~(align - 1));
        if (q > p) munmap(p, (size_t)(q - p));
        char *e = q + n;
        if (e < p + n + align) munmap(e, (size_t)(p + n + align - e));
        (void)want;
        madvise(q, n, MADV_HUGEPAGE);
        if (n_ext < 4096) { ext[n_ext].a = q; ext[n_ext++].n = n; }
        if (getenv("JT")) fprintf(stderr, "arena0 %p %zu align %zu\n", (void*)q, n, align);
        *zero = true; *commit = true;
        return q;
}
static bool no_purge(struct hooks *h, void *p, size_t n, size_t o, size_t l, unsigned i)
{ (void)h;(void)p;(void)n;(void)o;(void)l;(void)i; return true; }
static bool no_dalloc(struct hooks *h, void *p, size_t n, bool c, unsigned i)
{ (void)h;(void)p;(void)n;(void)i;(void)c; return true; }
static bool is_ours(void *p) { return ((char *)p < r_end && (char *)p >= r_end - (64u << 20)) || ((char*)p < c_end && (char*)p >= c_end - (4u<<20)); }
static char *k_at, *k_end;
static void *alloc1(struct hooks *h, void *at, size_t n, size_t align, bool *zero, bool *commit, unsigned i)
{
        static int once;
        if (getenv("JT")) { char b[200]; int k = snprintf(b, 200, "child %p %zu align %zu\n", at, n, align); fwrite(b,1,(size_t)k,stderr); }
        (void)once;
        if (c_end && !at && n >= HUGE_PAGE && !refused) { refused = true; return NULL; }
        refused = false;
        static int mid = -1; if (mid < 0) mid = getenv("MID") ? atoi(getenv("MID")) : 0;
        if (mid && c_end && !at && n >= (size_t)mid && n < HUGE_PAGE / 2 && align == 4096 && k_at + n <= k_end) { char *x = k_at; k_at += n; *zero = *commit = true; return x; }
        char *p = (char *)(((size_t)c_at + align - 1) & ~(align - 1));
        if (c_at && !at && p + n <= c_end) { c_at = p + n; *zero = *commit = true; return p; }
        p = (char *)(((size_t)r_at + align - 1) & ~(align - 1));
        if (r_at && p + n <= r_end && (!at || at == p)) { r_at = p + n; *zero = *commit = true; return p; }
        return defaults->alloc(defaults, at, n, align, zero, commit, i);
}
static bool dalloc1(struct hooks *h, void *p, size_t n, bool c, unsigned i)
{ (void)h; return is_ours(p) ? true : defaults->dalloc(defaults, p, n, c, i); }
static void destroy1(struct hooks *h, void *p, size_t n, bool c, unsigned i)
{ (void)h; if (!is_ours(p)) defaults->destroy(defaults, p, n, c, i); }
static bool purge1(struct hooks *h, void *p, size_t n, size_t o, size_t l, unsigned i)
{ (void)h; return is_ours(p) ? true : defaults->purge_forced(defaults, p, n, o, l, i); }

void warm_buffers_open(void)
{
        size_t n = sizeof(defaults);
        if (!duckdb_je_mallctl) return;
        int r = duckdb_je_mallctl("arena.0.extent_hooks", &defaults, &n, NULL, 0);
        hooks0 = *defaults;
        hooks0.alloc = alloc0;
        hooks0.dalloc = no_dalloc;
        hooks0.purge_lazy = no_purge;
        hooks0.purge_forced = no_purge;
        struct hooks *p = &hooks0;
        if (getenv("NOHOOK0")) return;
        r |= duckdb_je_mallctl("arena.0.extent_hooks", NULL, NULL, &p, sizeof(p));
        if (r) fprintf(stderr, "hooks0 %d\n", r);
}

void warm_buffers_settle(void)
{
        if (!defaults) return;
        hooks1 = *defaults;
        hooks1.alloc = alloc1; hooks1.dalloc = dalloc1; hooks1.destroy = destroy1; hooks1.purge_lazy = purge1; hooks1.purge_forced = purge1;
        size_t n = 64u << 20;
        struct hooks *p = &hooks1;
        size_t z = sizeof(child_arena);
        int r = duckdb_je_mallctl("arenas.create", &child_arena, &z, &p, sizeof(p));
        int r2 = duckdb_je_mallctl("thread.tcache.flush", NULL, NULL, NULL, 0);
        char name[64]; snprintf(name, 64, "arena.%u.dirty_decay_ms", child_arena);
        ssize_t d = -1;
        int r3 = duckdb_je_mallctl(name, NULL, NULL, &d, sizeof(d));
        r_at = mmap(NULL, n + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        r_at = huge_page_up(r_at);
        r_end = r_at + n; k_end = r_end; k_at = r_end - (16 << 20); madvise(k_at, 16 << 20, MADV_NOHUGEPAGE);
        madvise(r_at, n - (16<<20), getenv("R4K") ? MADV_NOHUGEPAGE : MADV_HUGEPAGE);
        if (r || r2 || r3) fprintf(stderr, "settle %d %d %d\n", r, r2, r3);
}

void warm_buffers_turn(void *first, size_t n)
{
        c_at = first; c_end = c_at + n;
        int r = duckdb_je_mallctl("thread.arena", NULL, NULL, &child_arena, sizeof(child_arena));
        if (r) fprintf(stderr, "turn %d\n", r);
}
void warm_buffers_report(void);
#include <string.h>
static void touched(const char *w, char *a, char *e) {
        for (; a < e; a += HUGE_PAGE) { unsigned char v[512]; memset(v, 0, 512); mincore(a, HUGE_PAGE, v); int k = 0; for (int i = 0; i < 512; i++) k += v[i] & 1; if (k) fprintf(stderr, " %s+%zd:%d", w, (a - (r_end - (64u << 20))) / (ssize_t)HUGE_PAGE, k); }
}
#include <unistd.h>
void warm_buffers_report(void)
{ fprintf(stderr, "shared left %zd, region used %zd;", c_end - c_at, (64 << 20) - (r_end - r_at)); touched("R", r_end - (64u << 20), r_end);
 char *b = (char*)sbrk(0); b = huge_page_down(b) - (32u<<20); for (; b + HUGE_PAGE < (char*)sbrk(0); b += HUGE_PAGE) { unsigned char v[512]; mincore(b, HUGE_PAGE, v); int k = 0; for (int i = 0; i < 512; i++) k += v[i] & 1; if (k) fprintf(stderr, " H%p:%d", (void *)b, k); }
 fprintf(stderr, "\n"); }
