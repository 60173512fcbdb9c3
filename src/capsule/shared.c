/* A store that many threads of one process use. What they write at the same moment is committed
 * together: a commit waits for the disk, and a server would do little else. Whoever finds nobody
 * writing becomes the writer of all that waits; nobody needs a thread of its own for it. */
#include "capsule/store.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "capsule/servers_ops.h"
#include "capsule/store_ops.h"
#include "capsule/thread_ops.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* One write that waits for its commit. */
struct write {
        int (*call)(struct capsule_store *inner, struct write *write);
        const struct capsule *insert; /* or the one to be updated */
        struct capsule *seal;
        struct error *err;
        int r;
        bool is_done;
        struct write *next;
};

struct shared_store {
        struct capsule_store base;
        struct capsule_store *writer;
        struct capsule_store *reader;
        pthread_mutex_t lock; /* of the queue */
        pthread_cond_t done;  /* some writes are committed, or nobody writes */
        struct write *first, *last;
        bool is_writing;         /* somebody uses the writer */
        pthread_mutex_t reading; /* held while the reader is used */
};

static struct shared_store *shared_of(struct capsule_store *store)
{
        return (struct shared_store *)(void *)store;
}

static void shared_free(struct capsule_store *base)
{
        struct shared_store *store = shared_of(base);
        capsule_store_free(store->reader);
        capsule_store_free(store->writer);
        (void)pthread_cond_destroy(&store->done);
        (void)pthread_mutex_destroy(&store->lock);
        (void)pthread_mutex_destroy(&store->reading);
        free(store);
}

static int do_insert(struct capsule_store *inner, struct write *write)
{
        return inner->ops->insert(inner, write->insert, write->err);
}

static int do_update(struct capsule_store *inner, struct write *write)
{
        return inner->ops->update(inner, write->insert, write->err);
}

static int do_seal(struct capsule_store *inner, struct write *write)
{
        return inner->ops->seal(inner, write->seal, write->err);
}

static int do_probe(struct capsule_store *inner, struct write *write)
{
        return inner->ops->probe(inner, write->err);
}

static void fail_all(struct write *first, const struct error *why)
{
        for (struct write *write = first; write; write = write->next) {
                if (write->err && write->r == 0)
                        *write->err = *why;
                if (write->r == 0)
                        write->r = -(int)why->type;
        }
}

/* All of them in one transaction; one that fails by itself leaves the others alone. */
static void commit_all(struct shared_store *store, struct write *first)
{
        struct capsule_store *inner = store->writer;
        struct error why = {0};
        int r = inner->ops->batch_begin(inner, &why);
        for (struct write *write = first; r == 0 && write; write = write->next)
                write->r = write->call(inner, write);
        if (r == 0)
                r = inner->ops->batch_end(inner, &why);
        if (r < 0)
                fail_all(first, &why);
}

/* With the lock held: becomes the writer, of what waits until then. */
static void write_waiting(struct shared_store *store)
{
        struct write *first = store->first;
        store->first = store->last = NULL;
        store->is_writing = true;
        (void)pthread_mutex_unlock(&store->lock);
        commit_all(store, first);
        (void)pthread_mutex_lock(&store->lock);
        store->is_writing = false;
        for (struct write *write = first, *next; write; write = next) {
                next = write->next; /* whoever waits for it may be gone at once */
                write->is_done = true;
        }
        (void)pthread_cond_broadcast(&store->done);
}

static int shared_write(struct shared_store *store, struct write *write)
{
        (void)pthread_mutex_lock(&store->lock);
        if (store->last)
                store->last->next = write;
        else
                store->first = write;
        store->last = write;
        while (!write->is_done) {
                if (store->is_writing)
                        (void)pthread_cond_wait(&store->done, &store->lock);
                else
                        write_waiting(store);
        }
        (void)pthread_mutex_unlock(&store->lock);
        return write->r;
}

static int shared_insert(struct capsule_store *base, const struct capsule *capsule,
                         struct error *err)
{
        struct write write = {.call = do_insert, .insert = capsule, .err = err};
        return shared_write(shared_of(base), &write);
}

static int shared_update(struct capsule_store *base, const struct capsule *capsule,
                         struct error *err)
{
        struct write write = {.call = do_update, .insert = capsule, .err = err};
        return shared_write(shared_of(base), &write);
}

static int shared_seal(struct capsule_store *base, struct capsule *capsule, struct error *err)
{
        struct write write = {.call = do_seal, .seal = capsule, .err = err};
        return shared_write(shared_of(base), &write);
}

static int shared_probe(struct capsule_store *base, struct error *err)
{
        struct write write = {.call = do_probe, .err = err};
        return shared_write(shared_of(base), &write);
}

/* The writer alone, for what makes transactions of its own. */
static struct capsule_store *writer_take(struct shared_store *store)
{
        (void)pthread_mutex_lock(&store->lock);
        while (store->is_writing)
                (void)pthread_cond_wait(&store->done, &store->lock);
        store->is_writing = true;
        (void)pthread_mutex_unlock(&store->lock);
        return store->writer;
}

static void writer_give(struct shared_store *store)
{
        (void)pthread_mutex_lock(&store->lock);
        store->is_writing = false;
        (void)pthread_cond_broadcast(&store->done);
        (void)pthread_mutex_unlock(&store->lock);
}

static struct capsule_store *reader_take(struct shared_store *store)
{
        (void)pthread_mutex_lock(&store->reading);
        return store->reader;
}

static void reader_give(struct shared_store *store)
{
        (void)pthread_mutex_unlock(&store->reading);
}

static void shared_set_wait(struct capsule_store *base, int wait_ms)
{
        struct shared_store *store = shared_of(base);
        capsule_store_set_wait(writer_take(store), wait_ms);
        writer_give(store);
        capsule_store_set_wait(reader_take(store), wait_ms);
        reader_give(store);
}

static void shared_set_lease(struct capsule_store *base, int lease_ms)
{
        struct shared_store *store = shared_of(base);
        capsule_store_set_lease(writer_take(store), lease_ms);
        writer_give(store);
}

static int shared_recover(struct capsule_store *base, size_t *ret_count, struct error *err)
{
        struct shared_store *store = shared_of(base);
        int r = capsule_store_recover(writer_take(store), ret_count, err);
        writer_give(store);
        return r;
}

static int shared_get(struct capsule_store *base, const char *run_id, struct capsule **ret,
                      struct error *err)
{
        struct shared_store *store = shared_of(base);
        struct capsule_store *inner = reader_take(store);
        int r = inner->ops->get(inner, run_id, ret, err);
        reader_give(store);
        return r;
}

static int shared_asker(struct capsule_store *base, const char *run_id, char *out,
                        struct error *err)
{
        struct shared_store *store = shared_of(base);
        struct capsule_store *inner = reader_take(store);
        int r = inner->ops->asker(inner, run_id, out, err);
        reader_give(store);
        return r;
}

static int shared_list(struct capsule_store *base, const struct capsule_filter *filter,
                       int (*each)(const struct capsule *capsule, void *data), void *data,
                       struct error *err)
{
        struct shared_store *store = shared_of(base);
        struct capsule_store *inner = reader_take(store);
        int r = inner->ops->list(inner, filter, each, data, err);
        reader_give(store);
        return r;
}

/* The reader is kept until the snapshot ends; what is asked in between comes from the same
 * thread and finds it locked by itself: see the inner calls below. */
static int shared_snapshot_begin(struct capsule_store *base, struct error *err)
{
        struct shared_store *store = shared_of(base);
        struct capsule_store *inner = reader_take(store);
        int r = inner->ops->snapshot_begin(inner, err);
        if (r < 0)
                reader_give(store);
        return r;
}

static void shared_snapshot_end(struct capsule_store *base)
{
        struct shared_store *store = shared_of(base);
        store->reader->ops->snapshot_end(store->reader);
        reader_give(store);
}

/* head, place and sealed may be asked within a snapshot: the lock knows its holder. */
static int shared_head(struct capsule_store *base, struct chain_head *ret, struct error *err)
{
        struct shared_store *store = shared_of(base);
        struct capsule_store *inner = reader_take(store);
        int r = inner->ops->head(inner, ret, err);
        reader_give(store);
        return r;
}

static int shared_retentions(struct capsule_store *base, int64_t *ret_n, int64_t *ret_newest,
                             struct error *err)
{
        struct shared_store *store = shared_of(base);
        struct capsule_store *inner = reader_take(store);
        int r = inner->ops->retentions(inner, ret_n, ret_newest, err);
        reader_give(store);
        return r;
}

static int shared_remove(struct capsule_store *base, struct capsule *capsule, int64_t after,
                         int64_t through, struct error *err)
{
        struct shared_store *store = shared_of(base);
        struct capsule_store *inner = writer_take(store);
        int r = inner->ops->remove(inner, capsule, after, through, err);
        writer_give(store);
        return r;
}

static int shared_place(struct capsule_store *base, const char *run_id, int64_t *ret_seq,
                        struct error *err)
{
        struct shared_store *store = shared_of(base);
        struct capsule_store *inner = reader_take(store);
        int r = inner->ops->place(inner, run_id, ret_seq, err);
        reader_give(store);
        return r;
}

static int shared_sealed(struct capsule_store *base, int64_t from, int64_t to,
                         int (*each)(const struct stored_row *row, void *data), void *data,
                         struct error *err)
{
        struct shared_store *store = shared_of(base);
        struct capsule_store *inner = reader_take(store);
        int r = inner->ops->sealed(inner, from, to, each, data, err);
        reader_give(store);
        return r;
}

static int shared_threads(struct capsule_store *base, const struct thread_call *call,
                          struct error *err)
{
        struct shared_store *store = shared_of(base);
        bool writes = thread_op_writes(call->op);
        struct capsule_store *inner = writes ? writer_take(store) : reader_take(store);
        int r = inner->ops->threads(inner, call, err);
        if (writes)
                writer_give(store);
        else
                reader_give(store);
        return r;
}

static bool shared_is_shared(const struct capsule_store *base)
{
        return store_is_shared(((const struct shared_store *)(const void *)base)->writer);
}

static int shared_servers(struct capsule_store *base, struct servers_call *call, struct error *err)
{
        struct shared_store *store = shared_of(base);
        struct capsule_store *inner = writer_take(store);
        int r = inner->ops->servers(inner, call, err);
        writer_give(store);
        return r;
}

static int shared_batch_begin(struct capsule_store *base, struct error *err)
{
        (void)base;
        return error_set(err, ERROR_INTERNAL, "a shared store makes its batches itself");
}

static int shared_batch_end(struct capsule_store *base, struct error *err)
{
        return shared_batch_begin(base, err);
}

static const struct capsule_store_ops shared_ops = {
        .free = shared_free,
        .set_wait = shared_set_wait,
        .set_lease = shared_set_lease,
        .insert = shared_insert,
        .update = shared_update,
        .seal = shared_seal,
        .probe = shared_probe,
        .recover = shared_recover,
        .get = shared_get,
        .asker = shared_asker,
        .list = shared_list,
        .snapshot_begin = shared_snapshot_begin,
        .snapshot_end = shared_snapshot_end,
        .head = shared_head,
        .retentions = shared_retentions,
        .remove = shared_remove,
        .place = shared_place,
        .sealed = shared_sealed,
        .batch_begin = shared_batch_begin,
        .batch_end = shared_batch_end,
        .threads = shared_threads,
        .is_shared = shared_is_shared,
        .servers = shared_servers,
};

int capsule_store_open_shared(const char *url, struct capsule_store **ret, struct error *err)
{
        struct shared_store *store = alloc_calloc(1, sizeof(*store));
        pthread_mutexattr_t recursive;
        if (!store)
                return error_oom(err);
        store->base.ops = &shared_ops;
        (void)pthread_mutexattr_init(&recursive);
        (void)pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
        (void)pthread_mutex_init(&store->reading, &recursive);
        (void)pthread_mutexattr_destroy(&recursive);
        (void)pthread_mutex_init(&store->lock, NULL);
        (void)pthread_cond_init(&store->done, NULL);
        int r = capsule_store_open(url, &store->writer, err);
        if (r == 0)
                r = capsule_store_open(url, &store->reader, err);
        if (r < 0)
                shared_free(&store->base);
        else
                *ret = &store->base;
        return r;
}
