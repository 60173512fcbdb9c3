#include "server/http_private.h"

#include "base/alloc.h"
#include "base/cleanup.h"

#include <limits.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#define LEVEL 5 /* 6 takes half as long again for two percent */
#define GZIP_WINDOW (15 + 16)
#define MEMORY_LEVEL 8

bool http_compressible(const char *type)
{
        if (!type)
                return false;
        size_t n = strcspn(type, "; ");
        return strncasecmp(type, "text/", 5) == 0 ||
               (n >= 4 && strncasecmp(type + n - 4, "json", 4) == 0) ||
               (n >= 3 && strncasecmp(type + n - 3, "xml", 3) == 0) ||
               (n >= 6 && strncasecmp(type + n - 6, "ndjson", 6) == 0) ||
               (n >= 10 && strncasecmp(type + n - 10, "javascript", 10) == 0);
}

/* True for "gzip" and "*" with any weight but 0. */
static bool token_allows(const char *token, size_t n, bool *ret_named)
{
        size_t name = 0;
        while (name < n && !strchr("; \t", token[name]))
                name++;
        *ret_named = name == 4 && strncasecmp(token, "gzip", 4) == 0;
        if (!*ret_named && !(name == 1 && *token == '*'))
                return false;
        for (size_t i = name; i + 1 < n; i++)
                if ((token[i] == 'q' || token[i] == 'Q') && token[i + 1] == '=') {
                        const char *weight = token + i + 2;
                        return strspn(weight, "0.") < strcspn(weight, ",; \t");
                }
        return true;
}

bool http_takes_gzip(const char *accept_encoding)
{
        bool takes = false;
        for (const char *at = accept_encoding ? accept_encoding : ""; *at;) {
                at += strspn(at, ", \t");
                size_t n = strcspn(at, ",");
                bool named = false;
                bool allows = token_allows(at, n, &named);
                if (named)
                        return allows;
                takes |= allows;
                at += n;
        }
        return takes;
}

char *http_compress(const void *body, size_t bytes, size_t *ret_bytes)
{
        if (bytes < HTTP_COMPRESS_FROM || bytes > UINT_MAX)
                return NULL;
        z_stream z = {0};
        if (deflateInit2(&z, LEVEL, Z_DEFLATED, GZIP_WINDOW, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) !=
            Z_OK)
                return NULL;
        /* One byte less than the body: what does not fit does not pay. */
        _cleanup_free_ char *out = alloc_malloc(bytes);
        z.next_in = (Bytef *)body;
        z.avail_in = (uInt)bytes;
        z.next_out = (Bytef *)out;
        z.avail_out = (uInt)bytes - 1;
        bool fits = out && deflate(&z, Z_FINISH) == Z_STREAM_END;
        size_t n = z.total_out;
        (void)deflateEnd(&z);
        if (!fits)
                return NULL;
        *ret_bytes = n;
        char *small = alloc_realloc(out, n);
        if (!small)
                return steal_ptr(&out);
        out = NULL;
        return small;
}
