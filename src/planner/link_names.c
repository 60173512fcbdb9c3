/* Names as they are written: of tables, columns, measures and segments. */
#include "planner/link.h"
#include "planner/link_costs.h"

#include "base/cleanup.h"

#include <string.h>
#include <strings.h>

#define COLUMNS_OF_A_WORD 6 /* a word that is in more names than that names none */

static bool same_columns(const struct atom *atom, const struct column *column,
                         const struct question *question)
{
        const struct concepts *concepts = question->concepts;
        for (size_t i = 0; i < atom->refs.n; i++) {
                const struct column_facts *facts = concept_column(concepts, atom->refs.at[i]);
                if (strcasecmp(facts->column->name, column->name) == 0)
                        return true;
        }
        return false;
}

/* The atom of the same kind over the same tokens for a column of the same name; columns of other
 * tables join it. */
struct atom *atom_find_column(struct question *question, enum atom_kind kind, size_t first,
                              size_t n, const struct column *column)
{
        for (size_t a = question->n_atoms; a > 0; a--) {
                struct atom *atom = &question->atoms[a - 1];
                if (atom->kind == kind && atom->first == first && atom->n == n &&
                    same_columns(atom, column, question))
                        return atom;
        }
        return NULL;
}

void atom_add_column(struct question *question, enum atom_kind kind, size_t first, size_t n,
                     int table, int column, double cost)
{
        const struct column *named = &question->concepts->dataset->tables[table].columns[column];
        struct atom *atom = atom_find_column(question, kind, first, n, named);
        if (!atom)
                atom = atom_add(question, kind, first, n, cost);
        if (cost < atom->cost)
                atom->cost = cost;
        refs_add(&atom->refs, table, column);
}

static void add_named(struct question *question, const struct phrase *phrase, size_t i, size_t n)
{
        static const enum atom_kind kinds[] = {
                [PHRASE_TABLE] = ATOM_TABLE,     [PHRASE_COLUMN] = ATOM_COLUMN,
                [PHRASE_ENTITY] = ATOM_ENTITY,   [PHRASE_MEASURE] = ATOM_MEASURE,
                [PHRASE_SEGMENT] = ATOM_SEGMENT,
        };
        double cost = COST_NAME + phrase->cost;
        if (phrase->kind == PHRASE_SEGMENT || phrase->kind == PHRASE_MEASURE)
                cost -= COST_OWNERS_WORD;
        if (phrase->kind == PHRASE_COLUMN || phrase->kind == PHRASE_ENTITY) {
                atom_add_column(question, kinds[phrase->kind], i, n, phrase->refs.at[0].table,
                                phrase->refs.at[0].column, cost);
                return;
        }
        for (size_t a = 0; a < question->n_atoms; a++) {
                const struct atom *atom = &question->atoms[a];
                if (atom->kind == kinds[phrase->kind] && atom->first == i && atom->n == n &&
                    atom->index == phrase->index)
                        return;
        }
        struct atom *atom = atom_add(question, kinds[phrase->kind], i, n, cost);
        atom->index = phrase->index;
        if (atom->is_verb && phrase->kind == PHRASE_TABLE)
                atom->cost += COST_VERB;
}

void phrases_link(struct question *question, size_t i, const char **stems, const size_t *ends,
                  size_t n, size_t least)
{
        const struct concepts *concepts = question->concepts;
        for (size_t p = 0; p < concepts->n_phrases; p++) {
                const struct phrase *phrase = &concepts->phrases[p];
                size_t k = 0;
                if (phrase->n_stems < least || phrase->n_stems > n)
                        continue;
                while (k < phrase->n_stems && strcmp(phrase->stems[k], stems[k]) == 0)
                        k++;
                if (k == phrase->n_stems)
                        add_named(question, phrase, i, ends[k - 1]);
        }
}

bool stem_is_filler(const char *stem)
{
        return strcmp(stem, "of") == 0 || strcmp(stem, "the") == 0 || strcmp(stem, "in") == 0 ||
               strcmp(stem, "a") == 0;
}

/* Words that are in many names and mean something else in a question. */
static bool names_rows(const struct question *question, size_t i)
{
        for (size_t a = 0; a < question->n_atoms; a++) {
                const struct atom *atom = &question->atoms[a];
                if (atom->kind == ATOM_TABLE && atom->first == i && atom->n == 1 &&
                    !atom->is_verb && atom->cost <= COST_NAME)
                        return true;
        }
        return false;
}

static bool is_too_common(const char *stem)
{
        static const char *const words[] = {"no",   "not",  "per", "by", "is",   "on",
                                            "at",   "to",   "and", "or", "with", "for",
                                            "from", "than", "up",  "as", "be",   "all"};
        for (size_t w = 0; w < ARRAY_SIZE(words); w++)
                if (strcmp(words[w], stem) == 0)
                        return true;
        return false;
}

/* How many of the column's words are said in the first n stems, all of which must be among them;
 * 0 when one is not. */
size_t column_words_said(const struct column_facts *facts, const char *const *stems, size_t n,
                         bool *with_last)
{
        size_t said = 0;
        bool used[PHRASE_WORDS_MAX] = {0};
        size_t n_name = facts->n_words - facts->n_unit;
        for (size_t s = 0; s < n; s++) {
                size_t w = 0;
                while (w < facts->n_words && (used[w] || strcmp(facts->words[w], stems[s]) != 0))
                        w++;
                if (w == facts->n_words) {
                        if (s > 0 && s + 1 < n && stem_is_filler(stems[s]))
                                continue;
                        return 0;
                }
                used[w] = true;
                if (w < n_name)
                        said++;
                if (w + 1 == n_name)
                        *with_last = true;
        }
        return said;
}

double column_cost(const struct column_facts *facts, size_t said, bool with_last)
{
        size_t n_name = facts->n_words - facts->n_unit;
        if (said == n_name)
                return COST_NAME;
        return COST_PART + COST_PART_MISSING * (double)(n_name - said) +
               (with_last ? 0 : COST_LAST_MISSING);
}

static bool is_plural(const struct question *question, size_t i)
{
        const char *text = question->tokens[i].text;
        size_t n = strlen(text);
        return question->tokens[i].kind == TOKEN_WORD && n > 3 && text[n - 1] == 's' &&
               text[n - 2] != 's';
}

static bool is_unit_word(const struct question *question, size_t i)
{
        static const char *const words[] = {"day",    "days",    "week",     "weeks",  "month",
                                            "months", "quarter", "quarters", "year",   "years",
                                            "hour",   "hours",   "minute",   "minutes"};
        for (size_t w = 0; w < ARRAY_SIZE(words); w++)
                if (strcmp(question->tokens[i].text, words[w]) == 0)
                        return true;
        return false;
}

/* The cost of taking n stems, that many tokens from i on, for the column, from that of its name. */
static double cost_of_words(const struct question *question, size_t i, size_t n, size_t tokens,
                            const struct column_facts *facts, double cost, bool with_last)
{
        const char *text = question->tokens[i].text;
        size_t length = strlen(text);
        if (!with_last && cost > COST_NAME && is_plural(question, i + tokens - 1))
                cost += COST_PLURAL;
        if (n == 1 && facts->is_flag && length > 4 && strcmp(text + length - 3, "ing") == 0)
                cost += COST_ONGOING;
        if (n == 1 && cost > COST_NAME && is_unit_word(question, i))
                cost += COST_UNIT;
        return cost;
}

struct part {
        int table, column;
        double cost;
};

/* Columns whose names hold all of the first n stems. */
void columns_link(struct question *question, size_t i, const char **stems, size_t n, size_t tokens)
{
        const struct concepts *concepts = question->concepts;
        struct part parts[64];
        size_t n_parts = 0;
        double best = 100;
        if (stem_is_filler(stems[0]) || stem_is_filler(stems[n - 1]) ||
            (n == 1 && is_too_common(stems[0])))
                return;
        for (size_t t = 0; t < concepts->dataset->n_tables; t++) {
                for (size_t c = 0; c < concepts->dataset->tables[t].n_columns; c++) {
                        bool with_last = false;
                        const struct column_facts *facts = &concepts->tables[t].columns[c];
                        size_t said = column_words_said(facts, stems, n, &with_last);
                        if (n == 1 && facts->entity && strcmp(stems[0], facts->entity) == 0)
                                continue; /* the thing, not its number */
                        if (said == 0 || n_parts == ARRAY_SIZE(parts))
                                continue;
                        double cost = cost_of_words(question, i, n, tokens, facts,
                                                    column_cost(facts, said, with_last), with_last);
                        if (n == 1 && cost > COST_NAME && names_rows(question, i))
                                cost += COST_ROWS_FIRST; /* "orders" are no order dates */
                        parts[n_parts++] = (struct part){(int)t, (int)c, cost};
                        best = cost < best ? cost : best;
                }
        }
        size_t near = 0;
        for (size_t p = 0; p < n_parts; p++)
                near += parts[p].cost <= best + NEAR;
        if (near > COLUMNS_OF_A_WORD * concepts->dataset->n_tables)
                return;
        for (size_t p = 0; p < n_parts; p++)
                if (parts[p].cost <= best + NEAR)
                        atom_add_column(question, ATOM_COLUMN, i, tokens, parts[p].table,
                                        parts[p].column,
                                        parts[p].cost + (question_owners_words(question, i, tokens)
                                                                 ? COST_OWNERS
                                                                 : 0));
}

static bool names_table(const struct question *question, size_t i)
{
        for (size_t a = 0; a < question->n_atoms; a++) {
                const struct atom *atom = &question->atoms[a];
                if (atom->kind == ATOM_TABLE && atom->first == i && atom->n == 1)
                        return true;
        }
        return false;
}

/* One word of a table's name of several: "homes" of home_sales. */
void tables_link(struct question *question, size_t i, const char *stem)
{
        const struct concepts *concepts = question->concepts;
        for (size_t t = 0; t < concepts->dataset->n_tables; t++) {
                const char *words[PHRASE_WORDS_MAX];
                size_t unit;
                size_t n = name_words(question->arena, concepts->dataset->tables[t].name, words,
                                      PHRASE_WORDS_MAX, &unit);
                for (size_t w = 0; n > 1 && w < n; w++) {
                        const char *of_name = stem_of(concepts->stemmer, words[w]);
                        if (of_name && strcmp(of_name, stem) == 0 && strlen(stem) > 2 &&
                            !names_table(question, i))
                                atom_add(question, ATOM_TABLE, i, 1, COST_TABLE_PART)->index =
                                        (int)t;
                }
        }
}
