#include "server/keys.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "capsule/servers.h"
#include "server/config.h"
#include "server/keys_file.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define KEY_PREFIX "ak_"
#define KEY_BYTES 32
#define DOCUMENT "keys"
#define DOCUMENT_BYTES_MAX ((size_t)8 * 1024 * 1024)
#define STORE_WAIT_MS 5000

struct keys {
        char *home;
        char *path;
        struct capsule_store *store; /* NULL: they are in the file */
        pthread_mutex_t storing;     /* while the store is used */
        pthread_mutex_t lock;        /* over content and version */
        struct keys_content content;
        bool is_read;    /* content is what its stamp says, or the version */
        int64_t version; /* of the store's document; 0: there is none */
};

static const char *const scope_names[] = {
        [KEY_READ] = "read", [KEY_RUN] = "run", [KEY_ADMIN] = "admin"};

const char *key_scope_name(enum key_scope scope)
{
        return scope_names[scope];
}

bool key_scope_parse(const char *name, enum key_scope *ret)
{
        for (enum key_scope scope = KEY_READ; scope <= KEY_ADMIN; scope++)
                if (strcmp(scope_names[scope], name) == 0) {
                        *ret = scope;
                        return true;
                }
        return false;
}

/* Reads the file if it is another than the one in memory. After a failure nothing is in memory, and
 * the next call tries again. With the lock held. */
static int refresh(struct keys *keys, struct error *err)
{
        if (keys->is_read && (keys->store || keys_file_is_same(keys->path, &keys->content.stamp)))
                return 0;
        if (keys->store)
                return error_set(err, ERROR_STORE, "the API keys were not read yet; try again");
        keys_content_done(&keys->content);
        int r = keys_file_read(keys->path, &keys->content, err);
        keys->is_read = r == 0;
        if (r < 0)
                keys_content_done(&keys->content);
        return r;
}

void keys_free(struct keys *keys)
{
        if (!keys)
                return;
        keys_content_done(&keys->content);
        (void)pthread_mutex_destroy(&keys->lock);
        (void)pthread_mutex_destroy(&keys->storing);
        capsule_store_free(keys->store);
        free(keys->home);
        free(keys->path);
        free(keys);
}

int keys_open(const char *home, struct keys **ret, struct error *err)
{
        struct keys *keys = alloc_calloc(1, sizeof(*keys));
        if (!keys)
                return error_oom(err);
        (void)pthread_mutex_init(&keys->lock, NULL);
        (void)pthread_mutex_init(&keys->storing, NULL);
        size_t n = strlen(home) + sizeof("/" KEYS_FILE_NAME);
        keys->home = alloc_strdup(home);
        keys->path = alloc_malloc(n);
        if (keys->path)
                (void)snprintf(keys->path, n, "%s/" KEYS_FILE_NAME, home);
        int r = keys->home && keys->path ? refresh(keys, err) : error_oom(err);
        if (r < 0)
                keys_free(keys);
        else
                *ret = keys;
        return r;
}

/* ---- in a store that servers share ---- */

/* The document if it is not that version. With storing held. */
static int fetch(struct keys *keys, int64_t known, char **ret, int64_t *ret_version,
                 struct error *err)
{
        int r = store_document_get(keys->store, DOCUMENT, known, ret, ret_version, err);
        return r < 0 ? error_prefix(err, r, "reading the API keys") : 0;
}

static int parse(const char *text, struct keys_content *ret, struct error *err)
{
        return keys_content_read("in the capsule store", text, text ? strlen(text) : 0, ret, err);
}

int keys_poll(struct keys *keys, struct error *err)
{
        _cleanup_free_ char *text = NULL;
        struct keys_content content = {0};
        int64_t version = 0;
        if (!keys->store)
                return 0;
        (void)pthread_mutex_lock(&keys->lock);
        int64_t known = keys->is_read ? keys->version : -1;
        (void)pthread_mutex_unlock(&keys->lock);
        (void)pthread_mutex_lock(&keys->storing);
        int r = fetch(keys, known, &text, &version, err);
        (void)pthread_mutex_unlock(&keys->storing);
        if (r == 0 && version != known)
                r = parse(text, &content, err);
        if (r < 0 || version == known) {
                keys_content_done(&content);
                return r;
        }
        (void)pthread_mutex_lock(&keys->lock);
        keys_content_done(&keys->content);
        keys->content = content;
        keys->version = version;
        keys->is_read = true;
        (void)pthread_mutex_unlock(&keys->lock);
        return 0;
}

int keys_open_shared(const char *store_url, struct keys **ret, struct error *err)
{
        struct keys *keys = alloc_calloc(1, sizeof(*keys));
        if (!keys)
                return error_oom(err);
        (void)pthread_mutex_init(&keys->lock, NULL);
        (void)pthread_mutex_init(&keys->storing, NULL);
        int r = capsule_store_open(store_url, &keys->store, err);
        if (r == 0) {
                capsule_store_set_wait(keys->store, STORE_WAIT_MS);
                r = keys_poll(keys, err);
        }
        if (r < 0)
                keys_free(keys);
        else
                *ret = keys;
        return r;
}

int keys_open_configured(const struct config *config, const char *home, struct keys **ret,
                         struct error *err)
{
        char *url = NULL;
        int r = config_store_url(config, home, &url, err);
        if (r < 0)
                return r;
        r = strncmp(url, "postgres", 8) == 0 ? keys_open_shared(url, ret, err)
                                             : keys_open(home, ret, err);
        explicit_bzero(url, strlen(url));
        free(url);
        return r;
}

/* ---- changes ---- */

/* What is to be changed, as it is now; others are kept off until it is done (of a file), or show by
 * the version (of the store). */
struct change {
        struct keys_content content;
        int64_t version;
        int lock;
};

static int change_begin(struct keys *keys, struct change *change, struct error *err)
{
        _cleanup_free_ char *text = NULL;
        *change = (struct change){.lock = -1};
        if (keys->store) {
                (void)pthread_mutex_lock(&keys->storing);
                int r = fetch(keys, -1, &text, &change->version, err);
                (void)pthread_mutex_unlock(&keys->storing);
                return r < 0 ? r : parse(text, &change->content, err);
        }
        int r = keys_file_lock(keys->home, &change->lock, err);
        return r < 0 ? r : keys_file_read(keys->path, &change->content, err);
}

/* 1: somebody was faster, so nothing was changed. */
static int change_end(struct keys *keys, struct change *change, struct error *err)
{
        _cleanup_buf_ struct buf text = {0};
        if (!keys->store)
                return keys_file_write(keys->path, change->content.json, err);
        buf_init(&text, DOCUMENT_BYTES_MAX);
        int r = json_put(change->content.json, &text, err);
        if (r < 0)
                return r;
        (void)pthread_mutex_lock(&keys->storing);
        r = store_document_put(keys->store, DOCUMENT, change->version, buf_text(&text), err);
        (void)pthread_mutex_unlock(&keys->storing);
        if (r < 0)
                return error_prefix(err, r, "writing the API keys");
        return r == 1 ? keys_poll(keys, err) : 1;
}

static void change_done(struct change *change)
{
        keys_content_done(&change->content);
        cleanup_close(&change->lock);
}

/* ---- looking for a key ---- */

static bool is_base64url(char c)
{
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_';
}

static bool is_key_text(const char *text)
{
        size_t prefix = strlen(KEY_PREFIX);
        if (strnlen(text, KEY_TEXT_SIZE) != KEY_TEXT_SIZE - 1 ||
            strncmp(text, KEY_PREFIX, prefix) != 0)
                return false;
        for (size_t i = prefix; text[i]; i++)
                if (!is_base64url(text[i]))
                        return false;
        return true;
}

/* In a time that does not depend on where they differ. */
static bool is_same_hash(const unsigned char *a, const unsigned char *b)
{
        volatile unsigned char differs = 0;
        for (size_t i = 0; i < HASH_BYTES; i++)
                differs = (unsigned char)(differs | (a[i] ^ b[i]));
        return differs == 0;
}

/* Looks at all keys, wherever the right one is. */
static const struct stored_key *find_hash(const struct keys_content *content,
                                          const unsigned char *sha256)
{
        const struct stored_key *found = NULL;
        for (size_t i = 0; i < content->n; i++)
                if (is_same_hash(content->items[i].sha256, sha256))
                        found = &content->items[i];
        return found;
}

int keys_find(struct keys *keys, const char *presented, struct key *ret, struct error *err)
{
        unsigned char sha256[HASH_BYTES];
        if (!is_key_text(presented))
                return 0;
        int r = hash_bytes(presented, strlen(presented), sha256, err);
        if (r < 0)
                return r;
        (void)pthread_mutex_lock(&keys->lock);
        r = refresh(keys, err);
        const struct stored_key *found = r == 0 ? find_hash(&keys->content, sha256) : NULL;
        if (found && !found->entry.revoked_at[0]) {
                *ret = found->entry.key;
                r = 1;
        }
        (void)pthread_mutex_unlock(&keys->lock);
        return r;
}

int keys_any(struct keys *keys, struct error *err)
{
        (void)pthread_mutex_lock(&keys->lock);
        int r = refresh(keys, err);
        for (size_t i = 0; r == 0 && i < keys->content.n; i++)
                r = !keys->content.items[i].entry.revoked_at[0];
        (void)pthread_mutex_unlock(&keys->lock);
        return r;
}

int keys_list(struct keys *keys,
              int (*each)(const struct key_entry *entry, void *data, struct error *err), void *data,
              struct error *err)
{
        (void)pthread_mutex_lock(&keys->lock);
        int r = refresh(keys, err);
        for (size_t i = 0; r >= 0 && i < keys->content.n; i++)
                r = each(&keys->content.items[i].entry, data, err);
        (void)pthread_mutex_unlock(&keys->lock);
        return r < 0 ? r : 0;
}

/* Without padding. */
static void put_base64url(const unsigned char *bytes, size_t n, char *out)
{
        static const char letters[] =
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        unsigned bits = 0;
        unsigned n_bits = 0;
        for (size_t i = 0; i < n; i++) {
                bits = (bits << 8 | bytes[i]) & 0xFFFF;
                for (n_bits += 8; n_bits >= 6; n_bits -= 6)
                        *out++ = letters[bits >> (n_bits - 6) & 63];
        }
        if (n_bits > 0)
                *out++ = letters[bits << (6 - n_bits) & 63];
        *out = '\0';
}

static int random_bytes(unsigned char *bytes, size_t n, struct error *err)
{
        ssize_t got;
        do {
                got = getrandom(bytes, n, 0);
        } while (got < 0 && errno == EINTR);
        return got == (ssize_t)n ? 0 : error_errno(err, errno, "reading random bytes");
}

static int make_text(char text[KEY_TEXT_SIZE], struct error *err)
{
        unsigned char bytes[KEY_BYTES];
        int r = random_bytes(bytes, sizeof(bytes), err);
        if (r < 0)
                return r;
        (void)snprintf(text, KEY_TEXT_SIZE, "%s", KEY_PREFIX);
        put_base64url(bytes, sizeof(bytes), text + strlen(KEY_PREFIX));
        explicit_bzero(bytes, sizeof(bytes));
        return 0;
}

static const struct stored_key *find_id(const struct keys_content *content, const char *id)
{
        for (size_t i = 0; i < content->n; i++)
                if (strcmp(content->items[i].entry.key.id, id) == 0)
                        return &content->items[i];
        return NULL;
}

static int make_id(const struct keys_content *content, char id[KEY_ID_SIZE], struct error *err)
{
        unsigned char b[(KEY_ID_SIZE - 1) / 2];
        int r;
        do {
                r = random_bytes(b, sizeof(b), err);
                (void)snprintf(id, KEY_ID_SIZE, "%02x%02x%02x%02x", b[0], b[1], b[2], b[3]);
        } while (r == 0 && find_id(content, id));
        return r;
}

static void now_text(char out[CLOCK_TEXT_SIZE])
{
        clock_format_s(clock_utc_ms() / 1000, out);
}

/* A new key with its hash, at the end of the document. */
static int append_key(struct keys_content *content, const struct key *key, const char *text,
                      struct error *err)
{
        char sha256[HASH_HEX_SIZE];
        char now[CLOCK_TEXT_SIZE];
        if (content->n >= KEYS_MAX)
                return error_set(err, ERROR_USAGE, "there are %d keys already, which is the limit",
                                 KEYS_MAX);
        int r = hash_bytes_hex(text, strlen(text), sha256, err);
        if (r < 0)
                return r;
        now_text(now);
        json_t *one = json_pack("{s:s, s:s, s:s, s:s, s:s, s:n}", "id", key->id, "name", key->name,
                                "scope", key_scope_name(key->scope), "sha256", sha256, "created_at",
                                now, "revoked_at");
        json_t *list = json_object_get(content->json, "keys");
        return json_array_append_new(list, one) < 0 ? error_oom(err) : 0;
}

/* 1 when there is a key of this text, which *ret then is. */
static int find_text(const struct keys_content *content, const char *text, struct key_entry *ret,
                     struct error *err)
{
        unsigned char sha256[HASH_BYTES];
        int r = hash_bytes(text, strlen(text), sha256, err);
        if (r < 0)
                return r;
        const struct stored_key *found = find_hash(content, sha256);
        if (found)
                *ret = found->entry;
        return found != NULL;
}

/* 1: somebody was faster. 2: the key is there already, and *entry is that. */
static int add_once(struct keys *keys, struct key_entry *entry, const char *text, struct error *err)
{
        _cleanup_(change_done) struct change change = {.lock = -1};
        int r = change_begin(keys, &change, err);
        if (r == 0)
                r = find_text(&change.content, text, entry, err);
        if (r == 1)
                return 2;
        if (r == 0)
                r = make_id(&change.content, entry->key.id, err);
        if (r == 0)
                r = append_key(&change.content, &entry->key, text, err);
        return r == 0 ? change_end(keys, &change, err) : r;
}

static int add(struct keys *keys, const char *name, enum key_scope scope, const char *text,
               struct key_entry *ret, struct error *err)
{
        struct key_entry entry = {.key.scope = scope};
        int r = 1;
        if (!keys_name_is_valid(name))
                return error_set(
                        err, ERROR_USAGE,
                        "a key's name has 1 to %d bytes of UTF-8 and no control characters",
                        KEY_NAME_SIZE - 1);
        memcpy(entry.key.name, name, strlen(name) + 1);
        while (r == 1)
                r = add_once(keys, &entry, text, err);
        if (r >= 0)
                *ret = entry;
        return r;
}

int keys_add(struct keys *keys, const char *name, enum key_scope scope, struct key *ret,
             char text[KEY_TEXT_SIZE], struct error *err)
{
        struct key_entry entry;
        char fresh[KEY_TEXT_SIZE] = "";
        int r = make_text(fresh, err);
        if (r == 0)
                r = add(keys, name, scope, fresh, &entry, err);
        if (r == 0) {
                *ret = entry.key;
                memcpy(text, fresh, KEY_TEXT_SIZE);
        }
        explicit_bzero(fresh, sizeof(fresh));
        return r;
}

int keys_add_given(struct keys *keys, const char *name, enum key_scope scope, const char *text,
                   struct key_entry *ret, struct error *err)
{
        if (!is_key_text(text))
                return error_set(err, ERROR_USAGE,
                                 "this is no key: one is \"" KEY_PREFIX "\" and 43 characters of "
                                 "base64url, which stand for 32 random bytes");
        int r = add(keys, name, scope, text, ret, err);
        return r == 2 ? 1 : r;
}

/* Every key with that id, if somebody copied one by hand. 0 when the document is to be written, 1
 * when there is nothing to do. */
static int mark_revoked(struct keys_content *content, const char *id, struct error *err)
{
        char now[CLOCK_TEXT_SIZE];
        int r = 1;
        now_text(now);
        if (!find_id(content, id))
                return error_set(err, ERROR_USAGE,
                                 "there is no key with the id \"%.40s\" (askcsv keys list shows "
                                 "them)",
                                 id);
        for (size_t i = 0; i < content->n; i++) {
                const struct key_entry *entry = &content->items[i].entry;
                json_t *one = json_array_get(json_object_get(content->json, "keys"), i);
                if (strcmp(entry->key.id, id) != 0 || entry->revoked_at[0])
                        continue;
                if (json_object_set_new(one, "revoked_at", json_string(now)) < 0)
                        return error_oom(err);
                r = 0;
        }
        return r;
}

int keys_revoke(struct keys *keys, const char *id, struct error *err)
{
        int r;
        int marked = 0;
        do {
                _cleanup_(change_done) struct change change = {.lock = -1};
                r = change_begin(keys, &change, err);
                if (r == 0)
                        r = marked = mark_revoked(&change.content, id, err);
                if (r == 0)
                        r = change_end(keys, &change, err);
        } while (r == 1 && marked == 0);
        return r;
}
