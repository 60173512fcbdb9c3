#include "plan/model.h"

#include <string.h>

const char *const func_words[] = {"count", "count_distinct", "sum",    "avg", "min",
                                  "max",   "median",         "stddev", NULL};

const char *const filter_op_words[] = {
        "=",       "!=",       "<",          "<=",       ">",       ">=",          "in",   "not_in",
        "between", "contains", "startswith", "endswith", "is_null", "is_not_null", "last", NULL};

static const char *const unit_words[] = {"second",      "minute",      "hour",    "day",
                                         "week",        "month",       "quarter", "year",
                                         "day_of_week", "day_of_year", NULL};

/* 1-based position of word in the list, 0 when it is not there: the enums start with NONE. */
static int word_find(const char *const *words, const char *word)
{
        for (int i = 0; words[i]; i++)
                if (strcmp(words[i], word) == 0)
                        return i + 1;
        return 0;
}

enum plan_func func_from_word(const char *word)
{
        return (enum plan_func)word_find(func_words, word);
}

const char *func_word(enum plan_func func)
{
        return func_words[func - 1];
}

enum filter_op filter_op_from_word(const char *word)
{
        return (enum filter_op)word_find(filter_op_words, word);
}

const char *filter_op_word(enum filter_op op)
{
        return filter_op_words[op - 1];
}

enum plan_unit unit_from_word(const char *word)
{
        return (enum plan_unit)word_find(unit_words, word);
}

const char *unit_word(enum plan_unit unit)
{
        return unit_words[unit - 1];
}

/* What people and models write for a word of ours. */
static const struct {
        const char *said;
        const char *meant;
} synonyms[] = {
        {"==", "="},
        {"eq", "="},
        {"equals", "="},
        {"<>", "!="},
        {"ne", "!="},
        {"lt", "<"},
        {"lte", "<="},
        {"gt", ">"},
        {"gte", ">="},
        {"like", "contains"},
        {"ilike", "contains"},
        {"not in", "not_in"},
        {"null", "is_null"},
        {"not_null", "is_not_null"},
        {"average", "avg"},
        {"mean", "avg"},
        {"distinct_count", "count_distinct"},
        {"count distinct", "count_distinct"},
        {"std", "stddev"},
        {"plus", "add"},
        {"minus", "sub"},
        {"subtract", "sub"},
        {"multiply", "mul"},
        {"times", "mul"},
        {"divide", "div"},
        {"value", "literal"},
        {"dow", "day_of_week"},
        {"doy", "day_of_year"},
        {"where", "filters"},
        {"columns", "select"},
        {"sort", "order_by"},
        {"order", "direction"},
        {"dataset", "dataset_id"},
        {"from", "table"},
};

const char *word_meant(const char *said)
{
        for (size_t i = 0; i < ARRAY_SIZE(synonyms); i++)
                if (strcmp(synonyms[i].said, said) == 0)
                        return synonyms[i].meant;
        return NULL;
}
