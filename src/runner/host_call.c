/* One client's call, from its first byte to the last one of its answer. */
#include "runner/host_private.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"

#include <string.h>
#include <unistd.h>

#define CALL_INPUT_MAX                                                                             \
        (sizeof(struct host_message) + HOST_DATA_ROOT_MAX + HOST_CLIENT_MAX + REQUEST_BYTES_MAX)
#define CALL_CHUNK_BYTES 65536
#define CLIENT_PATIENCE_US (60 * INT64_C(1000000)) /* with one that neither reads nor writes */

void call_free(struct call *call)
{
        struct host *host = call->host;
        int fd = call->client.fd;
        if (call->child)
                child_free(call->child);
        queue_remove(host->queue, &call->entry, -1);
        struct warm *warm = call->state == CALL_PREPARING ? call->warm : NULL;
        warm_detach(call);
        if (warm)
                warm_abandon(warm);
        loop_remove(&host->loop, &call->client);
        cleanup_close(&fd);
        files_close(&call->files);
        arena_free(call->arena);
        buf_done(&call->input);
        buf_done(&call->output);
        link_remove(&call->link);
        host->n_calls--;
        /* Who only looks, as `askcsv doctor` does, neither keeps the host nor ends it: the client
         * that started it may not have connected yet. */
        if (call->message.call != HOST_CALL_STATUS)
                host->idle_since_us = clock_monotonic_us();
        free(call);
}

static void write_output(struct call *call)
{
        size_t before = call->written;
        int r = fd_send_some(call->client.fd, call->output.data, call->output.len, &call->written);
        if (call->written > before)
                call->moved_us = clock_monotonic_us();
        if (r == 0 && call->written < call->output.len)
                loop_change(&call->host->loop, &call->client, EPOLLOUT | EPOLLRDHUP);
        else
                call_free(call);
}

/* The answer is in call->output, unless r says that there was no memory for it. The call is gone
 * afterwards, or writing. */
static void send_output(struct call *call, int r)
{
        call->state = CALL_WRITING;
        call->moved_us = clock_monotonic_us();
        if (r < 0) {
                call_free(call);
                return;
        }
        warm_detach(call);
        files_shut(&call->files);
        write_output(call);
}

void call_answer(struct call *call, struct attempt *attempt)
{
        struct error err = {0};
        call->child = NULL; /* the caller's to free */
        send_output(call, attempt_put_response(attempt, &call->output, &err));
}

void call_fail(struct call *call, const struct error *why)
{
        struct error err = {0};
        struct attempt attempt;
        if (!call->request) {
                send_output(call, response_put_refusal(why, &call->output, &err));
                return;
        }
        attempt_init(&attempt);
        attempt_set_request(&attempt, call->request, &call->files, call->submitted_us);
        attempt.failure = *why;
        (void)attempt_take_words(&attempt);
        int r = attempt_put_response(&attempt, &call->output, &err);
        attempt_done(&attempt);
        send_output(call, r);
}

/* Into the queue, and out of it at once when there is room. */
void call_go_on(struct call *call)
{
        struct error err = {0};
        call->state = CALL_WAITING;
        files_shut(&call->files); /* many may wait, with many files each */
        call->entry.memory_mb = call->request->limits.memory_mb;
        struct warm *warm = call->warm;
        if (queue_add(call->host->queue, &call->entry, &err) < 0) {
                call_fail(call, &err);
                return;
        }
        child_dispatch(warm->host);
        child_keep_up(warm);
}

static void prepare(struct call *call)
{
        struct error err = {0};
        call->state = CALL_PREPARING;
        if (warm_attach(call, &err) < 0)
                call_fail(call, &err);
        else if (call->warm->state == WARM_READY)
                call_go_on(call);
}

static void all_hashed(struct call *call)
{
        struct error err = {0};
        if (files_check_unchanged(&call->files, &err) < 0) {
                call_fail(call, &err);
                return;
        }
        for (size_t i = 0; i < call->files.n; i++)
                file_memo_note(call->host->memo, call->files.items[i].table->path,
                               &call->files.items[i].at_start, call->hashed_at_ms,
                               call->files.items[i].sha256);
        (void)file_memo_save(call->host->memo, &err);
        prepare(call);
}

bool call_hash_some(struct call *call)
{
        struct error err = {0};
        if (call->state != CALL_HASHING)
                return false;
        int r = files_hash_some(&call->files, &err);
        if (r < 0)
                call_fail(call, &err);
        else if (r == 0)
                all_hashed(call);
        return true;
}

/* What the memo knows need not be hashed. */
static int recall_hashes(struct call *call, size_t *ret_unknown, struct error *err)
{
        *ret_unknown = 0;
        for (size_t i = 0; i < call->files.n; i++) {
                struct file *file = &call->files.items[i];
                const char *known =
                        file_memo_find(call->host->memo, file->table->path, &file->at_start);
                int r = known ? files_set_known(&call->files, i, known, err) : 0;
                if (r < 0)
                        return r;
                *ret_unknown += !known;
        }
        return 0;
}

static int begin_run(struct call *call, size_t *ret_unknown, struct error *err)
{
        call->arena = arena_new(REQUEST_ARENA_MAX);
        if (!call->arena)
                return error_oom(err);
        int r = request_parse(call->request_text, call->message.request_bytes, call->arena,
                              &call->request, err);
        if (r == 0 && call->request->op == REQUEST_EXPORT)
                return error_set(err, ERROR_INVALID_REQUEST,
                                 "the host of warm tables writes no files; give the op \"export\" "
                                 "to an askcsv-runner of its own");
        if (r == 0)
                r = files_open(call->request, call->data_root, &call->files, err);
        return r < 0 ? r : recall_hashes(call, ret_unknown, err);
}

static void begin(struct call *call)
{
        struct error err = {0};
        size_t unknown = 0;
        call->submitted_us = clock_monotonic_us();
        call->hashed_at_ms = clock_utc_ms();
        if (call->message.call == HOST_CALL_STATUS) {
                send_output(call, host_put_status(call->host, &call->output, &err));
                return;
        }
        if (begin_run(call, &unknown, &err) < 0)
                call_fail(call, &err);
        else if (unknown > 0)
                call->state = CALL_HASHING;
        else
                prepare(call);
}

/* 1: the message and all that it announces is there; 0: not yet; negative: it is none. */
static int take_message(struct call *call)
{
        const char *at = buf_text(&call->input) + sizeof(call->message);
        struct host_message *message = &call->message;
        if (call->input.len < sizeof(*message))
                return 0;
        memcpy(message, call->input.data, sizeof(*message));
        size_t whole = sizeof(*message) + message->data_root_bytes + message->client_bytes +
                       (size_t)message->request_bytes;
        if (message->magic != HOST_MAGIC || message->data_root_bytes >= HOST_DATA_ROOT_MAX ||
            message->client_bytes >= HOST_CLIENT_MAX ||
            message->request_bytes > REQUEST_BYTES_MAX || call->input.len > whole)
                return -1;
        if (call->input.len < whole)
                return 0;
        memcpy(call->data_root, at, message->data_root_bytes);
        memcpy(call->entry.client, at + message->data_root_bytes, message->client_bytes);
        call->request_text = at + message->data_root_bytes + message->client_bytes;
        return 1;
}

static void read_input(struct call *call)
{
        char chunk[CALL_CHUNK_BYTES];
        ssize_t n = fd_receive(call->client.fd, chunk, sizeof(chunk));
        if (n < 0)
                return;
        call->moved_us = clock_monotonic_us();
        if (n > 0)
                buf_append(&call->input, chunk, (size_t)n);
        int r = n > 0 && call->input.state == BUF_OK ? take_message(call) : -1;
        if (r < 0) {
                call_free(call);
                return;
        }
        if (r > 0) {
                loop_change(&call->host->loop, &call->client, EPOLLRDHUP);
                begin(call);
        }
}

static void on_client(struct watch *watch, uint32_t events)
{
        struct call *call = watch->owner;
        /* Before its message is whole a client may only write, and after it only read. */
        if (call->state == CALL_READING && events & EPOLLIN)
                read_input(call);
        else if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
                call_free(call);
        else if (call->state == CALL_WRITING)
                write_output(call);
}

void call_accept(struct host *host, int fd)
{
        struct error ignored = {0};
        struct call *call = alloc_calloc(1, sizeof(*call));
        if (!call) {
                (void)close(fd);
                return;
        }
        call->host = host;
        call->moved_us = clock_monotonic_us();
        call->client = (struct watch){.fd = -1, .on_event = on_client, .owner = call};
        buf_init(&call->input, CALL_INPUT_MAX);
        link_add(&host->calls, &call->link);
        host->n_calls++;
        if (loop_add(&host->loop, &call->client, fd, EPOLLIN | EPOLLRDHUP, &ignored) < 0) {
                (void)close(fd);
                call_free(call);
        }
}

static int64_t call_deadline_us(const struct call *call)
{
        return call->submitted_us + call->request->limits.timeout_ms * 1000;
}

static bool is_before_its_run(const struct call *call)
{
        return call->state == CALL_HASHING || call->state == CALL_PREPARING ||
               call->state == CALL_WAITING;
}

static void time_out(struct call *call)
{
        struct error why = {0};
        long long ms = call->request->limits.timeout_ms;
        if (call->state == CALL_WAITING)
                (void)error_set(&why, ERROR_RUNNER_TIMEOUT,
                                "the run waited for its turn until its deadline of %lld ms; %zu "
                                "others run or wait; try again later, or raise --timeout-ms",
                                ms,
                                queue_running(call->host->queue) +
                                        queue_waiting(call->host->queue) - 1);
        else if (call->state == CALL_HASHING)
                (void)error_set(&why, ERROR_RUNNER_TIMEOUT,
                                "the tables' files were not all hashed by the deadline of %lld "
                                "ms; raise --timeout-ms",
                                ms);
        else
                (void)error_set(&why, ERROR_RUNNER_TIMEOUT,
                                "the tables' files are still being read for the first time after "
                                "the deadline of %lld ms; that goes on for a while: try again in "
                                "a minute, or raise --timeout-ms",
                                ms);
        call_fail(call, &why);
}

/* Its child was ordered and is still not there: the parent is busy, or worse. */
static void give_up_unborn(struct call *call)
{
        struct error why = {0};
        (void)error_set(&why, ERROR_RUNNER_TIMEOUT,
                        "the run could not begin before its deadline of %lld ms, as its tables "
                        "were still being got ready; try again, or raise --timeout-ms",
                        (long long)call->request->limits.timeout_ms);
        struct child *child = call->child;
        call->child = NULL;
        child_free(child);
        queue_remove(call->host->queue, &call->entry, -1);
        call_fail(call, &why);
}

static void keep_running_time(struct call *call)
{
        struct attempt *attempt = &call->child->attempt;
        attempt_keep_time(attempt);
        if (attempt->killed && attempt->worker.pidfd < 0)
                give_up_unborn(call);
}

void call_keep_time(struct call *call, int64_t now_us)
{
        bool on_client = call->state == CALL_READING || call->state == CALL_WRITING;
        if (call->state == CALL_RUNNING)
                keep_running_time(call);
        else if (on_client && now_us - call->moved_us > CLIENT_PATIENCE_US)
                call_free(call);
        else if (is_before_its_run(call) && now_us >= call_deadline_us(call))
                time_out(call);
}

int64_t call_wait_ms(const struct call *call, int64_t now_us)
{
        if (call->state == CALL_RUNNING)
                return call->child->attempt.killed ? -1 : attempt_wait_ms(&call->child->attempt);
        if (!is_before_its_run(call))
                return CLIENT_PATIENCE_US / 1000;
        int64_t left_us = call_deadline_us(call) - now_us;
        return left_us <= 0 ? 0 : (left_us + 999) / 1000;
}
