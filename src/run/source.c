#include "run/source.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "dataset/name.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define SOURCE_TEXT_MAX (256 * 1024)

void source_free(struct source *source)
{
        if (source)
                arena_free(source->dataset->arena); /* it holds the source too */
}

static void arena_freep(struct arena **arena)
{
        arena_free(*arena);
}

/* A source and its dataset with room for n tables, all in an arena of their own. NULL for no
 * memory. */
static struct source *source_new(size_t n)
{
        _cleanup_(arena_freep) struct arena *arena = arena_new(DATASET_ARENA_MAX);
        if (!arena)
                return NULL;
        struct source *source = arena_alloc(arena, sizeof(*source));
        struct dataset *dataset = arena_alloc(arena, sizeof(*dataset));
        struct table *tables = arena_array(arena, n, sizeof(*tables));
        if (!source || !dataset || !tables)
                return NULL;
        dataset->tables = tables;
        dataset->n_tables = n;
        dataset->arena = steal_ptr(&arena);
        source->dataset = dataset;
        return source;
}

static void source_freep(struct source **source)
{
        source_free(*source);
}

static int no_such_file(const char *path, int errnum, struct error *err)
{
        if (errnum == ENOENT || errnum == ENOTDIR)
                return error_set(err, ERROR_DATASET_NOT_FOUND, "there is no file %s", path);
        if (errnum == ELOOP)
                return error_set(err, ERROR_IO, "%s is a symbolic link that goes in circles", path);
        return error_errno(err, errnum, "opening %s", path);
}

static int check_readable(const char *path, struct error *err)
{
        struct stat st;
        if (stat(path, &st) < 0)
                return no_such_file(path, errno, err);
        if (S_ISDIR(st.st_mode))
                return error_set(err, ERROR_IO,
                                 "%s is a directory; name the files in it: %s/a.csv,%s/b.csv", path,
                                 path, path);
        if (!S_ISREG(st.st_mode))
                return error_set(err, ERROR_IO, "%s is %s; a regular file is needed", path,
                                 S_ISFIFO(st.st_mode) ? "a named pipe" : "not a regular file");
        if (faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) < 0)
                return error_errno(err, errno, "%s may not be read", path);
        return 0;
}

static bool is_utf8(const char *text)
{
        _cleanup_json_ json_t *json = json_string(text);
        return json != NULL;
}

static int resolve_file(struct arena *arena, const char *path, const char **ret, struct error *err)
{
        char resolved[PATH_MAX];
        if (!realpath(path, resolved))
                return no_such_file(path, errno, err);
        if (!is_utf8(resolved))
                return error_set(err, ERROR_IO,
                                 "the name of the file behind %s is not valid UTF-8; rename it",
                                 path);
        int r = check_readable(resolved, err);
        if (r < 0)
                return r;
        *ret = arena_strdup(arena, resolved);
        return *ret ? 0 : error_oom(err);
}

static const char *format_of(const char *path)
{
        static const char *const endings[] = {".parquet", ".pq", ".parq"};
        const char *dot = strrchr(path, '.');
        for (size_t i = 0; dot && i < ARRAY_SIZE(endings); i++)
                if (strcasecmp(dot, endings[i]) == 0)
                        return "parquet";
        return "csv";
}

/* The name, or with _2, _3 ... behind it, that no earlier table has. */
static const char *unique_name(const struct dataset *dataset, size_t n_before, const char *name)
{
        const struct dataset before = {.tables = dataset->tables, .n_tables = n_before};
        if (dataset_find_table(&before, name) < 0)
                return arena_strdup(dataset->arena, name);
        for (unsigned int i = 2;; i++) {
                char tail[16];
                int n = snprintf(tail, sizeof(tail), "_%u", i);
                char *longer =
                        arena_printf(dataset->arena, "%.*s%s", NAME_MAX_BYTES - n, name, tail);
                if (!longer || dataset_find_table(&before, longer) < 0)
                        return longer;
        }
}

static int fill_file(struct dataset *dataset, size_t i, const struct source_file *file, bool bare,
                     struct error *err)
{
        struct table *table = &dataset->tables[i];
        char name[NAME_MAX_BYTES + 1];
        int r = 0;
        if (bare) {
                table->path = arena_printf(dataset->arena, "/%zu", i); /* nobody opens it */
                if (!table->path)
                        r = error_oom(err);
        } else {
                r = resolve_file(dataset->arena, file->path, &table->path, err);
        }
        if (r < 0)
                return r;
        name_table(file->path, name);
        table->name = file->name ? arena_strdup(dataset->arena, file->name)
                                 : unique_name(dataset, i, name);
        table->format =
                arena_strdup(dataset->arena, file->format ? file->format : format_of(file->path));
        if (file->sha256)
                (void)snprintf(table->sha256, sizeof(table->sha256), "%s", file->sha256);
        return table->name && table->format ? 0 : error_oom(err);
}

/* The deepest folder that holds every table's file. */
static const char *common_folder(const struct dataset *dataset)
{
        const char *first = dataset->tables[0].path;
        size_t n = (size_t)(strrchr(first, '/') - first);
        for (size_t i = 1; i < dataset->n_tables; i++) {
                const char *path = dataset->tables[i].path;
                while (n > 0 && (strncmp(first, path, n) != 0 || path[n] != '/'))
                        do
                                n--;
                        while (n > 0 && first[n] != '/');
        }
        return n > 0 ? arena_strndup(dataset->arena, first, n) : arena_strdup(dataset->arena, "/");
}

int source_open_files(const struct source_file *files, size_t n, bool bare, struct source **ret,
                      struct error *err)
{
        if (n == 0 || n > DATASET_TABLES_MAX)
                return error_set(err, ERROR_USAGE, "%zu files were named; 1 to %d are possible", n,
                                 DATASET_TABLES_MAX);
        _cleanup_(source_freep) struct source *source = source_new(n);
        if (!source)
                return error_oom(err);
        int r = 0;
        for (size_t i = 0; r == 0 && i < n; i++)
                r = fill_file(source->dataset, i, &files[i], bare, err);
        if (r < 0)
                return r;
        source->dataset->id = SOURCE_FILES_ID;
        source->dataset->name = "Files";
        source->dataset->description = "Files named on the command line.";
        source->data_root = bare ? "/" : common_folder(source->dataset);
        if (!source->data_root)
                return error_oom(err);
        *ret = steal_ptr(&source);
        return 0;
}

static int place_table(struct source *source, size_t i, const char *root, bool bare,
                       struct error *err)
{
        struct dataset *dataset = source->dataset;
        struct table *table = &dataset->tables[i];
        table->shown = table->path; /* where the folder is says nothing of the data */
        table->path = arena_printf(dataset->arena, "%s/%s", root, table->path);
        if (!table->path)
                return error_oom(err);
        if (bare || access(table->path, F_OK) == 0)
                return bare ? 0 : check_readable(table->path, err);
        return error_set(err, ERROR_DATASET_NOT_FOUND,
                         "the files of the dataset %s are not there (%s is missing); make them: "
                         "askcsv datasets generate %s",
                         dataset->id, table->path, dataset->id);
}

int source_open_registered(const struct dataset *dataset, const char *datasets_folder, bool bare,
                           struct source **ret, struct error *err)
{
        _cleanup_(source_freep) struct source *source = source_new(dataset->n_tables);
        if (!source)
                return error_oom(err);
        int r = 0;
        struct dataset *copy = source->dataset;
        struct table *tables = copy->tables;
        struct arena *arena = copy->arena;
        *copy = *dataset; /* strings, columns and vocabulary stay the registry's */
        copy->tables = tables;
        copy->arena = arena;
        memcpy(tables, dataset->tables, dataset->n_tables * sizeof(*tables));
        source->registered = true;
        char *folder = arena_printf(arena, "%s/%s", datasets_folder, dataset->id);
        if (!folder)
                return error_oom(err);
        _cleanup_free_ char *resolved = realpath(folder, NULL); /* the runner follows no links */
        source->data_root = bare ? "/" : arena_strdup(arena, resolved ? resolved : folder);
        if (!source->data_root)
                return error_oom(err);
        for (size_t i = 0; r == 0 && i < copy->n_tables; i++)
                r = place_table(source, i, resolved ? resolved : folder, bare, err);
        if (r == 0)
                *ret = steal_ptr(&source);
        return r;
}

static bool exists(const char *path)
{
        struct stat st;
        return lstat(path, &st) == 0;
}

/* What could have been meant by a text that is neither an id nor the path of a file. */
static int nothing_of_that_name(const struct registry *registry, const char *text,
                                struct error *err)
{
        const char *nearest = registry_nearest(registry, text);
        return error_set(err, ERROR_DATASET_NOT_FOUND,
                         "there is no dataset and no file called %s%s%s%s (askcsv datasets list "
                         "shows the datasets)",
                         text, nearest ? "; did you mean " : "", nearest ? nearest : "",
                         nearest ? "?" : "");
}

/* Splits text at its commas, in place. */
static int split(char *text, struct source_file files[DATASET_TABLES_MAX], size_t *ret_n,
                 struct error *err)
{
        size_t n = 0;
        for (char *part = text; part; n++) {
                char *comma = strchr(part, ',');
                if (comma)
                        *comma = '\0';
                if (!*part)
                        return error_set(err, ERROR_USAGE,
                                         "SOURCE has an empty part; write the files with one comma "
                                         "between them: a.csv,b.csv");
                if (n == DATASET_TABLES_MAX)
                        return error_set(err, ERROR_USAGE, "SOURCE names more than %d files",
                                         DATASET_TABLES_MAX);
                files[n] = (struct source_file){.path = part};
                part = comma ? comma + 1 : NULL;
        }
        *ret_n = n;
        return 0;
}

int source_open(const struct registry *registry, const char *datasets_folder, const char *text,
                bool bare, struct source **ret, struct error *err)
{
        const struct dataset *dataset = registry_find(registry, text);
        if (dataset)
                return source_open_registered(dataset, datasets_folder, bare, ret, err);
        if (strlen(text) > SOURCE_TEXT_MAX)
                return error_set(err, ERROR_USAGE, "SOURCE is too long");
        struct source_file files[DATASET_TABLES_MAX] = {{.path = text}};
        if (exists(text)) /* a comma may be part of its name */
                return source_open_files(files, 1, bare, ret, err);
        if (!strchr(text, ',') && !bare)
                return nothing_of_that_name(registry, text, err);
        if (!strchr(text, ',') && !strpbrk(text, "./"))
                return nothing_of_that_name(registry, text, err);
        _cleanup_free_ char *parts = alloc_strdup(text);
        size_t n = 0;
        if (!parts)
                return error_oom(err);
        int r = split(parts, files, &n, err);
        return r < 0 ? r : source_open_files(files, n, bare, ret, err);
}
