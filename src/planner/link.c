/* From the question's words to what they may mean: names, values, numbers. */
#include "planner/atom.h"
#include "planner/link.h"

#include "base/cleanup.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define SPAN_MAX 7           /* tokens of a name or a value */
#define COST_NAME 0.2        /* a name said in full */
#define COST_PART 0.3        /* a part of a column's name */
#define COST_PART_MISSING 0.4 /* for each word that was left out */
#define COST_VALUE 0.25
#define COST_VALUE_PART 1.2
#define COST_SYNONYM 0.4
#define COST_UNKNOWN 20
#define COLUMNS_OF_A_WORD 6 /* a word that is in more names than that names none */

struct atom *atom_add(struct question *question, enum atom_kind kind, size_t first, size_t n,
                      double cost)
{
        static _Thread_local struct atom beyond; /* nobody reads it */
        if (question->n_atoms >= ATOMS_MAX)
                return &beyond;
        struct atom *atom = &question->atoms[question->n_atoms++];
        *atom = (struct atom){.kind = kind, .first = first, .n = n, .cost = cost, .index = -1};
        const struct token *last = &question->tokens[first + n - 1];
        size_t length = strlen(last->text);
        atom->plural = last->kind == TOKEN_WORD && length > 2 && last->text[length - 1] == 's' &&
                       !strchr("sui", last->text[length - 2]);
        const struct token *begin = &question->tokens[first];
        size_t begins = strlen(begin->text);
        atom->is_verb = n <= 2 && begin->kind == TOKEN_WORD && begins > 4 &&
                        (strcmp(begin->text + begins - 2, "ed") == 0 ||
                         strcmp(last->text, "bought") == 0 || strcmp(last->text, "buying") == 0 ||
                         strcmp(last->text, "ordering") == 0 || strcmp(last->text, "buys") == 0);
        if (last->kind == TOKEN_WORD &&
            (strcmp(last->text, "people") == 0 || strcmp(last->text, "women") == 0 ||
             strcmp(last->text, "men") == 0 || strcmp(last->text, "children") == 0))
                atom->plural = true;
        return atom;
}

static bool is_joint(const struct token *token)
{
        return token->kind == TOKEN_SIGN &&
               (strcmp(token->text, "-") == 0 || strcmp(token->text, "/") == 0 ||
                strcmp(token->text, ".") == 0);
}

/* The next tokens as stems, up to SPAN_MAX; hyphens between them count for nothing. ends[k] is how
 * many tokens the first k + 1 stems take. */
static size_t stems_at(const struct question *question, size_t i, const char **stems, size_t *ends)
{
        size_t n = 0;
        for (size_t k = i; k < question->n_tokens && n < SPAN_MAX; k++) {
                const struct token *token = &question->tokens[k];
                if (is_joint(token) && n > 0)
                        continue;
                if (token->kind != TOKEN_WORD && token->kind != TOKEN_NUMBER)
                        break;
                stems[n] = token->stem;
                ends[n++] = k - i + 1;
        }
        return n;
}

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
static struct atom *find_same(struct question *question, enum atom_kind kind, size_t first,
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

static void add_column(struct question *question, enum atom_kind kind, size_t first, size_t n,
                       int table, int column, double cost)
{
        const struct column *named = &question->concepts->dataset->tables[table].columns[column];
        struct atom *atom = find_same(question, kind, first, n, named);
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
                cost -= 0.1; /* the owner's word */
        if (phrase->kind == PHRASE_COLUMN || phrase->kind == PHRASE_ENTITY) {
                add_column(question, kinds[phrase->kind], i, n, phrase->refs.at[0].table,
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
                atom->cost += 0.9;
}

static void link_phrases(struct question *question, size_t i, const char **stems,
                         const size_t *ends, size_t n)
{
        const struct concepts *concepts = question->concepts;
        for (size_t p = 0; p < concepts->n_phrases; p++) {
                const struct phrase *phrase = &concepts->phrases[p];
                size_t k = 0;
                if (phrase->n_stems == 0 || phrase->n_stems > n)
                        continue;
                while (k < phrase->n_stems && strcmp(phrase->stems[k], stems[k]) == 0)
                        k++;
                if (k == phrase->n_stems)
                        add_named(question, phrase, i, ends[k - 1]);
        }
}

static bool is_filler(const char *stem)
{
        return strcmp(stem, "of") == 0 || strcmp(stem, "the") == 0 || strcmp(stem, "in") == 0 ||
               strcmp(stem, "a") == 0;
}

/* Words that are in many names and mean something else in a question. */
static bool is_too_common(const char *stem)
{
        static const char *const words[] = {"no",  "not", "per", "by",  "is",   "on",  "at", "to",
                                            "and", "or",  "with", "for", "from", "than", "up",
                                            "as",  "be",  "all"};
        for (size_t w = 0; w < ARRAY_SIZE(words); w++)
                if (strcmp(words[w], stem) == 0)
                        return true;
        return false;
}

/* How many of the column's words are said in the first n stems, all of which must be among them;
 * 0 when one is not. */
static size_t words_said(const struct column_facts *facts, const char *const *stems, size_t n,
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
                        if (s > 0 && s + 1 < n && is_filler(stems[s]))
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

static double cost_of_part(const struct column_facts *facts, size_t said, bool with_last)
{
        size_t n_name = facts->n_words - facts->n_unit;
        if (said == n_name)
                return COST_NAME;
        return COST_PART + COST_PART_MISSING * (double)(n_name - said) + (with_last ? 0 : 0.2);
}

/* True when the dataset's owner gave those words a meaning as a segment or a measure. */
static bool is_owners(const struct question *question, size_t first, size_t n)
{
        for (size_t a = 0; a < question->n_atoms; a++) {
                const struct atom *atom = &question->atoms[a];
                if ((atom->kind == ATOM_SEGMENT || atom->kind == ATOM_MEASURE) &&
                    atom->first == first && atom->n == n)
                        return true;
        }
        return false;
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
        static const char *const words[] = {"day", "days", "week", "weeks", "month", "months",
                                            "quarter", "quarters", "year", "years", "hour",
                                            "hours", "minute", "minutes"};
        for (size_t w = 0; w < ARRAY_SIZE(words); w++)
                if (strcmp(question->tokens[i].text, words[w]) == 0)
                        return true;
        return false;
}

struct part {
        int table, column;
        double cost;
};

/* Columns whose names hold all of the first n stems. */
static void link_columns(struct question *question, size_t i, const char **stems, size_t n,
                         size_t tokens)
{
        const struct concepts *concepts = question->concepts;
        struct part parts[64];
        size_t n_parts = 0;
        double best = 100;
        if (is_filler(stems[0]) || is_filler(stems[n - 1]) ||
            (n == 1 && is_too_common(stems[0])))
                return;
        for (size_t t = 0; t < concepts->dataset->n_tables; t++) {
                for (size_t c = 0; c < concepts->dataset->tables[t].n_columns; c++) {
                        bool with_last = false;
                        const struct column_facts *facts = &concepts->tables[t].columns[c];
                        size_t said = words_said(facts, stems, n, &with_last);
                        if (n == 1 && facts->entity && strcmp(stems[0], facts->entity) == 0)
                                continue; /* the thing, not its number */
                        if (said == 0 || n_parts == ARRAY_SIZE(parts))
                                continue;
                        double cost = cost_of_part(facts, said, with_last);
                        if (!with_last && cost > COST_NAME && is_plural(question, i + tokens - 1))
                                cost += 0.5; /* "properties" are no property types */
                        const char *text = question->tokens[i].text;
                        size_t length = strlen(text);
                        if (n == 1 && facts->is_flag && length > 4 &&
                            strcmp(text + length - 3, "ing") == 0)
                                cost += 1; /* "returning customers" have not returned anything */
                        if (n == 1 && cost > COST_NAME && is_unit_word(question, i))
                                cost += 0.4;
                        parts[n_parts++] = (struct part){(int)t, (int)c, cost};
                        best = cost < best ? cost : best;
                }
        }
        size_t near = 0;
        for (size_t p = 0; p < n_parts; p++)
                near += parts[p].cost <= best + 0.45;
        if (near > COLUMNS_OF_A_WORD * concepts->dataset->n_tables)
                return;
        for (size_t p = 0; p < n_parts; p++)
                if (parts[p].cost <= best + 0.45)
                        add_column(question, ATOM_COLUMN, i, tokens, parts[p].table,
                                   parts[p].column,
                                   parts[p].cost + (is_owners(question, i, tokens) ? 0.4 : 0));
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
static void link_tables(struct question *question, size_t i, const char *stem)
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
                                atom_add(question, ATOM_TABLE, i, 1, 0.5)->index = (int)t;
                }
        }
}

/* Words that stand for each other where the data has only one of them. */
static const char *const synonyms[][7] = {
        {"salary", "pay", "wage", "earnings", "compensation", "earn", "paid"},
        {"salary", "earner", NULL},
        {"hire", "joined", "join", "started", NULL},
        {"birth", "born", NULL},
        {"gender", "sex", NULL},
        {"country", "nation", NULL},
        {"film", "movie", NULL},
        {"customer", "client", "buyer", "shopper", "subscriber", NULL},
        {"employee", "staff", "worker", "person", "colleague", NULL},
        {"passenger", "traveller", "traveler", "person", NULL},
        {"revenue", "sales", "turnover", NULL},
        {"rating", "score", NULL},
        {"duration", "length", "runtime", NULL},
        {"city", "town", NULL},
        {"phone", "telephone", NULL},
        {"population", "inhabitant", "people", "person", NULL},
        {"bathroom", "bath", NULL},
        {"bedroom", "bed", NULL},
        {"department", "division", NULL},
        {"manager", "boss", "supervisor", NULL},
        {"rain", "rainfall", "precipitation", NULL},
        {"snow", "snowfall", NULL},
        {"job", "position", "role", "occupation", NULL},
        {"author", "writer", NULL},
        {"home", "house", "property", NULL},
        {"size", "area", NULL},
        {"fee", "charge", NULL},
        {"weight", "weigh", NULL},
        {"height", "tall", NULL},
        {"price", "cost", "fare", "paid", "pay", NULL},
        {"child", "kid", NULL},
        {"car", "vehicle", NULL},
        {"patient", "person", NULL},
        {"admission", "stay", NULL},
        {"title", "name", NULL},
        {"fuel", "gas", "petrol", NULL},
        {"signup", "joined", "registered", NULL},
        {"sunshine", "sun", NULL},
        {"humidity", "humid", NULL},
        {"temperature", "temp", NULL},
        {"wind", "windy", NULL},
        {"member", "user", NULL},
        {"station", "site", NULL},
        {"state", "province", NULL},
        {"product", "item", "article", NULL},
        {"order", "purchase", NULL},
        {"certificate", "rated", NULL},
        {"diagnosis", "disease", "condition", NULL},
};

static bool has_link(const struct question *question, size_t i)
{
        for (size_t a = 0; a < question->n_atoms; a++) {
                const struct atom *atom = &question->atoms[a];
                if (atom->first <= i && i < atom->first + atom->n)
                        return true;
        }
        return false;
}

static bool has_name_link(const struct question *question, size_t i)
{
        const double good = 0.65;
        for (size_t a = 0; a < question->n_atoms; a++) {
                const struct atom *atom = &question->atoms[a];
                if (atom->kind >= ATOM_TABLE && atom->kind != ATOM_ADJECTIVE && atom->first <= i &&
                    i < atom->first + atom->n && atom->cost <= good)
                        return true;
        }
        return false;
}

/* What add_... added since the atom numbered `from` costs more. */
static void raise_cost(struct question *question, size_t from, double by)
{
        for (size_t a = from; a < question->n_atoms; a++)
                question->atoms[a].cost += by;
}

static void link_word_for(struct question *question, size_t i, const char *word)
{
        const size_t ends[1] = {1};
        const char *stem = stem_of(question->concepts->stemmer, word);
        if (!stem) {
                question->no_memory = true;
                return;
        }
        link_phrases(question, i, &stem, ends, 1);
        link_columns(question, i, &stem, 1, 1);
        link_tables(question, i, stem);
}

static void link_synonyms(struct question *question, size_t i)
{
        const struct token *token = &question->tokens[i];
        size_t from = question->n_atoms;
        if (strcmp(token->text, "rate") == 0 || strcmp(token->text, "rates") == 0)
                return; /* has the stem of "rating" */
        for (size_t s = 0; s < ARRAY_SIZE(synonyms); s++) {
                bool found = false;
                for (size_t w = 0; w < 7 && synonyms[s][w] && !found; w++) {
                        const char *stem =
                                stem_of(question->concepts->stemmer, synonyms[s][w]);
                        found = stem && strcmp(stem, token->stem) == 0;
                }
                for (size_t w = 0; found && w < 7 && synonyms[s][w]; w++)
                        link_word_for(question, i, synonyms[s][w]);
        }
        raise_cost(question, from, COST_SYNONYM);
}

/* "expensive" is about prices. For each adjective the words of columns that it may be about, the
 * likeliest first, and which end is meant. */
struct adjective {
        const char *word;
        enum word kind; /* WORD_SUPER, WORD_COMPARE_OP, WORD_NONE ("expensive" behind "most") */
        bool high;      /* large numbers are what is meant */
        const char *columns[8];
};

#define PRICES                                                                                     \
        {                                                                                          \
                "price", "cost", "fare", "msrp", "fee", "total", "amount", NULL                    \
        }
#define LENGTHS                                                                                    \
        {                                                                                          \
                "duration", "length", "runtime", "los", "tenure", "time", "hours", NULL            \
        }
#define SIZES                                                                                      \
        {                                                                                          \
                "size", "area", "population", "volume", "total", "amount", NULL                    \
        }

static const struct adjective adjectives[] = {
        {"expensive", WORD_NONE, true, PRICES},
        {"priciest", WORD_SUPER, true, PRICES},
        {"costliest", WORD_SUPER, true, PRICES},
        {"dearest", WORD_SUPER, true, PRICES},
        {"cheapest", WORD_SUPER, false, PRICES},
        {"cheaper", WORD_COMPARE_OP, false, PRICES},
        {"costing", WORD_NONE, true, PRICES},
        {"priced", WORD_NONE, true, PRICES},
        {"pricier", WORD_COMPARE_OP, true, PRICES},
        {"oldest", WORD_SUPER, true, {"age", NULL}},
        {"older", WORD_COMPARE_OP, true, {"age", NULL}},
        {"youngest", WORD_SUPER, false, {"age", NULL}},
        {"younger", WORD_COMPARE_OP, false, {"age", NULL}},
        {"old", WORD_NONE, true, {"age", NULL}},
        {"oldest", WORD_SUPER, false, {"birth", "year", "built", "founded", NULL}},
        {"youngest", WORD_SUPER, true, {"birth", NULL}},
        {"newest", WORD_SUPER, true, {"year", "built", "founded", NULL}},
        {"tallest", WORD_SUPER, true, {"height", "elevation", NULL}},
        {"taller", WORD_COMPARE_OP, true, {"height", NULL}},
        {"tall", WORD_NONE, true, {"height", NULL}},
        {"heaviest", WORD_SUPER, true, {"weight", NULL}},
        {"heavier", WORD_COMPARE_OP, true, {"weight", NULL}},
        {"heavy", WORD_NONE, true, {"weight", NULL}},
        {"lightest", WORD_SUPER, false, {"weight", NULL}},
        {"lighter", WORD_COMPARE_OP, false, {"weight", NULL}},
        {"longest", WORD_SUPER, true, LENGTHS},
        {"longer", WORD_COMPARE_OP, true, LENGTHS},
        {"long", WORD_NONE, true, LENGTHS},
        {"lasting", WORD_NONE, true, LENGTHS},
        {"shortest", WORD_SUPER, false, LENGTHS},
        {"shorter", WORD_COMPARE_OP, false, LENGTHS},
        {"fastest", WORD_SUPER, true, {"speed", NULL}},
        {"faster", WORD_COMPARE_OP, true, {"speed", NULL}},
        {"fastest", WORD_SUPER, false, {"duration", "time", NULL}},
        {"slowest", WORD_SUPER, true, {"duration", "time", NULL}},
        {"slowest", WORD_SUPER, false, {"speed", NULL}},
        {"hottest", WORD_SUPER, true, {"temperature", NULL}},
        {"warmest", WORD_SUPER, true, {"temperature", NULL}},
        {"hotter", WORD_COMPARE_OP, true, {"temperature", NULL}},
        {"warmer", WORD_COMPARE_OP, true, {"temperature", NULL}},
        {"hot", WORD_NONE, true, {"temperature", NULL}},
        {"coldest", WORD_SUPER, false, {"temperature", NULL}},
        {"colder", WORD_COMPARE_OP, false, {"temperature", NULL}},
        {"cooler", WORD_COMPARE_OP, false, {"temperature", NULL}},
        {"cold", WORD_NONE, false, {"temperature", NULL}},
        {"wettest", WORD_SUPER, true, {"rain", "precipitation", "humidity", NULL}},
        {"driest", WORD_SUPER, false, {"rain", "precipitation", "humidity", NULL}},
        {"rainiest", WORD_SUPER, true, {"rain", "precipitation", NULL}},
        {"snowiest", WORD_SUPER, true, {"snow", NULL}},
        {"windiest", WORD_SUPER, true, {"wind", NULL}},
        {"sunniest", WORD_SUPER, true, {"sunshine", NULL}},
        {"humid", WORD_NONE, true, {"humidity", NULL}},
        {"largest", WORD_SUPER, true, SIZES},
        {"biggest", WORD_SUPER, true, SIZES},
        {"larger", WORD_COMPARE_OP, true, SIZES},
        {"bigger", WORD_COMPARE_OP, true, SIZES},
        {"smallest", WORD_SUPER, false, SIZES},
        {"smaller", WORD_COMPARE_OP, false, SIZES},
        {"populous", WORD_NONE, true, {"population", NULL}},
        {"populated", WORD_NONE, true, {"population", NULL}},
        {"dense", WORD_NONE, true, {"density", NULL}},
        {"densely populated", WORD_NONE, true, {"density", NULL}},
        {"richest", WORD_SUPER, true, {"gdp", "wealth", "income", NULL}},
        {"poorest", WORD_SUPER, false, {"gdp", "wealth", "income", NULL}},
        {"profitable", WORD_NONE, true, {"profit", NULL}},
        {"rated", WORD_NONE, true, {"rating", "score", "stars", NULL}},
        {"rating", WORD_NONE, true, {"rating", NULL}},
        {"paid", WORD_NONE, true, {"salary", "wage", "pay", NULL}},
        {"earning", WORD_NONE, true, {"salary", "wage", "income", NULL}},
        {"grossing", WORD_NONE, true, {"gross", NULL}},
        {"scoring", WORD_NONE, true, {"score", "points", NULL}},
        {"voted", WORD_NONE, true, {"votes", NULL}},
        {"selling", WORD_NONE, true, {"sold", "quantity", "sales", NULL}},
        {"powerful", WORD_NONE, true, {"horsepower", "power", NULL}},
        {"experienced", WORD_NONE, true, {"experience", NULL}},
        {"efficient", WORD_NONE, true, {"mpg", "efficiency", NULL}},
        {"borrowed", WORD_NONE, true, {"loans", NULL}},
        {"spacious", WORD_NONE, true, {"area", "size", NULL}},
        {"satisfied", WORD_NONE, true, {"satisfaction", NULL}},
        {"happy", WORD_NONE, true, {"satisfaction", "csat", "rating", NULL}},
        {"happiest", WORD_SUPER, true, {"satisfaction", "csat", "rating", NULL}},
        {"unhappiest", WORD_SUPER, false, {"satisfaction", "csat", "rating", NULL}},
        {"warm", WORD_NONE, true, {"temperature", NULL}},
        {"windy", WORD_NONE, true, {"wind", NULL}},
        {"big", WORD_NONE, true, SIZES},
        {"large", WORD_NONE, true, SIZES},
        {"far", WORD_NONE, true, {"distance", "commute", NULL}},
        {"fast", WORD_NONE, true, {"speed", NULL}},
};

/* "Sale Price" of home_sales is the price of a sale. */
static bool shares_table_word(struct question *question, int table,
                              const struct column_facts *facts)
{
        const char *words[PHRASE_WORDS_MAX];
        size_t unit;
        size_t n = name_words(question->arena, question->concepts->dataset->tables[table].name,
                              words, PHRASE_WORDS_MAX, &unit);
        for (size_t w = 0; w < n; w++) {
                const char *stem = stem_of(question->concepts->stemmer, words[w]);
                for (size_t k = 0; stem && k < facts->n_words; k++)
                        if (strcmp(stem, facts->words[k]) == 0)
                                return true;
        }
        return false;
}

/* Columns with the word in their name; those of the cheapest cost. */
static size_t link_adjective_word(struct question *question, size_t i, size_t n,
                                  const struct adjective *adjective, const char *word)
{
        const struct concepts *concepts = question->concepts;
        const char *stem = stem_of(concepts->stemmer, word);
        size_t before = question->n_atoms;
        for (size_t t = 0; stem && t < concepts->dataset->n_tables; t++) {
                for (size_t c = 0; c < concepts->dataset->tables[t].n_columns; c++) {
                        bool with_last = false;
                        const struct column_facts *facts = &concepts->tables[t].columns[c];
                        bool may = facts->is_number || facts->is_moment;
                        if (!may || facts->is_id ||
                            words_said(facts, &stem, 1, &with_last) == 0)
                                continue;
                        double cost = 0.1 + cost_of_part(facts, 1, with_last) -
                                      (shares_table_word(question, (int)t, facts) ? 0.3 : 0);
                        struct atom *atom = find_same(question, ATOM_ADJECTIVE, i, n,
                                                      facts->column);
                        if (!atom || atom < question->atoms + before)
                                atom = atom_add(question, ATOM_ADJECTIVE, i, n, cost);
                        refs_add(&atom->refs, (int)t, (int)c);
                        atom->word = adjective->kind;
                        atom->arg = adjective->high;
                        if (adjective->kind == WORD_COMPARE_OP)
                                atom->arg = adjective->high ? FILTER_GT : FILTER_LT;
                }
        }
        return question->n_atoms - before;
}

static void link_adjectives(struct question *question, size_t i)
{
        for (size_t a = 0; a < ARRAY_SIZE(adjectives); a++) {
                const struct adjective *adjective = &adjectives[a];
                const char *second = strchr(adjective->word, ' ');
                size_t n = second ? 2 : 1;
                if (question->tokens[i].kind != TOKEN_WORD || i + n > question->n_tokens)
                        continue;
                size_t length = second ? (size_t)(second - adjective->word)
                                       : strlen(adjective->word);
                if (strlen(question->tokens[i].text) != length ||
                    memcmp(question->tokens[i].text, adjective->word, length) != 0 ||
                    (second && strcmp(question->tokens[i + 1].text, second + 1) != 0))
                        continue;
                double more = 0;
                for (size_t w = 0; w < 8 && adjective->columns[w]; w++) {
                        size_t from = question->n_atoms;
                        if (link_adjective_word(question, i, n, adjective,
                                                adjective->columns[w]) == 0)
                                continue;
                        raise_cost(question, from, more);
                        more += 0.5;
                        if (question->concepts->dataset->n_tables == 1)
                                break;
                }
        }
}

/* "length of stay" is LOS. */
static void link_initials(struct question *question, size_t i)
{
        const struct concepts *concepts = question->concepts;
        char initials[6];
        for (size_t n = 1; n <= 5 && i + n <= question->n_tokens; n++) {
                const struct token *token = &question->tokens[i + n - 1];
                if (token->kind != TOKEN_WORD)
                        return;
                initials[n - 1] = token->text[0];
                initials[n] = '\0';
                for (size_t t = 0; n >= 3 && t < concepts->dataset->n_tables; t++)
                        for (size_t c = 0; c < concepts->dataset->tables[t].n_columns; c++) {
                                const struct column_facts *facts = &concepts->tables[t].columns[c];
                                if (facts->n_words - facts->n_unit == 1 &&
                                    strcmp(facts->words[0], initials) == 0)
                                        add_column(question, ATOM_COLUMN, i, n, (int)t, (int)c,
                                                   COST_NAME + 0.2);
                        }
        }
}

/* "survivor" of Survived, "directed" of director: one is how the other begins. "signed up" of
 * signup. */
static bool is_derived(const char *word, const char *of_name)
{
        size_t n = strlen(word);
        size_t m = strlen(of_name);
        size_t least = n < m ? n : m;
        return least >= 6 && n != m && (n > m ? n - m : m - n) <= 3 &&
               strncmp(word, of_name, least) == 0;
}

static void link_derived(struct question *question, size_t i)
{
        const struct concepts *concepts = question->concepts;
        const struct token *token = &question->tokens[i];
        char joined[2 * WORD_BYTES_MAX] = "";
        if (token->kind != TOKEN_WORD)
                return;
        if (i + 1 < question->n_tokens && question->tokens[i + 1].kind == TOKEN_WORD &&
            strlen(question->tokens[i + 1].text) <= 4)
                (void)snprintf(joined, sizeof(joined), "%s%s", token->stem,
                               question->tokens[i + 1].text);
        for (size_t t = 0; t < concepts->dataset->n_tables; t++)
                for (size_t c = 0; c < concepts->dataset->tables[t].n_columns; c++) {
                        const struct column_facts *facts = &concepts->tables[t].columns[c];
                        for (size_t w = 0; w < facts->n_words - facts->n_unit; w++) {
                                double more = 0.3 * (double)(facts->n_words - facts->n_unit - 1);
                                if (is_derived(token->stem, facts->words[w]))
                                        add_column(question, ATOM_COLUMN, i, 1, (int)t, (int)c,
                                                   0.7 + more);
                                if (*joined && strcmp(joined, facts->words[w]) == 0)
                                        add_column(question, ATOM_COLUMN, i, 2, (int)t, (int)c,
                                                   0.4 + more);
                        }
                }
}

static bool column_says(const struct column_facts *facts, const char *const *stems)
{
        for (; *stems; stems++)
                for (size_t w = 0; w < facts->n_words; w++)
                        if (strcmp(facts->words[w], *stems) == 0)
                                return true;
        return false;
}

/* "where is X": the column that says a place. */
static void link_where(struct question *question, size_t i)
{
        static const char *const places[] = {"locat", "place", "site", "address", "citi", "room",
                                             "venu", "offic", "country", "countri", "region",
                                             NULL};
        const struct concepts *concepts = question->concepts;
        if (i > 0 || strcmp(question->tokens[i].text, "where") != 0)
                return;
        for (const char *const *place = places; *place; place++) {
                const char *const one[] = {*place, NULL};
                size_t before = question->n_atoms;
                for (size_t t = 0; t < concepts->dataset->n_tables; t++)
                        for (size_t c = 0; c < concepts->dataset->tables[t].n_columns; c++)
                                if (column_says(&concepts->tables[t].columns[c], one) &&
                                    concepts->tables[t].columns[c].column->kind == COLUMN_TEXT)
                                        add_column(question, ATOM_COLUMN, i, 1, (int)t, (int)c,
                                                   0.1);
                if (question->n_atoms > before)
                        return;
        }
}

/* "women" is a value of a column of sexes, however it is spelled there. */
static void link_gender(struct question *question, size_t i)
{
        static const char *const columns[] = {"sex", "gender", NULL};
        static const char *const women[] = {"women", "woman", "female", "females", "ladies",
                                            "girls", "f", "w", NULL};
        static const char *const men[] = {"men", "man", "male", "males", "guys", "boys", "gentlemen",
                                          "m", NULL};
        const struct concepts *concepts = question->concepts;
        const char *const *group = NULL;
        for (size_t k = 0; women[k] && strlen(women[k]) > 1; k++)
                if (strcmp(question->tokens[i].text, women[k]) == 0)
                        group = women;
        for (size_t k = 0; men[k] && strlen(men[k]) > 1; k++)
                if (strcmp(question->tokens[i].text, men[k]) == 0)
                        group = men;
        for (size_t t = 0; group && t < concepts->dataset->n_tables; t++)
                for (size_t c = 0; c < concepts->dataset->tables[t].n_columns; c++) {
                        const struct column_facts *facts = &concepts->tables[t].columns[c];
                        if (!facts->values || !column_says(facts, columns))
                                continue;
                        for (size_t v = 0; v < facts->values->n_values; v++) {
                                char folded[32];
                                (void)fold_text(facts->values->values[v], folded, sizeof(folded));
                                for (size_t k = 0; group[k]; k++)
                                        if (strcmp(folded, group[k]) == 0) {
                                                struct atom *atom = atom_add(question, ATOM_VALUE,
                                                                             i, 1, 0.3);
                                                refs_add(&atom->refs, (int)t, (int)c);
                                                atom->values[0] = facts->values->values[v];
                                                atom->n_values = 1;
                                                break;
                                        }
                        }
                }
}

static bool is_money(const struct column_facts *facts)
{
        const char *unit = facts->column->unit;
        if (unit && (strcmp(unit, "USD") == 0 || strcmp(unit, "EUR") == 0))
                return true;
        for (size_t w = facts->n_words - facts->n_unit; w < facts->n_words; w++)
                if (strcmp(facts->words[w], "usd") == 0 || strcmp(facts->words[w], "eur") == 0)
                        return true;
        return false;
}

/* "the value of the orders", where one column of theirs is money. */
static void link_money(struct question *question, size_t i)
{
        static const char *const words[] = {"value", "worth", "money", "amount"};
        const struct concepts *concepts = question->concepts;
        bool said = false;
        for (size_t w = 0; w < ARRAY_SIZE(words); w++)
                said = said || strcmp(question->tokens[i].text, words[w]) == 0;
        for (size_t t = 0; said && t < concepts->dataset->n_tables; t++) {
                int found = -1;
                for (size_t c = 0; c < concepts->dataset->tables[t].n_columns; c++)
                        if (is_money(&concepts->tables[t].columns[c]))
                                found = found == -1 ? (int)c : -2;
                if (found >= 0)
                        add_column(question, ATOM_COLUMN, i, 1, (int)t, found, 0.6);
        }
}

/* "opened", where a time is described as "When the ticket was opened". */
static void link_description(struct question *question, size_t i)
{
        const struct concepts *concepts = question->concepts;
        const char *word = question->tokens[i].text;
        size_t n = strlen(word);
        if (question->tokens[i].kind != TOKEN_WORD || n < 5 || strcmp(word + n - 2, "ed") != 0)
                return;
        for (size_t t = 0; t < concepts->dataset->n_tables; t++)
                for (size_t c = 0; c < concepts->dataset->tables[t].n_columns; c++) {
                        const struct column_facts *facts = &concepts->tables[t].columns[c];
                        const char *text = facts->column->description;
                        const char *at = text && facts->is_moment ? strcasestr(text, word) : NULL;
                        if (at && (at == text || at[-1] == ' ') && !strchr("abcdefghijklmnopqrstuvwxyz_", at[n] ? at[n] : '_'))
                                add_column(question, ATOM_COLUMN, i, 1, (int)t, (int)c, 0.35);
                }
}

/* A unit behind a number, as some column has it: "85 km/h". */
static void link_unit(struct question *question, size_t i)
{
        const struct concepts *concepts = question->concepts;
        const struct token *token = &question->tokens[i];
        size_t at = i;
        while (at > 0 && question->tokens[at].kind != TOKEN_NUMBER && i - at < 4)
                at--;
        if (token->kind != TOKEN_WORD || question->tokens[at].kind != TOKEN_NUMBER || at == i)
                return;
        for (size_t t = 0; t < concepts->dataset->n_tables; t++)
                for (size_t c = 0; c < concepts->dataset->tables[t].n_columns; c++) {
                        const struct column_facts *facts = &concepts->tables[t].columns[c];
                        bool meets = facts->column->unit &&
                                     strcasestr(facts->column->unit, token->text);
                        for (size_t w = facts->n_words - facts->n_unit; w < facts->n_words; w++)
                                meets = meets || strcmp(facts->words[w], token->stem) == 0;
                        if (!meets)
                                continue;
                        atom_add(question, ATOM_LIGHT, i, 1, 0.55)->arg = UNIT_OF_COLUMN;
                        return;
                }
}

/* "class" is in "Pclass". */
static void link_compound(struct question *question, size_t i)
{
        const struct concepts *concepts = question->concepts;
        const struct token *token = &question->tokens[i];
        size_t n = strlen(token->stem);
        if (token->kind != TOKEN_WORD || n < 4)
                return;
        for (size_t t = 0; t < concepts->dataset->n_tables; t++)
                for (size_t c = 0; c < concepts->dataset->tables[t].n_columns; c++) {
                        const struct column_facts *facts = &concepts->tables[t].columns[c];
                        size_t length = facts->n_words == 1 ? strlen(facts->words[0]) : 0;
                        if (length > n && length <= n + 2 &&
                            strcmp(facts->words[0] + length - n, token->stem) == 0)
                                add_column(question, ATOM_COLUMN, i, 1, (int)t, (int)c, 0.6);
                }
}

/* "name" is the column that names the rows. */
static void link_label(struct question *question, size_t i)
{
        const struct concepts *concepts = question->concepts;
        const struct token *token = &question->tokens[i];
        if (token->kind != TOKEN_WORD ||
            (strcmp(token->text, "name") != 0 && strcmp(token->text, "names") != 0))
                return;
        for (size_t t = 0; t < concepts->dataset->n_tables; t++)
                if (concepts->tables[t].label >= 0 &&
                    !concepts->tables[t].columns[concepts->tables[t].label].is_id)
                        add_column(question, ATOM_COLUMN, i, 1, (int)t, concepts->tables[t].label,
                                   0.25);
}

static void link_number(struct question *question, size_t i)
{
        const struct token *token = &question->tokens[i];
        static const struct {
                const char *word;
                const char *digits;
        } words[] = {
                {"one", "1"},  {"two", "2"},    {"three", "3"},  {"four", "4"},   {"five", "5"},
                {"six", "6"},  {"seven", "7"},  {"eight", "8"},  {"nine", "9"},   {"ten", "10"},
                {"eleven", "11"}, {"twelve", "12"}, {"fifteen", "15"}, {"twenty", "20"},
                {"thirty", "30"}, {"first", "1"}, {"fifty", "50"}, {"hundred", "100"}, {"third", "3"},
                {"second", "2"}, {"half", "0.5"}, {"dozen", "12"}, {"forty", "40"},
        };
        if (token->kind == TOKEN_NUMBER) {
                struct atom *atom = atom_add(question, ATOM_NUMBER, i, 1, 0.2);
                atom->number = token->number;
                atom->digits = token->text;
                atom->percent = token->percent;
                atom->money = token->money;
                atom->ordinal = token->ordinal;
        }
        for (size_t w = 0; token->kind == TOKEN_WORD && w < ARRAY_SIZE(words); w++) {
                if (strcmp(token->text, words[w].word) != 0)
                        continue;
                struct atom *atom = atom_add(question, ATOM_NUMBER, i, 1, 0.4);
                atom->number = strtod(words[w].digits, NULL);
                atom->digits = words[w].digits;
                atom->cost = strcmp(token->text, "first") == 0 ? 0.9 : 0.4;
                atom->ordinal = strcmp(token->text, "third") == 0 ||
                                strcmp(token->text, "first") == 0 ||
                                strcmp(token->text, "second") == 0;
        }
}

static bool is_pattern_word(const struct question *question, size_t i)
{
        static const char *const words[] = {"contain",  "contains",  "containing", "with",
                                            "starts",   "start",     "starting",   "begins",
                                            "begin",    "beginning", "ends",       "end",
                                            "ending",   "in",        "named",      "called",
                                            "includes", "include",   "letter",     "letters",
                                            "word",     "mention",   "mentions",   "titled",
                                            "mentioning", "text",    "prefix"};
        const struct token *token = &question->tokens[i];
        for (size_t w = 0; w < ARRAY_SIZE(words); w++)
                if (token->kind == TOKEN_WORD && strcmp(token->text, words[w]) == 0)
                        return true;
        return false;
}

static bool begins_pattern(const struct question *question, size_t i)
{
        static const char *const words[] = {"contain", "start", "begin", "end", "mention",
                                            "letter", "includ", "word"};
        static const char *const exact[] = {"named", "called", "titled"};
        for (size_t back = 1; back <= 4 && back <= i; back++) {
                const struct token *token = &question->tokens[i - back];
                for (size_t w = 0; w < ARRAY_SIZE(words); w++)
                        if (token->kind == TOKEN_WORD && strcmp(token->stem, words[w]) == 0)
                                return true;
                for (size_t w = 0; w < ARRAY_SIZE(exact); w++)
                        if (token->kind == TOKEN_WORD && strcmp(token->text, exact[w]) == 0)
                                return true;
                if (!is_pattern_word(question, i - back) && strcmp(token->text, "the") != 0 &&
                    strcmp(token->text, "a") != 0)
                        return false;
        }
        return false;
}

/* What is looked for: a text in quotes anywhere, a word behind "starts with". */
static void link_text(struct question *question, size_t i)
{
        const struct token *token = &question->tokens[i];
        if (token->kind == TOKEN_QUOTED)
                atom_add(question, ATOM_TEXT, i, 1, 0.3)->text = token->said;
        else if ((token->kind == TOKEN_WORD || token->kind == TOKEN_NUMBER) && i > 0 &&
                 begins_pattern(question, i) && !is_pattern_word(question, i) &&
                 !(is_filler(token->text) || strcmp(token->text, "at") == 0)) {
                atom_add(question, ATOM_TEXT, i, 1, 0.6)->text = token->said;
                if (i + 1 < question->n_tokens && question->tokens[i + 1].capital) {
                        const char *both = arena_printf(question->arena, "%s %s", token->said,
                                                        question->tokens[i + 1].said);
                        if (!both)
                                question->no_memory = true;
                        atom_add(question, ATOM_TEXT, i, 2, 0.5)->text = both;
                }
        }
}

static void link_unknown(struct question *question, size_t i)
{
        const struct token *token = &question->tokens[i];
        double cost = token->kind == TOKEN_SIGN ? 0.5 : COST_UNKNOWN;
        if (token->kind == TOKEN_SIGN && !has_link(question, i))
                atom_add(question, ATOM_LIGHT, i, 1, cost);
        atom_add(question, ATOM_UNKNOWN, i, 1, COST_UNKNOWN);
}

int question_link(struct question *question, struct error *err)
{
        for (size_t i = 0; i < question->n_tokens; i++) {
                const char *stems[SPAN_MAX];
                size_t ends[SPAN_MAX];
                size_t n = stems_at(question, i, stems, ends);
                link_phrases(question, i, stems, ends, n);
                if (question->tokens[i].kind == TOKEN_WORD)
                        for (size_t k = 1; k <= n && k <= 5; k++)
                                link_columns(question, i, stems, k, ends[k - 1]);
                if (n > 0)
                        link_tables(question, i, stems[0]);
                link_initials(question, i);
                link_compound(question, i);
                link_label(question, i);
                link_where(question, i);
                link_gender(question, i);
                link_unit(question, i);
                link_description(question, i);
                link_money(question, i);
                grammar_link(question, i);
                time_link(question, i);
                link_number(question, i);
                link_text(question, i);
                link_adjectives(question, i);
        }
        values_link(question);
        for (size_t i = 0; i < question->n_tokens; i++)
                if (question->tokens[i].kind == TOKEN_WORD && !has_name_link(question, i)) {
                        link_synonyms(question, i);
                        link_derived(question, i);
                }
        values_link_parts(question);
        for (size_t i = 0; i < question->n_tokens; i++)
                link_unknown(question, i);
        return question->no_memory || question->n_atoms >= ATOMS_MAX ? error_oom(err) : 0;
}
