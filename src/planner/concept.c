#include "planner/concept.h"

#include "base/cleanup.h"
#include "planner/facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_BYTES_MAX 512 /* of a folded name; the rest is cut off */

#define COST_OTHERS_NAME 0.6  /* a table called like the things that its rows are about */
#define COST_NAMED_BESIDE 0.4 /* an id beside the name itself */
#define COST_TABLE_FIRST 0.5  /* an id of what another table's rows are */

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
        return ref.table == base ? name : arena_printf(concepts->arena, "%s.%s", table->name, name);
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

/* NULL when there is no room. */
static struct phrase *add_phrase(struct concepts *concepts, enum phrase_kind kind, int index,
                                 double cost)
{
        if (concepts->n_phrases >= concepts->phrases_max) {
                concepts->no_memory = true;
                return NULL;
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
        char folded[NAME_BYTES_MAX];
        char *save = NULL;
        struct phrase *phrase = add_phrase(concepts, kind, index, cost);
        if (!phrase)
                return;
        (void)fold_text(text, folded, sizeof(folded));
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
                {"km/h", "speed"},     {"mph", "speed"},      {"m/s", "speed"}, {"kmh", "speed"},
                {"°C", "temperature"}, {"°F", "temperature"}, {"kg", "weight"}, {"GB", "usage"},
                {"kWh", "usage"},      {"mm", "amount"},      {"km²", "size"},  {"_gb", "usage"}};
        for (size_t i = 0; i < ARRAY_SIZE(measured); i++) {
                if (!strstr(facts->column->name, measured[i][0]) ||
                    facts->n_words >= PHRASE_WORDS_MAX)
                        continue;
                facts->words[facts->n_words++] = stem(concepts, measured[i][1]);
                facts->n_unit++;
                return;
        }
}

/* Its values, or those that the schema lists. */
static void fold_values(struct concepts *concepts, struct column_facts *facts)
{
        bool indexed = facts->values && facts->values->n_values > 0;
        facts->n_texts = indexed ? facts->values->n_values : facts->column->n_values;
        facts->texts = value_texts_make(concepts->arena,
                                        indexed ? facts->values->values
                                                : (const char *const *)facts->column->values,
                                        facts->n_texts);
        if (!facts->texts) {
                facts->n_texts = 0;
                concepts->no_memory = true;
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
        fold_values(concepts, facts);
        facts_learn_type(facts, table);
        size_t n = facts_split_name(concepts->arena, facts->column->name, words, &facts->n_unit);
        facts->n_words = n;
        for (size_t i = 0; i < n; i++)
                facts->words[i] = stem(concepts, words[i]);
        facts_learn_name(facts, table, words, n - facts->n_unit);
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

/* True when the table is called like the things that one of its columns identifies, several rows
 * each: a row of "sensors" is a reading. */
static bool names_other(struct concepts *concepts, const struct table_facts *facts)
{
        char folded[NAME_BYTES_MAX];
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
        facts->key = table->key ? find_named(facts, table->key) : facts_infer_key(facts);
        facts->label = table->label ? find_named(facts, table->label) : facts_infer_label(facts);
        facts->time = table->time ? find_named(facts, table->time) : facts_infer_time(facts);
        facts->row = table->row;
        if (facts->key >= 0)
                facts->columns[facts->key].is_key = true;
        add_text(concepts, table->name, PHRASE_TABLE, t, NULL,
                 names_other(concepts, facts) ? COST_OTHERS_NAME : 0);
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
                        entity->cost += COST_NAMED_BESIDE; /* "manager" beside "manager_id" */
                for (size_t t = 0; t < concepts->n_phrases; t++) {
                        const struct phrase *table = &concepts->phrases[t];
                        if (table->kind == PHRASE_TABLE && table->cost == 0 &&
                            same_stems(entity, table)) {
                                entity->cost += COST_TABLE_FIRST;
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
