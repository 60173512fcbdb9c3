#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "server/keys.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define THREADS 4
#define KEYS_EACH 10

static char home[64];
static char path[128];

static int set_up(void **state)
{
        (void)state;
        (void)snprintf(home, sizeof(home), "/tmp/askcsv-keys-XXXXXX");
        if (!mkdtemp(home))
                return -1;
        (void)snprintf(path, sizeof(path), "%s/%s", home, KEYS_FILE_NAME);
        return 0;
}

static int tear_down(void **state)
{
        char lock[128];
        (void)state;
        (void)snprintf(lock, sizeof(lock), "%s/keys.lock", home);
        (void)unlink(path);
        (void)unlink(lock);
        return rmdir(home);
}

static void release(struct keys **keys)
{
        keys_free(*keys);
}

#define _cleanup_keys_ _cleanup_(release)

static struct keys *open_keys(void)
{
        struct keys *keys = NULL;
        struct error err = {0};
        if (keys_open(home, &keys, &err) < 0)
                fail_msg("%s", err.message);
        return keys;
}

static struct key add(struct keys *keys, const char *name, enum key_scope scope,
                      char text[KEY_TEXT_SIZE])
{
        struct key key = {0};
        struct error err = {0};
        if (keys_add(keys, name, scope, &key, text, &err) < 0)
                fail_msg("%s", err.message);
        return key;
}

static int find(struct keys *keys, const char *text)
{
        struct key key;
        struct error err = {0};
        return keys_find(keys, text, &key, &err);
}

static void read_text(struct buf *out)
{
        struct error err = {0};
        buf_init(out, 1 << 20);
        assert_int_equal(fd_read_file(path, out, &err), 0);
}

static void write_text(const char *text, mode_t mode)
{
        struct error err = {0};
        assert_int_equal(fd_write_file(path, text, strlen(text), mode, &err), 0);
}

static void test_none(void **state)
{
        (void)state;
        struct error err = {0};
        _cleanup_keys_ struct keys *keys = open_keys();
        assert_int_equal(keys_any(keys, &err), 0);
        assert_int_equal(find(keys, "ak_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), 0);
        assert_int_equal(access(path, F_OK), -1); /* looking makes nothing */
}

static void test_add_and_find(void **state)
{
        (void)state;
        struct error err = {0};
        struct key key = {0};
        char text[KEY_TEXT_SIZE];
        char other[KEY_TEXT_SIZE];
        struct stat st;
        _cleanup_buf_ struct buf content = {0};
        _cleanup_keys_ struct keys *keys = open_keys();
        struct key added = add(keys, "Zo\xC3\xAB", KEY_RUN, text);
        (void)add(keys, "bob", KEY_ADMIN, other);
        assert_int_equal(keys_any(keys, &err), 1);
        assert_int_equal(strlen(text), 46);
        assert_int_equal(strspn(text + 3, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                          "0123456789-_"),
                         43);
        assert_string_not_equal(text, other);
        assert_int_equal(keys_find(keys, text, &key, &err), 1);
        assert_string_equal(key.id, added.id);
        assert_string_equal(key.name, "Zo\xC3\xAB");
        assert_int_equal(key.scope, KEY_RUN);
        assert_int_equal(keys_find(keys, other, &key, &err), 1);
        assert_string_equal(key.name, "bob");
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        read_text(&content);
        assert_null(strstr(buf_text(&content), text + 3));
}

static void test_not_a_key(void **state)
{
        (void)state;
        char text[KEY_TEXT_SIZE];
        char wrong[2 * KEY_TEXT_SIZE];
        _cleanup_keys_ struct keys *keys = open_keys();
        (void)add(keys, "ann", KEY_READ, text);
        for (size_t i = 0; i < strlen(text); i++) {
                memcpy(wrong, text, KEY_TEXT_SIZE);
                wrong[i] = wrong[i] == 'A' ? 'B' : 'A';
                assert_int_equal(find(keys, wrong), 0);
                wrong[i] = '\0';
                assert_int_equal(find(keys, wrong), 0);
        }
        (void)snprintf(wrong, sizeof(wrong), "%sA", text);
        assert_int_equal(find(keys, wrong), 0);
        (void)snprintf(wrong, sizeof(wrong), " %s", text);
        assert_int_equal(find(keys, wrong), 0);
        assert_int_equal(find(keys, "ak_!AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), 0);
        assert_int_equal(find(keys, text), 1);
}

static void test_names(void **state)
{
        (void)state;
        static const char *const bad[] = {
                "",         "a\nb",
                "\x1B[31m", "\xFF",
                "\xC2\x85", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
        char text[KEY_TEXT_SIZE] = "unchanged";
        struct key key;
        _cleanup_keys_ struct keys *keys = open_keys();
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                struct error err = {0};
                assert_true(keys_add(keys, bad[i], KEY_READ, &key, text, &err) < 0);
                assert_int_equal(err.type, ERROR_USAGE);
        }
        assert_string_equal(text, "unchanged");
        assert_int_equal(access(path, F_OK), -1);
}

static void test_scopes(void **state)
{
        (void)state;
        enum key_scope scope = KEY_READ;
        assert_true(key_scope_parse("admin", &scope));
        assert_int_equal(scope, KEY_ADMIN);
        assert_false(key_scope_parse("root", &scope));
        assert_false(key_scope_parse("", &scope));
        assert_true(KEY_READ < KEY_RUN && KEY_RUN < KEY_ADMIN);
        assert_string_equal(key_scope_name(KEY_RUN), "run");
}

static void test_revoke(void **state)
{
        (void)state;
        struct error err = {0};
        char text[KEY_TEXT_SIZE];
        char other[KEY_TEXT_SIZE];
        _cleanup_keys_ struct keys *keys = open_keys();
        /* Another process, which read the file before. */
        _cleanup_keys_ struct keys *writer = open_keys();
        struct key key = add(writer, "ann", KEY_READ, text);
        (void)add(writer, "bob", KEY_READ, other);
        assert_int_equal(find(keys, text), 1);
        assert_int_equal(keys_revoke(writer, key.id, &err), 0);
        assert_int_equal(find(keys, text), 0);
        assert_int_equal(find(keys, other), 1);
        assert_int_equal(keys_revoke(keys, key.id, &err), 1);
        assert_true(keys_revoke(keys, "00000000x", &err) < 0);
        assert_int_equal(err.type, ERROR_USAGE);
        assert_int_equal(keys_any(keys, &err), 1);
}

static void test_all_revoked(void **state)
{
        (void)state;
        struct error err = {0};
        char text[KEY_TEXT_SIZE];
        _cleanup_keys_ struct keys *keys = open_keys();
        struct key key = add(keys, "ann", KEY_READ, text);
        assert_int_equal(keys_revoke(keys, key.id, &err), 0);
        assert_int_equal(keys_any(keys, &err), 0);
}

struct seen {
        struct key_entry entries[4];
        size_t n;
};

static int see(const struct key_entry *entry, void *data, struct error *err)
{
        struct seen *seen = data;
        if (seen->n == ARRAY_SIZE(seen->entries))
                return error_set(err, ERROR_INTERNAL, "full");
        seen->entries[seen->n++] = *entry;
        return 0;
}

static void test_list(void **state)
{
        (void)state;
        struct error err = {0};
        struct seen seen = {0};
        char text[KEY_TEXT_SIZE];
        _cleanup_keys_ struct keys *keys = open_keys();
        struct key first = add(keys, "ann", KEY_READ, text);
        (void)add(keys, "bob", KEY_ADMIN, text);
        assert_int_equal(keys_revoke(keys, first.id, &err), 0);
        assert_int_equal(keys_list(keys, see, &seen, &err), 0);
        assert_int_equal(seen.n, 2);
        assert_string_equal(seen.entries[0].key.name, "ann");
        assert_int_equal(strlen(seen.entries[0].revoked_at), 20);
        assert_int_equal(strlen(seen.entries[1].created_at), 20);
        assert_string_equal(seen.entries[1].revoked_at, "");
        for (size_t i = 0; i < 3; i++)
                (void)add(keys, "more", KEY_READ, text);
        seen.n = 0;
        assert_true(keys_list(keys, see, &seen, &err) < 0);
        assert_string_equal(err.message, "full");
}

#define HASH "\"sha256\":\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\""
#define ONE(id, name, scope, rest)                                                                 \
        "{\"version\":1,\"keys\":[{\"id\":\"" id "\",\"name\":\"" name "\",\"scope\":\"" scope     \
        "\"," rest "}]}"
#define TIMES "\"created_at\":\"2026-01-31T00:00:00Z\",\"revoked_at\":null"

static void test_damaged(void **state)
{
        (void)state;
        static const char *const texts[] = {
                "",
                "{",
                "[]",
                "{}",
                "{\"version\":1}",
                "{\"version\":2,\"keys\":[]}",
                "{\"version\":1,\"keys\":[1]}",
                ONE("0123456", "a", "run", HASH "," TIMES),
                ONE("0123456G", "a", "run", HASH "," TIMES),
                ONE("01234567", "", "run", HASH "," TIMES),
                ONE("01234567", "a", "root", HASH "," TIMES),
                ONE("01234567", "a", "run", TIMES),
                ONE("01234567", "a", "run", "\"sha256\":\"00\"," TIMES),
                ONE("01234567", "a", "run", HASH ",\"created_at\":\"2026-01-31T00:00:00Z\""),
                ONE("01234567", "a", "run", HASH ",\"created_at\":\"soon\",\"revoked_at\":null"),
                ONE("01234567", "a", "run",
                    HASH ",\"created_at\":\"2026-01-31T00:00:00Z\",\"revoked_at\":false"),
        };
        char text[KEY_TEXT_SIZE];
        char good[KEY_TEXT_SIZE];
        struct key key;
        _cleanup_keys_ struct keys *keys = open_keys();
        (void)add(keys, "ann", KEY_READ, good);
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                struct error err = {0};
                struct keys *fresh = NULL;
                _cleanup_buf_ struct buf after = {0};
                write_text(texts[i], 0600);
                assert_true(keys_open(home, &fresh, &err) < 0);
                assert_int_equal(err.type, ERROR_IO);
                assert_non_null(strstr(err.message, path));
                assert_true(find(keys, good) < 0); /* nobody is let in */
                assert_true(keys_any(keys, &err) < 0);
                assert_true(keys_add(keys, "bob", KEY_READ, &key, text, &err) < 0);
                assert_true(keys_revoke(keys, "01234567", &err) < 0);
                read_text(&after);
                assert_string_equal(buf_text(&after), texts[i]);
        }
        write_text(ONE("01234567", "a", "run", HASH ",\"note\":\"x\"," TIMES), 0600);
        (void)add(keys, "bob", KEY_READ, good);
        assert_int_equal(find(keys, good), 1);
        _cleanup_buf_ struct buf after = {0};
        read_text(&after);
        assert_non_null(strstr(buf_text(&after), "\"note\":\"x\"")); /* kept */
}

static void test_writable_by_others(void **state)
{
        (void)state;
        struct error err = {0};
        struct keys *keys = NULL;
        write_text("{\"version\":1,\"keys\":[]}", 0660);
        assert_true(keys_open(home, &keys, &err) < 0);
        assert_non_null(strstr(err.message, "chmod 600"));
}

static void test_removed(void **state)
{
        (void)state;
        char text[KEY_TEXT_SIZE];
        _cleanup_keys_ struct keys *keys = open_keys();
        (void)add(keys, "ann", KEY_READ, text);
        assert_int_equal(find(keys, text), 1);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(find(keys, text), 0);
}

struct worker {
        pthread_t thread;
        struct keys *keys;
        char texts[KEYS_EACH][KEY_TEXT_SIZE];
        int failed;
};

/* Adds, finds, revokes; half of the workers share one struct keys, the others have their own. */
static void *work(void *data)
{
        struct worker *worker = data;
        for (size_t i = 0; i < KEYS_EACH; i++) {
                struct error err = {0};
                struct key key;
                struct key found;
                if (keys_add(worker->keys, "thread", KEY_RUN, &key, worker->texts[i], &err) < 0 ||
                    keys_find(worker->keys, worker->texts[i], &found, &err) != 1 ||
                    strcmp(found.id, key.id) != 0)
                        worker->failed++;
                if (i % 2 == 1 && keys_revoke(worker->keys, key.id, &err) != 0)
                        worker->failed++;
        }
        return NULL;
}

static void test_threads(void **state)
{
        (void)state;
        static struct worker workers[THREADS];
        _cleanup_keys_ struct keys *shared = open_keys();
        _cleanup_keys_ struct keys *own = open_keys();
        for (size_t i = 0; i < THREADS; i++) {
                workers[i] = (struct worker){.keys = i % 2 ? shared : own};
                assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
        }
        for (size_t i = 0; i < THREADS; i++) {
                (void)pthread_join(workers[i].thread, NULL);
                assert_int_equal(workers[i].failed, 0);
        }
        for (size_t i = 0; i < THREADS; i++)
                for (size_t k = 0; k < KEYS_EACH; k++)
                        assert_int_equal(find(shared, workers[i].texts[k]), k % 2 == 0);
}

static void test_no_memory(void **state)
{
        (void)state;
        char text[KEY_TEXT_SIZE];
        struct key key;
        write_text(ONE("01234567", "a", "run", HASH "," TIMES), 0600);
        for (unsigned long n = 1;; n++) {
                struct keys *keys = NULL;
                struct error err = {0};
                alloc_fail_after(n);
                int r = keys_open(home, &keys, &err);
                if (r == 0)
                        r = keys_add(keys, "b", KEY_READ, &key, text, &err);
                alloc_fail_after(0);
                keys_free(keys);
                if (r == 0)
                        break;
                assert_int_equal(err.type, ERROR_INTERNAL);
                assert_true(n < 1000);
        }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_none),
                TEST(test_add_and_find),
                TEST(test_not_a_key),
                TEST(test_names),
                TEST(test_scopes),
                TEST(test_revoke),
                TEST(test_all_revoked),
                TEST(test_list),
                TEST(test_damaged),
                TEST(test_removed),
                TEST(test_writable_by_others),
                TEST(test_threads),
                TEST(test_no_memory),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
