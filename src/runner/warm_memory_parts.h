/* The measures behind warm_memory.h, one file each, so that bench/fork_cost can tell what each of
 * them pays. All of them do nothing where they cannot work. */
#ifndef ASKCSV_RUNNER_WARM_MEMORY_PARTS_H
#define ASKCSV_RUNNER_WARM_MEMORY_PARTS_H

#include <stdbool.h>
#include <stddef.h>

#define HUGE_PAGE ((size_t)2 << 20)

/* Nothing here knows another allocator, another page size, or the shadow of a sanitizer. */
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) &&       \
        !defined(ASKCSV_NO_WARM_MEMORY)
#define WARM_MEMORY 1
#else
#define WARM_MEMORY 0
#endif

static inline char *huge_page_up(const void *p)
{
        return (char *)(((size_t)p + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1));
}

static inline char *huge_page_down(const void *p)
{
        return (char *)((size_t)p & ~(HUGE_PAGE - 1));
}

/* warm_text.c */
void warm_text_copy(void);

/* warm_heap.c: what malloc(3) hands out. The C++ objects of the engine are there. */
void warm_heap_open(void);     /* early: the heap stays in one piece */
void warm_heap_settle(void);   /* collapses it, and fills its holes */
void warm_heap_collapse(void);
void *warm_heap_turn(size_t shared, size_t huge); /* in the child: allocates from a fresh huge page on, of which the
                                      * first `shared` bytes are the caller's; NULL: it cannot */

/* warm_buffers.c: what the engine's own allocator hands out: vectors, tables, hash tables. */
void warm_buffers_open(void);   /* early: tables go to huge pages */
void warm_buffers_settle(void); /* an arena for the children */
void warm_buffers_collapse(void);
void warm_buffers_turn(void *first, size_t n); /* in the child: allocates from that arena, whose
                                                * first memory is this, if it is not NULL */
#endif
