#include "runner/warm_memory_parts.h"

#if WARM_MEMORY

#include <duckdb.h>
#include <link.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

/* Some bytes of a loaded library, in whole pages. */
struct text_part {
        char *start, *end;
        int protection;
};

static bool part_of(const struct dl_phdr_info *info, size_t i, struct text_part *ret)
{
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        if (header->p_type != PT_LOAD || header->p_flags & PF_W)
                return false;
        /* An address is a number here, as it is in the library's headers. */
        char *start = (char *)(info->dlpi_addr + header->p_vaddr);
        ret->start = page_down(start, SMALL_PAGE);
        ret->end = page_up(start + header->p_memsz, SMALL_PAGE);
        ret->protection = PROT_READ | (header->p_flags & PF_X ? PROT_EXEC : 0);
        return true;
}

/* The same bytes at the same place, but in anonymous memory, where they can lie in huge pages and
 * where fork(2) copies the page tables, of which huge pages need few. The kernel swaps the mappings
 * in one step: the text may be running meanwhile. Whatever fails leaves things as they were. */
static void part_copy(const struct text_part *part)
{
        size_t n = (size_t)(part->end - part->start);
        size_t room = n + HUGE_PAGE;
        char *all = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (all == MAP_FAILED)
                return;
        /* A huge page moves as one only between places that are alike in it. */
        char *copy = all + (((uintptr_t)part->start - (uintptr_t)all) & (HUGE_PAGE - 1));
        (void)madvise(all, room, MADV_HUGEPAGE);
        memcpy(copy, part->start, n);
        if (mprotect(copy, n, part->protection) < 0 ||
            mremap(copy, n, n, MREMAP_MAYMOVE | MREMAP_FIXED, part->start) == MAP_FAILED) {
                (void)munmap(all, room);
                return;
        }
        if (copy > all)
                (void)munmap(all, (size_t)(copy - all));
        (void)munmap(copy + n, (size_t)(all + room - (copy + n)));
}

static bool has_engine(const struct dl_phdr_info *info)
{
        const char *engine = (const char *)(uintptr_t)&duckdb_library_version;
        struct text_part part;
        for (size_t i = 0; i < info->dlpi_phnum; i++)
                if (part_of(info, i, &part) && engine >= part.start && engine < part.end)
                        return true;
        return false;
}

/* Constants and code that follow each other become one piece, with the protection of the code:
 * at each border between two, up to 2 MiB on either side would not fit into huge pages. */
static int library_copy(struct dl_phdr_info *info, size_t size, void *data)
{
        (void)size;
        (void)data;
        if (!has_engine(info))
                return 0;
        struct text_part all = {0}, part;
        for (size_t i = 0; i < info->dlpi_phnum; i++) {
                if (!part_of(info, i, &part))
                        continue;
                if (all.start && part.start != all.end) {
                        part_copy(&all);
                        all.start = NULL;
                }
                if (!all.start)
                        all = (struct text_part){.start = part.start};
                all.end = part.end;
                all.protection |= part.protection;
        }
        if (all.start)
                part_copy(&all);
        return 1;
}

void warm_text_copy(void)
{
        (void)dl_iterate_phdr(library_copy, NULL);
}

#else

void warm_text_copy(void)
{
}

#endif
