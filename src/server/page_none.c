#include "server/page.h"

static const unsigned char text[] =
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>askcsv</title>\n"
        "<p>This askcsv was built without its page (-Dweb=disabled). The server answers all the "
        "same: <a href=\"/openapi.json\">/openapi.json</a> lists what there is to ask.</p>\n";

const struct page_file page_files[] = {
        {"", "\"none\"", {"text/html; charset=utf-8", text, sizeof(text) - 1, NULL, 0}}};
const size_t page_files_count = 1;
