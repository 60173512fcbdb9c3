#include "runner/warm_memory_parts.h"

#if WARM_MEMORY

#include "base/cleanup.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

#define MAPPINGS_MAX 64
#define PIECES_MAX 256
#define GAP_BYTES (4 * SMALL_PAGE)       /* between two pieces: as well one */
#define OWN_BYTES_MAX ((size_t)32 << 20) /* more than that is not worth the memory */
#define LOOKED_AT_PAGES ((size_t)512)

struct piece {
        char *start, *end;
};

static struct piece mappings[MAPPINGS_MAX]; /* that the engine made while it was opened */
static size_t n_mappings;
static char *heap; /* where it ended then */
static struct piece pieces[PIECES_MAX];
static size_t n_pieces;

/* Of a line of proc_pid_maps(5). */
static bool is_engines(const char *line, struct piece *ret)
{
        uintptr_t start, end;
        unsigned long inode;
        char mode[5], name;
        int n = sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s %*s %*s %lu %c", &start, &end, mode,
                       &inode, &name);
        *ret = (struct piece){(char *)start, (char *)end};
        return n >= 4 && strcmp(mode, "rw-p") == 0 && inode == 0 && (n == 4 || name != '[');
}

void warm_state_note(void)
{
        _cleanup_fclose_ FILE *maps = fopen("/proc/self/maps", "re");
        char line[512];
        n_mappings = 0;
        heap = sbrk(0);
        while (maps && n_mappings < MAPPINGS_MAX && fgets(line, sizeof(line), maps))
                if (is_engines(line, &mappings[n_mappings]))
                        n_mappings++;
}

static void piece_add(char *start, char *end)
{
        struct piece *last = n_pieces > 0 ? &pieces[n_pieces - 1] : NULL;
        if (last && start >= last->end && (size_t)(start - last->end) <= GAP_BYTES)
                last->end = end;
        else if (n_pieces < PIECES_MAX)
                pieces[n_pieces++] = (struct piece){start, end};
}

/* What there is memory for. */
static void pieces_find(char *start, const char *end)
{
        unsigned char in_use[LOOKED_AT_PAGES];
        while (start < end) {
                size_t n = (size_t)(end - start) / SMALL_PAGE;
                n = n < LOOKED_AT_PAGES ? n : LOOKED_AT_PAGES;
                if (n == 0 || mincore(start, n * SMALL_PAGE, in_use) < 0)
                        return;
                for (size_t i = 0; i < n; i++)
                        if (in_use[i] & 1)
                                piece_add(start + i * SMALL_PAGE, start + (i + 1) * SMALL_PAGE);
                start += n * SMALL_PAGE;
        }
}

void warm_state_settle(void)
{
        size_t n = 0;
        n_pieces = 0;
        for (size_t i = 0; i < n_mappings; i++)
                pieces_find(mappings[i].start, mappings[i].end);
        if (heap)
                pieces_find(page_down(heap, SMALL_PAGE), sbrk(0));
        for (size_t i = 0; i < n_pieces; i++)
                n += (size_t)(pieces[i].end - pieces[i].start);
        if (n > OWN_BYTES_MAX)
                n_pieces = 0;
}

void warm_state_own(void)
{
        for (size_t i = 0; i < n_pieces; i++)
                (void)madvise(pieces[i].start, (size_t)(pieces[i].end - pieces[i].start),
                              MADV_POPULATE_WRITE);
}

#else

void warm_state_note(void)
{
}

void warm_state_settle(void)
{
}

void warm_state_own(void)
{
}

#endif
