/* SQL as text: just enough of DuckDB's lexer to count brackets outside of strings, to tell
 * statements apart and to name their first word. Never a verdict on what the SQL does. */
#ifndef ASKCSV_RUNNER_POLICY_TEXT_H
#define ASKCSV_RUNNER_POLICY_TEXT_H

#include <stdbool.h>
#include <stddef.h>

enum policy_token_kind {
        POLICY_TOKEN_END,
        POLICY_TOKEN_WORD,      /* a keyword or a bare name */
        POLICY_TOKEN_QUOTED,    /* "a name" */
        POLICY_TOKEN_STRING,    /* 'text' or $$text$$ */
        POLICY_TOKEN_OPEN,      /* ( [ { */
        POLICY_TOKEN_CLOSE,     /* ) ] } */
        POLICY_TOKEN_SEMICOLON, /* ; */
        POLICY_TOKEN_OTHER,     /* a number, or one byte of anything else */
};

struct policy_token {
        enum policy_token_kind kind;
        size_t start; /* byte offsets */
        size_t end;
};

struct policy_lexer {
        const char *sql; /* n bytes, and a NUL behind them */
        size_t n;
        size_t at;
        size_t comment_depth; /* of the deepest comment so far */
        bool open_comment;    /* one has no end */
};

/* The next token; white space (Unicode's too, where DuckDB takes it for such) and comments are
 * skipped. A string or comment without an end runs to the end of the text. */
struct policy_token policy_lexer_next(struct policy_lexer *lexer);

/* True when the token is that word in any case. */
bool policy_token_is(const struct policy_lexer *lexer, struct policy_token token, const char *word);

/* Length of the Unicode white space at p that DuckDB reads as a blank (2 or 3), or 0. p is
 * NUL-terminated. */
size_t policy_unicode_space(const char *p);

/* Where the index-th statement (0 is the first) that is not empty starts; n when there are not so
 * many. */
size_t policy_text_statement(const char *sql, size_t n, size_t index);

/* The first bare word of the text that equals one of the words; n when there is none. */
size_t policy_text_find(const char *sql, size_t n, const char *const *words, size_t n_words);

/* 1-based position in code points of the byte at offset. */
long long policy_text_position(const char *sql, size_t n, size_t offset);

/* DuckDB counts bytes after it has put one blank for each Unicode space outside of strings and
 * comments: its offset as one into sql. */
size_t policy_text_offset(const char *sql, size_t n, size_t engine_offset);

/* Drops what is not UTF-8, such as half a character at the end of a text that was cut. */
void policy_text_repair(char *text);

#endif
