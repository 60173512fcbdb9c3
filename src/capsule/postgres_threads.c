#include "capsule/postgres_db.h"
#include "capsule/thread_ops.h"

#include <stdio.h>
#include <string.h>

#define THREAD_COLUMNS "id, owner, title, created_at, updated_at, last_seq"

static bool copy_column(const PGresult *row, int at, int column, char *out, size_t size)
{
        size_t n = (size_t)PQgetlength(row, at, column);
        if (n >= size)
                return false;
        memcpy(out, PQgetvalue(row, at, column), n + 1);
        return true;
}

static int row_failed(const struct postgres_db *db, const char *what, struct error *err)
{
        return error_set(err, ERROR_STORE,
                         "the capsule store, %s, is damaged: %s in it is not one; put it back from "
                         "a backup",
                         db->place, what);
}

static int read_thread(const struct postgres_db *db, const PGresult *row, struct thread *ret,
                       struct error *err)
{
        if (!copy_column(row, 0, 0, ret->id, sizeof(ret->id)) ||
            !copy_column(row, 0, 1, ret->owner, sizeof(ret->owner)) ||
            !copy_column(row, 0, 2, ret->title, sizeof(ret->title)) ||
            !copy_column(row, 0, 3, ret->created_at, sizeof(ret->created_at)) ||
            !copy_column(row, 0, 4, ret->updated_at, sizeof(ret->updated_at)))
                return row_failed(db, "a thread", err);
        ret->messages = postgres_number(row, 0, 5);
        return 0;
}

/* Its id is new, so doing it again after a connection was lost changes nothing. */
static int threads_new(struct postgres_db *db, const struct thread_call *call, struct error *err)
{
        const struct thread *thread = call->thread;
        return postgres_db_run(db,
                               &(struct postgres_query){"INSERT INTO threads (" THREAD_COLUMNS
                                                        ") VALUES ($1, $2, $3, $4, $4, 0) "
                                                        "ON CONFLICT DO NOTHING",
                                                        {thread->id, thread->owner, thread->title,
                                                         thread->created_at},
                                                        4},
                               NULL, err);
}

static int threads_get(struct postgres_db *db, const struct thread_call *call, struct error *err)
{
        _cleanup_result_ PGresult *result = NULL;
        struct thread thread = {0};
        int r = postgres_db_query(
                db,
                &(struct postgres_query){"SELECT " THREAD_COLUMNS
                                         " FROM threads WHERE id = $1 AND owner = $2",
                                         {call->id, call->owner},
                                         2},
                &result, err);
        if (r < 0)
                return r;
        if (PQntuples(result) == 0)
                return thread_not_found(call->id, err);
        r = read_thread(db, result, &thread, err);
        if (r == 0 && call->found)
                *call->found = thread;
        return r;
}

/* What a list hands on. */
struct reading {
        const struct postgres_db *db;
        const struct thread_call *call;
        struct error *err;
};

static int lend_thread(const PGresult *row, void *data)
{
        const struct reading *reading = data;
        struct thread thread = {0};
        int r = read_thread(reading->db, row, &thread, reading->err);
        return r < 0 ? r : reading->call->each_thread(&thread, reading->call->data);
}

static int threads_list(struct postgres_db *db, const struct thread_call *call, struct error *err)
{
        char limit[POSTGRES_NUMBER_SIZE];
        int64_t n;
        struct reading reading = {db, call, err};
        const struct thread_cursor *before = call->before;
        postgres_put_number(call->limit, limit);
        const struct postgres_query query = {
                before ? "SELECT " THREAD_COLUMNS " FROM threads WHERE owner = $1 AND (updated_at, "
                         "id) < ($3, $4) ORDER BY updated_at DESC, id DESC LIMIT $2::bigint"
                       : "SELECT " THREAD_COLUMNS " FROM threads WHERE owner = $1 ORDER BY "
                         "updated_at DESC, id DESC LIMIT $2::bigint",
                {call->owner, call->limit < 0 ? NULL : limit, before ? before->updated_at : NULL,
                 before ? before->id : NULL},
                before ? 4 : 2};
        return postgres_db_stream(db, &query, lend_thread, &reading, &n, err);
}

/* Counts the message in and gives it its seq. */
static int advance(struct postgres_db *db, const struct thread_call *call, struct error *err)
{
        _cleanup_result_ PGresult *result = NULL;
        int r = postgres_db_query(
                db,
                &(struct postgres_query){
                        "UPDATE threads SET last_seq = last_seq + 1, updated_at = "
                        "greatest(updated_at, $3), title = CASE title WHEN '' THEN $4 ELSE title "
                        "END WHERE id = $1 AND owner = $2 RETURNING last_seq",
                        {call->id, call->owner, call->message->created_at, call->title},
                        4},
                &result, err);
        if (r < 0)
                return r;
        if (PQntuples(result) == 0)
                return thread_not_found(call->id, err);
        call->message->seq = postgres_number(result, 0, 0);
        if (call->message->seq > THREAD_MESSAGES_MAX)
                return error_set(err, ERROR_INVALID_REQUEST,
                                 "the thread has %d messages, and may not have more; begin a new "
                                 "thread",
                                 THREAD_MESSAGES_MAX);
        return 0;
}

static int insert_message(struct postgres_db *db, const struct thread_call *call, struct error *err)
{
        const struct thread_message *message = call->message;
        char seq[POSTGRES_NUMBER_SIZE];
        postgres_put_number(message->seq, seq);
        int r = postgres_db_run(
                db,
                &(struct postgres_query){
                        "INSERT INTO messages (id, thread_id, seq, role, text, created_at, "
                        "run_ids, meta) VALUES ($1, $2, $3::bigint, $4, $5, $6, $7, $8)",
                        {message->id, call->id, seq, thread_role_name(message->role), message->text,
                         message->created_at, call->run_ids, call->meta},
                        8},
                NULL, err);
        db->witness.sql = "SELECT 1 FROM messages WHERE id = $1 AND $2::text = ''";
        (void)snprintf(db->witness.key, sizeof(db->witness.key), "%s", message->id);
        db->witness.hash[0] = '\0';
        return r;
}

static int threads_append(struct postgres_db *db, const struct thread_call *call, struct error *err)
{
        int r = postgres_db_begin(db, "", NULL, err);
        if (r < 0)
                return r;
        r = advance(db, call, err);
        if (r == 0)
                r = insert_message(db, call, err);
        return postgres_db_finish(db, r, err);
}

static int read_json(const struct reading *reading, const PGresult *row, int column, json_type type,
                     json_t **ret)
{
        int r = thread_parse(PQgetvalue(row, 0, column), (size_t)PQgetlength(row, 0, column),
                             ERROR_STORE, ret, reading->err);
        if (r < 0)
                return error_prefix(reading->err, r, "a message in the capsule store, %s",
                                    reading->db->place);
        return json_typeof(*ret) == type ? 0 : row_failed(reading->db, "a message", reading->err);
}

static int lend_message(const PGresult *row, void *data)
{
        const struct reading *reading = data;
        _cleanup_json_ json_t *run_ids = NULL;
        _cleanup_json_ json_t *meta = NULL;
        struct thread_message message = {.seq = postgres_number(row, 0, 1)};
        int r = read_json(reading, row, 5, JSON_ARRAY, &run_ids);
        if (r == 0)
                r = read_json(reading, row, 6, JSON_OBJECT, &meta);
        if (r < 0)
                return r;
        if (!copy_column(row, 0, 0, message.id, sizeof(message.id)) ||
            !copy_column(row, 0, 4, message.created_at, sizeof(message.created_at)))
                return row_failed(reading->db, "a message", reading->err);
        memcpy(message.thread_id, reading->call->id, UUID_TEXT_SIZE);
        message.role = strcmp(PQgetvalue(row, 0, 2), "user") == 0 ? THREAD_USER : THREAD_ASSISTANT;
        message.text = PQgetvalue(row, 0, 3);
        message.run_ids = run_ids;
        message.meta = meta;
        return reading->call->each_message(&message, reading->call->data);
}

static int threads_messages(struct postgres_db *db, const struct thread_call *call,
                            struct error *err)
{
        char after[POSTGRES_NUMBER_SIZE];
        char limit[POSTGRES_NUMBER_SIZE];
        int64_t n;
        struct reading reading = {db, call, err};
        int r = threads_get(db, call, err); /* is it the owner's? */
        if (r < 0)
                return r;
        postgres_put_number(call->after_seq, after);
        postgres_put_number(call->limit, limit);
        const struct postgres_query query = {
                "SELECT id, seq, role, text, created_at, run_ids, meta FROM messages WHERE "
                "thread_id = $1 AND seq > $2::bigint ORDER BY seq LIMIT $3::bigint",
                {call->id, after, call->limit < 0 ? NULL : limit},
                3};
        return postgres_db_stream(db, &query, lend_message, &reading, &n, err);
}

static int threads_rename(struct postgres_db *db, const struct thread_call *call, struct error *err)
{
        int64_t n = 0;
        int r = postgres_db_run(
                db,
                &(struct postgres_query){
                        "UPDATE threads SET title = $3 WHERE id = $1 AND owner = $2",
                        {call->id, call->owner, call->title},
                        3},
                &n, err);
        return r == 0 && n != 1 ? thread_not_found(call->id, err) : r;
}

static int delete_both(struct postgres_db *db, const struct thread_call *call, struct error *err)
{
        int64_t n = 0;
        int r = postgres_db_run(
                db,
                &(struct postgres_query){"DELETE FROM threads WHERE id = $1 AND owner = $2",
                                         {call->id, call->owner},
                                         2},
                &n, err);
        if (r == 0 && n != 1)
                return thread_not_found(call->id, err);
        return r < 0 ? r
                     : postgres_db_run(
                               db,
                               &(struct postgres_query){
                                       "DELETE FROM messages WHERE thread_id = $1", {call->id}, 1},
                               NULL, err);
}

static int threads_delete(struct postgres_db *db, const struct thread_call *call, struct error *err)
{
        int r = postgres_db_begin(db, "", NULL, err);
        if (r < 0)
                return r;
        r = delete_both(db, call, err);
        db->witness.sql = "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM threads WHERE id = $1) AND "
                          "$2::text = ''";
        (void)snprintf(db->witness.key, sizeof(db->witness.key), "%s", call->id);
        db->witness.hash[0] = '\0';
        return postgres_db_finish(db, r, err);
}

int postgres_threads_call(struct postgres_db *db, const struct thread_call *call, struct error *err)
{
        static int (*const calls[THREAD_OP_COUNT_])(
                struct postgres_db * db, const struct thread_call *call, struct error *err) = {
                [THREAD_NEW] = threads_new,           [THREAD_GET] = threads_get,
                [THREAD_LIST] = threads_list,         [THREAD_APPEND] = threads_append,
                [THREAD_MESSAGES] = threads_messages, [THREAD_RENAME] = threads_rename,
                [THREAD_DELETE] = threads_delete,
        };
        return calls[call->op](db, call, err);
}
