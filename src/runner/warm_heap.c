#include "runner/warm_memory_parts.h"

#if WARM_MEMORY

#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* Linux 6.1 */
#endif

/* glibc's main heap is one piece that ends at the program break. Its last chunk, the "top", is
 * free; what no free chunk before it can serve is cut off its start. */
#define CHUNK_HEADER ((size_t)16)
#define FRESH_BYTES (16 << 20)       /* laid by for a child, at least; it may use more */
#define FRESH_GAP ((size_t)64 << 10) /* for what the parent still allocates */
#define CACHED_MAX ((size_t)1032)    /* larger chunks do not stay in the thread's cache */

/* A chunk that only keeps children out of a hole. */
struct plug {
        struct plug *next;
};

static struct plug *plugs;

static char *top_start(void)
{
        return (char *)sbrk(0) - mallinfo2().keepcost;
}

/* The first fresh huge page after the top's start. */
static char *fresh_start(const char *top)
{
        return page_up(top + FRESH_GAP, HUGE_PAGE);
}

void warm_heap_collapse(void)
{
        /* Downwards until there is no memory; a block that is empty, or is huge already, is no
         * reason to stop. Only the last block of the top may be fresh. */
        char *end = page_down(top_start(), HUGE_PAGE);
        for (char *block = end - HUGE_PAGE; block < end; block -= HUGE_PAGE)
                if (madvise(block, HUGE_PAGE, MADV_COLLAPSE) < 0 && errno == ENOMEM)
                        break;
}

void warm_heap_unsettle(void)
{
        while (plugs) {
                struct plug *plug = plugs;
                plugs = plug->next;
                free(plug);
        }
}

static void plug_add(void *chunk, size_t n)
{
        struct plug *plug = chunk;
        plug->next = plugs;
        plugs = plug;
        /* A large hole was in use once and holds memory for nothing. */
        char *start = page_up(plug + 1, HUGE_PAGE);
        char *end = page_down((char *)chunk + n, HUGE_PAGE);
        if (end > start)
                (void)madvise(start, (size_t)(end - start), MADV_DONTNEED);
}

/* To the top, whose first chunk it was. A small one would stay in the thread's cache and be a hole
 * there; but it can grow in place. */
static void chunk_return(char *chunk, size_t n)
{
        void *larger = n <= CACHED_MAX ? realloc(chunk, 2 * CACHED_MAX) : chunk;
        free(larger ? larger : chunk);
}

static void holes_plug(size_t n, const char *top)
{
        for (;;) {
                char *chunk = malloc(n);
                if (!chunk)
                        return;
                if (chunk >= top) {
                        chunk_return(chunk, n);
                        return;
                }
                plug_add(chunk, n);
        }
}

static size_t next_smaller(size_t n)
{
        if (n > (1 << 20) + 24)
                return n - (1 << 20);
        if (n > (64 << 10) + 24)
                return n - (4 << 10);
        return n - (n > (4 << 10) + 24 ? 256 : 16);
}

/* From FRESH_BYTES to the smallest chunk there is: the rest of a hole falls to a smaller size. */
static void all_holes_plug(void)
{
        const char *top = top_start();
        for (size_t n = FRESH_BYTES + 24; n >= 24; n = next_smaller(n))
                holes_plug(n, top);
}

/* Whether the next chunk really comes from where we think that the top is: other code may have
 * moved the break, and then glibc goes on elsewhere. */
static bool top_is_known(void)
{
        char *top = top_start();
        char *chunk = malloc(2 * CACHED_MAX);
        free(chunk);
        return chunk == top + CHUNK_HEADER;
}

/* Nothing is written beyond the top's start that is needed; what was lies in small pages. */
static void fresh_prepare(void)
{
        char *start = fresh_start(top_start());
        char *end = page_down(sbrk(0), HUGE_PAGE);
        if (end <= start)
                return;
        (void)madvise(start, (size_t)(end - start), MADV_DONTNEED);
        (void)madvise(start, (size_t)(end - start), MADV_HUGEPAGE);
}

void warm_heap_settle(void)
{
        /* A child's large vectors come from the heap too, not from mappings that come and go. */
        (void)mallopt(M_MMAP_THRESHOLD, 32 << 20);
        (void)mallopt(M_TRIM_THRESHOLD, 1 << 30);
        (void)mallopt(M_TOP_PAD, FRESH_BYTES);
        warm_heap_unsettle();
        all_holes_plug(); /* its first try makes the top as large as the largest hole looked for */
        (void)mallopt(M_TOP_PAD, (int)HUGE_PAGE);
        if (top_is_known())
                fresh_prepare();
        else
                warm_heap_unsettle();
}

void *warm_heap_turn(size_t n)
{
        if (!plugs) /* not settled */
                return NULL;
        char *top = top_start();
        char *fresh = fresh_start(top);
        if (fresh + 2 * HUGE_PAGE > (char *)sbrk(0))
                return NULL;
        /* Kept for good, as the plugs are: the child does not live long. */
        char *gap = malloc((size_t)(fresh - top) - CHUNK_HEADER);
        if (!gap)
                return NULL;
        plug_add(gap, 0);
        char *first = gap == top + CHUNK_HEADER ? malloc(n) : NULL;
        if (first && first != fresh + CHUNK_HEADER) {
                free(first);
                first = NULL;
        }
        return first;
}

#else

void warm_heap_collapse(void)
{
}

void warm_heap_settle(void)
{
}

void warm_heap_unsettle(void)
{
}

void *warm_heap_turn(size_t n)
{
        (void)n;
        return NULL;
}

#endif
