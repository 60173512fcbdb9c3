#include "base/uuid.h"

#include "base/clock.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

int uuid_v7(char out[UUID_TEXT_SIZE], struct error *err)
{
        uint8_t b[16];
        if (getrandom(b, sizeof(b), 0) != (ssize_t)sizeof(b))
                return error_errno(err, errno, "reading random bytes");
        uint64_t ms = (uint64_t)clock_utc_ms();
        for (int i = 0; i < 6; i++)
                b[i] = (uint8_t)(ms >> (8 * (5 - i)));
        b[6] = (uint8_t)(0x70 | (b[6] & 0x0F));
        b[8] = (uint8_t)(0x80 | (b[8] & 0x3F));
        (void)snprintf(out, UUID_TEXT_SIZE,
                       "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
                       b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12],
                       b[13], b[14], b[15]);
        return 0;
}

bool uuid_is_valid(const char *text)
{
        if (strlen(text) != UUID_TEXT_SIZE - 1)
                return false;
        for (int i = 0; i < UUID_TEXT_SIZE - 1; i++) {
                bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
                if (hyphen ? text[i] != '-' : !strchr("0123456789abcdef", text[i]))
                        return false;
        }
        return true;
}
