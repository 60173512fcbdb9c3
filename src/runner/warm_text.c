#include "runner/warm_memory_parts.h"
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static void copy(char *a, char *e, int prot)
{
                size_t len = (size_t)(e - a);
                char *t = mmap(0, len + 2 * HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                char *d = t + (((size_t)a - (size_t)t) & (HUGE_PAGE - 1));
                madvise(t, len + 2 * HUGE_PAGE, MADV_HUGEPAGE);
                memcpy(d, a, len);
                mprotect(d, len, prot);
                if (mremap(d, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, a) == MAP_FAILED) perror("mremap");
                munmap(t, (size_t)(d - t));
                munmap(d + len, (size_t)(t + len + 2 * HUGE_PAGE - d - len));
}
static int one(struct dl_phdr_info *info, size_t size, void *data)
{
        (void)size; (void)data;
        if (!strstr(info->dlpi_name, "libduckdb")) return 0;
        char *lo = NULL, *hi = NULL;
        if (getenv("MERGE")) {
                for (int i = 0; i < info->dlpi_phnum; i++) {
                        const ElfW(Phdr) *h = &info->dlpi_phdr[i];
                        if (h->p_type != PT_LOAD || (h->p_flags & PF_W)) continue;
                        char *a = (char *)((info->dlpi_addr + h->p_vaddr) & ~4095ul);
                        char *e = (char *)((info->dlpi_addr + h->p_vaddr + h->p_memsz + 4095) & ~4095ul);
                        if (!lo || a < lo) lo = a;
                        if (e > hi) hi = e;
                }
                copy(lo, hi, PROT_READ | PROT_EXEC);
                return 0;
        }
        for (int i = 0; i < info->dlpi_phnum; i++) {
                const ElfW(Phdr) *h = &info->dlpi_phdr[i];
                bool relro = h->p_type == PT_GNU_RELRO && getenv("RELRO");
                if (!relro && (h->p_type != PT_LOAD || (h->p_flags & PF_W))) continue;
                char *a = (char *)((info->dlpi_addr + h->p_vaddr) & ~4095ul);
                char *e = (char *)((info->dlpi_addr + h->p_vaddr + h->p_memsz + (relro ? 0 : 4095)) & ~4095ul);
                size_t len = (size_t)(e - a);
                char *t = mmap(0, len + 2 * HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                char *d = t + (((size_t)a - (size_t)t) & (HUGE_PAGE - 1));
                madvise(t, len + 2 * HUGE_PAGE, MADV_HUGEPAGE);
                memcpy(d, a, len);
                mprotect(d, len, (h->p_flags & PF_X) ? PROT_READ | PROT_EXEC : PROT_READ);
                if (mremap(d, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, a) == MAP_FAILED) perror("mremap");
                munmap(t, (size_t)(d - t));
                munmap(d + len, (size_t)(t + len + 2 * HUGE_PAGE - d - len));
        }
        return 0;
}
void warm_text_copy(void)
{
        dl_iterate_phdr(one, NULL);
}
