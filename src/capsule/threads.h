/* Conversations: threads and their messages, kept beside the capsules in the same store. Unlike a
 * capsule a thread may be changed and removed; the capsules of its runs stay. A thread belongs to
 * its owner; for anybody else there is none (ERROR_THREAD_NOT_FOUND). */
#ifndef ASKCSV_CAPSULE_THREADS_H
#define ASKCSV_CAPSULE_THREADS_H

#include "base/clock.h"
#include "base/error.h"
#include "base/uuid.h"
#include "capsule/store.h"

#include <jansson.h>
#include <stdint.h>

#define THREAD_OWNER_MAX 128         /* bytes */
#define THREAD_TITLE_MAX 80          /* characters (code points) */
#define THREAD_TEXT_MAX (256 * 1024) /* bytes of a message's text */
#define THREAD_META_MAX (256 * 1024) /* bytes of a message's meta as JSON */
#define THREAD_RUNS_MAX 64           /* run ids of a message */
#define THREAD_MESSAGES_MAX 10000    /* of a thread */

#define THREAD_TITLE_SIZE (THREAD_TITLE_MAX * 4 + 1)

struct thread {
        char id[UUID_TEXT_SIZE];          /* version 7 */
        char owner[THREAD_OWNER_MAX + 1]; /* a key's id, or "" */
        char title[THREAD_TITLE_SIZE];    /* one line of UTF-8; "" before the first user message */
        char created_at[CLOCK_TEXT_SIZE];
        char updated_at[CLOCK_TEXT_SIZE]; /* of the newest message; never goes back */
        int64_t messages;                 /* how many; the newest one's seq */
};

enum thread_role { THREAD_USER, THREAD_ASSISTANT };

const char *thread_role_name(enum thread_role role); /* "user", "assistant" */

struct thread_message {
        char id[UUID_TEXT_SIZE]; /* version 7 */
        char thread_id[UUID_TEXT_SIZE];
        int64_t seq; /* place in the thread, from 1, without gaps */
        enum thread_role role;
        const char *text; /* UTF-8 */
        char created_at[CLOCK_TEXT_SIZE];
        json_t *run_ids; /* array of run ids */
        json_t *meta;    /* object */
};

/* Failures of all of these: ERROR_THREAD_NOT_FOUND (also for an id that is none), ERROR_STORE,
 * ERROR_INVALID_REQUEST for a text that is too long, not UTF-8 or holds what it may not (the
 * message says what), ERROR_INTERNAL. owner is "" or a key's id. With a shared store any thread may
 * call them; `each` must not use the store. */

/* title may be NULL: the first user message gives it. *ret is set on success. */
int thread_new(struct capsule_store *store, const char *owner, const char *title,
               struct thread *ret, struct error *err);

int thread_get(struct capsule_store *store, const char *id, const char *owner, struct thread *ret,
               struct error *err);

/* Where a page of threads begins: behind the thread with these. */
struct thread_cursor {
        char updated_at[CLOCK_TEXT_SIZE];
        char id[UUID_TEXT_SIZE];
};

/* Calls each for the owner's threads, that with the newest message first, from before (NULL: the
 * first) on, at most limit (0: all), until it returns non-zero, which is then the result. */
int thread_list(struct capsule_store *store, const char *owner, const struct thread_cursor *before,
                int64_t limit, int (*each)(const struct thread *thread, void *data), void *data,
                struct error *err);

/* Keeps a message behind the thread's others, in one transaction with the thread's updated_at and
 * title. Of message role, text, run_ids (NULL: none) and meta (NULL: {}) are read and stay the
 * caller's; id, thread_id, seq and created_at are set on success. A user's text may not be empty.
 */
int thread_append(struct capsule_store *store, const char *id, const char *owner,
                  struct thread_message *message, struct error *err);

/* Calls each for the messages with a seq above after_seq, in order, at most limit (0: all), until
 * it returns non-zero, which is then the result. The message is only lent. */
int thread_messages(struct capsule_store *store, const char *id, const char *owner,
                    int64_t after_seq, int64_t limit,
                    int (*each)(const struct thread_message *message, void *data), void *data,
                    struct error *err);

/* title: 1 to THREAD_TITLE_MAX characters without control characters, not all blank. updated_at
 * stays as it is. */
int thread_rename(struct capsule_store *store, const char *id, const char *owner, const char *title,
                  struct error *err);

/* With its messages; the capsules of their runs stay. */
int thread_delete(struct capsule_store *store, const char *id, const char *owner,
                  struct error *err);

#endif
