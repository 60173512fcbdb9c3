#include "cli/query.h"

#include "base/cleanup.h"
#include "base/fd.h"
#include "cli/report.h"

#include <string.h>

void query_tell_tables(const struct source *source)
{
        if (source->registered)
                return;
        for (size_t i = 0; i < source->dataset->n_tables; i++)
                report_note("table %s is %s", source->dataset->tables[i].name,
                            source->dataset->tables[i].path);
}

int query_read(const char *path, struct buf *out, struct error *err)
{
        buf_init(out, QUERY_INPUT_MAX);
        int r = fd_read_file(path, out, err);
        if (r < 0 && out->state == BUF_TOO_LARGE)
                return error_set(err, ERROR_USAGE, "%s is larger than %d bytes", path,
                                 QUERY_INPUT_MAX);
        return r;
}
