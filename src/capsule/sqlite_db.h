/* The SQLite database behind a store: opening it, and saying what is wrong with it. Only
 * src/capsule/ includes this. */
#ifndef ASKCSV_CAPSULE_SQLITE_DB_H
#define ASKCSV_CAPSULE_SQLITE_DB_H

#include "base/cleanup.h"
#include "base/error.h"

#include <sqlite3.h>
#include <stdint.h>

struct sqlite_db {
        sqlite3 *handle;
        char *path; /* absolute, or from "./": SQLite gives a meaning to some bare names */
        int wait_ms;
};

/* Opens the database at path; makes it when there is nothing. */
int sqlite_db_open(const char *path, struct sqlite_db *db, struct error *err);
void sqlite_db_close(struct sqlite_db *db); /* safe on a zeroed struct and twice */

/* Sets err from the handle's last failure: what happened to which file, and what to do. */
int sqlite_db_failed(const struct sqlite_db *db, struct error *err);

/* The same for an errno met outside SQLite, while doing something with path. */
int sqlite_path_failed(int errnum, const char *path, const char *doing, struct error *err);

/* The number that a statement gives in its first row, 0 without one. */
int sqlite_db_number(const struct sqlite_db *db, const char *sql, int64_t *ret, struct error *err);
/* Runs a statement that gives no rows, and which comes again. */
int sqlite_db_do(const struct sqlite_db *db, const char *sql, struct error *err);
/* Runs statements, several in one text, that give no rows. */
int sqlite_db_exec(const struct sqlite_db *db, const char *sql, struct error *err);
/* Statements stay prepared until the database is closed, and are lent: nobody asks for the same
 * text a second time before the first one has been stepped. */
int sqlite_db_prepare(const struct sqlite_db *db, const char *sql, sqlite3_stmt **ret,
                      struct error *err);
/* The text must live until the statement is done. NULL stays NULL, and a name that the statement
 * does not have is passed over. */
int sqlite_db_bind_text(const struct sqlite_db *db, sqlite3_stmt *statement, const char *name,
                        const char *text, struct error *err);
/* Ends a transaction: keeps it when r is 0, else takes it back; r, or why it could not be kept. */
int sqlite_db_finish(const struct sqlite_db *db, int r, struct error *err);
/* 1: a row is there, 0: the end, negative: err is set. */
int sqlite_db_step(const struct sqlite_db *db, sqlite3_stmt *statement, struct error *err);

static inline void cleanup_statement(sqlite3_stmt **statement)
{
        (void)sqlite3_reset(*statement); /* NULL is fine */
        if (*statement)
                (void)sqlite3_clear_bindings(*statement);
}

#define _cleanup_statement_ _cleanup_(cleanup_statement)

#endif
