/* One value of a result in its JSON form, which loses nothing (docs/PROTOCOL.md has the table). */
#ifndef ASKCSV_RUNNER_VALUE_H
#define ASKCSV_RUNNER_VALUE_H

#include "base/buf.h"

#include <duckdb.h>
#include <stdbool.h>

static inline void logical_type_done(duckdb_logical_type *type)
{
        duckdb_destroy_logical_type(type);
}
#define _cleanup_type_ _cleanup_(logical_type_done)

/* Writes row `row` of the vector; NULL is null. */
void value_put(struct buf *out, duckdb_vector vector, duckdb_logical_type type, idx_t row);

/* The type as DuckDB spells it: "DECIMAL(10,2)", "STRUCT(a INTEGER)[]". */
void value_put_type(struct buf *out, duckdb_logical_type type);

/* For messages: a type without what is in its parentheses or brackets. */
const char *value_kind_name(duckdb_type id);

/* The type that value_put_type writes so, if it has no parentheses or brackets; else
 * DUCKDB_TYPE_INVALID. */
duckdb_type value_type_named(const char *name, size_t n);

/* False for a type that has no JSON form here (BIGNUM, UNION, GEOMETRY ...): the query must cast
 * it. */
bool value_is_supported(duckdb_logical_type type);

/* True when the JSON form may not be that of RFC 8785: an object's keys are in the type's order,
 * and a large double ends in ".0". */
bool value_needs_canonical(duckdb_logical_type type);

/* True when an INTERVAL is in it: two may be equal to the engine and still differ. */
bool value_has_interval(duckdb_logical_type type);

#endif
