#include "capsule/sqlite_db.h"
#include "capsule/thread_ops.h"

#include <stdio.h>
#include <string.h>

#define THREAD_COLUMNS "id, owner, title, created_at, updated_at, last_seq"

static void bind_number(sqlite3_stmt *statement, const char *name, int64_t number)
{
        /* Fails only for a name that the statement does not have. */
        (void)sqlite3_bind_int64(statement, sqlite3_bind_parameter_index(statement, name), number);
}

/* A statement about one thread: :id, :owner, and :title if it is named. */
static int prepare(const struct sqlite_db *db, const char *sql, const struct thread_call *call,
                   sqlite3_stmt **ret, struct error *err)
{
        int r = sqlite_db_prepare(db, sql, ret, err);
        if (r == 0)
                r = sqlite_db_bind_text(db, *ret, ":id", call->id, err);
        if (r == 0)
                r = sqlite_db_bind_text(db, *ret, ":owner", call->owner, err);
        if (r == 0)
                r = sqlite_db_bind_text(db, *ret, ":title", call->title, err);
        return r;
}

/* To its end; *ret_changed is how many rows. */
static int run(const struct sqlite_db *db, const char *sql, const struct thread_call *call,
               int *ret_changed, struct error *err)
{
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        int r = prepare(db, sql, call, &statement, err);
        if (r == 0)
                r = sqlite_db_step(db, statement, err);
        if (r == 0)
                *ret_changed = sqlite3_changes(db->handle);
        return r;
}

/* False for NULL (no memory) and for what is too long to be ours. */
static bool copy_column(sqlite3_stmt *statement, int column, char *out, size_t size)
{
        const char *text = (const char *)sqlite3_column_text(statement, column);
        size_t n = text ? strlen(text) : size;
        if (n >= size)
                return false;
        memcpy(out, text, n + 1);
        return true;
}

static int row_failed(const struct sqlite_db *db, const char *what, struct error *err)
{
        if (sqlite3_errcode(db->handle) == SQLITE_NOMEM)
                return error_oom(err);
        return error_set(err, ERROR_STORE,
                         "the capsule store %s is damaged: %s in it is not one; put it back from a "
                         "backup",
                         db->path, what);
}

/* The row that the statement stands on, of THREAD_COLUMNS. */
static int read_thread(const struct sqlite_db *db, sqlite3_stmt *statement, struct thread *ret,
                       struct error *err)
{
        if (!copy_column(statement, 0, ret->id, sizeof(ret->id)) ||
            !copy_column(statement, 1, ret->owner, sizeof(ret->owner)) ||
            !copy_column(statement, 2, ret->title, sizeof(ret->title)) ||
            !copy_column(statement, 3, ret->created_at, sizeof(ret->created_at)) ||
            !copy_column(statement, 4, ret->updated_at, sizeof(ret->updated_at)))
                return row_failed(db, "a thread", err);
        ret->messages = sqlite3_column_int64(statement, 5);
        return 0;
}

static int threads_new(const struct sqlite_db *db, const struct thread_call *call,
                       struct error *err)
{
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        const struct thread *thread = call->thread;
        const struct thread_call what = {
                .id = thread->id, .owner = thread->owner, .title = thread->title};
        int r = prepare(db,
                        "INSERT INTO threads (" THREAD_COLUMNS ") VALUES (:id, :owner, :title, "
                        ":created_at, :created_at, 0)",
                        &what, &statement, err);
        if (r == 0)
                r = sqlite_db_bind_text(db, statement, ":created_at", thread->created_at, err);
        return r < 0 ? r : sqlite_db_step(db, statement, err);
}

/* To the row of the thread that the call is about; there must be one. */
static int step_to_thread(const struct sqlite_db *db, sqlite3_stmt *statement,
                          const struct thread_call *call, struct error *err)
{
        int r = sqlite_db_step(db, statement, err);
        return r == 0 ? thread_not_found(call->id, err) : r < 0 ? r : 0;
}

static int threads_get(const struct sqlite_db *db, const struct thread_call *call,
                       struct error *err)
{
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        struct thread thread = {0};
        int r = prepare(db,
                        "SELECT " THREAD_COLUMNS " FROM threads WHERE id = :id AND owner = :owner",
                        call, &statement, err);
        if (r == 0)
                r = step_to_thread(db, statement, call, err);
        if (r < 0)
                return r;
        r = read_thread(db, statement, &thread, err);
        if (r == 0 && call->found)
                *call->found = thread;
        return r;
}

static int threads_list(const struct sqlite_db *db, const struct thread_call *call,
                        struct error *err)
{
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        int r = prepare(db,
                        call->before ? "SELECT " THREAD_COLUMNS " FROM threads WHERE owner = :owner"
                                       " AND (updated_at, id) < (:updated_at, :before)"
                                       " ORDER BY updated_at DESC, id DESC LIMIT :limit"
                                     : "SELECT " THREAD_COLUMNS " FROM threads WHERE owner = :owner"
                                       " ORDER BY updated_at DESC, id DESC LIMIT :limit",
                        call, &statement, err);
        if (r == 0 && call->before)
                r = sqlite_db_bind_text(db, statement, ":updated_at", call->before->updated_at,
                                        err);
        if (r == 0 && call->before)
                r = sqlite_db_bind_text(db, statement, ":before", call->before->id, err);
        if (r == 0)
                bind_number(statement, ":limit", call->limit);
        while (r == 0 && (r = sqlite_db_step(db, statement, err)) == 1) {
                struct thread thread = {0};
                r = read_thread(db, statement, &thread, err);
                if (r == 0)
                        r = call->each_thread(&thread, call->data);
        }
        return r;
}

/* Counts the message in and gives it its seq. */
static int advance(const struct sqlite_db *db, const struct thread_call *call, struct error *err)
{
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        int r = prepare(db,
                        "UPDATE threads SET last_seq = last_seq + 1, updated_at = max(updated_at, "
                        ":created_at), title = CASE title WHEN '' THEN :title ELSE title END "
                        "WHERE id = :id AND owner = :owner RETURNING last_seq",
                        call, &statement, err);
        if (r == 0)
                r = sqlite_db_bind_text(db, statement, ":created_at", call->message->created_at,
                                        err);
        if (r == 0)
                r = step_to_thread(db, statement, call, err);
        if (r < 0)
                return r;
        call->message->seq = sqlite3_column_int64(statement, 0);
        if (call->message->seq > THREAD_MESSAGES_MAX)
                return error_set(err, ERROR_INVALID_REQUEST,
                                 "the thread has %d messages, and may not have more; begin a new "
                                 "thread",
                                 THREAD_MESSAGES_MAX);
        return sqlite_db_step(db, statement, err); /* to its end, which is the next */
}

static int insert_message(const struct sqlite_db *db, const struct thread_call *call,
                          struct error *err)
{
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        const struct thread_message *message = call->message;
        const char *const texts[][2] = {
                {":message_id", message->id}, {":role", thread_role_name(message->role)},
                {":text", message->text},     {":created_at", message->created_at},
                {":run_ids", call->run_ids},  {":meta", call->meta}};
        int r = prepare(db,
                        "INSERT INTO messages (id, thread_id, seq, role, text, created_at, "
                        "run_ids, meta) VALUES (:message_id, :id, :seq, :role, :text, "
                        ":created_at, :run_ids, :meta)",
                        call, &statement, err);
        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(texts); i++)
                r = sqlite_db_bind_text(db, statement, texts[i][0], texts[i][1], err);
        if (r == 0)
                bind_number(statement, ":seq", message->seq);
        return r < 0 ? r : sqlite_db_step(db, statement, err);
}

static int threads_append(const struct sqlite_db *db, const struct thread_call *call,
                          struct error *err)
{
        int r = sqlite_db_do(db, "BEGIN IMMEDIATE", err);
        if (r < 0)
                return r;
        r = advance(db, call, err);
        if (r == 0)
                r = insert_message(db, call, err);
        return sqlite_db_finish(db, r, err);
}

/* The row's JSON in that column, an array or an object. */
static int read_json(const struct sqlite_db *db, sqlite3_stmt *statement, int column,
                     json_type type, json_t **ret, struct error *err)
{
        const char *text = (const char *)sqlite3_column_text(statement, column);
        if (!text)
                return row_failed(db, "a message", err);
        int r = thread_parse(text, (size_t)sqlite3_column_bytes(statement, column), ERROR_STORE,
                             ret, err);
        if (r < 0)
                return error_prefix(err, r, "a message in the capsule store %s", db->path);
        return json_typeof(*ret) == type ? 0 : row_failed(db, "a message", err);
}

/* Calls each with the row that the statement stands on. */
static int lend_message(const struct sqlite_db *db, sqlite3_stmt *statement,
                        const struct thread_call *call, struct error *err)
{
        _cleanup_json_ json_t *run_ids = NULL;
        _cleanup_json_ json_t *meta = NULL;
        struct thread_message message = {.seq = sqlite3_column_int64(statement, 1)};
        const char *role = (const char *)sqlite3_column_text(statement, 2);
        int r = read_json(db, statement, 5, JSON_ARRAY, &run_ids, err);
        if (r == 0)
                r = read_json(db, statement, 6, JSON_OBJECT, &meta, err);
        if (r < 0)
                return r;
        message.text = (const char *)sqlite3_column_text(statement, 3);
        if (!role || !message.text || !copy_column(statement, 0, message.id, sizeof(message.id)) ||
            !copy_column(statement, 4, message.created_at, sizeof(message.created_at)))
                return row_failed(db, "a message", err);
        memcpy(message.thread_id, call->id, UUID_TEXT_SIZE);
        message.role = strcmp(role, "user") == 0 ? THREAD_USER : THREAD_ASSISTANT;
        message.run_ids = run_ids;
        message.meta = meta;
        return call->each_message(&message, call->data);
}

static int threads_messages(const struct sqlite_db *db, const struct thread_call *call,
                            struct error *err)
{
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        int r = threads_get(db, call, err); /* is it the owner's? */
        if (r == 0)
                r = prepare(db,
                            "SELECT id, seq, role, text, created_at, run_ids, meta FROM messages "
                            "WHERE thread_id = :id AND seq > :after ORDER BY seq LIMIT :limit",
                            call, &statement, err);
        if (r < 0)
                return r;
        bind_number(statement, ":after", call->after_seq);
        bind_number(statement, ":limit", call->limit);
        while (r == 0 && (r = sqlite_db_step(db, statement, err)) == 1)
                r = lend_message(db, statement, call, err);
        return r;
}

static int threads_rename(const struct sqlite_db *db, const struct thread_call *call,
                          struct error *err)
{
        int changed = 0;
        int r = run(db, "UPDATE threads SET title = :title WHERE id = :id AND owner = :owner", call,
                    &changed, err);
        return r == 0 && changed != 1 ? thread_not_found(call->id, err) : r;
}

static int threads_delete(const struct sqlite_db *db, const struct thread_call *call,
                          struct error *err)
{
        int changed = 0;
        int r = sqlite_db_do(db, "BEGIN IMMEDIATE", err);
        if (r < 0)
                return r;
        r = run(db, "DELETE FROM threads WHERE id = :id AND owner = :owner", call, &changed, err);
        if (r == 0 && changed != 1)
                r = thread_not_found(call->id, err);
        if (r == 0)
                r = run(db, "DELETE FROM messages WHERE thread_id = :id", call, &changed, err);
        return sqlite_db_finish(db, r, err);
}

int sqlite_threads_call(const struct sqlite_db *db, const struct thread_call *call,
                        struct error *err)
{
        static int (*const calls[THREAD_OP_COUNT_])(
                const struct sqlite_db *db, const struct thread_call *call, struct error *err) = {
                [THREAD_NEW] = threads_new,           [THREAD_GET] = threads_get,
                [THREAD_LIST] = threads_list,         [THREAD_APPEND] = threads_append,
                [THREAD_MESSAGES] = threads_messages, [THREAD_RENAME] = threads_rename,
                [THREAD_DELETE] = threads_delete,
        };
        return calls[call->op](db, call, err);
}
