/* How people call a dataset's columns and tables, out of its registry entry. */
#include "dataset/name.h"
#include "dataset/reader.h"

#include <stdint.h>
#include <string.h>

static bool words_have(const struct words *words, const char *text)
{
        for (size_t i = 0; i < words->n; i++)
                if (strcmp(words->items[i], text) == 0)
                        return true;
        return false;
}

/* "values" are all that the column has, so what has a place in the order must be among them. */
static int check_order(struct reader *reader, const struct place *place,
                       const struct column *column)
{
        const struct words values = {.items = column->values, .n = column->n_values};
        struct place here = place_key(place, "order");
        if (column->order.n > 0 && column->kind != COLUMN_TEXT)
                return reader_bad(reader, &here,
                                  "%s is %s, which has an order already; remove the key",
                                  column->name, column->type);
        for (size_t i = 0; column->values && i < column->order.n; i++) {
                struct place element = place_index(&here, i);
                if (!words_have(&values, column->order.items[i]))
                        return reader_bad(reader, &element,
                                          "\"%.100s\" is not among the column's \"values\"",
                                          column->order.items[i]);
        }
        return 0;
}

int column_read_vocabulary(struct reader *reader, const struct place *place, const json_t *json,
                           struct column *column)
{
        int r = reader_words(reader, place, json, "synonyms", &column->synonyms);
        if (r == 0)
                r = reader_words(reader, place, json, "order", &column->order);
        if (r == 0)
                r = reader_words(reader, place, json, "show", &column->show);
        if (r == 0)
                r = reader_text(reader, place, json, "entity", false, &column->entity);
        return r < 0 ? r : check_order(reader, place, column);
}

/* The text at key must be one of the table's own columns; *ret is the column's name. */
static int read_own_column(struct reader *reader, const struct place *place, const json_t *json,
                           const char *key, const struct table *table, const char **ret)
{
        struct place here = place_key(place, key);
        const char *name = NULL;
        int r = reader_text(reader, place, json, key, false, &name);
        if (r < 0 || !name)
                return r;
        int column = table_find_column(table, name);
        if (column < 0)
                return reader_bad(reader, &here, "\"%.255s\" is not a column of the table %s", name,
                                  table->name);
        *ret = table->columns[column].name;
        return 0;
}

int table_read_vocabulary(struct reader *reader, const struct place *place, const json_t *json,
                          struct table *table)
{
        int r = reader_words(reader, place, json, "synonyms", &table->synonyms);
        if (r == 0)
                r = reader_words(reader, place, json, "show", &table->show);
        if (r == 0)
                r = reader_text(reader, place, json, "row", false, &table->row);
        if (r == 0)
                r = read_own_column(reader, place, json, "key", table, &table->key);
        if (r == 0)
                r = read_own_column(reader, place, json, "label", table, &table->label);
        if (r == 0)
                r = reader_text(reader, place, json, "time", false, &table->time);
        if (r == 0)
                r = reader_objects(reader, place, json, "with", &table->with);
        return r;
}

/* The tables that rows of `from` point to, and those that these point to, as a set. */
static uint64_t reachable(const struct dataset *dataset, size_t from)
{
        uint64_t seen = UINT64_C(1) << from;
        for (uint64_t before = 0; before != seen;) {
                before = seen;
                for (size_t i = 0; i < dataset->n_relationships; i++)
                        if (seen >> dataset->relationships[i].from_table & 1)
                                seen |= UINT64_C(1) << dataset->relationships[i].to_table;
        }
        return seen;
}
_Static_assert(DATASET_TABLES_MAX <= 64, "a set of tables is 64 bits");

const struct column *dataset_reach(const struct dataset *dataset, size_t table, const char *name)
{
        const struct table *own = &dataset->tables[table];
        int column = table_find_column(own, name); /* its name may have a dot */
        if (column >= 0)
                return &own->columns[column];
        size_t n = strcspn(name, ".");
        char other_name[NAME_MAX_BYTES + 1] = "";
        if (!name[n] || n > NAME_MAX_BYTES)
                return NULL;
        memcpy(other_name, name, n);
        int i = dataset_find_table(dataset, other_name);
        if (i < 0 || !(reachable(dataset, table) >> i & 1))
                return NULL;
        const struct table *other = &dataset->tables[i];
        column = table_find_column(other, name + n + 1);
        return column >= 0 ? &other->columns[column] : NULL;
}

static int not_reached(struct reader *reader, const struct place *place,
                       const struct dataset *dataset, size_t table, const char *name)
{
        return reader_bad(reader, place,
                          "\"%.300s\" is not a column of the table %s, nor table.column of one "
                          "that its rows point to",
                          name, dataset->tables[table].name);
}

static int check_show(struct reader *reader, const struct place *place,
                      const struct dataset *dataset, size_t table, const struct words *show)
{
        struct place here = place_key(place, "show");
        for (size_t i = 0; i < show->n; i++) {
                struct place element = place_index(&here, i);
                if (!dataset_reach(dataset, table, show->items[i]))
                        return not_reached(reader, &element, dataset, table, show->items[i]);
        }
        return 0;
}

int dataset_check_time(struct reader *reader, const struct place *place,
                       const struct dataset *dataset, size_t table, const char *time)
{
        struct place here = place_key(place, "time");
        if (!time)
                return 0;
        const struct column *column = dataset_reach(dataset, table, time);
        if (!column)
                return not_reached(reader, &here, dataset, table, time);
        if (column->kind != COLUMN_DATE && column->kind != COLUMN_TIMESTAMP)
                return reader_bad(reader, &here, "%s is %s; a DATE or TIMESTAMP is needed", time,
                                  column->type);
        return 0;
}

static int check_table(struct reader *reader, const struct place *place,
                       const struct dataset *dataset, size_t table)
{
        const struct table *t = &dataset->tables[table];
        struct place columns = place_key(place, "columns");
        int r = check_show(reader, place, dataset, table, &t->show);
        if (r == 0)
                r = dataset_check_time(reader, place, dataset, table, t->time);
        for (size_t i = 0; r == 0 && i < t->n_columns; i++) {
                struct place element = place_index(&columns, i);
                r = check_show(reader, &element, dataset, table, &t->columns[i].show);
        }
        return r;
}

int dataset_check_vocabulary(struct reader *reader, const struct dataset *dataset)
{
        struct place here = place_key(NULL, "tables");
        int r = 0;
        for (size_t i = 0; r == 0 && i < dataset->n_tables; i++) {
                struct place element = place_index(&here, i);
                r = check_table(reader, &element, dataset, i);
        }
        return r;
}
