/* Snapshots: what a dataset version's files became when they were read the first time, as one
 * DuckDB database file, so that no later run parses CSV. Each is a folder
 *   FOLDER/KEY/snapshot.duckdb   the tables
 *   FOLDER/KEY/values.json       which values they hold (dataset/values.h)
 *   FOLDER/KEY/manifest.json     what it was made of, and the hashes of those two
 * made beside (FOLDER/.new-UUID, locked with flock(2) while it is being made) and renamed. KEY says
 * what is inside: whoever finds FOLDER/KEY and a manifest and a file that fit has the tables. This
 * is the trusted side: it reads the manifest and hashes bytes; it never opens a database, and never
 * parses values.json, which a sandboxed process wrote. docs/DATASETS.md has the format.
 *
 * FOLDER may be reached through symbolic links; below it none is followed. It must belong to the
 * user (or the user is root), and loses the permissions that others have on it. */
#ifndef ASKCSV_SNAPSHOT_SNAPSHOT_H
#define ASKCSV_SNAPSHOT_SNAPSHOT_H

#include "base/buf.h"
#include "base/error.h"
#include "base/hash.h"
#include "protocol/request.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SNAPSHOT_FORMAT 2           /* goes up when the same files would become another snapshot */
#define SNAPSHOT_FOLDER "snapshots" /* in $ASKCSV_HOME */
#define SNAPSHOT_FILE "snapshot.duckdb"
#define SNAPSHOT_VALUES "values.json" /* at most VALUES_BYTES_MAX bytes */
#define SNAPSHOT_MANIFEST "manifest.json"

/* SHA-256 over the canonical JSON of the format, the engine's version, and each table's name,
 * format, file hash and given columns (null when they are to be found), in order. sha256 has one
 * hash for each table of the request. */
int snapshot_key(const struct request *request, const char *engine_version,
                 const char (*sha256)[HASH_HEX_SIZE], char ret[HASH_HEX_SIZE], struct error *err);

/* One that is being made. */
struct snapshot_draft {
        char *path;  /* of its folder, absolute, without symbolic links; NULL: there is none */
        int lock_fd; /* the folder, open and locked; whoever keeps a copy keeps the lock */
};

#define SNAPSHOT_DRAFT_NONE ((struct snapshot_draft){.lock_fd = -1})

/* A new, empty folder for one. Removes what earlier makers that are gone left behind. On failure
 * *draft is SNAPSHOT_DRAFT_NONE. */
int snapshot_draft_begin(const char *folder, struct snapshot_draft *draft, struct error *err);

/* Hashes snapshot.duckdb and values.json in it, writes the manifest, renames the folder to
 * FOLDER/KEY. `tables` is what the engine said of each table
 * ({"name","rows","skipped_lines","columns"}), `files` the matching {"path","bytes","sha256"}.
 * Whoever wrote those two must be gone by then, and have left no write-ahead log behind
 * (ERROR_DATASET_INVALID); whatever else is in the draft is deleted. If KEY is there already, that
 * one stays when it is whole and gives way when it is not. No fsync: one that a power cut tore does
 * not fit its hash and is made anew. Then, as snapshot_draft_abandon, releases the draft, whatever
 * happens. */
int snapshot_draft_publish(struct snapshot_draft *draft, const char *folder, const char *key,
                           const struct request *request, const char *engine_version,
                           const json_t *tables, const json_t *files, struct error *err);

/* Removes the folder and everything in it. Safe on SNAPSHOT_DRAFT_NONE, and twice. */
void snapshot_draft_abandon(struct snapshot_draft *draft);

/* One that is there, opened for reading. */
struct snapshot {
        char *path; /* of snapshot.duckdb, absolute, without symbolic links */
        int fd;     /* open for reading; -1: there is none */
        int64_t bytes;
        char sha256[HASH_HEX_SIZE]; /* what snapshot.duckdb must hash to: not yet checked */
        struct buf values;          /* what values.json holds, whose hash was checked */
        json_t *tables;             /* as given to snapshot_draft_publish */
};

#define SNAPSHOT_NONE ((struct snapshot){.fd = -1})

/* 1 and *ret when there is a manifest that parses, has this key, format and engine, a values.json
 * of the hash and a snapshot.duckdb of the size that it says, and nothing else in the folder; the
 * caller hashes fd and compares (it may be large, so the caller does it bit by bit). 0 when there
 * is none that fits: then a wrong one has been removed. Marks it as used now (the manifest's
 * mtime). Negative only for what making it anew would not cure. *ret is SNAPSHOT_NONE unless 1 is
 * returned. Release with snapshot_close. */
int snapshot_open(const char *folder, const char *key, const char *engine_version,
                  struct snapshot *ret, struct error *err);
void snapshot_close(struct snapshot *snapshot); /* safe on SNAPSHOT_NONE, and twice */

/* Takes the folder away: its file does not fit its hash, say. Whoever has it open keeps it. One
 * that is not there is no error. */
int snapshot_remove(const char *folder, const char *key, struct error *err);

/* All that are there, the one used last first. */
struct snapshot_entry {
        char key[HASH_HEX_SIZE];
        json_t *manifest; /* checked; NULL when what is there does not fit, and so is no use */
        int64_t bytes;    /* of snapshot.duckdb and values.json */
        int64_t rows;     /* of all tables */
        int64_t used_ms;  /* UTC; when it was made or last opened; 0 when it does not fit */
};

struct snapshot_list {
        struct snapshot_entry *items;
        size_t n;
        int64_t bytes; /* of all */
};

/* Reads the manifests and changes nothing. A folder that is missing has none. Names that are no
 * keys are passed over. Release with snapshot_list_done. */
int snapshot_list_read(const char *folder, struct snapshot_list *ret, struct error *err);
void snapshot_list_done(struct snapshot_list *list); /* safe on {0}, and twice */

/* The rule by which old ones go, in this order; docs and `askcsv doctor` say the same:
 * - drafts whose maker is gone, and what does not fit its manifest;
 * - of the snapshots of the same files (same dataset id and paths), all but the two used last;
 * - what nobody used for 30 days;
 * - the one used longest ago, until all together take at most max_bytes.
 * keep (or NULL) is a key that stays, and counts as used last. *ret_removed (may be NULL) counts
 * those that went, even when one that could not be removed made this fail. */
#define SNAPSHOT_VERSIONS_KEPT 2
#define SNAPSHOT_DAYS_KEPT 30
#define SNAPSHOT_BYTES_KEPT ((int64_t)20 * 1024 * 1024 * 1024)
int snapshot_tidy(const char *folder, const char *keep, int64_t max_bytes, size_t *ret_removed,
                  struct error *err);

/* max_bytes out of the value of ASKCSV_SNAPSHOT_MB: mebibytes, 0 .. 1,000,000,000; NULL or "" is
 * SNAPSHOT_BYTES_KEPT. ERROR_USAGE for anything else. */
int snapshot_max_bytes(const char *setting, int64_t *ret, struct error *err);

#endif
