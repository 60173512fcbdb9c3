#include "kube/websocket.h"

#include "base/base64.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define SHA1_BYTES 20
#define SHA1_BLOCK 64
#define KEY_MAX 64 /* characters of a key; ours have 24 */
#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

/* ---- frames ---- */

static int refuse(struct error *err, const char *what)
{
        return error_set(err, ERROR_IO, "what came is no WebSocket frame of a server: %s", what);
}

static bool is_control(unsigned opcode)
{
        return opcode >= WS_CLOSE;
}

static int check_first_bytes(unsigned first, unsigned second, struct error *err)
{
        unsigned opcode = first & 0x0fU;
        if (first & 0x70U)
                return refuse(err, "a reserved bit is set");
        if ((opcode > WS_BINARY && opcode < WS_CLOSE) || opcode > WS_PONG)
                return refuse(err, "its opcode is unknown");
        if (second & 0x80U)
                return refuse(err, "it is masked");
        if (is_control(opcode) && !(first & 0x80U))
                return refuse(err, "a control frame in pieces");
        if (is_control(opcode) && (second & 0x7fU) > WS_CONTROL_MAX)
                return refuse(err, "a control frame is too long");
        return 0;
}

/* 1: the length, and how many bytes stand before the body; 0: more bytes are needed. */
static int read_length(const uint8_t *bytes, size_t n, uint64_t *ret, size_t *ret_head,
                       struct error *err)
{
        unsigned length = bytes[1] & 0x7fU;
        size_t more = length == 127 ? 8 : length == 126 ? 2 : 0;
        *ret = length;
        *ret_head = 2 + more;
        if (n < *ret_head)
                return 0;
        if (more == 0)
                return 1;
        *ret = 0;
        for (size_t i = 0; i < more; i++)
                *ret = *ret << 8 | bytes[2 + i];
        if (*ret < (more == 2 ? 126U : 65536U))
                return refuse(err, "its length is not written in the shortest way");
        return 1;
}

int ws_frame_parse(const char *text, size_t n, size_t max_bytes, struct ws_frame *ret,
                   struct error *err)
{
        const uint8_t *bytes = (const uint8_t *)text;
        uint64_t length = 0;
        size_t head = 0;
        if (n < 2)
                return 0;
        int r = check_first_bytes(bytes[0], bytes[1], err);
        if (r == 0)
                r = read_length(bytes, n, &length, &head, err);
        if (r <= 0)
                return r;
        if (length > max_bytes)
                return refuse(err, "it is longer than any should be");
        if (n - head < length)
                return 0;
        *ret = (struct ws_frame){.opcode = (enum ws_opcode)(bytes[0] & 0x0fU),
                                 .is_last = bytes[0] & 0x80U,
                                 .body = text + head,
                                 .body_bytes = (size_t)length,
                                 .end = head + (size_t)length};
        return 1;
}

static void put_length(size_t n, struct buf *out)
{
        int bytes = n < 126 ? 0 : n < 65536 ? 2 : 8;
        buf_putc(out, (char)(0x80U | (bytes == 0 ? n : bytes == 2 ? 126U : 127U)));
        for (int i = bytes - 1; i >= 0; i--)
                buf_putc(out, (char)((uint64_t)n >> (8 * i) & 0xffU));
}

void ws_frame_put(enum ws_opcode opcode, const char *head, size_t head_bytes, const char *body,
                  size_t n, const uint8_t mask[4], struct buf *out)
{
        buf_putc(out, (char)(0x80U | (unsigned)opcode));
        put_length(head_bytes + n, out);
        buf_append(out, mask, 4);
        size_t from = out->len;
        buf_append(out, head, head_bytes);
        buf_append(out, body, n);
        for (size_t i = 0; out->state == BUF_OK && i < head_bytes + n; i++)
                out->data[from + i] = (char)((uint8_t)out->data[from + i] ^ mask[i % 4]);
}

/* ---- SHA-1 (FIPS 180-4), which nothing but the handshake uses: it proves no secret there, only
 * that the other end speaks this protocol ---- */

static uint32_t turn(uint32_t word, unsigned by)
{
        return word << by | word >> (32 - by);
}

static uint32_t mixed(unsigned round, const uint32_t h[5])
{
        if (round < 20)
                return ((h[1] & h[2]) | (~h[1] & h[3])) + 0x5a827999U;
        if (round < 40)
                return (h[1] ^ h[2] ^ h[3]) + 0x6ed9eba1U;
        if (round < 60)
                return ((h[1] & h[2]) | (h[1] & h[3]) | (h[2] & h[3])) + 0x8f1bbcdcU;
        return (h[1] ^ h[2] ^ h[3]) + 0xca62c1d6U;
}

static void sha1_block(uint32_t state[5], const uint8_t *block)
{
        uint32_t w[80];
        uint32_t h[5];
        for (size_t i = 0; i < 16; i++)
                w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
                       (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
        for (size_t i = 16; i < 80; i++)
                w[i] = turn(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
        memcpy(h, state, sizeof(h));
        for (unsigned i = 0; i < 80; i++) {
                uint32_t next = turn(h[0], 5) + mixed(i, h) + h[4] + w[i];
                h[4] = h[3];
                h[3] = h[2];
                h[2] = turn(h[1], 30);
                h[1] = h[0];
                h[0] = next;
        }
        for (size_t i = 0; i < 5; i++)
                state[i] += h[i];
}

/* n at most KEY_MAX + the GUID: two blocks with the padding, or one. */
static void sha1(const uint8_t *bytes, size_t n, uint8_t out[SHA1_BYTES])
{
        uint32_t state[5] = {0x67452301U, 0xefcdab89U, 0x98badcfeU, 0x10325476U, 0xc3d2e1f0U};
        uint8_t padded[3 * SHA1_BLOCK] = {0};
        size_t whole = (n + 8) / SHA1_BLOCK * SHA1_BLOCK + SHA1_BLOCK;
        memcpy(padded, bytes, n);
        padded[n] = 0x80;
        for (size_t i = 0; i < 8; i++)
                padded[whole - 1 - i] = (uint8_t)((uint64_t)n * 8 >> (8 * i));
        for (size_t at = 0; at < whole; at += SHA1_BLOCK)
                sha1_block(state, padded + at);
        for (size_t i = 0; i < SHA1_BYTES; i++)
                out[i] = (uint8_t)(state[i / 4] >> (24 - 8 * (i % 4)));
}

/* ---- the handshake ---- */

void ws_accept(const char *key, char out[WS_ACCEPT_SIZE])
{
        char text[KEY_MAX + sizeof(GUID)];
        uint8_t hash[SHA1_BYTES];
        _cleanup_buf_ struct buf encoded = {0};
        int n = snprintf(text, sizeof(text), "%.*s" GUID, KEY_MAX, key);
        sha1((const uint8_t *)text, (size_t)n, hash);
        buf_init(&encoded, WS_ACCEPT_SIZE - 1);
        base64_put(&encoded, hash, sizeof(hash));
        (void)snprintf(out, WS_ACCEPT_SIZE, "%s", buf_text(&encoded));
}

/* The value of a header, without blanks around it; false: there is none, or it is too long. */
static bool find_header(const char *head, const char *name, char *out, size_t size)
{
        size_t n = strlen(name);
        for (const char *line = strstr(head, "\r\n"); line; line = strstr(line, "\r\n")) {
                line += 2;
                if (strncasecmp(line, name, n) != 0 || line[n] != ':')
                        continue;
                const char *value = line + n + 1;
                value += strspn(value, " \t");
                size_t length = strcspn(value, "\r\n");
                while (length > 0 && strchr(" \t", value[length - 1]))
                        length--;
                return (size_t)snprintf(out, size, "%.*s", (int)length, value) < size;
        }
        return false;
}

/* One of the words of a list such as "keep-alive, Upgrade". */
static bool has_word(const char *list, const char *word)
{
        size_t n = strlen(word);
        while (*list) {
                list += strspn(list, " \t,");
                size_t length = strcspn(list, " \t,");
                if (length == n && strncasecmp(list, word, n) == 0)
                        return true;
                list += length;
        }
        return false;
}

int ws_check_reply(const char *head, const char *key, const char *subprotocol, struct error *err)
{
        char value[256];
        char wanted[WS_ACCEPT_SIZE];
        ws_accept(key, wanted);
        if (!find_header(head, "Upgrade", value, sizeof(value)) ||
            strcasecmp(value, "websocket") != 0 ||
            !find_header(head, "Connection", value, sizeof(value)) || !has_word(value, "upgrade"))
                return error_set(err, ERROR_IO, "it does not change to a WebSocket");
        if (!find_header(head, "Sec-WebSocket-Accept", value, sizeof(value)) ||
            strcmp(value, wanted) != 0)
                return error_set(err, ERROR_IO, "its Sec-WebSocket-Accept is not for our key");
        if (!find_header(head, "Sec-WebSocket-Protocol", value, sizeof(value)) ||
            strcmp(value, subprotocol) != 0)
                return error_set(err, ERROR_IO, "it does not speak %s", subprotocol);
        return 0;
}
