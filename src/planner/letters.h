/* Bytes of a text as words see them. Bytes outside of ASCII count as letters: UTF-8's are left as
 * they are, but for the few signs that plain_sign() knows. */
#ifndef ASKCSV_PLANNER_LETTERS_H
#define ASKCSV_PLANNER_LETTERS_H

#include <stdbool.h>

#define PLAIN_SIGN_BYTES 3 /* of a sign that plain_sign() knows */

static inline bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

static inline bool is_capital(char c)
{
        return c >= 'A' && c <= 'Z';
}

static inline bool is_small(char c)
{
        return c >= 'a' && c <= 'z';
}

static inline bool is_letter(char c)
{
        return is_small(c) || is_capital(c) || (c & 0x80);
}

static inline bool is_word_char(char c)
{
        return is_letter(c) || is_digit(c);
}

static inline char lower(char c)
{
        return is_capital(c) ? (char)(c - 'A' + 'a') : c;
}

/* U+2018 and U+2019 are written as apostrophes, U+201C and U+201D as quotes, U+2013 and U+2014 as
 * hyphens; their three bytes begin with E2 80. Gives the ASCII sign, or 0. */
static inline char plain_sign(const char *at, const char *end)
{
        if (end - at < PLAIN_SIGN_BYTES || at[0] != (char)0xe2 || at[1] != (char)0x80)
                return 0;
        switch ((unsigned char)at[2]) {
        case 0x98:
        case 0x99:
                return '\'';
        case 0x9c:
        case 0x9d:
                return '"';
        case 0x93:
        case 0x94:
                return '-';
        default:
                return 0;
        }
}

/* "C#", "C++", "B+": a sign that ends a word and belongs to it. The text begins at start. */
static inline bool is_word_sign(const char *start, const char *at, const char *end)
{
        if (at == start || (*at != '#' && *at != '+'))
                return false;
        char before = at[-1];
        const char *next = at + 1;
        while (next < end && *next == *at)
                next++;
        return (is_letter(before) || before == *at) && (next >= end || !is_word_char(*next));
}

#endif
