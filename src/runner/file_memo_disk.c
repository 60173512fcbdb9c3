/* The memo's JSON file: read with suspicion, replaced whole. */
#include "runner/file_memo_parts.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/json.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>

#define MEMO_VERSION 1
#define MEMO_BYTES_MAX ((size_t)32 * 1024 * 1024) /* of the file */
#define MEMO_DEPTH_MAX 8

static bool read_moment(const json_t *object, const char *key, struct moment *ret)
{
        const json_t *pair = json_object_get(object, key);
        const json_t *s = json_array_get(pair, 0);
        const json_t *ns = json_array_get(pair, 1);
        if (json_array_size(pair) != 2 || !json_is_integer(s) || !json_is_integer(ns))
                return false;
        *ret = (struct moment){.s = json_integer_value(s), .ns = json_integer_value(ns)};
        return ret->ns >= 0 && ret->ns < 1000000000;
}

static bool read_entry(const json_t *json, struct memo_entry *ret)
{
        const json_t *device = json_object_get(json, "device");
        const json_t *inode = json_object_get(json, "inode");
        const char *path = json_get_string(json, "path");
        const char *sha256 = json_get_string(json, "sha256");
        *ret = (struct memo_entry){
                .path = (char *)path,
                .device = (uint64_t)json_integer_value(device),
                .inode = (uint64_t)json_integer_value(inode),
                .size = json_get_int(json, "size", -1),
                .noted_ms = json_get_int(json, "noted_ms", -1),
                .used_ms = json_get_int(json, "used_ms", -1),
        };
        if (!path || path[0] != '/' || strlen(path) >= PATH_MAX || !sha256 ||
            strlen(sha256) != HASH_HEX_SIZE - 1 ||
            strspn(sha256, "0123456789abcdef") != HASH_HEX_SIZE - 1)
                return false;
        memcpy(ret->sha256, sha256, HASH_HEX_SIZE);
        return json_is_integer(device) && json_is_integer(inode) && ret->size >= 0 &&
               ret->noted_ms >= 0 && ret->used_ms >= 0 && ret->used_ms <= clock_utc_ms() &&
               read_moment(json, "mtime", &ret->modified) &&
               read_moment(json, "ctime", &ret->changed);
}

int file_memo_parse(struct file_memo *memo, const char *text, size_t n, struct error *err)
{
        static const struct json_limits limits = {.max_bytes = MEMO_BYTES_MAX,
                                                  .max_depth = MEMO_DEPTH_MAX};
        _cleanup_json_ json_t *json = NULL;
        int r = json_parse(text, n, &limits, ERROR_IO, &json, err);
        if (r < 0)
                return r;
        if (json_get_int(json, "version", 0) != MEMO_VERSION)
                return error_set(err, ERROR_IO, "this is no memo of version %d", MEMO_VERSION);
        const json_t *files = json_object_get(json, "files");
        for (size_t i = 0; r >= 0 && i < json_array_size(files); i++) {
                struct memo_entry entry;
                if (read_entry(json_array_get(files, i), &entry))
                        r = file_memo_put(memo, &entry, err);
        }
        return r < 0 ? r : 0;
}

/* Times and inode change with each write, as it is always another file. */
static bool is_known(const struct file_memo *memo, const struct stat *st)
{
        return st->st_ino == memo->on_disk.st_ino && st->st_dev == memo->on_disk.st_dev &&
               st->st_size == memo->on_disk.st_size &&
               st->st_mtim.tv_sec == memo->on_disk.st_mtim.tv_sec &&
               st->st_mtim.tv_nsec == memo->on_disk.st_mtim.tv_nsec;
}

void file_memo_read(struct file_memo *memo)
{
        struct stat st;
        _cleanup_buf_ struct buf text = {0};
        _cleanup_close_ int fd = open(memo->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
            st.st_size > (off_t)MEMO_BYTES_MAX || is_known(memo, &st))
                return;
        buf_init(&text, MEMO_BYTES_MAX);
        bool dirty = memo->dirty;
        if (fd_read_all(fd, &text, "the memo of file hashes", NULL) == 0 &&
            file_memo_parse(memo, buf_text(&text), text.len, NULL) == 0)
                memo->on_disk = st;
        memo->dirty = dirty;
}

static void put_text(const struct file_memo *memo, struct buf *out)
{
        buf_printf(out, "{\"version\":%d,\"files\":[", MEMO_VERSION);
        for (size_t i = 0; i < memo->n; i++) {
                const struct memo_entry *entry = &memo->entries[i];
                buf_puts(out, i ? ",\n{\"path\":" : "\n{\"path\":");
                json_put_string(out, entry->path, strlen(entry->path));
                buf_printf(out,
                           ",\"device\":%lld,\"inode\":%lld,\"size\":%lld,\"mtime\":[%lld,%lld],"
                           "\"ctime\":[%lld,%lld],\"noted_ms\":%lld,\"used_ms\":%lld,"
                           "\"sha256\":\"%s\"}",
                           (long long)entry->device, (long long)entry->inode,
                           (long long)entry->size, (long long)entry->modified.s,
                           (long long)entry->modified.ns, (long long)entry->changed.s,
                           (long long)entry->changed.ns, (long long)entry->noted_ms,
                           (long long)entry->used_ms, entry->sha256);
        }
        buf_puts(out, "\n]}\n");
}

/* The file that becomes the memo, open and locked. 0 when another process has it. */
static int open_next(const char *path, int *ret_fd, struct error *err)
{
        struct stat named;
        struct stat opened;
        _cleanup_close_ int fd =
                open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
        if (fd < 0)
                return error_errno(err, errno, "creating %s", path);
        if (flock(fd, LOCK_EX | LOCK_NB) < 0)
                return errno == EWOULDBLOCK ? 0 : error_errno(err, errno, "locking %s", path);
        if (fstat(fd, &opened) < 0)
                return error_errno(err, errno, "looking at %s", path);
        if (stat(path, &named) < 0 || named.st_dev != opened.st_dev ||
            named.st_ino != opened.st_ino) /* it was renamed before we had the lock */
                return 0;
        if (!S_ISREG(opened.st_mode) || ftruncate(fd, 0) < 0)
                return error_set(err, ERROR_IO, "%s is no regular file; remove it", path);
        *ret_fd = steal_fd(&fd);
        return 1;
}

/* No fsync: one that a power cut tore is broken, and forgotten. */
int file_memo_save(struct file_memo *memo, struct error *err)
{
        _cleanup_buf_ struct buf text = {0};
        _cleanup_free_ char *next = NULL;
        _cleanup_close_ int fd = -1;
        if (!memo->path || !memo->dirty)
                return 0;
        if (asprintf(&next, "%s.new", memo->path) < 0) {
                next = NULL;
                return error_oom(err);
        }
        int r = open_next(next, &fd, err);
        if (r <= 0)
                return r;
        file_memo_read(memo);
        buf_init(&text, MEMO_BYTES_MAX);
        put_text(memo, &text);
        r = buf_error(&text, err, "the memo of file hashes");
        if (r == 0)
                r = fd_write_all(fd, buf_text(&text), text.len, err);
        if (r == 0 && rename(next, memo->path) < 0)
                r = error_errno(err, errno, "renaming it to %s", memo->path);
        if (r < 0) {
                (void)unlink(next);
                return error_prefix(err, r, "writing %s", next);
        }
        memo->dirty = false;
        if (fstat(fd, &memo->on_disk) < 0)
                memo->on_disk = (struct stat){0};
        return 0;
}
