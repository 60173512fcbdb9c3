/* The datasets that askcsv knows by id: datasets/registry.json, built into the program, or the
 * file that ASKCSV_REGISTRY names. */
#ifndef ASKCSV_DATASET_REGISTRY_H
#define ASKCSV_DATASET_REGISTRY_H

#include "dataset/schema.h"

struct registry {
        struct dataset **datasets; /* in the file's order */
        size_t n_datasets;
};

/* Reads the registry at path, or the built-in one when path is NULL. Release with registry_free. */
int registry_open(const char *path, struct registry **ret, struct error *err);
void registry_free(struct registry *registry); /* NULL is fine */

/* NULL when there is none. The dataset belongs to the registry. */
const struct dataset *registry_find(const struct registry *registry, const char *id);

/* The known id nearest to what was typed (edit distance at most a third of it), or NULL. */
const char *registry_nearest(const struct registry *registry, const char *id);

#endif
