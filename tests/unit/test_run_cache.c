/* Which run has the answer: the keys, and the room. */
#include "run/cache.h"

#include "base/cleanup.h"
#include "base/json.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define THREADS 4
#define ROUNDS 20000

static void cache_freep(struct run_cache **cache)
{
        run_cache_free(*cache);
}

static struct capsule *capsule_of(const char *mode)
{
        struct error err = {0};
        struct capsule *capsule = NULL;
        char version[HASH_HEX_SIZE];
        memset(version, 'a', sizeof(version) - 1);
        version[sizeof(version) - 1] = '\0';
        assert_int_equal(capsule_new(&capsule, &err), 0);
        assert_int_equal(capsule_set(capsule, "query_mode", json_string(mode), &err), 0);
        assert_int_equal(capsule_set(capsule, "dataset_version", json_string(version), &err), 0);
        assert_int_equal(capsule_set(capsule, "sql", json_string("SELECT 1"), &err), 0);
        assert_int_equal(capsule_set(capsule, "as_of", json_string("2026-01-31T00:00:00Z"), &err),
                         0);
        assert_int_equal(capsule_set(capsule, "limits", json_pack("{s:i}", "max_rows", 5), &err),
                         0);
        return capsule;
}

/* Whether the key is another one once the member has that value. */
static bool matters(const char *mode, const char *member, json_t *value)
{
        struct error err = {0};
        struct run_cache_key before;
        struct run_cache_key after;
        _cleanup_capsule_ struct capsule *capsule = capsule_of(mode);
        assert_true(run_cache_key_of(capsule, &before));
        assert_int_equal(capsule_set(capsule, member, value, &err), 0);
        assert_true(run_cache_key_of(capsule, &after));
        return memcmp(&before, &after, sizeof(before)) != 0;
}

static void test_keys(void **state)
{
        (void)state;
        struct run_cache_key mine;
        struct run_cache_key other;
        char version[HASH_HEX_SIZE];
        memset(version, 'b', sizeof(version) - 1);
        version[sizeof(version) - 1] = '\0';
        assert_true(matters("sql", "sql", json_string("SELECT 2")));
        assert_true(matters("sql", "dataset_version", json_string(version)));
        assert_true(matters("sql", "limits", json_pack("{s:i}", "max_rows", 6)));
        assert_true(matters("sql", "as_of", json_string("2026-01-31T00:00:01Z")));
        assert_false(matters("plan", "as_of", json_string("2026-01-31T00:00:01Z")));
        assert_false(matters("sql", "question", json_string("how many?")));
        _cleanup_capsule_ struct capsule *capsule = capsule_of("sql");
        assert_true(run_cache_key_of(capsule, &mine));
        (void)snprintf(capsule->asker, sizeof(capsule->asker), "ann");
        assert_true(run_cache_key_of(capsule, &other));
        assert_memory_not_equal(&mine, &other, sizeof(mine));
}

/* Without the data's version there is no saying whether it is the same. */
static void test_no_key(void **state)
{
        (void)state;
        struct error err = {0};
        struct run_cache_key key;
        static const char *const members[] = {"dataset_version", "sql", "as_of"};
        for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
                _cleanup_capsule_ struct capsule *capsule = capsule_of("sql");
                assert_int_equal(capsule_set(capsule, members[i], json_null(), &err), 0);
                assert_false(run_cache_key_of(capsule, &key));
        }
}

/* Keys of one set: the numbers are beyond those that choose it. */
static struct run_cache_key key_of(uint64_t set, unsigned char number)
{
        struct run_cache_key key = {{0}};
        memcpy(key.bytes, &set, sizeof(set));
        key.bytes[HASH_BYTES - 1] = number;
        return key;
}

static void test_room(void **state)
{
        (void)state;
        struct error err = {0};
        _cleanup_(cache_freep) struct run_cache *cache = NULL;
        char found[UUID_TEXT_SIZE] = "";
        char name[2] = "a";
        assert_int_equal(run_cache_new(&cache, &err), 0);
        struct run_cache_key first = key_of(3, 0);
        assert_false(run_cache_find(cache, &first, found));
        for (unsigned char i = 0; i < 4; i++) {
                struct run_cache_key key = key_of(3, i);
                name[0] = (char)('a' + i);
                run_cache_keep(cache, &key, name);
        }
        assert_true(run_cache_find(cache, &first, found)); /* so the second is the oldest */
        assert_string_equal(found, "a");
        struct run_cache_key fifth = key_of(3, 4);
        struct run_cache_key second = key_of(3, 1);
        run_cache_keep(cache, &fifth, "e");
        assert_true(run_cache_find(cache, &fifth, found));
        assert_string_equal(found, "e");
        assert_true(run_cache_find(cache, &first, found));
        assert_false(run_cache_find(cache, &second, found));
        run_cache_keep(cache, &first, "newer");
        assert_true(run_cache_find(cache, &first, found));
        assert_string_equal(found, "newer");
}

static void *keep_and_find(void *data)
{
        struct run_cache *cache = data;
        char found[UUID_TEXT_SIZE];
        for (uint64_t i = 0; i < ROUNDS; i++) {
                struct run_cache_key key = key_of(i % 17, (unsigned char)(i % 7));
                char name[UUID_TEXT_SIZE];
                (void)snprintf(name, sizeof(name), "%d", (int)(i % 7));
                run_cache_keep(cache, &key, name);
                if (run_cache_find(cache, &key, found) && strcmp(found, name) != 0)
                        return cache;
        }
        return NULL;
}

static void test_threads(void **state)
{
        (void)state;
        struct error err = {0};
        _cleanup_(cache_freep) struct run_cache *cache = NULL;
        pthread_t threads[THREADS];
        assert_int_equal(run_cache_new(&cache, &err), 0);
        for (size_t i = 0; i < THREADS; i++)
                assert_int_equal(pthread_create(&threads[i], NULL, keep_and_find, cache), 0);
        for (size_t i = 0; i < THREADS; i++) {
                void *wrong = NULL;
                assert_int_equal(pthread_join(threads[i], &wrong), 0);
                assert_null(wrong);
        }
}

/* ---- values of columns ---- */

static bool has_values(struct run_cache *cache, const char *version, int64_t memory_mb, int wanted)
{
        struct limits limits = LIMITS_DEFAULT;
        limits.memory_mb = memory_mb;
        _cleanup_json_ json_t *found = run_cache_find_values(cache, version, &limits);
        return found && json_get_int(found, "n", -1) == wanted;
}

static void keep_values(struct run_cache *cache, const char *version, int64_t memory_mb, int n)
{
        struct limits limits = LIMITS_DEFAULT;
        limits.memory_mb = memory_mb;
        _cleanup_json_ json_t *values = json_pack("{s:i}", "n", n);
        run_cache_keep_values(cache, version, &limits, values);
}

static void test_values(void **state)
{
        (void)state;
        struct error err = {0};
        _cleanup_(cache_freep) struct run_cache *cache = NULL;
        assert_int_equal(run_cache_new(&cache, &err), 0);
        assert_false(has_values(cache, "a", 64, 1));
        keep_values(cache, "a", 64, 1);
        assert_true(has_values(cache, "a", 64, 1));
        assert_false(has_values(cache, "b", 64, 1));
        assert_false(has_values(cache, "a", 65, 1)); /* more may be counted with more memory */
        keep_values(cache, "a", 64, 2);
        assert_true(has_values(cache, "a", 64, 2));
}

static void test_room_for_values(void **state)
{
        (void)state;
        struct error err = {0};
        struct limits limits = LIMITS_DEFAULT;
        char version[16];
        _cleanup_(cache_freep) struct run_cache *cache = NULL;
        _cleanup_free_ char *long_text = malloc(RUN_CACHE_VALUES_MAX);
        assert_int_equal(run_cache_new(&cache, &err), 0);
        for (int i = 0; i < RUN_CACHE_VALUES + 1; i++) {
                (void)snprintf(version, sizeof(version), "v%d", i);
                keep_values(cache, version, 64, i);
                assert_true(has_values(cache, "v0", 64, 0)); /* used, so it stays */
        }
        assert_false(has_values(cache, "v1", 64, 1));
        assert_true(has_values(cache, "v16", 64, 16));
        memset(long_text, 'x', RUN_CACHE_VALUES_MAX);
        _cleanup_json_ json_t *large =
                json_pack("{s:s%}", "n", long_text, (size_t)RUN_CACHE_VALUES_MAX);
        run_cache_keep_values(cache, "large", &limits, large);
        assert_null(run_cache_find_values(cache, "large", &limits));
        assert_true(has_values(cache, "v16", 64, 16));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_keys),   cmocka_unit_test(test_no_key),
                cmocka_unit_test(test_room),   cmocka_unit_test(test_threads),
                cmocka_unit_test(test_values), cmocka_unit_test(test_room_for_values),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
