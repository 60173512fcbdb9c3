/* The numbers and the rows that a dataset's owner gave names, out of its registry entry. */
#include "base/cleanup.h"
#include "base/json.h"
#include "dataset/reader.h"

#include <stdlib.h>
#include <string.h>

#define SEGMENT_LIMIT_MAX 1000 /* what a plan may ask for */

/* What a question may call a measure or a segment has one meaning. */
struct names {
        struct reader *reader;
        json_t *taken; /* {"name in lower case": true} */
};

static int take_name(struct names *names, const struct place *place, const char *name)
{
        char *lower = arena_strdup(names->reader->arena, name);
        if (!lower)
                return error_oom(names->reader->err);
        for (char *p = lower; *p; p++)
                if (*p >= 'A' && *p <= 'Z')
                        *p = (char)(*p + 'a' - 'A');
        if (json_object_get(names->taken, lower))
                return reader_bad(names->reader, place,
                                  "\"%.100s\" is the name of an earlier measure or segment", name);
        if (json_object_set_new(names->taken, lower, json_true()) < 0)
                return error_oom(names->reader->err);
        return 0;
}

static int read_names(struct names *names, const struct place *place, const json_t *json,
                      const char **name, struct words *synonyms)
{
        struct place own = place_key(place, "name");
        struct place others = place_key(place, "synonyms");
        int r = reader_text(names->reader, place, json, "name", true, name);
        if (r == 0)
                r = reader_words(names->reader, place, json, "synonyms", synonyms);
        if (r == 0)
                r = take_name(names, &own, *name);
        for (size_t i = 0; r == 0 && i < synonyms->n; i++) {
                struct place element = place_index(&others, i);
                r = take_name(names, &element, synonyms->items[i]);
        }
        return r;
}

static int read_table_of(struct reader *reader, const struct place *place, const json_t *json,
                         const struct dataset *dataset, size_t *ret)
{
        struct place here = place_key(place, "table");
        const char *name = NULL;
        int r = reader_text(reader, place, json, "table", true, &name);
        if (r < 0)
                return r;
        int table = dataset_find_table(dataset, name);
        if (table < 0)
                return reader_bad(reader, &here, "there is no table \"%.100s\"", name);
        *ret = (size_t)table;
        return 0;
}

/* A select item whose alias is what the answer calls the number. */
static int read_item(struct reader *reader, const struct place *place, const json_t *json,
                     const json_t **ret)
{
        struct place here = place_key(place, "item");
        const json_t *item = json_object_get(json, "item");
        const char *alias = NULL;
        if (!json_is_object(item))
                return reader_bad(reader, &here, "\"item\" should be a select item with an alias");
        *ret = item;
        return reader_text(reader, &here, item, "alias", true, &alias);
}

/* An aggregate is an object with "func", wherever it stands. */
static bool has_aggregate(const json_t *json)
{
        const char *key;
        size_t i;
        json_t *value;
        json_object_foreach((json_t *)json, key, value)
        {
                if (strcmp(key, "func") == 0 || has_aggregate(value))
                        return true;
        }
        json_array_foreach(json, i, value)
        {
                if (has_aggregate(value))
                        return true;
        }
        return false;
}

static int read_direction(struct reader *reader, const struct place *place, const json_t *json,
                          bool *ret)
{
        struct place here = place_key(place, "direction");
        const char *direction = NULL;
        int r = reader_text(reader, place, json, "direction", false, &direction);
        if (r < 0 || !direction)
                return r;
        *ret = strcmp(direction, "asc") == 0;
        if (!*ret && strcmp(direction, "desc") != 0)
                return reader_bad(reader, &here, "\"direction\" should be \"asc\" or \"desc\"");
        return 0;
}

static int read_measure(struct names *names, const struct place *place, const json_t *json,
                        const struct dataset *dataset, struct measure *measure)
{
        static const char *const keys[] = {"name", "synonyms", "description", "unit",      "table",
                                           "item", "filters",  "with",        "direction", NULL};
        struct reader *reader = names->reader;
        int r = reader_object(reader, place, json, keys);
        if (r == 0)
                r = read_names(names, place, json, &measure->name, &measure->synonyms);
        if (r == 0)
                r = reader_text(reader, place, json, "description", false, &measure->description);
        if (r == 0)
                r = reader_text(reader, place, json, "unit", false, &measure->unit);
        if (r == 0)
                r = read_table_of(reader, place, json, dataset, &measure->table);
        if (r == 0)
                r = read_item(reader, place, json, &measure->item);
        if (r == 0)
                r = reader_objects(reader, place, json, "filters", &measure->filters);
        if (r == 0)
                r = reader_objects(reader, place, json, "with", &measure->with);
        if (r == 0)
                r = read_direction(reader, place, json, &measure->ascending);
        if (r == 0)
                measure->per_row = !has_aggregate(measure->item);
        return r;
}

static int read_limit(struct reader *reader, const struct place *place, const json_t *json,
                      int *ret)
{
        struct place here = place_key(place, "limit");
        const json_t *limit = json_object_get(json, "limit");
        json_int_t n = json_integer_value(limit);
        if (limit && (n < 1 || n > SEGMENT_LIMIT_MAX))
                return reader_bad(reader, &here, "\"limit\" should be a whole number from 1 to %d",
                                  SEGMENT_LIMIT_MAX);
        *ret = (int)n;
        return 0;
}

static int read_segment(struct names *names, const struct place *place, const json_t *json,
                        const struct dataset *dataset, struct segment *segment)
{
        static const char *const keys[] = {"name",  "synonyms", "description", "table",
                                           "time",  "filters",  "show",        "order_by",
                                           "limit", "with",     NULL};
        struct reader *reader = names->reader;
        struct place filters = place_key(place, "filters");
        int r = reader_object(reader, place, json, keys);
        if (r == 0)
                r = read_names(names, place, json, &segment->name, &segment->synonyms);
        if (r == 0)
                r = reader_text(reader, place, json, "description", false, &segment->description);
        if (r == 0)
                r = read_table_of(reader, place, json, dataset, &segment->table);
        if (r == 0)
                r = reader_text(reader, place, json, "time", false, &segment->time);
        if (r == 0)
                r = dataset_check_time(reader, place, dataset, segment->table, segment->time);
        if (r == 0)
                r = reader_objects(reader, place, json, "filters", &segment->filters);
        if (r == 0 && !segment->filters)
                return reader_bad(reader, &filters, "\"filters\" is missing");
        if (r == 0)
                r = reader_objects(reader, place, json, "show", &segment->show);
        if (r == 0)
                r = reader_objects(reader, place, json, "order_by", &segment->order_by);
        if (r == 0)
                r = reader_objects(reader, place, json, "with", &segment->with);
        return r < 0 ? r : read_limit(reader, place, json, &segment->limit);
}

static int read_measures(struct names *names, const json_t *entry, struct dataset *dataset)
{
        struct place here = place_key(NULL, "measures");
        const json_t *array = NULL;
        int r = reader_array(names->reader, &here, entry, 0, DATASET_LIST_MAX, &array);
        if (r < 0)
                return r;
        size_t n = json_array_size(array);
        struct measure *measures = arena_array(names->reader->arena, n, sizeof(*measures));
        if (!measures)
                return error_oom(names->reader->err);
        for (size_t i = 0; r == 0 && i < n; i++) {
                struct place element = place_index(&here, i);
                r = read_measure(names, &element, json_array_get(array, i), dataset, &measures[i]);
        }
        dataset->measures = measures;
        dataset->n_measures = n;
        return r;
}

static int read_segments(struct names *names, const json_t *entry, struct dataset *dataset)
{
        struct place here = place_key(NULL, "segments");
        const json_t *array = NULL;
        int r = reader_array(names->reader, &here, entry, 0, DATASET_LIST_MAX, &array);
        if (r < 0)
                return r;
        size_t n = json_array_size(array);
        struct segment *segments = arena_array(names->reader->arena, n, sizeof(*segments));
        if (!segments)
                return error_oom(names->reader->err);
        for (size_t i = 0; r == 0 && i < n; i++) {
                struct place element = place_index(&here, i);
                r = read_segment(names, &element, json_array_get(array, i), dataset, &segments[i]);
        }
        dataset->segments = segments;
        dataset->n_segments = n;
        return r;
}

int dataset_read_measures(struct reader *reader, const json_t *entry, struct dataset *dataset)
{
        _cleanup_json_ json_t *taken = json_object();
        struct names names = {.reader = reader, .taken = taken};
        if (!taken)
                return error_oom(reader->err);
        dataset->vocabulary = json_incref((json_t *)entry);
        int r = read_measures(&names, entry, dataset);
        return r < 0 ? r : read_segments(&names, entry, dataset);
}
