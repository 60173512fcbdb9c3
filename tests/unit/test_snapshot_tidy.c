#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test_snapshot_fixture.h"

#include "base/clock.h"

#include <sys/file.h>

#define DAY ((int64_t)24 * 60 * 60)
#define PLENTY ((int64_t)1 << 40)

static int64_t now_s(void)
{
        return clock_utc_ms() / 1000;
}

/* A snapshot of that dataset and file, of a version that the digit stands for, used so long ago. */
static void have(const struct fixture *f, struct question *q, const char *id, const char *path,
                 char digit, int64_t seconds_ago)
{
        struct error err = {0};
        assert_int_equal(question_init(q, id, path, digit, &err), 0);
        if (publish(f, q, CONTENT, &err) < 0)
                fail_msg("%s", err.message);
        assert_int_equal(set_used(f, q, now_s() - seconds_ago), 0);
}

static size_t tidied(const struct fixture *f, const char *keep, int64_t max_bytes)
{
        struct error err = {0};
        size_t removed = 99;
        if (snapshot_tidy(f->folder, keep, max_bytes, &removed, &err) < 0)
                fail_msg("%s", err.message);
        return removed;
}

static void test_nothing_to_do(void **state)
{
        const struct fixture *f = *state;
        assert_int_equal(tidied(f, NULL, 0), 0);
        assert_int_equal(access(f->folder, F_OK), -1); /* looking made nothing */
        assert_int_equal(mkdir(f->folder, 0700), 0);
        assert_int_equal(tidied(f, NULL, 0), 0);
}

static void test_two_versions_are_kept(void **state)
{
        const struct fixture *f = *state;
        struct question versions[5];
        struct question others[3];
        for (size_t i = 0; i < ARRAY_SIZE(versions); i++)
                have(f, &versions[i], "shop", "/a.csv", (char)('0' + i), (int64_t)(100 + i));
        /* The same path in another dataset, and another path, are other files. */
        have(f, &others[0], "files", "/a.csv", 'a', 1000);
        have(f, &others[1], "shop", "/b.csv", 'b', 1000);
        have(f, &others[2], "shop", "/c.csv", 'c', 1000);
        assert_int_equal(tidied(f, NULL, PLENTY), 3);
        for (size_t i = 0; i < ARRAY_SIZE(versions); i++)
                assert_int_equal(key_exists(f, &versions[i]), i < 2);
        for (size_t i = 0; i < ARRAY_SIZE(others); i++)
                assert_true(key_exists(f, &others[i]));
        assert_int_equal(tidied(f, NULL, PLENTY), 0);
}

/* The one that is kept counts as used last, so only one other stays. */
static void test_the_kept_one_counts(void **state)
{
        const struct fixture *f = *state;
        struct question versions[3];
        for (size_t i = 0; i < ARRAY_SIZE(versions); i++)
                have(f, &versions[i], "shop", "/a.csv", (char)('0' + i), (int64_t)(100 + i));
        assert_int_equal(tidied(f, versions[2].key, PLENTY), 1);
        assert_true(key_exists(f, &versions[0]));
        assert_false(key_exists(f, &versions[1]));
        assert_true(key_exists(f, &versions[2]));
}

static void test_thirty_days(void **state)
{
        const struct fixture *f = *state;
        struct question old;
        struct question kept;
        struct question young;
        struct question future;
        have(f, &old, "shop", "/a.csv", 'a', 30 * DAY + 60);
        have(f, &kept, "shop", "/b.csv", 'b', 400 * DAY);
        have(f, &young, "shop", "/c.csv", 'c', 30 * DAY - 60);
        have(f, &future, "shop", "/d.csv", 'd', -DAY); /* the clock was put back */
        assert_int_equal(tidied(f, kept.key, PLENTY), 1);
        assert_false(key_exists(f, &old));
        assert_true(key_exists(f, &kept));
        assert_true(key_exists(f, &young));
        assert_true(key_exists(f, &future));
}

/* Opening it is using it. */
static void test_what_is_used_is_not_old(void **state)
{
        const struct fixture *f = *state;
        struct question q;
        have(f, &q, "shop", "/a.csv", 'a', 60 * DAY);
        assert_int_equal(is_there(f, &q), 1);
        assert_int_equal(tidied(f, NULL, PLENTY), 0);
        assert_true(key_exists(f, &q));
}

static void test_bytes(void **state)
{
        const struct fixture *f = *state;
        const int64_t each = (int64_t)strlen(CONTENT VALUES);
        struct question q[4];
        const char *const paths[] = {"/a.csv", "/b.csv", "/c.csv", "/d.csv"};
        for (size_t i = 0; i < ARRAY_SIZE(q); i++)
                have(f, &q[i], "shop", paths[i], (char)('a' + i), (int64_t)(100 * (i + 1)));
        assert_int_equal(tidied(f, NULL, 4 * each), 0);
        assert_int_equal(tidied(f, NULL, 4 * each - 1), 1);
        assert_false(key_exists(f, &q[3]));
        assert_int_equal(tidied(f, q[2].key, each), 2); /* not the one used longest ago */
        assert_true(key_exists(f, &q[2]));
        assert_int_equal(count_entries(f->folder), 1);
        assert_int_equal(tidied(f, q[2].key, 0), 0);
        assert_int_equal(tidied(f, NULL, 0), 1);
        assert_int_equal(count_entries(f->folder), 0);
}

static void test_drafts_and_what_does_not_fit(void **state)
{
        const struct fixture *f = *state;
        struct error err = {0};
        struct snapshot_draft draft;
        struct question good;
        struct question torn;
        char path[PATH_MAX];
        have(f, &good, "shop", "/a.csv", 'a', 10);
        have(f, &torn, "shop", "/a.csv", 'b', 5);
        assert_int_equal(truncate(path_in(f, &torn, SNAPSHOT_MANIFEST, path), 40), 0);
        assert_int_equal(snapshot_draft_begin(f->folder, &draft, &err), 0);
        static const char *const left[] = {".new-0193e4a0-0000-7000-8000-000000000001",
                                           ".old-0193e4a0-0000-7000-8000-000000000002"};
        for (size_t i = 0; i < ARRAY_SIZE(left); i++) {
                (void)snprintf(path, sizeof(path), "%s/%s", f->folder, left[i]);
                assert_int_equal(mkdir(path, 0700), 0);
                assert_int_equal(write_text(path, SNAPSHOT_FILE, "half of"), 0);
        }
        assert_int_equal(tidied(f, NULL, PLENTY), 2); /* the torn one and the dead draft */
        assert_true(key_exists(f, &good));
        assert_false(key_exists(f, &torn));
        assert_int_equal(access(draft.path, F_OK), 0);
        assert_int_equal(count_entries(f->folder), 2);
        snapshot_draft_abandon(&draft);
}

static void test_foreign_names_stay(void **state)
{
        const struct fixture *f = *state;
        static const char *const names[] = {
                "README",
                ".new-",
                ".new-mine",
                ".old-things",
                "lost+found",
                "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
        assert_int_equal(mkdir(f->folder, 0700), 0);
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                assert_int_equal(write_text(f->folder, names[i], "mine"), 0);
        assert_int_equal(tidied(f, NULL, 0), 0);
        assert_int_equal(count_entries(f->folder), ARRAY_SIZE(names));
}

/* What a link leads to is not ours, whatever its name says. */
static void test_links_are_removed_alone(void **state)
{
        const struct fixture *f = *state;
        char outside[PATH_MAX];
        char link[PATH_MAX];
        struct question q;
        struct error err = {0};
        (void)snprintf(outside, sizeof(outside), "%s/outside", f->dir);
        assert_int_equal(mkdir(outside, 0700), 0);
        assert_int_equal(write_text(outside, "precious", "x"), 0);
        assert_int_equal(mkdir(f->folder, 0700), 0);
        assert_int_equal(question_init(&q, "shop", "/a.csv", 'a', &err), 0);
        assert_int_equal(symlink(outside, path_in(f, &q, NULL, link)), 0);
        (void)snprintf(link, sizeof(link), "%s/.new-0193e4a0-0000-7000-8000-000000000001",
                       f->folder);
        assert_int_equal(symlink(outside, link), 0);
        (void)snprintf(link, sizeof(link), "%s/.old-0193e4a0-0000-7000-8000-000000000001",
                       f->folder);
        assert_int_equal(symlink(outside, link), 0);
        (void)tidied(f, NULL, PLENTY);
        assert_int_equal(count_entries(f->folder), 0);
        assert_int_equal(count_entries(outside), 1);
}

static void test_listing(void **state)
{
        const struct fixture *f = *state;
        struct snapshot_list list;
        struct error err = {0};
        struct question q[3];
        char path[PATH_MAX];
        assert_int_equal(snapshot_list_read(f->folder, &list, &err), 0);
        assert_int_equal(list.n, 0);
        have(f, &q[0], "shop", "/a.csv", 'a', 300);
        have(f, &q[1], "files", "/b.csv", 'b', 100);
        have(f, &q[2], "files", "/c.csv", 'c', 200);
        assert_int_equal(truncate(path_in(f, &q[2], SNAPSHOT_MANIFEST, path), 40), 0);
        assert_int_equal(snapshot_list_read(f->folder, &list, &err), 0);
        assert_int_equal(list.n, 3);
        assert_int_equal(list.bytes, 3 * strlen(CONTENT VALUES));
        assert_string_equal(list.items[0].key, q[1].key);
        assert_string_equal(json_get_string(list.items[0].manifest, "dataset_id"), "files");
        assert_int_equal(list.items[0].rows, 12);
        assert_int_equal(list.items[0].used_ms / 1000, now_s() - 100);
        assert_string_equal(list.items[1].key, q[0].key);
        assert_null(list.items[2].manifest);
        assert_true(key_exists(f, &q[2]));
        snapshot_list_done(&list);
        snapshot_list_done(&list);
}

static void test_the_setting(void **state)
{
        (void)state;
        static const struct {
                const char *text;
                int64_t mb;
        } cases[] = {{"0", 0}, {"1", 1}, {"20480", 20480}, {"1000000000", 1000000000}};
        static const char *const bad[] = {"-1",  "1 ",         " 1",  "x",
                                          "1.5", "1000000001", "1e3", "99999999999999999999"};
        struct error err = {0};
        int64_t bytes = 0;
        assert_int_equal(snapshot_max_bytes(NULL, &bytes, &err), 0);
        assert_int_equal(bytes, SNAPSHOT_BYTES_KEPT);
        assert_int_equal(snapshot_max_bytes("", &bytes, &err), 0);
        assert_int_equal(bytes, SNAPSHOT_BYTES_KEPT);
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                assert_int_equal(snapshot_max_bytes(cases[i].text, &bytes, &err), 0);
                assert_int_equal(bytes, cases[i].mb * 1024 * 1024);
        }
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                assert_int_equal(snapshot_max_bytes(bad[i], &bytes, &err), -(int)ERROR_USAGE);
                assert_non_null(strstr(err.message, "ASKCSV_SNAPSHOT_MB"));
        }
}

/* Makers, users and tidiers at once: nobody fails, and nothing half removed is left. */
static void test_tidiers_at_once(void **state)
{
        const struct fixture *f = *state;
        pid_t children[5];
        int failed = 0;
        for (size_t i = 0; i < ARRAY_SIZE(children); i++) {
                children[i] = fork_child();
                if (children[i] != 0)
                        continue;
                for (int n = 0; n < 60; n++) {
                        struct error err = {0};
                        struct question q;
                        int r = question_init(&q, "shop", "/a.csv", (char)('0' + n % 4), &err);
                        if (r == 0)
                                r = publish(f, &q, CONTENT, &err);
                        if (r == 0)
                                r = snapshot_tidy(f->folder, q.key, n % 3 ? PLENTY : 0, NULL, &err);
                        if (r == 0)
                                r = is_there(f, &q);
                        if (r < 0) {
                                (void)fprintf(stderr, "%s\n", err.message);
                                _exit(1);
                        }
                }
                _exit(0);
        }
        for (size_t i = 0; i < ARRAY_SIZE(children); i++)
                failed += exit_status(children[i]) != 0;
        assert_int_equal(failed, 0);
        (void)tidied(f, NULL, 0);
        assert_int_equal(count_entries(f->folder), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_nothing_to_do),
                TEST(test_two_versions_are_kept),
                TEST(test_the_kept_one_counts),
                TEST(test_thirty_days),
                TEST(test_what_is_used_is_not_old),
                TEST(test_bytes),
                TEST(test_drafts_and_what_does_not_fit),
                TEST(test_foreign_names_stay),
                TEST(test_links_are_removed_alone),
                TEST(test_listing),
                TEST(test_the_setting),
                TEST(test_tidiers_at_once),
        };
        return cmocka_run_group_tests_name("snapshot_tidy", tests, NULL, NULL);
}
