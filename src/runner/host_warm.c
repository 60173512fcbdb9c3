/* A dataset version that is kept warm: its snapshot is looked up or built, its parent started. */
#include "runner/host_private.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "dataset/values.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BUILD_TIMEOUT_MS (60 * 60 * 1000) /* however long the runs that wait for it may take */
#define STUCK_US (60 * INT64_C(1000000))  /* reading ahead a large table takes a few seconds */
#define CHECK_PIECE_BYTES (512 * 1024)
/* A snapshot is smaller than its files, but for tiny ones and for what does not compress. */
#define OUT_BYTES_MIN ((int64_t)64 * 1024 * 1024)

static void arena_freep(struct arena **arena)
{
        arena_free(*arena);
}

static void end_clone(struct warm *warm)
{
        struct host *host = warm->host;
        int fd = warm->control.fd;
        loop_remove(&host->loop, &warm->control);
        cleanup_close(&fd);
        if (warm->parent_pidfd >= 0) {
                (void)syscall(SYS_pidfd_send_signal, warm->parent_pidfd, SIGKILL, NULL, 0);
                (void)close(warm->parent_pidfd);
                warm->parent_pidfd = -1;
        }
        pipe_close(host, &warm->request_pipe);
        for (int i = 0; i < STREAM_COUNT; i++)
                loop_remove(&host->loop, &warm->builder_streams[i]);
        attempt_done(&warm->builder);
}

void warm_free(struct warm *warm)
{
        while (warm->children)
                child_free((struct child *)warm->children);
        end_clone(warm);
        snapshot_draft_abandon(&warm->draft);
        snapshot_close(&warm->snapshot);
        hash_free(warm->hash);
        files_close(&warm->files);
        buf_done(&warm->request_text);
        arena_free(warm->arena);
        link_remove(&warm->link);
        free(warm);
}

/* The first call that needs it (and has no turn in the queue yet): new ones are put in front. */
static struct call *find_call(const struct warm *warm, bool preparing)
{
        struct call *found = NULL;
        for (struct link *link = warm->host->calls; link; link = link->next) {
                struct call *call = (struct call *)link;
                if (call->warm == warm && (!preparing || call->state == CALL_PREPARING))
                        found = call;
        }
        return found;
}

/* It is of no use: whoever needs it hears why, and the next call starts anew. */
static void fail(struct warm *warm, const struct error *why)
{
        struct call *call;
        while ((call = find_call(warm, false))) {
                struct child *child = call->child;
                call->child = NULL;
                if (child)
                        child_free(child);
                queue_remove(warm->host->queue, &call->entry, -1);
                call_fail(call, why); /* lets go of the warm */
        }
        warm_free(warm); /* who waited for the room that this makes gets it in this round */
}

void warm_fail_all(struct host *host, const struct error *why)
{
        while (host->warms)
                fail((struct warm *)host->warms, why);
}

static int order(struct warm *warm, const struct seed_order *what, const int *theirs, size_t n,
                 struct error *err)
{
        if (births_send(warm->host->seed.fd, what, sizeof(*what), theirs, n, err) == 0)
                return 0;
        /* It ended, of which we are about to hear. */
        return error_set(err, ERROR_RUNNER_INTERNAL,
                         "the process that warm processes come from ended; run it again");
}

static void on_request_pipe(struct watch *watch, uint32_t events)
{
        struct warm *warm = watch->owner;
        (void)events;
        (void)pipe_feed(warm->host, watch, buf_text(&warm->request_text), warm->request_text.len,
                        &warm->request_sent);
}

/* The pipe that tells the next clone which tables; *ret_theirs is its end. */
static int open_request_pipe(struct warm *warm, int *ret_theirs, struct error *err)
{
        pipe_close(warm->host, &warm->request_pipe); /* of a clone that ended before it read all */
        warm->request_sent = 0;
        return pipe_open(warm->host, &warm->request_pipe, warm, on_request_pipe, ret_theirs, err);
}

static void ready(struct warm *warm)
{
        struct call *call;
        warm->state = WARM_READY;
        while ((call = find_call(warm, true)))
                call_go_on(call);
}

static int start_parent(struct warm *warm, struct error *err);

/* A snapshot may be small and what is in it large. */
static void start_again_without_copy(struct warm *warm)
{
        struct error why = {0};
        end_clone(warm);
        attempt_init(&warm->builder);
        warm->never_copy = true;
        if (start_parent(warm, &why) < 0)
                fail(warm, &why);
}

static void on_control(struct watch *watch, uint32_t events)
{
        struct warm *warm = watch->owner;
        struct birth_word word;
        struct error why = {0};
        int fd = -1;
        int r = births_hear(watch->fd, &word, &fd);
        (void)events;
        if (r == 0)
                return;
        if (r > 0 && word.saying == BIRTH_READY) {
                cleanup_close(&fd);
                ready(warm);
        } else if (r > 0 && word.saying != BIRTH_FAILED) {
                child_word(warm, &word, fd);
        } else if (r > 0 && warm->copy && word.error == ERROR_RUNNER_RESOURCE_EXCEEDED) {
                cleanup_close(&fd);
                start_again_without_copy(warm);
        } else {
                cleanup_close(&fd);
                if (r > 0)
                        (void)error_set(&why, word.error ? word.error : ERROR_RUNNER_INTERNAL, "%s",
                                        word.message);
                else
                        (void)error_set(&why, ERROR_RUNNER_INTERNAL,
                                        "the warm process of these tables ended%s; run it again",
                                        warm->state == WARM_READY ? " in the middle of the run"
                                                                  : " before it was ready");
                fail(warm, &why);
        }
}

/* What the tables take when they are not compressed, roughly: text is counted as if it were
 * short. */
static int64_t bytes_in_memory(const json_t *tables)
{
        int64_t sum = 0;
        size_t i;
        size_t j;
        json_t *table;
        json_t *column;
        json_array_foreach(tables, i, table)
        {
                int64_t row = 0;
                json_array_foreach(json_object_get(table, "columns"), j, column)
                {
                        const char *type = json_get_string(column, "type");
                        row += type && strcmp(type, "VARCHAR") == 0 ? 16 : 8;
                }
                sum += row * json_get_int(table, "rows", 0);
        }
        return sum;
}

static int start_parent(struct warm *warm, struct error *err)
{
        int control[2] = {-1, -1};
        int theirs[SEED_FILES] = {-1, -1, -1, -1, -1};
        warm->copy = !warm->never_copy && warm->snapshot.bytes <= warm->host->options->copy_bytes &&
                     bytes_in_memory(warm->snapshot.tables) <=
                             warm->host->options->parent_memory_mb * 1024 * 1024 / 2;
        warm->unborn_us = clock_monotonic_us();
        struct seed_order what = {.id = ++warm->host->next_id,
                                  .kind = SEED_PARENT,
                                  .copy = warm->copy,
                                  .memory_mb = warm->host->options->parent_memory_mb};
        warm->id = what.id;
        warm->state = WARM_STARTING;
        if (warm->snapshot.path)
                (void)strncpy(what.path, warm->snapshot.path, sizeof(what.path) - 1);
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) < 0)
                return error_errno(err, errno, "making a socket pair");
        theirs[SEED_WORDS] = control[1];
        warm->control = (struct watch){.fd = -1, .on_event = on_control, .owner = warm};
        int r = loop_add(&warm->host->loop, &warm->control, control[0], EPOLLIN, err);
        if (r < 0)
                (void)close(control[0]);
        if (r == 0)
                r = open_request_pipe(warm, &theirs[SEED_REQUEST], err);
        if (r == 0) {
                theirs[SEED_STDOUT] = open("/dev/null", O_RDWR | O_CLOEXEC);
                theirs[SEED_STDERR] = fcntl(theirs[SEED_STDOUT], F_DUPFD_CLOEXEC, 3);
                theirs[SEED_PATH] = fcntl(what.path[0] ? warm->snapshot.fd : theirs[SEED_STDOUT],
                                          F_DUPFD_CLOEXEC, 3);
                r = order(warm, &what, theirs, SEED_FILES, err);
        }
        for (int i = 0; i < SEED_FILES; i++)
                cleanup_close(&theirs[i]);
        if (r == 0)
                on_request_pipe(&warm->request_pipe, 0);
        return r;
}

/* What the builder said, as its worker's words have it, when it did not say "success". */
static void take_complaint(struct warm *warm, struct error *why)
{
        const json_t *error = json_object_get(warm->builder.response.head, "error");
        const char *type = json_get_string(error, "type");
        const char *message = json_get_string(error, "message");
        enum error_type known = type ? error_type_from_name(type) : ERROR_NONE;
        (void)error_set(why, known ? known : ERROR_RUNNER_INTERNAL, "%s",
                        message ? message : "the tables could not be read");
}

static json_t *files_to_json(const struct files *files)
{
        json_t *list = json_array();
        for (size_t i = 0; list && i < files->n; i++) {
                const struct file *file = &files->items[i];
                json_t *one = json_pack("{s:s,s:I,s:s}", "path", file->table->path, "bytes",
                                        (json_int_t)file->at_start.st_size, "sha256", file->sha256);
                if (!one || json_array_append_new(list, one) < 0) {
                        json_decref(list);
                        return NULL;
                }
        }
        return list;
}

static int publish(struct warm *warm, struct error *err)
{
        struct host *host = warm->host;
        const json_t *tables = json_object_get(warm->builder.response.head, "tables");
        _cleanup_json_ json_t *files = files_to_json(&warm->files);
        int r = files_check_unchanged(&warm->files, err);
        if (r == 0 && !files)
                r = error_oom(err);
        if (r == 0)
                r = snapshot_draft_publish(&warm->draft, host->snapshots, warm->key, warm->request,
                                           host->engine_version, tables, files, err);
        files_close(&warm->files);
        if (r == 0)
                r = snapshot_open(host->snapshots, warm->key, host->engine_version, &warm->snapshot,
                                  err);
        if (r == 0)
                return error_set(err, ERROR_IO,
                                 "the snapshot that was just made in %s is gone; run it again",
                                 host->snapshots);
        return r < 0 ? r : 0;
}

static void built(struct warm *warm, bool is_dead)
{
        struct error why = {0};
        struct attempt *builder = &warm->builder;
        bool whole = builder->is_whole || attempt_take_words(builder);
        if (whole && !is_dead) {
                attempt_kill(builder); /* nobody may write any more when its file is hashed */
                return;
        }
        if (!whole && !is_dead && builder->failure.type == ERROR_NONE)
                return; /* how it ended is still to be heard */
        const char *status = json_get_string(builder->response.head, "status");
        if (!whole && builder->failure.type == ERROR_NONE)
                attempt_judge_end(builder);
        if (builder->failure.type != ERROR_NONE)
                why = builder->failure;
        else if (!status || strcmp(status, "success") != 0)
                take_complaint(warm, &why);
        if (why.type == ERROR_NONE && publish(warm, &why) == 0) {
                struct error ignored = {0};
                attempt_done(builder);
                attempt_init(builder);
                (void)snapshot_tidy(warm->host->snapshots, warm->key,
                                    warm->host->options->snapshot_bytes, NULL, &ignored);
                (void)start_parent(warm, &why);
        }
        if (why.type != ERROR_NONE)
                fail(warm, &why);
}

static void on_builder(struct watch *watch, uint32_t events)
{
        struct warm *warm = watch->owner;
        (void)events;
        streams_take(warm->host, &warm->builder, warm->builder_streams, watch);
        if (!attempt_is_listening(&warm->builder) || warm->builder.failure.type != ERROR_NONE)
                built(warm, false);
}

static int64_t out_bytes(const struct files *files)
{
        int64_t sum = OUT_BYTES_MIN;
        for (size_t i = 0; i < files->n; i++)
                sum += 4 * files->items[i].at_start.st_size;
        return sum;
}

/* The builder's descriptors; the caller closes theirs, and the files stay the warm's. */
static int order_builder(struct warm *warm, int theirs[SEED_FILES], struct error *err)
{
        struct host *host = warm->host;
        int fds[SEED_FILES + REQUEST_TABLES_MAX];
        struct seed_order what = {
                .id = ++host->next_id, .kind = SEED_BUILDER, .out_bytes = out_bytes(&warm->files)};
        warm->id = what.id;
        (void)strncpy(what.path, warm->draft.path, sizeof(what.path) - 1);
        int r = open_request_pipe(warm, &theirs[SEED_REQUEST], err);
        if (r == 0)
                r = attempt_open_streams(&warm->builder, theirs + SEED_WORDS, err);
        if (r < 0)
                return r;
        theirs[SEED_PATH] = open(warm->draft.path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (theirs[SEED_PATH] < 0)
                return error_errno(err, errno, "opening %s", warm->draft.path);
        streams_watch(host, &warm->builder, warm->builder_streams, warm, on_builder, err);
        memcpy(fds, theirs, SEED_FILES * sizeof(int));
        for (size_t i = 0; i < warm->files.n; i++)
                fds[SEED_FILES + i] = warm->files.items[i].fd;
        return order(warm, &what, fds, SEED_FILES + warm->files.n, err);
}

/* The files once more, with descriptors of its own: the call may be gone before the builder is. */
static int open_files(struct warm *warm, const struct call *call, struct error *err)
{
        int r = files_open(warm->request, call->data_root, &warm->files, err);
        if (r < 0)
                return r;
        if (!files_are_same(&warm->files, &call->files))
                return error_set(err, ERROR_DATASET_CHANGED,
                                 "the tables' files changed while they were read");
        for (size_t i = 0; r == 0 && i < warm->files.n; i++)
                r = files_set_known(&warm->files, i, call->files.items[i].sha256, err);
        return r;
}

static int start_builder(struct warm *warm, const struct call *call, struct error *err)
{
        int theirs[SEED_FILES] = {-1, -1, -1, -1, -1};
        warm->state = WARM_BUILDING;
        int r = open_files(warm, call, err);
        if (r == 0)
                r = snapshot_draft_begin(warm->host->snapshots, &warm->draft, err);
        if (r == 0) {
                attempt_set_request(&warm->builder, warm->request, &warm->files,
                                    clock_monotonic_us());
                r = order_builder(warm, theirs, err);
        }
        for (int i = 0; i < SEED_FILES; i++)
                cleanup_close(&theirs[i]);
        if (r == 0)
                on_request_pipe(&warm->request_pipe, 0);
        return r;
}

/* Of the call's request all but what is about the query, as JSON and parsed again. */
static int describe(struct warm *warm, const struct call *call, struct error *err)
{
        struct request request = *call->request;
        request.op = call->request->op == REQUEST_CHECK ? REQUEST_CHECK : REQUEST_DESCRIBE;
        request.sql = request.op == REQUEST_CHECK ? "SELECT 1" : NULL;
        request.as_of = NULL;
        request.n_tables = request.op == REQUEST_CHECK ? 0 : request.n_tables;
        request.limits.timeout_ms = BUILD_TIMEOUT_MS;
        request.limits.threads = sysconf(_SC_NPROCESSORS_ONLN);
        for (size_t i = 0; i < call->files.n; i++)
                memcpy(warm->sha256[i], call->files.items[i].sha256, HASH_HEX_SIZE);
        buf_init(&warm->request_text, REQUEST_BYTES_MAX);
        int r = request_write(&request, &warm->request_text, err);
        if (r == 0)
                r = request_parse(buf_text(&warm->request_text), warm->request_text.len,
                                  warm->arena, &warm->request, err);
        return r;
}

static struct warm *warm_new(struct host *host, const char *key)
{
        _cleanup_(arena_freep) struct arena *arena = arena_new(REQUEST_ARENA_MAX);
        struct warm *warm = arena ? alloc_calloc(1, sizeof(*warm)) : NULL;
        if (!warm)
                return NULL;
        warm->host = host;
        warm->arena = steal_ptr(&arena);
        warm->parent_pidfd = -1;
        warm->control.fd = warm->request_pipe.fd = -1;
        for (int i = 0; i < STREAM_COUNT; i++)
                warm->builder_streams[i].fd = -1;
        attempt_init(&warm->builder);
        warm->draft = SNAPSHOT_DRAFT_NONE;
        warm->snapshot = SNAPSHOT_NONE;
        warm->limits = (struct limits)LIMITS_DEFAULT;
        memcpy(warm->key, key, strlen(key) + 1);
        link_add(&host->warms, &warm->link);
        return warm;
}

/* The next step, once the seed can take an order. */
static int go_on(struct warm *warm, const struct call *call, struct error *err)
{
        if (!warm->key[0])
                return start_parent(warm, err);
        int r = snapshot_open(warm->host->snapshots, warm->key, warm->host->engine_version,
                              &warm->snapshot, err);
        if (r == 0)
                return start_builder(warm, call, err);
        return r < 0 ? r : 0;
}

static int key_of(const struct call *call, char ret[HASH_HEX_SIZE], struct error *err)
{
        char sha256[REQUEST_TABLES_MAX][HASH_HEX_SIZE];
        ret[0] = '\0';
        if (call->request->op == REQUEST_CHECK || call->request->n_tables == 0)
                return 0;
        for (size_t i = 0; i < call->files.n; i++)
                memcpy(sha256[i], call->files.items[i].sha256, HASH_HEX_SIZE);
        return snapshot_key(call->request, call->host->engine_version,
                            (const char(*)[HASH_HEX_SIZE])sha256, ret, err);
}

/* All that goes into a key is the same; to compare is quicker than to make another. */
static bool is_of_same_key(const struct warm *warm, const struct call *call)
{
        const struct request *one = warm->request;
        const struct request *two = call->request;
        if (!warm->key[0] || one->n_tables != two->n_tables || two->op == REQUEST_CHECK)
                return false;
        for (size_t i = 0; i < one->n_tables; i++)
                if (strcmp(warm->sha256[i], call->files.items[i].sha256) != 0 ||
                    strcmp(one->tables[i].name, two->tables[i].name) != 0 ||
                    strcmp(one->tables[i].format, two->tables[i].format) != 0 ||
                    !request_same_columns(&one->tables[i], &two->tables[i]))
                        return false;
        return true;
}

static struct warm *warm_of_same_key(const struct call *call)
{
        for (struct link *link = call->host->warms; link; link = link->next)
                if (is_of_same_key((struct warm *)link, call))
                        return (struct warm *)link;
        return NULL;
}

static struct warm *warm_find(struct host *host, const char *key)
{
        for (struct link *link = host->warms; link; link = link->next)
                if (strcmp(((struct warm *)link)->key, key) == 0)
                        return (struct warm *)link;
        return NULL;
}

/* One for the call, in whatever state. */
static int find_or_make(struct call *call, struct warm **ret, struct error *err)
{
        struct host *host = call->host;
        char key[HASH_HEX_SIZE];
        *ret = warm_of_same_key(call);
        if (*ret)
                return 0;
        int r = key_of(call, key, err);
        if (r < 0)
                return r;
        *ret = warm_find(host, key);
        if (*ret)
                return 0;
        warm_retire(host);
        struct warm *warm = warm_new(host, key);
        if (!warm)
                return error_oom(err);
        r = describe(warm, call, err);
        if (r == 0)
                r = go_on(warm, call, err);
        if (r < 0)
                warm_free(warm);
        else
                *ret = warm;
        return r;
}

int warm_attach(struct call *call, struct error *err)
{
        struct warm *warm = NULL;
        int r = find_or_make(call, &warm, err);
        if (r == 0) {
                call->warm = warm;
                warm->n_calls++;
        }
        return r;
}

void warm_detach(struct call *call)
{
        struct warm *warm = call->warm;
        if (!warm)
                return;
        call->warm = NULL;
        warm->n_calls--;
        warm->used_us = clock_monotonic_us();
}

void warm_abandon(struct warm *warm)
{
        if (warm->n_calls == 0 && warm->state != WARM_READY)
                warm_free(warm);
}

static void checked(struct warm *warm)
{
        struct error why = {0};
        struct error ignored = {0};
        char hex[HASH_HEX_SIZE];
        hash_final_hex(warm->hash, hex);
        hash_free(warm->hash);
        warm->hash = NULL;
        if (strcmp(hex, warm->snapshot.sha256) == 0) {
                if (start_parent(warm, &why) < 0)
                        fail(warm, &why);
                return;
        }
        /* It was altered: away with it, and made anew for whoever waits. */
        (void)snapshot_remove(warm->host->snapshots, warm->key, &ignored);
        snapshot_close(&warm->snapshot);
        struct call *call = find_call(warm, true);
        if (!call)
                warm_free(warm);
        else if (start_builder(warm, call, &why) < 0)
                fail(warm, &why);
}

bool warm_check_some(struct warm *warm)
{
        struct error why = {0};
        if (warm->state != WARM_CHECKING || !warm->snapshot.path)
                return false;
        if (!warm->hash)
                warm->hash = hash_new();
        _cleanup_free_ char *piece = alloc_malloc(CHECK_PIECE_BYTES);
        ssize_t n = -1;
        if (warm->hash && piece)
                n = read(warm->snapshot.fd, piece, CHECK_PIECE_BYTES);
        if (n < 0) {
                (void)error_set(&why, ERROR_IO, "the snapshot %s cannot be read",
                                warm->snapshot.path);
                fail(warm, &why);
        } else if (n == 0) {
                checked(warm);
        } else {
                hash_update(warm->hash, piece, (size_t)n);
        }
        return true;
}

static bool is_stuck(const struct warm *warm, int64_t now_us)
{
        bool waits =
                warm->state == WARM_STARTING || (warm->state == WARM_READY && warm->n_unborn > 0);
        return waits && now_us - warm->unborn_us > STUCK_US;
}

void warm_keep_time(struct warm *warm, int64_t now_us)
{
        if (warm->state == WARM_BUILDING)
                attempt_keep_time(&warm->builder);
        if (warm->refill_us && now_us >= warm->refill_us)
                child_refill(warm);
        if (is_stuck(warm, now_us)) {
                struct error why = {0};
                (void)error_set(&why, ERROR_RUNNER_INTERNAL,
                                "the warm process of these tables did not answer for %d seconds "
                                "and was ended; run it again",
                                (int)(STUCK_US / 1000000));
                fail(warm, &why);
        }
}

int64_t warm_wait_ms(const struct warm *warm)
{
        if (warm->refill_us) {
                int64_t left_us = warm->refill_us - clock_monotonic_us();
                return left_us <= 0 ? 0 : (left_us + 999) / 1000;
        }
        if (warm->state == WARM_STARTING || warm->n_unborn > 0)
                return 1000;
        return warm->state == WARM_BUILDING && !warm->builder.killed
                       ? attempt_wait_ms(&warm->builder)
                       : -1;
}

void warm_seed_word(struct host *host, const struct birth_word *word, int fd)
{
        struct warm *warm = NULL;
        struct error why = {0};
        for (struct link *link = host->warms; link && !warm; link = link->next)
                if (((struct warm *)link)->id == word->id)
                        warm = (struct warm *)link;
        if (!warm) {
                if (fd >= 0)
                        (void)syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
                cleanup_close(&fd);
                return;
        }
        bool is_builder = warm->state == WARM_BUILDING;
        if (word->saying == BIRTH_BORN) {
                int *known = is_builder ? &warm->builder.worker.pidfd : &warm->parent_pidfd;
                cleanup_close(known);
                *known = fd;
                if (is_builder && warm->builder.killed)
                        attempt_kill(&warm->builder);
                return;
        }
        cleanup_close(&fd);
        if (word->saying == BIRTH_UNBORN) {
                (void)error_set(&why, word->error ? word->error : ERROR_RUNNER_INTERNAL, "%s",
                                word->message);
                fail(warm, &why);
        } else if (is_builder) {
                for (int i = 0; i < STREAM_COUNT; i++)
                        if (warm->builder.streams[i].fd >= 0)
                                streams_take(host, &warm->builder, warm->builder_streams,
                                             &warm->builder_streams[i]);
                attempt_set_end(&warm->builder, word->status, word->peak_kb);
                built(warm, true);
        }
        /* A parent's death is heard on its control socket too, after its last words. */
}

void warm_retire(struct host *host)
{
        int64_t now = clock_monotonic_us();
        for (;;) {
                struct warm *oldest = NULL;
                size_t idle = 0;
                for (struct link *link = host->warms; link; link = link->next) {
                        struct warm *warm = (struct warm *)link;
                        if (warm->n_calls > 0 || warm->state != WARM_READY)
                                continue;
                        idle++;
                        if (!oldest || warm->used_us < oldest->used_us)
                                oldest = warm;
                }
                bool too_old = oldest && now - oldest->used_us > host->options->linger_ms * 1000 &&
                               host->options->linger_ms > 0;
                if (!oldest || (idle < host->options->parents && !too_old))
                        return;
                warm_free(oldest);
        }
}
