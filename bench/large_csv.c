/* large_csv [ROWS]: a table of sales as CSV on standard output, about 100 bytes a row, 10 million
 * rows unless told otherwise; the same bytes for the same number. Each ordinary kind of column is
 * there: an integer key, a moment, a day, text of few and of some hundred different values, small
 * and large integers, a decimal, a number with an exponent, a truth value, and free text that is
 * sometimes missing and sometimes quoted. */
#include "base/clock.h"
#include "dataset/random.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROWS_DEFAULT 10000000
#define ROWS_MAX 1000000000
#define ROW_MAX 512
#define CHUNK_BYTES (1 << 20)
#define SEED 20260131
#define FIRST_DAY 19723 /* 2024-01-01 */
#define DAYS 730
#define CUSTOMERS 250000
#define CITIES 384
#define NAME_MAX_BYTES 24

static const char header[] =
        "id,created_at,ship_date,category,city,customer_id,quantity,price,measure,paid,note\n";

struct word {
        char text[NAME_MAX_BYTES];
        size_t n;
};

struct writer {
        char chunk[CHUNK_BYTES + ROW_MAX];
        size_t n;
        struct random random;
        struct word days[DAYS + 32]; /* each day of the time covered, and those of shipping */
        struct word cities[CITIES];
        uint64_t rows;
};

static void flush(struct writer *writer)
{
        if (fwrite(writer->chunk, 1, writer->n, stdout) != writer->n) {
                perror("large_csv: writing");
                exit(1);
        }
        writer->n = 0;
}

static void put(struct writer *writer, const char *text, size_t n)
{
        memcpy(writer->chunk + writer->n, text, n);
        writer->n += n;
}

static void put_word(struct writer *writer, const struct word *word, char end)
{
        put(writer, word->text, word->n);
        put(writer, &end, 1);
}

/* The decimal digits, at least `width` of them. */
static void put_digits(struct writer *writer, uint64_t value, size_t width, char end)
{
        char digits[24];
        size_t at = sizeof(digits);
        digits[--at] = end;
        do {
                digits[--at] = (char)('0' + value % 10);
                value /= 10;
        } while (value > 0 || sizeof(digits) - at - 1 < width);
        put(writer, digits + at, sizeof(digits) - at);
}

static void set_word(struct word *word, const char *text)
{
        (void)snprintf(word->text, sizeof(word->text), "%s", text);
        word->n = strlen(word->text);
}

static void make_words(struct writer *writer)
{
        static const char *const starts[] = {"Alm",  "Bel", "Cor", "Dun", "El",  "Fal",
                                             "Gran", "Har", "Ib",  "Jas", "Kel", "Lun",
                                             "Mar",  "Nor", "Oak", "Port"};
        static const char *const ends[] = {"a",     "berg", "burg", "by",    "dale",  "den",
                                           "field", "ford", "ham",  "haven", "ia",    "mouth",
                                           "o",     "port", "stad", "ton",   "ville", "wick",
                                           "worth", "y",    "ona",  "eras",  "una",   " City"};
        char text[NAME_MAX_BYTES];
        for (size_t i = 0; i < CITIES; i++) {
                (void)snprintf(text, sizeof(text), "%s%s", starts[i / 24], ends[i % 24]);
                set_word(&writer->cities[i], text);
        }
        for (size_t i = 0; i < sizeof(writer->days) / sizeof(*writer->days); i++) {
                int year;
                int month;
                int day;
                clock_civil_from_days(FIRST_DAY + (int64_t)i, &year, &month, &day);
                (void)snprintf(text, sizeof(text), "%04d-%02d-%02d", year % 10000, month, day);
                set_word(&writer->days[i], text);
        }
}

static void put_note(struct writer *writer)
{
        static const char *const words[] = {
                "late",   "gift", "fragile", "call",  "before", "noon",   "second", "floor",
                "repeat", "new",  "urgent",  "paper", "return", "window", "small",  "box"};
        uint32_t draw = random_next(&writer->random);
        if (draw % 8 == 0) { /* nothing */
                put(writer, "\n", 1);
                return;
        }
        const char *a = words[draw >> 8 & 15];
        const char *b = words[draw >> 12 & 15];
        const char *c = words[draw >> 16 & 15];
        put(writer, "\"", draw % 8 == 1);
        put(writer, a, strlen(a));
        put(writer, ", ", draw % 8 == 1 ? 2 : 0);
        put(writer, " ", draw % 8 == 1 ? 0 : 1);
        put(writer, b, strlen(b));
        put(writer, " ", 1);
        put(writer, c, strlen(c));
        put(writer, "\"\n", draw % 8 == 1 ? 1 : 0);
        put(writer, "\n", 1);
}

/* d.dddddde-0d, as a program prints a measurement. */
static void put_measure(struct writer *writer)
{
        uint32_t draw = random_next(&writer->random);
        put_digits(writer, 1 + draw % 9, 1, '.');
        put_digits(writer, (draw >> 4) % 1000000, 6, 'e');
        put(writer, draw & 8 ? "+0" : "-0", 2);
        put_digits(writer, draw >> 30, 1, ',');
}

static void put_row(struct writer *writer, uint64_t row)
{
        static const struct word categories[] = {
                {"Books", 5}, {"Clothing", 8}, {"Electronics", 11}, {"Garden", 6},
                {"Home", 4},  {"Music", 5},    {"Sports", 6},       {"Toys", 4}};
        static const uint32_t weights[] = {12, 22, 18, 7, 16, 5, 9, 11};
        struct random *random = &writer->random;
        /* Sales come in the order of time, from the first second of the first day on. */
        uint64_t second = row * (DAYS * UINT64_C(86400)) / writer->rows;
        size_t day = (size_t)(second / 86400);
        put_digits(writer, row + 1, 1, ',');
        put_word(writer, &writer->days[day], ' ');
        put_digits(writer, second % 86400 / 3600, 2, ':');
        put_digits(writer, second % 3600 / 60, 2, ':');
        put_digits(writer, second % 60, 2, ',');
        put_word(writer, &writer->days[day + random_below(random, 30)], ',');
        put_word(writer, &categories[random_pick(random, weights, 8)], ',');
        put_word(writer, &writer->cities[random_below(random, CITIES)], ',');
        put_digits(writer, 1000000 + random_below(random, CUSTOMERS), 1, ',');
        put_digits(writer, 1 + random_below(random, 12), 1, ',');
        uint32_t cents = 50 + random_below(random, 200000);
        put_digits(writer, cents / 100, 1, '.');
        put_digits(writer, cents % 100, 2, ',');
        put_measure(writer);
        bool paid = random_chance(random, 9, 10);
        put(writer, paid ? "true," : "false,", paid ? 5 : 6);
        put_note(writer);
}

int main(int argc, char **argv)
{
        static struct writer writer;
        char *end = NULL;
        unsigned long long rows = argc > 1 ? strtoull(argv[1], &end, 10) : ROWS_DEFAULT;
        if (argc > 2 || (end && *end) || rows == 0 || rows > ROWS_MAX) {
                (void)fprintf(stderr, "usage: large_csv [ROWS]   (1 to %d, default %d)\n", ROWS_MAX,
                              ROWS_DEFAULT);
                return 2;
        }
        writer.rows = rows;
        random_init(&writer.random, SEED, 1);
        make_words(&writer);
        put(&writer, header, sizeof(header) - 1);
        for (uint64_t row = 0; row < rows; row++) {
                put_row(&writer, row);
                if (writer.n >= CHUNK_BYTES)
                        flush(&writer);
        }
        flush(&writer);
        if (fflush(stdout) != 0) {
                perror("large_csv: writing");
                return 1;
        }
        return 0;
}
