#include "capsule/postgres_db.h"
#include "capsule/servers_ops.h"

#include "base/alloc.h"
#include "base/buf.h"

#include <inttypes.h>
#include <string.h>

#define BUCKETS_BYTES_MAX (16 * 1024 * 1024)

static int ask_cancel(struct postgres_db *db, struct servers_call *call, struct error *err)
{
        _cleanup_result_ PGresult *result = NULL;
        int r = postgres_db_query(
                db,
                &(struct postgres_query){
                        "INSERT INTO cancels (run_id, asked_at) SELECT run_id, clock_timestamp() "
                        "FROM capsules WHERE run_id = $1 AND seq IS NULL ON CONFLICT (run_id) DO "
                        "UPDATE SET asked_at = clock_timestamp() RETURNING 1",
                        {call->run_id},
                        1},
                &result, err);
        call->n = r < 0 ? 0 : PQntuples(result);
        return r;
}

static int cancels(struct postgres_db *db, struct servers_call *call, struct error *err)
{
        static const struct postgres_query over = {
                .sql = "DELETE FROM cancels x WHERE NOT EXISTS (SELECT 1 FROM capsules c WHERE "
                       "c.run_id = x.run_id AND c.seq IS NULL)"};
        static const struct postgres_query asked = {.sql = "SELECT run_id FROM cancels"};
        _cleanup_result_ PGresult *result = NULL;
        int r = postgres_db_query(db, &asked, &result, err);
        if (r < 0 || PQntuples(result) == 0)
                return r;
        for (int i = 0; i < PQntuples(result); i++)
                call->each_run(PQgetvalue(result, i, 0), call->data);
        return postgres_db_run(db, &over, NULL, err);
}

static int document_get(struct postgres_db *db, struct servers_call *call, struct error *err)
{
        _cleanup_result_ PGresult *result = NULL;
        char known[POSTGRES_NUMBER_SIZE];
        postgres_put_number(call->version, known);
        int r = postgres_db_query(
                db,
                &(struct postgres_query){
                        "SELECT version, CASE WHEN version <> $2::bigint THEN body END FROM "
                        "documents WHERE name = $1",
                        {call->name, known},
                        2},
                &result, err);
        if (r < 0)
                return r;
        bool there = PQntuples(result) > 0;
        call->version = there ? postgres_number(result, 0, 0) : 0;
        if (!there || !postgres_text(result, 0, 1))
                return 0;
        call->body = alloc_strdup(PQgetvalue(result, 0, 1));
        return call->body ? 0 : error_oom(err);
}

/* Asked again after a connection was lost, it finds the version another: nothing is done twice. */
static int document_put(struct postgres_db *db, struct servers_call *call, struct error *err)
{
        char version[POSTGRES_NUMBER_SIZE];
        postgres_put_number(call->version, version);
        const struct postgres_query insert = {
                "INSERT INTO documents (name, version, body) SELECT $1, 1, $2 WHERE $3::bigint = 0 "
                "ON CONFLICT DO NOTHING",
                {call->name, call->text, version},
                3};
        const struct postgres_query update = {
                "UPDATE documents SET version = version + 1, body = $2 WHERE name = $1 AND version "
                "= $3::bigint",
                {call->name, call->text, version},
                3};
        return postgres_db_run(db, call->version == 0 ? &insert : &update, &call->n, err);
}

/* An array as PostgreSQL reads it; quotation marks and backslashes are escaped. */
static void put_element(struct buf *out, const char *text)
{
        buf_puts(out, out->len > 1 ? ",\"" : "\"");
        for (; *text; text++) {
                if (*text == '"' || *text == '\\')
                        buf_putc(out, '\\');
                buf_putc(out, *text);
        }
        buf_putc(out, '"');
}

static int put_arrays(const struct servers_call *call, struct buf *clients, struct buf *taken,
                      struct error *err)
{
        buf_init(clients, BUCKETS_BYTES_MAX);
        buf_init(taken, BUCKETS_BYTES_MAX);
        buf_putc(clients, '{');
        buf_putc(taken, '{');
        for (size_t i = 0; i < call->n_buckets; i++) {
                put_element(clients, call->buckets[i].client);
                buf_printf(taken, "%s%" PRId64, i > 0 ? "," : "", call->buckets[i].taken_us);
        }
        buf_putc(clients, '}');
        buf_putc(taken, '}');
        int r = buf_error(clients, err, "the clients of a server");
        return r < 0 ? r : buf_error(taken, err, "the clients of a server");
}

static void take_owed(const PGresult *result, struct servers_call *call)
{
        for (int i = 0; i < PQntuples(result); i++) {
                int64_t at = postgres_number(result, i, 0) - 1;
                if (at >= 0 && (size_t)at < call->n_buckets)
                        call->buckets[at].owed_us = postgres_number(result, i, 1);
        }
}

/* The order of the rows is the same for all servers, so that none waits for another crosswise. */
static int buckets(struct postgres_db *db, struct servers_call *call, struct error *err)
{
        static const struct postgres_query full = {
                .sql = "DELETE FROM buckets WHERE client IN (SELECT client FROM buckets WHERE "
                       "full_at < "
                       "clock_timestamp() - interval '1 min' LIMIT 1000 FOR UPDATE SKIP LOCKED)"};
        _cleanup_buf_ struct buf clients = {0};
        _cleanup_buf_ struct buf taken = {0};
        _cleanup_result_ PGresult *result = NULL;
        int r = put_arrays(call, &clients, &taken, err);
        if (r < 0)
                return r;
        const struct postgres_query query = {
                "WITH taken AS (SELECT * FROM unnest($1::text[], $2::bigint[]) WITH ORDINALITY AS "
                "t (client, us, place) ORDER BY client), done AS (INSERT INTO buckets (client, "
                "full_at) SELECT client, statement_timestamp() + us * interval '1 microsecond' "
                "FROM "
                "taken ORDER BY client ON CONFLICT (client) DO UPDATE SET full_at = "
                "greatest(buckets.full_at, clock_timestamp()) + (excluded.full_at - "
                "statement_timestamp()) RETURNING client, full_at) SELECT place, greatest(0, "
                "round(extract(epoch FROM full_at - clock_timestamp()) * 1000000))::bigint FROM "
                "done JOIN taken USING (client)",
                {buf_text(&clients), buf_text(&taken)},
                2};
        r = postgres_db_query(db, &query, &result, err);
        if (r < 0)
                return r;
        take_owed(result, call);
        return postgres_db_run(db, &full, NULL, err);
}

int postgres_servers_call(struct postgres_db *db, struct servers_call *call, struct error *err)
{
        static int (*const calls[SERVERS_OP_COUNT_])(
                struct postgres_db * db, struct servers_call * call, struct error * err) = {
                [SERVERS_ASK_CANCEL] = ask_cancel,     [SERVERS_CANCELS] = cancels,
                [SERVERS_DOCUMENT_GET] = document_get, [SERVERS_DOCUMENT_PUT] = document_put,
                [SERVERS_BUCKETS] = buckets,
        };
        return calls[call->op](db, call, err);
}
