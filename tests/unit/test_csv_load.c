/* CSV files of which nothing is known, through the real engine: made-up ones, nasty in every way,
 * must become the tables that the plain way makes of them. The plain way, once the program's own,
 * loads every field as text, finds the types with regular expressions and converts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fd.h"
#include "dataset/name.h"
#include "dataset/random.h"
#include "runner/csv_head.h"
#include "runner/engine_error.h"
#include "runner/engine_private.h"

#include <stdio.h>
#include <string.h>

#define ROUNDS 1000 /* ASKCSV_TEST_ROUNDS asks for more */
#define SQL_MAX (1024 * 1024)
#define COLUMNS_MAX 5

/* %1$s is the column. */
static const char type_of[] =
        "CASE WHEN count(%1$s) = 0 THEN 'VARCHAR'"
        " WHEN bool_and(regexp_full_match(%1$s, '-?(0|[1-9][0-9]{0,17})')) THEN 'BIGINT'"
        " WHEN bool_and(regexp_full_match(%1$s, '-?(0|[1-9][0-9]{0,36})')) THEN 'HUGEINT'"
        " WHEN bool_and(regexp_full_match(%1$s, '-?(0|[1-9][0-9]{0,17})([.][0-9]{1,18})?'))"
        " THEN 'DECIMAL(' || CASE WHEN max(length(split_part(%1$s, '.', 1)))"
        " + max(length(split_part(%1$s, '.', 2))) <= 18 THEN '18' ELSE '38' END || ','"
        " || max(length(split_part(%1$s, '.', 2))) || ')'"
        " WHEN bool_and(regexp_full_match(%1$s, "
        "'-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][-+]?[0-9]{1,2})?')"
        " AND length(regexp_replace(%1$s, '[eE].*', '')) <= 17) AND bool_or(contains(%1$s, '.'))"
        " THEN 'DOUBLE'"
        " WHEN bool_and(lower(%1$s) IN ('true', 'false')) THEN 'BOOLEAN'"
        " WHEN bool_and(regexp_full_match(%1$s, '[0-9]{4}-[0-9]{2}-[0-9]{2}')"
        " AND (%1$s IS NULL OR TRY_CAST(%1$s AS DATE) IS NOT NULL)) THEN 'DATE'"
        " WHEN bool_and(regexp_full_match(%1$s, '[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}"
        "(:[0-9]{2}([.][0-9]{1,6})?)?') AND (%1$s IS NULL OR TRY_CAST(%1$s AS TIMESTAMP) IS NOT "
        "NULL)) THEN "
        "'TIMESTAMP'"
        " WHEN bool_and(regexp_full_match(%1$s, '[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,6})?')"
        " AND (%1$s IS NULL OR TRY_CAST(%1$s AS TIME) IS NOT NULL)) THEN 'TIME'"
        " ELSE 'VARCHAR' END";

struct bench {
        struct engine *engine;
        char path[64];
};

/* What a way of loading the file came to. */
struct outcome {
        struct error err;
        size_t n_columns;
        char types[COLUMNS_MAX][32];
        struct engine_cells cells; /* all values as text */
};

static void outcome_done(struct outcome *outcome)
{
        engine_cells_done(&outcome->cells);
}

static bool runs(struct bench *bench, const char *sql, struct engine_cells *cells,
                 struct outcome *outcome)
{
        char *said = NULL;
        const char *path = bench->path;
        bool has_path = strstr(sql, "$1") != NULL;
        if (engine_statement(bench->engine, sql, &path, has_path, cells, &said) == 0)
                return true;
        (void)engine_load_error(&outcome->err, said, strrchr(path, '/') + 1, path);
        free(said);
        return false;
}

/* The head as the program reads it: false when it does not. */
static bool read_head(const char *text, size_t n, struct outcome *outcome, char *separator)
{
        struct csv_head head = {0};
        struct arena *arena = arena_new(SQL_MAX);
        assert_non_null(arena);
        int r = csv_head_read(text, n, true, arena, &head, &outcome->err);
        *separator = head.separator;
        outcome->n_columns = head.n;
        arena_free(arena);
        return r == 0;
}

static void put_names(struct buf *sql, size_t n, const char *before, const char *after)
{
        for (size_t i = 0; i < n; i++)
                buf_printf(sql, "%s%sx%zu%s", i ? ", " : "", before, i, after);
}

static bool plain_types(struct bench *bench, struct outcome *outcome)
{
        _cleanup_buf_ struct buf sql = {0};
        struct engine_cells types = {0};
        buf_init(&sql, SQL_MAX);
        for (size_t i = 0; i < outcome->n_columns; i++) {
                char name[32];
                (void)snprintf(name, sizeof(name), "x%zu", i);
                buf_puts(&sql, i ? ", " : "SELECT ");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
                buf_printf(&sql, type_of, name);
#pragma GCC diagnostic pop
        }
        buf_puts(&sql, " FROM staging");
        if (!runs(bench, buf_text(&sql), &types, outcome))
                return false;
        for (size_t i = 0; i < outcome->n_columns; i++)
                (void)snprintf(outcome->types[i], sizeof(outcome->types[i]), "%s", types.cells[i]);
        engine_cells_done(&types);
        return true;
}

static void load_plainly(struct bench *bench, char separator, struct outcome *outcome)
{
        _cleanup_buf_ struct buf sql = {0};
        buf_init(&sql, SQL_MAX);
        (void)runs(bench, "DROP TABLE IF EXISTS staging", NULL, outcome);
        buf_printf(&sql,
                   "CREATE TABLE staging AS FROM read_csv($1, auto_detect = false, header = true, "
                   "quote = '\"', escape = '\"', nullstr = '', strict_mode = true, "
                   "delim = '%c', columns = {",
                   separator);
        put_names(&sql, outcome->n_columns, "'", "': 'VARCHAR'");
        buf_puts(&sql, "})");
        if (!runs(bench, buf_text(&sql), NULL, outcome) || !plain_types(bench, outcome))
                return;
        buf_clear(&sql);
        for (size_t i = 0; i < outcome->n_columns; i++)
                buf_printf(&sql, "%sCAST(CAST(x%zu AS %s) AS VARCHAR)", i ? ", " : "SELECT ", i,
                           outcome->types[i]);
        buf_puts(&sql, " FROM staging");
        (void)runs(bench, buf_text(&sql), &outcome->cells, outcome);
}

static void load(struct bench *bench, struct outcome *outcome)
{
        const struct request_table table = {.name = "t", .path = bench->path, .format = "csv"};
        json_t *described = json_array();
        (void)runs(bench, "DROP TABLE IF EXISTS t", NULL, outcome);
        if (engine_load(bench->engine, &table, bench->path, described, &outcome->err) == 0) {
                json_t *columns = json_object_get(json_array_get(described, 0), "columns");
                outcome->n_columns = json_array_size(columns);
                for (size_t i = 0; i < outcome->n_columns; i++)
                        (void)snprintf(outcome->types[i], sizeof(outcome->types[i]), "%s",
                                       json_string_value(json_object_get(json_array_get(columns, i),
                                                                         "type")));
                assert_true(runs(bench, "SELECT CAST(COLUMNS(*) AS VARCHAR) FROM t",
                                 &outcome->cells, outcome));
        }
        json_decref(described);
}

static bool same_cells(const struct engine_cells *a, const struct engine_cells *b)
{
        if (a->n_rows != b->n_rows || a->n_columns != b->n_columns)
                return false;
        for (size_t i = 0; i < a->n_rows * a->n_columns; i++)
                if (!a->cells[i] != !b->cells[i] ||
                    (a->cells[i] && strcmp(a->cells[i], b->cells[i]) != 0))
                        return false;
        return true;
}

static bool is_ambiguous(const struct outcome *outcome)
{
        return outcome->err.type == ERROR_DATASET_INVALID &&
               strstr(outcome->err.message, "is ambiguous");
}

/* NULL, or what differs. */
static const char *difference(const struct outcome *plain, const struct outcome *ours)
{
        if (plain->err.type != ours->err.type)
                return "one fails";
        if (plain->err.type != ERROR_NONE)
                return strcmp(plain->err.message, ours->err.message) == 0 ? NULL : "errors";
        for (size_t i = 0; i < plain->n_columns; i++)
                if (strcmp(plain->types[i], ours->types[i]) != 0) {
                        print_message("column %zu: %s and %s\n", i, plain->types[i],
                                      ours->types[i]);
                        return "types";
                }
        return same_cells(&plain->cells, &ours->cells) ? NULL : "values";
}

static void write_file(const struct bench *bench, const struct buf *text)
{
        struct error err = {0};
        assert_int_equal(buf_error(text, &err, "the file"), 0);
        assert_int_equal(fd_write_file(bench->path, text->data, text->len, 0600, &err), 0);
}

/* Both ways; may_be_ambiguous: ours may refuse what the plain way takes. True when it did. */
static bool compare(struct bench *bench, const struct buf *text, bool may_be_ambiguous)
{
        _cleanup_(outcome_done) struct outcome plain = {0};
        _cleanup_(outcome_done) struct outcome ours = {0};
        char separator;
        write_file(bench, text);
        load(bench, &ours);
        if (!read_head(text->data, text->len, &plain, &separator)) {
                assert_int_equal(ours.err.type, ERROR_DATASET_INVALID);
                return false;
        }
        if (plain.n_columns > COLUMNS_MAX)
                return false;
        load_plainly(bench, separator, &plain);
        if (may_be_ambiguous && plain.err.type == ERROR_NONE && is_ambiguous(&ours))
                return true;
        const char *differs = difference(&plain, &ours);
        if (differs)
                fail_msg("%s differ\nplain: %s\nours: %s\n%.*s", differs, plain.err.message,
                         ours.err.message, (int)text->len, text->data);
        return false;
}

static struct bench *bench_new(void)
{
        struct error err = {0};
        struct bench *bench = calloc(1, sizeof(*bench));
        assert_non_null(bench);
        (void)snprintf(bench->path, sizeof(bench->path), "/tmp/askcsv-load-XXXXXX");
        int fd = mkstemp(bench->path);
        assert_true(fd >= 0);
        (void)close(fd);
        assert_int_equal(engine_open(&bench->engine, &err), 0);
        struct limits limits = LIMITS_DEFAULT;
        limits.threads = 2;
        assert_int_equal(engine_set_limits(bench->engine, &limits, &err), 0);
        return bench;
}

static int set_up(void **state)
{
        *state = bench_new();
        return 0;
}

static int tear_down(void **state)
{
        struct bench *bench = *state;
        (void)unlink(bench->path);
        engine_free(bench->engine);
        free(bench);
        return 0;
}

/* --- files ---------------------------------------------------------------------------------- */

struct maker {
        struct random random;
        char separator;
        const char *newline;
        size_t n_columns;
        int kinds[COLUMNS_MAX];
        bool spaces;  /* beside quotes */
        uint32_t odd; /* values per thousand of another kind than the column's */
};

static bool chance(struct maker *maker, uint32_t part, uint32_t whole)
{
        return random_chance(&maker->random, part, whole);
}

static const char *one_of(struct maker *maker, const char *const *words, size_t n)
{
        return words[random_below(&maker->random, (uint32_t)n)];
}

static void put_digits(struct maker *maker, struct buf *out, int low, int high)
{
        int n = random_range(&maker->random, low, high);
        for (int i = 0; i < n; i++)
                buf_putc(out, (char)('0' + random_range(&maker->random, i ? 0 : 1, 9)));
}

static void put_sign(struct maker *maker, struct buf *out)
{
        if (chance(maker, 1, 3))
                buf_putc(out, '-');
}

static void put_date(struct maker *maker, struct buf *out)
{
        static const int years[] = {0, 4, 1900, 1970, 2000, 2023, 2024, 9999};
        bool wild = chance(maker, 1, 40);
        buf_printf(out, "%04d-%02d-%02d", years[random_below(&maker->random, 8)],
                   random_range(&maker->random, wild ? 0 : 1, wild ? 13 : 12),
                   random_range(&maker->random, wild ? 0 : 1, wild ? 32 : 28));
}

static void put_clock(struct maker *maker, struct buf *out)
{
        static const char *const odd[] = {"24:00:00", "24:00:00.000", "24:00:00.01", "23:59:60",
                                          "24:01:00", "25:00:00",     "00:60:00",    "0:00:00",
                                          "00:00:0",  "00:00:00."};
        if (chance(maker, 1, 30)) {
                buf_puts(out, one_of(maker, odd, ARRAY_SIZE(odd)));
                return;
        }
        buf_printf(out, "%02d:%02d:%02d", random_range(&maker->random, 0, 23),
                   random_range(&maker->random, 0, 59), random_range(&maker->random, 0, 59));
        if (!chance(maker, 1, 3))
                return;
        buf_putc(out, '.');
        put_digits(maker, out, 1, chance(maker, 1, 20) ? 7 : 6);
}

static void put_number(struct maker *maker, struct buf *out, int kind)
{
        static const int digits[][2] = {{1, 5}, {16, 19}, {35, 38}, {1, 9}, {1, 18}, {1, 12}};
        static const int decimals[][2] = {{0, 0}, {0, 0}, {0, 0}, {1, 4}, {1, 19}, {1, 8}};
        put_sign(maker, out);
        if (chance(maker, 1, 8))
                buf_putc(out, '0');
        else
                put_digits(maker, out, digits[kind][0], digits[kind][1]);
        if (decimals[kind][1] && chance(maker, 3, 4)) {
                buf_putc(out, '.');
                put_digits(maker, out, decimals[kind][0], decimals[kind][1]);
        }
        if (kind != 5 || !chance(maker, 1, 2))
                return;
        buf_putc(out, chance(maker, 1, 2) ? 'e' : 'E');
        if (chance(maker, 1, 2))
                buf_putc(out, chance(maker, 1, 2) ? '+' : '-');
        put_digits(maker, out, 1, chance(maker, 1, 20) ? 3 : 2);
}

static void put_word(struct maker *maker, struct buf *out, int kind)
{
        static const char *const truths[] = {"true", "false", "TRUE", "False", "tRuE"};
        static const char *const texts[] = {"a",          "Zo\xC3\xAB", "two words", "a,b;c|d\te",
                                            "say \"hi\"", "\"",         "\"\"",      "a\nb",
                                            "a\r\nb",     "\n",         " x",        "x ",
                                            "#1",         "'",          "\\",        "\\\""};
        static const char *const nearly[] = {"-",   "1.",  ".5",    "+1",   "1e",     "1e+",  "1 ",
                                             " 1",  "1_0", "0x1",   "nan",  "inf",    "1,5",  "- 1",
                                             "--1", "01",  "-01",   "1e5",  "1.5e+5", "t",    "0.0",
                                             "yes", "00",  "1.0.0", "NULL", "null",   "1e999"};
        switch (kind) {
        case 6:
                buf_puts(out, one_of(maker, truths, ARRAY_SIZE(truths)));
                break;
        case 7:
                buf_puts(out, one_of(maker, texts, ARRAY_SIZE(texts)));
                break;
        default:
                buf_puts(out, one_of(maker, nearly, ARRAY_SIZE(nearly)));
                break;
        }
}

#define KINDS 13

static void put_value(struct maker *maker, struct buf *out, int kind)
{
        if (kind < 6) {
                put_number(maker, out, kind);
        } else if (kind < 9) {
                put_word(maker, out, kind);
        } else if (kind == 9) {
                put_date(maker, out);
        } else if (kind == 10) {
                put_date(maker, out);
                buf_putc(out, chance(maker, 1, 2) ? ' ' : 'T');
                put_clock(maker, out);
        } else if (kind == 11) {
                put_clock(maker, out);
        } else { /* minutes are enough */
                put_date(maker, out);
                buf_printf(out, " %02d:%02d", random_range(&maker->random, 0, 24),
                           random_range(&maker->random, 0, 59));
        }
}

static void put_field(struct maker *maker, struct buf *out, int kind)
{
        _cleanup_buf_ struct buf value = {0};
        buf_init(&value, SQL_MAX);
        if (chance(maker, 7, 8))
                put_value(maker, &value, kind);
        const char *text = buf_text(&value);
        bool quoted = strpbrk(text, ",;\t|\"\r\n") || chance(maker, 1, 4);
        if (!quoted) {
                buf_puts(out, text);
                return;
        }
        if (maker->spaces && chance(maker, 1, 6))
                buf_putc(out, ' ');
        buf_putc(out, '"');
        for (const char *p = text; *p; p++)
                buf_puts(out, *p == '"' ? "\"\"" : (char[]){*p, '\0'});
        buf_putc(out, '"');
        for (int i = 0; maker->spaces && i < 2 && chance(maker, 1, 6); i++)
                buf_putc(out, ' ');
}

static void put_row(struct maker *maker, struct buf *out)
{
        for (size_t i = 0; i < maker->n_columns; i++) {
                if (i)
                        buf_putc(out, maker->separator);
                put_field(maker, out,
                          chance(maker, maker->odd, 1000) ? (int)random_below(&maker->random, KINDS)
                                                          : maker->kinds[i]);
        }
        if (maker->n_columns > 1 && chance(maker, 1, 60))
                buf_putc(out, maker->separator);
        buf_puts(out, maker->newline);
        if (chance(maker, 1, 60))
                buf_puts(out, maker->newline);
}

static void make_file(struct maker *maker, struct buf *out)
{
        static const char *const newlines[] = {"\n", "\n", "\r\n", "\r"};
        static const uint32_t odd[] = {0, 0, 3, 30};
        maker->separator = ",,;\t|"[random_below(&maker->random, 5)];
        maker->newline = one_of(maker, newlines, ARRAY_SIZE(newlines));
        maker->n_columns = 1 + random_below(&maker->random, COLUMNS_MAX);
        maker->spaces = chance(maker, 1, 4);
        maker->odd = odd[random_below(&maker->random, ARRAY_SIZE(odd))];
        buf_puts(out, chance(maker, 1, 8) ? "\xEF\xBB\xBF" : "");
        for (size_t i = 0; i < maker->n_columns; i++) {
                maker->kinds[i] = (int)random_below(&maker->random, KINDS);
                buf_printf(out, chance(maker, 1, 4) ? "%.*s\"x%zu\"" : "%.*sx%zu", i > 0,
                           &maker->separator, i);
        }
        buf_puts(out, maker->newline);
        uint32_t rows = random_below(&maker->random, 30);
        for (uint32_t i = 0; i < rows; i++)
                put_row(maker, out);
        if (rows && chance(maker, 1, 4))
                out->len -= strlen(maker->newline);
}

/* A few bytes put over others. */
static void damage(struct maker *maker, struct buf *text)
{
        static const char bytes[] = "\"\"\"\r\n\n,, x1\xFF";
        uint32_t n = 1 + random_below(&maker->random, 3);
        for (uint32_t i = 0; i < n && text->len > 0; i++)
                text->data[random_below(&maker->random, (uint32_t)text->len)] =
                        bytes[random_below(&maker->random, sizeof(bytes) - 1)];
}

static void test_against_the_plain_way(void **state)
{
        struct bench *bench = *state;
        const char *wanted = getenv("ASKCSV_TEST_ROUNDS");
        long rounds = wanted ? strtol(wanted, NULL, 10) : ROUNDS;
        long ambiguous = 0;
        struct maker maker = {0};
        random_init(&maker.random, (uint64_t)rounds, 5);
        for (long i = 0; i < rounds; i++) {
                _cleanup_buf_ struct buf text = {0};
                buf_init(&text, SQL_MAX);
                make_file(&maker, &text);
                bool damaged = chance(&maker, 1, 3);
                if (damaged)
                        damage(&maker, &text);
                ambiguous += compare(bench, &text, damaged);
        }
        assert_true(ambiguous * 50 < rounds);
}

/* Of the first ones the engine drops lines without a word; of the others it makes other values. */
static const char *const ambiguous_files[] = {
        "\"a\nb\",c\r\n1,2\r\n3,4\r\n", "\"a\r\nb\",c\n1,2\n3,4\n", "a\"b\nc\"d,e\n1,2\n",
        "a,b\n1,\"x\" \"y\"\n",         "a,b\n1,\"x\" \"\"\n",
};

static void test_ambiguous_files(void **state)
{
        struct bench *bench = *state;
        for (size_t i = 0; i < ARRAY_SIZE(ambiguous_files); i++) {
                _cleanup_buf_ struct buf text = {0};
                _cleanup_(outcome_done) struct outcome ours = {0};
                buf_init(&text, SQL_MAX);
                buf_puts(&text, ambiguous_files[i]);
                write_file(bench, &text);
                load(bench, &ours);
                if (!is_ambiguous(&ours) || !strstr(ours.err.message, "askcsv-load-"))
                        fail_msg("%s\n%s", ambiguous_files[i], ours.err.message);
        }
}

/* Text between quotes that looks like lines of the file, wherever the engine cuts it. */
static void test_large_file_of_quoted_lines(void **state)
{
        struct bench *bench = *state;
        struct error err = {0};
        json_t *described = json_array();
        const struct request_table table = {.name = "t", .path = bench->path, .format = "csv"};
        const int rows = 400000;
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, (size_t)64 * 1024 * 1024);
        buf_puts(&text, "id,note,price\n");
        for (int i = 0; i < rows; i++)
                buf_printf(&text, "%d,\"line\n\"\"x\"\", %d\n,,\n1,2,3\n\",%d.5\n", i, i, i);
        write_file(bench, &text);
        if (engine_load(bench->engine, &table, bench->path, described, &err) < 0)
                fail_msg("%s", err.message);
        assert_int_equal(json_integer_value(json_object_get(json_array_get(described, 0), "rows")),
                         rows);
        json_decref(described);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_ambiguous_files, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_large_file_of_quoted_lines, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_against_the_plain_way, set_up, tear_down),
        };
        return cmocka_run_group_tests_name("csv_load", tests, NULL, NULL);
}
