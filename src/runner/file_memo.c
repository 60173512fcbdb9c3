#include "runner/file_memo_parts.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"

#include <limits.h>
#include <string.h>

#define MEMO_NOTE_USE_MS (60 * 60 * 1000) /* uses within an hour are not worth a write */

void file_memo_free(struct file_memo *memo)
{
        if (!memo)
                return;
        for (size_t i = 0; i < memo->n; i++)
                free(memo->entries[i].path);
        free(memo->entries);
        free(memo->path);
        free(memo);
}

size_t file_memo_count(const struct file_memo *memo)
{
        return memo->n;
}

/* FNV-1a, 32 bits. */
static uint32_t hash_of(const char *path)
{
        uint32_t hash = 2166136261;
        for (; *path; path++)
                hash = (hash ^ (unsigned char)*path) * 16777619;
        return hash;
}

static struct memo_entry *find_path(struct file_memo *memo, const char *path)
{
        uint32_t hash = hash_of(path);
        for (size_t i = 0; i < memo->n; i++)
                if (memo->entries[i].path_hash == hash && strcmp(memo->entries[i].path, path) == 0)
                        return &memo->entries[i];
        return NULL;
}

static void forget(struct file_memo *memo, struct memo_entry *entry)
{
        free(entry->path);
        *entry = memo->entries[--memo->n];
        memo->dirty = true;
}

/* Into a full memo comes only what was used later than what then goes. */
static bool is_too_old(struct file_memo *memo, const struct memo_entry *entry)
{
        if (memo->n < FILE_MEMO_ENTRIES_MAX)
                return false;
        struct memo_entry *oldest = &memo->entries[0];
        for (size_t i = 1; i < memo->n; i++)
                if (memo->entries[i].used_ms < oldest->used_ms)
                        oldest = &memo->entries[i];
        if (oldest->used_ms > entry->used_ms)
                return true;
        forget(memo, oldest);
        return false;
}

static struct memo_entry *add_entry(struct file_memo *memo, const char *path)
{
        if (memo->n == memo->room) {
                size_t room = memo->room ? memo->room * 2 : 16;
                void *grown = alloc_realloc(memo->entries, room * sizeof(*memo->entries));
                if (!grown)
                        return NULL;
                memo->entries = grown;
                memo->room = room;
        }
        char *copy = alloc_strdup(path);
        if (!copy)
                return NULL;
        struct memo_entry *entry = &memo->entries[memo->n++];
        entry->path = copy;
        return entry;
}

int file_memo_put(struct file_memo *memo, const struct memo_entry *entry, struct error *err)
{
        struct memo_entry *place = find_path(memo, entry->path);
        if (place ? place->noted_ms >= entry->noted_ms : is_too_old(memo, entry))
                return 0;
        if (!place)
                place = add_entry(memo, entry->path);
        if (!place)
                return error_oom(err);
        char *path = place->path;
        *place = *entry;
        place->path = path;
        place->path_hash = hash_of(path);
        return 1;
}

static struct moment moment_of(const struct timespec *time)
{
        return (struct moment){.s = time->tv_sec, .ns = time->tv_nsec};
}

static bool same_moment(const struct moment *a, const struct timespec *b)
{
        return a->s == b->tv_sec && a->ns == b->tv_nsec;
}

static bool is_same_file(const struct memo_entry *entry, const struct stat *now)
{
        return entry->device == (uint64_t)now->st_dev && entry->inode == (uint64_t)now->st_ino &&
               entry->size == now->st_size && same_moment(&entry->modified, &now->st_mtim) &&
               same_moment(&entry->changed, &now->st_ctim);
}

const char *file_memo_find(struct file_memo *memo, const char *path, const struct stat *now)
{
        struct memo_entry *entry = find_path(memo, path);
        if (!entry || !is_same_file(entry, now))
                return NULL;
        int64_t now_ms = clock_utc_ms();
        if (now_ms - entry->used_ms > MEMO_NOTE_USE_MS)
                memo->dirty = true;
        entry->used_ms = now_ms;
        return entry->sha256;
}

/* A later write could leave the same time. Seconds of any size are compared, never multiplied. */
static bool is_racy(const struct timespec *time, int64_t hashed_at_ms)
{
        int64_t limit_ms = hashed_at_ms - FILE_MEMO_RACY_MS;
        int64_t limit_s = limit_ms / 1000;
        if (time->tv_sec != limit_s)
                return time->tv_sec > limit_s;
        return time->tv_nsec > limit_ms % 1000 * 1000000;
}

static bool is_utf8(const char *text)
{
        _cleanup_json_ json_t *json = json_string(text);
        return json != NULL;
}

void file_memo_note(struct file_memo *memo, const char *path, const struct stat *seen,
                    int64_t hashed_at_ms, const char sha256[HASH_HEX_SIZE])
{
        int64_t now_ms = clock_utc_ms();
        struct memo_entry entry = {
                .path = (char *)path,
                .device = (uint64_t)seen->st_dev,
                .inode = (uint64_t)seen->st_ino,
                .size = seen->st_size,
                .modified = moment_of(&seen->st_mtim),
                .changed = moment_of(&seen->st_ctim),
                .noted_ms = now_ms,
                .used_ms = now_ms,
        };
        struct memo_entry *known = find_path(memo, path);
        if (known)
                forget(memo, known);
        if (is_racy(&seen->st_mtim, hashed_at_ms) || is_racy(&seen->st_ctim, hashed_at_ms) ||
            strlen(path) >= PATH_MAX || !is_utf8(path))
                return;
        memcpy(entry.sha256, sha256, HASH_HEX_SIZE);
        if (file_memo_put(memo, &entry, NULL) > 0)
                memo->dirty = true;
}

int file_memo_open(const char *path, struct file_memo **ret, struct error *err)
{
        struct file_memo *memo = alloc_calloc(1, sizeof(*memo));
        if (memo && path) {
                memo->path = alloc_strdup(path);
                if (!memo->path) {
                        file_memo_free(memo);
                        return error_oom(err);
                }
                file_memo_read(memo);
        }
        if (!memo)
                return error_oom(err);
        *ret = memo;
        return 0;
}
