#include "dataset/schema.h"

#include "base/cleanup.h"

#include <string.h>
#include <strings.h>

static const struct {
        const char *name;
        enum column_kind kind;
} kinds[] = {
        {"TINYINT", COLUMN_INTEGER},
        {"SMALLINT", COLUMN_INTEGER},
        {"INTEGER", COLUMN_INTEGER},
        {"BIGINT", COLUMN_INTEGER},
        {"HUGEINT", COLUMN_INTEGER},
        {"UTINYINT", COLUMN_INTEGER},
        {"USMALLINT", COLUMN_INTEGER},
        {"UINTEGER", COLUMN_INTEGER},
        {"UBIGINT", COLUMN_INTEGER},
        {"UHUGEINT", COLUMN_INTEGER},
        {"INT", COLUMN_INTEGER},
        {"DECIMAL", COLUMN_DECIMAL},
        {"NUMERIC", COLUMN_DECIMAL},
        {"FLOAT", COLUMN_FLOAT},
        {"REAL", COLUMN_FLOAT},
        {"DOUBLE", COLUMN_FLOAT},
        {"VARCHAR", COLUMN_TEXT},
        {"TEXT", COLUMN_TEXT},
        {"STRING", COLUMN_TEXT},
        {"BOOLEAN", COLUMN_BOOLEAN},
        {"BOOL", COLUMN_BOOLEAN},
        {"DATE", COLUMN_DATE},
        {"TIMESTAMP", COLUMN_TIMESTAMP},
        {"DATETIME", COLUMN_TIMESTAMP},
        {"TIMESTAMP_S", COLUMN_TIMESTAMP},
        {"TIMESTAMP_MS", COLUMN_TIMESTAMP},
        {"TIMESTAMP_NS", COLUMN_TIMESTAMP},
        {"TIMESTAMPTZ", COLUMN_TIMESTAMP},
        {"TIMESTAMP WITH TIME ZONE", COLUMN_TIMESTAMP},
        {"TIME", COLUMN_TIME},
        {"TIME_NS", COLUMN_TIME},
};

enum column_kind column_kind_of(const char *type)
{
        size_t n = strlen(type);
        if (n > 0 && type[n - 1] == ')') /* DECIMAL(10,2); DECIMAL(10,2)[] is a list */
                n = strcspn(type, "(");
        while (n > 0 && type[n - 1] == ' ')
                n--;
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
                if (strlen(kinds[i].name) == n && strncasecmp(kinds[i].name, type, n) == 0)
                        return kinds[i].kind;
        return COLUMN_OTHER;
}

/* strcasecmp(3) follows the locale; DuckDB folds ASCII letters only. */
static bool name_equal(const char *a, const char *b)
{
        for (;; a++, b++) {
                unsigned char p = (unsigned char)*a;
                unsigned char q = (unsigned char)*b;
                if (p >= 'A' && p <= 'Z')
                        p = (unsigned char)(p + 'a' - 'A');
                if (q >= 'A' && q <= 'Z')
                        q = (unsigned char)(q + 'a' - 'A');
                if (p != q)
                        return false;
                if (!p)
                        return true;
        }
}

int dataset_find_table(const struct dataset *dataset, const char *name)
{
        for (size_t i = 0; i < dataset->n_tables; i++)
                if (name_equal(dataset->tables[i].name, name))
                        return (int)i;
        return -1;
}

int table_find_column(const struct table *table, const char *name)
{
        for (size_t i = 0; i < table->n_columns; i++)
                if (name_equal(table->columns[i].name, name))
                        return (int)i;
        return -1;
}

void dataset_free(struct dataset *dataset)
{
        if (!dataset)
                return;
        json_decref(dataset->vocabulary);
        arena_free(dataset->arena);
}
