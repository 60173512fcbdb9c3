/* What the fuzz targets share. A target calls one parser with the fuzzer's bytes and checks what
 * its header promises; the sanitizers watch the rest. */
#ifndef ASKCSV_TESTS_FUZZ_H
#define ASKCSV_TESTS_FUZZ_H

#include "base/error.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Unlike assert(3) it is there in every build. */
#define FUZZ_CHECK(condition)                                                                      \
        do {                                                                                       \
                if (!(condition))                                                                  \
                        abort();                                                                   \
        } while (0)

/* jansson takes only valid UTF-8, without surrogates and overlong forms. */
static inline void fuzz_check_utf8(const char *text)
{
        json_t *string = json_string(text);
        FUZZ_CHECK(string);
        json_decref(string);
}

/* r is what a fallible function returned: an error has its type, and words that can be shown. */
static inline void fuzz_check_error(int r, const struct error *err)
{
        if (r >= 0)
                return;
        FUZZ_CHECK(err->type != ERROR_NONE && r == -(int)err->type);
        FUZZ_CHECK(err->message[0] != '\0');
        fuzz_check_utf8(err->message);
        fuzz_check_utf8(err->pointer);
        FUZZ_CHECK(err->position >= 0);
}

#endif
