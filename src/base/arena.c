#include "base/arena.h"

#include "base/alloc.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_BLOCK_BYTES 8192

struct arena_block {
        struct arena_block *next;
        alignas(max_align_t) char bytes[];
};

struct arena {
        struct arena_block *blocks;
        char *at; /* free part of the newest shared block */
        size_t left;
        size_t max;
        size_t used;
};

struct arena *arena_new(size_t max_bytes)
{
        struct arena *arena = alloc_calloc(1, sizeof(*arena));
        if (arena)
                arena->max = max_bytes;
        return arena;
}

void arena_free(struct arena *arena)
{
        if (!arena)
                return;
        struct arena_block *block = arena->blocks;
        while (block) {
                struct arena_block *next = block->next;
                free(block);
                block = next;
        }
        free(arena);
}

static char *arena_add_block(struct arena *arena, size_t bytes)
{
        struct arena_block *block = alloc_calloc(1, sizeof(*block) + bytes);
        if (!block)
                return NULL;
        block->next = arena->blocks;
        arena->blocks = block;
        return block->bytes;
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
        size_t align = alignof(max_align_t);
        if (bytes > arena->max || bytes > SIZE_MAX - align)
                return NULL;
        size_t size = bytes ? (bytes + align - 1) / align * align : align;
        if (size > arena->max - arena->used)
                return NULL;
        if (size > ARENA_BLOCK_BYTES / 4) {
                char *alone = arena_add_block(arena, size);
                if (alone)
                        arena->used += size;
                return alone;
        }
        if (size > arena->left) {
                char *fresh = arena_add_block(arena, ARENA_BLOCK_BYTES);
                if (!fresh)
                        return NULL;
                arena->at = fresh;
                arena->left = ARENA_BLOCK_BYTES;
        }
        void *p = arena->at;
        arena->at += size;
        arena->left -= size;
        arena->used += size;
        return p;
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
        size_t bytes;
        if (__builtin_mul_overflow(count, size, &bytes))
                return NULL;
        return arena_alloc(arena, bytes);
}

char *arena_strndup(struct arena *arena, const char *text, size_t n)
{
        char *copy = arena_alloc(arena, n + 1);
        if (copy && n)
                memcpy(copy, text, n);
        return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
        return arena_strndup(arena, text, strlen(text));
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
        va_list args;
        va_start(args, format);
        va_list again;
        va_copy(again, args);
        int n = vsnprintf(NULL, 0, format, args);
        va_end(args);
        char *text = n < 0 ? NULL : arena_alloc(arena, (size_t)n + 1);
        if (text)
                (void)vsnprintf(text, (size_t)n + 1, format, again);
        va_end(again);
        return text;
}
