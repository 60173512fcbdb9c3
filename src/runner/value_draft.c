#include "runner/value_draft.h"

#include "base/alloc.h"
#include "base/json.h"
#include "dataset/values.h"

#include <stdlib.h>
#include <string.h>

/* A text costs its bytes of JSON, and no less than this: so one sum keeps both ceilings, that of
 * the bytes and that of the number of values. */
#define COST_MIN (VALUES_BYTES_MAX / VALUES_DATASET_MAX + 1)
#define ESCAPE_BYTES 6 /* \u001f */

struct draft_text {
        int64_t count;
        size_t cost;
        char bytes[];
};

void draft_column_clear(struct draft_column *column)
{
        for (size_t i = 0; i < column->n_texts; i++)
                free(column->texts[i]);
        free(column->texts);
        free(column->min.text);
        free(column->max.text);
        *column = (struct draft_column){.name = column->name, .is_text = column->is_text};
}

void value_draft_done(struct value_draft *draft)
{
        for (size_t i = 0; i < draft->n_tables; i++) {
                for (size_t j = 0; j < draft->tables[i].n_columns; j++)
                        draft_column_clear(&draft->tables[i].columns[j]);
                free(draft->tables[i].columns);
        }
        free(draft->tables);
        *draft = (struct value_draft){0};
}

static size_t cost_of(const char *text, size_t n)
{
        size_t bytes = n + strlen("\"\",");
        for (size_t i = 0; i < n; i++) {
                if ((unsigned char)text[i] < ' ')
                        bytes += ESCAPE_BYTES - 1;
                else if (text[i] == '"' || text[i] == '\\')
                        bytes++;
        }
        return bytes > COST_MIN ? bytes : COST_MIN;
}

/* Frequent ones first; the same in every order in which they came. */
static int compare_rank(const void *a, const void *b)
{
        const struct draft_text *p = *(struct draft_text *const *)a;
        const struct draft_text *q = *(struct draft_text *const *)b;
        if (p->count != q->count)
                return p->count > q->count ? -1 : 1;
        return strcmp(p->bytes, q->bytes);
}

static int compare_bytes(const void *a, const void *b)
{
        const struct draft_text *p = *(struct draft_text *const *)a;
        const struct draft_text *q = *(struct draft_text *const *)b;
        return strcmp(p->bytes, q->bytes);
}

static void keep_first(struct draft_column *column, size_t n)
{
        while (column->n_texts > n) {
                column->cost -= column->texts[--column->n_texts]->cost;
                free(column->texts[column->n_texts]);
        }
}

void draft_column_rank(struct draft_column *column)
{
        if (column->n_texts > 1)
                qsort(column->texts, column->n_texts, sizeof(*column->texts), compare_rank);
        if (column->n_texts <= VALUES_COLUMN_MAX)
                return;
        keep_first(column, VALUES_COLUMN_MAX);
        column->is_cut = true;
}

/* Room for one more; twice as many as may stay are held before they are ranked. */
static int make_room(struct draft_column *column, struct error *err)
{
        if (column->n_texts == (size_t)2 * VALUES_COLUMN_MAX)
                draft_column_rank(column);
        if (column->n_texts < column->room)
                return 0;
        size_t room = column->room ? 2 * column->room : 16;
        void *grown = alloc_realloc(column->texts, room * sizeof(*column->texts));
        if (!grown)
                return error_oom(err);
        column->texts = grown;
        column->room = room;
        return 0;
}

static bool is_below_cut(const struct draft_column *column, struct draft_text *text)
{
        return column->is_cut && compare_rank(&text, &column->texts[VALUES_COLUMN_MAX - 1]) > 0;
}

static int keep_text(struct draft_column *column, const char *bytes, size_t n, int64_t count,
                     struct error *err)
{
        struct draft_text *text = alloc_malloc(sizeof(*text) + n + 1);
        if (!text)
                return error_oom(err);
        text->count = count;
        text->cost = cost_of(bytes, n);
        memcpy(text->bytes, bytes, n);
        text->bytes[n] = '\0';
        if (is_below_cut(column, text)) {
                free(text);
                return 0;
        }
        int r = make_room(column, err);
        if (r < 0) {
                free(text);
                return r;
        }
        column->texts[column->n_texts++] = text;
        column->cost += text->cost;
        return 0;
}

int draft_end_set(struct draft_end *end, const char *text, size_t n, struct error *err)
{
        char *copy = alloc_malloc(n + 1);
        if (!copy)
                return error_oom(err);
        memcpy(copy, text, n);
        free(end->text);
        *end = (struct draft_end){.text = copy, .n = n};
        return 0;
}

/* In byte order, as the engine compares texts. */
static int compare_to_end(const char *text, size_t n, const struct draft_end *end)
{
        int order = memcmp(text, end->text, n < end->n ? n : end->n);
        return order != 0 ? order : (n > end->n) - (n < end->n);
}

/* Whether an index can hold it. */
static bool is_fit(const char *text, size_t n)
{
        return n <= VALUES_TEXT_MAX && !memchr(text, '\0', n);
}

int draft_column_add(struct draft_column *column, const char *text, size_t n, int64_t count,
                     struct error *err)
{
        int r = 0;
        if (!column->min.text || compare_to_end(text, n, &column->min) < 0)
                r = draft_end_set(&column->min, text, n, err);
        if (r == 0 && (!column->max.text || compare_to_end(text, n, &column->max) > 0))
                r = draft_end_set(&column->max, text, n, err);
        if (r < 0)
                return r;
        column->n_distinct++;
        return is_fit(text, n) ? keep_text(column, text, n, count, err) : 0;
}

static int compare_sizes(const void *a, const void *b)
{
        size_t p = *(const size_t *)a;
        size_t q = *(const size_t *)b;
        return (p > q) - (p < q);
}

/* The most that one column may take, so that all together take at most max. Sorts costs. */
static size_t level_of(size_t *costs, size_t n, size_t max)
{
        qsort(costs, n, sizeof(*costs), compare_sizes);
        for (size_t i = 0; i < n; i++) {
                if (costs[i] > max / (n - i))
                        return max / (n - i);
                max -= costs[i];
        }
        return SIZE_MAX;
}

static void keep_within(struct draft_column *column, size_t level)
{
        size_t n = 0;
        for (size_t sum = 0; n < column->n_texts; n++) {
                sum += column->texts[n]->cost;
                if (sum > level)
                        break;
        }
        keep_first(column, n);
}

static size_t count_columns(const struct value_draft *draft)
{
        size_t n = 0;
        for (size_t i = 0; i < draft->n_tables; i++)
                n += draft->tables[i].n_columns;
        return n;
}

static int share(struct value_draft *draft, size_t max, struct error *err)
{
        size_t n = 0;
        size_t *costs = alloc_calloc(count_columns(draft) + 1, sizeof(*costs));
        if (!costs)
                return error_oom(err);
        for (size_t i = 0; i < draft->n_tables; i++)
                for (size_t j = 0; j < draft->tables[i].n_columns; j++)
                        costs[n++] = draft->tables[i].columns[j].cost;
        size_t level = n > 0 ? level_of(costs, n, max) : SIZE_MAX;
        free(costs);
        for (size_t i = 0; i < draft->n_tables; i++)
                for (size_t j = 0; j < draft->tables[i].n_columns; j++)
                        keep_within(&draft->tables[i].columns[j], level);
        return 0;
}

int value_draft_shrink(struct value_draft *draft, struct error *err)
{
        size_t sum = 0;
        for (size_t i = 0; i < draft->n_tables; i++)
                for (size_t j = 0; j < draft->tables[i].n_columns; j++)
                        sum += draft->tables[i].columns[j].cost;
        /* What is left of it for texts in the end is less, so nothing goes that would have stayed.
         */
        return sum > 2 * VALUES_BYTES_MAX ? share(draft, VALUES_BYTES_MAX, err) : 0;
}

/* What of a draft is written. */
struct form {
        bool ends;
        bool texts;
};

static void put_end(struct buf *out, const char *key, const struct draft_end *end)
{
        if (!end->text || !is_fit(end->text, end->n))
                return;
        buf_printf(out, ",\"%s\":", key);
        json_put_string(out, end->text, end->n);
}

static void put_texts(const struct draft_column *column, size_t n, struct buf *out)
{
        bool complete = column->n_distinct == (int64_t)n;
        buf_puts(out, ",\"values\":[");
        for (size_t i = 0; i < n; i++) {
                const char *text = column->texts[i]->bytes;
                buf_puts(out, i ? "," : "");
                json_put_string(out, text, strlen(text));
        }
        buf_printf(out, "],\"complete\":%s", complete ? "true" : "false");
}

static void put_column(const struct draft_column *column, const struct form *form, struct buf *out)
{
        buf_puts(out, "{\"name\":");
        json_put_string(out, column->name, strlen(column->name));
        buf_printf(out, ",\"nulls\":%lld,\"distinct\":%lld", (long long)column->n_nulls,
                   (long long)column->n_distinct);
        if (form->ends) {
                put_end(out, "min", &column->min);
                put_end(out, "max", &column->max);
        }
        if (column->is_text)
                put_texts(column, form->texts ? column->n_texts : 0, out);
        buf_putc(out, '}');
}

static int put_tables(const struct value_draft *draft, const struct form *form, struct buf *out,
                      struct error *err)
{
        buf_clear(out);
        buf_puts(out, "{\"tables\":[");
        for (size_t i = 0; i < draft->n_tables; i++) {
                const struct draft_table *table = &draft->tables[i];
                buf_puts(out, i ? ",{\"name\":" : "{\"name\":");
                json_put_string(out, table->name, strlen(table->name));
                buf_printf(out, ",\"rows\":%lld,\"columns\":[", (long long)table->n_rows);
                for (size_t j = 0; j < table->n_columns; j++) {
                        buf_puts(out, j ? "," : "");
                        put_column(&table->columns[j], form, out);
                }
                buf_puts(out, "]}");
        }
        buf_puts(out, "]}");
        return buf_error(out, err, "the value index");
}

static void sort_texts(struct value_draft *draft)
{
        for (size_t i = 0; i < draft->n_tables; i++)
                for (size_t j = 0; j < draft->tables[i].n_columns; j++) {
                        struct draft_column *column = &draft->tables[i].columns[j];
                        if (column->n_texts > 1)
                                qsort(column->texts, column->n_texts, sizeof(*column->texts),
                                      compare_bytes);
                }
}

int value_draft_put(struct value_draft *draft, struct buf *out, struct error *err)
{
        struct form form = {.ends = true};
        buf_init(out, VALUES_BYTES_MAX);
        int r = put_tables(draft, &form, out, err);
        if (out->state == BUF_TOO_LARGE) { /* very many columns with long values */
                form.ends = false;
                r = put_tables(draft, &form, out, err);
        }
        if (r == 0)
                r = share(draft, VALUES_BYTES_MAX - out->len, err);
        if (r < 0)
                return r;
        sort_texts(draft);
        form.texts = true;
        return put_tables(draft, &form, out, err);
}
