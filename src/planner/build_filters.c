/* Conditions as a plan's filters. */
#include "planner/build_costs.h"
#include "planner/builder.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void builder_add_filter(struct builder *b, json_t *array, json_t *filter)
{
        size_t i;
        json_t *there;
        if (!filter) {
                b->no_memory = true;
                return;
        }
        json_array_foreach(array, i, there)
        {
                if (!json_equal(there, filter))
                        continue;
                json_decref(filter);
                return;
        }
        builder_append(b, array, filter);
}

static json_t *number_json(struct builder *b, const char *digits)
{
        if (!strpbrk(digits, ".eE"))
                return builder_json(b, json_integer(strtoll(digits, NULL, 10)));
        return builder_json(b, json_real(strtod(digits, NULL)));
}

/* The number as the column's type has it: an id that is text, a year for a date. */
static json_t *value_json(struct builder *b, const char *digits, const struct column_facts *facts)
{
        if (strlen(digits) > 15 && facts->column->kind != COLUMN_TEXT)
                b->failed = true; /* no number that JSON keeps */
        if (facts->column->kind == COLUMN_TEXT)
                return builder_json(b, json_string(digits));
        if (facts->is_moment) {
                if (strlen(digits) != 4)
                        b->failed = true;
                char date[16];
                (void)snprintf(date, sizeof(date), "%.4s-01-01", digits);
                return builder_json(b, json_string(date));
        }
        if (!facts->is_number)
                b->failed = true;
        return number_json(b, digits);
}

static json_t *filter_json(struct builder *b, struct colref ref, const char *op, json_t *value)
{
        const char *name = builder_name(b, ref);
        json_t *filter =
                value ? json_pack("{s:s, s:s, s:o}", "column", name, "op", op, "value", value)
                      : json_pack("{s:s, s:s}", "column", name, "op", op);
        return builder_json(b, filter);
}

static json_t *computed_filter(struct builder *b, const struct cond *cond)
{
        json_t *expr = build_computed(b, &cond->want);
        if (!expr)
                return NULL;
        json_t *value = number_json(b, cond->a);
        if (cond->op == FILTER_BETWEEN)
                value = builder_json(b, json_pack("[o, o]", value, number_json(b, cond->b)));
        return builder_json(b, json_pack("{s:o, s:s, s:o}", "expr", expr, "op",
                                         filter_op_word(cond->op), "value", value));
}

static json_t *compare_filter(struct builder *b, const struct cond *cond)
{
        struct colref ref;
        if (!builder_resolve(b, &cond->refs, &ref))
                return NULL;
        const struct column_facts *facts = concept_column(b->concepts, ref);
        if (facts->is_flag && facts->column->kind != COLUMN_INTEGER) {
                b->failed = true;
                return NULL;
        }
        if (!cond->a) {
                struct colref other;
                if (!builder_resolve(b, &cond->refs2, &other))
                        return NULL;
                return filter_json(b, ref, filter_op_word(cond->op), builder_column(b, other));
        }
        if (cond->kind == COND_BETWEEN)
                return filter_json(
                        b, ref, "between",
                        builder_json(b, json_pack("[o, o]", value_json(b, cond->a, facts),
                                                  value_json(b, cond->b, facts))));
        if (cond->n_more > 0) {
                json_t *list = builder_json(b, json_array());
                builder_append(b, list, value_json(b, cond->a, facts));
                for (size_t i = 0; i < cond->n_more; i++)
                        builder_append(b, list, value_json(b, cond->more[i], facts));
                return filter_json(b, ref, cond->op == FILTER_NE ? "not_in" : "in", list);
        }
        return filter_json(b, ref, filter_op_word(cond->op), value_json(b, cond->a, facts));
}

static json_t *flag_filter(struct builder *b, const struct cond *cond)
{
        struct colref ref;
        if (!builder_resolve(b, &cond->refs, &ref))
                return NULL;
        const struct column_facts *facts = concept_column(b->concepts, ref);
        bool yes = !cond->negated;
        if (facts->column->kind == COLUMN_BOOLEAN)
                return filter_json(b, ref, "=", json_boolean(yes));
        if (facts->column->kind == COLUMN_TEXT)
                return filter_json(b, ref, "=", json_string(yes ? facts->yes : facts->no));
        return filter_json(b, ref, "=", json_integer(yes));
}

static void append_values(struct builder *b, json_t *list, const struct atom *atom)
{
        size_t n = atom->n_values < VALUES_IN_ATOM ? atom->n_values : VALUES_IN_ATOM;
        for (size_t v = 0; v < n; v++) {
                const char *value = atom->more ? atom->more[v] : atom->values[v];
                json_t *json = builder_json(b, json_string(value));
                size_t i;
                json_t *there;
                bool twice = false;
                json_array_foreach(list, i, there)
                {
                        twice = twice || json_equal(there, json);
                }
                if (twice)
                        json_decref(json);
                else
                        builder_append(b, list, json);
        }
}

static json_t *pattern_filter(struct builder *b, struct colref ref, enum filter_op op,
                              const char *text)
{
        json_t *filter = filter_json(b, ref, filter_op_word(op), json_string(text));
        if (op == FILTER_CONTAINS || op == FILTER_STARTSWITH || op == FILTER_ENDSWITH)
                builder_set(b, filter, "ignore_case", json_true());
        return filter;
}

static json_t *negated(struct builder *b, json_t *filter)
{
        return builder_json(b, json_pack("{s:o}", "not", filter));
}

static json_t *values_filter(struct builder *b, const struct cond *cond)
{
        struct colref ref;
        if (!builder_resolve(b, &cond->refs, &ref))
                return NULL;
        if (cond->value->is_part && cond->n_value2 == 0 && cond->value->n_values > 8) {
                json_t *filter = pattern_filter(b, ref, FILTER_CONTAINS, cond->value->text);
                return cond->negated ? negated(b, filter) : filter;
        }
        json_t *list = builder_json(b, json_array());
        append_values(b, list, cond->value);
        for (size_t v = 0; v < cond->n_value2; v++)
                append_values(b, list, cond->value2[v]);
        if (json_array_size(list) == 1) {
                json_t *one = json_incref(json_array_get(list, 0));
                json_decref(list);
                return filter_json(b, ref, cond->negated ? "!=" : "=", one);
        }
        return filter_json(b, ref, cond->negated ? "not_in" : "in", list);
}

static json_t *text_filter(struct builder *b, const struct cond *cond)
{
        struct colref ref;
        if (!builder_resolve(b, &cond->refs, &ref))
                return NULL;
        json_t *filter = pattern_filter(b, ref, cond->op, cond->text);
        return cond->negated ? negated(b, filter) : filter;
}

static json_t *null_filter(struct builder *b, const struct cond *cond)
{
        struct colref ref;
        if (!builder_resolve(b, &cond->refs, &ref))
                return NULL;
        return filter_json(b, ref, cond->negated ? "is_not_null" : "is_null", NULL);
}

static json_t *no_rows_filter(struct builder *b, const struct cond *cond)
{
        const struct table_facts *table = &b->concepts->tables[cond->index];
        struct refs refs = {.n = 0};
        struct colref ref;
        if (table->key < 0 || cond->index == b->base || builder_leads(b, cond->index)) {
                b->failed = true;
                return NULL;
        }
        /* Whose rows they are must be elsewhere: customers are known by their orders only. */
        for (size_t i = 0; i < b->intent->head.refs.n; i++)
                if (b->intent->head.refs.at[i].table == cond->index)
                        b->failed = true;
        double cost = b->built->cost;
        refs_add(&refs, cond->index, table->key);
        if (!builder_resolve(b, &refs, &ref))
                return NULL;
        b->built->cost = cost; /* that it lies beyond is what is asked for */
        return filter_json(b, ref, "is_null", NULL);
}

/* True when the question itself says something about the column that the filter is about. */
static bool is_overridden(const struct builder *b, const json_t *filter)
{
        const char *name = json_string_value(json_object_get(filter, "column"));
        for (size_t i = 0; name && i < b->intent->n_conds; i++) {
                const struct cond *cond = &b->intent->conds[i];
                if (cond->kind != COND_COMPARE && cond->kind != COND_BETWEEN)
                        continue;
                for (size_t k = 0; k < cond->refs.n; k++) {
                        const struct column_facts *facts =
                                concept_column(b->concepts, cond->refs.at[k]);
                        if (strcmp(facts->column->name, name) == 0)
                                return true;
                }
        }
        return false;
}

static void add_segment(struct builder *b, const struct cond *cond, json_t *array)
{
        const struct segment *segment = &b->concepts->dataset->segments[cond->index];
        json_t *filters = builder_qualified(b, segment->filters, segment->table);
        b->built->cost += (int)segment->table == b->base ? 0 : COST_OTHER_ROWS;
        if (b->intent->is_when && segment->time)
                b->built->cost += COST_TIME_ASKED; /* "when was it resolved" asks for the time */
        size_t i;
        json_t *filter;
        if (cond->negated) {
                json_t *inner = json_array_size(filters) == 1
                                        ? json_incref(json_array_get(filters, 0))
                                        : builder_json(b, json_pack("{s:O}", "and", filters));
                builder_add_filter(b, array, negated(b, inner));
        } else {
                json_array_foreach(filters, i, filter)
                {
                        if (!is_overridden(b, filter))
                                builder_add_filter(b, array, json_incref(filter));
                }
        }
        json_decref(filters);
}

static json_t *range_filter(struct builder *b, struct colref ref, const struct timex *time)
{
        if (time->from[0] && time->to[0])
                return filter_json(b, ref, "between",
                                   builder_json(b, json_pack("[s, s]", time->from, time->to)));
        if (time->from[0])
                return filter_json(b, ref, time->from_open ? ">" : ">=", json_string(time->from));
        return filter_json(b, ref, time->to_open ? "<" : "<=", json_string(time->to));
}

static json_t *part_filter(struct builder *b, struct colref ref, enum plan_unit unit, int first,
                           int last)
{
        json_t *expr = builder_json(b, json_pack("{s:o, s:s}", "date_part", builder_column(b, ref),
                                                 "unit", unit_word(unit)));
        if (first == last)
                return builder_json(
                        b, json_pack("{s:o, s:s, s:i}", "expr", expr, "op", "=", "value", first));
        return builder_json(b, json_pack("{s:o, s:s, s:[i, i]}", "expr", expr, "op", "between",
                                         "value", first, last));
}

static int year_of(const char *date)
{
        return date && strlen(date) >= 4
                       ? (int)strtol((char[]){date[0], date[1], date[2], date[3], '\0'}, NULL, 10)
                       : 0;
}

/* Months since the year 0 of a date, "2026-01-31". */
static int months_of(const char *date)
{
        return year_of(date) * 12 + (int)strtol(date + 5, NULL, 10) - 1;
}

/* Of the month of "2026-01-31". */
static int days_of_month(const char *date)
{
        int year = year_of(date);
        int month = months_of(date) % 12 + 1;
        int64_t next = month == 12 ? clock_days_from_civil(year + 1, 1, 1)
                                   : clock_days_from_civil(year, month + 1, 1);
        return (int)(next - clock_days_from_civil(year, month, 1));
}

/* The one year in which the data has that month; -1: none, or several. */
static int only_year_of(const struct column_values *values, int month)
{
        if (!values || !values->min || !values->max)
                return -1;
        int first = months_of(values->min);
        int last = months_of(values->max);
        int m = first + (month - 1 - first % 12 + 12) % 12;
        return m <= last && m + 12 > last ? m / 12 : -1;
}

/* A month's name alone: the one year that has it in the data, or each year's. */
static json_t *month_filter(struct builder *b, struct colref ref, int month)
{
        int year = only_year_of(concept_column(b->concepts, ref)->values, month);
        struct timex time = {.kind = TIME_RANGE};
        if (year < 0)
                return part_filter(b, ref, UNIT_MONTH, month, month);
        (void)snprintf(time.from, sizeof(time.from), "%04d-%02d-01", year, month);
        (void)snprintf(time.to, sizeof(time.to), "%04d-%02d-%02d", year, month,
                       days_of_month(time.from));
        return range_filter(b, ref, &time);
}

/* A year that is a number in the data. */
static json_t *year_filter(struct builder *b, struct colref ref, const struct timex *time)
{
        int from = year_of(time->from);
        int to = year_of(time->to);
        if (time->kind != TIME_RANGE || !time->is_year) {
                b->failed = true;
                return NULL;
        }
        if (from && to && from == to)
                return filter_json(b, ref, "=", json_integer(from));
        if (from && to)
                return filter_json(b, ref, "between",
                                   builder_json(b, json_pack("[i, i]", from, to)));
        if (from)
                return filter_json(b, ref, time->from_open ? ">" : ">=", json_integer(from));
        return filter_json(b, ref, time->to_open ? "<" : "<=", json_integer(to));
}

/* Of dates that are text: whole years, and months and days of a year. */
static json_t *text_date_filter(struct builder *b, struct colref ref, const struct timex *time)
{
        const struct column_facts *facts = concept_column(b->concepts, ref);
        const char *from = time->from;
        const char *to = time->to;
        char sign = facts->date_sign;
        char text[16];
        if (time->kind != TIME_RANGE || !*from || !*to || strncmp(from, to, 4) != 0)
                return NULL;
        (void)snprintf(text, sizeof(text), "%c%.4s", sign, from);
        if (time->is_year)
                return filter_json(b, ref, "endswith", json_string(text));
        bool month_first = facts->text_date == TEXT_DATE_MONTH;
        bool month = strncmp(from, to, 7) == 0 && strcmp(from + 8, "01") == 0 &&
                     atoi(to + 8) == days_of_month(from);
        if (facts->text_date == TEXT_DATE_YEAR || strlen(from) != 10 || strlen(to) != 10)
                return NULL;
        if (strcmp(from, to) == 0) {
                const char *first = month_first ? from + 5 : from + 8;
                const char *second = month_first ? from + 8 : from + 5;
                (void)snprintf(text, sizeof(text), "%.2s%c%.2s%c%.4s", first, sign, second, sign,
                               from);
                return filter_json(b, ref, "=", json_string(text));
        }
        if (!month)
                return NULL;
        if (!month_first) {
                (void)snprintf(text, sizeof(text), "%c%.2s%c%.4s", sign, from + 5, sign, from);
                return filter_json(b, ref, "endswith", json_string(text));
        }
        json_t *year = filter_json(b, ref, "endswith", json_string(text));
        (void)snprintf(text, sizeof(text), "%.2s%c", from + 5, sign);
        json_t *both = filter_json(b, ref, "startswith", json_string(text));
        return builder_json(b, json_pack("{s:[o, o]}", "and", both, year));
}

/* The only column of dates that are text. */
static bool find_text_date(const struct builder *b, struct colref *ret)
{
        const struct table_facts *table = builder_table(b);
        int found = 0;
        for (size_t c = 0; c < table->table->n_columns; c++) {
                if (table->columns[c].text_date == TEXT_DATE_NONE)
                        continue;
                *ret = (struct colref){b->base, (int)c};
                found++;
        }
        return found == 1;
}

void build_time(struct builder *b, const struct cond *cond, json_t *array)
{
        const struct timex *time = &cond->time;
        struct colref ref;
        bool found = cond->refs.n > 0 ? builder_resolve(b, &cond->refs, &ref)
                                      : builder_time(b, &ref) || find_text_date(b, &ref);
        if (!found) {
                b->failed = true;
                return;
        }
        json_t *filter = NULL;
        const struct column_facts *facts = concept_column(b->concepts, ref);
        if (time->supposed == UNIT_MONTH)
                builder_assume(b, "The last month is the last 30 days.");
        if (time->supposed == UNIT_YEAR)
                builder_assume(b, "The last year is the last 365 days.");
        if (facts->text_date != TEXT_DATE_NONE)
                filter = text_date_filter(b, ref, time);
        else if (facts->is_year && !facts->is_moment)
                filter = year_filter(b, ref, time);
        else if (time->kind == TIME_LAST)
                filter = filter_json(
                        b, ref, "last",
                        json_pack("{s:i, s:s}", "n", time->n, "unit", unit_word(time->unit)));
        else if (time->kind == TIME_RANGE)
                filter = range_filter(b, ref, time);
        else if (time->kind == TIME_MONTH)
                filter = month_filter(b, ref, time->first);
        else
                filter = part_filter(b, ref, UNIT_DAY_OF_WEEK, time->first, time->last);
        if (!filter) {
                b->failed = true;
                return;
        }
        builder_add_filter(b, array, cond->negated ? negated(b, filter) : filter);
}

/* What is in stock is known for now, not for a day in December. */
static bool has_no_time(const struct builder *b, const struct cond *cond)
{
        bool timed = false;
        if (cond->kind != COND_SEGMENT)
                return false;
        int table = (int)b->concepts->dataset->segments[cond->index].table;
        for (size_t i = 0; i < b->intent->n_conds; i++)
                timed = timed || b->intent->conds[i].kind == COND_TIME;
        for (size_t i = 0; i < cond->refs.n; i++)
                if (cond->refs.at[i].table == b->base)
                        return false;
        return timed && table != b->base && b->concepts->tables[table].time < 0;
}

static json_t *one_filter(struct builder *b, const struct cond *cond)
{
        switch (cond->kind) {
        case COND_COMPARE:
        case COND_BETWEEN: {
                json_t *filter = compare_filter(b, cond);
                return filter && cond->negated ? negated(b, filter) : filter;
        }
        case COND_COMPUTED:
                return computed_filter(b, cond);
        case COND_VALUES:
                return values_filter(b, cond);
        case COND_TEXT:
                return text_filter(b, cond);
        case COND_NULL:
                return null_filter(b, cond);
        case COND_FLAG:
                return flag_filter(b, cond);
        case COND_NO_ROWS:
                return no_rows_filter(b, cond);
        default:
                return NULL;
        }
}

static void add_cond(struct builder *b, const struct cond *cond, json_t *array)
{
        if (has_no_time(b, cond))
                b->failed = true;
        if (cond->kind == COND_TIME)
                build_time(b, cond, array);
        else if (cond->kind == COND_SEGMENT)
                add_segment(b, cond, array);
        else if (cond->kind != COND_HAVING) {
                json_t *filter = one_filter(b, cond);
                if (filter)
                        builder_add_filter(b, array, filter);
                else
                        b->failed = true;
        }
}

/* The conditions of one "or". */
static void add_either(struct builder *b, int either, json_t *array)
{
        json_t *branches = builder_json(b, json_array());
        for (size_t i = 0; i < b->intent->n_conds; i++) {
                const struct cond *cond = &b->intent->conds[i];
                if (cond->either != either || cond->dropped || cond->kind == COND_HAVING)
                        continue;
                json_t *branch = builder_json(b, json_array());
                add_cond(b, cond, branch);
                if (json_array_size(branch) == 1)
                        builder_append(b, branches, json_incref(json_array_get(branch, 0)));
                else if (json_array_size(branch) > 1)
                        builder_append(b, branches, json_pack("{s:O}", "and", branch));
                json_decref(branch);
        }
        if (json_array_size(branches) >= 2)
                builder_append(b, array, json_pack("{s:O}", "or", branches));
        else if (json_array_size(branches) == 1)
                builder_append(b, array, json_incref(json_array_get(branches, 0)));
        json_decref(branches);
}

void build_filters(struct builder *b, enum cond_role role, json_t *array)
{
        int done = 0;
        for (size_t i = 0; i < b->intent->n_conds; i++) {
                const struct cond *cond = &b->intent->conds[i];
                if (cond->dropped || cond->role != role)
                        continue;
                if (cond->either > 0) {
                        if (cond->either > done)
                                add_either(b, cond->either, array);
                        done = cond->either > done ? cond->either : done;
                } else {
                        add_cond(b, cond, array);
                }
        }
}
