#include "dataset/registry.h"

#include "base/alloc.h"
#include "base/fd.h"
#include "base/json.h"

#include <stdio.h>
#include <string.h>

static const struct json_limits registry_limits = {.max_bytes = REGISTRY_BYTES_MAX,
                                                   .max_depth = REGISTRY_DEPTH_MAX};

/* Made by tools/embed from datasets/registry.json. */
extern const char registry_text[];
extern const unsigned long registry_text_size;

void registry_free(struct registry *registry)
{
        if (!registry)
                return;
        for (size_t i = 0; i < registry->n_datasets; i++)
                dataset_free(registry->datasets[i]);
        free(registry->datasets);
        free(registry);
}

static void registry_freep(struct registry **registry)
{
        registry_free(*registry);
}

/* An error at pointer, which is not about one dataset. */
static int registry_bad(struct error *err, const char *pointer, const char *message)
{
        int r = error_set(err, ERROR_DATASET_INVALID, "%s", message);
        if (err)
                (void)snprintf(err->pointer, sizeof(err->pointer), "%s", pointer);
        return r;
}

/* The error of one dataset, whose pointer starts at that dataset. */
static int registry_prefix(struct error *err, int r, size_t index)
{
        if (!err || err->type != ERROR_DATASET_INVALID)
                return r;
        char pointer[ERROR_POINTER_MAX];
        memcpy(pointer, err->pointer, sizeof(pointer));
        (void)snprintf(err->pointer, sizeof(err->pointer), "/datasets/%zu%.*s", index,
                       ERROR_POINTER_MAX - 40, pointer);
        return r;
}

static int registry_add(struct registry *registry, const json_t *entry, struct error *err)
{
        struct dataset *dataset;
        size_t i = registry->n_datasets;
        int r = dataset_from_json(entry, &dataset, err);
        if (r < 0)
                return registry_prefix(err, r, i);
        if (registry_find(registry, dataset->id)) {
                dataset_free(dataset);
                return registry_prefix(
                        err, registry_bad(err, "/id", "an earlier dataset has this id"), i);
        }
        registry->datasets[registry->n_datasets++] = dataset;
        return 0;
}

static int check_top(const json_t *json, struct error *err)
{
        if (!json_is_object(json))
                return registry_bad(err, "", "a registry is an object with version and datasets");
        if (json_get_int(json, "version", 0) != REGISTRY_VERSION)
                return registry_bad(err, "/version", "\"version\" should be 1");
        const char *key;
        json_t *value;
        json_object_foreach((json_t *)json, key, value)
        {
                if (strcmp(key, "version") != 0 && strcmp(key, "datasets") != 0)
                        return registry_bad(err, "", "a registry has only version and datasets");
        }
        const json_t *datasets = json_object_get(json, "datasets");
        if (!json_is_array(datasets) || json_array_size(datasets) > REGISTRY_DATASETS_MAX)
                return registry_bad(err, "/datasets",
                                    "\"datasets\" should be an array of up to 1000 datasets");
        return 0;
}

static int registry_from_json(const json_t *json, struct registry **ret, struct error *err)
{
        int r = check_top(json, err);
        if (r < 0)
                return r;
        const json_t *datasets = json_object_get(json, "datasets");
        size_t n = json_array_size(datasets);
        _cleanup_(registry_freep) struct registry *registry = alloc_calloc(1, sizeof(*registry));
        if (!registry)
                return error_oom(err);
        registry->datasets = alloc_calloc(n ? n : 1, sizeof(*registry->datasets));
        if (!registry->datasets)
                return error_oom(err);
        for (size_t i = 0; i < n; i++) {
                r = registry_add(registry, json_array_get(datasets, i), err);
                if (r < 0)
                        return r;
        }
        *ret = steal_ptr(&registry);
        return 0;
}

int registry_parse(const char *text, size_t n, struct registry **ret, struct error *err)
{
        _cleanup_json_ json_t *json = NULL;
        int r = json_parse(text, n, &registry_limits, ERROR_DATASET_INVALID, &json, err);
        if (r < 0)
                return r;
        return registry_from_json(json, ret, err);
}

int registry_open(const char *path, struct registry **ret, struct error *err)
{
        if (!path)
                return registry_parse(registry_text, registry_text_size, ret, err);
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, REGISTRY_BYTES_MAX);
        int r = fd_read_file(path, &text, err);
        if (r == 0)
                r = registry_parse(buf_text(&text), text.len, ret, err);
        return r < 0 ? error_prefix(err, r, "the registry %s", path) : 0;
}

const struct dataset *registry_find(const struct registry *registry, const char *id)
{
        for (size_t i = 0; i < registry->n_datasets; i++)
                if (strcmp(registry->datasets[i]->id, id) == 0)
                        return registry->datasets[i];
        return NULL;
}

static size_t min_size(size_t a, size_t b)
{
        return a < b ? a : b;
}

/* Levenshtein's distance of two texts of at most DATASET_ID_MAX bytes, row by row. */
static size_t edit_distance(const char *a, const char *b)
{
        size_t n = strlen(b);
        size_t row[DATASET_ID_MAX + 1];
        for (size_t k = 0; k <= n; k++)
                row[k] = k;
        for (size_t i = 0; a[i]; i++) {
                size_t diagonal = row[0];
                row[0] = i + 1;
                for (size_t k = 0; k < n; k++) {
                        size_t replaced = diagonal + (a[i] != b[k]);
                        diagonal = row[k + 1];
                        row[k + 1] = min_size(replaced, min_size(row[k], diagonal) + 1);
                }
        }
        return row[n];
}

const char *registry_nearest(const struct registry *registry, const char *id)
{
        size_t n = strnlen(id, DATASET_ID_MAX + 1);
        if (n > DATASET_ID_MAX)
                return NULL;
        const char *nearest = NULL;
        size_t best = n / 3 + 1;
        for (size_t i = 0; i < registry->n_datasets; i++) {
                size_t distance = edit_distance(id, registry->datasets[i]->id);
                if (distance < best) {
                        best = distance;
                        nearest = registry->datasets[i]->id;
                }
        }
        return nearest;
}
