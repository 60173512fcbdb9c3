/* Capsules in PostgreSQL, where several servers share them. Every transaction that writes begins by
 * locking the one row of the table chain: so all of them are one behind the other, over all
 * servers, and never wait for each other crosswise. */
#include "base/alloc.h"
#include "base/json.h"
#include "capsule/common.h"
#include "capsule/postgres_db.h"
#include "capsule/postgres_owner.h"
#include "capsule/servers_ops.h"
#include "capsule/store.h"
#include "capsule/store_ops.h"
#include "capsule/thread_ops.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IDS_BYTES_MAX (1024 * 1024)
#define ROWS_AT_ONCE 50 /* of a list: what is thrown away at most when its reader stops early */
#define LOCK_CHAIN "SELECT count, head, removed FROM chain FOR UPDATE"

/* An open capsule c, whose owner o is gone, is left to other servers: a run that had not begun,
 * whose question was read already, and that somebody may still be waiting for. */
#define IS_LEFT                                                                                    \
        "o.is_server AND o.renewed_at > clock_timestamp() - interval '10 min' AND c.kind = 'run' " \
        "AND c.status = 'pending' AND strpos(c.body, '\"query_mode\":null') = 0"

static const char capsule_witness[] =
        "SELECT 1 FROM capsules WHERE run_id = $1 AND encode(sha256(convert_to(body, 'UTF8')), "
        "'hex') = $2";

struct postgres_store {
        struct capsule_store base;
        struct postgres_db db;
        struct postgres_owner owner;
        bool in_batch;
        struct chain_head head; /* within a transaction that writes */
        /* Ids of capsules that were inserted by this transaction, and of those of which it was
         * never known whether they were: their runs do not go on, so they must not stay open. */
        struct buf inserted, uncertain;
        bool is_disowned; /* this transaction does away with the uncertain ones */
};

static struct postgres_store *postgres_of(struct capsule_store *store)
{
        return (struct postgres_store *)(void *)store;
}

static void postgres_free(struct capsule_store *base)
{
        struct postgres_store *store = postgres_of(base);
        postgres_owner_release(&store->owner, &store->db);
        postgres_db_close(&store->db);
        buf_done(&store->inserted);
        buf_done(&store->uncertain);
        free(store);
}

static int open_url(const char *url, struct capsule_store **ret, struct error *err)
{
        struct postgres_store *store = alloc_calloc(1, sizeof(*store));
        if (!store)
                return error_oom(err);
        store->base.ops = &capsule_postgres_ops;
        int r = postgres_db_open(url, &store->db, err);
        if (r < 0) {
                free(store);
                return r;
        }
        postgres_owner_init(&store->owner, CAPSULE_LEASE_MS);
        buf_init(&store->inserted, IDS_BYTES_MAX);
        buf_init(&store->uncertain, IDS_BYTES_MAX);
        *ret = &store->base;
        return 0;
}

static int postgres_open(const char *rest, struct capsule_store **ret, struct error *err)
{
        char *url = NULL;
        if (asprintf(&url, "postgresql:%s", rest) < 0)
                return error_oom(err);
        int r = open_url(url, ret, err);
        explicit_bzero(url, strlen(url));
        free(url);
        return r;
}

static void postgres_set_wait(struct capsule_store *base, int wait_ms)
{
        postgres_db_set_wait(&postgres_of(base)->db, wait_ms);
}

static void postgres_set_lease(struct capsule_store *base, int lease_ms)
{
        postgres_of(base)->owner.lease_ms = lease_ms;
        postgres_of(base)->owner.is_server = true;
}

/* ---- the chain and the transactions that write ---- */

static int read_head(const struct postgres_db *db, const PGresult *result, struct chain_head *ret,
                     struct error *err)
{
        const char *hash = PQntuples(result) == 1 ? postgres_text(result, 0, 1) : NULL;
        if (!hash || strlen(hash) != HASH_HEX_SIZE - 1)
                return postgres_db_damaged(db, "the head of its chain is gone", err);
        ret->count = postgres_number(result, 0, 0);
        ret->removed = postgres_number(result, 0, 2);
        memcpy(ret->hash, hash, HASH_HEX_SIZE);
        return 0;
}

static int postgres_head(struct capsule_store *base, struct chain_head *ret, struct error *err)
{
        struct postgres_store *store = postgres_of(base);
        _cleanup_result_ PGresult *result = NULL;
        int r = postgres_db_query(
                &store->db,
                &(struct postgres_query){.sql = "SELECT count, head, removed FROM chain"}, &result,
                err);
        return r < 0 ? r : read_head(&store->db, result, ret, err);
}

/* An owner that is nowhere: the next recovery finds them, here or elsewhere. */
static int disown_uncertain(struct postgres_store *store, struct error *err)
{
        if (store->uncertain.len == 0)
                return 0;
        const struct postgres_query disown = {
                "UPDATE capsules SET owner = 'uncertain' WHERE owner = $1 AND run_id = "
                "ANY(string_to_array($2, ','))",
                {store->owner.id, buf_text(&store->uncertain)},
                2};
        int r = postgres_db_run(&store->db, &disown, NULL, err);
        store->is_disowned = r == 0;
        return r;
}

static int finish(struct postgres_store *store, int r, struct error *err)
{
        bool commits = r == 0;
        r = postgres_db_finish(&store->db, r, err);
        if (commits && r == 0 && store->is_disowned)
                buf_clear(&store->uncertain);
        if (store->db.is_unknown)
                buf_puts(&store->uncertain, buf_text(&store->inserted));
        store->is_disowned = false;
        buf_clear(&store->inserted);
        return r;
}

static int begin(struct postgres_store *store, struct error *err)
{
        _cleanup_result_ PGresult *result = NULL;
        int r = postgres_db_begin(&store->db, LOCK_CHAIN, &result, err);
        if (r < 0)
                return r;
        r = read_head(&store->db, result, &store->head, err);
        if (r == 0)
                r = disown_uncertain(store, err);
        return r < 0 ? finish(store, r, err) : 0;
}

/* The owner is there before anything that names it can be seen. */
static int postgres_batch_begin(struct capsule_store *base, struct error *err)
{
        struct postgres_store *store = postgres_of(base);
        int r = postgres_owner_take(&store->owner, &store->db, err);
        if (r == 0)
                r = begin(store, err);
        store->in_batch = r == 0;
        return r;
}

static int postgres_batch_end(struct capsule_store *base, struct error *err)
{
        struct postgres_store *store = postgres_of(base);
        store->in_batch = false;
        return finish(store, 0, err);
}

/* The beginning and the end of a write: a transaction, or a part of the one that goes on. Of a part
 * that fails without the database nothing was written; when the database failed, it keeps nothing
 * of the others either, and the end of the batch says so. */
static int write_begin(struct postgres_store *store, struct error *err)
{
        if (!store->in_batch)
                return begin(store, err);
        return postgres_db_is_sound(&store->db)
                       ? 0
                       : error_set(err, ERROR_STORE,
                                   "the capsule store, %s, could not keep what was to be kept "
                                   "together with this; try again",
                                   store->db.place);
}

static int write_end(struct postgres_store *store, int r, struct error *err)
{
        return store->in_batch ? r : finish(store, r, err);
}

/* ---- writing ---- */

/* A capsule's text, and the columns that repeat members of it. */
static int write_body(const struct capsule *capsule, struct buf *body, struct error *err)
{
        buf_init(body, CAPSULE_BYTES_MAX);
        return capsule_write(capsule, body, err);
}

static int note_witness(struct postgres_store *store, const struct capsule *capsule,
                        const struct buf *body, struct error *err)
{
        struct postgres_witness *witness = &store->db.witness;
        witness->sql = capsule_witness;
        (void)snprintf(witness->key, sizeof(witness->key), "%s", capsule_run_id(capsule));
        return hash_bytes_hex(buf_text(body), body->len, witness->hash, err);
}

static const char *text_or_null(const char *text)
{
        return text[0] ? text : NULL;
}

/* The row was not taken: why? */
static int why_not_inserted(struct postgres_store *store, const struct capsule *capsule,
                            struct error *err)
{
        _cleanup_result_ PGresult *found = NULL;
        int r = postgres_db_query(
                &store->db,
                &(struct postgres_query){
                        "SELECT EXISTS (SELECT 1 FROM capsules WHERE request_key "
                        "= $1), EXISTS (SELECT 1 FROM capsules WHERE run_id = $2)",
                        {text_or_null(capsule->request_key), capsule_run_id(capsule)},
                        2},
                &found, err);
        if (r < 0)
                return r;
        if (strcmp(PQgetvalue(found, 0, 0), "t") == 0)
                return common_repeated(err);
        if (strcmp(PQgetvalue(found, 0, 1), "t") == 0)
                return error_set(err, ERROR_STORE,
                                 "the capsule store, %s, has a capsule of run %s already",
                                 store->db.place, capsule_run_id(capsule));
        postgres_owner_lost(&store->owner);
        return error_set(err, ERROR_STORE,
                         "this askcsv had no connection to the capsule store, %s, for so long that "
                         "others recorded its open runs as failed; try again",
                         store->db.place);
}

/* owner is one of the table owners, or that of retention. */
static int insert_row(struct postgres_store *store, const struct capsule *capsule,
                      const char *owner, struct error *err)
{
        int64_t n = 0;
        _cleanup_buf_ struct buf body = {0};
        int r = write_body(capsule, &body, err);
        if (r < 0)
                return r;
        const struct postgres_query insert = {
                "INSERT INTO capsules (run_id, created_at, dataset_id, status, kind, owner, asker, "
                "request_key, request_hash, body) SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10 "
                "WHERE $6 = '" COMMON_RETENTION_OWNER "' OR EXISTS (SELECT 1 FROM owners WHERE id "
                "= $6 AND NOT condemned) ON CONFLICT DO NOTHING",
                {capsule_run_id(capsule), json_get_string(capsule->body, "created_at"),
                 json_get_string(capsule->body, "dataset_id"), run_state_name(capsule->state),
                 capsule_kind_name(capsule->kind), owner, text_or_null(capsule->asker),
                 text_or_null(capsule->request_key),
                 capsule->request_key[0] ? capsule->request_hash : NULL, buf_text(&body)},
                10};
        r = postgres_db_run(&store->db, &insert, &n, err);
        if (r == 0 && n == 0)
                return why_not_inserted(store, capsule, err);
        if (r == 0)
                buf_printf(&store->inserted, "%s,", capsule_run_id(capsule));
        return r < 0 ? r : note_witness(store, capsule, &body, err);
}

static int postgres_insert(struct capsule_store *base, const struct capsule *capsule,
                           struct error *err)
{
        struct postgres_store *store = postgres_of(base);
        int r = store->in_batch ? 0 : postgres_owner_take(&store->owner, &store->db, err);
        if (r == 0)
                r = write_begin(store, err);
        return r < 0 ? r : write_end(store, insert_row(store, capsule, store->owner.id, err), err);
}

static int not_ours(struct postgres_store *store, const struct capsule *capsule, struct error *err)
{
        return error_set(err, ERROR_STORE,
                         "the capsule store, %s, has no open capsule of run %s that is ours; it "
                         "was sealed already, or never inserted",
                         store->db.place, capsule_run_id(capsule));
}

static int update_row(struct postgres_store *store, const struct capsule *capsule,
                      struct error *err)
{
        int64_t n = 0;
        _cleanup_buf_ struct buf body = {0};
        int r = write_body(capsule, &body, err);
        if (r < 0)
                return r;
        const struct postgres_query update = {
                "UPDATE capsules SET dataset_id = $3, status = $4, body = $5 WHERE run_id = $1 AND "
                "owner = $2",
                {capsule_run_id(capsule), store->owner.id,
                 json_get_string(capsule->body, "dataset_id"), run_state_name(capsule->state),
                 buf_text(&body)},
                5};
        r = postgres_db_run(&store->db, &update, &n, err);
        if (r == 0 && n != 1)
                return not_ours(store, capsule, err);
        return r < 0 ? r : note_witness(store, capsule, &body, err);
}

static int postgres_update(struct capsule_store *base, const struct capsule *capsule,
                           struct error *err)
{
        struct postgres_store *store = postgres_of(base);
        int r = write_begin(store, err);
        return r < 0 ? r : write_end(store, update_row(store, capsule, err), err);
}

/* Inside a transaction that writes. removed: how many are removed now, or 0 for as many as before.
 */
static int seal_locked(struct postgres_store *store, struct capsule *capsule, const char *owner,
                       int64_t removed, struct error *err)
{
        struct chain_head next = store->head;
        char count[POSTGRES_NUMBER_SIZE];
        char gone[POSTGRES_NUMBER_SIZE];
        _cleanup_buf_ struct buf body = {0};
        int64_t n = 0;
        int r = capsule_seal(capsule, store->head.hash, err);
        if (r == 0)
                r = write_body(capsule, &body, err);
        if (r < 0)
                return r;
        next.count++;
        next.removed = removed > next.removed ? removed : next.removed;
        memcpy(next.hash, json_get_string(capsule->body, "capsule_hash"), HASH_HEX_SIZE);
        postgres_put_number(next.count, count);
        postgres_put_number(next.removed, gone);
        const struct postgres_query seal = {
                "UPDATE capsules SET dataset_id = $3, status = $4, body = $5, owner = NULL, seq = "
                "$6::bigint WHERE run_id = $1 AND owner = $2",
                {capsule_run_id(capsule), owner, json_get_string(capsule->body, "dataset_id"),
                 run_state_name(capsule->state), buf_text(&body), count},
                6};
        const struct postgres_query advance = {
                "UPDATE chain SET count = $1::bigint, head = $2, removed = $3::bigint",
                {count, next.hash, gone},
                3};
        r = postgres_db_run(&store->db, &seal, &n, err);
        if (r == 0 && n != 1)
                return not_ours(store, capsule, err);
        if (r == 0)
                r = postgres_db_run(&store->db, &advance, NULL, err);
        if (r == 0)
                r = note_witness(store, capsule, &body, err);
        if (r == 0)
                store->head = next;
        return r;
}

static int postgres_seal(struct capsule_store *base, struct capsule *capsule, struct error *err)
{
        struct postgres_store *store = postgres_of(base);
        int r = write_begin(store, err);
        return r < 0 ? r
                     : write_end(store, seal_locked(store, capsule, store->owner.id, 0, err), err);
}

static int postgres_probe(struct capsule_store *base, struct error *err)
{
        struct postgres_store *store = postgres_of(base);
        static const struct postgres_query probe = {
                .sql = "UPDATE askcsv_store SET probed_at = clock_timestamp()"};
        int r = write_begin(store, err);
        return r < 0 ? r : write_end(store, postgres_db_run(&store->db, &probe, NULL, err), err);
}

/* ---- retention ---- */

static int delete_through(struct postgres_store *store, int64_t through, int64_t n,
                          struct error *err)
{
        char place[POSTGRES_NUMBER_SIZE];
        int64_t deleted = 0;
        postgres_put_number(through, place);
        int r = postgres_db_run(&store->db,
                                &(struct postgres_query){
                                        "DELETE FROM capsules WHERE seq <= $1::bigint", {place}, 1},
                                &deleted, err);
        if (r == 0 && deleted != n)
                return error_set(
                        err, ERROR_STORE,
                        "the chain of the capsule store, %s, has gaps, so nothing is removed from "
                        "it; \"askcsv capsules check\" says where",
                        store->db.place);
        return r;
}

static int remove_locked(struct postgres_store *store, struct capsule *capsule, int64_t after,
                         int64_t through, struct error *err)
{
        if (store->head.removed != after)
                return 0;
        int r = insert_row(store, capsule, COMMON_RETENTION_OWNER, err);
        if (r == 0)
                r = seal_locked(store, capsule, COMMON_RETENTION_OWNER, through, err);
        if (r == 0)
                r = delete_through(store, through, through - after, err);
        return r < 0 ? r : 1;
}

static int postgres_remove(struct capsule_store *base, struct capsule *capsule, int64_t after,
                           int64_t through, struct error *err)
{
        struct postgres_store *store = postgres_of(base);
        int r = begin(store, err);
        if (r < 0)
                return r;
        int removed = remove_locked(store, capsule, after, through, err);
        r = finish(store, removed < 0 ? removed : 0, err);
        return r < 0 ? r : removed;
}

static int postgres_retentions(struct capsule_store *base, int64_t *ret_n, int64_t *ret_newest,
                               struct error *err)
{
        _cleanup_result_ PGresult *result = NULL;
        int r = postgres_db_query(
                &postgres_of(base)->db,
                &(struct postgres_query){
                        .sql = "SELECT count(*), (SELECT seq FROM capsules WHERE kind = "
                               "'retention' ORDER BY id DESC LIMIT 1) FROM capsules WHERE kind = "
                               "'retention'"},
                &result, err);
        if (r < 0)
                return r;
        *ret_n = postgres_number(result, 0, 0);
        *ret_newest = postgres_number(result, 0, 1);
        return 0;
}

/* ---- what others left open ---- */

static int read_capsule(const PGresult *result, int row, int column, struct capsule **ret,
                        struct error *err)
{
        return capsule_parse(PQgetvalue(result, row, column),
                             (size_t)PQgetlength(result, row, column), ret, err);
}

/* The open capsule that a dead owner left; *ret stays NULL when somebody else was faster. */
static int read_abandoned(struct postgres_store *store, const char *run_id, const char *owner,
                          struct capsule **ret, struct error *err)
{
        _cleanup_result_ PGresult *result = NULL;
        int r = postgres_db_query(
                &store->db,
                &(struct postgres_query){
                        "SELECT body FROM capsules WHERE run_id = $1 AND owner = $2",
                        {run_id, owner},
                        2},
                &result, err);
        if (r < 0 || PQntuples(result) == 0)
                return r;
        r = read_capsule(result, 0, 0, ret, err);
        return r < 0 ? error_prefix(err, r, "the open capsule of run %s", run_id) : 0;
}

/* 1 when it was sealed by us. */
static int recover_run(struct postgres_store *store, const char *run_id, const char *owner,
                       struct error *err)
{
        _cleanup_capsule_ struct capsule *capsule = NULL;
        int r = begin(store, err);
        if (r < 0)
                return r;
        r = read_abandoned(store, run_id, owner, &capsule, err);
        if (r == 0 && capsule)
                r = common_abandon(capsule, err);
        if (r == 0 && capsule)
                r = seal_locked(store, capsule, owner, 0, err);
        r = finish(store, r, err);
        return r == 0 && capsule ? 1 : r;
}

static int find_abandoned(struct postgres_store *store, PGresult **ret, struct error *err)
{
        int r = postgres_owner_judge(&store->db, err);
        if (r < 0)
                return r;
        return postgres_db_query(
                &store->db,
                &(struct postgres_query){
                        "SELECT c.run_id, c.owner FROM capsules c LEFT JOIN owners o ON o.id = "
                        "c.owner WHERE c.seq IS NULL AND c.owner <> $1 AND (o.id IS NULL OR "
                        "(o.condemned AND NOT (" IS_LEFT "))) ORDER BY c.id",
                        {store->owner.id},
                        1},
                ret, err);
}

/* The first error is kept, the rest is done nevertheless. */
static int postgres_recover(struct capsule_store *base, size_t *ret_count, struct error *err)
{
        struct postgres_store *store = postgres_of(base);
        _cleanup_result_ PGresult *runs = NULL;
        int first = 0;
        *ret_count = 0;
        int r = find_abandoned(store, &runs, err);
        if (r < 0)
                return r;
        for (int i = 0; i < PQntuples(runs); i++) {
                struct error said = {0};
                r = recover_run(store, PQgetvalue(runs, i, 0), PQgetvalue(runs, i, 1), &said);
                if (r > 0)
                        ++*ret_count;
                if (r < 0 && first == 0) {
                        first = r;
                        if (err)
                                *err = said;
                }
        }
        r = postgres_owner_bury(&store->db, first < 0 ? NULL : err);
        return first < 0 ? first : r;
}

/* ---- reading ---- */

static int none_found(struct postgres_store *store, const char *run_id, struct error *err)
{
        _cleanup_result_ PGresult *result = NULL;
        _cleanup_capsule_ struct capsule *newest = NULL;
        if (postgres_db_query(
                    &store->db,
                    &(struct postgres_query){.sql = "SELECT body FROM capsules WHERE kind = "
                                                    "'retention' ORDER BY id DESC LIMIT 1"},
                    &result, NULL) == 0 &&
            PQntuples(result) == 1)
                (void)read_capsule(result, 0, 0, &newest, NULL);
        return common_none_found(run_id, newest, err);
}

/* The ways to name one, and for each the row with id, seq, run_id, how many fit, asker, body. A
 * whole id may be of any kind. "$1 = $2" in the first one: a parameter must be used. */
static const char *query_for(bool last, bool whole)
{
        if (last)
                return "SELECT id, seq, run_id, 1, asker, body FROM capsules WHERE kind = 'run' "
                       "AND $1::text <> $2::text ORDER BY id DESC LIMIT 1";
        if (whole)
                return "SELECT id, seq, run_id, 1, asker, body FROM capsules WHERE run_id = $1 AND "
                       "$2::text <> ''";
        return "SELECT id, seq, run_id, (SELECT count(*) FROM capsules WHERE run_id >= $1 AND "
               "run_id < $2 AND kind = 'run'), asker, body FROM capsules WHERE run_id >= $1 AND "
               "run_id < $2 AND kind = 'run' LIMIT 1";
}

/* Finds one row, with the columns above. */
static int find_run(struct postgres_store *store, const char *run_id, PGresult **ret,
                    struct error *err)
{
        _cleanup_result_ PGresult *result = NULL;
        char from[UUID_TEXT_SIZE] = "";
        char to[UUID_TEXT_SIZE + 1] = "";
        bool last = strcmp(run_id, "last") == 0;
        int r = last ? 0 : common_check_prefix(run_id, from, err);
        (void)snprintf(to, sizeof(to), "%sg", from); /* behind every digit, as '-' is before all */
        if (r == 0)
                r = postgres_db_query(
                        &store->db,
                        &(struct postgres_query){
                                query_for(last, strlen(from) == UUID_TEXT_SIZE - 1), {from, to}, 2},
                        &result, err);
        if (r < 0)
                return r;
        if (PQntuples(result) == 0)
                return none_found(store, run_id, err);
        if (postgres_number(result, 0, 3) > 1)
                return common_many_found(run_id, postgres_number(result, 0, 3), err);
        *ret = steal_ptr(&result);
        return 0;
}

static void read_text(const PGresult *result, int row, int column, char *out, size_t size)
{
        (void)snprintf(out, size, "%s", PQgetvalue(result, row, column)); /* "" for NULL */
}

static int postgres_get(struct capsule_store *base, const char *run_id, struct capsule **ret,
                        struct error *err)
{
        _cleanup_result_ PGresult *result = NULL;
        int r = find_run(postgres_of(base), run_id, &result, err);
        if (r < 0)
                return r;
        r = read_capsule(result, 0, 5, ret, err);
        if (r < 0)
                return error_prefix(err, r, "the stored capsule of run %s",
                                    PQgetvalue(result, 0, 2));
        read_text(result, 0, 4, (*ret)->asker, sizeof((*ret)->asker));
        return 0;
}

static int postgres_asker(struct capsule_store *base, const char *run_id, char *out,
                          struct error *err)
{
        _cleanup_result_ PGresult *result = NULL;
        int r = find_run(postgres_of(base), run_id, &result, err);
        if (r == 0)
                read_text(result, 0, 4, out, CAPSULE_ASKER_MAX + 1);
        return r;
}

static int postgres_place(struct capsule_store *base, const char *run_id, int64_t *ret_seq,
                          struct error *err)
{
        _cleanup_result_ PGresult *result = NULL;
        int r = find_run(postgres_of(base), run_id, &result, err);
        if (r == 0)
                *ret_seq = postgres_number(result, 0, 1);
        return r;
}

/* A list is asked for in parts, each behind the last row of the one before. */
struct part {
        struct buf sql;
        struct postgres_query query;
        char before[POSTGRES_NUMBER_SIZE]; /* its last row's id, or place */
        char limit[POSTGRES_NUMBER_SIZE];
        int64_t last;
        int (*each)(const struct capsule *capsule, void *data);
        int (*each_sealed)(const struct stored_row *row, void *data);
        void *data;
        struct error *err;
};

static void part_done(struct part *part)
{
        buf_done(&part->sql);
}

static void add_condition(struct part *part, const char *condition, const char *value)
{
        if (!value)
                return;
        part->query.values[part->query.n++] = value;
        buf_printf(&part->sql, condition, part->query.n);
}

/* Only the conditions that are asked for, so that each can use its index. */
static int make_list(const struct capsule_filter *filter, struct part *part, struct error *err)
{
        bool runs = !filter->kind || strcmp(filter->kind, capsule_kind_name(CAPSULE_RUN)) == 0;
        buf_puts(&part->sql, "SELECT id, run_id, asker, request_hash, body FROM capsules WHERE ");
        add_condition(part, "id < $%d::bigint", part->before);
        if (runs)
                buf_puts(&part->sql, " AND kind = 'run'");
        else
                add_condition(part, " AND kind = $%d AND kind <> 'run'", filter->kind);
        add_condition(part, " AND dataset_id = $%d", filter->dataset_id);
        add_condition(part, " AND status = $%d", filter->status);
        add_condition(part, " AND asker = $%d", filter->asker);
        add_condition(part, " AND request_key = $%d", filter->request_key);
        add_condition(part, " AND created_at >= $%d", filter->since);
        add_condition(part, " AND created_at < $%d", filter->until);
        add_condition(part, " ORDER BY id DESC LIMIT $%d::bigint", part->limit);
        part->query.sql = buf_text(&part->sql);
        return buf_error(&part->sql, err, "the query of a list");
}

static int list_row(const PGresult *row, void *data)
{
        struct part *part = data;
        _cleanup_capsule_ struct capsule *capsule = NULL;
        part->last = postgres_number(row, 0, 0);
        int r = read_capsule(row, 0, 4, &capsule, part->err);
        if (r < 0)
                return error_prefix(part->err, r, "the stored capsule of run %s",
                                    PQgetvalue(row, 0, 1));
        read_text(row, 0, 2, capsule->asker, sizeof(capsule->asker));
        read_text(row, 0, 3, capsule->request_hash, sizeof(capsule->request_hash));
        return part->each(capsule, part->data);
}

/* All parts, one behind the other, up to limit rows (0: all). */
static int read_parts(struct postgres_store *store, struct part *part, int64_t limit,
                      int (*row)(const PGresult *row, void *data), struct error *err)
{
        int64_t n = ROWS_AT_ONCE;
        int64_t wanted = ROWS_AT_ONCE;
        int r = 0;
        for (int64_t left = limit; r == 0 && n == wanted && (limit == 0 || left > 0); left -= n) {
                wanted = limit > 0 && left < ROWS_AT_ONCE ? left : ROWS_AT_ONCE;
                postgres_put_number(part->last, part->before);
                postgres_put_number(wanted, part->limit);
                r = postgres_db_stream(&store->db, &part->query, row, part, &n, err);
        }
        return r;
}

static int postgres_list(struct capsule_store *base, const struct capsule_filter *filter,
                         int (*each)(const struct capsule *capsule, void *data), void *data,
                         struct error *err)
{
        struct postgres_store *store = postgres_of(base);
        _cleanup_(part_done) struct part part = {
                .last = INT64_MAX, .each = each, .data = data, .err = err};
        int r = 0;
        if (filter->before) {
                _cleanup_result_ PGresult *before = NULL;
                r = find_run(store, filter->before, &before, err);
                if (r < 0)
                        return r;
                part.last = postgres_number(before, 0, 0);
        }
        buf_init(&part.sql, 1024);
        r = make_list(filter, &part, err);
        if (r == 0)
                r = read_parts(store, &part, filter->limit > 0 ? filter->limit : 0, list_row, err);
        return r;
}

static int sealed_row(const PGresult *result, void *data)
{
        struct part *part = data;
        const struct stored_row row = {
                .seq = postgres_number(result, 0, 0),
                .run_id = PQgetvalue(result, 0, 1),
                .created_at = PQgetvalue(result, 0, 2),
                .dataset_id = postgres_text(result, 0, 3),
                .status = PQgetvalue(result, 0, 4),
                .kind = PQgetvalue(result, 0, 5),
                .body = PQgetvalue(result, 0, 6),
                .body_bytes = (size_t)PQgetlength(result, 0, 6),
        };
        part->last = row.seq;
        return part->each_sealed(&row, part->data);
}

static int postgres_sealed(struct capsule_store *base, int64_t from, int64_t to,
                           int (*each)(const struct stored_row *row, void *data), void *data,
                           struct error *err)
{
        struct part part = {.last = from - 1, .each_sealed = each, .data = data};
        char end[POSTGRES_NUMBER_SIZE];
        postgres_put_number(to, end);
        part.query = (struct postgres_query){
                "SELECT seq, run_id, created_at, dataset_id, status, kind, body FROM capsules "
                "WHERE seq > $1::bigint AND seq <= $2::bigint ORDER BY seq LIMIT $3::bigint",
                {part.before, end, part.limit},
                3};
        return read_parts(postgres_of(base), &part, 0, sealed_row, err);
}

static int postgres_snapshot_begin(struct capsule_store *base, struct error *err)
{
        return postgres_db_begin_snapshot(&postgres_of(base)->db, err);
}

static void postgres_snapshot_end(struct capsule_store *base)
{
        /* Not kept: the code only says that it is to be taken back. */
        (void)postgres_db_finish(&postgres_of(base)->db, -(int)ERROR_CANCELLED, NULL);
}

static int postgres_threads(struct capsule_store *base, const struct thread_call *call,
                            struct error *err)
{
        return postgres_threads_call(&postgres_of(base)->db, call, err);
}

static bool postgres_is_shared(const struct capsule_store *base)
{
        (void)base;
        return true;
}

/* Inside a transaction that writes. */
static int adopt_locked(struct postgres_store *store, struct servers_call *call, struct error *err)
{
        _cleanup_result_ PGresult *result = NULL;
        int r = postgres_db_query(
                &store->db,
                &(struct postgres_query){
                        "UPDATE capsules SET owner = $1 WHERE id = (SELECT c.id FROM capsules c "
                        "JOIN owners o ON o.id = c.owner WHERE c.seq IS NULL AND o.condemned "
                        "AND " IS_LEFT " ORDER BY c.id LIMIT 1) RETURNING run_id, asker, "
                        "request_key, request_hash, body",
                        {store->owner.id},
                        1},
                &result, err);
        if (r < 0 || PQntuples(result) == 0)
                return r;
        r = read_capsule(result, 0, 4, &call->capsule, err);
        if (r < 0)
                return error_prefix(err, r, "the waiting capsule of run %s",
                                    PQgetvalue(result, 0, 0));
        struct capsule *capsule = call->capsule;
        read_text(result, 0, 1, capsule->asker, sizeof(capsule->asker));
        read_text(result, 0, 2, capsule->request_key, sizeof(capsule->request_key));
        read_text(result, 0, 3, capsule->request_hash, sizeof(capsule->request_hash));
        return 0;
}

/* Most of the time there is none, and nothing is locked to see that. */
static int adopt(struct postgres_store *store, struct servers_call *call, struct error *err)
{
        _cleanup_result_ PGresult *any = NULL;
        int r = postgres_db_query(
                &store->db,
                &(struct postgres_query){
                        .sql = "SELECT 1 FROM capsules c JOIN owners o ON o.id = "
                               "c.owner WHERE c.seq IS NULL AND o.condemned AND " IS_LEFT
                               " LIMIT 1"},
                &any, err);
        if (r < 0 || PQntuples(any) == 0)
                return r;
        r = postgres_owner_take(&store->owner, &store->db, err);
        if (r == 0)
                r = begin(store, err);
        if (r < 0)
                return r;
        r = finish(store, adopt_locked(store, call, err), err);
        if (r < 0) {
                capsule_free(call->capsule);
                call->capsule = NULL;
        }
        return r;
}

static int postgres_servers(struct capsule_store *base, struct servers_call *call,
                            struct error *err)
{
        return call->op == SERVERS_ADOPT ? adopt(postgres_of(base), call, err)
                                         : postgres_servers_call(&postgres_of(base)->db, call, err);
}

const struct capsule_store_ops capsule_postgres_ops = {
        .open = postgres_open,
        .free = postgres_free,
        .set_wait = postgres_set_wait,
        .set_lease = postgres_set_lease,
        .insert = postgres_insert,
        .update = postgres_update,
        .batch_begin = postgres_batch_begin,
        .batch_end = postgres_batch_end,
        .seal = postgres_seal,
        .threads = postgres_threads,
        .probe = postgres_probe,
        .recover = postgres_recover,
        .get = postgres_get,
        .asker = postgres_asker,
        .list = postgres_list,
        .snapshot_begin = postgres_snapshot_begin,
        .snapshot_end = postgres_snapshot_end,
        .head = postgres_head,
        .retentions = postgres_retentions,
        .remove = postgres_remove,
        .place = postgres_place,
        .sealed = postgres_sealed,
        .is_shared = postgres_is_shared,
        .servers = postgres_servers,
};
