/* Types: their names, and what their values' JSON forms may hold. */
#include "runner/value.h"

#include "base/json.h"

#include <string.h>

static const char *const simple_names[] = {
        [DUCKDB_TYPE_BOOLEAN] = "BOOLEAN",
        [DUCKDB_TYPE_TINYINT] = "TINYINT",
        [DUCKDB_TYPE_SMALLINT] = "SMALLINT",
        [DUCKDB_TYPE_INTEGER] = "INTEGER",
        [DUCKDB_TYPE_BIGINT] = "BIGINT",
        [DUCKDB_TYPE_UTINYINT] = "UTINYINT",
        [DUCKDB_TYPE_USMALLINT] = "USMALLINT",
        [DUCKDB_TYPE_UINTEGER] = "UINTEGER",
        [DUCKDB_TYPE_UBIGINT] = "UBIGINT",
        [DUCKDB_TYPE_FLOAT] = "FLOAT",
        [DUCKDB_TYPE_DOUBLE] = "DOUBLE",
        [DUCKDB_TYPE_TIMESTAMP] = "TIMESTAMP",
        [DUCKDB_TYPE_DATE] = "DATE",
        [DUCKDB_TYPE_TIME] = "TIME",
        [DUCKDB_TYPE_INTERVAL] = "INTERVAL",
        [DUCKDB_TYPE_HUGEINT] = "HUGEINT",
        [DUCKDB_TYPE_UHUGEINT] = "UHUGEINT",
        [DUCKDB_TYPE_VARCHAR] = "VARCHAR",
        [DUCKDB_TYPE_BLOB] = "BLOB",
        [DUCKDB_TYPE_TIMESTAMP_S] = "TIMESTAMP_S",
        [DUCKDB_TYPE_TIMESTAMP_MS] = "TIMESTAMP_MS",
        [DUCKDB_TYPE_TIMESTAMP_NS] = "TIMESTAMP_NS",
        [DUCKDB_TYPE_UUID] = "UUID",
        [DUCKDB_TYPE_BIT] = "BIT",
        [DUCKDB_TYPE_TIME_TZ] = "TIME WITH TIME ZONE",
        [DUCKDB_TYPE_TIMESTAMP_TZ] = "TIMESTAMP WITH TIME ZONE",
        [DUCKDB_TYPE_SQLNULL] = "NULL",
        [DUCKDB_TYPE_TIME_NS] = "TIME_NS",
};

static const char *simple_name(duckdb_type id)
{
        return (size_t)id < ARRAY_SIZE(simple_names) ? simple_names[id] : NULL;
}

const char *value_kind_name(duckdb_type id)
{
        switch (id) {
        case DUCKDB_TYPE_DECIMAL:
                return "DECIMAL";
        case DUCKDB_TYPE_ENUM:
                return "ENUM";
        case DUCKDB_TYPE_LIST:
                return "LIST";
        case DUCKDB_TYPE_ARRAY:
                return "ARRAY";
        case DUCKDB_TYPE_MAP:
                return "MAP";
        case DUCKDB_TYPE_STRUCT:
                return "STRUCT";
        default:
                return simple_name(id) ? simple_name(id) : "UNKNOWN";
        }
}

duckdb_type value_type_named(const char *name, size_t n)
{
        for (size_t i = 0; i < ARRAY_SIZE(simple_names); i++)
                if (simple_names[i] && strlen(simple_names[i]) == n &&
                    memcmp(simple_names[i], name, n) == 0)
                        return (duckdb_type)i;
        return DUCKDB_TYPE_INVALID;
}

static void put_quoted(struct buf *out, const char *text, char quote)
{
        buf_putc(out, quote);
        for (const char *p = text; *p; p++) {
                if (*p == quote)
                        buf_putc(out, quote);
                buf_putc(out, *p);
        }
        buf_putc(out, quote);
}

static void put_struct_type(struct buf *out, duckdb_logical_type type)
{
        buf_puts(out, "STRUCT(");
        idx_t n = duckdb_struct_type_child_count(type);
        for (idx_t i = 0; i < n; i++) {
                char *name = duckdb_struct_type_child_name(type, i);
                _cleanup_type_ duckdb_logical_type child = duckdb_struct_type_child_type(type, i);
                if (i)
                        buf_puts(out, ", ");
                put_quoted(out, name, '"');
                buf_putc(out, ' ');
                value_put_type(out, child);
                duckdb_free(name);
        }
        buf_putc(out, ')');
}

static void put_enum_type(struct buf *out, duckdb_logical_type type)
{
        buf_puts(out, "ENUM(");
        uint32_t n = duckdb_enum_dictionary_size(type);
        for (uint32_t i = 0; i < n; i++) {
                char *text = duckdb_enum_dictionary_value(type, i);
                if (i)
                        buf_puts(out, ", ");
                put_quoted(out, text ? text : "", '\'');
                duckdb_free(text);
        }
        buf_putc(out, ')');
}

static void put_map_type(struct buf *out, duckdb_logical_type type)
{
        _cleanup_type_ duckdb_logical_type key = duckdb_map_type_key_type(type);
        _cleanup_type_ duckdb_logical_type value = duckdb_map_type_value_type(type);
        buf_puts(out, "MAP(");
        value_put_type(out, key);
        buf_puts(out, ", ");
        value_put_type(out, value);
        buf_putc(out, ')');
}

void value_put_type(struct buf *out, duckdb_logical_type type)
{
        duckdb_type id = duckdb_get_type_id(type);
        const char *name = simple_name(id);
        _cleanup_type_ duckdb_logical_type child = NULL;
        switch (id) {
        case DUCKDB_TYPE_DECIMAL:
                buf_printf(out, "DECIMAL(%d,%d)", duckdb_decimal_width(type),
                           duckdb_decimal_scale(type));
                break;
        case DUCKDB_TYPE_LIST:
                child = duckdb_list_type_child_type(type);
                value_put_type(out, child);
                buf_puts(out, "[]");
                break;
        case DUCKDB_TYPE_ARRAY:
                child = duckdb_array_type_child_type(type);
                value_put_type(out, child);
                buf_printf(out, "[%llu]", (unsigned long long)duckdb_array_type_array_size(type));
                break;
        case DUCKDB_TYPE_STRUCT:
                put_struct_type(out, type);
                break;
        case DUCKDB_TYPE_MAP:
                put_map_type(out, type);
                break;
        case DUCKDB_TYPE_ENUM:
                put_enum_type(out, type);
                break;
        default:
                buf_puts(out, name ? name : "UNKNOWN");
                break;
        }
}

/* Calls each on the types directly inside; true when it is for any of them. */
static bool any_child(duckdb_logical_type type, bool (*each)(duckdb_logical_type type))
{
        _cleanup_type_ duckdb_logical_type child = NULL;
        _cleanup_type_ duckdb_logical_type second = NULL;
        switch (duckdb_get_type_id(type)) {
        case DUCKDB_TYPE_LIST:
                child = duckdb_list_type_child_type(type);
                return each(child);
        case DUCKDB_TYPE_ARRAY:
                child = duckdb_array_type_child_type(type);
                return each(child);
        case DUCKDB_TYPE_MAP:
                child = duckdb_map_type_key_type(type);
                second = duckdb_map_type_value_type(type);
                return each(child) || each(second);
        case DUCKDB_TYPE_STRUCT:
                for (idx_t i = 0; i < duckdb_struct_type_child_count(type); i++) {
                        _cleanup_type_ duckdb_logical_type member =
                                duckdb_struct_type_child_type(type, i);
                        if (each(member))
                                return true;
                }
                return false;
        default:
                return false;
        }
}

static bool is_unsupported(duckdb_logical_type type)
{
        return !value_is_supported(type);
}

bool value_is_supported(duckdb_logical_type type)
{
        duckdb_type id = duckdb_get_type_id(type);
        bool nested = id == DUCKDB_TYPE_LIST || id == DUCKDB_TYPE_ARRAY ||
                      id == DUCKDB_TYPE_STRUCT || id == DUCKDB_TYPE_MAP;
        bool plain = id == DUCKDB_TYPE_DECIMAL || id == DUCKDB_TYPE_ENUM || simple_name(id);
        return plain || (nested && !any_child(type, is_unsupported));
}

bool value_needs_canonical(duckdb_logical_type type)
{
        duckdb_type id = duckdb_get_type_id(type);
        return id == DUCKDB_TYPE_STRUCT || id == DUCKDB_TYPE_FLOAT || id == DUCKDB_TYPE_DOUBLE ||
               any_child(type, value_needs_canonical);
}

bool value_has_interval(duckdb_logical_type type)
{
        return duckdb_get_type_id(type) == DUCKDB_TYPE_INTERVAL ||
               any_child(type, value_has_interval);
}
