/* The snapshots in $ASKCSV_HOME, for people and as JSON: what there is of each dataset and of
 * files, and how some of them are forgotten. */
#ifndef ASKCSV_CLI_SNAPSHOTS_H
#define ASKCSV_CLI_SNAPSHOTS_H

#include "base/buf.h"
#include "cli/style.h"
#include "dataset/registry.h"
#include "snapshot/snapshot.h"

#include <jansson.h>
#include <stdbool.h>

/* home/snapshots; the caller frees it. NULL for no memory. */
char *snapshots_folder(const char *home);

int snapshots_read(const char *home, struct snapshot_list *ret, struct error *err);

/* Adds "snapshots" to each of the datasets ([{"id", ...}]): [{"key","bytes","rows","created_at",
 * "used_at","engine","files"}], the one used last first; and when there are some of other files,
 * one more dataset with the id "files" at the end. */
int snapshots_add(json_t *datasets, const struct snapshot_list *list, struct error *err);

/* True for that one, which is no dataset that could be asked by its id. */
bool snapshots_are_of_files(const json_t *dataset);

/* What stands below the list of datasets: those of files, and all together. Nothing for none. */
int snapshots_put(struct buf *out, const json_t *datasets, const struct snapshot_list *list,
                  const struct style *style, struct error *err);

/* The cells size, rows and "used last" of one dataset, to be put into the table of all. */
json_t *snapshots_cells(const json_t *dataset);

/* "17 bytes", "1.5 KiB", ... */
void put_bytes(struct buf *out, int64_t bytes);

/* Removes those of a dataset's id, of a file, or (commas between them) of several files together;
 * says what was freed. ERROR_DATASET_NOT_FOUND when nothing of that name is known. */
int snapshots_forget(const char *home, const struct registry *registry, const char *source,
                     struct buf *out, struct error *err);
int snapshots_forget_all(const char *home, struct buf *out, struct error *err);

#endif
