#include "base/base64.h"

#include <stdint.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_put(struct buf *out, const void *bytes, size_t n)
{
        const unsigned char *from = bytes;
        char piece[1024];
        size_t used = 0;
        for (size_t i = 0; i < n; i += 3) {
                size_t have = n - i < 3 ? n - i : 3;
                uint32_t bits = (uint32_t)from[i] << 16;
                bits |= have > 1 ? (uint32_t)from[i + 1] << 8 : 0;
                bits |= have > 2 ? from[i + 2] : 0;
                piece[used++] = alphabet[bits >> 18];
                piece[used++] = alphabet[bits >> 12 & 63];
                piece[used++] = (char)(have > 1 ? alphabet[bits >> 6 & 63] : '=');
                piece[used++] = (char)(have > 2 ? alphabet[bits & 63] : '=');
                if (used == sizeof(piece)) {
                        buf_append(out, piece, used);
                        used = 0;
                }
        }
        buf_append(out, piece, used);
}

/* The six bits of a character; -1: it has none. */
static int bits_of(char c)
{
        if (c >= 'A' && c <= 'Z')
                return c - 'A';
        if (c >= 'a' && c <= 'z')
                return c - 'a' + 26;
        if (c >= '0' && c <= '9')
                return c - '0' + 52;
        return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Four characters, of which the last `padding` are "=". */
static bool take_four(struct buf *out, const char *text, size_t padding)
{
        uint32_t bits = 0;
        char bytes[3];
        for (size_t i = 0; i < 4; i++) {
                int six = i < 4 - padding ? bits_of(text[i]) : 0;
                if (six < 0)
                        return false;
                bits = bits << 6 | (uint32_t)six;
        }
        for (size_t i = 0; i < 3; i++)
                bytes[i] = (char)(bits >> (16 - 8 * i) & 255);
        for (size_t i = 3 - padding; i < 3; i++)
                if (bytes[i] != 0)
                        return false;
        buf_append(out, bytes, 3 - padding);
        return true;
}

bool base64_take(struct buf *out, const char *text, size_t n)
{
        if (n % 4 != 0)
                return false;
        for (size_t i = 0; i < n; i += 4) {
                bool last = i + 4 == n;
                size_t padding = last ? (size_t)(text[i + 3] == '=') +
                                                 (text[i + 2] == '=' && text[i + 3] == '=')
                                      : 0;
                if (!take_four(out, text + i, padding))
                        return false;
        }
        return true;
}
