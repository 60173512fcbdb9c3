#include "planner/facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIMENSION_VALUES_MAX 60 /* numbers with few values are something to group by */

/* Words at the end of a column's name that say its unit and nothing else. */
static const char *const units[] = {
        "c",    "f",     "k",       "pct",     "percent", "usd",   "eur",     "gbp", "chf", "hpa",
        "kpa",  "kg",    "g",       "mg",      "lb",      "lbs",   "km",      "m",   "cm",  "mm",
        "s",    "sec",   "secs",    "ms",      "min",     "mins",  "h",       "hr",  "hrs", "mb",
        "gb",   "kb",    "kw",      "kwh",     "mw",      "mwh",   "gw",      "w",   "v",   "a",
        "hz",   "bn",    "mn",      "mio",     "mln",     "ltr",   "l",       "ml",  "db",  "ppm",
        "ug",   "km2",   "m2",      "sqm",     "sqft",    "sqkm",  "mph",     "kmh", "in",  "ft",
        "usdm", "hours", "minutes", "seconds", "dollars", "euros", "celsius", NULL};

/* Words that only say what kind of column it is. */
static const char *const fillers[] = {"flag", "ind", "indicator", "yn", "is", "has", "was", NULL};

static const char *const id_words[] = {"id",  "no",  "number", "code", "nr",
                                       "num", "key", "uuid",   NULL};

static const char *const added[] = {
        "amount",     "quantity",  "revenue",    "sales",       "cost",
        "costs",      "total",     "spend",      "charge",      "charges",
        "units",      "count",     "profit",     "income",      "expense",
        "expenses",   "volume",    "visits",     "goals",       "points",
        "votes",      "downloads", "clicks",     "calls",       "orders",
        "views",      "payment",   "payments",   "budget",      "gross",
        "loans",      "days",      "rain",       "rainfall",    "precipitation",
        "snow",       "snowfall",  "energy",     "consumption", "generation",
        "production", "deaths",    "cases",      "births",      "population",
        "minutes",    "qty",       "messages",   "absences",    "copies",
        "stock",      "seats",     "passengers", "box",         "sunshine",
        "overtime",   "wins",      "awards",     NULL};

static const char *const averaged[] = {
        "price",        "prices",       "rate",       "rating",     "score",      "age",
        "temperature",  "temp",         "humidity",   "pressure",   "speed",      "percent",
        "pct",          "percentage",   "ratio",      "share",      "density",    "height",
        "weight",       "mpg",          "latitude",   "longitude",  "level",      "tenure",
        "fare",         "discount",     "salary",     "wind",       "vibration",  "duration",
        "length",       "runtime",      "experience", "expectancy", "index",      "battery",
        "bmi",          "grade",        "gpa",        "stars",      "horsepower", "hp",
        "acceleration", "satisfaction", "bonus",      NULL};

static const char *const yes_words[] = {"yes", "y", "true", "t", NULL};
static const char *const no_words[] = {"no", "n", "false", "f", NULL};

static void set_nature(struct column_facts *facts, const char *const *words, size_t n)
{
        facts->nature = NATURE_UNKNOWN;
        for (size_t i = n; i > 0 && facts->nature == NATURE_UNKNOWN; i--) {
                if (word_among(words[i - 1], averaged))
                        facts->nature = NATURE_AVERAGED;
                else if (word_among(words[i - 1], added))
                        facts->nature = NATURE_ADDED;
        }
        const char *unit = facts->column->unit;
        if (unit && facts->nature == NATURE_UNKNOWN && strcmp(unit, "percent") == 0)
                facts->nature = NATURE_AVERAGED;
        if (unit && facts->nature == NATURE_UNKNOWN && strcmp(unit, "pieces") == 0)
                facts->nature = NATURE_ADDED;
}

static void set_flag(struct column_facts *facts)
{
        const struct column_values *values = facts->values;
        const struct column *column = facts->column;
        facts->is_flag = column->kind == COLUMN_BOOLEAN;
        if (!values)
                return;
        if (column->kind == COLUMN_INTEGER && values->min && values->max &&
            strcmp(values->min, "0") == 0 && strcmp(values->max, "1") == 0)
                facts->is_flag = true;
        if (column->kind != COLUMN_TEXT || !values->complete || values->n_values > 3)
                return;
        for (size_t i = 0; i < values->n_values; i++) {
                char folded[16];
                (void)fold_text(values->values[i], folded, sizeof(folded));
                if (word_among(folded, yes_words))
                        facts->yes = values->values[i];
                if (word_among(folded, no_words))
                        facts->no = values->values[i];
        }
        facts->is_flag = facts->yes && facts->no;
}

static bool in_years(const char *text)
{
        return text && strlen(text) == 4 && strcmp(text, "1500") >= 0 && strcmp(text, "2200") <= 0;
}

/* "customer_id" identifies a "customer"; so does what the owner says. */
static void set_entity(struct column_facts *facts, const char *const *words, size_t n)
{
        if (facts->column->entity) {
                facts->entity_said = facts->column->entity;
                facts->is_id = true;
                return;
        }
        bool is_id = n >= 1 && word_among(words[n - 1], id_words) &&
                     (strcmp(words[n - 1], "code") != 0 || facts->is_unique);
        if (is_id && facts->column->kind != COLUMN_DECIMAL && facts->column->kind != COLUMN_FLOAT) {
                facts->is_id = true;
                if (n >= 2)
                        facts->entity_said = words[n - 2];
        }
}

/* "04/25/2025" in every value: then it is a date, as text. */
static void set_text_date(struct column_facts *facts)
{
        const struct column_values *values = facts->values;
        bool month = false;
        bool day = false;
        if (facts->column->kind != COLUMN_TEXT || !values || values->n_values == 0)
                return;
        char sign = values->values[0][strcspn(values->values[0], "/.-")];
        for (size_t v = 0; v < values->n_values; v++) {
                const char *text = values->values[v];
                int parts[3];
                char signs[3] = "";
                int n = 0;
                if (strlen(text) != sizeof("25.04.2025") - 1 ||
                    sscanf(text, "%2d%1[/.-]%2d%1[/.-]%4d%n", &parts[0], signs, &parts[1],
                           signs + 1, &parts[2], &n) != 5 ||
                    n != (int)strlen(text) || signs[0] != sign || signs[1] != sign)
                        return;
                day = day || parts[0] > 12;
                month = month || parts[1] > 12;
        }
        facts->date_sign = sign;
        facts->text_date = day && month ? TEXT_DATE_NONE
                           : day        ? TEXT_DATE_DAY
                           : month      ? TEXT_DATE_MONTH
                                        : TEXT_DATE_YEAR;
}

void facts_learn_type(struct column_facts *facts, const struct table_facts *table)
{
        const struct column_values *values = facts->values;
        enum column_kind kind = facts->column->kind;
        facts->is_moment = kind == COLUMN_DATE || kind == COLUMN_TIMESTAMP;
        facts->n_distinct = values ? values->n_distinct : -1;
        facts->is_unique = values && table->n_rows > 1 && values->n_nulls == 0 &&
                           values->n_distinct == table->n_rows;
        facts->is_number = kind == COLUMN_INTEGER || kind == COLUMN_DECIMAL || kind == COLUMN_FLOAT;
        set_flag(facts);
        set_text_date(facts);
}

const char *facts_value_of_nothing(const struct column_facts *facts)
{
        static const char *const words[] = {"none", "None", "NONE", "No", "no", "N/A", "n/a", NULL};
        const struct column_values *values = facts->values;
        if (facts->column->kind != COLUMN_TEXT || facts->is_flag || !values || values->n_nulls > 0)
                return NULL;
        for (size_t v = 0; v < values->n_values; v++)
                if (word_among(values->values[v], words))
                        return values->values[v];
        return NULL;
}

static bool has_word(const struct column_facts *facts, const char *word)
{
        for (size_t i = 0; i < facts->n_words; i++)
                if (strcmp(facts->words[i], word) == 0)
                        return true;
        return false;
}

void facts_learn_name(struct column_facts *facts, const struct table_facts *table,
                      const char *const *words, size_t n)
{
        const struct column_values *values = facts->values;
        enum column_kind kind = facts->column->kind;
        set_entity(facts, words, n);
        set_nature(facts, words, n);
        facts->is_year = kind == COLUMN_INTEGER && has_word(facts, "year") &&
                         (!values || (in_years(values->min) && in_years(values->max)));
        bool few = facts->n_distinct >= 0 && facts->n_distinct <= DIMENSION_VALUES_MAX;
        bool repeats = !values || table->n_rows < 0 || facts->n_distinct < 0 ||
                       facts->n_distinct * 2 <= table->n_rows;
        facts->is_dimension = (kind == COLUMN_TEXT && repeats) || kind == COLUMN_BOOLEAN ||
                              facts->is_flag || facts->is_year || facts->is_id ||
                              (kind == COLUMN_INTEGER && few && facts->nature == NATURE_UNKNOWN);
        if (facts->is_id || facts->is_year)
                facts->nature = NATURE_UNKNOWN;
}

size_t facts_split_name(struct arena *arena, const char *name, const char **words, size_t *n_unit)
{
        const char *all[PHRASE_WORDS_MAX];
        size_t bracketed;
        size_t n_all = name_words(arena, name, all, PHRASE_WORDS_MAX, &bracketed);
        size_t n = 0;
        for (size_t i = 0; i < n_all; i++)
                if (n_all == 1 || !word_among(all[i], fillers))
                        words[n++] = all[i];
        if (n == 0 && n_all > 0)
                words[n++] = all[0];
        if (bracketed >= n)
                bracketed = 0;
        while (bracketed == 0 && *n_unit + 1 < n && word_among(words[n - 1 - *n_unit], units))
                (*n_unit)++;
        if (bracketed > 0)
                *n_unit = bracketed;
        return n;
}

int facts_infer_key(const struct table_facts *facts)
{
        int key = -1;
        for (size_t c = 0; c < facts->table->n_columns; c++) {
                const struct column_facts *column = &facts->columns[c];
                if (column->is_unique && column->is_id)
                        return (int)c;
                if (column->is_unique && key < 0 && c < 2 && column->column->kind == COLUMN_TEXT)
                        key = (int)c;
        }
        return key;
}

static const char *const label_words[] = {"name", "titl", "label", "model", "product", NULL};

int facts_infer_label(const struct table_facts *facts)
{
        int label = -1;
        for (size_t c = 0; c < facts->table->n_columns; c++) {
                const struct column_facts *column = &facts->columns[c];
                if (column->column->kind != COLUMN_TEXT || column->n_words == 0)
                        continue;
                bool named = false;
                for (size_t w = 0; w < column->n_words; w++)
                        named = named || word_among(column->words[w], label_words);
                bool repeats = column->n_distinct >= 0 && facts->n_rows > 0 &&
                               column->n_distinct * 2 < facts->n_rows;
                if (named && !repeats)
                        return (int)c;
                if (column->is_unique && label < 0)
                        label = (int)c;
        }
        return label;
}

int facts_infer_time(const struct table_facts *facts)
{
        int birth = -1;
        for (size_t c = 0; c < facts->table->n_columns; c++) {
                if (!facts->columns[c].is_moment)
                        continue;
                if (!has_word(&facts->columns[c], "birth"))
                        return (int)c;
                birth = (int)c;
        }
        return birth;
}
