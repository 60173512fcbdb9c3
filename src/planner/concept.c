#include "planner/concept.h"

#include "base/cleanup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const struct column_facts *concept_column(const struct concepts *concepts, struct colref ref)
{
        return &concepts->tables[ref.table].columns[ref.column];
}

bool refs_meet(const struct refs *a, const struct refs *b)
{
        for (size_t i = 0; i < a->n; i++)
                for (size_t k = 0; k < b->n; k++)
                        if (a->at[i].table == b->at[k].table && a->at[i].column == b->at[k].column)
                                return true;
        return false;
}

void refs_add(struct refs *refs, int table, int column)
{
        for (size_t i = 0; i < refs->n; i++)
                if (refs->at[i].table == table && refs->at[i].column == column)
                        return;
        if (refs->n < REFS_MAX)
                refs->at[refs->n++] = (struct colref){.table = table, .column = column};
}

const char *concept_name(const struct concepts *concepts, int base, struct colref ref)
{
        const struct table *table = &concepts->dataset->tables[ref.table];
        const char *name = table->columns[ref.column].name;
        return ref.table == base ? name
                                 : arena_printf(concepts->arena, "%s.%s", table->name, name);
}

static bool is_one_of(const char *word, const char *const *list)
{
        for (; *list; list++)
                if (strcmp(word, *list) == 0)
                        return true;
        return false;
}

/* Words at the end of a column's name that say its unit and nothing else. */
static const char *const units[] = {
        "c",   "f",    "k",    "pct", "percent", "usd", "eur",  "gbp",  "chf", "hpa",  "kpa", "kg",
        "g",   "mg",   "lb",   "lbs", "km",      "m",   "cm",   "mm",   "s",   "sec",  "secs", "ms",
        "min", "mins", "h",    "hr",  "hrs",     "mb",  "gb",   "kb",   "kw",  "kwh",  "mw",  "mwh",
        "gw",  "w",    "v",    "a",   "hz",      "bn",  "mn",   "mio",  "mln", "ltr",  "l",   "ml",
        "db",  "ppm",  "ug",   "km2", "m2",      "sqm", "sqft", "sqkm", "mph", "kmh",  "in",  "ft",
        "usdm", "hours", "minutes", "seconds", "dollars", "euros", "celsius", NULL};

/* Words that only say what kind of column it is. */
static const char *const fillers[] = {"flag", "ind", "indicator", "yn", "is", "has", "was", NULL};

static const char *const id_words[] = {"id", "no", "number", "code", "nr", "num", "key", "uuid",
                                       NULL};

static const char *const added[] = {
        "amount",   "quantity", "revenue", "sales",     "cost",     "costs",    "total",   "spend",
        "charge",   "charges",  "units",   "count",     "profit",   "income",   "expense", "expenses",
        "volume",   "visits",   "goals",   "points",    "votes",    "downloads", "clicks", "calls",
        "orders",   "views",    "payment", "payments",  "budget",   "gross",    "loans",   "days",
        "rain",     "rainfall", "precipitation", "snow", "snowfall", "energy",  "consumption",
        "generation", "production", "deaths", "cases",  "births",   "population", "minutes", "qty",
        "messages", "absences", "copies",  "stock",     "seats",    "passengers", "box",   NULL};

static const char *const averaged[] = {
        "price",    "prices",   "rate",      "rating", "score",      "age",      "temperature",
        "temp",     "humidity", "pressure",  "speed",  "percent",    "pct",      "percentage",
        "ratio",    "share",    "density",   "height", "weight",     "mpg",      "latitude",
        "longitude", "level",   "tenure",    "fare",   "discount",   "salary",   "wind",
        "vibration", "duration", "length",   "runtime", "experience", "expectancy", "index",
        "battery",  "bmi",      "grade",     "gpa",    "stars",      "horsepower", "hp",
        "acceleration", "satisfaction", "bonus", NULL};

static const char *const yes_words[] = {"yes", "y", "true", "t", NULL};
static const char *const no_words[] = {"no", "n", "false", "f", NULL};

static void set_nature(struct column_facts *facts, const char *const *words, size_t n)
{
        facts->nature = NATURE_UNKNOWN;
        for (size_t i = n; i > 0 && facts->nature == NATURE_UNKNOWN; i--) {
                if (is_one_of(words[i - 1], averaged))
                        facts->nature = NATURE_AVERAGED;
                else if (is_one_of(words[i - 1], added))
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
                if (is_one_of(folded, yes_words))
                        facts->yes = values->values[i];
                if (is_one_of(folded, no_words))
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
        bool is_id = n >= 1 && is_one_of(words[n - 1], id_words) &&
                     (strcmp(words[n - 1], "code") != 0 || facts->is_unique);
        if (is_id && facts->column->kind != COLUMN_DECIMAL && facts->column->kind != COLUMN_FLOAT) {
                facts->is_id = true;
                if (n >= 2)
                        facts->entity_said = words[n - 2];
        }
}

static void set_type_facts(struct column_facts *facts, const struct table_facts *table)
{
        const struct column_values *values = facts->values;
        enum column_kind kind = facts->column->kind;
        facts->is_moment = kind == COLUMN_DATE || kind == COLUMN_TIMESTAMP;
        facts->n_distinct = values ? values->n_distinct : -1;
        facts->is_unique = values && table->n_rows > 1 && values->n_nulls == 0 &&
                           values->n_distinct == table->n_rows;
        facts->is_number =
                kind == COLUMN_INTEGER || kind == COLUMN_DECIMAL || kind == COLUMN_FLOAT;
        set_flag(facts);
}

static bool word_is(const struct column_facts *facts, const char *word)
{
        for (size_t i = 0; i < facts->n_words; i++)
                if (strcmp(facts->words[i], word) == 0)
                        return true;
        return false;
}

/* After the name is known. */
static void set_name_facts(struct column_facts *facts, const struct table_facts *table,
                           const char *const *words, size_t n)
{
        const struct column_values *values = facts->values;
        enum column_kind kind = facts->column->kind;
        set_entity(facts, words, n);
        set_nature(facts, words, n);
        facts->is_year = kind == COLUMN_INTEGER && word_is(facts, "year") &&
                         (!values || (in_years(values->min) && in_years(values->max)));
        bool few = facts->n_distinct >= 0 && facts->n_distinct <= 60;
        bool repeats = !values || table->n_rows < 0 || facts->n_distinct < 0 ||
                       facts->n_distinct * 2 <= table->n_rows;
        facts->is_dimension = (kind == COLUMN_TEXT && repeats) || kind == COLUMN_BOOLEAN ||
                              facts->is_flag || facts->is_year || facts->is_id ||
                              (kind == COLUMN_INTEGER && few && facts->nature == NATURE_UNKNOWN);
        if (facts->is_id || facts->is_year)
                facts->nature = NATURE_UNKNOWN;
}

static const char *stem(struct concepts *concepts, const char *word)
{
        const char *stemmed = stem_of(concepts->stemmer, word);
        if (!stemmed) {
                concepts->no_memory = true;
                return "";
        }
        return stemmed;
}

/* Words of the name without fillers; the unit's at the end, if any. */
static size_t split_name(struct concepts *concepts, const char *name, const char **words,
                         size_t *n_unit)
{
        const char *all[PHRASE_WORDS_MAX];
        size_t bracketed;
        size_t n_all = name_words(concepts->arena, name, all, PHRASE_WORDS_MAX, &bracketed);
        size_t n = 0;
        for (size_t i = 0; i < n_all; i++)
                if (n_all == 1 || !is_one_of(all[i], fillers))
                        words[n++] = all[i];
        if (n == 0 && n_all > 0)
                words[n++] = all[0];
        if (bracketed >= n)
                bracketed = 0;
        while (bracketed == 0 && *n_unit + 1 < n && is_one_of(words[n - 1 - *n_unit], units))
                (*n_unit)++;
        if (bracketed > 0)
                *n_unit = bracketed;
        return n;
}

static struct phrase *add_phrase(struct concepts *concepts, enum phrase_kind kind, int index,
                                 double cost)
{
        static struct phrase beyond;
        if (concepts->n_phrases >= concepts->phrases_max) {
                concepts->no_memory = true;
                return &beyond;
        }
        struct phrase *phrase = &concepts->phrases[concepts->n_phrases++];
        phrase->kind = kind;
        phrase->index = index;
        phrase->cost = cost;
        return phrase;
}

/* A name as people write it: folded, stemmed. */
static void add_text(struct concepts *concepts, const char *text, enum phrase_kind kind, int index,
                     const struct colref *ref, double cost)
{
        char folded[512];
        char *save = NULL;
        struct phrase *phrase = add_phrase(concepts, kind, index, cost);
        (void)fold_text(text, folded, sizeof(folded));
        phrase->n_stems = 0;
        for (char *word = strtok_r(folded, " ", &save); word && phrase->n_stems < PHRASE_WORDS_MAX;
             word = strtok_r(NULL, " ", &save))
                phrase->stems[phrase->n_stems++] = stem(concepts, word);
        if (ref)
                refs_add(&phrase->refs, ref->table, ref->column);
}

static void add_words(struct concepts *concepts, const struct words *words, enum phrase_kind kind,
                      int index, const struct colref *ref)
{
        for (size_t i = 0; i < words->n; i++)
                add_text(concepts, words->items[i], kind, index, ref, 0);
}

/* "km/h" says that it is a speed. The word may be said, and need not. */
static void add_measured(struct concepts *concepts, struct column_facts *facts)
{
        static const char *const measured[][2] = {
                {"km/h", "speed"}, {"mph", "speed"},  {"m/s", "speed"},       {"kmh", "speed"},
                {"°C", "temperature"}, {"°F", "temperature"}, {"kg", "weight"}, {"GB", "usage"},
                {"kWh", "usage"},  {"mm", "amount"},  {"km²", "size"},        {"_gb", "usage"}};
        for (size_t i = 0; i < ARRAY_SIZE(measured); i++) {
                if (!strstr(facts->column->name, measured[i][0]) ||
                    facts->n_words >= PHRASE_WORDS_MAX)
                        continue;
                facts->words[facts->n_words++] = stem(concepts, measured[i][1]);
                facts->n_unit++;
                return;
        }
}

static void learn_column(struct concepts *concepts, int t, int c)
{
        struct table_facts *table = &concepts->tables[t];
        struct column_facts *facts = &table->columns[c];
        const struct colref ref = {.table = t, .column = c};
        const char *words[PHRASE_WORDS_MAX];
        facts->column = &table->table->columns[c];
        if (concepts->values)
                facts->values = &concepts->values->tables[t].columns[c];
        set_type_facts(facts, table);
        size_t n = split_name(concepts, facts->column->name, words, &facts->n_unit);
        facts->n_words = n;
        for (size_t i = 0; i < n; i++)
                facts->words[i] = stem(concepts, words[i]);
        set_name_facts(facts, table, words, n - facts->n_unit);
        add_words(concepts, &facts->column->synonyms, PHRASE_COLUMN, t, &ref);
        add_text(concepts, facts->column->name, PHRASE_COLUMN, t, &ref, 0);
        add_measured(concepts, facts);
        if (facts->entity_said) {
                facts->entity = stem(concepts, facts->entity_said);
                add_text(concepts, facts->entity_said, PHRASE_ENTITY, t, &ref, 0);
        }
}

static int find_named(const struct table_facts *facts, const char *name)
{
        return name ? table_find_column(facts->table, name) : -1;
}

/* The first column that no two rows share, ids before others. */
static int infer_key(const struct table_facts *facts)
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

static int infer_label(const struct table_facts *facts)
{
        int label = -1;
        for (size_t c = 0; c < facts->table->n_columns; c++) {
                const struct column_facts *column = &facts->columns[c];
                if (column->column->kind != COLUMN_TEXT || column->n_words == 0)
                        continue;
                bool named = false;
                for (size_t w = 0; w < column->n_words; w++)
                        named = named || is_one_of(column->words[w], label_words);
                bool repeats = column->n_distinct >= 0 && facts->n_rows > 0 &&
                               column->n_distinct * 2 < facts->n_rows;
                if (named && !repeats)
                        return (int)c;
                if (column->is_unique && label < 0)
                        label = (int)c;
        }
        return label;
}

static int infer_time(const struct table_facts *facts)
{
        int birth = -1;
        for (size_t c = 0; c < facts->table->n_columns; c++) {
                if (!facts->columns[c].is_moment)
                        continue;
                if (!word_is(&facts->columns[c], "birth"))
                        return (int)c;
                birth = (int)c;
        }
        return birth;
}

/* True when the table is called like the things that one of its columns identifies, several rows
 * each: a row of "sensors" is a reading. */
static bool names_other(struct concepts *concepts, const struct table_facts *facts)
{
        char folded[128];
        (void)fold_text(facts->table->name, folded, sizeof(folded));
        const char *name = stem(concepts, folded);
        for (size_t c = 0; c < facts->table->n_columns; c++) {
                const struct column_facts *column = &facts->columns[c];
                if (column->entity && !column->is_key && strcmp(column->entity, name) == 0)
                        return true;
        }
        return false;
}

static void learn_table(struct concepts *concepts, int t)
{
        struct table_facts *facts = &concepts->tables[t];
        const struct table *table = facts->table;
        for (size_t c = 0; c < table->n_columns; c++)
                learn_column(concepts, t, (int)c);
        facts->key = table->key ? find_named(facts, table->key) : infer_key(facts);
        facts->label = table->label ? find_named(facts, table->label) : infer_label(facts);
        facts->time = table->time ? find_named(facts, table->time) : infer_time(facts);
        facts->row = table->row;
        if (facts->key >= 0)
                facts->columns[facts->key].is_key = true;
        add_text(concepts, table->name, PHRASE_TABLE, t, NULL, names_other(concepts, facts) ? 0.6 : 0);
        add_words(concepts, &table->synonyms, PHRASE_TABLE, t, NULL);
        if (table->row)
                add_text(concepts, table->row, PHRASE_TABLE, t, NULL, 0);
        /* What the key identifies is what a row is. */
        if (facts->key >= 0 && facts->columns[facts->key].entity_said) {
                add_text(concepts, facts->columns[facts->key].entity_said, PHRASE_TABLE, t, NULL,
                         0);
                if (!facts->row)
                        facts->row = facts->columns[facts->key].entity_said;
        }
}

static void learn_vocabulary(struct concepts *concepts)
{
        const struct dataset *dataset = concepts->dataset;
        for (size_t i = 0; i < dataset->n_measures; i++) {
                const struct measure *measure = &dataset->measures[i];
                add_text(concepts, measure->name, PHRASE_MEASURE, (int)i, NULL, 0);
                add_words(concepts, &measure->synonyms, PHRASE_MEASURE, (int)i, NULL);
        }
        for (size_t i = 0; i < dataset->n_segments; i++) {
                const struct segment *segment = &dataset->segments[i];
                add_text(concepts, segment->name, PHRASE_SEGMENT, (int)i, NULL, 0);
                add_words(concepts, &segment->synonyms, PHRASE_SEGMENT, (int)i, NULL);
        }
}

static bool same_stems(const struct phrase *a, const struct phrase *b)
{
        if (a->n_stems != b->n_stems)
                return false;
        for (size_t i = 0; i < a->n_stems; i++)
                if (strcmp(a->stems[i], b->stems[i]) != 0)
                        return false;
        return true;
}

/* True when the table has a column that is called like the thing itself. */
static bool has_named_column(const struct concepts *concepts, const struct phrase *entity)
{
        const struct table_facts *table = &concepts->tables[entity->refs.at[0].table];
        for (size_t c = 0; c < table->table->n_columns && entity->n_stems == 1; c++) {
                const struct column_facts *facts = &table->columns[c];
                if ((int)c != entity->refs.at[0].column && facts->n_words == 1 &&
                    strcmp(facts->words[0], entity->stems[0]) == 0)
                        return true;
        }
        return false;
}

/* "Products" are the rows of the table of products before they are the numbers that other tables
 * have for them. */
static void prefer_tables(struct concepts *concepts)
{
        for (size_t e = 0; e < concepts->n_phrases; e++) {
                struct phrase *entity = &concepts->phrases[e];
                if (entity->kind != PHRASE_ENTITY)
                        continue;
                if (has_named_column(concepts, entity))
                        entity->cost += 0.4; /* "manager" beside "manager_id" */
                for (size_t t = 0; t < concepts->n_phrases; t++) {
                        const struct phrase *table = &concepts->phrases[t];
                        if (table->kind == PHRASE_TABLE && table->cost == 0 &&
                            same_stems(entity, table)) {
                                entity->cost += 0.5;
                                break;
                        }
                }
        }
}

static size_t count_phrases(const struct dataset *dataset)
{
        size_t n = 0;
        for (size_t t = 0; t < dataset->n_tables; t++) {
                const struct table *table = &dataset->tables[t];
                n += 3 + table->synonyms.n;
                for (size_t c = 0; c < table->n_columns; c++)
                        n += 2 + table->columns[c].synonyms.n;
        }
        for (size_t i = 0; i < dataset->n_measures; i++)
                n += 1 + dataset->measures[i].synonyms.n;
        for (size_t i = 0; i < dataset->n_segments; i++)
                n += 1 + dataset->segments[i].synonyms.n;
        return n;
}

int concepts_make(const struct dataset *dataset, const struct value_index *values,
                  struct arena *arena, struct stemmer *stemmer, struct concepts *ret,
                  struct error *err)
{
        struct concepts concepts = {
                .dataset = dataset, .values = values, .arena = arena, .stemmer = stemmer};
        concepts.phrases_max = count_phrases(dataset);
        concepts.phrases = arena_array(arena, concepts.phrases_max, sizeof(*concepts.phrases));
        concepts.tables = arena_array(arena, dataset->n_tables, sizeof(*concepts.tables));
        if (!concepts.phrases || !concepts.tables)
                return error_oom(err);
        for (size_t t = 0; t < dataset->n_tables; t++) {
                struct table_facts *facts = &concepts.tables[t];
                facts->table = &dataset->tables[t];
                facts->n_rows = values ? values->tables[t].n_rows : -1;
                facts->columns =
                        arena_array(arena, facts->table->n_columns, sizeof(*facts->columns));
                if (!facts->columns)
                        return error_oom(err);
                learn_table(&concepts, (int)t);
        }
        learn_vocabulary(&concepts);
        prefer_tables(&concepts);
        if (concepts.no_memory)
                return error_oom(err);
        *ret = concepts;
        return 0;
}
