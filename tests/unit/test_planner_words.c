/* How questions, names and values are cut into words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "dataset/random.h"
#include "planner/words.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_BYTES ((size_t)4 * 1024 * 1024)
#define RANDOM_TEXTS 3000

struct cut {
        struct arena *arena;
        struct stemmer *stemmer;
        struct token *tokens;
        size_t n;
};

static struct cut cut_bytes(const char *text, size_t bytes)
{
        struct cut cut = {.arena = arena_new(ARENA_BYTES)};
        assert_non_null(cut.arena);
        cut.stemmer = stemmer_new(cut.arena);
        assert_non_null(cut.stemmer);
        cut.tokens = tokens_of(cut.stemmer, text, bytes, &cut.n);
        assert_non_null(cut.tokens);
        return cut;
}

static void cut_done(struct cut *cut)
{
        stemmer_free(cut->stemmer);
        arena_free(cut->arena);
}

/* One token as the tables below have it: word, ^Word with a capital, owner's, #1000, #20%, #$20,
 * #10th, @2026-1-31, "text", and a sign as it is. */
static void describe(const struct token *token, struct buf *out)
{
        switch (token->kind) {
        case TOKEN_WORD:
                buf_printf(out, "%s%s%s", token->capital ? "^" : "", token->text,
                           token->possessive ? "'s" : "");
                break;
        case TOKEN_NUMBER:
                buf_printf(out, "#%s%s%s%s", token->money ? "$" : "", token->text,
                           token->percent ? "%" : "", token->ordinal ? "th" : "");
                break;
        case TOKEN_DATE:
                buf_printf(out, "@%d-%d-%d", token->year, token->month, token->day);
                break;
        case TOKEN_QUOTED:
                buf_printf(out, "\"%s\"", token->text);
                break;
        case TOKEN_SIGN:
                buf_puts(out, token->text);
                break;
        default:
                fail_msg("a token of kind %d", (int)token->kind);
        }
}

struct sample {
        const char *text;
        const char *expected;
};

static void check_tokens(const struct sample *samples, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                _cleanup_buf_ struct buf found = {0};
                _cleanup_(cut_done) struct cut cut =
                        cut_bytes(samples[i].text, strlen(samples[i].text));
                buf_init(&found, 10000);
                for (size_t t = 0; t < cut.n; t++) {
                        buf_puts(&found, t ? " " : "");
                        describe(&cut.tokens[t], &found);
                }
                if (strcmp(buf_text(&found), samples[i].expected) != 0)
                        fail_msg("<%s> is <%s> and not <%s>", samples[i].text, buf_text(&found),
                                 samples[i].expected);
        }
}

static void test_numbers(void **state)
{
        static const struct sample samples[] = {
                {"5", "#5"},
                {"2.50", "#2.50"},
                {"1,000", "#1000"},
                {"1,000,000.50", "#1000000.50"},
                {"12,345,678 rows", "#12345678 rows"},
                {"1,00", "#1 , #00"},
                {"1,0000", "#1 , #0000"},
                {"1,2,3", "#1 , #2 , #3"},
                {"5.", "#5 ."},
                {"5k and 1.5K", "#5000 and #1500"},
                {"20% of", "#20% of"},
                {"12.5%", "#12.5%"},
                {"20 %", "#20 %"},
                {"$20", "#$20"},
                {"$1,200.75", "#$1200.75"},
                {"$1.5k", "#$1500"},
                {"$3m", "#$3000000"},
                {"$ 20", "#20"},
                {"1st 2nd 3rd 10TH", "#1th #2th #3th #10th"},
                {"-10", "#-10"},
                {"is -3.5 or (-4)", "is #-3.5 or ( #-4 )"},
                {"-1,000", "#-1000"},
                {"\xe2\x80\x93"
                 "7",
                 "#-7"}, /* with a dash */
                {"10-12", "#10 - #12"},
                {"a-10", "a - #10"},
                {"- 4", "- #4"},
                {"24/7", "#24 / #7"},
                {"4x4 is 1e5", "4x4 is 1e5"}, /* words */
                {"5kg", "5kg"},
        };
        (void)state;
        check_tokens(samples, ARRAY_SIZE(samples));
}

static void test_number_values(void **state)
{
        static const struct {
                const char *text;
                double value;
        } samples[] = {{"1,000", 1000},   {"2.5", 2.5}, {"$1.5k", 1500},
                       {"-1,000", -1000}, {"007", 7},   {"0.25%", 0.25}};
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
                _cleanup_(cut_done) struct cut cut =
                        cut_bytes(samples[i].text, strlen(samples[i].text));
                assert_int_equal(cut.n, 1);
                assert_int_equal(cut.tokens[0].kind, TOKEN_NUMBER);
                if (fabs(cut.tokens[0].number - samples[i].value) > 1e-9)
                        fail_msg("%s is %f", samples[i].text, cut.tokens[0].number);
        }
}

static void test_dates(void **state)
{
        static const struct sample samples[] = {
                {"2026-01-31", "@2026-1-31"},
                {"2026/01/31", "@2026-1-31"},
                {"2026-01", "@2026-1-0"},
                {"31.01.2026", "@2026-1-31"},
                {"01/31/2026", "@2026-1-31"},
                {"on 2026-01-31, or", "on @2026-1-31 , or"},
                {"2024-02-29", "@2024-2-29"},
                {"2026-02-30", "@2026-2-30"}, /* which day there is, is for others to know */
                {"2026-13-01", "#2026 - #13 - #01"},
                {"2026-00-10", "#2026 - #00 - #10"},
                {"2026-01-32", "#2026 - #01 - #32"},
                {"0000-01-01", "#0000 - #01 - #01"},
                {"31/01/2026", "#31 / #01 / #2026"},
                {"2026-1-5", "#2026 - #1 - #5"},
                {"1/2/2026", "#1 / #2 / #2026"},
                {"2026-01-311", "#2026 - #01 - #311"},
        };
        (void)state;
        check_tokens(samples, ARRAY_SIZE(samples));
}

static void test_quotes(void **state)
{
        static const struct sample samples[] = {
                {"'Books'", "\"books\""},
                {"\"Factory-Floor-1\"", "\"factory floor 1\""},
                {"\xe2\x80\x9cHome Office\xe2\x80\x9d", "\"home office\""},
                {"\xe2\x80\x98Toys\xe2\x80\x99", "\"toys\""},
                {"is 'O'Brien' here", "is \"obrien\" here"},
                {"rock 'n' roll", "rock \"n\" roll"},
                {"\"unended text", "unended text"},
                {"'unended", "unended"},
                {"''", ""},
                {"\"\"", ""},
                {"'", ""},
                {"' '", "\"\""},
                {"the dogs' toys", "the dogs toys"},
        };
        (void)state;
        check_tokens(samples, ARRAY_SIZE(samples));
        _cleanup_(cut_done) struct cut cut = cut_bytes("is \"A  B\"", 9);
        assert_string_equal(cut.tokens[1].said, "A  B");
}

static void test_words(void **state)
{
        static const struct sample samples[] = {
                {"", ""},
                {" \t\r\n", ""},
                {"Show Books", "show ^books"},
                {"show ME", "show ^me"},
                {"customer's", "customer's"},
                {"customers'", "customers"},
                {"it's", "it's"},
                {"what\xe2\x80\x99s", "what's"},
                {"don't DON\xe2\x80\x99T", "dont ^dont"},
                {"O'Brien's", "obrien's"},
                {"user-friendly", "user - friendly"},
                {"user\xe2\x80\x93"
                 "friendly",
                 "user - friendly"},
                {"and/or", "and / or"},
                {"R & D", "r and ^d"},
                {"A&B", "a and ^b"},
                {"sale_id", "sale id"},
                {"orders.total", "orders . total"},
                {"a, b; c: d? e! (f)", "a , b ; c : d ? e ! ( f )"},
                {"a*b + c", "a * b + c"},
                {">= <= <> != == < > =", ">= <= != != = < > ="},
                {"x>5", "x > #5"},
                {"#5 @home [i] {j} ~|^`\\", "#5 home i j"},
        };
        (void)state;
        check_tokens(samples, ARRAY_SIZE(samples));
        _cleanup_(cut_done) struct cut cut = cut_bytes("the Customer's", 14);
        assert_string_equal(cut.tokens[1].said, "Customer's");
}

static void test_utf8(void **state)
{
        static const struct sample samples[] = {
                {"Caf\xc3\xa9", "caf\xc3\xa9"},
                {"M\xc3\x9cNCHEN", "m\xc3\xbcnchen"},
                {"\xc3\x84rzte", "\xc3\xa4rzte"},
                {"\xc3\x97", "\xc3\x97"}, /* the sign of times is no capital */
                {"\xe6\x9d\xb1\xe4\xba\xac", "\xe6\x9d\xb1\xe4\xba\xac"},
                /* not UTF-8: bytes above 127 are letters */
                {"\xff\xfe", "\xff\xfe"},
                {"caf\xc3", "caf\xc3"},
                {"x \xe2\x80", "x \xe2\x80"},
                {"\xc3", "\xc3"},
                {"\xe2\x80\x99", ""},
        };
        (void)state;
        check_tokens(samples, ARRAY_SIZE(samples));
        _cleanup_(cut_done) struct cut nul = cut_bytes("a\0b\0", 4);
        assert_int_equal(nul.n, 2);
        assert_string_equal(nul.tokens[1].text, "b");
}

static void test_long(void **state)
{
        (void)state;
        char text[3 * (TOKENS_MAX + 1)];
        for (size_t i = 0; i < sizeof(text); i += 3)
                memcpy(text + i, "ab ", 3);
        _cleanup_(cut_done) struct cut full = cut_bytes(text, 3 * TOKENS_MAX);
        assert_int_equal(full.n, TOKENS_MAX);
        _cleanup_(cut_done) struct cut more = cut_bytes(text, sizeof(text));
        assert_int_equal(more.n, TOKENS_MAX + 1);

        char word[5000];
        memset(word, 'X', sizeof(word));
        _cleanup_(cut_done) struct cut wide = cut_bytes(word, sizeof(word));
        assert_int_equal(wide.n, 1);
        assert_int_equal(strlen(wide.tokens[0].text), WORD_BYTES_MAX - 1);
        assert_int_equal(strlen(wide.tokens[0].said), sizeof(word));

        memset(word, '9', sizeof(word));
        _cleanup_(cut_done) struct cut digits = cut_bytes(word, sizeof(word));
        assert_int_equal(digits.n, 1);
        assert_true(strlen(digits.tokens[0].text) < WORD_BYTES_MAX);
        assert_true(isfinite(digits.tokens[0].number));

        word[0] = '"';
        word[sizeof(word) - 1] = '"';
        _cleanup_(cut_done) struct cut quoted = cut_bytes(word, sizeof(word));
        assert_int_equal(quoted.n, 1);
        assert_int_equal(strlen(quoted.tokens[0].said), sizeof(word) - 2);
}

/* Any bytes give tokens whose texts end, and the same ones every time. */
static void test_random(void **state)
{
        static const char likely[] = "aZ 09 ,.-'\"$%&()<>=/\xc3\x9c\xe2\x80\x99\x9c\x93";
        struct random random;
        (void)state;
        random_init(&random, 1, 1);
        for (int i = 0; i < RANDOM_TEXTS; i++) {
                char text[64];
                size_t n = random_below(&random, sizeof(text));
                for (size_t b = 0; b < n; b++)
                        text[b] = random_below(&random, 8)
                                          ? likely[random_below(&random, sizeof(likely) - 1)]
                                          : (char)random_below(&random, 256);
                /* no byte behind the text is read: it ends where an allocation does */
                char *exact = malloc(n ? n : 1);
                assert_non_null(exact);
                memcpy(exact, text, n);
                _cleanup_(cut_done) struct cut cut = cut_bytes(exact, n);
                free(exact);
                _cleanup_(cut_done) struct cut again = cut_bytes(text, n);
                assert_int_equal(cut.n, again.n);
                for (size_t t = 0; t < cut.n; t++) {
                        assert_int_equal(cut.tokens[t].kind, again.tokens[t].kind);
                        assert_string_equal(cut.tokens[t].text, again.tokens[t].text);
                        assert_string_equal(cut.tokens[t].stem, again.tokens[t].stem);
                        assert_true(cut.tokens[t].kind == TOKEN_QUOTED || *cut.tokens[t].text);
                }
        }
}

static void test_fold(void **state)
{
        static const struct sample samples[] = {
                {"", ""},
                {"Books", "books"},
                {"Factory-Floor-1", "factory floor 1"},
                {"  a  b ", "a b"},
                {"home_sales", "home sales"},
                {"O'Brien", "obrien"},
                {"A&B", "a and b"},
                {"Sun & Fun", "sun and fun"},
                {"1,000", "1000"},
                {"1,00", "1 00"},
                {"2.5 GHz", "2.5 ghz"},
                {"e.g.", "e g"},
                {"M\xc3\x9cNCHEN", "m\xc3\xbcnchen"},
                {"a\xe2\x80\x93"
                 "b",
                 "a b"},
                {"-- ?!", ""},
        };
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
                char out[64];
                size_t n = fold_text(samples[i].text, out, sizeof(out));
                assert_string_equal(out, samples[i].expected);
                assert_int_equal(n, strlen(out));
        }
        for (size_t size = 1; size <= 32; size++) { /* cut off, and always ended */
                char out[40];
                memset(out, '#', sizeof(out));
                assert_true(fold_text("R&D and A&B, 1,000 more", out, size) < size);
                assert_true(strlen(out) < size);
                assert_int_equal(out[size], '#');
        }
}

/* A value is found when it is typed as it is. */
static void test_fold_meets_tokens(void **state)
{
        static const char *const values[] = {"Books", "Zürich", "O'Brien",
                                             "1,000", "AUTO",   "Robot3000"};
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
                char folded[64];
                (void)fold_text(values[i], folded, sizeof(folded));
                _cleanup_(cut_done) struct cut cut = cut_bytes(values[i], strlen(values[i]));
                assert_int_equal(cut.n, 1);
                assert_string_equal(cut.tokens[0].text, folded);
        }
}

static void test_names(void **state)
{
        static const struct {
                const char *name;
                const char *words; /* the unit's behind a bar */
        } samples[] = {
                {"price", "price"},
                {"order_date", "order date"},
                {"MonthlyCharges", "monthly charges"},
                {"customerID", "customer id"},
                {"HTMLPage", "html page"},
                {"Engine Size (L)", "engine size | l"},
                {"Temp (\xc2\xb0"
                 "C)",
                 "temp | \xc2\xb0"
                 "c"},
                {"price [USD]", "price | usd"},
                {"a-b.c/d", "a b c d"},
                {"__x__", "x"},
                {"Gr\xc3\xb6\xc3\x9f"
                 "e",
                 "gr\xc3\xb6\xc3\x9f"
                 "e"},
                {"", ""},
                {"()", ""},
                {"2nd_floor", "2nd floor"},
        };
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
                _cleanup_buf_ struct buf found = {0};
                const char *words[8];
                size_t n_unit;
                struct arena *arena = arena_new(ARENA_BYTES);
                size_t n = name_words(arena, samples[i].name, words, ARRAY_SIZE(words), &n_unit);
                buf_init(&found, 1000);
                for (size_t w = 0; w < n; w++)
                        buf_printf(&found, "%s%s%s", w ? " " : "", w + n_unit == n ? "| " : "",
                                   words[w]);
                assert_string_equal(buf_text(&found), samples[i].words);
                arena_free(arena);
        }
        const char *words[3];
        size_t n_unit;
        struct arena *arena = arena_new(ARENA_BYTES);
        assert_int_equal(name_words(arena, "one two three four five", words, 3, &n_unit), 3);
        assert_string_equal(words[2], "three");
        arena_free(arena);
}

/* Words that must meet: plurals, tenses, what headers shorten. */
static void test_stems(void **state)
{
        static const char *const same[][2] = {
                {"books", "book"},   {"categories", "category"}, {"returned", "return"},
                {"selling", "sell"}, {"sold", "sell"},           {"qty", "quantity"},
                {"avg", "average"},  {"people", "person"},       {"children", "child"},
                {"prices", "price"}, {"delivered", "delivers"},  {"dept", "departments"},
        };
        static const char *const different[][2] = {
                {"price", "prize"}, {"order", "older"}, {"store", "story"}, {"new", "news"}};
        (void)state;
        struct arena *arena = arena_new(ARENA_BYTES);
        struct stemmer *stemmer = stemmer_new(arena);
        assert_non_null(stemmer);
        for (size_t i = 0; i < ARRAY_SIZE(same); i++)
                assert_string_equal(stem_of(stemmer, same[i][0]), stem_of(stemmer, same[i][1]));
        for (size_t i = 0; i < ARRAY_SIZE(different); i++)
                assert_string_not_equal(stem_of(stemmer, different[i][0]),
                                        stem_of(stemmer, different[i][1]));
        assert_string_equal(stem_of(stemmer, ""), "");
        assert_non_null(stem_of(stemmer, "\xff\xc3"));
        stemmer_free(stemmer);
        stemmer_free(NULL);
        arena_free(arena);
}

/* Memory ends at each allocation in turn. */
static void test_memory(void **state)
{
        static const char text[] = "What's \"the\" 3rd best $1,000.50 -7 & 20% 2026-01-31 (x)?";
        unsigned long failed = 0;
        (void)state;
        for (bool done = false; !done; failed++) {
                size_t n;
                struct token *tokens = NULL;
                alloc_fail_after(failed + 1);
                struct arena *arena = arena_new(ARENA_BYTES);
                struct stemmer *stemmer = arena ? stemmer_new(arena) : NULL;
                if (stemmer)
                        tokens = tokens_of(stemmer, text, sizeof(text) - 1, &n);
                alloc_fail_after(0);
                done = tokens != NULL;
                stemmer_free(stemmer);
                arena_free(arena);
                assert_true(failed < 1000);
        }
        assert_true(failed > 2);
}

/* The arena's ceiling is reached somewhere on the way: the same. */
static void test_ceiling(void **state)
{
        static const char text[] = "What's \"the\" 3rd best $1,000.50 -7 & 20% 2026-01-31 (x)?";
        (void)state;
        bool fitted = false;
        for (size_t bytes = 1; !fitted; bytes += 16) {
                size_t n = 0;
                struct arena *arena = arena_new(bytes);
                struct stemmer *stemmer = stemmer_new(arena);
                assert_non_null(stemmer);
                fitted = tokens_of(stemmer, text, sizeof(text) - 1, &n) != NULL;
                stemmer_free(stemmer);
                arena_free(arena);
                assert_true(bytes < ARENA_BYTES);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_numbers), cmocka_unit_test(test_number_values),
                cmocka_unit_test(test_dates),   cmocka_unit_test(test_quotes),
                cmocka_unit_test(test_words),   cmocka_unit_test(test_utf8),
                cmocka_unit_test(test_long),    cmocka_unit_test(test_random),
                cmocka_unit_test(test_fold),    cmocka_unit_test(test_fold_meets_tokens),
                cmocka_unit_test(test_names),   cmocka_unit_test(test_stems),
                cmocka_unit_test(test_memory),  cmocka_unit_test(test_ceiling),
        };
        return cmocka_run_group_tests_name("planner_words", tests, NULL, NULL);
}
