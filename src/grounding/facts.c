#include "grounding/facts.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/json.h"

#include <math.h>
#include <string.h>

#define COLUMNS_MAX 4096
#define GRAMS_MAX                                                                                  \
        ((size_t)500000) /* and labels, likewise; what is beyond them is not found as words */
#define DATES_MAX 20000
#define LITERALS_MAX 2000
#define TEXT_TOKENS_MAX 32       /* of a cell's text */
#define COUNTS_MAX 20            /* different values of a column whose rows are counted */
#define NESTED_MAX 8             /* lists in lists */
#define MONTH_NAMES_ROWS_MAX 500 /* up to so many rows their dates are labels in words too */

enum { CAPACITY_CELLS, CAPACITY_GRAMS, CAPACITY_LABELS, CAPACITY_LITERALS, CAPACITY_DATES };

/* Room for one more of `size` bytes behind the n of *items. */
static int grow(struct facts *facts, int which, void *items, size_t n, size_t size,
                struct error *err)
{
        size_t *capacity = &facts->capacities[which];
        if (n < *capacity)
                return 0;
        size_t wanted = *capacity ? *capacity * 2 : 64;
        void *grown = alloc_realloc(*(void **)items, wanted * size);
        if (!grown)
                return error_oom(err);
        *(void **)items = grown;
        *capacity = wanted;
        return 0;
}

int facts_add_gram(struct facts *facts, uint64_t hash, const struct fact_place *place,
                   struct error *err)
{
        if (facts->n_grams >= GRAMS_MAX)
                return 0;
        int r = grow(facts, CAPACITY_GRAMS, &facts->grams, facts->n_grams, sizeof(*facts->grams),
                     err);
        if (r == 0)
                facts->grams[facts->n_grams++] = (struct fact_gram){.hash = hash, .place = *place};
        return r;
}

int facts_add_literal(struct facts *facts, const struct decimal *value,
                      const struct fact_place *place, struct error *err)
{
        if (facts->n_literals >= LITERALS_MAX)
                return 0;
        int r = grow(facts, CAPACITY_LITERALS, &facts->literals, facts->n_literals,
                     sizeof(*facts->literals), err);
        if (r == 0)
                facts->literals[facts->n_literals++] =
                        (struct fact_literal){.value = *value, .place = *place};
        return r;
}

int facts_add_date(struct facts *facts, const struct date *date, const struct fact_place *place,
                   struct error *err)
{
        if (facts->n_dates >= DATES_MAX)
                return 0;
        int r = grow(facts, CAPACITY_DATES, &facts->dates, facts->n_dates, sizeof(*facts->dates),
                     err);
        if (r == 0)
                facts->dates[facts->n_dates++] = (struct fact_date){.date = *date, .place = *place};
        return r;
}

static int add_label(struct facts *facts, uint64_t hash, bool upper, const struct fact_place *place,
                     struct error *err)
{
        if (facts->n_labels >= GRAMS_MAX)
                return 0;
        int r = grow(facts, CAPACITY_LABELS, &facts->labels, facts->n_labels,
                     sizeof(*facts->labels), err);
        if (r == 0)
                facts->labels[facts->n_labels++] =
                        (struct fact_label){.hash = hash, .upper = upper, .place = *place};
        return r;
}

static int add_cell(struct facts *facts, const struct decimal *decimal,
                    const struct fact_place *place, struct error *err)
{
        int r = grow(facts, CAPACITY_CELLS, &facts->cells, facts->n_cells, sizeof(*facts->cells),
                     err);
        if (r == 0)
                facts->cells[facts->n_cells++] = (struct fact_cell){
                        .value = decimal_value(decimal), .decimal = *decimal, .place = *place};
        return r;
}

/* Texts. */

static size_t first_tokens(const char *text, size_t n, struct token *tokens, size_t max)
{
        size_t count = 0;
        for (size_t at = 0; count < max && token_next(text, n, &at, &tokens[count]);)
                count++;
        return count;
}

/* Grams of the tokens from the first on; a number alone says too little. */
static int add_grams(struct facts *facts, const struct token *tokens, size_t n, bool alone,
                     const struct fact_place *place, struct error *err)
{
        uint64_t chain = 0;
        bool digit = false;
        int r = 0;
        for (size_t i = 0; r == 0 && i < n && i < FACT_GRAM_TOKENS_MAX; i++) {
                chain = token_chain(chain, &tokens[i]);
                digit |= tokens[i].digit;
                if (digit && (i > 0 || alone || tokens[i].letter))
                        r = facts_add_gram(facts, chain, place, err);
        }
        return r;
}

int facts_add_text(struct facts *facts, const char *text, size_t n, const struct fact_place *place,
                   struct error *err)
{
        struct token tokens[TEXT_TOKENS_MAX];
        size_t count = first_tokens(text, n, tokens, ARRAY_SIZE(tokens));
        int r = 0;
        for (size_t i = 0; r == 0 && i < count; i++)
                r = add_grams(facts, tokens + i, count - i, count == 1, place, err);
        return r;
}

/* A cell's whole text as the row's label; a letter alone is none. */
static int add_text_label(struct facts *facts, const char *text, size_t n,
                          const struct fact_place *place, struct error *err)
{
        struct token tokens[FACT_LABEL_TOKENS_MAX + 1];
        size_t count = first_tokens(text, n, tokens, ARRAY_SIZE(tokens));
        uint64_t chain = 0;
        bool letter = false;
        if (count == 0 || count > FACT_LABEL_TOKENS_MAX ||
            (count == 1 && tokens[0].end - tokens[0].start < 2))
                return 0;
        for (size_t i = 0; i < count; i++) {
                chain = token_chain(chain, &tokens[i]);
                letter |= tokens[i].letter;
        }
        /* Digits alone ("42" as text) might be anything else. */
        return letter || count > 1 ? add_label(facts, chain, tokens[0].upper, place, err) : 0;
}

/* "customer 2429": a token of an id column's name and the value behind it. */
static int add_id_labels(struct facts *facts, const char *name, const char *value,
                         const struct fact_place *place, struct error *err)
{
        struct token tokens[FACT_LABEL_TOKENS_MAX];
        struct token digits;
        size_t count = first_tokens(name, strlen(name), tokens, ARRAY_SIZE(tokens));
        size_t at = 0;
        int r = 0;
        if (!token_next(value, strlen(value), &at, &digits))
                return 0;
        for (size_t i = 0; r == 0 && i < count; i++)
                r = add_label(facts, token_chain(token_chain(0, &tokens[i]), &digits), false, place,
                              err);
        return r;
}

/* "31 January 2026", "January 31", "January 2026" of a month's first day, with the short name as
 * well. */
static int add_date_labels(struct facts *facts, const struct date *date,
                           const struct fact_place *place, struct error *err)
{
        static const char *const names[] = {"January",   "February", "March",    "April",
                                            "May",       "June",     "July",     "August",
                                            "September", "October",  "November", "December"};
        int r = 0;
        if (!date->month || !date->year)
                return 0;
        for (int length = 3; r == 0 && length <= 9; length += 6) {
                char texts[3][48];
                const char *name = names[date->month - 1];
                bool whole = date->day > 1;
                (void)snprintf(texts[0], sizeof(texts[0]), "%.*s %d", length, name, date->year);
                (void)snprintf(texts[1], sizeof(texts[1]), "%.*s %d", length, name, date->day);
                (void)snprintf(texts[2], sizeof(texts[2]), "%d %.*s", date->day, length, name);
                for (size_t k = whole ? 1 : 0; r == 0 && k < (date->day ? 3 : 1); k++)
                        r = add_text_label(facts, texts[k], strlen(texts[k]), place, err);
        }
        return r;
}

/* Cells. */

static bool has_type(const char *type, const char *const *names)
{
        for (; type && *names; names++)
                if (strncmp(type, *names, strlen(*names)) == 0)
                        return true;
        return false;
}

static int read_text(struct facts *facts, const char *type, const json_t *json,
                     const struct fact_place *place, struct error *err)
{
        static const char *const numbers[] = {"DECIMAL", "HUGEINT", "UHUGEINT", "BIGINT",
                                              "UBIGINT", "INTEGER", "UINTEGER", "DOUBLE",
                                              "FLOAT",   NULL};
        static const char *const times[] = {"DATE", "TIME", NULL};
        const char *text = json_string_value(json);
        size_t n = json_string_length(json);
        const struct fact_table *table = &facts->tables[place->table];
        struct decimal decimal;
        struct date date;
        if (has_type(type, numbers) && decimal_parse(text, n, &decimal))
                return add_cell(facts, &decimal, place, err);
        int r = add_text_label(facts, text, n, place, err);
        size_t taken = date_read(text, n, &date);
        if (r == 0 && taken && (taken == n || has_type(type, times))) {
                r = facts_add_date(facts, &date, place, err);
                if (r == 0 && table->n_rows <= MONTH_NAMES_ROWS_MAX)
                        r = add_date_labels(facts, &date, place, err);
        }
        return r < 0 || has_type(type, times) ? r : facts_add_text(facts, text, n, place, err);
}

static int read_cell(struct facts *facts, const char *type, const json_t *json,
                     const struct fact_place *place, int depth, struct error *err)
{
        struct decimal decimal;
        size_t i;
        const char *key;
        json_t *value;
        int r = 0;
        if (json_is_string(json))
                return read_text(facts, type, json, place, err);
        if (decimal_from_json(json, &decimal))
                return add_cell(facts, &decimal, place, err);
        if (depth >= NESTED_MAX)
                return 0;
        json_array_foreach((json_t *)json, i, value)
        {
                if (r == 0 && facts->n_looked_at++ < GROUNDING_CELLS_MAX)
                        r = read_cell(facts, type, value, place, depth + 1, err);
        }
        json_object_foreach((json_t *)json, key, value)
        {
                if (r == 0 && facts->n_looked_at++ < GROUNDING_CELLS_MAX)
                        r = read_cell(facts, type, value, place, depth + 1, err);
        }
        return r;
}

/* Whether the last word of the column's name is one of them. */
static bool name_has(const char *name, const char *const *words, bool last_only)
{
        struct token token;
        bool found = false;
        for (size_t at = 0; token_next(name, strlen(name), &at, &token);) {
                struct tokens one = {.text = name, .items = &token, .n = 1};
                bool is = tokens_is(&one, 0, words);
                found = last_only ? is : found || is;
        }
        return found;
}

/* The row's number in that column, where it is one that stands alone. */
static void keep_value(struct facts *facts, size_t before, const struct fact_place *place)
{
        struct fact_table *table = &facts->tables[place->table];
        long double *kept = &table->values[place->row * table->n_columns + place->column];
        *kept = facts->n_cells == before + 1 ? facts->cells[before].value : NAN;
        if (isinf(*kept))
                *kept = NAN;
}

static int read_row(struct facts *facts, const char *const *types, const json_t *row,
                    struct fact_place *place, struct error *err)
{
        const struct fact_table *table = &facts->tables[place->table];
        char digits[24];
        int r = 0;
        for (size_t c = 0; r == 0 && c < table->n_columns; c++) {
                const json_t *cell = json_array_get(row, c);
                size_t before = facts->n_cells;
                place->column = (uint32_t)c;
                facts->n_looked_at++;
                r = read_cell(facts, types[c], cell, place, 0, err);
                if (r == 0)
                        keep_value(facts, before, place);
                if (r == 0 && table->columns[c].id && json_is_integer(cell)) {
                        (void)snprintf(digits, sizeof(digits), "%lld",
                                       (long long)json_integer_value(cell));
                        r = add_id_labels(facts, table->columns[c].name, digits, place, err);
                }
        }
        return r;
}

/* A row with columns "year", "month", "quarter" is about a date as well. */
static int read_row_date(struct facts *facts, struct fact_place *place, struct error *err)
{
        static const char *const names[3][2] = {{"year", NULL}, {"quarter", NULL}, {"month", NULL}};
        static const int most[] = {9999, 4, 12};
        const struct fact_table *table = &facts->tables[place->table];
        int parts[3] = {0};
        for (size_t c = 0; c < table->n_columns; c++) {
                long double value = table->values[place->row * table->n_columns + c];
                for (size_t k = 0; k < ARRAY_SIZE(parts); k++)
                        if (value >= 1 && value <= most[k] &&
                            name_has(table->columns[c].name, names[k], true))
                                parts[k] = (int)value;
        }
        struct date date = {.year = parts[0], .quarter = parts[1], .month = parts[2]};
        if (!date.year && !date.quarter && !date.month)
                return 0;
        int r = facts_add_date(facts, &date, place, err);
        return r < 0 ? r : add_date_labels(facts, &date, place, err);
}

static int read_rows(struct facts *facts, uint32_t t, const json_t *rows, const char *const *types,
                     struct error *err)
{
        struct fact_table *table = &facts->tables[t];
        int r = 0;
        for (size_t i = 0; r == 0 && i < table->n_rows; i++) {
                struct fact_place place = {.origin = FACT_CELL, .table = t, .row = (uint32_t)i};
                r = read_row(facts, types, json_array_get(rows, i), &place, err);
                place.column = 0;
                if (r == 0)
                        r = read_row_date(facts, &place, err);
        }
        return r;
}

/* Columns. */

static int compare_hashes(const void *a, const void *b)
{
        uint64_t x = *(const uint64_t *)a;
        uint64_t y = *(const uint64_t *)b;
        return x < y ? -1 : x > y;
}

/* Of a cell alone, so that equal ones have the same; 0 for NULL and what has no value of its own.
 */
static uint64_t hash_cell(const json_t *json)
{
        uint64_t hash = 0xCBF29CE484222325u;
        const char *p = "";
        size_t n = 0;
        json_int_t integer = json_integer_value(json);
        double real = json_real_value(json);
        if (json_is_string(json)) {
                p = json_string_value(json);
                n = json_string_length(json);
        } else if (json_is_integer(json)) {
                p = (const char *)&integer;
                n = sizeof(integer);
        } else if (json_is_real(json)) {
                p = (const char *)&real;
                n = sizeof(real);
        } else if (!json_is_boolean(json)) {
                return 0;
        }
        for (size_t i = 0; i < n; i++)
                hash = (hash ^ (unsigned char)p[i]) * 0x100000001B3u;
        return (hash ^ (uint64_t)json_typeof(json)) | 1;
}

/* How many values there are, and of few, how often each is there. */
static int count_values(struct facts *facts, struct fact_table *table, size_t c, uint64_t *scratch,
                        struct error *err)
{
        const json_t *rows = json_object_get(table->source->result, "rows");
        struct fact_column *column = &table->columns[c];
        size_t n = 0;
        for (size_t i = 0; i < table->n_rows; i++) {
                uint64_t hash = hash_cell(json_array_get(json_array_get(rows, i), c));
                if (hash)
                        scratch[n++] = hash;
        }
        if (n)
                qsort(scratch, n, sizeof(*scratch), compare_hashes);
        for (size_t i = 0; i < n; i++)
                column->distinct += i == 0 || scratch[i] != scratch[i - 1];
        if (column->distinct > COUNTS_MAX)
                return 0;
        column->counts = arena_array(facts->arena, column->distinct, sizeof(*column->counts));
        if (!column->counts)
                return error_oom(err);
        for (size_t i = 0; i < n; i++) {
                column->n_counts += i == 0 || scratch[i] != scratch[i - 1];
                column->counts[column->n_counts - 1]++;
        }
        return 0;
}

static void sum_up(struct fact_table *table, size_t c)
{
        static const char *const rates[] = {"pct",    "percent", "percentage", "rate",
                                            "share",  "ratio",   "discount",   "growth",
                                            "change", "margin",  "percents",   NULL};
        static const char *const marks[] = {"average", "avg",     "mean",    "median",
                                            "min",     "max",     "lowest",  "highest",
                                            "stddev",  "minimum", "maximum", NULL};
        struct fact_column *column = &table->columns[c];
        column->whole = true;
        for (size_t i = 0; i < table->n_rows; i++) {
                long double value = table->values[i * table->n_columns + c];
                if (isnan(value))
                        continue;
                if (column->n == 0 || value < column->min) {
                        column->min = value;
                        column->min_row = i;
                }
                if (column->n == 0 || value > column->max) {
                        column->max = value;
                        column->max_row = i;
                }
                column->sum += value;
                column->whole = column->whole && value == floorl(value);
                column->n++;
        }
        long double most = fmaxl(fabsl(column->min), fabsl(column->max));
        bool rate = name_has(column->name, rates, false);
        column->fraction = most <= 1;
        column->percent = rate || (!column->whole && most <= 100);
        column->additive = !column->id && !rate && !name_has(column->name, marks, false);
}

/* Tables. */

static size_t rows_to_read(const struct facts *facts, const json_t *rows, size_t n_columns)
{
        size_t n = json_array_size(rows);
        size_t left = facts->n_looked_at < GROUNDING_CELLS_MAX
                              ? GROUNDING_CELLS_MAX - facts->n_looked_at
                              : 0;
        size_t most = n_columns ? left / n_columns : 0;
        return n < most ? n : most;
}

static int make_columns(struct facts *facts, struct fact_table *table, uint32_t t,
                        const char ***ret_types, struct error *err)
{
        static const char *const ids[] = {"id", "no", "nr", "number", "code", "key", NULL};
        const json_t *columns = json_object_get(table->source->result, "columns");
        const json_t *types = json_object_get(table->source->result, "types");
        int r = 0;
        table->columns = arena_array(facts->arena, table->n_columns, sizeof(*table->columns));
        table->values =
                arena_array(facts->arena, table->n_rows * table->n_columns, sizeof(*table->values));
        *ret_types = arena_array(facts->arena, table->n_columns, sizeof(**ret_types));
        if (!table->columns || !table->values || !*ret_types)
                return error_oom(err);
        for (size_t c = 0; r == 0 && c < table->n_columns; c++) {
                const char *name = json_string_value(json_array_get(columns, c));
                const struct fact_place place = {
                        .origin = FACT_COLUMN, .table = t, .column = (uint32_t)c};
                table->columns[c].name = name ? name : "";
                table->columns[c].id = name_has(table->columns[c].name, ids, true);
                (*ret_types)[c] = json_string_value(json_array_get(types, c));
                r = facts_add_text(facts, table->columns[c].name, strlen(table->columns[c].name),
                                   &place, err);
        }
        return r;
}

static int make_table(struct facts *facts, uint32_t t, struct error *err)
{
        struct fact_table *table = &facts->tables[t];
        const json_t *result = table->source->result;
        const json_t *rows = json_object_get(result, "rows");
        const char **types = NULL;
        size_t n = json_array_size(json_object_get(result, "columns"));
        json_int_t said = json_get_int(result, "row_count", -1);
        table->n_columns = n < COLUMNS_MAX ? n : COLUMNS_MAX;
        table->n_rows = rows_to_read(facts, rows, table->n_columns);
        table->row_count = said >= 0 ? (size_t)said : json_array_size(rows);
        table->whole = json_is_array(rows) && table->n_rows == table->row_count &&
                       !json_get_bool(result, "truncated", false);
        int r = make_columns(facts, table, t, &types, err);
        if (r == 0)
                r = read_rows(facts, t, rows, types, err);
        uint64_t *scratch =
                r == 0 ? arena_array(facts->arena, table->n_rows, sizeof(*scratch)) : NULL;
        if (r == 0 && !scratch)
                r = error_oom(err);
        for (size_t c = 0; r == 0 && c < table->n_columns; c++) {
                sum_up(table, c);
                r = count_values(facts, table, c, scratch, err);
        }
        return r < 0 ? r : facts_add_query(facts, t, err);
}

static int compare_cells(const void *a, const void *b)
{
        const struct fact_cell *x = a;
        const struct fact_cell *y = b;
        if (x->value != y->value)
                return x->value < y->value ? -1 : 1;
        if (x->place.table != y->place.table)
                return x->place.table < y->place.table ? -1 : 1;
        if (x->place.row != y->place.row)
                return x->place.row < y->place.row ? -1 : 1;
        return x->place.column < y->place.column ? -1 : x->place.column > y->place.column;
}

static void sort_all(struct facts *facts)
{
        /* Both begin with their hash. */
        if (facts->n_grams)
                qsort(facts->grams, facts->n_grams, sizeof(*facts->grams), compare_hashes);
        if (facts->n_labels)
                qsort(facts->labels, facts->n_labels, sizeof(*facts->labels), compare_hashes);
        if (facts->n_cells)
                qsort(facts->cells, facts->n_cells, sizeof(*facts->cells), compare_cells);
}

int facts_make(const struct grounding_input *input, struct arena *arena, struct facts *ret,
               struct error *err)
{
        *ret = (struct facts){.arena = arena, .n_tables = input->n_sources};
        ret->tables = arena_array(arena, input->n_sources, sizeof(*ret->tables));
        int r = ret->tables ? 0 : error_oom(err);
        for (size_t i = 0; r == 0 && i < input->n_sources; i++) {
                ret->tables[i].source = &input->sources[i];
                r = make_table(ret, (uint32_t)i, err);
        }
        if (r == 0 && input->question)
                r = facts_add_question(ret, input->question, err);
        if (r == 0)
                sort_all(ret);
        return r;
}

void facts_done(struct facts *facts)
{
        free(facts->cells);
        free(facts->grams);
        free(facts->labels);
        free(facts->literals);
        free(facts->dates);
        *facts = (struct facts){0};
}

const struct fact_gram *facts_find_gram(const struct facts *facts, uint64_t hash)
{
        return facts->n_grams ? bsearch(&hash, facts->grams, facts->n_grams, sizeof(*facts->grams),
                                        compare_hashes)
                              : NULL;
}

/* The index of the first of n items in order that is not before the key; n when all are. */
static size_t lower_bound(const void *items, size_t n, size_t size, const void *key,
                          bool (*is_before)(const void *item, const void *key))
{
        size_t low = 0;
        size_t high = n;
        while (low < high) {
                size_t middle = low + (high - low) / 2;
                if (is_before((const char *)items + middle * size, key))
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static bool is_label_before(const void *label, const void *hash)
{
        return ((const struct fact_label *)label)->hash < *(const uint64_t *)hash;
}

static bool is_cell_before(const void *cell, const void *value)
{
        return ((const struct fact_cell *)cell)->value < *(const long double *)value;
}

const struct fact_label *facts_find_labels(const struct facts *facts, uint64_t hash, size_t *ret_n)
{
        const size_t size = sizeof(*facts->labels);
        const uint64_t next = hash + 1;
        size_t first = lower_bound(facts->labels, facts->n_labels, size, &hash, is_label_before);
        size_t left = facts->n_labels - first;
        if (left == 0 || facts->labels[first].hash != hash)
                return NULL;
        const struct fact_label *found = &facts->labels[first];
        *ret_n = hash == UINT64_MAX ? left : lower_bound(found, left, size, &next, is_label_before);
        return found;
}

size_t facts_first_cell(const struct facts *facts, long double value)
{
        return lower_bound(facts->cells, facts->n_cells, sizeof(*facts->cells), &value,
                           is_cell_before);
}
