/* The datasets that askcsv knows by id: datasets/registry.json, built into the program, or the
 * file that ASKCSV_REGISTRY names. */
#ifndef ASKCSV_DATASET_REGISTRY_H
#define ASKCSV_DATASET_REGISTRY_H

#include "dataset/schema.h"

#define REGISTRY_VERSION 1
#define REGISTRY_BYTES_MAX (4 * 1024 * 1024)
#define REGISTRY_DATASETS_MAX 1000
#define REGISTRY_DEPTH_MAX 64 /* nested arrays and objects; measures hold parts of plans */

struct registry {
        struct dataset **datasets; /* in the file's order */
        size_t n_datasets;
};

/* Reads the registry at path, or the built-in one when path is NULL. Release with registry_free.
 * What is wrong in the text is ERROR_DATASET_INVALID with a JSON Pointer into it. */
int registry_open(const char *path, struct registry **ret, struct error *err);
int registry_parse(const char *text, size_t n, struct registry **ret, struct error *err);
void registry_free(struct registry *registry); /* NULL is fine */

/* NULL when there is none. The dataset belongs to the registry. */
const struct dataset *registry_find(const struct registry *registry, const char *id);

/* The known id nearest to what was typed (edit distance at most a third of it), or NULL. */
const char *registry_nearest(const struct registry *registry, const char *id);

#endif
