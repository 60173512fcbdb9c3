/* Shared by host*.c only: the host, its calls, and the dataset versions that it keeps warm.
 *
 *   call   a client's: reading -> hashing -> preparing -> waiting -> running -> writing
 *   warm   a dataset version's: checking | building -> starting -> ready
 *   child  of a warm parent: idle (a spare), or with the call that it serves */
#ifndef ASKCSV_RUNNER_HOST_PRIVATE_H
#define ASKCSV_RUNNER_HOST_PRIVATE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/hash.h"
#include "protocol/host.h"
#include "runner/attempt.h"
#include "runner/births.h"
#include "runner/file_memo.h"
#include "runner/host.h"
#include "runner/loop.h"
#include "runner/seed.h"
#include "snapshot/snapshot.h"

struct host;
struct warm;
struct call;

/* A link in one of the host's lists; first in its owner. */
struct link {
        struct link *next, **back;
};
void link_add(struct link **list, struct link *link);
void link_remove(struct link *link);

struct child {
        struct link link; /* in warm->children */
        struct warm *warm;
        struct call *call; /* NULL while it is a spare */
        uint64_t id;
        struct limits limits;
        struct attempt attempt;
        struct watch streams[STREAM_COUNT];
        struct watch request; /* our end of the pipe that it reads its request from */
        size_t sent;          /* of the request */
        int64_t started_us;   /* its run */
};

enum warm_state {
        WARM_CHECKING, /* the snapshot's hash */
        WARM_BUILDING, /* the snapshot */
        WARM_STARTING, /* the parent */
        WARM_READY,
};

/* One dataset version. */
struct warm {
        struct link link; /* in host->warms */
        struct host *host;
        enum warm_state state;
        char key[HASH_HEX_SIZE]; /* "": no tables, for checks */
        struct arena *arena;
        struct request *request; /* a describe: the tables, and what a builder may use */
        struct buf request_text;
        char sha256[REQUEST_TABLES_MAX][HASH_HEX_SIZE]; /* of the tables' files */
        struct files files;                             /* while it is being built */
        struct snapshot snapshot;
        struct hash *hash; /* of the snapshot, while it is being checked */
        struct snapshot_draft draft;
        struct attempt builder;
        struct watch builder_streams[STREAM_COUNT];
        uint64_t id;          /* of its builder or parent, to the seed */
        bool copy;            /* the parent holds the tables in its memory, or else in the file */
        struct watch control; /* of the parent */
        int parent_pidfd;
        struct watch request_pipe; /* that the clone just ordered reads request_text from */
        size_t request_sent;
        struct link *children;
        size_t n_spares;
        size_t n_running;
        bool never_copy;      /* the tables do not fit into the parent's memory */
        size_t n_unborn;      /* ordered of the parent, and nothing heard of since ... */
        int64_t unborn_us;    /* ... this moment; while it starts, since when it does */
        int64_t refill_us;    /* when spares are to be made; 0: they are all there */
        size_t n_calls;       /* that need it */
        struct limits limits; /* of the last run: what spares are made for */
        int64_t used_us;      /* when the last call let go of it */
};

enum call_state {
        CALL_READING,
        CALL_HASHING,   /* files of which the hash is not known */
        CALL_PREPARING, /* until the warm parent is ready */
        CALL_WAITING,   /* in the queue */
        CALL_RUNNING,
        CALL_WRITING,
};

struct call {
        struct link link; /* in host->calls */
        struct host *host;
        enum call_state state;
        struct watch client;
        struct host_message message;
        struct buf input; /* the message and what it announces */
        char data_root[HOST_DATA_ROOT_MAX];
        const char *request_text; /* in input */
        struct arena *arena;
        struct request *request;
        struct files files;
        int64_t hashed_at_ms;
        int64_t submitted_us;
        struct warm *warm;
        struct child *child;
        struct queue_entry entry;
        struct buf output;
        size_t written;
        int64_t moved_us; /* when its client last wrote or read */
};

struct host {
        const struct host_options *options;
        char *snapshots; /* the folder */
        int folder_fd;   /* of the socket */
        int lock_fd;
        struct loop loop;
        struct watch listener;
        struct watch seed; /* its control socket */
        pid_t seed_pid;
        struct queue *queue;
        struct file_memo *memo;
        struct link *calls;
        struct link *warms;
        size_t n_calls;
        uint64_t next_id;
        int64_t idle_since_us; /* the last client left; before the first: as late as it may come */
        const char *engine_version;
        int64_t accept_again_us; /* no descriptor was left for another client; 0: there are some */
        int64_t tidied_us;       /* the snapshots; 0: not yet */
        size_t runs;             /* that were given to a child, for the status */
};

/* host_call.c */
void call_accept(struct host *host, int fd);
void call_free(struct call *call);
bool call_hash_some(struct call *call); /* a piece of a file; false: there is nothing to do */
void call_go_on(struct call *call);     /* its warm parent is ready */
void call_fail(struct call *call, const struct error *why);
void call_answer(struct call *call, struct attempt *attempt);
void call_keep_time(struct call *call, int64_t now_us);
int64_t call_wait_ms(const struct call *call, int64_t now_us); /* -1: nothing to wait for */

/* host_warm.c: finds or makes the warm parent for call->request, whose files' hashes are known, and
 * attaches the call to it. */
int warm_attach(struct call *call, struct error *err);
void warm_detach(struct call *call);
void warm_abandon(
        struct warm *warm); /* its calls were cancelled: if none is left, it is not made */
bool warm_check_some(struct warm *warm); /* a piece of the snapshot */
void warm_free(struct warm *warm);
void warm_fail_all(struct host *host, const struct error *why);
void warm_seed_word(struct host *host, const struct birth_word *word, int fd);
void warm_keep_time(struct warm *warm, int64_t now_us); /* it may be gone afterwards */
int64_t warm_wait_ms(const struct warm *warm);
void warm_retire(struct host *host); /* parents beyond those that are to be kept */

/* host_child.c */
void child_dispatch(struct host *host); /* as many waiting calls as there is room for */
void child_free(struct child *child);
void child_refill(struct warm *warm); /* all spares */
/* As many as have calls that wait for them, and one at least: to make others takes a core from
 * whoever runs, and so waits for a quiet moment. */
void child_keep_up(struct warm *warm);
void child_word(struct warm *warm, const struct birth_word *word, int fd);

/* host_pipe.c: writes what is left of text to a non-blocking pipe; closes and forgets it at the
 * end. */
int pipe_feed(struct host *host, struct watch *pipe, const char *text, size_t n, size_t *sent);
/* Makes the pipe; *ret_theirs is the reader's end. */
int pipe_open(struct host *host, struct watch *pipe, void *owner,
              void (*on_event)(struct watch *, uint32_t), int *ret_theirs, struct error *err);
void pipe_close(struct host *host, struct watch *pipe);
void streams_watch(struct host *host, struct attempt *attempt, struct watch watches[STREAM_COUNT],
                   void *owner, void (*on_event)(struct watch *, uint32_t), struct error *err);
/* Reads what one of them has; when that was its end, it is not waited for any more. */
void streams_take(struct host *host, struct attempt *attempt, struct watch watches[STREAM_COUNT],
                  struct watch *one);

/* host_status.c */
int host_put_status(struct host *host, struct buf *out, struct error *err);

#endif
