#include "grounding/text.h"

#include "base/utf8.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum letter_class { CLASS_NONE, CLASS_DIGIT, CLASS_ASCII, CLASS_OTHER };

/* Punctuation, arrows, currency and mathematical signs beyond ASCII are no letters. Fractions count
 * as digits, as they stand behind them: 2½. */
static enum letter_class class_of(uint32_t c)
{
        if (c < 0x80)
                return isdigit((int)c) ? CLASS_DIGIT : isalpha((int)c) ? CLASS_ASCII : CLASS_NONE;
        if (c >= 0xBC && c <= 0xBE)
                return CLASS_DIGIT;
        bool sign = c < 0xC0 || c == 0xD7 || c == 0xF7 || (c >= 0x2000 && c <= 0x2BFF) ||
                    (c >= 0x3000 && c <= 0x3003) || (c >= 0x3008 && c <= 0x3011) || c == 0xFEFF ||
                    (c >= 0xFF00 && c <= 0xFF0F) || c == 0xFFFD;
        return sign ? CLASS_NONE : CLASS_OTHER;
}

static uint64_t hash_byte(uint64_t hash, unsigned char byte)
{
        return (hash ^ byte) * 0x100000001B3u; /* FNV-1a */
}

uint64_t token_chain(uint64_t chain, const struct token *token)
{
        uint64_t mixed = (chain ^ (token->hash >> 29) ^ token->hash) * 0x9E3779B97F4A7C15u;
        return mixed ^ mixed >> 32;
}

/* A token ends where letters of another alphabet begin: 1234元. */
static bool ends_token(const struct token *token, enum letter_class last, enum letter_class next)
{
        return next == CLASS_NONE || (token->digit && next == CLASS_OTHER) ||
               (next == CLASS_DIGIT && last == CLASS_OTHER);
}

/* Adds the character at i to the token. */
static void add_character(struct token *token, const char *text, size_t i, size_t length,
                          enum letter_class class)
{
        token->digit |= class == CLASS_DIGIT;
        token->letter |= class != CLASS_DIGIT;
        token->end = i + length;
        for (size_t k = i; k < token->end; k++) {
                unsigned char byte = (unsigned char)text[k];
                token->hash =
                        hash_byte(token->hash, byte < 0x80 ? (unsigned char)tolower(byte) : byte);
        }
}

bool token_next(const char *text, size_t n, size_t *at, struct token *ret)
{
        struct token token = {.hash = 0xCBF29CE484222325u};
        enum letter_class last = CLASS_NONE;
        size_t length;
        for (; *at < n; *at += length) {
                uint32_t c;
                length = utf8_decode(text + *at, n - *at, &c);
                enum letter_class class = class_of(c);
                if (last != CLASS_NONE && ends_token(&token, last, class))
                        break;
                if (class == CLASS_NONE)
                        continue;
                if (last == CLASS_NONE) {
                        token.start = *at;
                        token.upper = c >= 'A' && c <= 'Z';
                }
                add_character(&token, text, *at, length, class);
                last = class;
        }
        if (last == CLASS_NONE)
                return false;
        *ret = token;
        return true;
}

/* Whether a sentence ends in what stands between two tokens. */
static bool is_end(const char *gap, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                bool last = i + 1 == n || strchr(" \t\r*_)\"'", gap[i + 1]);
                if (gap[i] == '\n' || (gap[i] && strchr(".!?;", gap[i]) && last && n > 1))
                        return true;
                if (n - i >= 3 && memcmp(gap + i, "\xE3\x80\x82", 3) == 0) /* 。 */
                        return true;
        }
        return false;
}

int tokens_make(const char *text, size_t n, struct arena *arena, struct tokens *ret,
                struct error *err)
{
        struct tokens tokens = {.text = text, .n_bytes = n};
        struct token token;
        size_t count = 0;
        for (size_t at = 0; token_next(text, n, &at, &token);)
                count++;
        tokens.items = arena_array(arena, count, sizeof(*tokens.items));
        if (!tokens.items)
                return error_oom(err);
        uint32_t sentence = 0;
        for (size_t at = 0; tokens.n < count && token_next(text, n, &at, &token); tokens.n++) {
                size_t before = tokens.n ? tokens.items[tokens.n - 1].end : token.start;
                if (is_end(text + before, token.start - before))
                        sentence++;
                token.sentence = sentence;
                tokens.items[tokens.n] = token;
        }
        *ret = tokens;
        return 0;
}

bool tokens_is(const struct tokens *tokens, size_t i, const char *const *words)
{
        if (i >= tokens->n)
                return false;
        const struct token *token = &tokens->items[i];
        size_t n = token->end - token->start;
        for (; *words; words++)
                if (strncasecmp(*words, tokens->text + token->start, n) == 0 && !(*words)[n])
                        return true;
        return false;
}
