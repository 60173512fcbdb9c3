/* SOURCE, as it is typed: the id of a registered dataset, or files. */
#ifndef ASKCSV_RUN_SOURCE_H
#define ASKCSV_RUN_SOURCE_H

#include "dataset/registry.h"
#include "dataset/schema.h"

#define SOURCE_FILES_ID "files" /* the dataset id of a dataset made from files */

struct source {
        struct dataset *dataset; /* tables' paths are absolute */
        const char *data_root;   /* the deepest folder that holds all of them */
        bool registered;
};

/* One table of a dataset made from files. */
struct source_file {
        const char *path;   /* as it was typed, or absolute */
        const char *name;   /* the table's name, or NULL: made from the path */
        const char *sha256; /* what the file must hash to, or NULL */
        const char *format; /* or NULL: by the path's ending */
};

/* text is a dataset's id, one file's path, or several with commas between them. Files that are
 * missing, not regular or not readable are errors that say what to do. For a registered dataset
 * the files are those in datasets_folder/ID, and they must be there unless `bare`: then nothing
 * is asked of any file (for a check, which opens none). A registered source borrows from the
 * registry and must go first. Release with source_free. */
int source_open(const struct registry *registry, const char *datasets_folder, const char *text,
                bool bare, struct source **ret, struct error *err);

/* The registered dataset with its files' places. */
int source_open_registered(const struct dataset *dataset, const char *datasets_folder, bool bare,
                           struct source **ret, struct error *err);

int source_open_files(const struct source_file *files, size_t n, bool bare, struct source **ret,
                      struct error *err);

void source_free(struct source *source); /* NULL is fine */

#endif
