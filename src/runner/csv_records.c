#include "runner/csv_records.h"

#include "runner/csv_block.h"

/* The bytes that may divide fields, one after the other. */
struct marks {
        const char *block; /* the 64 bytes that `left` is about */
        uint64_t left;
        const char *end;
        char separator;
};

/* A field between its marks. */
struct field {
        const char *value;
        size_t n;
        const char *end; /* the mark behind it */
        bool spaced;     /* blanks behind a closing quote */
        bool line_ends;  /* inside quotes */
};

enum outcome {
        WHOLE,
        CUT_OFF, /* the bytes end first */
        IRREGULAR,
};

static inline void marks_start(struct marks *marks, const char *at)
{
        marks->block = at;
        marks->left = at < marks->end ? csv_block_marks(at, marks->separator) : 0;
}

/* NULL when there is none. The zeros behind the end are none. */
static inline const char *marks_next(struct marks *marks)
{
        while (marks->left == 0) {
                marks->block += CSV_BLOCK;
                if (marks->block >= marks->end)
                        return NULL;
                marks->left = csv_block_marks(marks->block, marks->separator);
        }
        const char *at = marks->block + __builtin_ctzll(marks->left);
        marks->left &= marks->left - 1;
        return at;
}

/* From the opening quote on. A doubled quote stays doubled: it is in no value but text. */
static enum outcome quoted_field(struct marks *marks, struct field *ret)
{
        const char *open = marks_next(marks);
        const char *at;
        bool line_ends = false;
        for (;;) {
                at = marks_next(marks);
                if (!at || at + 1 == marks->end)
                        return CUT_OFF;
                line_ends |= *at == '\n' || *at == '\r';
                if (*at != '"')
                        continue;
                if (at[1] != '"')
                        break;
                (void)marks_next(marks);
        }
        const char *p = at + 1;
        while (*p == ' ')
                p++;
        if (p == marks->end)
                return CUT_OFF;
        *ret = (struct field){.value = open + 1,
                              .n = (size_t)(at - open) - 1,
                              .end = p,
                              .spaced = p > at + 1,
                              .line_ends = line_ends};
        return marks_next(marks) == p && *p != '"' ? WHOLE : IRREGULAR;
}

static inline enum outcome next_field(struct marks *marks, const char *start, struct field *ret)
{
        if (*start == '"' || (*start == ' ' && start[1] == '"'))
                return quoted_field(marks, ret);
        const char *at;
        do
                at = marks_next(marks);
        while (at && *at == '"');
        if (!at)
                return CUT_OFF;
        *ret = (struct field){.value = start, .n = (size_t)(at - start), .end = at};
        return WHOLE;
}

/* The mark at the end of a record: *ret is the byte behind it. */
static inline enum outcome end_line(struct marks *marks, enum csv_newline newline, const char *at,
                                    const char **ret)
{
        *ret = at + 1;
        if (newline != CSV_CRLF)
                return *at == (newline == CSV_LF ? '\n' : '\r') ? WHOLE : IRREGULAR;
        if (*at != '\r')
                return IRREGULAR;
        if (at + 1 == marks->end)
                return CUT_OFF;
        *ret = at + 2;
        return marks_next(marks) == at + 1 && at[1] == '\n' ? WHOLE : IRREGULAR;
}

static inline void see(struct csv_column *column, const struct field *field)
{
        column->spaced |= field->spaced;
        if (field->n > 0 && column->possible != 0)
                csv_column_see(column, field->value, field->n);
}

/* One record from *at on, which moves behind it. columns may be NULL. *ret_n is the number of its
 * fields, 0 for a blank line; those beyond the last column are empty. */
static inline enum outcome read_record(struct csv_records *records, struct marks *marks,
                                       struct csv_column *columns, const char **at, size_t *ret_n)
{
        const char *start = *at;
        for (size_t i = 0;; i++) {
                struct field field;
                enum outcome outcome = next_field(marks, start, &field);
                if (outcome != WHOLE)
                        return outcome;
                records->quoted_line_ends |= field.line_ends;
                if (i >= records->n_columns && field.n > 0)
                        return IRREGULAR;
                bool is_last = *field.end != records->separator;
                bool is_blank = is_last && field.end == *at;
                if (i < records->n_columns && columns && !(is_blank && records->n_columns > 1))
                        see(&columns[i], &field);
                start = field.end + 1;
                if (!is_last)
                        continue;
                *ret_n = is_blank ? 0 : i + 1;
                return end_line(marks, records->newline, field.end, at);
        }
}

size_t csv_records_read(struct csv_records *records, const char *bytes, size_t n, size_t stop)
{
        struct marks marks = {.end = bytes + n, .separator = records->separator};
        const char *at = bytes;
        const char *start = bytes;
        const char *last = bytes + (stop < n ? stop : n);
        int64_t rows = 0;
        marks_start(&marks, bytes);
        while (start < last) {
                size_t fields = 0;
                enum outcome outcome = read_record(records, &marks, records->columns, &at, &fields);
                bool fits = fields == 0 || fields >= records->n_columns;
                records->irregular = outcome == IRREGULAR || (outcome == WHOLE && !fits);
                if (outcome != WHOLE || !fits)
                        break;
                /* In a file of one column a blank line is a row without a value. */
                rows += fields != 0 || records->n_columns == 1;
                start = at;
        }
        records->rows += rows;
        return (size_t)(start - bytes);
}

size_t csv_records_skip_header(struct csv_records *records, const char *bytes, size_t n)
{
        struct marks marks = {.end = bytes + n, .separator = records->separator};
        const char *at = bytes;
        size_t fields = 0;
        marks_start(&marks, bytes);
        enum outcome outcome = read_record(records, &marks, NULL, &at, &fields);
        records->irregular =
                outcome == IRREGULAR || (outcome == WHOLE && fields != records->n_columns);
        return outcome != WHOLE || records->irregular ? 0 : (size_t)(at - bytes);
}
