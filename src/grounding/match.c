#include "grounding/match.h"

#include "base/cleanup.h"

#include <math.h>
#include <string.h>

#define COMPUTED_UNITS_MAX                                                                         \
        2e18L          /* half units: beyond 18 digits a long double tells nothing apart */
#define HITS_MAX 20000 /* cells of one value that are looked at */

bool target_takes(struct target *target, long double x, bool loosely, const char *how,
                  const struct fact_place *place)
{
        long double slack = target->half * 1e-9L + fabsl(x) * 1e-18L;
        bool takes = fabsl(x - target->value) <= target->half + slack ||
                     (loosely && x >= target->low - slack && x <= target->high + slack);
        if (!takes || !isfinite(x) || fabsl(target->value) > target->half * COMPUTED_UNITS_MAX)
                return false;
        *target->match = (struct match){.how = how,
                                        .place = *place,
                                        .has_table = true,
                                        .has_column = true,
                                        .has_row = place->origin == FACT_CELL};
        return true;
}

/* How far "about 1,200" and "over 1,200" reach: by the last place that is not zero, 100, and no
 * further than a part of the value. */
static void set_reach(struct target *target)
{
        decimal_units units = target->decimal.units;
        int exponent = target->decimal.exponent;
        long double size = fabsl(target->value);
        for (; units != 0 && units % 10 == 0; units /= 10)
                exponent++;
        long double unit = units ? decimal_power(exponent) : 0;
        long double near = fminl(unit / 2, size / 20);
        long double far = fminl(unit, size / 10);
        enum mention_hedge hedge = target->mention->hedge;
        bool up = (hedge == HEDGE_OVER) == (target->value >= 0);
        target->low = target->high = target->value;
        if (hedge == HEDGE_ABOUT) {
                target->low -= near;
                target->high += near;
        } else if (hedge != HEDGE_NONE && up) {
                target->high += far;
        } else if (hedge != HEDGE_NONE) {
                target->low -= far;
        }
}

static struct target target_of(const struct context *context, const struct mention *mention,
                               const struct decimal *decimal, struct match *match)
{
        struct target target = {.context = context,
                                .mention = mention,
                                .decimal = *decimal,
                                .value = decimal_value(decimal),
                                .half = decimal_power(decimal->exponent) / 2,
                                .match = match};
        set_reach(&target);
        return target;
}

/* Cells. */

/* Where the sentence names rows, others do not count: unless what stands between the last name and
 * the number leads away from it. */
static bool is_row_allowed(const struct target *target, const struct fact_cell *cell)
{
        const struct context *context = target->context;
        const struct context_table *table = &context->tables[cell->place.table];
        const struct fact_column *column =
                &context->facts->tables[cell->place.table].columns[cell->place.column];
        if (!table->any || column->id || table->allowed[cell->place.row] ||
            (context->nearer & CUE_OTHER))
                return true;
        return (context->nearer & CUE_EXTREME) &&
               (cell->value == column->min || cell->value == column->max);
}

/* Whether such a number can be of that column at all. */
static bool is_column_fit(const struct target *target, const struct fact_column *column)
{
        const struct mention *mention = target->mention;
        if (mention->times)
                return false;
        if (!column->id)
                return true;
        return !mention->currency && !mention->percent && mention->hedge == HEDGE_NONE &&
               (mention->rank || mention->plain || target->context->is_table ||
                context_names(target->context, column->name));
}

enum precision { PRECISION_EXACT, PRECISION_ROUNDED, PRECISION_LOOSE };

static bool is_cell(const struct target *target, const struct decimal *wanted,
                    const struct fact_cell *cell, enum precision precision, bool turned)
{
        struct decimal value = cell->decimal;
        if (turned)
                value.units = -value.units;
        long double x = turned ? -cell->value : cell->value;
        switch (precision) {
        case PRECISION_EXACT:
                return decimal_equal(&value, wanted);
        case PRECISION_ROUNDED:
                return decimal_rounds_to(&value, wanted);
        case PRECISION_LOOSE:
        default:
                return x >= target->low && x <= target->high;
        }
}

/* The cells around `value`; with `turned`, around -value: "fell by 5" may be a cell of -5. As a
 * percentage the number is compared with percentages; with `hundredths`, 0.12 of it with fractions.
 */
static bool find_cells(struct target *target, enum precision precision, bool hundredths,
                       bool turned)
{
        const struct facts *facts = target->context->facts;
        struct decimal wanted = target->decimal;
        wanted.exponent -= hundredths ? 2 : 0;
        long double scale = hundredths ? 100 : 1;
        long double off = target->half / scale;
        long double value = target->value / scale;
        long double low = precision == PRECISION_LOOSE ? target->low : value - off;
        long double high = precision == PRECISION_LOOSE ? target->high : value + off;
        long double slack = fabsl(value) * 1e-15L + off * 1e-9L;
        size_t from = facts_first_cell(facts, (turned ? -high : low) - slack);
        long double end = (turned ? -low : high) + slack;
        for (size_t i = from; i < facts->n_cells && i < from + HITS_MAX; i++) {
                const struct fact_cell *cell = &facts->cells[i];
                const struct fact_column *column =
                        &facts->tables[cell->place.table].columns[cell->place.column];
                if (cell->value > end)
                        break;
                bool fits = !target->mention->percent ||
                            (hundredths ? column->fraction : column->percent);
                if (!fits || !is_cell(target, &wanted, cell, precision, turned) ||
                    !is_column_fit(target, column) || !is_row_allowed(target, cell))
                        continue;
                *target->match = (struct match){
                        .how = precision == PRECISION_EXACT && !turned ? "cell" : "rounded",
                        .place = cell->place,
                        .has_table = true,
                        .has_column = true,
                        .has_row = true};
                return true;
        }
        return false;
}

static bool match_cells(struct target *target)
{
        bool percent = target->mention->percent;
        bool turned = target->value > 0 && (target->context->cues & CUE_COMPARE);
        int last = target->mention->hedge == HEDGE_NONE ? PRECISION_ROUNDED : PRECISION_LOOSE;
        for (int precision = PRECISION_EXACT; precision <= last; precision++) {
                if (find_cells(target, (enum precision)precision, false, false))
                        return true;
                if (percent && precision < PRECISION_LOOSE &&
                    find_cells(target, (enum precision)precision, true, false))
                        return true;
                if (turned && find_cells(target, (enum precision)precision, false, true))
                        return true;
        }
        return false;
}

/* Counts, literals, words, dates. */

/* "#3" and "top 3": a place among the rows; "last 30 days" is none. */
static bool is_rank(const struct target *target)
{
        static const char *const words[] = {"top",      "first",     "last", "bottom",
                                            "other",    "remaining", "rank", "place",
                                            "position", "no",        NULL};
        static const char *const spans[] = {"minutes", "hours",  "days",  "day",
                                            "weeks",   "months", "years", NULL};
        const struct mention *mention = target->mention;
        const struct tokens *tokens = target->context->tokens;
        return mention->rank || (target->half == 0.5L && mention->first > 0 &&
                                 tokens_is(tokens, mention->first - 1, words) &&
                                 !tokens_is(tokens, mention->last + 1, spans));
}

static bool match_rank(struct target *target)
{
        const struct facts *facts = target->context->facts;
        for (size_t t = 0; is_rank(target) && t < facts->n_tables; t++) {
                if (target->value < 1 || target->value > (long double)facts->tables[t].row_count)
                        continue;
                *target->match = (struct match){
                        .how = "row_count", .place = {.table = (uint32_t)t}, .has_table = true};
                return true;
        }
        return false;
}

static bool match_counts(struct target *target)
{
        const struct facts *facts = target->context->facts;
        const struct mention *mention = target->mention;
        if (mention->percent || mention->currency || mention->times)
                return false;
        for (size_t t = 0; t < facts->n_tables; t++) {
                const struct fact_table *table = &facts->tables[t];
                const struct fact_place place = {.origin = FACT_COLUMN, .table = (uint32_t)t};
                if (target_takes(target, (long double)table->row_count, true, "row_count",
                                 &place)) {
                        *target->match = (struct match){
                                .how = "row_count", .place = place, .has_table = true};
                        return true;
                }
        }
        for (size_t t = 0; t < facts->n_tables; t++) {
                const struct fact_table *table = &facts->tables[t];
                for (size_t c = 0; table->whole && c < table->n_columns; c++) {
                        const struct fact_column *column = &table->columns[c];
                        const struct fact_place place = {
                                .origin = FACT_COLUMN, .table = (uint32_t)t, .column = (uint32_t)c};
                        if ((column->n == 0 || column->id) && column->distinct > 0 &&
                            target_takes(target, (long double)column->distinct, false, "distinct",
                                         &place))
                                return true;
                }
        }
        return false;
}

static void note_origin(struct match *match, const struct fact_place *place)
{
        static const char *const how[] = {[FACT_CELL] = "text",
                                          [FACT_COLUMN] = "text",
                                          [FACT_QUERY] = "query",
                                          [FACT_QUESTION] = "question"};
        *match = (struct match){.how = how[place->origin],
                                .place = *place,
                                .has_table = place->origin != FACT_QUESTION,
                                .has_column = place->origin <= FACT_COLUMN,
                                .has_row = place->origin == FACT_CELL};
}

/* Exactly, or 0.2 as 20 %. */
static bool match_literals(struct target *target)
{
        const struct facts *facts = target->context->facts;
        struct decimal hundredths = target->decimal;
        hundredths.exponent -= 2;
        for (size_t i = 0; i < facts->n_literals; i++) {
                const struct fact_literal *literal = &facts->literals[i];
                if (decimal_equal(&literal->value, &target->decimal) ||
                    (target->mention->percent && decimal_equal(&literal->value, &hundredths))) {
                        note_origin(target->match, &literal->place);
                        return true;
                }
        }
        return false;
}

static bool match_gram(const struct context *context, size_t first, size_t last,
                       struct match *match)
{
        uint64_t chain = 0;
        if (last >= context->tokens->n)
                return false;
        for (size_t i = first; i <= last; i++)
                chain = token_chain(chain, &context->tokens->items[i]);
        const struct fact_gram *gram = facts_find_gram(context->facts, chain);
        if (gram)
                note_origin(match, &gram->place);
        return gram;
}

/* Longer names than are kept as one are found piece by piece. */
static bool match_name(const struct context *context, const struct mention *mention,
                       struct match *match)
{
        size_t n = mention->last - mention->first + 1;
        if (n <= FACT_GRAM_TOKENS_MAX)
                return match_gram(context, mention->first, mention->last, match);
        for (size_t i = mention->first; i + FACT_GRAM_TOKENS_MAX - 1 <= mention->last; i++) {
                bool digit = false;
                for (size_t k = i; k < i + FACT_GRAM_TOKENS_MAX; k++)
                        digit |= context->tokens->items[k].digit;
                if (digit && !match_gram(context, i, i + FACT_GRAM_TOKENS_MAX - 1, match)) {
                        *match = (struct match){0};
                        return false;
                }
        }
        return true;
}

/* A number among the words of a text cell, beside one of them: Wireless 27" Monitor. */
static bool match_words(const struct context *context, const struct mention *mention,
                        struct match *match)
{
        const struct token *tokens = context->tokens->items;
        if (mention->currency || mention->percent || mention->spelled)
                return false;
        bool before = mention->first > 0 &&
                      tokens[mention->first - 1].sentence == tokens[mention->first].sentence;
        bool behind = mention->last + 1 < context->tokens->n &&
                      tokens[mention->last + 1].sentence == tokens[mention->last].sentence;
        return match_name(context, mention, match) ||
               (before && match_gram(context, mention->first - 1, mention->last, match)) ||
               (behind && match_gram(context, mention->first, mention->last + 1, match));
}

static bool match_date(const struct context *context, const struct date *date,
                       const struct date *other, struct match *match)
{
        const struct facts *facts = context->facts;
        for (size_t i = 0; i < facts->n_dates; i++) {
                const struct fact_date *known = &facts->dates[i];
                if (!date_fits(date, &known->date) && !date_fits(other, &known->date))
                        continue;
                note_origin(match, &known->place);
                if (known->place.origin == FACT_CELL)
                        match->how = "date";
                return true;
        }
        return false;
}

static bool match_year(const struct context *context, const struct mention *mention,
                       struct match *match)
{
        const struct date year = {.year = (int)mention->value.units};
        return mention->year && mention->value.exponent == 0 && mention->value.units > 0 &&
               match_date(context, &year, &year, match);
}

static bool match_number(const struct context *context, const struct mention *mention,
                         struct match *match)
{
        struct target target = target_of(context, mention, &mention->value, match);
        if (!isfinite(target.value))
                return false;
        if (match_rank(&target) || match_cells(&target) || match_counts(&target) ||
            match_literals(&target) || match_year(context, mention, match) ||
            match_units(&target) || match_sums(&target) || match_rows(&target) ||
            match_pairs(&target))
                return true;
        if (!mention->has_other)
                return false;
        target = target_of(context, mention, &mention->other, match);
        return find_cells(&target, PRECISION_EXACT, false, false) || match_sums(&target);
}

void match_find(const struct context *context, const struct mention *mention, struct match *ret)
{
        *ret = (struct match){0};
        bool found = mention->kind == MENTION_DATE
                             ? match_date(context, &mention->date, &mention->date_other, ret)
                     : mention->kind == MENTION_NAME ? match_name(context, mention, ret)
                                                     : match_words(context, mention, ret);
        if (!found && mention->readable)
                (void)match_number(context, mention, ret);
}
