#include "server/keys_file.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#define FILE_BYTES_MAX ((size_t)8 * 1024 * 1024)
#define FILE_DEPTH_MAX 8
#define FILE_VERSION 1
#define LOCK_NAME "keys.lock"

void keys_content_done(struct keys_content *content)
{
        free(content->items);
        json_decref(content->json);
        *content = (struct keys_content){0};
}

static struct keys_stamp stamp_of(const struct stat *st)
{
        return (struct keys_stamp){.device = st->st_dev,
                                   .inode = st->st_ino,
                                   .bytes = st->st_size,
                                   .modified = st->st_mtim,
                                   .changed = st->st_ctim};
}

static bool is_same_time(const struct timespec *a, const struct timespec *b)
{
        return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool keys_file_is_same(const char *path, const struct keys_stamp *stamp)
{
        struct stat st;
        struct keys_stamp now = {0};
        if (stat(path, &st) == 0)
                now = stamp_of(&st);
        else if (errno != ENOENT && errno != ENOTDIR)
                return false; /* reading it will say why */
        return now.device == stamp->device && now.inode == stamp->inode &&
               now.bytes == stamp->bytes && is_same_time(&now.modified, &stamp->modified) &&
               is_same_time(&now.changed, &stamp->changed);
}

bool keys_name_is_valid(const char *name)
{
        size_t n = strnlen(name, KEY_NAME_SIZE);
        if (n == 0 || n == KEY_NAME_SIZE)
                return false;
        for (size_t i = 0; i < n;) {
                uint32_t c;
                size_t step = utf8_decode(name + i, n - i, &c);
                if (c < 0x20 || (c >= 0x7F && c < 0xA0) || (c == 0xFFFD && step == 1))
                        return false;
                i += step;
        }
        return true;
}

static int digit(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Exactly n bytes in lower-case hexadecimal. */
static bool read_hex(const char *text, unsigned char *out, size_t n)
{
        if (!text || strlen(text) != 2 * n)
                return false;
        for (size_t i = 0; i < n; i++) {
                int high = digit(text[2 * i]);
                int low = digit(text[2 * i + 1]);
                if (high < 0 || low < 0)
                        return false;
                out[i] = (unsigned char)(high << 4 | low);
        }
        return true;
}

static bool read_time(const char *text, char out[KEY_TIME_SIZE])
{
        int64_t seconds;
        if (!text || strlen(text) >= KEY_TIME_SIZE || !clock_parse(text, &seconds))
                return false;
        memcpy(out, text, strlen(text) + 1);
        return true;
}

static bool read_key(const json_t *json, struct stored_key *ret)
{
        struct key_entry *entry = &ret->entry;
        const char *id = json_get_string(json, "id");
        const char *name = json_get_string(json, "name");
        const char *scope = json_get_string(json, "scope");
        const json_t *revoked = json_object_get(json, "revoked_at");
        unsigned char bytes[(KEY_ID_SIZE - 1) / 2];
        if (!read_hex(id, bytes, sizeof(bytes)) || !name || !keys_name_is_valid(name) || !scope ||
            !key_scope_parse(scope, &entry->key.scope))
                return false;
        memcpy(entry->key.id, id, KEY_ID_SIZE);
        memcpy(entry->key.name, name, strlen(name) + 1);
        /* Without the member a key would be usable because somebody misspelt it. */
        if (!json_is_null(revoked) && !read_time(json_string_value(revoked), entry->revoked_at))
                return false;
        return read_time(json_get_string(json, "created_at"), entry->created_at) &&
               read_hex(json_get_string(json, "sha256"), ret->sha256, HASH_BYTES);
}

static int damaged(const char *path, const char *what, struct error *err)
{
        return error_set(err, ERROR_IO,
                         "the file of API keys %s is damaged: %s. It was left as it is; restore it "
                         "from a copy, or move it away and add the keys anew",
                         path, what);
}

static int read_keys(const char *path, struct keys_content *content, struct error *err)
{
        const json_t *list = json_object_get(content->json, "keys");
        json_int_t version = json_get_int(content->json, "version", 0);
        size_t n = json_array_size(list);
        char what[64];
        if (version > FILE_VERSION)
                return error_set(err, ERROR_IO,
                                 "the file of API keys %s is of a newer askcsv (version %lld)",
                                 path, (long long)version);
        if (version != FILE_VERSION || !json_is_array(list) || n > KEYS_MAX)
                return damaged(path, "it is not a list of keys", err);
        content->items = alloc_calloc(n > 0 ? n : 1, sizeof(*content->items));
        if (!content->items)
                return error_oom(err);
        for (; content->n < n; content->n++) {
                (void)snprintf(what, sizeof(what), "key %zu is not one", content->n + 1);
                if (!read_key(json_array_get(list, content->n), &content->items[content->n]))
                        return damaged(path, what, err);
        }
        return 0;
}

static int parse(const char *path, const char *text, size_t n, struct keys_content *content,
                 struct error *err)
{
        static const struct json_limits limits = {.max_bytes = FILE_BYTES_MAX,
                                                  .max_depth = FILE_DEPTH_MAX};
        struct error why = {0};
        int r = json_parse(text, n, &limits, ERROR_IO, &content->json, &why);
        if (r < 0 && why.type == ERROR_IO)
                return damaged(path, why.message, err);
        return r < 0 ? error_oom(err) : read_keys(path, content, err);
}

static int read_document(const char *path, int fd, struct keys_content *content, struct error *err)
{
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, FILE_BYTES_MAX);
        int r = fd_read_all(fd, &text, path, err);
        return r < 0 ? r : parse(path, buf_text(&text), text.len, content, err);
}

static int none(struct keys_content *ret, struct error *err)
{
        ret->json = json_pack("{s:i, s:[]}", "version", FILE_VERSION, "keys");
        return ret->json ? 0 : error_oom(err);
}

int keys_content_read(const char *place, const char *text, size_t n, struct keys_content *ret,
                      struct error *err)
{
        *ret = (struct keys_content){0};
        return text ? parse(place, text, n, ret, err) : none(ret, err);
}

int keys_file_read(const char *path, struct keys_content *ret, struct error *err)
{
        _cleanup_close_ int fd = -1;
        struct stat st;
        *ret = (struct keys_content){0};
        if (stat(path, &st) < 0 && (errno == ENOENT || errno == ENOTDIR))
                return none(ret, err);
        int r = fd_open_regular(path, &fd, err);
        if (r == 0 && fstat(fd, &st) < 0)
                r = error_errno(err, errno, "looking at %s", path);
        if (r < 0)
                return error_prefix(err, r, "the file of API keys");
        if ((st.st_mode & 022) != 0)
                return error_set(err, ERROR_IO,
                                 "other users may write to the file of API keys %s, and so make "
                                 "keys of their own; look at it, then: chmod 600 %s",
                                 path, path);
        ret->stamp = stamp_of(&st);
        return read_document(path, fd, ret, err);
}

int keys_file_lock(const char *home, int *ret_fd, struct error *err)
{
        _cleanup_free_ char *path = NULL;
        int r = fd_make_dirs(home, err);
        if (r < 0)
                return r;
        if (asprintf(&path, "%s/" LOCK_NAME, home) < 0) {
                path = NULL;
                return error_oom(err);
        }
        _cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return error_errno(err, errno, "opening %s", path);
        while (flock(fd, LOCK_EX) < 0)
                if (errno != EINTR)
                        return error_errno(err, errno, "locking %s", path);
        *ret_fd = steal_fd(&fd);
        return 0;
}

int keys_file_write(const char *path, const json_t *json, struct error *err)
{
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, FILE_BYTES_MAX);
        int r = json_put(json, &text, err);
        buf_putc(&text, '\n');
        if (r == 0)
                r = buf_error(&text, err, "the file of API keys");
        return r < 0 ? r : fd_write_file(path, buf_text(&text), text.len, 0600, err);
}
