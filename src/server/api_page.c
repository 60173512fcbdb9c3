/* The page for people, and the files that it loads. It asks the same paths as everybody else. */
#include "server/api.h"

#include "server/page.h"

#include <string.h>

/* Nothing from elsewhere, nothing inline: a text of somebody's data that became markup could
 * neither run nor be sent anywhere. */
#define PAGE_POLICY                                                                                \
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "    \
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

static void reply_file(struct call *call, const struct page_file *file, const char *caching)
{
        const char *given = http_header(call->request, "If-None-Match");
        http_set(call->request, "Content-Security-Policy", PAGE_POLICY);
        http_set(call->request, "Cache-Control", caching);
        http_set(call->request, "ETag", file->tag);
        if (given && (strcmp(given, "*") == 0 || strstr(given, file->tag)))
                http_reply(call->request, 304, NULL, NULL, 0);
        else
                http_reply_file(call->request, 200, &file->file);
}

void api_page(struct call *call)
{
        http_set(call->request, "Cross-Origin-Opener-Policy", "same-origin");
        reply_file(call, &page_files[0], "no-cache");
}

void api_asset(struct call *call)
{
        for (size_t i = 1; i < page_files_count; i++)
                if (strcmp(page_files[i].name, call->part[0]) == 0) {
                        /* A name stands for a content: it has its hash. */
                        reply_file(call, &page_files[i], "public, max-age=31536000, immutable");
                        return;
                }
        reply_own(call->request, PROBLEM_NOT_FOUND,
                  "the page has no such file; it may be of an earlier version: load the page anew");
}
