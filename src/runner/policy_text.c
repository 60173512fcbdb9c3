#include "runner/policy_text.h"

#include "runner/policy.h"
#include "runner/policy_name.h"

#include "protocol/request.h"

#include <stdint.h>
#include <string.h>

#define COMMENT_DEPTH_MAX 32 /* DuckDB's time grows with the square of it */
#define BRACKET_DEPTH_MAX 200
#define SET_OPERATIONS_MAX 900 /* each nests the tree by one */
#define CONJUNCTIONS_MAX 10000 /* AND and OR; the parser's time grows with the square */

static bool is_word_start(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
               (unsigned char)c >= 0x80;
}

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

size_t policy_unicode_space(const char *p)
{
        const unsigned char *u = (const unsigned char *)p;
        if (u[0] == 0xC2 && u[1] == 0xA0)
                return 2; /* U+00A0 */
        if (u[0] == 0xE2 && u[1] == 0x80 && ((u[2] >= 0x80 && u[2] <= 0x8B) || u[2] == 0xAF))
                return 3; /* U+2000..U+200B, U+202F */
        if (u[0] == 0xE2 && u[1] == 0x81 && (u[2] == 0x9F || u[2] == 0xA0))
                return 3; /* U+205F, U+2060 */
        if (u[0] == 0xE3 && u[1] == 0x80 && u[2] == 0x80)
                return 3; /* U+3000 */
        if (u[0] == 0xEF && u[1] == 0xBB && u[2] == 0xBF)
                return 3; /* U+FEFF */
        return 0;
}

/* The end of a word that starts at `at`; digits and "$" may follow its first character. */
static size_t word_end(const char *sql, size_t at)
{
        while ((is_word_start(sql[at]) || is_digit(sql[at]) || sql[at] == '$') &&
               policy_unicode_space(sql + at) == 0)
                at++;
        return at;
}

/* Behind the quote that ends what starts behind the quote at `at`; a doubled quote is one
 * character of it, and with escapes so is whatever follows a backslash. */
static size_t quoted_end(const char *sql, size_t n, size_t at, bool escapes)
{
        char quote = sql[at++];
        while (at < n) {
                if (escapes && sql[at] == '\\' && at + 1 < n)
                        at += 2;
                else if (sql[at] != quote)
                        at++;
                else if (sql[at + 1] == quote)
                        at += 2;
                else
                        return at + 1;
        }
        return n;
}

/* Behind the dollar-quoted string at `at`, or `at` when there is none. */
static size_t dollar_end(const char *sql, size_t n, size_t at)
{
        size_t tag = at + 1;
        if (is_digit(sql[tag]))
                return at; /* a parameter */
        while (is_word_start(sql[tag]) || is_digit(sql[tag]))
                tag++;
        if (sql[tag] != '$')
                return at;
        size_t length = tag + 1 - at;
        for (size_t i = tag + 1; i + length <= n; i++)
                if (memcmp(sql + i, sql + at, length) == 0)
                        return i + length;
        return n;
}

/* Behind the comment at lexer->at, or lexer->at when there is none. */
static size_t comment_end(struct policy_lexer *lexer)
{
        const char *sql = lexer->sql;
        size_t at = lexer->at;
        if (sql[at] == '-' && sql[at + 1] == '-')
                return at + strcspn(sql + at, "\r\n");
        size_t depth = 0;
        do {
                if (sql[at] == '/' && sql[at + 1] == '*') {
                        at += 2;
                        if (++depth > lexer->comment_depth)
                                lexer->comment_depth = depth;
                } else if (depth > 0 && sql[at] == '*' && sql[at + 1] == '/') {
                        at += 2;
                        depth--;
                } else if (depth > 0) {
                        at++;
                }
        } while (depth > 0 && at < lexer->n);
        lexer->open_comment |= depth > 0;
        return at;
}

static void lexer_skip(struct policy_lexer *lexer)
{
        while (lexer->at < lexer->n) {
                size_t start = lexer->at;
                lexer->at += strspn(lexer->sql + start, " \t\r\n\f\v");
                lexer->at += policy_unicode_space(lexer->sql + lexer->at);
                lexer->at = comment_end(lexer);
                if (lexer->at == start)
                        return;
        }
}

struct policy_token policy_lexer_next(struct policy_lexer *lexer)
{
        lexer_skip(lexer);
        const char *sql = lexer->sql;
        struct policy_token token = {.start = lexer->at, .end = lexer->at + 1};
        char c = sql[lexer->at];
        if (lexer->at >= lexer->n) {
                token.end = lexer->n;
        } else if (c == '\'') {
                token.kind = POLICY_TOKEN_STRING;
                token.end = quoted_end(sql, lexer->n, lexer->at, false);
        } else if (c == '"') {
                token.kind = POLICY_TOKEN_QUOTED;
                token.end = quoted_end(sql, lexer->n, lexer->at, false);
        } else if ((c == 'e' || c == 'E') && sql[lexer->at + 1] == '\'') {
                token.kind = POLICY_TOKEN_STRING;
                token.end = quoted_end(sql, lexer->n, lexer->at + 1, true);
        } else if (c == '$' && dollar_end(sql, lexer->n, lexer->at) > lexer->at) {
                token.kind = POLICY_TOKEN_STRING;
                token.end = dollar_end(sql, lexer->n, lexer->at);
        } else if (is_word_start(c)) {
                token.kind = POLICY_TOKEN_WORD;
                token.end = word_end(sql, lexer->at);
        } else if (is_digit(c)) {
                token.kind = POLICY_TOKEN_OTHER;
                token.end = word_end(sql, lexer->at);
        } else {
                token.kind = strchr("([{", c)   ? POLICY_TOKEN_OPEN
                             : strchr(")]}", c) ? POLICY_TOKEN_CLOSE
                             : c == ';'         ? POLICY_TOKEN_SEMICOLON
                                                : POLICY_TOKEN_OTHER;
        }
        lexer->at = token.end;
        return token;
}

bool policy_token_is(const struct policy_lexer *lexer, struct policy_token token, const char *word)
{
        size_t n = token.end - token.start;
        char text[POLICY_NAME_MAX];
        if (token.kind != POLICY_TOKEN_WORD || n != strlen(word) || n >= sizeof(text))
                return false;
        memcpy(text, lexer->sql + token.start, n);
        text[n] = '\0';
        return policy_name_equal(text, word);
}

size_t policy_text_statement(const char *sql, size_t n, size_t index)
{
        struct policy_lexer lexer = {.sql = sql, .n = n};
        bool inside = false; /* a statement has begun */
        for (;;) {
                struct policy_token token = policy_lexer_next(&lexer);
                if (token.kind == POLICY_TOKEN_END)
                        return n;
                if (token.kind == POLICY_TOKEN_SEMICOLON) {
                        inside = false;
                } else if (!inside) {
                        if (index-- == 0)
                                return token.start;
                        inside = true;
                }
        }
}

size_t policy_text_find(const char *sql, size_t n, const char *const *words, size_t n_words)
{
        struct policy_lexer lexer = {.sql = sql, .n = n};
        for (;;) {
                struct policy_token token = policy_lexer_next(&lexer);
                if (token.kind == POLICY_TOKEN_END)
                        return n;
                for (size_t i = 0; i < n_words; i++)
                        if (policy_token_is(&lexer, token, words[i]))
                                return token.start;
        }
}

long long policy_text_position(const char *sql, size_t n, size_t offset)
{
        long long position = 1;
        for (size_t i = 0; i < offset && i < n; i++)
                position += ((unsigned char)sql[i + 1] & 0xC0) != 0x80;
        return position;
}

/* As DuckDB's parser looks for Unicode spaces: it knows quotes, dollar quotes and "--", but
 * neither other comments nor backslash escapes. */
static size_t strip_skip(const char *sql, size_t n, size_t at)
{
        if (sql[at] == '"' || sql[at] == '\'')
                return quoted_end(sql, n, at, false);
        if (sql[at] == '$')
                return dollar_end(sql, n, at);
        if (sql[at] == '-' && sql[at + 1] == '-')
                return at + strcspn(sql + at, "\r\n");
        return at;
}

size_t policy_text_offset(const char *sql, size_t n, size_t engine_offset)
{
        size_t at = 0;
        size_t seen = 0; /* the engine's offset of `at` */
        while (at < n && seen < engine_offset) {
                size_t end = strip_skip(sql, n, at);
                size_t space = end == at ? policy_unicode_space(sql + at) : 0;
                if (end - at > engine_offset - seen)
                        return at + (engine_offset - seen);
                seen += end > at ? end - at : 1;
                at = end > at ? end : at + (space ? space : 1);
        }
        return at;
}

/* Length of the UTF-8 sequence at p (RFC 3629), or 0 when it is not one. */
static size_t utf8_length(const unsigned char *p, size_t n)
{
        size_t length = p[0] < 0x80 ? 1 : p[0] < 0xC2 ? 0 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
        if (length > n || p[0] > 0xF4)
                return 0;
        for (size_t i = 1; i < length; i++)
                if ((p[i] & 0xC0) != 0x80)
                        return 0;
        bool out = (p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F) ||
                   (p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F);
        return out ? 0 : length;
}

void policy_text_repair(char *text)
{
        size_t n = strlen(text);
        size_t out = 0;
        for (size_t i = 0; i < n;) {
                size_t length = utf8_length((const unsigned char *)text + i, n - i);
                memmove(text + out, text + i, length);
                out += length;
                i += length ? length : 1;
        }
        text[out] = '\0';
}

static int check_bytes(const char *sql, size_t n, struct error *err)
{
        long long position = 1;
        for (size_t i = 0; i < n; position++) {
                size_t length = utf8_length((const unsigned char *)sql + i, n - i);
                if (length == 0 || sql[i] == '\0') {
                        int r = error_set(err, ERROR_VALIDATION,
                                          length ? "the SQL holds a NUL byte; remove it"
                                                 : "the SQL is not valid UTF-8; send it as UTF-8");
                        if (err)
                                err->position = position;
                        return r;
                }
                i += length;
        }
        return 0;
}

struct nesting {
        size_t depth; /* of brackets */
        size_t set_operations;
        size_t conjunctions;
        bool any; /* there is a statement */
};

static const char *nesting_count(struct nesting *nesting, const struct policy_lexer *lexer,
                                 struct policy_token token)
{
        if (lexer->comment_depth > COMMENT_DEPTH_MAX)
                return "comments are nested more than 32 levels deep; remove some";
        nesting->any |= lexer->open_comment ||
                        (token.kind != POLICY_TOKEN_END && token.kind != POLICY_TOKEN_SEMICOLON);
        if (token.kind == POLICY_TOKEN_OPEN && ++nesting->depth > BRACKET_DEPTH_MAX)
                return "brackets are nested more than 200 levels deep; write the query flatter, "
                       "for instance with WITH";
        if (token.kind == POLICY_TOKEN_CLOSE && nesting->depth > 0)
                nesting->depth--;
        if (token.kind != POLICY_TOKEN_WORD)
                return NULL;
        if ((policy_token_is(lexer, token, "union") || policy_token_is(lexer, token, "except") ||
             policy_token_is(lexer, token, "intersect")) &&
            ++nesting->set_operations > SET_OPERATIONS_MAX)
                return "more than 900 UNION, EXCEPT and INTERSECT; use VALUES or a list instead";
        if ((policy_token_is(lexer, token, "and") || policy_token_is(lexer, token, "or")) &&
            ++nesting->conjunctions > CONJUNCTIONS_MAX)
                return "more than 10000 AND and OR; use IN (...) instead";
        return NULL;
}

int policy_check_text(const char *sql, size_t n, struct error *err)
{
        if (n > REQUEST_SQL_MAX)
                return error_set(err, ERROR_VALIDATION,
                                 "the SQL has %zu bytes; the limit is %d; write it shorter", n,
                                 REQUEST_SQL_MAX);
        int r = check_bytes(sql, n, err);
        if (r < 0)
                return r;
        struct policy_lexer lexer = {.sql = sql, .n = n};
        struct nesting nesting = {0};
        struct policy_token token;
        do {
                token = policy_lexer_next(&lexer);
                const char *said = nesting_count(&nesting, &lexer, token);
                if (said) {
                        r = error_set(err, ERROR_SQL_POLICY_VIOLATION, "%s", said);
                        if (err)
                                err->position = policy_text_position(sql, n, token.start);
                        return r;
                }
        } while (token.kind != POLICY_TOKEN_END);
        if (!nesting.any)
                return error_set(err, ERROR_VALIDATION,
                                 "the SQL is empty; write one SELECT statement");
        return 0;
}
