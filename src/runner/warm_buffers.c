#include "runner/warm_memory_parts.h"

#if WARM_MEMORY

#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/types.h>

/* The engine has a jemalloc 5 of its own (its manual: "mallctl", "extent_hooks_t"). Weak: another
 * build of the engine may have none. */
extern int duckdb_je_mallctl(const char *name, void *old, size_t *old_size, void *new,
                             size_t new_size) __attribute__((weak));

/* jemalloc's layout. All but alloc return true for "left as it was". */
struct hooks {
        void *(*alloc)(struct hooks *hooks, void *at, size_t n, size_t alignment, bool *zero,
                       bool *commit, unsigned arena);
        bool (*dalloc)(struct hooks *hooks, void *p, size_t n, bool committed, unsigned arena);
        void (*destroy)(struct hooks *hooks, void *p, size_t n, bool committed, unsigned arena);
        bool (*commit)(struct hooks *hooks, void *p, size_t n, size_t offset, size_t length,
                       unsigned arena);
        bool (*decommit)(struct hooks *hooks, void *p, size_t n, size_t offset, size_t length,
                         unsigned arena);
        bool (*purge_lazy)(struct hooks *hooks, void *p, size_t n, size_t offset, size_t length,
                           unsigned arena);
        bool (*purge_forced)(struct hooks *hooks, void *p, size_t n, size_t offset, size_t length,
                             unsigned arena);
        bool (*split)(struct hooks *hooks, void *p, size_t n, size_t n_first, size_t n_second,
                      bool committed, unsigned arena);
        bool (*merge)(struct hooks *hooks, void *p, size_t n, void *q, size_t m, bool committed,
                      unsigned arena);
};

#define REGION_BYTES ((size_t)64 << 20) /* address space; what a child needs more is not in it */

/* Memory that is handed out from its start to its end, once. */
struct span {
        char *start, *at, *end;
};

static struct hooks *defaults;     /* jemalloc's own */
static struct hooks parents_hooks; /* of the arena that the parent's only thread uses */
static struct hooks childs_hooks;
static unsigned childs_arena;  /* 0: there is none */
static struct span region;     /* reserved in the parent, used in the child */
static struct span first;      /* in the child, before the region */
static bool gives_small_pages; /* the parent */
static bool is_child;
static bool declined; /* the last alloc of a child's arena */

static bool is_within(const struct span *span, const void *p)
{
        return (const char *)p >= span->start && (const char *)p < span->end;
}

static void *span_take(struct span *span, size_t n, size_t alignment)
{
        char *p = span->at ? page_up(span->at, alignment) : NULL;
        if (!p || p > span->end || n > (size_t)(span->end - p))
                return NULL;
        span->at = p + n;
        return p;
}

/* n bytes at a multiple of the alignment, which is one of huge pages. */
static char *map_huge(size_t n, size_t alignment)
{
        size_t room = n + alignment;
        char *all = mmap(NULL, room, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (all == MAP_FAILED)
                return NULL;
        char *p = page_up(all, alignment);
        if (p > all)
                (void)munmap(all, (size_t)(p - all));
        char *end = page_up(p + n, SMALL_PAGE);
        if (all + room > end)
                (void)munmap(end, (size_t)(all + room - end));
        (void)madvise(p, n, MADV_HUGEPAGE);
        return p;
}

static void *parents_alloc(struct hooks *hooks, void *at, size_t n, size_t alignment, bool *zero,
                           bool *commit, unsigned arena)
{
        (void)hooks;
        if (at || n < HUGE_PAGE)
                return defaults->alloc(defaults, at, n, alignment, zero, commit, arena);
        char *p = map_huge(n, alignment < HUGE_PAGE ? HUGE_PAGE : alignment);
        if (p)
                *zero = *commit = true;
        return p;
}

/* Address space is kept, as jemalloc does itself; the memory goes by purge_forced. */
static bool parents_dalloc(struct hooks *hooks, void *p, size_t n, bool committed, unsigned arena)
{
        (void)hooks, (void)p, (void)n, (void)committed, (void)arena;
        return true;
}

static bool never_purge(struct hooks *hooks, void *p, size_t n, size_t offset, size_t length,
                        unsigned arena)
{
        (void)hooks, (void)p, (void)n, (void)offset, (void)length, (void)arena;
        return true;
}

/* Whole huge pages only: in part given back, one falls into 512 small ones. That is the lesser evil
 * where threads of the children would copy those. */
static bool parents_purge(struct hooks *hooks, void *p, size_t n, size_t offset, size_t length,
                          unsigned arena)
{
        (void)hooks, (void)n, (void)arena;
        size_t page = gives_small_pages ? SMALL_PAGE : HUGE_PAGE;
        char *start = page_up((char *)p + offset, page);
        char *end = page_down((char *)p + offset + length, page);
        if (end > start)
                (void)madvise(start, (size_t)(end - start), MADV_DONTNEED);
        return true; /* so jemalloc does not take the bytes for zeros */
}

/* jemalloc first asks for 2 MiB and more, to cut smaller extents from. That would scatter what a
 * child touches over several huge pages. Declined, it asks for just what it needs; that is always
 * served. */
static void *childs_alloc(struct hooks *hooks, void *at, size_t n, size_t alignment, bool *zero,
                          bool *commit, unsigned arena)
{
        (void)hooks;
        bool may_decline = is_child && !declined && !at && n >= HUGE_PAGE;
        declined = may_decline;
        if (may_decline)
                return NULL;
        void *p = NULL;
        if (is_child && !at)
                p = span_take(&first, n, alignment);
        if (is_child && !at && !p)
                p = span_take(&region, n, alignment);
        if (!p)
                return defaults->alloc(defaults, at, n, alignment, zero, commit, arena);
        *zero = *commit = true;
        return p;
}

static bool is_childs(const void *p)
{
        return is_within(&first, p) || is_within(&region, p);
}

static bool childs_dalloc(struct hooks *hooks, void *p, size_t n, bool committed, unsigned arena)
{
        (void)hooks;
        return is_childs(p) || defaults->dalloc(defaults, p, n, committed, arena);
}

static void childs_destroy(struct hooks *hooks, void *p, size_t n, bool committed, unsigned arena)
{
        (void)hooks;
        if (!is_childs(p))
                defaults->destroy(defaults, p, n, committed, arena);
}

static bool childs_decommit(struct hooks *hooks, void *p, size_t n, size_t offset, size_t length,
                            unsigned arena)
{
        (void)hooks;
        return is_childs(p) || defaults->decommit(defaults, p, n, offset, length, arena);
}

static bool childs_purge_lazy(struct hooks *hooks, void *p, size_t n, size_t offset, size_t length,
                              unsigned arena)
{
        (void)hooks;
        return is_childs(p) || defaults->purge_lazy(defaults, p, n, offset, length, arena);
}

static bool childs_purge_forced(struct hooks *hooks, void *p, size_t n, size_t offset,
                                size_t length, unsigned arena)
{
        (void)hooks;
        return is_childs(p) || defaults->purge_forced(defaults, p, n, offset, length, arena);
}

/* A member that jemalloc leaves out, as this machine has no such thing, stays out. */
static void hooks_make(void)
{
        parents_hooks = childs_hooks = *defaults;
        parents_hooks.alloc = parents_alloc;
        parents_hooks.dalloc = parents_dalloc;
        parents_hooks.decommit = defaults->decommit ? never_purge : NULL;
        parents_hooks.purge_lazy = defaults->purge_lazy ? never_purge : NULL;
        parents_hooks.purge_forced = defaults->purge_forced ? parents_purge : NULL;
        childs_hooks.alloc = childs_alloc;
        childs_hooks.dalloc = childs_dalloc;
        childs_hooks.destroy = childs_destroy;
        childs_hooks.decommit = defaults->decommit ? childs_decommit : NULL;
        childs_hooks.purge_lazy = defaults->purge_lazy ? childs_purge_lazy : NULL;
        childs_hooks.purge_forced = defaults->purge_forced ? childs_purge_forced : NULL;
}

/* Of the arena that this thread allocates from. */
static bool arena_control(const char *what, void *old, size_t old_size, void *new, size_t new_size)
{
        unsigned arena = 0;
        size_t n = sizeof(arena);
        char name[64];
        if (duckdb_je_mallctl("thread.arena", &arena, &n, NULL, 0) != 0)
                return false;
        (void)snprintf(name, sizeof(name), "arena.%u.%s", arena, what);
        return duckdb_je_mallctl(name, old, old ? &old_size : NULL, new, new_size) == 0;
}

void warm_buffers_open(bool huge)
{
        struct hooks *hooks = &parents_hooks;
        if (defaults || !duckdb_je_mallctl)
                return;
        if (!arena_control("extent_hooks", &defaults, sizeof(defaults), NULL, 0) || !defaults) {
                defaults = NULL;
                return;
        }
        hooks_make();
        if (huge)
                (void)arena_control("extent_hooks", NULL, 0, &hooks, sizeof(hooks));
}

static void region_reserve(void)
{
        char *start = map_huge(REGION_BYTES, HUGE_PAGE);
        if (start)
                region = (struct span){start, start, start + REGION_BYTES};
}

void warm_buffers_spare(void)
{
        static const char *const settings[] = {"dirty_decay_ms", "muzzy_decay_ms"};
        char name[64];
        ssize_t at_once_ms = 0;
        if (!defaults)
                return;
        gives_small_pages = true;
        for (size_t i = 0; i < 2; i++) {
                (void)snprintf(name, sizeof(name), "arenas.%s", settings[i]); /* those to come */
                (void)duckdb_je_mallctl(name, NULL, NULL, &at_once_ms, sizeof(at_once_ms));
                (void)arena_control(settings[i], NULL, 0, &at_once_ms, sizeof(at_once_ms));
        }
}

void warm_buffers_settle(bool threads)
{
        ssize_t never_ms = -1;
        if (!defaults)
                return;
        gives_small_pages = threads;
        /* What the thread's cache keeps, children would use and copy. Purged once here, they need
         * not do it. */
        (void)duckdb_je_mallctl("thread.tcache.flush", NULL, NULL, NULL, 0);
        (void)arena_control("purge", NULL, 0, NULL, 0);
        (void)arena_control("dirty_decay_ms", NULL, 0, &never_ms, sizeof(never_ms));
        (void)arena_control("muzzy_decay_ms", NULL, 0, &never_ms, sizeof(never_ms));
        if (childs_arena)
                return;
        struct hooks *hooks = &childs_hooks;
        unsigned arena = 0;
        size_t n = sizeof(arena);
        if (duckdb_je_mallctl("arenas.create", &arena, &n, &hooks, sizeof(hooks)) != 0)
                return;
        childs_arena = arena;
        region_reserve();
}

void warm_buffers_turn(void *memory, size_t n)
{
        if (!childs_arena || is_child)
                return;
        char *start = memory ? page_up(memory, SMALL_PAGE) : NULL;
        char *end = memory ? page_down((char *)memory + n, SMALL_PAGE) : NULL;
        first = (struct span){start, start, end};
        is_child = duckdb_je_mallctl("thread.arena", NULL, NULL, &childs_arena,
                                     sizeof(childs_arena)) == 0;
}

void warm_buffers_touch(void)
{
        /* A write that changes nothing. The first bytes have been touched: they follow the heap's.
         */
        if (is_child && region.start)
                *(volatile char *)region.start = 0;
}

#else

void warm_buffers_open(bool huge)
{
        (void)huge;
}

void warm_buffers_spare(void)
{
}

void warm_buffers_settle(bool threads)
{
        (void)threads;
}

void warm_buffers_turn(void *memory, size_t n)
{
        (void)memory, (void)n;
}

void warm_buffers_touch(void)
{
}

#endif
