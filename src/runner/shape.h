/* What a column of a result holds, by the name of its type, and what that becomes in a file. The
 * name comes from outside: it is read here, and never given to the engine as text. */
#ifndef ASKCSV_RUNNER_SHAPE_H
#define ASKCSV_RUNNER_SHAPE_H

#include "base/arena.h"
#include "base/error.h"

#include <duckdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHAPE_DEPTH_MAX 64 /* of types in types */

struct shape {
        duckdb_type type; /* of the values, as DuckDB had them */
        uint8_t width;    /* of a DECIMAL, and its scale */
        uint8_t scale;
        struct shape *children; /* of LIST and ARRAY one, of MAP key and value, of STRUCT its own */
        const char **names;     /* of a STRUCT's: f1, f2 ... when they have none */
        bool is_unnamed;        /* so its values are arrays */
        size_t n;               /* children */
        uint64_t length;        /* of an ARRAY */
        unsigned int height;    /* 1 without children, else one more than the highest of them */
};

/* Reads a type's name as value_put_type writes it. Everything is in the arena. Fails with
 * ERROR_INVALID_REQUEST for what is no type, or nests deeper than SHAPE_DEPTH_MAX. */
int shape_read(const char *name, struct arena *arena, struct shape *ret, struct error *err);

/* The type that the values have in a Parquet file, from which they can be read back unchanged
 * (docs/PROTOCOL.md, "Export", has the table). The caller destroys it. */
duckdb_logical_type shape_file_type(const struct shape *shape);

#endif
