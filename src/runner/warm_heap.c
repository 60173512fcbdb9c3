#include "runner/warm_memory_parts.h"

#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
static void *plugs;
static char *top;

void warm_heap_open(void)
{
        mallopt(M_MMAP_THRESHOLD, 32 << 20);
        mallopt(M_TRIM_THRESHOLD, 1 << 30);
        mallopt(M_TOP_PAD, 2 << 20);
}
void warm_heap_collapse(void)
{
        for (char *p = huge_page_down(sbrk(0)) - HUGE_PAGE;; p -= HUGE_PAGE)
                if (madvise(p, HUGE_PAGE, MADV_COLLAPSE) < 0 && errno == ENOMEM) { if (getenv("JT")) perror("collapse"); break; }
}

static void plug(char *end)
{
        long n = 0, bytes = 0;
        for (size_t s = (16 << 20) + 8; s >= 24; s -= s > 1048584 ? 1048576 : s > 4104 ? (s > 65544 ? 4096 : 256) : 16)
                for (;;) {
                        char *p = malloc(s);
                        if (p >= end) { free(p); break; }
                        *(void **)p = plugs; plugs = p; n++; bytes += (long)s;
                        if (s > HUGE_PAGE / 2) { char *a = huge_page_up(p + 16), *e = huge_page_down(p + s); if (e > a) madvise(a, (size_t)(e - a), MADV_DONTNEED); }
                }
        if (getenv("JT")) fprintf(stderr, "plugged %ld %ld\n", n, bytes);
}

static char *top_start(void) { return (char *)sbrk(0) - mallinfo2().keepcost; }
void warm_heap_settle(void)
{
        mallopt(M_TOP_PAD, 32 << 20);
        plug(top_start());
        if (mallinfo2().keepcost < (30 << 20)) free(malloc(mallinfo2().keepcost + 65536));
        if (getenv("JT")) fprintf(stderr, "old top %p\n", (void *)top_start());
        plug(top_start());
        top = top_start();
        mallopt(M_TOP_PAD, 1 << 20);
        char *b = huge_page_up(top + 65536);
        madvise(b, (size_t)(huge_page_down(sbrk(0)) - b), MADV_DONTNEED);
        madvise(b, (size_t)(huge_page_down(sbrk(0)) - b), getenv("H4K") ? MADV_NOHUGEPAGE : MADV_HUGEPAGE);
        if (getenv("JT")) fprintf(stderr, "top %p b %p brk %p\n", (void *)top, (void *)b, sbrk(0));
}
void *warm_heap_turn(size_t shared, size_t hugebytes)
{
        (void)hugebytes;
        char *t = top_start();
        char *b = huge_page_up(t + 65536);
        char *x = malloc((size_t)(b - t) - 16);
        if (getenv("JT")) fprintf(stderr, "turn t %p x %p b %p\n", t, x, b);
        if (!shared) return NULL;
        char *c = malloc(shared);
        if (getenv("JT")) fprintf(stderr, "shared %p\n", c);
        return (char*)(((size_t)c + 4095) & ~4095ul);
}
