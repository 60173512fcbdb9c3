/* The kept events stand in a ring by their ids: event id is in slot id % events_max. */
#include "server/sse.h"

#include "base/alloc.h"
#include "base/cleanup.h"

#include <pthread.h>

struct slot {
        char *text;
        size_t bytes;
};

struct sse_log {
        pthread_mutex_t lock;
        size_t events_max;
        size_t bytes_max;
        size_t bytes;   /* of the kept ones */
        uint64_t first; /* the oldest kept id; last + 1 when none is */
        uint64_t last;  /* the newest id given; 0 before */
        bool has_ended;
        struct slot slots[];
};

int sse_log_new(size_t events_max, size_t bytes_max, struct sse_log **ret, struct error *err)
{
        struct sse_log *log = NULL;
        if (events_max == 0 || events_max > SIZE_MAX / 2 / sizeof(log->slots[0]))
                return error_set(err, ERROR_INTERNAL, "a log of %zu events is not possible",
                                 events_max);
        log = alloc_calloc(1, sizeof(*log) + events_max * sizeof(log->slots[0]));
        if (!log)
                return error_oom(err);
        if (pthread_mutex_init(&log->lock, NULL) != 0) {
                free(log);
                return error_oom(err);
        }
        log->events_max = events_max;
        log->bytes_max = bytes_max;
        log->first = 1;
        *ret = log;
        return 0;
}

void sse_log_free(struct sse_log *log)
{
        if (!log)
                return;
        for (size_t i = 0; i < log->events_max; i++)
                free(log->slots[i].text);
        (void)pthread_mutex_destroy(&log->lock);
        free(log);
}

static struct slot *slot_of(struct sse_log *log, uint64_t id)
{
        return &log->slots[id % log->events_max];
}

static void drop_oldest(struct sse_log *log)
{
        struct slot *slot = slot_of(log, log->first++);
        log->bytes -= slot->bytes;
        free(slot->text);
        *slot = (struct slot){0};
}

/* Takes over what text holds, as the event with the next id; a NULL text is one that is lost. */
static void keep(struct sse_log *log, char *text, size_t bytes)
{
        bool fits = text && bytes <= log->bytes_max;
        while (log->first <= log->last && (!fits || log->last - log->first + 1 == log->events_max ||
                                           log->bytes > log->bytes_max - bytes))
                drop_oldest(log);
        log->last++;
        if (fits) {
                *slot_of(log, log->last) = (struct slot){text, bytes};
                log->bytes += bytes;
        } else {
                free(text);
                log->first = log->last + 1;
        }
}

/* With the lock held, so that ids and events have one order. */
static int append_locked(struct sse_log *log, const char *name, const json_t *data,
                         struct error *err)
{
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, SIZE_MAX / 4);
        if (log->has_ended)
                return error_set(err, ERROR_INTERNAL, "the stream of events has ended");
        int r = sse_event(&text, log->last + 1, name, data, err);
        size_t bytes = text.len;
        keep(log, r == 0 ? buf_steal(&text) : NULL, bytes);
        return r;
}

int sse_log_append(struct sse_log *log, const char *name, const json_t *data, uint64_t *ret_id,
                   struct error *err)
{
        (void)pthread_mutex_lock(&log->lock);
        int r = append_locked(log, name, data, err);
        if (r == 0 && ret_id)
                *ret_id = log->last;
        (void)pthread_mutex_unlock(&log->lock);
        return r;
}

void sse_log_end(struct sse_log *log)
{
        (void)pthread_mutex_lock(&log->lock);
        log->has_ended = true;
        (void)pthread_mutex_unlock(&log->lock);
}

static enum sse_log_state read_locked(struct sse_log *log, uint64_t after_id, struct buf *out,
                                      uint64_t *ret_last)
{
        *ret_last = after_id;
        if (after_id + 1 < log->first || after_id > log->last) {
                *ret_last = log->last;
                return SSE_LOG_GONE;
        }
        for (uint64_t id = after_id + 1; id <= log->last; id++) {
                const struct slot *slot = slot_of(log, id);
                bool is_first = id == after_id + 1;
                if (!is_first && slot->bytes > out->max - out->len)
                        return SSE_LOG_MORE;
                buf_append(out, slot->text, slot->bytes);
                if (out->state != BUF_OK)
                        return SSE_LOG_MORE;
                *ret_last = id;
        }
        return log->has_ended ? SSE_LOG_ENDED : SSE_LOG_OPEN;
}

enum sse_log_state sse_log_read(struct sse_log *log, uint64_t after_id, struct buf *out,
                                uint64_t *ret_last)
{
        (void)pthread_mutex_lock(&log->lock);
        enum sse_log_state state = read_locked(log, after_id, out, ret_last);
        (void)pthread_mutex_unlock(&log->lock);
        return state;
}
