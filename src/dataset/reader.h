/* Reading a registry entry piece by piece; what schema_json.c and vocabulary_json.c share. Every
 * reader gives 0 or a negative code, with a JSON Pointer when the entry is at fault. */
#ifndef ASKCSV_DATASET_READER_H
#define ASKCSV_DATASET_READER_H

#include "base/place.h"
#include "dataset/schema.h"

struct reader {
        struct arena *arena; /* of the dataset */
        struct error *err;
};

/* The error at place. */
int reader_bad(struct reader *reader, const struct place *place, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* An object with no key but those of allowed, which ends with NULL. */
int reader_object(struct reader *reader, const struct place *place, const json_t *json,
                  const char *const *allowed);

/* The text at key, copied to the arena. A missing one is NULL, or an error when it is required. */
int reader_text(struct reader *reader, const struct place *place, const json_t *json,
                const char *key, bool required, const char **ret);

/* The array at here->key with 1 or 0 (min) to max elements; a missing one is NULL if min is 0. */
int reader_array(struct reader *reader, const struct place *here, const json_t *json, size_t min,
                 size_t max, const json_t **ret);

/* The texts at key, none of them twice, copied to the arena; none when the key is missing. */
int reader_words(struct reader *reader, const struct place *place, const json_t *json,
                 const char *key, struct words *ret);

/* The array of objects at key, which are of the plan's language and looked into by it alone; a
 * missing one is NULL. *ret belongs to json. */
int reader_objects(struct reader *reader, const struct place *place, const json_t *json,
                   const char *key, const json_t **ret);

/* vocabulary_json.c: what the owner says of a column, and of a table whose columns are known. */
int column_read_vocabulary(struct reader *reader, const struct place *place, const json_t *json,
                           struct column *column);
int table_read_vocabulary(struct reader *reader, const struct place *place, const json_t *json,
                          struct table *table);
/* What can be read only when all tables and relationships are: columns of other tables. */
int dataset_check_vocabulary(struct reader *reader, const struct dataset *dataset);

/* The column that a name leads to from each row of the table: the row's own ("price"), or, along
 * declared relationships, that of the one row it points to ("orders.status"). NULL when none. */
const struct column *dataset_reach(const struct dataset *dataset, size_t table, const char *name);
/* "time" at place, which may be NULL, must be such a column, and a date or timestamp. */
int dataset_check_time(struct reader *reader, const struct place *place,
                       const struct dataset *dataset, size_t table, const char *time);

/* measures_json.c: the measures and segments, and the reference to entry that owns their JSON. */
int dataset_read_measures(struct reader *reader, const json_t *entry, struct dataset *dataset);

#endif
