/* What the tests of snapshots share: a folder of their own, a request, and snapshots whose database
 * is any text, as nobody here opens one. */
#ifndef ASKCSV_TEST_SNAPSHOT_FIXTURE_H
#define ASKCSV_TEST_SNAPSHOT_FIXTURE_H

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/json.h"
#include "snapshot/snapshot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define ENGINE "v1.5.6"
#define CONTENT "any text will do"
#define VALUES "{\"tables\":[]}" /* will do as well */

struct fixture {
        char dir[64];
        char folder[96]; /* of the snapshots; not made yet */
};

static inline int fixture_setup(void **state)
{
        struct fixture *fixture = calloc(1, sizeof(*fixture));
        const char *base = access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp";
        if (!fixture)
                return -1;
        (void)snprintf(fixture->dir, sizeof(fixture->dir), "%s/askcsv-snapshot-XXXXXX", base);
        if (!mkdtemp(fixture->dir))
                return -1;
        (void)snprintf(fixture->folder, sizeof(fixture->folder), "%s/snapshots", fixture->dir);
        *state = fixture;
        return 0;
}

static inline int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *at)
{
        (void)st;
        (void)kind;
        (void)at;
        return remove(path);
}

static inline int fixture_teardown(void **state)
{
        struct fixture *fixture = *state;
        int r = nftw(fixture->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
        free(fixture);
        return r;
}

/* The request for one table at a path, and the hash of its file: 64 times the digit. */
struct question {
        struct request_table table;
        struct request request;
        char sha256[1][HASH_HEX_SIZE];
        char key[HASH_HEX_SIZE];
};

static inline int question_init(struct question *q, const char *id, const char *path, char digit,
                                struct error *err)
{
        *q = (struct question){
                .table = {.name = "sales", .path = path, .format = "csv"},
                .request = {.dataset_id = id, .n_tables = 1},
        };
        memset(q->sha256[0], digit, HASH_HEX_SIZE - 1);
        q->request.tables = &q->table;
        return snapshot_key(&q->request, ENGINE, (const char(*)[HASH_HEX_SIZE])q->sha256, q->key,
                            err);
}

static inline int write_text(const char *folder, const char *name, const char *text)
{
        char path[2 * PATH_MAX];
        int n = snprintf(path, sizeof(path), "%s/%s", folder, name);
        if (n < 0 || (size_t)n >= sizeof(path))
                return -1;
        (void)unlink(path);
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        return fd < 0 ? -1 : fd_write_all(fd, text, strlen(text), NULL);
}

static inline int publish(const struct fixture *f, const struct question *q, const char *content,
                          struct error *err)
{
        struct snapshot_draft draft = SNAPSHOT_DRAFT_NONE;
        int r = snapshot_draft_begin(f->folder, &draft, err);
        if (r < 0)
                return r;
        if (content && write_text(draft.path, SNAPSHOT_FILE, content) < 0)
                return -1;
        if (write_text(draft.path, SNAPSHOT_VALUES, VALUES) < 0)
                return -1;
        _cleanup_json_ json_t *tables =
                json_pack("[{s:s,s:i,s:i,s:[{s:s,s:s}]}]", "name", "sales", "rows", 12,
                          "skipped_lines", 0, "columns", "name", "id", "type", "BIGINT");
        _cleanup_json_ json_t *files = json_pack("[{s:s,s:i,s:s}]", "path", q->table.path, "bytes",
                                                 34, "sha256", q->sha256[0]);
        return snapshot_draft_publish(&draft, f->folder, q->key, &q->request, ENGINE, tables, files,
                                      err);
}

/* Whether there is one for the question, as a run would look. */
static inline int is_there(const struct fixture *f, const struct question *q)
{
        struct snapshot snapshot;
        struct error err = {0};
        int r = snapshot_open(f->folder, q->key, ENGINE, &snapshot, &err);
        snapshot_close(&snapshot);
        return r;
}

/* The same without touching anything. */
static inline int key_exists(const struct fixture *f, const struct question *q)
{
        char path[PATH_MAX];
        struct stat st;
        (void)snprintf(path, sizeof(path), "%s/%s", f->folder, q->key);
        return lstat(path, &st) == 0;
}

/* FOLDER/KEY, or with a name behind it. */
static inline const char *path_in(const struct fixture *f, const struct question *q,
                                  const char *name, char out[PATH_MAX])
{
        int n = snprintf(out, PATH_MAX, "%s/%s%s%s", f->folder, q->key, name ? "/" : "",
                         name ? name : "");
        return n < PATH_MAX ? out : NULL;
}

/* Entries of the folder, hidden ones too. */
static inline size_t count_entries(const char *folder)
{
        size_t n = 0;
        DIR *list = opendir(folder);
        struct dirent *entry;
        while (list && (entry = readdir(list)))
                n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
        if (list)
                (void)closedir(list);
        return n;
}

/* As if it had last been used then. */
static inline int set_used(const struct fixture *f, const struct question *q, int64_t utc_s)
{
        char path[PATH_MAX];
        struct timespec times[2] = {{.tv_sec = utc_s}, {.tv_sec = utc_s}};
        return utimensat(AT_FDCWD, path_in(f, q, SNAPSHOT_MANIFEST, path), times, 0);
}

/* fork(2), with a child that does not outlive a test that failed. */
static inline pid_t fork_child(void)
{
        pid_t parent = getpid();
        pid_t pid = fork();
        if (pid == 0 && (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent))
                _exit(1);
        return pid;
}

static inline int exit_status(pid_t pid)
{
        int status = 0;
        while (waitpid(pid, &status, 0) < 0)
                ;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

#endif
