/* The page: the files that a browser loads. They are made from web/ by tools/web-build, or one of
 * page_none.c says that there are none (-Dweb=disabled). */
#ifndef ASKCSV_SERVER_PAGE_H
#define ASKCSV_SERVER_PAGE_H

#include "server/http.h"

#include <stddef.h>

struct page_file {
        const char *name; /* behind "/assets/"; "": the page itself */
        const char *tag;  /* its entity tag, in quotes */
        struct http_file file;
};

extern const struct page_file page_files[]; /* the page itself first */
extern const size_t page_files_count;

#endif
