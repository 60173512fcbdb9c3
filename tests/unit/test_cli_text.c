#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "cli/report.h"
#include "cli/table.h"
#include "cli/text.h"
#include "run/csv.h"

#include <string.h>

static void check_safe(const char *text, size_t n, enum text_mode mode, const char *expected)
{
        _cleanup_buf_ struct buf out = {0};
        buf_init(&out, 4096);
        text_put_safe(&out, text, n, mode);
        assert_string_equal(buf_text(&out), expected);
}

#define SAFE(text, mode, expected) check_safe(text, sizeof(text) - 1, mode, expected)

static void test_safe(void **state)
{
        (void)state;
        SAFE("plain ünï 日本", TEXT_LINE, "plain ünï 日本");
        SAFE("a\nb\tc\rd", TEXT_LINE, "a\\nb\\tc\\rd");
        SAFE("a\nb\tc\rd", TEXT_LINES, "a\nb\tc\\rd");
        SAFE("\033[31mred\033[0m", TEXT_LINES, "\\x1b[31mred\\x1b[0m");
        SAFE("nul\0in", TEXT_LINE, "nul\\x00in");
        SAFE("\x7f", TEXT_LINE, "\\x7f");
        SAFE("\xC2\x9B"
             "2J",
             TEXT_LINE, "\\x9b2J"); /* CSI in one character */
        SAFE("\xE2\x80\xAE"
             "txt.exe",
             TEXT_LINE, "\\u{202e}txt.exe"); /* right to left from here */
        SAFE("\xF3\xA0\x80\x81", TEXT_LINE, "\\u{e0001}");
        SAFE("\xF3\xA0\x80\x81\xC2\x9B", TEXT_JSON, "\\udb40\\udc01\\u009b");
        /* Not UTF-8: a stray byte, an overlong "/", a surrogate, a cut sequence. */
        SAFE("a\xFF\xC0\xAF", TEXT_LINE, "a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
        SAFE("\xED\xA0\x80", TEXT_LINE, "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
        SAFE("x\xE6\x97", TEXT_LINE, "x\xEF\xBF\xBD\xEF\xBF\xBD");
}

static void test_width(void **state)
{
        (void)state;
        size_t width;
        assert_int_equal(text_width("abc", 3), 3);
        assert_int_equal(text_width("日本", 6), 4);
        assert_int_equal(text_width("e\xCC\x81", 3), 1); /* a combining accent */
        assert_int_equal(text_fit("日本語", 9, 5, &width), 6);
        assert_int_equal(width, 4);
        assert_int_equal(text_fit("", 0, 5, &width), 0);
}

static char *draw(const char *columns, const char *types, const char *rows,
                  const struct style *style)
{
        _cleanup_json_ json_t *c = json_loads(columns, 0, NULL);
        _cleanup_json_ json_t *t = json_loads(types, 0, NULL);
        _cleanup_json_ json_t *r = json_loads(rows, 0, NULL);
        struct buf out;
        assert_non_null(c);
        assert_non_null(t);
        assert_non_null(r);
        buf_init(&out, 1024 * 1024);
        table_draw(&out, c, t, r, style);
        char *text = buf_steal(&out);
        assert_non_null(text);
        return text;
}

static void test_table_plain(void **state)
{
        (void)state;
        const struct style plain = {0};
        _cleanup_free_ char *text = draw(
                "[\"id\",\"name\",\"list\"]", "[\"BIGINT\",\"VARCHAR\",\"INTEGER[]\"]",
                "[[1,\"a\\u001b[2Jb\",[1,null]],[200,null,null],[\"9007199254740993\",\"日本\","
                "[]]]",
                &plain);
        assert_string_equal(text, "              id  name       list\n"
                                  "----------------  ---------  --------\n"
                                  "               1  a\\x1b[2Jb  [1,null]\n"
                                  "             200  NULL       NULL\n"
                                  "9007199254740993  日本       []\n");
}

static void test_table_no_rows(void **state)
{
        (void)state;
        const struct style plain = {0};
        _cleanup_free_ char *text = draw("[\"n\"]", "[\"BIGINT\"]", "[]", &plain);
        assert_string_equal(text, "n\n-\n");
}

static void test_table_terminal(void **state)
{
        (void)state;
        const struct style terminal = {.terminal = true, .unicode = true, .width = 80};
        _cleanup_free_ char *text = draw("[\"n\",\"s\"]", "[\"BIGINT\",\"VARCHAR\"]",
                                         "[[1,\"x\"],[10,null]]", &terminal);
        assert_string_equal(text, "┌────┬──────┐\n"
                                  "│  n │ s    │\n"
                                  "├────┼──────┤\n"
                                  "│  1 │ x    │\n"
                                  "│ 10 │ NULL │\n"
                                  "└────┴──────┘\n");
}

/* No line may be wider than the terminal, whatever is in the cells. */
static void test_table_fits(void **state)
{
        (void)state;
        for (size_t width = 20; width < 120; width += 7) {
                const struct style terminal = {.terminal = true, .width = width};
                _cleanup_free_ char *text =
                        draw("[\"a\",\"bbbbbbbbbbbbbbbbbbbb\",\"c\",\"d\",\"e\",\"f\"]",
                             "[\"BIGINT\",\"VARCHAR\",\"VARCHAR\",\"VARCHAR\",\"VARCHAR\","
                             "\"DOUBLE\"]",
                             "[[1,\"日本語日本語日本語日本語日本語日本語日本語日本語\",\"x\",\"y\","
                             "\"a long text in a cell that does not end soon\",1234.5]]",
                             &terminal);
                for (char *line = text; *line; line += strcspn(line, "\n") + 1)
                        if (*line == '|' || *line == '+')
                                assert_true(text_width(line, strcspn(line, "\n")) <= width);
                bool all = strstr(text, "1234.5") != NULL;
                assert_true(all || strstr(text, "not fit"));
        }
}

static void test_csv(void **state)
{
        (void)state;
        _cleanup_json_ json_t *columns = json_loads("[\"a\",\"b,c\"]", 0, NULL);
        _cleanup_json_ json_t *rows =
                json_loads("[[1,\"x\"],[null,\"\"],[\"=1+1\",\"say \\\"hi\\\"\"],[true,"
                           "\"two\\nlines\"],[1.5,{\"k\":[1,null]}],[\" blank\",\"\\u001b\"]]",
                           0, NULL);
        _cleanup_buf_ struct buf out = {0};
        buf_init(&out, 4096);
        csv_write(&out, columns, rows);
        assert_string_equal(buf_text(&out), "a,\"b,c\"\n"
                                            "1,x\n"
                                            ",\"\"\n"
                                            "=1+1,\"say \"\"hi\"\"\"\n"
                                            "true,\"two\nlines\"\n"
                                            "1.5,\"{\"\"k\"\":[1,null]}\"\n"
                                            "\" blank\",\033\n");
        _cleanup_json_ json_t *one = json_loads("[\"a\"]", 0, NULL);
        _cleanup_json_ json_t *nothing = json_loads("[[null]]", 0, NULL);
        buf_clear(&out);
        csv_write(&out, one, nothing);
        assert_string_equal(buf_text(&out), "a\n\"\"\n");
}

static void check_caret(const char *sql, long long position, const char *expected)
{
        _cleanup_buf_ struct buf out = {0};
        buf_init(&out, 4096);
        report_caret(&out, sql, position);
        assert_string_equal(buf_text(&out), expected);
}

static void test_caret(void **state)
{
        (void)state;
        check_caret("SELECT x", 8, "  SELECT x\n         ^\n");
        check_caret("SELECT\n  x\nFROM y", 10, "    x\n    ^\n");
        check_caret("'日本', x", 7, "  '日本', x\n          ^\n");
        check_caret("a\tb", 3, "  a\\tb\n     ^\n");
        check_caret("abc", 99, "  abc\n     ^\n");
        check_caret("", 1, "  \n  ^\n");
}

/* Of a very long line the place itself is shown. */
static void test_caret_long_line(void **state)
{
        (void)state;
        char sql[5001];
        memset(sql, ' ', sizeof(sql) - 1);
        sql[5000] = '\0';
        sql[4000] = '!';
        _cleanup_buf_ struct buf out = {0};
        buf_init(&out, 4096);
        report_caret(&out, sql, 4001);
        const char *mark = strchr(buf_text(&out), '!');
        const char *caret = strchr(buf_text(&out), '^');
        assert_non_null(mark);
        assert_non_null(caret);
        const char *second = strchr(buf_text(&out), '\n') + 1;
        assert_int_equal(mark - buf_text(&out), caret - second);
        assert_true(out.len < 400);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_safe),
                cmocka_unit_test(test_width),
                cmocka_unit_test(test_table_plain),
                cmocka_unit_test(test_table_no_rows),
                cmocka_unit_test(test_table_terminal),
                cmocka_unit_test(test_table_fits),
                cmocka_unit_test(test_csv),
                cmocka_unit_test(test_caret),
                cmocka_unit_test(test_caret_long_line),
        };
        (void)style_set_locale();
        return cmocka_run_group_tests_name("cli_text", tests, NULL, NULL);
}
