#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "runner/file_memo.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>

#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define SHB "b123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HOUR_S 3600

struct fixture {
        char dir[64];
        char path[96];  /* of the memo */
        char next[112]; /* what it is written to first */
};

static int setup(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));
        if (!f)
                return -1;
        (void)snprintf(f->dir, sizeof(f->dir), "/tmp/askcsv-memo-XXXXXX");
        if (!mkdtemp(f->dir))
                return -1;
        (void)snprintf(f->path, sizeof(f->path), "%s/hashes.json", f->dir);
        (void)snprintf(f->next, sizeof(f->next), "%s.new", f->path);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;
        (void)unlink(f->path);
        (void)unlink(f->next);
        (void)rmdir(f->path);
        int r = rmdir(f->dir);
        free(f);
        return r;
}

static struct file_memo *opened(const char *path)
{
        struct file_memo *memo = NULL;
        assert_int_equal(file_memo_open(path, &memo, NULL), 0);
        return memo;
}

/* A file that has not changed for an hour. */
static struct stat old_file(ino_t inode)
{
        time_t then = (time_t)(clock_utc_ms() / 1000) - HOUR_S;
        return (struct stat){.st_dev = 7,
                             .st_ino = inode,
                             .st_size = 123,
                             .st_mtim = {.tv_sec = then, .tv_nsec = 5},
                             .st_ctim = {.tv_sec = then, .tv_nsec = 6}};
}

static void note(struct file_memo *memo, const char *path, const struct stat *st)
{
        file_memo_note(memo, path, st, clock_utc_ms(), SHA);
}

/* The memo counts in ms: what was noted before is older than what is noted after. */
static void next_ms(void)
{
        int64_t now = clock_utc_ms();
        while (clock_utc_ms() == now)
                ;
}

static void test_found_while_it_is_the_same(void **state)
{
        (void)state;
        struct file_memo *memo = opened(NULL);
        struct stat st = old_file(1);
        assert_null(file_memo_find(memo, "/a.csv", &st));
        note(memo, "/a.csv", &st);
        assert_string_equal(file_memo_find(memo, "/a.csv", &st), SHA);
        assert_null(file_memo_find(memo, "/b.csv", &st));

        struct stat other[7];
        for (size_t i = 0; i < ARRAY_SIZE(other); i++)
                other[i] = st;
        other[0].st_dev++;
        other[1].st_ino++;
        other[2].st_size++;
        other[3].st_mtim.tv_sec++;
        other[4].st_mtim.tv_nsec++;
        other[5].st_ctim.tv_sec++; /* same size and mtime, but it was written, or its mtime set */
        other[6].st_ctim.tv_nsec++;
        for (size_t i = 0; i < ARRAY_SIZE(other); i++)
                assert_null(file_memo_find(memo, "/a.csv", &other[i]));

        file_memo_note(memo, "/a.csv", &other[5], clock_utc_ms(), SHB);
        assert_null(file_memo_find(memo, "/a.csv", &st));
        assert_string_equal(file_memo_find(memo, "/a.csv", &other[5]), SHB);
        assert_int_equal(file_memo_count(memo), 1);
        assert_int_equal(file_memo_save(memo, NULL), 0); /* it is in memory only */
        file_memo_free(memo);
        file_memo_free(NULL);
}

/* Each time, by itself, that is too near to the hashing. */
static void test_what_changed_just_now_is_not_kept(void **state)
{
        (void)state;
        static const struct {
                int64_t ms; /* before the hashing began */
                bool kept;
        } cases[] = {
                {FILE_MEMO_RACY_MS + 1, true},
                {FILE_MEMO_RACY_MS, true},
                {FILE_MEMO_RACY_MS - 1, false},
                {1, false},
                {0, false},
                {-10000, false},
        };
        for (int64_t at = 1700000000000; at < 1700000001000; at += 333) {
                for (size_t i = 0; i < 2 * ARRAY_SIZE(cases); i++) {
                        struct file_memo *memo = opened(NULL);
                        struct stat st = old_file(1);
                        int64_t ms = at - cases[i / 2].ms;
                        struct timespec time = {.tv_sec = ms / 1000,
                                                .tv_nsec = ms % 1000 * 1000000};
                        st.st_mtim = st.st_ctim = (struct timespec){.tv_sec = 1600000000};
                        *(i % 2 ? &st.st_mtim : &st.st_ctim) = time;
                        file_memo_note(memo, "/a.csv", &st, at, SHA);
                        assert_int_equal(file_memo_find(memo, "/a.csv", &st) != NULL,
                                         cases[i / 2].kept);
                        file_memo_free(memo);
                }
        }
}

/* What was known of it before is not known any more either. */
static void test_a_racy_one_takes_the_old_one_away(void **state)
{
        (void)state;
        struct file_memo *memo = opened(NULL);
        struct stat st = old_file(1);
        note(memo, "/a.csv", &st);
        struct stat young = st;
        young.st_ctim.tv_sec += HOUR_S;
        note(memo, "/a.csv", &young);
        assert_null(file_memo_find(memo, "/a.csv", &young));
        assert_int_equal(file_memo_count(memo), 0);
        file_memo_free(memo);
}

static void test_times_out_of_the_ordinary(void **state)
{
        (void)state;
        static const time_t seconds[] = {0, -1, -62135596800, 1};
        struct file_memo *memo = opened(NULL);
        for (size_t i = 0; i < ARRAY_SIZE(seconds); i++) {
                struct stat st = old_file(1);
                st.st_mtim.tv_sec = seconds[i];
                note(memo, "/a.csv", &st);
                assert_non_null(file_memo_find(memo, "/a.csv", &st));
        }
        struct stat st = old_file(1);
        st.st_mtim.tv_sec = INT64_MAX;
        note(memo, "/a.csv", &st);
        assert_null(file_memo_find(memo, "/a.csv", &st));
        file_memo_free(memo);
}

static void test_kept_on_disk(void **state)
{
        const struct fixture *f = *state;
        struct stat st = old_file(1);
        struct stat odd = old_file(UINT64_MAX);
        struct stat where;
        odd.st_dev = UINT64_MAX;
        odd.st_mtim.tv_sec = -5;
        struct file_memo *memo = opened(f->path);
        assert_int_equal(file_memo_save(memo, NULL), 0);
        assert_int_equal(access(f->path, F_OK), -1); /* there was nothing to write */
        note(memo, "/a \"b\"\n\xC3\xBC.csv", &st);
        note(memo, "/odd", &odd);
        note(memo, "/not utf-8 \xFF", &st);
        assert_int_equal(file_memo_save(memo, NULL), 0);
        file_memo_free(memo);
        assert_int_equal(stat(f->path, &where), 0);
        assert_int_equal(where.st_mode & 0777, 0600);
        assert_int_equal(access(f->next, F_OK), -1);

        memo = opened(f->path);
        assert_int_equal(file_memo_count(memo), 2);
        assert_string_equal(file_memo_find(memo, "/a \"b\"\n\xC3\xBC.csv", &st), SHA);
        assert_string_equal(file_memo_find(memo, "/odd", &odd), SHA);
        assert_int_equal(unlink(f->path), 0);
        assert_int_equal(file_memo_save(memo, NULL), 0);
        assert_int_equal(access(f->path, F_OK), -1); /* a use just now is not worth a write */
        file_memo_free(memo);
}

/* Two processes, each with what the other does not know. */
static void test_saves_are_merged(void **state)
{
        const struct fixture *f = *state;
        struct stat st = old_file(1);
        struct stat changed = old_file(2);
        struct file_memo *first = opened(f->path);
        struct file_memo *second = opened(f->path);
        note(first, "/a.csv", &st);
        note(first, "/b.csv", &st);
        assert_int_equal(file_memo_save(first, NULL), 0);
        next_ms();
        file_memo_note(second, "/b.csv", &changed, clock_utc_ms(), SHB);
        assert_int_equal(file_memo_save(second, NULL), 0);
        struct file_memo *third = opened(f->path);
        assert_int_equal(file_memo_count(third), 2);
        assert_non_null(file_memo_find(third, "/a.csv", &st));
        assert_string_equal(file_memo_find(third, "/b.csv", &changed), SHB);
        note(first, "/c.csv", &st); /* whose own file it is no longer */
        assert_int_equal(file_memo_save(first, NULL), 0);
        assert_string_equal(file_memo_find(first, "/b.csv", &changed), SHB);
        note(first, "/d.csv", &st);
        assert_int_equal(file_memo_save(first, NULL), 0);
        file_memo_free(third);
        third = opened(f->path);
        assert_int_equal(file_memo_count(third), 4);
        file_memo_free(first);
        file_memo_free(second);
        file_memo_free(third);
}

static void test_while_another_writes_nothing_is_written(void **state)
{
        const struct fixture *f = *state;
        struct stat st = old_file(1);
        struct file_memo *memo = opened(f->path);
        note(memo, "/a.csv", &st);
        int fd = open(f->next, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(flock(fd, LOCK_EX), 0);
        assert_int_equal(file_memo_save(memo, NULL), 0);
        assert_int_equal(access(f->path, F_OK), -1);
        (void)close(fd); /* whoever it was has died, and left its file */
        assert_int_equal(file_memo_save(memo, NULL), 0);
        assert_int_equal(access(f->path, F_OK), 0);
        assert_int_equal(access(f->next, F_OK), -1);
        file_memo_free(memo);
}

static void test_the_one_used_longest_ago_goes(void **state)
{
        const struct fixture *f = *state;
        struct file_memo *memo = opened(f->path);
        struct stat st = old_file(1);
        char path[32];
        for (int i = 0; i < FILE_MEMO_ENTRIES_MAX; i++) {
                (void)snprintf(path, sizeof(path), "/%d", i);
                note(memo, path, &st);
        }
        assert_int_equal(file_memo_count(memo), FILE_MEMO_ENTRIES_MAX);
        next_ms();
        for (int i = 0; i < FILE_MEMO_ENTRIES_MAX; i++) {
                (void)snprintf(path, sizeof(path), "/%d", i);
                if (i != 77)
                        assert_non_null(file_memo_find(memo, path, &st));
        }
        note(memo, "/one more", &st);
        assert_int_equal(file_memo_count(memo), FILE_MEMO_ENTRIES_MAX);
        assert_null(file_memo_find(memo, "/77", &st));
        assert_non_null(file_memo_find(memo, "/one more", &st));
        assert_int_equal(file_memo_save(memo, NULL), 0);
        assert_int_equal(file_memo_save(memo, NULL), 0);

        /* Full here and full there. */
        struct file_memo *other = opened(f->path);
        assert_int_equal(file_memo_count(other), FILE_MEMO_ENTRIES_MAX);
        note(other, "/another", &st);
        assert_int_equal(file_memo_save(other, NULL), 0);
        note(memo, "/one more still", &st);
        assert_int_equal(file_memo_save(memo, NULL), 0);
        assert_int_equal(file_memo_count(memo), FILE_MEMO_ENTRIES_MAX);
        assert_non_null(file_memo_find(memo, "/one more still", &st));
        file_memo_free(memo);
        file_memo_free(other);
}

static void write_memo(const struct fixture *f, const char *text)
{
        _cleanup_close_ int fd = open(f->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(fd_write_all(fd, text, strlen(text), NULL), 0);
}

#define ENTRY(path, sha, more)                                                                     \
        "{\"path\":\"" path "\",\"device\":7,\"inode\":1,\"size\":123,\"mtime\":[10,5],"           \
        "\"ctime\":[10,6],\"noted_ms\":1,\"used_ms\":1,\"sha256\":\"" sha "\"" more "}"

static void test_broken_files_are_empty_ones(void **state)
{
        const struct fixture *f = *state;
        static const struct {
                const char *text;
                size_t n; /* entries that can be read */
        } cases[] = {
                {"", 0},
                {"{\"version\":1,\"files\":[", 0},
                {"[]", 0},
                {"null", 0},
                {"{\"version\":2,\"files\":[" ENTRY("/a", SHA, "") "]}", 0},
                {"{\"version\":1,\"files\":{}}", 0},
                {"{\"version\":1}", 0},
                {"{\"version\":1,\"files\":[" ENTRY("/a", SHA, "") "]}", 1},
                {"{\"version\":1,\"files\":[" ENTRY("/a", SHA, "") "," ENTRY("/a", SHB, "") "]}",
                 1},
                {"{\"version\":1,\"files\":[1,null,[],{}," ENTRY("/a", SHA, "") "]}", 1},
                {"{\"version\":1,\"files\":[" ENTRY("a", SHA, "") "]}", 0},
                {"{\"version\":1,\"files\":[" ENTRY("/a", "0123", "") "]}", 0},
                {"{\"version\":1,\"files\":[" ENTRY("/a", SHA "0", "") "]}", 0},
                {"{\"version\":1,\"files\":[{\"path\":\"/a\",\"sha256\":\"" SHA "\"}]}", 0},
        };
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct stat st = old_file(1);
                write_memo(f, cases[i].text);
                struct file_memo *memo = opened(f->path);
                if (file_memo_count(memo) != cases[i].n)
                        fail_msg("case %zu has %zu entries", i, file_memo_count(memo));
                note(memo, "/new", &st);
                assert_int_equal(file_memo_save(memo, NULL), 0); /* and then it is whole again */
                file_memo_free(memo);
                memo = opened(f->path);
                assert_int_equal(file_memo_count(memo), cases[i].n + 1);
                file_memo_free(memo);
        }
}

static void test_places_that_are_no_files(void **state)
{
        const struct fixture *f = *state;
        struct stat st = old_file(1);
        struct error err = {0};
        assert_int_equal(mkdir(f->path, 0700), 0);
        struct file_memo *memo = opened(f->path);
        note(memo, "/a", &st);
        assert_int_equal(file_memo_save(memo, &err), -(int)ERROR_IO);
        assert_non_null(file_memo_find(memo, "/a", &st));
        assert_int_equal(access(f->next, F_OK), -1);
        assert_int_equal(rmdir(f->path), 0);

        assert_int_equal(symlink("/etc/passwd", f->next), 0);
        assert_int_equal(file_memo_save(memo, &err), -(int)ERROR_IO);
        assert_int_equal(unlink(f->next), 0);
        assert_int_equal(file_memo_save(memo, &err), 0);
        file_memo_free(memo);

        memo = opened("/no/such/folder/hashes.json");
        note(memo, "/a", &st);
        assert_int_equal(file_memo_save(memo, &err), -(int)ERROR_IO);
        assert_non_null(strstr(err.message, "/no/such/folder"));
        file_memo_free(memo);
}

static void test_writers_at_once(void **state)
{
        const struct fixture *f = *state;
        pid_t writers[4];
        int failed = 0;
        for (size_t i = 0; i < ARRAY_SIZE(writers); i++) {
                writers[i] = fork();
                if (writers[i] != 0)
                        continue;
                for (int n = 0; n < 50; n++) {
                        struct file_memo *memo = NULL;
                        struct stat st = old_file(1);
                        char path[32];
                        (void)snprintf(path, sizeof(path), "/%zu-%d", i, n);
                        if (file_memo_open(f->path, &memo, NULL) < 0)
                                _exit(1);
                        note(memo, path, &st);
                        if (file_memo_save(memo, NULL) < 0)
                                _exit(1);
                        file_memo_free(memo);
                }
                _exit(0);
        }
        for (size_t i = 0; i < ARRAY_SIZE(writers); i++) {
                int status = 0;
                assert_int_equal(waitpid(writers[i], &status, 0), writers[i]);
                failed += status != 0;
        }
        assert_int_equal(failed, 0);
        struct file_memo *memo = opened(f->path);
        assert_true(file_memo_count(memo) > 0);
        file_memo_free(memo);
}

static void test_out_of_memory(void **state)
{
        const struct fixture *f = *state;
        struct stat st = old_file(1);
        bool done = false;
        json_set_alloc_funcs(alloc_malloc, free);
        for (unsigned long n = 1; !done; n++) {
                struct file_memo *memo = NULL;
                struct error err = {0};
                (void)unlink(f->path);
                alloc_fail_after(n);
                int r = file_memo_open(f->path, &memo, &err);
                if (r == 0) {
                        note(memo, "/a", &st);
                        note(memo, "/b", &st);
                        r = file_memo_save(memo, &err);
                        done = r == 0 && file_memo_count(memo) == 2;
                        file_memo_free(memo);
                        memo = NULL;
                }
                if (done) /* what cannot be read is not there, so this ends well at any time */
                        done = file_memo_open(f->path, &memo, &err) == 0 &&
                               file_memo_count(memo) == 2;
                alloc_fail_after(0);
                file_memo_free(memo);
                if (r < 0)
                        assert_int_equal(err.type, ERROR_INTERNAL);
                assert_int_equal(access(f->next, F_OK), -1);
                assert_true(n < 10000);
        }
        json_set_alloc_funcs(malloc, free);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_found_while_it_is_the_same),
                TEST(test_what_changed_just_now_is_not_kept),
                TEST(test_a_racy_one_takes_the_old_one_away),
                TEST(test_times_out_of_the_ordinary),
                TEST(test_kept_on_disk),
                TEST(test_saves_are_merged),
                TEST(test_while_another_writes_nothing_is_written),
                TEST(test_the_one_used_longest_ago_goes),
                TEST(test_broken_files_are_empty_ones),
                TEST(test_places_that_are_no_files),
                TEST(test_writers_at_once),
                TEST(test_out_of_memory),
        };
        return cmocka_run_group_tests_name("file_memo", tests, NULL, NULL);
}
