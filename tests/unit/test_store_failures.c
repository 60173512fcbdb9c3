#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "capsule/retention.h"
#include "capsule/threads.h"
#include "test_store_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>

#define NOBODY 65534
#define SMALL_DISK_BYTES "size=768k"
#define SKIPPED 77

/* ---- what is at the path is not a store ---- */

static void check_open_refused(const char *url, const char *said, const char *also)
{
        struct error err = open_refused(url, said, also);
        assert_int_equal(err.type, strncmp(url, "sqlite:", 7) ? ERROR_USAGE : ERROR_STORE);
}

static void read_file(const char *path, struct buf *out)
{
        struct error err = {0};
        buf_init(out, 16 * 1024 * 1024);
        if (fd_read_file(path, out, &err) < 0)
                fail_msg("%s", err.message);
}

static void write_file(const char *path, const void *bytes, size_t n)
{
        struct error err = {0};
        if (fd_write_file(path, bytes, n, 0600, &err) < 0)
                fail_msg("%s", err.message);
}

/* Refused, and not one byte of it changed. */
static void check_file_refused(const struct fixture *fixture, const char *said, const char *also)
{
        _cleanup_buf_ struct buf before = {0};
        _cleanup_buf_ struct buf after = {0};
        read_file(fixture->path, &before);
        check_open_refused(fixture->url, said, also);
        read_file(fixture->path, &after);
        assert_int_equal(before.len, after.len);
        if (before.len > 0)
                assert_memory_equal(before.data, after.data, before.len);
}

static void run_sql(const struct fixture *fixture, const char *sql)
{
        sqlite3 *db = NULL;
        assert_int_equal(sqlite3_open(fixture->path, &db), SQLITE_OK);
        if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
                fail_msg("%s: %s", sql, sqlite3_errmsg(db));
        assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* A store of `count` sealed capsules, closed again. */
static void make_store(const struct fixture *fixture, int count)
{
        struct capsule_store *store = open_store(fixture);
        keep_some(store, count);
        capsule_store_free(store);
}

static void test_urls(void **state)
{
        struct fixture *fixture = *state;
        char url[256];
        check_open_refused("", "no capsule store", "sqlite:PATH");
        check_open_refused("/tmp/x.db", "no capsule store", "sqlite:PATH");
        check_open_refused("mysql://x", "no capsule store", "sqlite:PATH");
        check_open_refused("sqlite:", "empty", "path");
        (void)snprintf(url, sizeof(url), "sqlite:%s", fixture->dir);
        check_open_refused(url, "is a folder", "a file in a folder");
        _cleanup_free_ char *endless = calloc(1, 10000);
        (void)snprintf(endless, 10000, "sqlite:/%09000d", 0);
        check_open_refused(endless, "too long", "path");
        write_file(fixture->path, "x", 1);
        (void)snprintf(url, sizeof(url), "sqlite:%s/capsules.db", fixture->path);
        check_open_refused(url, "Not a directory", fixture->path);
}

static void test_not_a_store(void **state)
{
        struct fixture *fixture = *state;
        write_file(fixture->path, "", 0);
        check_file_refused(fixture, "is empty", "backup");
        char text[8192];
        memset(text, 'x', sizeof(text));
        write_file(fixture->path, text, sizeof(text));
        check_file_refused(fixture, "damaged", "backup");
        write_file(fixture->path, text, 10);
        check_file_refused(fixture, "damaged", "backup");
        assert_int_equal(unlink(fixture->path), 0);
        assert_int_equal(mkfifo(fixture->path, 0600), 0);
        check_open_refused(fixture->url, "not a regular file", fixture->path);
}

static void test_other_program(void **state)
{
        struct fixture *fixture = *state;
        run_sql(fixture, "CREATE TABLE bookmarks (url TEXT)");
        check_file_refused(fixture, "another program", "ASKCSV_HOME");
        run_sql(fixture, "PRAGMA application_id = 252006674"); /* Fossil's */
        check_file_refused(fixture, "another program", "ASKCSV_HOME");
}

static void test_other_versions(void **state)
{
        struct fixture *fixture = *state;
        make_store(fixture, 1);
        run_sql(fixture, "PRAGMA user_version = 4");
        check_file_refused(fixture, "newer askcsv", "this one knows 3");
        run_sql(fixture, "PRAGMA user_version = 0");
        check_file_refused(fixture, "no version", "backup");
        run_sql(fixture, "PRAGMA user_version = -5");
        check_file_refused(fixture, "no version", "backup");
        run_sql(fixture, "PRAGMA user_version = 3");
        make_store(fixture, 1);
}

/* The main file is gone and its log is not: SQLite would remove the log. */
static void test_orphan_log(void **state)
{
        struct fixture *fixture = *state;
        char wal[128];
        (void)snprintf(wal, sizeof(wal), "%s-wal", fixture->path);
        write_file(wal, "log", 3);
        check_open_refused(fixture->url, "missing", "its log");
        assert_int_equal(access(wal, F_OK), 0);
        assert_int_equal(access(fixture->path, F_OK), -1);
}

/* ---- the store is damaged ---- */

static int keep_talk(struct capsule_store *store, struct error *err)
{
        struct thread thread;
        struct thread_message message = {.role = THREAD_USER, .text = "x"};
        int r = thread_new(store, "", NULL, &thread, err);
        return r < 0 ? r : thread_append(store, thread.id, "", &message, err);
}

static int ignore(const struct capsule *capsule, void *data)
{
        (void)capsule;
        (void)data;
        return 0;
}

/* Opens it, reads all, adds one. 0 or the first error. */
static int use_store(const struct fixture *fixture, struct error *err)
{
        _cleanup_store_ struct capsule_store *store = NULL;
        enum capsule_fault fault;
        char message[ERROR_MESSAGE_MAX];
        size_t checked;
        const struct capsule_filter answers = {.kind = "answer"};
        int r = capsule_store_open(fixture->url, &store, err);
        if (r == 0)
                r = capsule_store_list(store, &answers, ignore, NULL, err);
        if (r == 0)
                r = capsule_store_check_all(store, &fault, message, &checked, err);
        if (r == 0 && fault != CAPSULE_INTACT)
                return error_set(err, ERROR_STORE, "%s", message);
        if (r == 0)
                r = keep_run(store, 9, NULL, err);
        return r < 0 ? r : keep_talk(store, err);
}

static void test_corrupt_pages(void **state)
{
        struct fixture *fixture = *state;
        struct error err = {0};
        make_store(fixture, 40);
        _cleanup_buf_ struct buf whole = {0};
        read_file(fixture->path, &whole);
        assert_true(whole.len > 10 * 4096);
        /* Each page in turn, all but a few of which are in use by what use_store does. */
        size_t noticed = 0;
        size_t pages = whole.len / 4096;
        for (size_t page = 0; page < pages; page++) {
                _cleanup_free_ char *broken = malloc(whole.len);
                memcpy(broken, whole.data, whole.len);
                memset(broken + page * 4096, 0xA5, 4096);
                write_file(fixture->path, broken, whole.len);
                int r = use_store(fixture, &err);
                if (r == -(int)ERROR_STORE && err.message[0])
                        noticed++;
                else if (r != 0)
                        fail_msg("page %zu: %s", page, err.message);
        }
        assert_in_range(noticed, pages - 2, pages);
        /* Cut off. */
        write_file(fixture->path, whole.data, whole.len / 2);
        assert_int_equal(use_store(fixture, &err), -(int)ERROR_STORE);
        assert_non_null(strstr(err.message, "damaged"));
        write_file(fixture->path, whole.data, whole.len);
        if (use_store(fixture, &err) < 0)
                fail_msg("%s", err.message);
}

static void test_missing_tables(void **state)
{
        struct fixture *fixture = *state;
        make_store(fixture, 0);
        run_sql(fixture, "DROP TABLE chain");
        check_file_refused(fixture, "damaged", "no such table: chain");
}

/* ---- other processes ---- */

static void test_locked(void **state)
{
        struct fixture *fixture = *state;
        struct error err = {0};
        char said[64];
        char byte;
        int ready[2];
        _cleanup_store_ struct capsule_store *store = NULL;
        make_store(fixture, 1);
        assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
        pid_t pid = fork_child();
        if (pid == 0) {
                sqlite3 *db = NULL;
                CHILD_CHECK(sqlite3_open(fixture->path, &db) == SQLITE_OK, &err);
                CHILD_CHECK(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK,
                            &err);
                (void)!write(ready[1], "r", 1);
                for (;;)
                        (void)pause();
        }
        (void)close(ready[1]);
        assert_int_equal(read(ready[0], &byte, 1), 1);
        (void)close(ready[0]);
        assert_int_equal(capsule_store_open(fixture->url, &store, &err), 0);
        capsule_store_set_wait(store, 20);
        int r = keep_run(store, 1, NULL, &err);
        (void)snprintf(said, sizeof(said), "locked by process %d", (int)pid);
        struct error while_locked = err;
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(exit_status(pid), -SIGKILL);
        assert_int_equal(r, -(int)ERROR_STORE);
        if (!strstr(while_locked.message, said) || !strstr(while_locked.message, "20 ms"))
                fail_msg("%s", while_locked.message);
        assert_int_equal(keep_run(store, 1, NULL, &err), 0); /* the lock died with its holder */
}

/* ---- what may not be written ---- */

/* Runs in a child that is nobody in particular when we are root, whom no mode stops. */
static int as_ordinary_user(void (*body)(const struct fixture *), const struct fixture *fixture)
{
        pid_t pid = fork_child();
        if (pid == 0) {
                struct error err = {0};
                if (geteuid() == 0)
                        CHILD_CHECK(setresgid(NOBODY, NOBODY, NOBODY) == 0 &&
                                            setresuid(NOBODY, NOBODY, NOBODY) == 0,
                                    &err);
                body(fixture);
                _exit(0);
        }
        return exit_status(pid);
}

static void child_refused(const struct fixture *fixture, const char *said)
{
        struct error err = {0};
        struct capsule_store *store = NULL;
        CHILD_CHECK(capsule_store_open(fixture->url, &store, &err) == -(int)ERROR_STORE, &err);
        CHILD_CHECK(strstr(err.message, said) && strstr(err.message, "writable for you"), &err);
}

static void child_permission(const struct fixture *fixture)
{
        child_refused(fixture, "Permission denied");
}

/* Everything in the folder belongs to whom the child will be. */
static void give_away(const struct fixture *fixture, mode_t dir_mode, mode_t file_mode)
{
        uid_t owner = geteuid() == 0 ? NOBODY : geteuid();
        gid_t group = geteuid() == 0 ? NOBODY : getegid();
        char owners[128];
        (void)snprintf(owners, sizeof(owners), "%s/owners", fixture->dir);
        assert_int_equal(chown(fixture->dir, owner, group), 0);
        (void)!chown(fixture->path, owner, group); /* either may be missing */
        (void)!chown(owners, owner, group);
        (void)!chmod(fixture->path, file_mode);
        assert_int_equal(chmod(fixture->dir, dir_mode), 0);
}

static void test_read_only_modes(void **state)
{
        struct fixture *fixture = *state;
        give_away(fixture, 0555, 0600); /* nothing there, nothing can be made */
        assert_int_equal(as_ordinary_user(child_permission, fixture), 0);
        assert_int_equal(chmod(fixture->dir, 0700), 0);
        make_store(fixture, 1);
        give_away(fixture, 0555, 0600); /* no log can be made beside it */
        assert_int_equal(as_ordinary_user(child_permission, fixture), 0);
        give_away(fixture, 0700, 0400);
        assert_int_equal(as_ordinary_user(child_permission, fixture), 0);
        give_away(fixture, 0000, 0600);
        assert_int_equal(as_ordinary_user(child_permission, fixture), 0);
        give_away(fixture, 0700, 0600);
        make_store(fixture, 1);
}

/* The store is there and sound, but its folder takes no lock file. */
static void child_no_owner(const struct fixture *fixture)
{
        struct error err = {0};
        struct capsule_store *store = NULL;
        struct capsule *found = NULL;
        CHILD_CHECK(capsule_store_open(fixture->url, &store, &err) == 0, &err);
        CHILD_CHECK(capsule_store_get(store, "last", &found, &err) == 0, &err);
        CHILD_CHECK(keep_run(store, 1, NULL, &err) == -(int)ERROR_STORE, &err);
        CHILD_CHECK(strstr(err.message, "creating the lock") &&
                            strstr(err.message, "writable for you"),
                    &err);
}

static void test_read_only_owners(void **state)
{
        struct fixture *fixture = *state;
        char owners[128];
        make_store(fixture, 1);
        give_away(fixture, 0700, 0600);
        (void)snprintf(owners, sizeof(owners), "%s/owners", fixture->dir);
        assert_int_equal(chmod(owners, 0555), 0);
        assert_int_equal(as_ordinary_user(child_no_owner, fixture), 0);
}

/* ---- disks of our own, in a mount namespace ---- */

static void write_text(const char *path, const char *text)
{
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd >= 0)
                (void)!write(fd, text, strlen(text));
}

/* A tmpfs over the fixture's folder that nobody else sees, or exit status SKIPPED. */
static void mount_small_disk(const struct fixture *fixture)
{
        char map[64];
        uid_t uid = geteuid();
        gid_t gid = getegid();
        if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 && unshare(CLONE_NEWNS) < 0)
                _exit(SKIPPED);
        write_text("/proc/self/setgroups", "deny");
        (void)snprintf(map, sizeof(map), "0 %u 1", (unsigned int)uid);
        write_text("/proc/self/uid_map", map);
        (void)snprintf(map, sizeof(map), "0 %u 1", (unsigned int)gid);
        write_text("/proc/self/gid_map", map);
        if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("tmpfs", fixture->dir, "tmpfs", MS_NOSUID | MS_NODEV, SMALL_DISK_BYTES) < 0)
                _exit(SKIPPED);
}

static void on_small_disk(void (*body)(const struct fixture *), const struct fixture *fixture)
{
        pid_t pid = fork_child();
        if (pid == 0) {
                mount_small_disk(fixture);
                body(fixture);
                _exit(0);
        }
        int status = exit_status(pid);
        if (status == SKIPPED)
                skip(); /* this machine lets nobody mount */
        assert_int_equal(status, 0);
}

static void child_read_only_disk(const struct fixture *fixture)
{
        struct error err = {0};
        struct capsule_store *store = NULL;
        CHILD_CHECK(capsule_store_open(fixture->url, &store, &err) == 0, &err);
        CHILD_CHECK(keep_run(store, 1, NULL, &err) == 0, &err);
        capsule_store_free(store);
        CHILD_CHECK(mount(NULL, fixture->dir, NULL, MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV,
                          NULL) == 0,
                    &err);
        child_refused(fixture, "Read-only file system");
        CHILD_CHECK(mount(NULL, fixture->dir, NULL, MS_REMOUNT | MS_NOSUID | MS_NODEV, NULL) == 0,
                    &err);
        CHILD_CHECK(use_store(fixture, &err) == 0, &err);
}

static void test_read_only_disk(void **state)
{
        on_small_disk(child_read_only_disk, *state);
}

/* Takes the disk's space until there is none. */
static void fill_disk(const struct fixture *fixture, const char *name)
{
        char path[128];
        static char block[4096];
        (void)snprintf(path, sizeof(path), "%s/%s", fixture->dir, name);
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        while (write(fd, block, sizeof(block)) > 0)
                ;
}

static void remove_file(const struct fixture *fixture, const char *name)
{
        char path[128];
        (void)snprintf(path, sizeof(path), "%s/%s", fixture->dir, name);
        (void)unlink(path);
}

static void child_check_intact(struct capsule_store *store, size_t sealed, struct error *err)
{
        enum capsule_fault fault;
        char message[ERROR_MESSAGE_MAX] = "";
        size_t checked = 0;
        CHILD_CHECK(capsule_store_check_all(store, &fault, message, &checked, err) == 0, err);
        if (fault != CAPSULE_INTACT || checked != sealed)
                (void)error_set(err, ERROR_STORE, "%zu of %zu: %s", checked, sealed, message);
        CHILD_CHECK(fault == CAPSULE_INTACT && checked == sealed, err);
}

/* Full before there is a store, full while one is inserted, full while one is sealed: always the
 * same clear error, nothing half-made, nothing lost, and it goes on when there is space. */
static void child_full_disk(const struct fixture *fixture)
{
        struct error err = {0};
        struct capsule_store *store = NULL;
        size_t sealed = 0;
        int r = 0;
        fill_disk(fixture, "ballast");
        CHILD_CHECK(capsule_store_open(fixture->url, &store, &err) == -(int)ERROR_STORE, &err);
        CHILD_CHECK(strstr(err.message, "full") && strstr(err.message, "free some space"), &err);
        CHILD_CHECK(access(fixture->path, F_OK) < 0, &err);
        remove_file(fixture, "ballast");

        CHILD_CHECK(capsule_store_open(fixture->url, &store, &err) == 0, &err);
        for (; r == 0; sealed += r == 0)
                r = keep_run(store, (int)sealed, NULL, &err);
        CHILD_CHECK(sealed > 10, &err);
        CHILD_CHECK(strstr(err.message, "full") && strstr(err.message, "free some space"), &err);
        child_check_intact(store, sealed, &err);
        capsule_store_free(store);
}

static void test_full_disk(void **state)
{
        on_small_disk(child_full_disk, *state);
}

static void child_full_at_seal(const struct fixture *fixture)
{
        struct error err = {0};
        struct capsule_store *store = NULL;
        struct capsule *capsule = NULL;
        CHILD_CHECK(capsule_store_open(fixture->url, &store, &err) == 0, &err);
        CHILD_CHECK(keep_run(store, 1, NULL, &err) == 0, &err);
        CHILD_CHECK(capsule_new(&capsule, &err) == 0, &err);
        CHILD_CHECK(capsule_store_insert(store, capsule, &err) == 0, &err);
        CHILD_CHECK(fill_capsule(capsule, 2, &err) == 0, &err);
        char text[20000];
        memset(text, 'q', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        CHILD_CHECK(capsule_set(capsule, "question", json_string(text), &err) == 0, &err);
        CHILD_CHECK(run_move(capsule, RUN_SUCCEEDED, &err) == 0, &err);
        fill_disk(fixture, "ballast");
        CHILD_CHECK(capsule_store_seal(store, capsule, &err) == -(int)ERROR_STORE, &err);
        CHILD_CHECK(strstr(err.message, "full"), &err);
        CHILD_CHECK(!capsule_is_sealed(capsule), &err);
        child_check_intact(store, 1, &err);
        remove_file(fixture, "ballast");
        CHILD_CHECK(capsule_store_seal(store, capsule, &err) == 0, &err);
        child_check_intact(store, 2, &err);
        capsule_free(capsule);
        capsule_store_free(store);
}

static void test_full_at_seal(void **state)
{
        on_small_disk(child_full_at_seal, *state);
}

/* Removing needs space too; when there is none, nothing is removed. */
static void child_full_at_retention(const struct fixture *fixture)
{
        static const struct retention_rule rule = {.count = 3};
        struct error err = {0};
        struct capsule_store *store = NULL;
        struct retention_outcome outcome;
        struct chain_head head;
        CHILD_CHECK(capsule_store_open(fixture->url, &store, &err) == 0, &err);
        for (int i = 0; i < 10; i++)
                CHILD_CHECK(keep_run(store, i, NULL, &err) == 0, &err);
        fill_disk(fixture, "ballast");
        CHILD_CHECK(retention_prune(store, &rule, &outcome, &err) == -(int)ERROR_STORE, &err);
        CHILD_CHECK(strstr(err.message, "full") && strstr(err.message, "free some space"), &err);
        CHILD_CHECK(capsule_store_head(store, &head, &err) == 0 && head.removed == 0, &err);
        child_check_intact(store, 10, &err);
        remove_file(fixture, "ballast");
        CHILD_CHECK(retention_prune(store, &rule, &outcome, &err) == 0 && outcome.removed == 7,
                    &err);
        child_check_intact(store, 4, &err);
        capsule_store_free(store);
}

static void test_full_at_retention(void **state)
{
        on_small_disk(child_full_at_retention, *state);
}

/* ---- no memory ---- */

static void *hook_malloc(int n)
{
        return alloc_malloc((size_t)n);
}

static void *hook_realloc(void *p, int n)
{
        return alloc_realloc(p, (size_t)n);
}

static int hook_size(void *p)
{
        return p ? (int)malloc_usable_size(p) : 0;
}

static int hook_roundup(int n)
{
        return (n + 7) & ~7;
}

static int hook_init(void *data)
{
        (void)data;
        return SQLITE_OK;
}

static void hook_shutdown(void *data)
{
        (void)data;
}

/* A run and a look at the chain, while allocations fail. */
static int torture(struct capsule_store **store, const struct fixture *fixture, struct error *err)
{
        struct capsule *capsule = NULL;
        enum capsule_fault fault = CAPSULE_INTACT;
        char message[ERROR_MESSAGE_MAX];
        size_t checked;
        struct retention_outcome outcome = {0};
        int r = capsule_store_open(fixture->url, store, err);
        if (r == 0)
                r = keep_run(*store, 5, NULL, err);
        if (r == 0)
                r = capsule_store_get(*store, "last", &capsule, err);
        if (r == 0)
                r = capsule_store_check_all(*store, &fault, message, &checked, err);
        if (r == 0)
                r = retention_prune(*store, &(struct retention_rule){.count = 3}, &outcome, err);
        if (r == 0 && outcome.removed > 0) /* now the chain begins elsewhere */
                r = capsule_store_check_all(*store, &fault, message, &checked, err);
        capsule_free(capsule);
        if (r == 0 && fault != CAPSULE_INTACT)
                r = error_set(err, ERROR_STORE, "a false alarm: %s", message);
        return r;
}

static void test_out_of_memory(void **state)
{
        struct fixture *fixture = *state;
        unsigned long n = 1;
        make_store(fixture, 2);
        json_set_alloc_funcs(alloc_malloc, free);
        for (int r = -1; r < 0; n += 1 + n / 40) {
                struct error err = {0};
                struct capsule_store *store = NULL;
                alloc_fail_after(n);
                r = torture(&store, fixture, &err);
                alloc_fail_after(0);
                capsule_store_free(store);
                assert_true(r == 0 || err.message[0]);
                if (strstr(err.message, "false alarm"))
                        fail_msg("allocation %lu: %s", n, err.message);
                assert_true(n < 100000);
        }
        json_set_alloc_funcs(malloc, free);
        assert_true(n > 500);
        struct error err = {0};
        _cleanup_store_ struct capsule_store *store = NULL;
        size_t recovered = 0;
        assert_int_equal(capsule_store_open(fixture->url, &store, &err), 0);
        assert_int_equal(capsule_store_recover(store, &recovered, &err), 0);
        if (use_store(fixture, &err) < 0)
                fail_msg("%s", err.message);
}

#define STORE_TEST(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
        static const struct sqlite3_mem_methods hooks = {
                .xMalloc = hook_malloc,
                .xFree = free,
                .xRealloc = hook_realloc,
                .xSize = hook_size,
                .xRoundup = hook_roundup,
                .xInit = hook_init,
                .xShutdown = hook_shutdown,
        };
        const struct CMUnitTest tests[] = {
                STORE_TEST(test_urls),
                STORE_TEST(test_not_a_store),
                STORE_TEST(test_other_program),
                STORE_TEST(test_other_versions),
                STORE_TEST(test_orphan_log),
                STORE_TEST(test_corrupt_pages),
                STORE_TEST(test_missing_tables),
                STORE_TEST(test_locked),
                STORE_TEST(test_read_only_modes),
                STORE_TEST(test_read_only_owners),
                STORE_TEST(test_read_only_disk),
                STORE_TEST(test_full_disk),
                STORE_TEST(test_full_at_seal),
                STORE_TEST(test_full_at_retention),
                STORE_TEST(test_out_of_memory),
        };
        if (sqlite3_config(SQLITE_CONFIG_MALLOC, &hooks) != SQLITE_OK)
                return 1;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
