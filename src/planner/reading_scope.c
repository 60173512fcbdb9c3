#include "planner/reading_parts.h"

#include "base/json.h"

#include <string.h>
#include <strings.h>

/* The table called by the first n bytes of name, or NULL. */
static const struct table *table_called(const struct dataset *dataset, const char *name, size_t n)
{
        for (size_t i = 0; i < dataset->n_tables; i++) {
                const struct table *table = &dataset->tables[i];
                if (strlen(table->name) == n && strncasecmp(table->name, name, n) == 0)
                        return table;
        }
        return NULL;
}

const struct column *reading_column(const struct reading *r, const char *name)
{
        int i = r->table ? table_find_column(r->table, name) : -1;
        if (i >= 0)
                return &r->table->columns[i];
        for (const char *dot = strchr(name, '.'); dot; dot = strchr(dot + 1, '.')) {
                const struct table *table = table_called(r->dataset, name, (size_t)(dot - name));
                i = table ? table_find_column(table, dot + 1) : -1;
                if (i >= 0)
                        return &table->columns[i];
        }
        return NULL;
}

const json_t *reading_item_expr(const json_t *item)
{
        if (json_object_get(item, "func") || json_object_get(item, "column"))
                return item;
        return json_object_get(item, "expr");
}

/* True when the column, named as plans do, is called so in an answer: without its table. */
static bool column_is_called(const struct reading *r, const char *column, const char *name)
{
        size_t n = strlen(column);
        size_t m = strlen(name);
        if (m > n || strcasecmp(column + n - m, name) != 0)
                return false;
        const struct column *found = reading_column(r, column);
        return found ? strcasecmp(found->name, name) == 0 : m == n || column[n - m - 1] == '.';
}

bool reading_item_derives(const struct reading *r, const json_t *item, const char *name)
{
        const char *func = json_get_string(item, "func");
        const char *column = json_get_string(item, "column");
        if (!func)
                return column && column_is_called(r, column, name);
        size_t n = strlen(func);
        if (strncasecmp(func, name, n) != 0)
                return false;
        if (!column)
                return name[n] == '\0';
        return name[n] == '_' && column_is_called(r, column, name + n + 1);
}

int reading_find_item(const struct reading *r, const char *name)
{
        for (size_t i = 0; i < json_array_size(r->select); i++) {
                const json_t *item = json_array_get(r->select, i);
                const char *alias = json_get_string(item, "alias");
                if (alias ? strcasecmp(alias, name) == 0 : reading_item_derives(r, item, name))
                        return (int)i;
        }
        return -1;
}

/* What a name in an expression stands for: in having it may be a select item, given then, else
 * a column, or neither. */
static const json_t *find_named(const struct reading *r, const char *name,
                                const struct column **ret_column)
{
        int item = r->in_having ? reading_find_item(r, name) : -1;
        *ret_column = item < 0 ? reading_column(r, name) : NULL;
        return item < 0 ? NULL : json_array_get(r->select, (size_t)item);
}

static enum column_kind kind_of_named(struct reading *r, const char *name)
{
        const struct column *column;
        const json_t *item = find_named(r, name, &column);
        if (!item)
                return column ? column->kind : COLUMN_OTHER;
        r->in_having = false;
        enum column_kind kind = reading_kind(r, reading_item_expr(item));
        r->in_having = true;
        return kind;
}

static enum column_kind kind_of_literal(const json_t *value)
{
        if (json_is_number(value))
                return COLUMN_DECIMAL;
        return json_is_boolean(value) ? COLUMN_BOOLEAN : COLUMN_TEXT;
}

static bool is_extreme(const char *func)
{
        return strcmp(func, "min") == 0 || strcmp(func, "max") == 0;
}

static enum column_kind kind_of_aggregate(struct reading *r, const json_t *expr, const char *func)
{
        const char *column = json_get_string(expr, "column");
        if (!is_extreme(func))
                return COLUMN_DECIMAL;
        bool in_having = r->in_having;
        r->in_having = false;
        enum column_kind kind =
                column ? kind_of_named(r, column) : reading_kind(r, json_object_get(expr, "expr"));
        r->in_having = in_having;
        return kind;
}

/* The operand whose kind an expression has, or NULL. */
static const json_t *operand_of_kind(const json_t *expr)
{
        const json_t *found = json_object_get(expr, "total");
        if (!found)
                found = json_array_get(json_object_get(expr, "coalesce"), 0);
        if (!found)
                found = json_object_get(json_array_get(json_object_get(expr, "case"), 0), "then");
        return found;
}

static enum column_kind kind_of_operator(const json_t *expr)
{
        static const struct {
                const char *key;
                enum column_kind kind;
        } kinds[] = {
                {"add", COLUMN_DECIMAL},       {"sub", COLUMN_DECIMAL},
                {"mul", COLUMN_DECIMAL},       {"div", COLUMN_DECIMAL},
                {"neg", COLUMN_DECIMAL},       {"abs", COLUMN_DECIMAL},
                {"round", COLUMN_DECIMAL},     {"lower", COLUMN_TEXT},
                {"upper", COLUMN_TEXT},        {"date_trunc", COLUMN_DATE},
                {"date_part", COLUMN_INTEGER}, {"date_diff", COLUMN_INTEGER},
                {"as_of", COLUMN_TIMESTAMP},
        };
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
                if (json_object_get(expr, kinds[i].key))
                        return kinds[i].kind;
        return COLUMN_OTHER;
}

bool reading_is_temporal(enum column_kind kind)
{
        return kind == COLUMN_DATE || kind == COLUMN_TIMESTAMP || kind == COLUMN_TIME;
}

enum column_kind reading_kind(struct reading *r, const json_t *expr)
{
        const char *func = json_get_string(expr, "func");
        const char *column = json_get_string(expr, "column");
        const json_t *literal = json_object_get(expr, "literal");
        const json_t *operand = operand_of_kind(expr);
        enum column_kind kind;
        if (!reading_enter(r))
                return COLUMN_OTHER;
        if (func)
                kind = kind_of_aggregate(r, expr, func);
        else if (column)
                kind = kind_of_named(r, column);
        else if (literal)
                kind = kind_of_literal(literal);
        else if (operand)
                kind = reading_kind(r, operand);
        else
                kind = kind_of_operator(expr);
        reading_leave(r);
        return kind;
}

static const char *unit_of_named(struct reading *r, const char *name)
{
        const struct column *column;
        const json_t *item = find_named(r, name, &column);
        if (!item)
                return column ? column->unit : NULL;
        r->in_having = false;
        const char *unit = reading_unit(r, reading_item_expr(item));
        r->in_having = true;
        return unit;
}

/* The unit of what an aggregate of a column gives: its numbers, not how many there are. */
static const char *unit_of_aggregate(struct reading *r, const json_t *expr, const char *func)
{
        const char *column = json_get_string(expr, "column");
        if (!column || strncmp(func, "count", 5) == 0)
                return NULL;
        const struct column *found = reading_column(r, column);
        return found ? found->unit : NULL;
}

const char *reading_unit(struct reading *r, const json_t *expr)
{
        static const char *const keeping[] = {"round", "abs", "neg", "total"};
        const char *func = json_get_string(expr, "func");
        const char *column = json_get_string(expr, "column");
        const char *unit = NULL;
        if (!reading_enter(r))
                return NULL;
        if (func)
                unit = unit_of_aggregate(r, expr, func);
        else if (column)
                unit = unit_of_named(r, column);
        for (size_t i = 0; !func && !column && i < ARRAY_SIZE(keeping); i++)
                if (json_object_get(expr, keeping[i]))
                        unit = reading_unit(r, json_object_get(expr, keeping[i]));
        reading_leave(r);
        return unit && (strcmp(unit, "%") == 0 || reading_is_plain(unit)) ? unit : NULL;
}
