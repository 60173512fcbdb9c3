#include "runner/csv_types.h"

#include "runner/csv_records.h"

#include "base/alloc.h"
#include "base/cleanup.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

#define LINE_END_MAX 2   /* bytes */
#define COLUMNS_APART 32 /* no two threads write to one line of the cache */

/* The records that begin in one part of the file. All but the first part take it for granted that
 * the line end before them is not inside quotes; where the part before them ended tells. */
struct part {
        const struct csv_scan *scan;
        struct csv_records records;
        char *buffer;
        size_t buffer_bytes; /* more would follow for the end of a last line */
        uint64_t start;      /* offsets in the file */
        uint64_t limit;
        uint64_t end; /* where the first record behind the limit begins */
        bool has_header;
        bool whole; /* false: something in it is not regular */
        int error;  /* of reading; errno */
};

struct parts {
        struct part *parts; /* never none */
        size_t n;
        struct csv_column *columns; /* of all parts; the first part's first */
        char *buffers;
};

static void parts_done(struct parts *parts)
{
        free(parts->parts);
        free(parts->columns);
        free(parts->buffers);
}

/* Fewer bytes than wanted are the file's last. -1 and errno on failure. */
static ssize_t read_at(int fd, char *buffer, size_t n, uint64_t offset)
{
        size_t have = 0;
        while (have < n) {
                ssize_t got = pread(fd, buffer + have, n - have, (off_t)(offset + have));
                if (got < 0 && errno == EINTR)
                        continue;
                if (got < 0)
                        return -1;
                if (got == 0)
                        break;
                have += (size_t)got;
        }
        return (ssize_t)have;
}

/* The last line may be without its end. Returns how many bytes there are then. */
static size_t end_last_line(char *buffer, size_t n, enum csv_newline newline)
{
        const char last = newline == CSV_CR ? '\r' : '\n';
        if (n == 0 || buffer[n - 1] == last)
                return n;
        if (newline == CSV_CRLF && buffer[n - 1] != '\r')
                buffer[n++] = '\r';
        buffer[n++] = last;
        return n;
}

/* As much of the buffer's n bytes as is whole records; they stand at part->end in the file. */
static size_t use_bytes(struct part *part, size_t n)
{
        size_t header = 0;
        memset(part->buffer + n, 0, CSV_RECORDS_READ_AHEAD);
        if (part->has_header) {
                header = csv_records_skip_header(&part->records, part->buffer, n);
                if (header == 0)
                        return 0;
                part->has_header = false;
        }
        uint64_t stop = part->limit > part->end ? part->limit - part->end : 0;
        return header + csv_records_read(&part->records, part->buffer + header, n - header,
                                         stop > header ? (size_t)(stop - header) : 0);
}

static void read_part(struct part *part)
{
        const struct csv_scan *scan = part->scan;
        size_t have = 0;
        bool last = false;
        part->end = part->start;
        while (!last && (part->has_header || part->end < part->limit)) {
                if (have + scan->read_bytes > part->buffer_bytes)
                        return; /* no line may be so long */
                ssize_t got =
                        read_at(scan->fd, part->buffer + have, scan->read_bytes, part->end + have);
                if (got < 0) {
                        part->error = errno;
                        return;
                }
                have += (size_t)got;
                last = (size_t)got < scan->read_bytes;
                if (last)
                        have = end_last_line(part->buffer, have, part->records.newline);
                size_t used = use_bytes(part, have);
                if (part->records.irregular)
                        return;
                part->end += used;
                have -= used;
                memmove(part->buffer, part->buffer + used, have);
        }
        part->whole = !part->has_header && (!last || have == 0 || part->end >= part->limit);
}

static void *read_part_in_thread(void *part)
{
        read_part(part);
        return NULL;
}

static void columns_init(struct csv_column *columns, size_t n)
{
        for (size_t i = 0; i < n; i++)
                columns[i] = CSV_COLUMN_INIT;
}

/* From another place than was taken for granted. */
static void read_part_again(struct part *part, uint64_t start)
{
        columns_init(part->records.columns, part->scan->n_columns);
        part->records.rows = 0;
        part->records.irregular = false;
        part->records.quoted_line_ends = false;
        part->start = start;
        part->whole = false;
        part->error = 0;
        read_part(part);
}

/* All parts but the first in threads of their own, where there are threads to be had. */
static void read_parts(struct parts *parts)
{
        pthread_t threads[CSV_PARTS_MAX];
        bool started[CSV_PARTS_MAX] = {false};
        for (size_t i = 1; i < parts->n; i++)
                started[i] = pthread_create(&threads[i], NULL, read_part_in_thread,
                                            &parts->parts[i]) == 0;
        for (size_t i = 0; i < parts->n; i++)
                if (!started[i])
                        read_part(&parts->parts[i]);
        for (size_t i = 1; i < parts->n; i++)
                if (started[i])
                        (void)pthread_join(threads[i], NULL);
}

/* The first part becomes the whole. */
static void join_parts(struct parts *parts)
{
        struct part *all = &parts->parts[0];
        for (size_t i = 1; i < parts->n && all->whole; i++) {
                struct part *part = &parts->parts[i];
                if (part->start != all->end)
                        read_part_again(part, all->end);
                for (size_t k = 0; k < all->scan->n_columns; k++)
                        csv_column_join(&all->records.columns[k], &part->records.columns[k]);
                all->records.rows += part->records.rows;
                all->records.quoted_line_ends |= part->records.quoted_line_ends;
                all->end = part->end;
                all->whole = part->whole;
                all->error = part->error;
        }
}

/* The engine goes by the first line end of the file, inside quotes or not. The first part begins
 * behind a byte order mark. */
static int place_first_part(struct part *part)
{
        size_t n = 0;
        size_t i = 0;
        bool last = false;
        const char *bytes = part->buffer;
        while (!last && i + 1 >= n && n + part->scan->read_bytes <= part->buffer_bytes) {
                ssize_t got = read_at(part->scan->fd, part->buffer + n, part->scan->read_bytes, n);
                if (got < 0)
                        return -errno;
                n += (size_t)got;
                last = (size_t)got < part->scan->read_bytes;
                while (i < n && bytes[i] != '\n' && bytes[i] != '\r')
                        i++;
        }
        part->records.newline = CSV_LF;
        if (i < n && bytes[i] == '\r')
                part->records.newline = i + 1 < n && bytes[i + 1] == '\n' ? CSV_CRLF : CSV_CR;
        part->start = n >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
        part->has_header = true;
        return 0;
}

/* Each further part begins behind the first line end from its share of the file on. */
static int place_part(struct part *part, enum csv_newline newline, uint64_t offset)
{
        ssize_t got = read_at(part->scan->fd, part->buffer, part->scan->read_bytes, offset);
        if (got < 0)
                return -errno;
        const char *hit = memchr(part->buffer, newline == CSV_CR ? '\r' : '\n', (size_t)got);
        part->start = offset + (hit ? (uint64_t)(hit - part->buffer) + 1 : (uint64_t)got);
        part->records.newline = newline;
        return 0;
}

static int place_parts(struct parts *parts, uint64_t size)
{
        int r = place_first_part(&parts->parts[0]);
        for (size_t i = 1; i < parts->n && r == 0; i++) {
                r = place_part(&parts->parts[i], parts->parts[0].records.newline,
                               size / parts->n * i);
                parts->parts[i - 1].limit = parts->parts[i].start;
        }
        parts->parts[parts->n - 1].limit = UINT64_MAX;
        return r;
}

static int parts_init(struct parts *parts, const struct csv_scan *scan, uint64_t size)
{
        const uint64_t most = size / scan->part_bytes;
        const size_t stride = scan->n_columns + COLUMNS_APART;
        const size_t buffer_bytes =
                size < CSV_RECORD_MAX ? (size_t)size + scan->read_bytes : CSV_RECORD_MAX;
        const size_t each = buffer_bytes + LINE_END_MAX + CSV_RECORDS_READ_AHEAD;
        parts->n = scan->threads < CSV_PARTS_MAX ? scan->threads : CSV_PARTS_MAX;
        if (parts->n > most)
                parts->n = (size_t)most;
        if (parts->n == 0)
                parts->n = 1;
        parts->parts = alloc_calloc(parts->n, sizeof(*parts->parts));
        parts->columns = alloc_calloc(parts->n * stride, sizeof(*parts->columns));
        parts->buffers = alloc_malloc(parts->n * each);
        if (!parts->parts || !parts->columns || !parts->buffers)
                return -ENOMEM;
        columns_init(parts->columns, parts->n * stride);
        for (size_t i = 0; i < parts->n; i++)
                parts->parts[i] =
                        (struct part){.scan = scan,
                                      .buffer = parts->buffers + i * each,
                                      .buffer_bytes = buffer_bytes,
                                      .records = {.separator = scan->separator,
                                                  .n_columns = scan->n_columns,
                                                  .columns = parts->columns + i * stride}};
        return place_parts(parts, size);
}

static int not_read(struct error *err, int errnum)
{
        if (errnum == ENOMEM)
                return error_oom(err);
        return error_set(err, ERROR_DATASET_INVALID, "the file cannot be read: %s",
                         strerror(errnum));
}

int csv_types_find(const struct csv_scan *scan, struct csv_types *ret, struct error *err)
{
        _cleanup_(parts_done) struct parts parts = {0};
        struct stat status;
        if (fstat(scan->fd, &status) < 0)
                return not_read(err, errno);
        int r = parts_init(&parts, scan, (uint64_t)status.st_size);
        if (r < 0)
                return not_read(err, -r);
        read_parts(&parts);
        join_parts(&parts);
        const struct part *all = &parts.parts[0];
        if (all->error)
                return not_read(err, all->error);
        ret->regular = all->whole;
        ret->rows = all->records.rows;
        ret->quoted_line_ends = all->records.quoted_line_ends;
        ret->columns = steal_ptr(&parts.columns);
        return 0;
}
