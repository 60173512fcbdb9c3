#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test_snapshot_fixture.h"

#include "base/alloc.h"
#include "dataset/values.h"

#include <sys/file.h>

#define DIR_A "/data/a.csv"

static struct question ask(char digit)
{
        struct question q;
        struct error err = {0};
        assert_int_equal(question_init(&q, "shop", DIR_A, digit, &err), 0);
        return q;
}

#define ASK(name, digit)                                                                           \
        struct question name = ask(digit);                                                         \
        (name).request.tables = &(name).table

static void must_publish(const struct fixture *f, const struct question *q, const char *content)
{
        struct error err = {0};
        if (publish(f, q, content, &err) < 0)
                fail_msg("%s", err.message);
}

static void test_key_depends_on_what_is_inside(void **state)
{
        (void)state;
        char key[HASH_HEX_SIZE];
        const struct request_column columns[] = {{"id", "BIGINT"}, {"name", "VARCHAR"}};
        ASK(q, 'a');
        assert_int_equal(strlen(q.key), 64);

        /* Where the file stands does not matter, nor which dataset it is. */
        q.table.path = "/elsewhere.csv";
        q.request.dataset_id = "other";
#define KEY_OF(engine)                                                                             \
        assert_int_equal(snapshot_key(&q.request, engine, (const char(*)[HASH_HEX_SIZE])q.sha256,  \
                                      key, NULL),                                                  \
                         0)
        KEY_OF(ENGINE);
        assert_string_equal(key, q.key);

        char seen[6][HASH_HEX_SIZE];
        memcpy(seen[0], q.key, HASH_HEX_SIZE);
        KEY_OF("v9");
        memcpy(seen[1], key, HASH_HEX_SIZE);
        q.table.name = "other";
        KEY_OF(ENGINE);
        memcpy(seen[2], key, HASH_HEX_SIZE);
        q.table.format = "parquet";
        KEY_OF(ENGINE);
        memcpy(seen[3], key, HASH_HEX_SIZE);
        q.table.columns = columns;
        q.table.n_columns = 2;
        KEY_OF(ENGINE);
        memcpy(seen[4], key, HASH_HEX_SIZE);
        q.sha256[0][0] = 'b';
        KEY_OF(ENGINE);
        memcpy(seen[5], key, HASH_HEX_SIZE);
        for (size_t i = 0; i < ARRAY_SIZE(seen); i++)
                for (size_t j = 0; j < i; j++)
                        assert_string_not_equal(seen[i], seen[j]);
}

/* It goes into names of folders that other versions of this program find again. */
static void test_key_is_what_it_was(void **state)
{
        (void)state;
        static const char text[] =
                "{\"engine\":\"v1.5.6\",\"format\":2,\"tables\":[{\"columns\":null,\"format\":"
                "\"csv\",\"name\":\"sales\",\"sha256\":"
                "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}]}";
        char key[HASH_HEX_SIZE];
        ASK(q, 'a');
        assert_int_equal(hash_bytes_hex(text, sizeof(text) - 1, key, NULL), 0);
        assert_string_equal(q.key, key);
}

static void test_made_and_opened(void **state)
{
        const struct fixture *f = *state;
        struct snapshot snapshot;
        struct error err = {0};
        struct stat st;
        char path[PATH_MAX];
        char resolved[PATH_MAX];
        char sha256[HASH_HEX_SIZE];
        ASK(q, 'a');
        assert_int_equal(snapshot_open(f->folder, q.key, ENGINE, &snapshot, &err), 0);
        assert_int_equal(snapshot.fd, -1);
        must_publish(f, &q, CONTENT);
        assert_int_equal(count_entries(f->folder), 1);
        assert_int_equal(count_entries(path_in(f, &q, NULL, path)), 3);

        assert_int_equal(set_used(f, &q, 1000), 0);
        assert_int_equal(snapshot_open(f->folder, q.key, ENGINE, &snapshot, &err), 1);
        assert_non_null(realpath(path_in(f, &q, SNAPSHOT_FILE, path), resolved));
        assert_string_equal(snapshot.path, resolved);
        assert_int_equal(snapshot.bytes, strlen(CONTENT));
        assert_int_equal(hash_fd_hex(snapshot.fd, sha256, NULL, &err), 0);
        assert_string_equal(snapshot.sha256, sha256);
        assert_string_equal(buf_text(&snapshot.values), VALUES);
        assert_int_equal(json_get_int(json_array_get(snapshot.tables, 0), "rows", 0), 12);
        assert_int_equal(stat(path_in(f, &q, SNAPSHOT_MANIFEST, path), &st), 0);
        assert_true(st.st_mtim.tv_sec > 1000); /* it was marked as used */
        snapshot_close(&snapshot);
        snapshot_close(&snapshot);

        assert_int_equal(stat(f->folder, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0700);
        assert_int_equal(stat(path_in(f, &q, NULL, path), &st), 0);
        assert_int_equal(st.st_mode & 0777, 0700);
        assert_int_equal(stat(path_in(f, &q, SNAPSHOT_FILE, path), &st), 0);
        assert_int_equal(st.st_mode & 0777, 0400);
        assert_int_equal(stat(path_in(f, &q, SNAPSHOT_VALUES, path), &st), 0);
        assert_int_equal(st.st_mode & 0777, 0400);

        assert_int_equal(snapshot_remove(f->folder, q.key, &err), 0);
        assert_int_equal(snapshot_remove(f->folder, q.key, &err), 0);
        assert_int_equal(count_entries(f->folder), 0);
}

static void test_a_folder_open_to_others_is_closed(void **state)
{
        const struct fixture *f = *state;
        struct stat st;
        ASK(q, 'a');
        must_publish(f, &q, CONTENT);
        assert_int_equal(chmod(f->folder, 0777), 0);
        assert_int_equal(is_there(f, &q), 1);
        assert_int_equal(stat(f->folder, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0700);
}

static void test_a_linked_folder_is_fine(void **state)
{
        const struct fixture *f = *state;
        char real[PATH_MAX];
        struct error err = {0};
        struct snapshot snapshot;
        ASK(q, 'a');
        (void)snprintf(real, sizeof(real), "%s/large-disk", f->dir);
        assert_int_equal(mkdir(real, 0700), 0);
        assert_int_equal(symlink("large-disk", f->folder), 0);
        must_publish(f, &q, CONTENT);
        assert_int_equal(snapshot_open(f->folder, q.key, ENGINE, &snapshot, &err), 1);
        assert_non_null(strstr(snapshot.path, "/large-disk/"));
        snapshot_close(&snapshot);
}

/* What a test does to a snapshot that is whole, so that it no longer is. */
static void tear(const char *path)
{
        assert_int_equal(truncate(path, 20), 0);
}

static void empty(const char *path)
{
        assert_int_equal(truncate(path, 0), 0);
}

static void grow(const char *path)
{
        struct stat st;
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(truncate(path, st.st_size + 1), 0);
}

static void lose(const char *path)
{
        assert_int_equal(unlink(path), 0);
}

static void become_link(const char *path)
{
        char other[PATH_MAX];
        (void)snprintf(other, sizeof(other), "%s.moved", path);
        assert_int_equal(rename(path, other), 0);
        assert_int_equal(symlink(other, path), 0);
}

static void become_second_name(const char *path)
{
        char other[PATH_MAX];
        (void)snprintf(other, sizeof(other), "%s", path);
        *strrchr(other, '/') = '\0';
        (void)snprintf(strrchr(other, '/'), 16, "/second");
        assert_int_equal(link(path, other), 0);
}

static void become_pipe(const char *path)
{
        assert_int_equal(unlink(path), 0);
        assert_int_equal(mkfifo(path, 0600), 0);
}

static void become_folder(const char *path)
{
        assert_int_equal(unlink(path), 0);
        assert_int_equal(mkdir(path, 0700), 0);
}

static void get_company(const char *path)
{
        char log[PATH_MAX];
        (void)snprintf(log, sizeof(log), "%s.wal", path);
        _cleanup_close_ int fd = open(log, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
}

/* One byte, and neither size nor times. */
static void alter(const char *path)
{
        struct stat st;
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(chmod(path, 0600), 0);
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);
        assert_int_equal(pwrite(fd, "A", 1, st.st_size / 2), 1);
        const struct timespec times[2] = {st.st_atim, st.st_mtim};
        assert_int_equal(futimens(fd, times), 0);
}

static const struct {
        const char *name;
        void (*harm)(const char *path);
} harms[] = {
        {SNAPSHOT_MANIFEST, tear},
        {SNAPSHOT_MANIFEST, empty},
        {SNAPSHOT_MANIFEST, grow},
        {SNAPSHOT_MANIFEST, lose},
        {SNAPSHOT_MANIFEST, become_link},
        {SNAPSHOT_MANIFEST, become_second_name},
        {SNAPSHOT_MANIFEST, become_pipe},
        {SNAPSHOT_MANIFEST, become_folder},
        {SNAPSHOT_FILE, empty},
        {SNAPSHOT_FILE, grow},
        {SNAPSHOT_FILE, lose},
        {SNAPSHOT_FILE, become_link},
        {SNAPSHOT_FILE, become_pipe},
        {SNAPSHOT_FILE, become_second_name},
        {SNAPSHOT_FILE, become_folder},
        {SNAPSHOT_FILE, get_company},
        {SNAPSHOT_VALUES, alter},
        {SNAPSHOT_VALUES, empty},
        {SNAPSHOT_VALUES, grow},
        {SNAPSHOT_VALUES, lose},
        {SNAPSHOT_VALUES, become_link},
        {SNAPSHOT_VALUES, become_pipe},
        {SNAPSHOT_VALUES, become_second_name},
        {SNAPSHOT_VALUES, become_folder},
        {SNAPSHOT_VALUES, get_company},
};

static void test_what_does_not_fit_is_removed_and_made_anew(void **state)
{
        const struct fixture *f = *state;
        char path[PATH_MAX];
        ASK(q, 'a');
        for (size_t i = 0; i < ARRAY_SIZE(harms); i++) {
                must_publish(f, &q, CONTENT);
                assert_int_equal(is_there(f, &q), 1);
                harms[i].harm(path_in(f, &q, harms[i].name, path));
                if (is_there(f, &q) != 0 || key_exists(f, &q))
                        fail_msg("harm %zu to %s was not seen", i, harms[i].name);
                (void)snprintf(path, sizeof(path), "%s/second", f->folder);
                (void)unlink(path);
                assert_int_equal(count_entries(f->folder), 0);
        }
}

/* Sets one member of the manifest (NULL: deletes it). */
static void set_member(const struct fixture *f, const struct question *q, const char *key,
                       json_t *value)
{
        char path[PATH_MAX];
        _cleanup_json_ json_t *json =
                json_load_file(path_in(f, q, SNAPSHOT_MANIFEST, path), 0, NULL);
        assert_non_null(json);
        assert_int_equal(value ? json_object_set_new(json, key, value) : json_object_del(json, key),
                         0);
        assert_int_equal(json_dump_file(json, path, 0), 0);
}

static void test_manifests_that_say_something_else(void **state)
{
        const struct fixture *f = *state;
        static const char zeros[] =
                "0000000000000000000000000000000000000000000000000000000000000000";
        static const char *const keys[] = {"format", "key",    "engine", "dataset_id", "created_at",
                                           "bytes",  "sha256", "tables", "files",      "values"};
        ASK(q, 'a');
        for (size_t i = 0; i < 3 * ARRAY_SIZE(keys); i++) {
                must_publish(f, &q, CONTENT);
                set_member(f, &q, keys[i / 3],
                           i % 3 == 0   ? NULL
                           : i % 3 == 1 ? json_null()
                                        : json_pack("{s:i}", "a", 1));
                if (is_there(f, &q) != 0 || key_exists(f, &q))
                        fail_msg("a wrong %s was not seen", keys[i / 3]);
        }
        json_t *wrong[] = {
                json_pack("{s:i}", "format", SNAPSHOT_FORMAT + 1),
                json_pack("{s:s}", "key", zeros),
                json_pack("{s:s}", "engine", "v0"),
                json_pack("{s:i}", "bytes", -1),
                json_pack("{s:i}", "bytes", 1),
                json_pack("{s:s}", "sha256", "ABC"),
                json_pack("{s:{s:i,s:s}}", "values", "bytes", (int)strlen(VALUES), "sha256", zeros),
                json_pack("{s:{s:i,s:s}}", "values", "bytes", (int)strlen(VALUES), "sha256", "ABC"),
                json_pack("{s:{s:i,s:s}}", "values", "bytes", -1, "sha256", zeros),
                json_pack("{s:{s:i,s:s}}", "values", "bytes", (int)VALUES_BYTES_MAX + 1, "sha256",
                          zeros),
                json_pack("{s:[]}", "tables"),
                json_pack("{s:[]}", "files"),
                json_pack("{s:[{s:s,s:i,s:s}]}", "files", "path", "a.csv", "bytes", 1, "sha256",
                          zeros),
                json_pack("{s:[{s:s,s:i,s:[{s:s,s:s}]}]}", "tables", "name", "t", "rows", -1,
                          "columns", "name", "a", "type", "DATE"),
                json_pack("{s:[{s:s,s:i,s:[]}]}", "tables", "name", "t", "rows", 1, "columns"),
        };
        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
                const char *key = json_object_iter_key(json_object_iter(wrong[i]));
                must_publish(f, &q, CONTENT);
                set_member(f, &q, key, json_incref(json_object_get(wrong[i], key)));
                if (is_there(f, &q) != 0 || key_exists(f, &q))
                        fail_msg("wrong %zu, a %s, was not seen", i, key);
                json_decref(wrong[i]);
        }
}

/* A manifest may be copied to where another snapshot belongs. */
static void test_a_snapshot_of_another_key(void **state)
{
        const struct fixture *f = *state;
        char from[PATH_MAX];
        char to[PATH_MAX];
        ASK(q, 'a');
        ASK(other, 'b');
        must_publish(f, &q, CONTENT);
        assert_int_equal(rename(path_in(f, &q, NULL, from), path_in(f, &other, NULL, to)), 0);
        assert_int_equal(is_there(f, &other), 0);
        assert_int_equal(key_exists(f, &other), 0);
}

/* Instead of a folder; and a folder that a link leads to is not touched. */
static void test_keys_that_are_no_folders(void **state)
{
        const struct fixture *f = *state;
        char outside[PATH_MAX];
        char path[PATH_MAX];
        struct error err = {0};
        ASK(q, 'a');
        must_publish(f, &q, CONTENT);
        (void)snprintf(outside, sizeof(outside), "%s/outside", f->dir);
        assert_int_equal(rename(path_in(f, &q, NULL, path), outside), 0);
        assert_int_equal(symlink(outside, path), 0);
        assert_int_equal(is_there(f, &q), 0);
        assert_int_equal(key_exists(f, &q), 0);
        assert_int_equal(count_entries(outside), 3);

        assert_int_equal(symlink(outside, path), 0);
        must_publish(f, &q, CONTENT);
        assert_int_equal(is_there(f, &q), 1);
        assert_int_equal(count_entries(outside), 3);
        assert_int_equal(snapshot_remove(f->folder, q.key, &err), 0);

        assert_int_equal(write_text(f->folder, q.key, "a file"), 0);
        assert_int_equal(is_there(f, &q), 0);
        assert_int_equal(key_exists(f, &q), 0);
        assert_int_equal(mkdir(path, 0700), 0);
        assert_int_equal(is_there(f, &q), 0);
        must_publish(f, &q, CONTENT);
        assert_int_equal(is_there(f, &q), 1);
}

static void test_keys_are_checked(void **state)
{
        const struct fixture *f = *state;
        static const char *const keys[] = {
                "",
                "..",
                "../x",
                "A",
                "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                "../../../../../../../../../../../../../../../../../../../../aaaa"};
        struct snapshot snapshot;
        ASK(q, 'a');
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
                struct error err = {0};
                assert_int_equal(snapshot_open(f->folder, keys[i], ENGINE, &snapshot, &err),
                                 -(int)ERROR_INTERNAL);
                assert_int_equal(snapshot_remove(f->folder, keys[i], &err), -(int)ERROR_INTERNAL);
                (void)snprintf(q.key, sizeof(q.key), "%s", keys[i]);
                assert_int_equal(publish(f, &q, CONTENT, &err), -(int)ERROR_INTERNAL);
                assert_int_equal(count_entries(f->folder), 0);
        }
}

static void test_publishing_what_is_no_snapshot(void **state)
{
        const struct fixture *f = *state;
        struct error err = {0};
        struct snapshot_draft draft;
        char path[PATH_MAX];
        ASK(q, 'a');
        assert_int_equal(publish(f, &q, NULL, &err), -(int)ERROR_IO); /* the file is missing */
        static const char *const names[] = {SNAPSHOT_FILE, SNAPSHOT_VALUES};
        for (int i = 0; i < 8; i++) { /* of either file, with the other one as it should be */
                const char *name = names[i / 4];
                assert_int_equal(snapshot_draft_begin(f->folder, &draft, &err), 0);
                assert_int_equal(write_text(draft.path, names[1 - i / 4], CONTENT), 0);
                (void)snprintf(path, sizeof(path), "%s/%s", draft.path, name);
                if (i % 4 == 0)
                        assert_int_equal(symlink("/etc/passwd", path), 0);
                else if (i % 4 == 1)
                        assert_int_equal(mkdir(path, 0700), 0);
                else if (i % 4 == 2)
                        assert_int_equal(mkfifo(path, 0600), 0);
                else if (i == 3)
                        assert_int_equal(write_text(draft.path, SNAPSHOT_FILE, CONTENT), 0);
                if (i == 3)
                        assert_int_equal(write_text(draft.path, SNAPSHOT_FILE ".wal", "x"), 0);
                assert_true(snapshot_draft_publish(&draft, f->folder, q.key, &q.request, ENGINE,
                                                   NULL, NULL, &err) < 0);
                assert_int_equal(draft.lock_fd, -1);
                assert_null(draft.path);
                assert_int_equal(count_entries(f->folder), 0);
        }
}

/* Whoever writes the database may leave other things beside it, one that looks like our manifest
 * even. */
static void test_a_draft_is_cleared_before_it_is_published(void **state)
{
        const struct fixture *f = *state;
        struct error err = {0};
        struct snapshot_draft draft;
        char path[PATH_MAX];
        char deep[PATH_MAX + 16];
        ASK(q, 'a');
        assert_int_equal(snapshot_draft_begin(f->folder, &draft, &err), 0);
        assert_int_equal(write_text(draft.path, SNAPSHOT_FILE, CONTENT), 0);
        assert_int_equal(write_text(draft.path, SNAPSHOT_VALUES, VALUES), 0);
        assert_int_equal(write_text(draft.path, SNAPSHOT_MANIFEST, "{}"), 0);
        (void)snprintf(path, sizeof(path), "%s/tmp", draft.path);
        assert_int_equal(mkdir(path, 0700), 0);
        (void)snprintf(deep, sizeof(deep), "%s/more", path);
        assert_int_equal(mkdir(deep, 0700), 0);
        assert_int_equal(write_text(deep, "spilled", "x"), 0);
        (void)snprintf(deep, sizeof(deep), "%s/more/link", path);
        assert_int_equal(symlink(f->dir, deep), 0);
        _cleanup_json_ json_t *tables =
                json_pack("[{s:s,s:i,s:[{s:s,s:s}]}]", "name", "sales", "rows", 1, "columns",
                          "name", "a", "type", "DATE");
        _cleanup_json_ json_t *files =
                json_pack("[{s:s,s:i,s:s}]", "path", DIR_A, "bytes", 1, "sha256", q.sha256[0]);
        assert_int_equal(snapshot_draft_publish(&draft, f->folder, q.key, &q.request, ENGINE,
                                                tables, files, &err),
                         0);
        assert_int_equal(count_entries(path_in(f, &q, NULL, path)), 3);
        assert_int_equal(is_there(f, &q), 1);
}

static void test_the_whole_one_stays_and_the_torn_one_goes(void **state)
{
        const struct fixture *f = *state;
        struct stat before;
        struct stat after;
        char path[PATH_MAX];
        ASK(q, 'a');
        must_publish(f, &q, CONTENT);
        assert_int_equal(stat(path_in(f, &q, NULL, path), &before), 0);
        must_publish(f, &q, CONTENT);
        assert_int_equal(stat(path, &after), 0);
        assert_int_equal(before.st_ino, after.st_ino);
        assert_int_equal(count_entries(f->folder), 1);

        /* The size fits, the hash does not: only the maker of the next one reads all of it. */
        assert_int_equal(chmod(path_in(f, &q, SNAPSHOT_FILE, path), 0600), 0);
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);
        assert_int_equal(pwrite(fd, "A", 1, 0), 1);
        assert_int_equal(is_there(f, &q), 1);
        must_publish(f, &q, CONTENT);
        assert_int_equal(stat(path_in(f, &q, NULL, path), &after), 0);
        assert_true(before.st_ino != after.st_ino);
        assert_int_equal(count_entries(f->folder), 1);
}

static void test_drafts_of_the_living_stay(void **state)
{
        const struct fixture *f = *state;
        struct error err = {0};
        struct snapshot_draft first;
        struct snapshot_draft second;
        assert_int_equal(snapshot_draft_begin(f->folder, &first, &err), 0);
        assert_int_equal(snapshot_draft_begin(f->folder, &second, &err), 0);
        assert_int_equal(count_entries(f->folder), 2);
        assert_int_equal(access(first.path, F_OK), 0);
        snapshot_draft_abandon(&first);
        snapshot_draft_abandon(&first);
        assert_int_equal(count_entries(f->folder), 1);
        snapshot_draft_abandon(&second);
        assert_int_equal(count_entries(f->folder), 0);
}

/* A maker writes and writes until it is killed. */
static void test_a_killed_maker_leaves_nothing(void **state)
{
        const struct fixture *f = *state;
        struct error err = {0};
        struct snapshot_draft draft;
        int ready[2];
        char byte;
        for (int i = 0; i < 3; i++) {
                assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
                pid_t pid = fork_child();
                if (pid == 0) {
                        if (snapshot_draft_begin(f->folder, &draft, &err) < 0 ||
                            write_text(draft.path, SNAPSHOT_FILE, "half of") < 0 ||
                            write(ready[1], "x", 1) != 1)
                                _exit(1);
                        for (;;)
                                (void)pause();
                }
                (void)close(ready[1]);
                assert_int_equal(read(ready[0], &byte, 1), 1);
                (void)close(ready[0]);
                assert_int_equal(kill(pid, SIGKILL), 0);
                assert_int_equal(exit_status(pid), -SIGKILL);
                assert_int_equal(count_entries(f->folder), 1);
                assert_int_equal(snapshot_draft_begin(f->folder, &draft, &err), 0);
                assert_int_equal(count_entries(f->folder), 1); /* the new one */
                snapshot_draft_abandon(&draft);
        }
}

/* Many at once, of one key: each ends well, one stays, and it is whole. */
static void test_makers_at_once(void **state)
{
        const struct fixture *f = *state;
        pid_t makers[6];
        int failed = 0;
        ASK(q, 'a');
        for (size_t i = 0; i < ARRAY_SIZE(makers); i++) {
                makers[i] = fork_child();
                if (makers[i] != 0)
                        continue;
                for (int n = 0; n < 60; n++) {
                        struct error err = {0};
                        if (n % 7 == (int)i && snapshot_remove(f->folder, q.key, &err) < 0)
                                _exit(2);
                        if (publish(f, &q, CONTENT, &err) < 0 || is_there(f, &q) < 0) {
                                (void)fprintf(stderr, "%s\n", err.message);
                                _exit(1);
                        }
                }
                _exit(0);
        }
        for (size_t i = 0; i < ARRAY_SIZE(makers); i++)
                failed += exit_status(makers[i]) != 0;
        assert_int_equal(failed, 0);
        must_publish(f, &q, CONTENT);
        assert_int_equal(is_there(f, &q), 1);
        assert_int_equal(count_entries(f->folder), 1);
}

static void test_out_of_memory(void **state)
{
        const struct fixture *f = *state;
        struct snapshot_list list;
        struct error err = {0};
        int r = -1;
        ASK(q, 'a');
        json_set_alloc_funcs(alloc_malloc, free);
        for (unsigned long n = 1; r < 0; n++) {
                alloc_fail_after(n);
                r = snapshot_key(&q.request, ENGINE, (const char(*)[HASH_HEX_SIZE])q.sha256, q.key,
                                 &err);
                if (r == 0)
                        r = publish(f, &q, CONTENT, &err);
                alloc_fail_after(0);
                if (r < 0)
                        assert_int_equal(err.type, ERROR_INTERNAL);
                assert_int_equal(count_entries(f->folder), r == 0); /* nothing half done */
                assert_true(n < 10000);
        }
        r = -1;
        for (unsigned long n = 1; r < 0; n++) {
                struct snapshot snapshot;
                alloc_fail_after(n);
                r = snapshot_open(f->folder, q.key, ENGINE, &snapshot, &err);
                if (r == 1)
                        r = snapshot_list_read(f->folder, &list, &err);
                if (r == 0)
                        snapshot_list_done(&list);
                alloc_fail_after(0);
                snapshot_close(&snapshot);
                assert_int_equal(key_exists(f, &q), 1); /* no reason to remove it */
        }
        json_set_alloc_funcs(malloc, free);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_key_depends_on_what_is_inside),
                TEST(test_key_is_what_it_was),
                TEST(test_made_and_opened),
                TEST(test_a_folder_open_to_others_is_closed),
                TEST(test_a_linked_folder_is_fine),
                TEST(test_what_does_not_fit_is_removed_and_made_anew),
                TEST(test_manifests_that_say_something_else),
                TEST(test_a_snapshot_of_another_key),
                TEST(test_keys_that_are_no_folders),
                TEST(test_keys_are_checked),
                TEST(test_publishing_what_is_no_snapshot),
                TEST(test_a_draft_is_cleared_before_it_is_published),
                TEST(test_the_whole_one_stays_and_the_torn_one_goes),
                TEST(test_drafts_of_the_living_stay),
                TEST(test_a_killed_maker_leaves_nothing),
                TEST(test_makers_at_once),
                TEST(test_out_of_memory),
        };
        return cmocka_run_group_tests_name("snapshot", tests, NULL, NULL);
}
