/* Types of numbers under arithmetic. The engine works out DECIMAL(width,scale) by rules of its own,
 * and where a product needs more than 18 digits of factors that have fewer, it keeps 18 and fails
 * on larger values: this finds the products that need a wider first factor. */
#include "plan/query.h"

#include "base/json.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define WIDTH_MAX 38    /* digits of a DECIMAL */
#define WIDTH_NARROW 18 /* of one in 64 bits */
#define WIDTH_BIGINT 19 /* of a BIGINT as DECIMAL */
#define WIDTH_INTEGER 8 /* taken for a smaller integer: it has up to 10, but rarely */

struct type number_make(enum column_kind kind, int width, int scale)
{
        struct type type = {.state = TYPE_KNOWN, .kind = kind};
        type.width = width < WIDTH_MAX ? width : WIDTH_MAX;
        type.scale = scale;
        return type;
}

struct type number_of_column(const struct column *column)
{
        int width = WIDTH_NARROW;
        int scale = 3;
        if (column->kind == COLUMN_DECIMAL) {
                const char *at = strchr(column->type, '(');
                if (at)
                        (void)sscanf(at, "(%2d,%2d)", &width, &scale);
                return number_make(COLUMN_DECIMAL, width, scale);
        }
        if (column->kind == COLUMN_FLOAT)
                return number_make(COLUMN_FLOAT, 0, 0);
        static const char *const large[] = {"BIGINT", "UBIGINT", "HUGEINT", "UHUGEINT"};
        struct type type = number_make(COLUMN_INTEGER, WIDTH_INTEGER, 0);
        type.convert = true;
        for (size_t i = 0; i < ARRAY_SIZE(large); i++)
                if (strcasecmp(column->type, large[i]) == 0) {
                        type.width = WIDTH_BIGINT;
                        type.convert = false;
                }
        return type;
}

/* A literal with an exponent is a DOUBLE to the engine. */
struct type number_of_literal(const json_t *value)
{
        char digits[64];
        if (json_is_integer(value))
                return number_make(COLUMN_INTEGER,
                                   snprintf(digits, sizeof(digits), "%lld",
                                            (long long)json_integer_value(value)),
                                   0);
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, 64);
        json_put_double(&text, json_real_value(value));
        const char *dot = strchr(buf_text(&text), '.');
        if (strchr(buf_text(&text), 'e')) {
                struct type type = number_make(COLUMN_FLOAT, 0, 0);
                type.exact = true;
                return type;
        }
        return number_make(COLUMN_DECIMAL, (int)text.len, dot ? (int)strlen(dot + 1) : 0);
}

static bool is_exact(struct type type)
{
        return type.kind != COLUMN_FLOAT || type.exact;
}

/* The kind that both become. */
static struct type number_meet(struct type a, struct type b)
{
        enum column_kind kind = COLUMN_INTEGER;
        if (a.kind == COLUMN_FLOAT || b.kind == COLUMN_FLOAT)
                kind = COLUMN_FLOAT;
        else if (a.kind == COLUMN_DECIMAL || b.kind == COLUMN_DECIMAL)
                kind = COLUMN_DECIMAL;
        struct type type = number_make(kind, 0, 0);
        type.exact = is_exact(a) && is_exact(b);
        return type;
}

struct type number_sum(struct type a, struct type b)
{
        struct type sum = number_meet(a, b);
        int whole_a = a.width - a.scale;
        int whole_b = b.width - b.scale;
        int scale = a.scale > b.scale ? a.scale : b.scale;
        struct type sized =
                number_make(sum.kind, (whole_a > whole_b ? whole_a : whole_b) + scale + 1, scale);
        sized.exact = sum.exact;
        return sized;
}

/* More decimals than a DECIMAL has: the engine is asked for a DOUBLE. */
struct type number_product(struct type a, struct type b)
{
        struct type product = number_meet(a, b);
        if (product.kind == COLUMN_DECIMAL && a.scale + b.scale > WIDTH_MAX) {
                product.kind = COLUMN_FLOAT;
                return product;
        }
        struct type sized = number_make(product.kind, a.width + b.width, a.scale + b.scale);
        sized.exact = product.exact;
        return sized;
}

struct type number_quotient(struct type a, struct type b)
{
        struct type type = number_make(COLUMN_FLOAT, 0, 0);
        type.exact = is_exact(a) && is_exact(b);
        return type;
}

struct type number_rounded(struct type type, int digits)
{
        if (type.kind == COLUMN_FLOAT && type.exact && digits > 0)
                return number_make(COLUMN_DECIMAL, WIDTH_MAX, digits);
        if (type.kind == COLUMN_DECIMAL && digits < type.scale)
                type.scale = digits > 0 ? digits : 0;
        return type;
}

struct type number_aggregated(enum plan_func func, struct type type)
{
        bool exact = is_exact(type);
        enum column_kind kind = type.kind;
        if (func == FUNC_AVG || func == FUNC_MEDIAN || func == FUNC_STDDEV)
                kind = COLUMN_FLOAT;
        struct type result = number_make(kind, WIDTH_MAX, type.scale);
        result.exact = exact;
        return result;
}

enum number_cast number_cast_of_product(const struct query *q, const struct expr *expr)
{
        if (query_info(q, expr)->type.kind == COLUMN_INTEGER)
                return NUMBER_AS_IS;
        int width = 0;
        int scale = 0;
        for (size_t i = 0; i < expr->n_args; i++) {
                struct type type = query_info(q, expr->args[i])->type;
                if (type.kind == COLUMN_FLOAT)
                        return NUMBER_AS_IS;
                if (type.width > WIDTH_NARROW) /* wide enough from here on */
                        return scale + type.scale > WIDTH_MAX ? NUMBER_AS_DOUBLE : NUMBER_AS_IS;
                width += type.width;
                scale += type.scale;
        }
        if (scale > WIDTH_MAX)
                return NUMBER_AS_DOUBLE;
        return width > WIDTH_NARROW ? NUMBER_AS_WIDE : NUMBER_AS_IS;
}
