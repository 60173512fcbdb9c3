#include "capsule/postgres_db.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "capsule/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define SERVER_VERSION_MIN 130000
#define CONNECT_TIMEOUT_S "5"
#define RETRY_MS 100
#define SAID_MAX 512 /* bytes of what PostgreSQL says */

/* ---- what is wrong ---- */

/* libpq's words are lines, and some repeat what they are about. */
static void one_line(const char *said, char out[SAID_MAX])
{
        size_t n = 0;
        for (; *said && n < SAID_MAX - 1; said++) {
                bool blank = *said == '\n' || *said == '\t' || *said == ' ';
                if (!blank)
                        out[n++] = *said;
                else if (n > 0 && out[n - 1] != ' ')
                        out[n++] = ' ';
        }
        while (n > 0 && out[n - 1] == ' ')
                n--;
        out[n] = '\0';
}

static int lost(const struct postgres_db *db, struct error *err)
{
        char said[SAID_MAX];
        one_line(db->conn ? PQerrorMessage(db->conn) : "", said);
        return error_set(err, ERROR_STORE,
                         "the connection to the capsule store, %s, was lost (%s); try again, it is "
                         "made anew",
                         db->place, said);
}

static bool is_class(const char *state, const char *class)
{
        return strncmp(state, class, strlen(class)) == 0;
}

/* What to do about it, by SQLSTATE (PostgreSQL's documentation, appendix A); NULL: nothing known.
 */
static const char *advice(const char *state)
{
        static const struct {
                const char *state, *text;
        } known[] = {
                {"53100", "the disk of the database is full; free some space and try again"},
                {"53200", "the database is out of memory; try again later"},
                {"53300", "the database takes no more connections; raise its max_connections"},
                {"25006", "the database cannot be written to; give the address of the primary"},
                {"25P0", "askcsv was held up for too long in a transaction; try again"},
                {"42501", "grant the user of the store's URL what is missing"},
                {"40", "another process was in the way; try again"},
                {"57014", "somebody cancelled the statement; try again"},
        };
        for (size_t i = 0; i < ARRAY_SIZE(known); i++)
                if (is_class(state, known[i].state))
                        return known[i].text;
        return NULL;
}

int postgres_db_damaged(const struct postgres_db *db, const char *what, struct error *err)
{
        return error_set(err, ERROR_STORE,
                         "the capsule store, %s, is damaged: %s; nothing was changed. Put the "
                         "database back from a backup",
                         db->place, what);
}

int postgres_db_failed(const struct postgres_db *db, const PGresult *result, struct error *err)
{
        char said[SAID_MAX] = "";
        const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
        if (!state || is_class(state, "08") || is_class(state, "57P0") ||
            is_class(state, "25P03") || PQstatus(db->conn) != CONNECTION_OK)
                return result || PQstatus(db->conn) != CONNECTION_OK ? lost(db, err)
                                                                     : error_oom(err);
        one_line(PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY), said);
        if (is_class(state, "55P03"))
                return error_set(err, ERROR_STORE,
                                 "the capsule store, %s, has been locked by another session for "
                                 "more than %d ms; wait for it to end, or stop it, and try again",
                                 db->place, db->wait_ms);
        if (is_class(state, "42P01") || is_class(state, "42703") || is_class(state, "XX"))
                return postgres_db_damaged(db, said, err);
        const char *what = advice(state);
        return error_set(err, ERROR_STORE, "the capsule store, %s, refused: %s (SQLSTATE %s)%s%s",
                         db->place, said, state, what ? "; " : "", what ? what : "");
}

/* ---- connecting ---- */

static const char *option(const PQconninfoOption *options, const char *name)
{
        for (; options->keyword; options++)
                if (strcmp(options->keyword, name) == 0)
                        return options->val && *options->val ? options->val : NULL;
        return NULL;
}

/* Neither the URL nor what libpq says of it is shown: both may hold the password. */
static int bad_url(struct error *err)
{
        return error_set(err, ERROR_STORE,
                         "the URL of the capsule store is not one of PostgreSQL; it has the form "
                         "postgresql://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full, with "
                         "%%XX for signs that mean something in it");
}

/* What is in the wrong place may be a part of the password. */
static bool is_showable(const char *host, const char *port, const char *name)
{
        return (!host || !strchr(host, '@')) && (!name || !strpbrk(name, "@:")) &&
               (!port || strspn(port, "0123456789,") == strlen(port));
}

static int read_url(struct postgres_db *db, struct error *err)
{
        char *said = NULL;
        PQconninfoOption *options = PQconninfoParse(db->url, &said);
        PQfreemem(said);
        if (!options)
                return bad_url(err);
        const char *host = option(options, "host");
        const char *port = option(options, "port");
        const char *name = option(options, "dbname");
        if (!host)
                host = option(options, "hostaddr");
        bool showable = is_showable(host, port, name);
        (void)snprintf(db->place, sizeof(db->place), "the database%s%.80s on %.120s%s%.20s",
                       name ? " " : "", name ? name : "", host ? host : "this machine",
                       port ? ":" : "", port ? port : "");
        PQconninfoFree(options);
        return showable ? 0 : bad_url(err);
}

static int connect_failed(struct postgres_db *db, struct error *err)
{
        char said[SAID_MAX];
        if (!db->conn)
                return error_oom(err);
        one_line(PQerrorMessage(db->conn), said);
        return error_set(err, ERROR_STORE,
                         "there is no connection to the capsule store, %s: %s; see that the "
                         "database runs and that the setting \"store\" is right",
                         db->place, said);
}

/* Commits wait for the disk also where the database's default is that they do not. Who holds a lock
 * and is gone, or does not move, loses it: the database notices within half a minute. */
static const char session[] =
        "SELECT set_config('synchronous_commit', 'on', false)"
        "  WHERE current_setting('synchronous_commit') = 'off';"
        "SET idle_in_transaction_session_timeout = '30s'; SET statement_timeout = 0;"
        "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5;"
        "SET tcp_keepalives_count = 3; SET tcp_user_timeout = '25s';"
        "SET standard_conforming_strings = on; SET bytea_output = 'hex';";

static int set_session(struct postgres_db *db, struct error *err)
{
        char text[sizeof(session) + 64];
        (void)snprintf(text, sizeof(text), "%sSET lock_timeout = %d", session,
                       db->wait_ms > 0 ? db->wait_ms : 1); /* 0 would be for ever */
        _cleanup_result_ PGresult *result = PQexec(db->conn, text);
        return PQresultStatus(result) == PGRES_COMMAND_OK ? 0 : postgres_db_failed(db, result, err);
}

static int check_server(struct postgres_db *db, struct error *err)
{
        const char *encoding = PQparameterStatus(db->conn, "server_encoding");
        if (PQserverVersion(db->conn) < SERVER_VERSION_MIN)
                return error_set(
                        err, ERROR_STORE,
                        "the capsule store, %s, is PostgreSQL %d; askcsv needs 13 or newer",
                        db->place, PQserverVersion(db->conn) / 10000);
        if (!encoding || strcmp(encoding, "UTF8") != 0)
                return error_set(err, ERROR_STORE,
                                 "the capsule store, %s, keeps texts as %s; make a database with "
                                 "ENCODING 'UTF8'",
                                 db->place, encoding ? encoding : "unknown");
        return 0;
}

static void ignore_notice(void *data, const PGresult *result)
{
        (void)data;
        (void)result;
}

static int connect_now(struct postgres_db *db, struct error *err)
{
        /* What is in front of the URL are defaults; what is behind it is so in any case. */
        static const char *const names[] = {"connect_timeout",      "keepalives_idle",
                                            "keepalives_interval",  "keepalives_count",
                                            "tcp_user_timeout",     "fallback_application_name",
                                            "target_session_attrs", "dbname",
                                            "client_encoding",      NULL};
        const char *const values[] = {CONNECT_TIMEOUT_S, "10",         "5",     "3",    "10000",
                                      "askcsv",          "read-write", db->url, "UTF8", NULL};
        PQfinish(db->conn);
        db->in_transaction = false;
        db->conn = PQconnectdbParams(names, values, 1);
        if (PQstatus(db->conn) != CONNECTION_OK)
                return connect_failed(db, err);
        (void)PQsetNoticeReceiver(db->conn, ignore_notice, NULL);
        int r = check_server(db, err);
        return r < 0 ? r : set_session(db, err);
}

/* Rests for as long as a failure took: one of a millisecond is tried again at once. */
static int reconnect(struct postgres_db *db, struct error *err)
{
        int64_t start_us = clock_monotonic_us();
        if (start_us < db->rest_until_us) {
                if (err)
                        *err = *db->refusal;
                return -(int)db->refusal->type;
        }
        int r = connect_now(db, db->refusal);
        int64_t end_us = clock_monotonic_us();
        db->rest_until_us = r < 0 ? end_us + (end_us - start_us) : 0;
        if (r < 0 && err)
                *err = *db->refusal;
        return r;
}

static int ensure_connected(struct postgres_db *db, struct error *err)
{
        return PQstatus(db->conn) == CONNECTION_OK ? 0 : reconnect(db, err);
}

static int init(const char *url, struct postgres_db *db, struct error *err)
{
        *db = (struct postgres_db){.wait_ms = CAPSULE_WAIT_MS};
        if (getrandom(&db->fence, sizeof(db->fence), 0) != (ssize_t)sizeof(db->fence))
                return error_set(err, ERROR_INTERNAL, "there are no random bytes");
        db->url = alloc_strdup(url);
        db->refusal = alloc_calloc(1, sizeof(*db->refusal));
        return db->url && db->refusal ? read_url(db, err) : error_oom(err);
}

int postgres_db_open(const char *url, struct postgres_db *db, struct error *err)
{
        int r = init(url, db, err);
        if (r == 0)
                r = connect_now(db, err);
        if (r == 0)
                r = postgres_schema_prepare(db, err);
        if (r < 0)
                postgres_db_close(db);
        return r;
}

int postgres_db_open_beside(const struct postgres_db *db, struct postgres_db *ret,
                            struct error *err)
{
        int r = init(db->url, ret, err);
        if (r < 0)
                postgres_db_close(ret);
        return r;
}

void postgres_db_close(struct postgres_db *db)
{
        PQfinish(db->conn); /* NULL is fine */
        db->conn = NULL;
        if (db->url)
                explicit_bzero(db->url, strlen(db->url));
        free(db->url);
        free(db->refusal);
        db->url = NULL;
        db->refusal = NULL;
}

void postgres_db_set_wait(struct postgres_db *db, int wait_ms)
{
        db->wait_ms = wait_ms;
        if (PQstatus(db->conn) == CONNECTION_OK)
                (void)set_session(db, NULL);
}

/* ---- statements ---- */

const char *postgres_text(const PGresult *result, int row, int column)
{
        return PQgetisnull(result, row, column) ? NULL : PQgetvalue(result, row, column);
}

int64_t postgres_number(const PGresult *result, int row, int column)
{
        return PQgetisnull(result, row, column)
                       ? 0
                       : strtoll(PQgetvalue(result, row, column), NULL, 10);
}

void postgres_put_number(int64_t number, char out[POSTGRES_NUMBER_SIZE])
{
        (void)snprintf(out, POSTGRES_NUMBER_SIZE, "%" PRId64, number);
}

static bool is_fine(const PGresult *result)
{
        ExecStatusType status = PQresultStatus(result);
        return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

static PGresult *execute(struct postgres_db *db, const struct postgres_query *query)
{
        return PQexecParams(db->conn, query->sql, query->n, NULL, query->values, NULL, NULL, 0);
}

int postgres_db_query(struct postgres_db *db, const struct postgres_query *query, PGresult **ret,
                      struct error *err)
{
        _cleanup_result_ PGresult *result = NULL;
        int r = db->in_transaction ? 0 : ensure_connected(db, err);
        if (r < 0)
                return r;
        result = execute(db, query);
        if (!is_fine(result) && !db->in_transaction && PQstatus(db->conn) != CONNECTION_OK) {
                r = reconnect(db, err);
                if (r < 0)
                        return r;
                PQclear(result);
                result = execute(db, query);
        }
        if (!is_fine(result))
                return postgres_db_failed(db, result, err);
        *ret = steal_ptr(&result);
        return 0;
}

int postgres_db_run(struct postgres_db *db, const struct postgres_query *query, int64_t *ret_n,
                    struct error *err)
{
        _cleanup_result_ PGresult *result = NULL;
        int r = postgres_db_query(db, query, &result, err);
        if (r == 0 && ret_n)
                *ret_n = strtoll(PQcmdTuples(result), NULL, 10);
        return r;
}

/* Nothing of it was seen yet, so it may be asked again. */
static int send(struct postgres_db *db, const struct postgres_query *query, PGresult **ret,
                struct error *err)
{
        for (int tries = 0;; tries++) {
                _cleanup_result_ PGresult *result = NULL;
                int r = db->in_transaction ? 0 : ensure_connected(db, err);
                if (r < 0)
                        return r;
                if (PQsendQueryParams(db->conn, query->sql, query->n, NULL, query->values, NULL,
                                      NULL, 0) &&
                    PQsetSingleRowMode(db->conn))
                        result = PQgetResult(db->conn);
                if (PQresultStatus(result) == PGRES_SINGLE_TUPLE ||
                    PQresultStatus(result) == PGRES_TUPLES_OK) {
                        *ret = steal_ptr(&result);
                        return 0;
                }
                if (db->in_transaction || tries > 0 || PQstatus(db->conn) == CONNECTION_OK)
                        return postgres_db_failed(db, result, err);
        }
}

static void read_to_end(struct postgres_db *db)
{
        PGresult *rest;
        while ((rest = PQgetResult(db->conn)))
                PQclear(rest);
}

int postgres_db_stream(struct postgres_db *db, const struct postgres_query *query,
                       int (*each)(const PGresult *row, void *data), void *data, int64_t *ret_n,
                       struct error *err)
{
        _cleanup_result_ PGresult *result = NULL;
        int r = send(db, query, &result, err);
        *ret_n = 0;
        while (r == 0 && PQresultStatus(result) == PGRES_SINGLE_TUPLE) {
                ++*ret_n;
                r = each(result, data);
                PQclear(result);
                result = r == 0 ? PQgetResult(db->conn) : NULL;
        }
        if (r == 0 && PQresultStatus(result) != PGRES_TUPLES_OK)
                r = postgres_db_failed(db, result, err);
        read_to_end(db);
        return r;
}

/* ---- transactions ---- */

/* Statements in one text, whose last one's rows are *ret. Of what had not begun nothing is lost. */
static int execute_text(struct postgres_db *db, const char *text, PGresult **ret, struct error *err)
{
        for (int tries = 0;; tries++) {
                int r = ensure_connected(db, err);
                if (r < 0)
                        return r;
                _cleanup_result_ PGresult *result = PQexec(db->conn, text);
                if (is_fine(result)) {
                        *ret = steal_ptr(&result);
                        return 0;
                }
                if (tries > 0 || PQstatus(db->conn) == CONNECTION_OK) {
                        r = postgres_db_failed(db, result, err);
                        PQclear(PQexec(db->conn, "ROLLBACK"));
                        return r;
                }
        }
}

int postgres_db_begin(struct postgres_db *db, const char *also, PGresult **ret, struct error *err)
{
        char text[512];
        (void)snprintf(text, sizeof(text),
                       "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SELECT "
                       "pg_advisory_xact_lock(%" PRId64 "); %s",
                       db->fence, also);
        _cleanup_result_ PGresult *result = NULL;
        int r = execute_text(db, text, &result, err);
        db->in_transaction = r == 0;
        db->witness.sql = NULL;
        if (r == 0 && ret)
                *ret = steal_ptr(&result);
        return r;
}

int postgres_db_begin_snapshot(struct postgres_db *db, struct error *err)
{
        _cleanup_result_ PGresult *result = NULL;
        int r = execute_text(db, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", &result, err);
        db->in_transaction = r == 0;
        db->witness.sql = NULL;
        return r;
}

bool postgres_db_is_sound(const struct postgres_db *db)
{
        return db->in_transaction && PQtransactionStatus(db->conn) == PQTRANS_INTRANS;
}

static void nap(void)
{
        const struct timespec pause = {.tv_nsec = RETRY_MS * 1000000L};
        (void)nanosleep(&pause, NULL);
}

/* 1: it was kept, 0: it was not. The fence is held by the old connection as long as the database
 * has not ended that transaction one way or the other. */
static int look_for(struct postgres_db *db, const struct postgres_witness *witness,
                    struct error *err)
{
        _cleanup_result_ PGresult *found = NULL;
        int r = postgres_db_begin(db, "", NULL, err);
        if (r < 0)
                return r;
        r = postgres_db_query(
                db, &(struct postgres_query){witness->sql, {witness->key, witness->hash}, 2},
                &found, err);
        PQclear(PQexec(db->conn, "ROLLBACK"));
        db->in_transaction = false;
        return r < 0 ? r : PQntuples(found) > 0;
}

static int resolve(struct postgres_db *db, struct error *err)
{
        struct postgres_witness witness = db->witness;
        int64_t until_us = clock_monotonic_us() + (int64_t)db->wait_ms * 1000;
        struct error why = {0};
        int r = lost(db, err);
        if (!witness.sql)
                return r;
        int found = look_for(db, &witness, &why);
        while (found < 0 && clock_monotonic_us() < until_us) {
                nap();
                found = look_for(db, &witness, &why);
        }
        db->is_unknown = found < 0;
        if (found < 0)
                return error_set(
                        err, ERROR_STORE,
                        "the connection to the capsule store, %s, was lost while something "
                        "was being kept, and whether it was is not known: %s",
                        db->place, why.message);
        return found == 1 ? 0 : r;
}

int postgres_db_finish(struct postgres_db *db, int r, struct error *err)
{
        _cleanup_result_ PGresult *result = NULL;
        bool commits = r == 0;
        db->is_unknown = false;
        result = PQexec(db->conn, commits ? "COMMIT" : "ROLLBACK");
        db->in_transaction = false;
        if (!commits)
                return r;
        if (PQstatus(db->conn) != CONNECTION_OK)
                return resolve(db, err);
        if (!is_fine(result))
                return postgres_db_failed(db, result, err);
        /* A transaction in which something failed answers COMMIT with ROLLBACK. */
        return strcmp(PQcmdStatus(result), "COMMIT") == 0
                       ? 0
                       : error_set(err, ERROR_STORE,
                                   "the capsule store, %s, kept nothing, as a part of it failed; "
                                   "try again",
                                   db->place);
}
