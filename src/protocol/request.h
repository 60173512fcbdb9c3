/* The runner protocol, version 1: the request that askcsv writes and askcsv-runner reads. One
 * JSON document each way; docs/PROTOCOL.md has the fields. */
#ifndef ASKCSV_PROTOCOL_REQUEST_H
#define ASKCSV_PROTOCOL_REQUEST_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROTOCOL_VERSION 1
#define REQUEST_BYTES_MAX (4 * 1024 * 1024)
#define REQUEST_ROWS_MAX (64 * 1024 * 1024) /* bytes of a result's rows, for REQUEST_EXPORT */
/* Of that op, whose rows stand in a string: each byte of theirs takes at most two. */
#define REQUEST_EXPORT_BYTES_MAX (REQUEST_BYTES_MAX + 2 * REQUEST_ROWS_MAX)
#define REQUEST_SQL_MAX (1024 * 1024) /* bytes of SQL text */
#define REQUEST_TABLES_MAX 64
#define REQUEST_ARENA_MAX (16 * 1024 * 1024) /* of the arena that one is parsed into */
#define REQUEST_EXPORT_ARENA_MAX (REQUEST_ARENA_MAX + REQUEST_ROWS_MAX) /* of that op, too */

enum request_op {
        REQUEST_RUN,      /* load the tables, check the SQL, run it */
        REQUEST_CHECK,    /* the policy's verdict on the SQL; no file is opened */
        REQUEST_DESCRIBE, /* hash the tables, find their columns; there is no SQL */
        REQUEST_VALUES,   /* the same, and which values the columns hold */
        REQUEST_EXPORT,   /* write a result that is given as a Parquet file; no tables, no SQL */
};

/* True when it takes SQL: the others are about the tables, or a result, alone. */
bool request_op_has_sql(enum request_op op);

struct request_column {
        const char *name;
        const char *type; /* a DuckDB type: letters, digits, blanks, "(", ")", "," and "_" */
};

struct request_table {
        const char *name;   /* [A-Za-z_][A-Za-z0-9_]* */
        const char *path;   /* absolute */
        const char *format; /* "csv" or "parquet" */
        const char *sha256; /* what the file must hash to, or NULL: anything */
        const struct request_column
                *columns; /* the header line's names in order, or NULL: find them */
        size_t n_columns;
};

/* A result that is to become a file. */
struct request_result {
        const char *const *columns; /* n names */
        const char *const *types;   /* n types, as responses spell them */
        size_t n;                   /* 1 .. 4,096 */
        const char
                *rows; /* JSON text as a response has it: parsed in the sandbox, and not before */
        size_t rows_bytes;
};

struct limits {
        int64_t timeout_ms;       /* from the request's arrival; 1 .. 3,600,000 */
        int64_t max_rows;         /* returned; 0 .. 1,000,000: more rows set "truncated" */
        int64_t max_output_bytes; /* of the response's rows, or its file; 1,024 .. 256 MiB */
        int64_t memory_mb;        /* of the engine; 64 .. 1,048,576 */
        int64_t threads;          /* of the engine; 1 .. 256 */
};

#define LIMITS_DEFAULT                                                                             \
        ((struct limits){.timeout_ms = 30000,                                                      \
                         .max_rows = 1000,                                                         \
                         .max_output_bytes = 8 * 1024 * 1024,                                      \
                         .memory_mb = 1024,                                                        \
                         .threads = 1})

struct request {
        const char *run_id; /* a UUID; NULL only where prepare_parse had none */
        enum request_op op;
        const char *dataset_id;
        const char *dataset_version; /* or NULL; repeated in the response, not computed */
        const struct request_table *tables;
        size_t n_tables;
        const char *sql;   /* NULL when the op has none */
        const char *as_of; /* "2026-01-31T00:00:00Z": what now() and current_date give; never NULL
                            * for REQUEST_RUN, may be for the others */
        const struct request_result *result; /* of REQUEST_EXPORT; else NULL */
        struct limits limits;
};

/* Reads and checks a request out of outside bytes, into arena. Every string is valid UTF-8
 * without NUL. Required: protocol, run_id, dataset.id, dataset.tables (may be empty), each table's
 * name, path and format, sql (if the op has it), as_of (for run), result (for export); "op" is
 * "run" when it is absent, and each absent limit is that of LIMITS_DEFAULT; null is as good as
 * absent. On failure err says which field, with a JSON Pointer. The arena needs room for
 * REQUEST_ARENA_MAX, and for an export REQUEST_EXPORT_ARENA_MAX. */
int request_parse(const char *text, size_t n, struct arena *arena, struct request **ret,
                  struct error *err);

/* What a runner may do before there is a request ("prepare", docs/PROTOCOL.md): protocol, dataset
 * and limits as in a request, run_id if the asker has one (NULL: it has none). *ret has the op
 * "describe", no SQL and no as_of. The text has at most REQUEST_BYTES_MAX; otherwise as
 * request_parse. */
int prepare_parse(const char *text, size_t n, struct arena *arena, struct request **ret,
                  struct error *err);

/* Writes what of a request prepare_parse reads; as request_write. */
int prepare_write(const struct request *request, struct buf *out, struct error *err);

/* Writes it as one line of JSON, with the newline. A text that is not UTF-8 (a file's path may be
 * so) fails with ERROR_INVALID_REQUEST. */
int request_write(const struct request *request, struct buf *out, struct error *err);

/* Whether both are to be read with the same columns, or both with those that are found. */
bool request_same_columns(const struct request_table *a, const struct request_table *b);

/* Checks the ranges; the pointer of the error names the limit ("/limits/timeout_ms"). */
int limits_check(const struct limits *limits, struct error *err);

const char *request_op_name(enum request_op op);

#endif
