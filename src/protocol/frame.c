#include "protocol/frame.h"

#include "base/hash.h"

#include <stdbool.h>
#include <string.h>

#define MARK "askcsv "
#define LETTERS "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"
#define HASH_DIGITS ((size_t)HASH_HEX_SIZE - 1)

/* The first line, as it was read. */
struct head {
        char name[FRAME_NAME_MAX + 1];
        size_t body_bytes;
        char sha256[HASH_HEX_SIZE];
        size_t bytes; /* of the line, with its end */
};

static int broken(enum error_type type, const char *why, struct error *err)
{
        return error_set(err, type, "this is no frame of askcsv's: %s", why);
}

/* The text up to `end`, which goes too: letters of `of`, from 1 to max of them. */
static const char *take_word(const char **at, const char *of, char end, size_t max, size_t *ret_n)
{
        const char *word = *at;
        size_t n = strspn(word, of);
        if (n < 1 || n > max || word[n] != end)
                return NULL;
        *at = word + n + 1;
        *ret_n = n;
        return word;
}

/* Digits, with no zero before them. */
static bool take_size(const char *digits, size_t n, size_t *ret)
{
        *ret = 0;
        if (n > 1 && digits[0] == '0')
                return false;
        for (size_t i = 0; i < n; i++)
                if (__builtin_mul_overflow(*ret, (size_t)10, ret) ||
                    __builtin_add_overflow(*ret, (size_t)(digits[i] - '0'), ret))
                        return false;
        return true;
}

/* line is text with a NUL behind it, and ends with its line end. */
static bool read_head(const char *line, struct head *head)
{
        const char *at = line + strlen(MARK);
        size_t n;
        const char *word = take_word(&at, LETTERS, ' ', FRAME_NAME_MAX, &n);
        if (!word)
                return false;
        memcpy(head->name, word, n);
        word = take_word(&at, DIGITS, ' ', FRAME_LINE_MAX, &n);
        if (!word || !take_size(word, n, &head->body_bytes))
                return false;
        word = take_word(&at, DIGITS "abcdef", '\n', HASH_DIGITS, &n);
        if (!word || n != HASH_DIGITS)
                return false;
        memcpy(head->sha256, word, n);
        head->bytes = (size_t)(at - line);
        return true;
}

/* 1 when the first line is there and right, 0 when it is not there yet. */
static int parse_head(const char *text, size_t n, enum error_type type, struct head *head,
                      struct error *err)
{
        char line[FRAME_LINE_MAX + 1] = {0};
        size_t known = n < strlen(MARK) ? n : strlen(MARK);
        if (memcmp(text, MARK, known) != 0)
                return broken(type, "it does not begin with \"askcsv\"", err);
        const char *end = memchr(text, '\n', n < FRAME_LINE_MAX ? n : FRAME_LINE_MAX);
        if (!end && n >= FRAME_LINE_MAX)
                return broken(type, "its first line is too long", err);
        if (!end)
                return 0;
        *head = (struct head){0};
        memcpy(line, text, (size_t)(end - text) + 1);
        if (!read_head(line, head) || head->bytes != (size_t)(end - text) + 1)
                return broken(type, "its first line is not \"askcsv NAME BYTES SHA256\"", err);
        return 1;
}

static int check_body(const struct head *head, const char *body, enum error_type type,
                      struct error *err)
{
        char sha256[HASH_HEX_SIZE];
        if (body[head->body_bytes] != '\n')
                return broken(type, "it does not end where it should", err);
        if (memchr(body, '\n', head->body_bytes))
                return broken(type, "it has a line end inside", err);
        int r = hash_bytes_hex(body, head->body_bytes, sha256, err);
        if (r < 0)
                return r;
        return strcmp(sha256, head->sha256) == 0
                       ? 0
                       : broken(type, "its bytes are not those that its hash is of", err);
}

int frame_parse(const char *text, size_t n, size_t max_bytes, enum error_type type,
                struct frame *ret, struct error *err)
{
        struct head head;
        int r = n == 0 ? 0 : parse_head(text, n, type, &head, err);
        if (r <= 0)
                return r;
        if (head.body_bytes > max_bytes)
                return error_set(err, type,
                                 "a frame of %zu bytes is larger than it may be; the limit is %zu",
                                 head.body_bytes, max_bytes);
        if (n - head.bytes <= head.body_bytes)
                return 0;
        r = check_body(&head, text + head.bytes, type, err);
        if (r < 0)
                return r;
        *ret = (struct frame){.body = text + head.bytes,
                              .body_bytes = head.body_bytes,
                              .end = head.bytes + head.body_bytes + 1};
        memcpy(ret->name, head.name, sizeof(ret->name));
        return 1;
}

int frame_put_head(const char *name, const char *body, size_t n, struct buf *out, struct error *err)
{
        char sha256[HASH_HEX_SIZE];
        size_t name_bytes = strlen(name);
        if (name_bytes < 1 || name_bytes > FRAME_NAME_MAX || strspn(name, LETTERS) != name_bytes)
                return error_set(err, ERROR_INTERNAL, "no frame can have the name %s", name);
        if (memchr(body, '\n', n))
                return error_set(err, ERROR_INTERNAL, "a frame's body has no line end inside");
        int r = hash_bytes_hex(body, n, sha256, err);
        if (r < 0)
                return r;
        buf_printf(out, MARK "%s %zu %s\n", name, n, sha256);
        return buf_error(out, err, "the frame");
}

int frame_put(const char *name, const char *body, size_t n, struct buf *out, struct error *err)
{
        int r = frame_put_head(name, body, n, out, err);
        if (r < 0)
                return r;
        buf_append(out, body, n);
        buf_putc(out, '\n');
        return buf_error(out, err, "the frame");
}
