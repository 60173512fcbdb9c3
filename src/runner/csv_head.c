#include "runner/csv_head.h"

#include <string.h>

#define NO_SEPARATOR '\x1f' /* "unit separator": text does not hold it */

/* Where the first record ends: at a line's end outside quotes; n when there is none. */
static size_t record_end(const char *bytes, size_t n, bool *ret_quoted)
{
        bool quoted = false;
        size_t i = 0;
        for (; i < n; i++) {
                if (bytes[i] == '"')
                        quoted = !quoted;
                else if (!quoted && (bytes[i] == '\n' || bytes[i] == '\r'))
                        break;
        }
        *ret_quoted = quoted;
        return i;
}

/* The most frequent of the candidates outside quotes; the first of them when there are several. */
static char find_separator(const char *record, size_t n)
{
        static const char candidates[] = ",;\t|";
        size_t counts[sizeof(candidates)] = {0};
        bool quoted = false;
        for (size_t i = 0; i < n; i++) {
                const char *hit = record[i] ? strchr(candidates, record[i]) : NULL;
                if (record[i] == '"')
                        quoted = !quoted;
                else if (!quoted && hit)
                        counts[hit - candidates]++;
        }
        size_t best = 0;
        for (size_t i = 1; candidates[i]; i++)
                if (counts[i] > counts[best])
                        best = i;
        return counts[best] ? candidates[best] : NO_SEPARATOR;
}

/* One field without its quotes, doubled ones made single. */
static char *unquote(const char *field, size_t n, struct arena *arena, size_t *ret_n)
{
        char *out = arena_alloc(arena, n + 1);
        size_t length = 0;
        bool quoted = n >= 2 && field[0] == '"' && field[n - 1] == '"';
        for (size_t i = quoted; out && i < n - quoted; i++) {
                out[length++] = field[i];
                if (quoted && field[i] == '"' && i + 1 < n - 1 && field[i + 1] == '"')
                        i++;
        }
        *ret_n = length;
        return out;
}

static int split(const char *record, size_t n, struct arena *arena, struct csv_head *head,
                 struct error *err)
{
        size_t most = 1;
        for (size_t i = 0; i < n; i++)
                most += record[i] == head->separator;
        head->fields = arena_array(arena, most, sizeof(*head->fields));
        head->lengths = arena_array(arena, most, sizeof(*head->lengths));
        if (!head->fields || !head->lengths)
                return error_oom(err);
        bool quoted = false;
        size_t start = 0;
        for (size_t i = 0; i <= n; i++) {
                if (i < n && record[i] == '"')
                        quoted = !quoted;
                if (i < n && (quoted || record[i] != head->separator))
                        continue;
                head->fields[head->n] =
                        unquote(record + start, i - start, arena, &head->lengths[head->n]);
                if (!head->fields[head->n])
                        return error_oom(err);
                head->n++;
                start = i + 1;
        }
        return 0;
}

int csv_head_read(const char *bytes, size_t n, bool is_whole, struct arena *arena,
                  struct csv_head *ret, struct error *err)
{
        bool quoted;
        if (n >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0) {
                bytes += 3;
                n -= 3;
        }
        size_t length = record_end(bytes, n, &quoted);
        if (length == n && quoted)
                return error_set(err, ERROR_DATASET_INVALID,
                                 "a quote in the header line is not closed");
        if (length == n && !is_whole)
                return error_set(err, ERROR_DATASET_INVALID,
                                 "the header line is longer than %d bytes", CSV_HEAD_MAX);
        if (length == 0)
                return error_set(err, ERROR_DATASET_INVALID,
                                 "the first line is empty; it must be the header line");
        *ret = (struct csv_head){.separator = find_separator(bytes, length)};
        return split(bytes, length, arena, ret, err);
}
