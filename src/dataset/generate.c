#include "dataset/generate.h"

#include "base/cleanup.h"
#include "base/fd.h"
#include "dataset/generators.h"

#include <string.h>

#define GENERATOR_TABLES_MAX 3

struct generator {
        const char *id;
        const char *tables[GENERATOR_TABLES_MAX + 1]; /* in the generator's order */
        int (*make)(struct csv_out *tables, struct error *err);
};

static const struct generator generators[] = {
        {"ecommerce", {"orders", "order_items", "inventory"}, generate_ecommerce},
        {"support", {"tickets"}, generate_support},
        {"sensors", {"sensors"}, generate_sensors},
};

static const struct generator *generator_find(const char *id)
{
        for (size_t i = 0; i < ARRAY_SIZE(generators); i++)
                if (strcmp(generators[i].id, id) == 0)
                        return &generators[i];
        return NULL;
}

bool dataset_is_generated(const char *id)
{
        return generator_find(id) != NULL;
}

/* Writes one table's text to folder/ID/FILE. */
static int table_write(const struct dataset *dataset, const struct table *table,
                       const struct csv_out *csv, const char *folder, struct error *err)
{
        _cleanup_buf_ struct buf path = {0};
        buf_init(&path, 4096);
        buf_printf(&path, "%s/%s/%s", folder, dataset->id, table->path);
        int r = buf_error(&path, err, "the path of the dataset's file");
        if (r < 0)
                return r;
        char *slash = strrchr(path.data, '/');
        *slash = '\0';
        r = fd_make_dirs(path.data, err);
        *slash = '/';
        if (r == 0)
                r = fd_write_file(path.data, csv->text.data, csv->text.len, 0644, err);
        return r;
}

static int tables_write(const struct generator *generator, const struct dataset *dataset,
                        const struct csv_out *tables, const char *folder, struct error *err)
{
        for (size_t i = 0; generator->tables[i]; i++) {
                int r = buf_error(&tables[i].text, err, generator->tables[i]);
                if (r < 0)
                        return r;
                int at = dataset_find_table(dataset, generator->tables[i]);
                if (at < 0)
                        return error_set(err, ERROR_DATASET_INVALID,
                                         "the registry's dataset %s has no table %s, which the "
                                         "generator makes",
                                         dataset->id, generator->tables[i]);
                r = table_write(dataset, &dataset->tables[at], &tables[i], folder, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

int dataset_generate(const struct dataset *dataset, const char *folder, struct error *err)
{
        const struct generator *generator = generator_find(dataset->id);
        if (!generator)
                return error_set(err, ERROR_DATASET_NOT_FOUND,
                                 "askcsv has no generator for the dataset %s; its files must be "
                                 "brought",
                                 dataset->id);
        struct csv_out tables[GENERATOR_TABLES_MAX] = {0};
        int r = generator->make(tables, err);
        if (r == 0)
                r = tables_write(generator, dataset, tables, folder, err);
        for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
                csv_out_done(&tables[i]);
        return r;
}
